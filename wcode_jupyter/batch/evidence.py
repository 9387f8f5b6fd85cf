"""Findings of a run: its answers sorted by row and condition for `findings`.

A condition is a model with its swept values (prompts are one of these). `sample`, `model` and each swept name are the
factors that answers can be compared between; what else differs makes groups. Where a factor other than the sample is
compared, a row's label is the commonest of its samples, ties by the earliest.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct

from ..errors import InputError
from ..findings import agreement as _agreement
from ..findings import calibration as _calibration
from ..findings import comparison as _comparison
from ..findings import conflicts as _conflicts
from ..findings import estimation as _estimation
from ..findings import spread as _spread
from ..findings import validation as _validation
from ..findings.finding import Finding
from ..labels.labels import Labels, Placed
from ..labels.rows import RowOf, key_of
from ..language import _
from ..reply import Reply
from ..statistics.agreement import Level
from ..statistics.intervals import Failed
from ..statistics.values import label, number
from ..statistics.variance import Observation
from .fields import FieldValue, is_structured
from .plan import Job, plain

__all__ = ["Evidence", "Truth", "order_of", "row_of", "schema_of", "span_of"]

Truth = str | Labels | Mapping[Hashable, object] | Sequence[object]
"""Name of a column of the rows; human labels; labels by row key; or a label for each row in order."""
SAMPLE, MODEL = "sample", "model"


class Evidence(Struct, frozen=True):
    """One field of all answers of a run."""

    answers: Sequence[FieldValue]
    order: Sequence[object] | None
    factors: tuple[str, ...]
    """Names of what differs between answers of one row, the sample last."""
    field: str = ""
    """Its name; empty for the only one there is."""
    span: tuple[float, float] | None = None
    """The lowest and the highest number that the schema allows."""

    @classmethod
    def of(
        cls,
        answers: Sequence[FieldValue],
        order: Sequence[object] | None,
        field: str = "",
        span: tuple[float, float] | None = None,
    ) -> Evidence:
        """Of one field's answers; `order` and `span` of its values as the schema declares them, None where not."""
        jobs = [answer.job for answer in answers]
        names = dict.fromkeys(name for job in jobs for name in job.values)
        found = [name for name in (MODEL, *names) if len({repr(_level(job, name)) for job in jobs}) > 1]
        return cls(answers, order, (*found, *([SAMPLE] if any(job.sample for job in jobs) else [])), field, span)

    # -- what is there ------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> dict[int, Job]:
        """A job of each row, in the order of the rows."""
        found: dict[int, Job] = {}
        for answer in self.answers:
            found.setdefault(answer.job.row, answer.job)
        return dict(sorted(found.items()))

    def _conditions(self, without: str = SAMPLE) -> dict[str, list[FieldValue]]:
        """The answers by everything that differs but `without` and the sample."""
        names = [name for name in self.factors if name not in (SAMPLE, without)]
        found: dict[str, list[FieldValue]] = {}
        for answer in self.answers:
            found.setdefault(_name(answer.job, names), []).append(answer)
        return found

    def _require(self, factor: str) -> None:
        if factor not in self.factors:
            known = ", ".join(self.factors)
            raise InputError(
                _("The answers do not differ in {name}").format(name=factor),
                hint=_("They differ in: {names}.").format(names=known)
                if known
                else _("Repeat the run, or add a model."),
            )

    # -- findings -----------------------------------------------------------------------------------------------------

    def agreement(self, between: str | None, level: Level) -> Finding:
        """Between the levels of one factor; by default of the last that differs: samples before swept values."""
        factor = between or (self.factors[-1] if self.factors else SAMPLE)
        self._require(factor)
        groups = {name or _all(): _table(found, factor)[1] for name, found in self._conditions(factor).items()}
        return _agreement.agreement(groups, level=level, order=self.order)

    def validate(self, truth: Truth, failed: Failed) -> Finding:
        """Each condition against the truth, a row by the commonest answer of its samples."""
        rows = self.rows
        true = self.truth(truth)
        found = {
            name or _all(): [_commonest(by_row.get(row, ())) for row in rows] for name, by_row in self._by_row().items()
        }
        return self._with_notes(_validation.validate(found, true, order=self.order, failed=failed), truth)

    def _by_row(self, factor: str = SAMPLE) -> dict[str, dict[int, list[FieldValue]]]:
        found: dict[str, dict[int, list[FieldValue]]] = {}
        for name, answers in self._conditions(factor).items():
            rows = found.setdefault(name, {})
            for answer in answers:
                rows.setdefault(answer.job.row, []).append(answer)
        return found

    def compare(self, factor: str, truth: Truth | None, value: object, failed: Failed, detect: float) -> Finding:
        """The levels of a factor, by what is right, by the share of `value`, or by the numbers of the field."""
        self._require(factor)
        score = self._scorer(truth, value)
        names = [name for name in self.factors if name not in (SAMPLE, factor)]
        # One row may be asked under several other conditions: these are samples of the row, not rows.
        rows = self.rows
        levels = dict.fromkeys(str(_level(answer.job, factor)) for answer in self.answers)
        scores: dict[str, dict[int, list[float]]] = {name: {row: [] for row in rows} for name in levels}
        for answer in self.answers:
            found = score(answer, failed)
            if found is not None:
                scores[str(_level(answer.job, factor))][answer.job.row].append(found)
        span = self.span if truth is None and value is None else None
        by_level = {name: list(found.values()) for name, found in scores.items()}
        result = _comparison.compare(by_level, detect=detect, span=span)
        result = result if truth is None else self._with_notes(result, truth)
        return result if not names else _noted(result, _("Averaged over {names}.").format(names=", ".join(names)))

    def _scorer(self, truth: Truth | None, value: object) -> _Scorer:
        if truth is not None:
            return _Scorer(dict(zip(self.rows, map(label, self.truth(truth)), strict=True)), None)
        return _Scorer(None, None if value is None else label(value))

    def estimate(self, value: object, labels: Truth, probability: float | Truth | None, beyond: bool) -> Finding:
        """Share of `value`, or mean, over all rows; each condition apart is a choice of the caller's."""
        conditions = self._by_row()
        if len(conditions) > 1:
            raise InputError(
                _("An estimate is made of one condition; the answers differ in {names}").format(
                    names=", ".join(name for name in self.factors if name != SAMPLE)
                ),
                hint=_('Choose one with where: results.where(model="…") or another factor.'),
            )
        (by_row,) = conditions.values()
        chances: float | list[float | None]
        if probability is None and isinstance(labels, Labels):
            chances = self.placed(labels).chances()
        elif probability is None:
            raise InputError(
                _("The chance of each row to be in the human sample is not known"),
                hint=_("Pass probability=: labelled rows / all rows for a sample drawn at random."),
            )
        elif isinstance(probability, (int, float)):
            chances = probability
        else:
            chances = [number(p) for p in self.truth(probability)]
        model = [_commonest(by_row.get(row, ())) for row in self.rows]
        found = _estimation.estimate(model, self.truth(labels), chances, value=value, beyond=beyond)
        return self._with_notes(found, labels)

    def calibration(self, truth: Truth, bins: int) -> Finding:
        """Stated probabilities of the labels: the share of the samples, or of one text its log probabilities."""
        true = dict(zip(self.rows, map(label, self.truth(truth)), strict=True))
        stated, right = [], []
        for by_row in self._by_row().values():
            for row, answers in by_row.items():
                found = self._stated(answers)
                if found is not None and true[row] is not None:
                    stated.append(found[1])
                    right.append(found[0] == true[row])
        if not stated:
            raise InputError(
                _("The answers state no probabilities"),
                hint=_("Repeat each row, or ask for log probabilities."),
            )
        return self._with_notes(_calibration.calibration(stated, right, bins=bins), truth)

    @staticmethod
    def _stated(answers: Sequence[FieldValue]) -> tuple[Hashable, float] | None:
        given = [answer.label for answer in answers if answer.label is not None]
        if not given:
            return None
        common = max(dict.fromkeys(given), key=given.count)
        if len(given) > 1:
            return common, given.count(common) / len(given)
        probability = answers[0].probability if len(answers) == 1 else None
        return None if probability is None else (common, probability)

    def commonest(self) -> list[object]:
        """For each row the commonest of all its answers, None where it has none."""
        by_row: dict[int, list[FieldValue]] = {row: [] for row in self.rows}
        for answer in self.answers:
            by_row[answer.job.row].append(answer)
        return [_commonest(found) for found in by_row.values()]

    def disagreements(self, between: str | None) -> Finding:
        """Rows on which the levels of a factor (all answers, by default) differ, answers side by side."""
        if between is not None:
            self._require(between)
            raters, table = _table(self.answers, between, given=True)
            keys = [job.key for job in self.rows.values()]
            return _conflicts.conflicts(keys, table, raters)
        keys, table, raters = self._all_answers()
        return _conflicts.conflicts(keys, table, raters)

    def _all_answers(self) -> tuple[list[Hashable], list[list[object]], list[str]]:
        raters = list(dict.fromkeys(_rater(answer.job, self.factors) for answer in self.answers))
        places = {name: place for place, name in enumerate(raters)}
        table: dict[int, list[object]] = {row: [None] * len(raters) for row in self.rows}
        for answer in self.answers:
            table[answer.job.row][places[_rater(answer.job, self.factors)]] = answer.value
        return [job.key for job in self.rows.values()], list(table.values()), raters

    def uncertain(self, count: int) -> list[int]:
        """The rows to look at first: by entropy over all answers, or by log probability where there is one each."""
        doubts: dict[int, float] = {}
        rows: dict[int, list[FieldValue]] = {}
        for answer in self.answers:
            rows.setdefault(answer.job.row, []).append(answer)
        for row, found in rows.items():
            if len(found) > 1:
                doubts[row] = _conflicts.entropy_of([answer.value for answer in found])
            elif found[0].probability is not None:
                doubts[row] = 1 - found[0].probability
        if not doubts:
            raise InputError(
                _("The answers contain no confidence"), hint=_("Repeat each row, or ask for log probabilities.")
            )
        return sorted(doubts, key=lambda row: (-doubts[row], row))[:count]

    def variance(self) -> Finding:
        """Shares of rows, factors and samples in the variance of the field."""
        names = [name for name in self.factors if name != SAMPLE]
        cells = [
            Observation(answer.job.row, tuple(str(_level(answer.job, name)) for name in names), answer.label)
            for answer in self.answers
        ]
        return _spread.spread(cells, names)

    # -- truth --------------------------------------------------------------------------------------------------------

    def truth(self, given: Truth) -> list[object]:
        """A label for each row. Raises InputError: no such column, other rows, keys that are there twice."""
        if isinstance(given, Labels):
            return list(self.placed(given).values)
        rows = list(self.rows.values())
        if isinstance(given, str):
            if not any(given in job.columns for job in rows):
                raise InputError(_("The rows have no column {name}").format(name=given))
            return [job.columns.get(given) for job in rows]
        by_key = _by_key(given, rows)
        if by_key is not None:
            keys = [job.key for job in rows]
            if len(set(keys)) < len(keys):
                raise InputError(
                    _("Several rows have the same key: labels by key cannot be told apart"),
                    hint=_("Pass key= with a column that differs, or labels in the order of the rows."),
                )
            if not by_key.keys() & set(keys):
                raise InputError(
                    _("No label belongs to a row of this run"), hint=_("Labels are found by the rows' keys.")
                )
            return [by_key.get(key) for key in keys]
        values = list(given)
        if len(values) != len(rows):
            raise InputError(
                _("{labels} labels for {rows} rows").format(labels=len(values), rows=len(rows)),
                hint=_("Pass one label per row, None where there is none, or a dict by row key."),
            )
        return values

    def placed(self, labels: Labels) -> Placed:
        """Human labels at the rows. Raises InputError: none, of other rows or another field, in dispute, no choice."""
        if self.field and labels.field and labels.field != self.field:
            raise InputError(
                _("The labels are of the field {name}, the answers of {field}").format(
                    name=labels.field, field=self.field
                ),
                hint=_("Choose the field with field=."),
            )
        return labels.placed([row_of(job) for job in self.rows.values()], self.order)

    def _with_notes(self, finding: Finding, given: Truth) -> Finding:
        """What limits human labels stands below the finding."""
        if not isinstance(given, Labels):
            return finding
        placed = self.placed(given)
        notes = [given.sentence]
        if placed.changed:
            notes.append(
                _("{count} labels belong to rows that have changed since and are left out.").format(
                    count=placed.changed
                )
            )
        if placed.skipped:
            notes.append(
                _("{count} rows were skipped by a coder; the others stand for them.").format(count=placed.skipped)
            )
        for note in notes:
            finding = _noted(finding, note)
        return finding


def row_of(job: Job) -> RowOf:
    """The row of a job, as labels are placed by it."""
    return RowOf(key_of(job.key), plain(job.columns))


class _Scorer(Struct, frozen=True):
    """An answer as a number: right or wrong, of a value or not, or its own."""

    truth: Mapping[int, Hashable | None] | None
    wanted: Hashable | None

    def __call__(self, answer: FieldValue, failed: Failed) -> float | None:
        if self.truth is not None:
            true = self.truth[answer.job.row]
            if true is None:
                return None
            if answer.label is None:
                return 0.0 if failed == "wrong" else None
            return float(answer.label == true)
        if answer.label is None:
            return None
        if self.wanted is not None:
            return float(answer.label == self.wanted)
        found = number(answer.value)
        if found is None:
            raise InputError(
                _("Comparing labels needs the truth or one value, got {value}").format(value=repr(answer.value)),
                hint=_("Pass truth=COLUMN, or value=LABEL for its share."),
            )
        return found


def _by_key(
    given: Mapping[Hashable, object] | Sequence[object], rows: Sequence[Job]
) -> Mapping[Hashable, object] | None:
    """Labels by key; a pandas Series whose index holds the rows' keys is one."""
    if isinstance(given, Mapping):
        return given
    index, items = getattr(given, "index", None), getattr(given, "to_dict", None)
    if callable(items) and getattr(index, "is_unique", False) and all(job.key in set(index) for job in rows[:1]):  # type: ignore[arg-type]
        found = items()
        return found if isinstance(found, dict) else None
    return None


def _level(job: Job, name: str) -> object:
    return job.model if name == MODEL else job.sample if name == SAMPLE else job.values.get(name)


def _name(job: Job, names: Sequence[str]) -> str:
    return " ".join(str(_level(job, name)) if name == MODEL else f"{name}={_level(job, name)}" for name in names)


def _rater(job: Job, factors: Sequence[str]) -> str:
    names = [name for name in factors if name != SAMPLE]
    sample = [f"#{job.sample + 1}"] if SAMPLE in factors else []
    return " ".join([*filter(None, [_name(job, names)]), *sample]) or _("answer")


def _all() -> str:
    return _("all")


def _commonest(answers: Sequence[FieldValue]) -> object:
    given = [answer for answer in answers if answer.label is not None]
    if not given:
        return None
    labels = [answer.label for answer in given]
    common = max(dict.fromkeys(labels), key=labels.count)
    return next(answer.value for answer in given if answer.label == common)


def _table(
    answers: Sequence[FieldValue], factor: str, *, given: bool = False
) -> tuple[list[str], list[list[Hashable | None]]]:
    """Names of the raters, and for each row the label (`given`: the value as it came) of each."""
    raters = list(dict.fromkeys(_level(answer.job, factor) for answer in answers))
    cells: dict[int, dict[object, list[FieldValue]]] = {}
    for answer in sorted(answers, key=lambda answer: answer.job.row):
        cells.setdefault(answer.job.row, {}).setdefault(_level(answer.job, factor), []).append(answer)
    found = [[_commonest(row.get(rater, ())) for rater in raters] for row in cells.values()]
    names = [f"#{rater + 1}" if factor == SAMPLE and isinstance(rater, int) else str(rater) for rater in raters]
    return names, found if given else [[label(value) for value in row] for row in found]


def _noted(finding: Finding, note: str) -> Finding:
    return Finding(finding.columns, finding.rows, finding.sentence, (*finding.notes, note), finding.result)


def order_of(reply: Reply | None, field: str | None) -> Sequence[object] | None:
    """The values of a field in the order in which the schema that was sent declares them."""
    if reply is None or reply.request is None or not is_structured(reply):
        return None
    found = schema_of(reply, field).get("enum")
    return found if isinstance(found, list) else None


def span_of(reply: Reply, field: str | None) -> tuple[float, float] | None:
    """The lowest and the highest number that the schema that was sent allows for a field; None where it sets no end."""
    declared = schema_of(reply, field)
    values = declared.get("enum")
    ends = values if isinstance(values, list) else [declared.get("minimum"), declared.get("maximum")]
    numbers = [float(end) for end in ends if isinstance(end, (int, float)) and not isinstance(end, bool)]
    if len(numbers) < len(ends) or len(numbers) < 2:
        return None
    return (min(numbers), max(numbers))


def schema_of(reply: Reply, field: str | None) -> Mapping[str, object]:
    """The JSON Schema of a field (of the only one, without a name) as it was sent; empty where none was."""
    sent: object = {} if reply.request is None else reply.request.parameters.get("response_format")
    whole = _inner(_inner(sent, "json_schema"), "schema")
    names = list(_inner(whole, "properties"))
    if field is None and len(names) == 1:
        field = names[0]
    found: Mapping[str, object] = whole
    for name in (field or "").split("."):
        found = _resolved(_inner(_inner(found, "properties"), name), whole)
    return found


def _resolved(schema: Mapping[str, object], whole: Mapping[str, object]) -> Mapping[str, object]:
    """What a reference refers to, and of `X or null` the X."""
    kinds = [kind for kind in _list(schema.get("anyOf")) if isinstance(kind, Mapping) and kind.get("type") != "null"]
    if len(kinds) == 1:
        schema = kinds[0]
    reference = str(schema.get("$ref", ""))
    return _inner(_inner(whole, "$defs"), reference.removeprefix("#/$defs/")) if reference else schema


def _inner(place: object, name: str) -> Mapping[str, object]:
    found = place.get(name) if isinstance(place, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
