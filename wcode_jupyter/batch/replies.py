"""The result of a run: a list of Replies that stays on disk, and the tables made of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import msgspec

from .. import extras, files
from ..codebook import Codebook, codebook_version
from ..errors import InputError, RunError, WcodeError, one_line
from ..files import named
from ..findings.exploration import Exploration
from ..findings.finding import Finding
from ..findings.page import Page
from ..labels.label_file import LabelFile
from ..labels.labels import Labels
from ..labels.location import labels_path
from ..labels.mark import Sample, Value
from ..labels.screen import Screen
from ..language import _
from ..prompt.schema import Schema
from ..prompt.schema import schema as schema_from
from ..reply import Reply
from ..reply.events import Usage
from ..request.parameters import did_you_mean
from ..session.account import AccountEntry, enter
from ..statistics.agreement import Level
from ..statistics.intervals import Failed
from ..table import LongText, Table
from . import statistics
from .accounts import entries_of
from .differences import Differences
from .evidence import Evidence, Truth, order_of, schema_of, span_of
from .exploring import exploration
from .fields import answers, is_structured, only_field
from .foreign_logs import FOREIGN
from .job_state import typed
from .label_items import LabelTask, label_input
from .plan import Job, plain
from .probabilities import probabilities
from .rows import Rows, is_missing
from .runfile import Entry, Header, Kept, RunFile, RunLine, header_of

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Replies", "Score", "answers_table"]

Score = Callable[[Reply, Mapping[str, Any]], Any]
"""Of a reply and the values of its row: a number, a bool, or a dict of these."""

_SHOWN = 10
_IN_MEMORY = 50_000
"""As many answers are held once they were read and parsed; more are read anew at each look."""


class Replies(Sequence[Reply]):
    """The answers of a run in the order of its rows; each is read from the run file when it is looked at.

    `failed` and slices are Replies too. `stopped` is the error that ended the run early, None for a whole run.
    """

    def __init__(
        self,
        file: RunFile,
        entries: Sequence[Entry],
        header: Header,
        *,
        again: Callable[[], Replies] | None = None,
        stopped: WcodeError | None = None,
        score: Score | None = None,
        span: tuple[float, float] | None = None,
        schema: Schema | None = None,
        source: Rows | None = None,
        held: Mapping[int, RunLine] | None = None,
        account: list[AccountEntry] | None = None,
    ) -> None:
        self.stopped = stopped
        self._source = source
        self._held: Mapping[int, RunLine] = held or {}
        """Answers that are in memory all the same, by the identity of their entry, which lives as long."""
        self._read: list[RunLine] | None = None
        self._file = file
        self._entries = entries
        self._header = header
        self._retry = again
        self._score = score
        self._span = span
        self._account = account
        self._schema = schema
        self._scores: list[statistics.Scored] | None = None

    @classmethod
    def of(
        cls,
        lines: Sequence[RunLine],
        fingerprint: str,
        schema: Schema | None = None,
        account: list[AccountEntry] | None = None,
    ) -> Replies:
        """Replies that were asked one by one; they are in memory only. `account`: where their findings are entered."""
        return cls(RunFile(), list(lines), header_of(fingerprint), schema=schema, account=account)

    # -- a list -------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, index: int) -> Reply: ...
    @overload
    def __getitem__(self, index: slice) -> Replies: ...
    def __getitem__(self, index: int | slice) -> Reply | Replies:
        if isinstance(index, slice):
            return self._part(self._entries[index])
        return self._line(self._entries[index]).reply

    def __iter__(self) -> Iterator[Reply]:
        return (line.reply for line in self.lines())

    def lines(self) -> Iterator[RunLine]:
        """Each `RunLine(job, reply)`: the job says row, model, swept values and sample."""
        if len(self._entries) > _IN_MEMORY:
            return map(self._line, self._entries)
        if self._read is None:
            self._read = [self._line(entry) for entry in self._entries]
            self._held = {id(entry): line for entry, line in zip(self._entries, self._read, strict=True)}
        return iter(self._read)

    def job(self, index: int) -> Job:
        """What the reply at `index` was asked for."""
        return self._line(self._entries[index]).job

    def _line(self, entry: Entry) -> RunLine:
        if (held := self._held.get(id(entry))) is not None:
            return held
        return typed(self._file.line(entry), self._schema)

    def where(self, **levels: object) -> Replies:
        """The replies of some conditions: `results.where(model="m", prompt="terse", temperature=0)`.

        Names are `model`, `sample` and what was swept. Raises InputError: no reply has these.
        """
        wanted = {name: str(level) for name, level in levels.items()}
        found = [
            entry
            for entry, line in zip(self._entries, self.lines(), strict=True)
            if all(_level_of(line.job, name) == level for name, level in wanted.items())
        ]
        if not found:
            asked = ", ".join(f"{name}={level}" for name, level in wanted.items())
            names = dict.fromkeys(["model", *(name for line in self.lines() for name in line.job.values), "sample"])
            raise InputError(
                _("No reply has {levels}").format(levels=asked),
                hint=_("They differ in: {names}.").format(names=", ".join(names)),
            )
        return self._part(found)

    def _part(self, entries: Sequence[Entry]) -> Replies:
        return self._like(entries, None, self._score, self._span)

    def _like(
        self,
        entries: Sequence[Entry],
        stopped: WcodeError | None,
        score: Score | None,
        span: tuple[float, float] | None,
    ) -> Replies:
        return Replies(
            self._file, entries, self._header, again=self._retry, stopped=stopped, score=score, span=span,
            schema=self._schema, source=self._source, held=self._held, account=self._account,
        )  # fmt: skip

    @property
    def failed(self) -> Replies:
        """Those that are not whole: failed, cut or interrupted."""
        return self._part([entry for entry in self._entries if not entry.good])

    @property
    def cost(self) -> Decimal:
        """RMB that was paid for all of them, as far as prices are known: every answer counts, those that were asked
        again too. Where the server did not say what an answer took, it counts for what it may have cost at most.
        """
        costs = (entry.cost if isinstance(entry, RunLine) else entry.paid for entry in self._entries)
        return sum((cost for cost in costs if cost), Decimal(0))

    @property
    def path(self) -> Path | None:
        """The run file; None where it is a temporary one."""
        return None if self._file.temporary else self._file.path

    def retry(self) -> Replies:
        """Asks what failed or is missing once more; the whole result, a new Replies.

        Raises InputError where the rows are gone: after `load`, or when they came from an iterator.
        """
        if self._retry is None:
            raise InputError(
                _("The rows of replies that were loaded from a file are not known"),
                hint=_("Run the same prompt over the same rows again, with this run file."),
            )
        replies = self._retry()
        return replies if self._score is None else replies.score(self._score, self._span)

    # -- files --------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Writes a run file with these replies; `load` reads it, and a run continues it. Raises RunError.

        A name that ends in `.csv` or `.parquet` gets the table of `to_frame` instead; `.eval.json` a log of Inspect,
        `.potato.jsonl` annotations as Potato writes them.
        """
        target = Path(path)
        for ending, write in FOREIGN.items():
            if target.name.endswith(ending):
                lines = [self._with_row(line) for line in self.lines()]
                return self._save_text(target, write(lines, self.scores(), self._header))
        if target.suffix in _TABLES:
            return self._save_table(target)
        places = [
            entry.place if isinstance(entry, Kept) else entry
            for entry in self._entries
            if not isinstance(entry, RunLine)
        ]
        self._file.copy_to(target, self._header, places)
        moved = any(isinstance(entry, Kept) for entry in self._entries)
        if len(places) < len(self._entries) or moved:
            copy = RunFile(target)
            copy.open(self._header)
            try:
                for entry in self._entries:
                    if isinstance(entry, RunLine):
                        copy.append(entry)
                if moved:
                    copy.append_jobs(self._file.line(entry).job for entry in self._entries)
            finally:
                copy.close()
        return target

    def _save_text(self, target: Path, text: str) -> Path:
        try:
            files.write(target, text.encode())
        except OSError as error:
            what = _("Cannot write {path}: {error}").format(path=target, error=one_line(str(error), 200))
            raise RunError(what) from None
        return target

    def _save_table(self, target: Path) -> Path:
        frame = self.to_frame()
        try:
            _TABLES[target.suffix](frame, target)
        except (OSError, ImportError, ValueError, TypeError) as error:
            what = _("Cannot write {path}: {error}").format(path=target, error=one_line(str(error), 200))
            hint = "pip install pyarrow" if isinstance(error, ImportError) else ""
            raise RunError(what, hint=hint) from None
        return target

    def __reduce__(self) -> str:
        raise InputError(
            _("Replies cannot be pickled: they belong to a file and a client"),
            hint=_("Save them with .save(path), and read them with Replies.load(path)."),
        )

    @classmethod
    def load(cls, path: str | Path, *, rows: object = None, schema: object = None) -> Replies:
        """The replies of a run file.

        With `rows`, those of the run in the order of the run, columns have the types and labels of the rows again;
        with `schema` answers are parsed as in the run. Raises RunError, InputError (other rows than those of the run).
        """
        file = RunFile(Path(path))
        if not file.path.exists():
            raise RunError(_("Run file not found: {path}").format(path=path))
        header, entries = file.entries()
        source = None if rows is None else Rows(rows)
        found = cls(file, entries, header, source=source, schema=None if schema is None else schema_from(schema))
        if source is not None:
            _check_rows(source, found.lines())
        return found

    # -- tables -------------------------------------------------------------------------------------------------------

    def score(self, function: Score, span: tuple[float, float] | None = None) -> Replies:
        """The same replies with `function(reply, row)` in their tables: a number, a bool, or a dict of these.

        Where it raises, the row has no score and its `score_error` says why; the others keep theirs. `span` is the
        lowest and the highest score there can be: with it the mean has an interval from two rows on, without it from
        ten. Nothing but zeros and ones counts as right and wrong, unless a `span` says otherwise.
        """
        return self._like(self._entries, self.stopped, function, span)

    def scores(self) -> list[statistics.Scored]:
        """What the score function gives for each reply; nothing without one."""
        if self._scores is None:
            function = self._score
            self._scores = (
                [statistics.Scored()] * len(self) if function is None
                else [statistics.scored(function, self._with_row(line)) for line in self.lines()]
            )  # fmt: skip
        return self._scores

    def rows(self) -> Iterator[dict[str, Any]]:
        """One flat dict for each reply, as in `to_frame`."""
        results = [
            {**_results(line), **scored.columns} for line, scored in zip(self.lines(), self.scores(), strict=True)
        ]
        lines = [self._with_row(line) for line in self.lines()]
        names = _names_of(lines, results)
        for line, result in zip(lines, results, strict=True):
            columns = {names[name]: value for name, value in line.job.columns.items()}
            label = None if self._source is None else self._source.label_of(line.job.row)
            yield {
                "row": line.job.key if label is None else label,
                **columns,
                **result,
                **_fields(result, names.values()),
            }

    def _column_names(self, rows: Iterable[Mapping[str, object]]) -> list[str]:
        """What the columns of the source are called in the table that has these `rows`."""
        results = {name for line in self.lines() for name in _results(line)}
        results.update(name for scored in self.scores() for name in scored.columns)
        return list(_free_names(self._source.columns if self._source else (), {"row", *results}).values())

    def _with_row(self, line: RunLine) -> RunLine:
        """`line` with all columns of its row as the source has them, as far as that is at hand."""
        columns = None if self._source is None else self._source.values_of(line.job.row)
        if columns is None:
            return line
        return msgspec.structs.replace(line, job=msgspec.structs.replace(line.job, columns=columns))

    def to_frame(self) -> pd.DataFrame:
        """One row for each reply: row key, the row's columns, model asked and answered, swept values, sample, text, …

        A column of the rows that has the name of one of these is prefixed with `row_`, as often as it takes. Columns
        of a pandas frame keep their types; where it has labels of its own they are the index here too, so that the two
        can be joined. Fields of a schema have their own names, and `json.NAME` beside. Needs pandas.
        """
        pandas = extras.load("pandas", extra="frames")
        rows = list(self.rows())
        frame: pd.DataFrame = pandas.DataFrame(rows)
        given = None if self._source is None else self._source.frame_of([line.job.row for line in self.lines()])
        if given is None or not len(frame):
            return frame
        for name, column in zip(self._column_names(rows), given.columns, strict=True):
            frame[name] = given[column].array
        if self._source is not None and self._source.labelled:
            frame["row"] = given.index
            frame.index = given.index
        return frame

    def summary(self, failed: Failed = "out") -> statistics.Summary:
        """A line for each model and swept value: how many, failures, agreement, speed, RMB, scores with intervals.

        `failed` is the rule for rows without an answer in the scores: `out`, `wrong` (0) or `bounds`.
        """
        pairs = zip(self.lines(), self.scores(), strict=True)
        return statistics.summary(pairs, failed, self._span)

    # -- findings -----------------------------------------------------------------------------------------------------

    def evidence(self, field: str | None = None) -> Evidence:
        """One field of the parsed answers (of texts: the text) by row and condition, as the findings below need it."""
        lines = [self._with_row(line) for line in self.lines()]
        replies = [line.reply for line in lines]
        structured = next((reply for reply in replies if is_structured(reply)), None)
        span = None if structured is None else span_of(structured, field)
        return Evidence.of(answers(lines, field), order_of(structured, field), field or only_field(lines), span)

    def agreement(self, field: str | None = None, between: str | None = None, level: Level = "nominal") -> Finding:
        """Percent agreement, kappa and alpha between samples, models, prompts or values of another swept name."""
        evidence = self.evidence(field)
        kind = "model agreement" if (between or evidence.factors[-1:]) in ("model", ("model",)) else "agreement"
        return self._entered(kind, evidence.agreement(between, level))

    def validate(self, truth: Truth, field: str | None = None, failed: Failed = "out") -> Finding:
        """Accuracy, precision, recall, F1 and confusion matrix against a column of the rows, or labels by row."""
        return self._entered("validate", self.evidence(field).validate(truth, failed))

    def compare(
        self,
        factor: str,
        field: str | None = None,
        truth: Truth | None = None,
        *,
        value: object = None,
        failed: Failed = "out",
        detect: float = 0.05,
    ) -> Finding:
        """Levels of `model`, `prompt` or a swept name, on the same rows: difference, test, Holm, effect size.

        By what is right where there is `truth`, else by the share of `value`, else by the numbers of the field.
        """
        return self._entered("compare", self.evidence(field).compare(factor, truth, value, failed, detect))

    def estimate(
        self,
        field: str | None = None,
        value: object = None,
        *,
        labels: Truth,
        probability: float | Truth | None = None,
        beyond: bool = False,
    ) -> Finding:
        """Share of `value` (or the mean) over all rows, corrected by human labels with known sampling probabilities."""
        return self._entered("estimate", self.evidence(field).estimate(value, labels, probability, beyond))

    def label(
        self,
        field: str | None = None,
        n: int = 200,
        sample: Sample = "random",
        coder: str = "A",
        *,
        file: str | Path | None = None,
        codebook: Codebook | None = None,
        values: Sequence[Value] | None = None,
        columns: Sequence[str] = (),
        blind: bool = True,
        adjudicate: bool = False,
        seed: int = 0,
    ) -> Labels:
        """Human labels of `n` rows, given in a widget where there is a page; every press is on disk at once.

        `sample`: `random`, `stratified` by the model's label, or `uncertain` (not for estimates). A second coder gets
        the same rows in another order; `adjudicate` shows the rows on which coders differ. `file`: the labels file,
        by default beside the notebook. `values`, `codebook`: the labels to choose from, by default those of the schema.
        `columns`: further columns to show. Headless it reads the file. Raises InputError: an impossible sample or file.
        """
        task = self._label_task(field, file, codebook, values, columns)
        Screen.present(
            lambda: task.adjudication(coder) if adjudicate else task.labelling(coder, n, sample, seed, is_blind=blind)
        )
        return Labels(task.file, task.evidence.field)

    def _label_task(
        self,
        field: str | None,
        file: str | Path | None,
        codebook: Codebook | None,
        values: Sequence[Value] | None,
        columns: Sequence[str],
    ) -> LabelTask:
        structured = any(is_structured(line.reply) for line in self.lines())
        evidence = self.evidence(field or (codebook.field if codebook and structured else None))
        jobs: dict[int, Job] = {}
        for line in self.lines():
            jobs.setdefault(line.job.row, self._shown(line, columns))
        reply = next((line.reply for line in self.lines() if is_structured(line.reply)), None)
        schema = {} if reply is None else schema_of(reply, evidence.field)
        given = [answer.value for answer in evidence.answers]
        path = labels_path(self.path) if file is None else named(file)
        return LabelTask(
            evidence, [jobs[row] for row in sorted(jobs)], label_input(schema, given, codebook, values),
            LabelFile(path), codebook,
        )  # fmt: skip

    def _shown(self, line: RunLine, columns: Sequence[str]) -> Job:
        """The job with the columns that a coder sees: those of the prompt, and further ones by name."""
        whole = self._with_row(line).job.columns
        for name in columns:
            if name not in whole:
                raise InputError(_("The rows have no column {name}").format(name=name), hint=did_you_mean(name, whole))
        own = line.job.columns or ({} if columns else whole)
        return msgspec.structs.replace(line.job, columns={**own, **{name: whole[name] for name in columns}})

    def calibration(self, truth: Truth, field: str | None = None, bins: int = 10) -> Finding:
        """Reliability table, calibration error and Brier score of the stated probabilities."""
        return self._entered("calibration", self.evidence(field).calibration(truth, bins))

    def probabilities(self, field: str | None = None, labels: Sequence[object] | None = None) -> Finding:
        """Probability of each label of a closed set by row and condition: from the log probabilities of the tokens
        where there are any, however they cut the labels, else from repeats. `labels`: by default those of the schema,
        else those that were given.
        """
        lines = list(self.lines())
        evidence = self.evidence(field)
        structured = any(is_structured(line.reply) for line in lines)
        named = (evidence.field or field) if structured else None
        return probabilities(lines, evidence.answers, labels or evidence.order, named)

    def disagreements(self, field: str | None = None, between: str | None = None) -> Finding:
        """The rows on which answers differ, most uncertain first, answers side by side."""
        return self._entered("disagreements", self.evidence(field).disagreements(between))

    def variance(self, field: str | None = None) -> Finding:
        """Shares of rows, prompts, models, swept values and samples in the variance; rows whose label flips."""
        return self._entered("variance", self.evidence(field).variance())

    def enter_findings_in(self, account: list[AccountEntry]) -> None:
        """Findings of these replies are entered there, unless they are known to belong to another study already."""
        if self._account is None:
            self._account = account

    def _entered(self, kind: str, finding: Finding) -> Finding:
        """The finding, after it was entered in the account of the session's study: `%wcode methods`."""
        if self._account is not None:
            origin = f"results.{kind}(): {self.path.name}" if self.path else f"results.{kind}()"
            for entry in entries_of(kind, finding, origin):
                enter(self._account, entry)
        return finding

    def uncertain(self, count: int = 50, field: str | None = None) -> Replies:
        """The replies of the `count` rows whose answers are least sure, these first. No sample for an estimate."""
        wanted = self.evidence(field).uncertain(count)
        found: dict[int, list[Entry]] = {row: [] for row in wanted}
        for entry, line in zip(self._entries, self.lines(), strict=True):
            if line.job.row in found:
                found[line.job.row].append(entry)
        return self._part([entry for row in wanted for entry in found[row]])

    def explore(self) -> Exploration:
        """The recorded answers to look around in: a widget with selectors and sliders over rows, models, prompts,
        swept values and samples, with the difference to the neighbour. Sends nothing. Where there is no page, and in
        a saved notebook, a table of the different answers to each row.
        """
        found = exploration(self._with_row(line) for line in self.lines())
        Page.present(found)
        return found

    def wide(self, column: str = "text") -> pd.DataFrame:
        """One row for each row, one column for each model, swept value and sample: what `column` of `to_frame` says.

        Raises InputError: there is no such column.
        """
        frame = self.to_frame()
        if column not in frame.columns:
            raise InputError(
                _("Column not found: {name}").format(name=column), hint=did_you_mean(column, map(str, frame.columns))
            )
        pandas = extras.load("pandas", extra="frames")
        labels = [line.job.label for line in self.lines()]
        found: dict[object, dict[str, object]] = {}
        for key, label, value in zip(frame["row"], labels, frame[column], strict=True):
            found.setdefault(key, {})[label] = value
        wide: pd.DataFrame = pandas.DataFrame(
            list(found.values()), index=pandas.Index(list(found), name="row"), columns=list(dict.fromkeys(labels))
        )
        return wide

    def majority(self, column: str = "text") -> pd.DataFrame:
        """What most samples of each row, model and swept value say in `column` of `to_frame`; white space at the ends
        does not count. Columns: row, model, swept values, `answer`, `votes`, `n` (answers that are whole), `tie`.

        Of a tie `answer` is the one that came first, and `tie` is True. Raises InputError: there is no such column.
        """
        frame = self.to_frame()
        if column not in frame.columns:
            raise InputError(
                _("Column not found: {name}").format(name=column), hint=did_you_mean(column, map(str, frame.columns))
            )
        votes: dict[tuple[object, ...], tuple[RunLine, Counter[object]]] = {}
        for line, key, value in zip(self.lines(), frame["row"], frame[column], strict=True):
            which = (key, line.job.model, *line.job.values.values())
            _line, counter = votes.setdefault(which, (line, Counter()))
            if line.good and not is_missing(value):
                counter[value.strip() if isinstance(value, str) else value] += 1
        pandas = extras.load("pandas", extra="frames")
        rows = [_vote(which[0], line, counter) for which, (line, counter) in votes.items()]
        table: pd.DataFrame = pandas.DataFrame(rows)
        return table

    def reasons(self) -> Table:
        """Failures by reason, the most frequent first."""
        counts = Counter(_reason(line.reply) for line in self.lines() if not line.good)
        return Table((_("failed"), _("reason")), tuple((count, reason) for reason, count in counts.most_common()), "")

    def diff(self, first: int = 0, second: int = 1) -> Differences:
        """The texts of two replies, compared word by word. Raises InputError: there is no such reply."""
        for index in (first, second):
            if not -len(self) <= index < len(self):
                raise InputError(_("No reply {index}: there are {count} replies").format(index=index, count=len(self)))
        return Differences(self[first].text, self[second].text, (self._label(first), self._label(second)))

    def _label(self, index: int) -> str:
        return f"[{index}] {self.job(index).label}"

    def plot(self) -> Any:
        """A matplotlib Figure: cost and time of each model and value, with scores where there are; lengths.

        Raises InputError without matplotlib.
        """
        from .plot import plot

        return plot(list(zip(self.lines(), self.scores(), strict=True)))

    def table(self, most: int = _SHOWN) -> Table:
        """The first replies in short, to look at."""
        return answers_table([self._line(entry) for entry in self._entries[:most]], len(self))

    def __repr__(self) -> str:
        failed = sum(not entry.good for entry in self._entries)
        return f"Replies({len(self)}, failed={failed})"

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _level_of(job: Job, name: str) -> str | None:
    if name in ("model", "sample"):
        return str(getattr(job, name))
    return str(job.values[name]) if name in job.values else None


def _vote(key: object, line: RunLine, counter: Counter[object]) -> dict[str, object]:
    """A row of `majority`."""
    (answer, votes), *others = counter.most_common() or [(None, 0)]
    tie = any(count == votes for _answer, count in others)
    own = {"row": key, "model": line.job.model, **line.job.values}
    return {**own, "answer": answer, "votes": votes, "n": counter.total(), "tie": tie}


def _reason(reply: Reply) -> str:
    """Why an answer is not whole, without what differs from row to row."""
    if reply.fault is None:
        return reply.ended
    words = [reply.fault.kind, "" if reply.fault.status is None else str(reply.fault.status), reply.fault.code or ""]
    return f"{' '.join(filter(None, words))}: {one_line(re.sub(r'[0-9]+', '…', reply.fault.what), 100)}"


_TABLES: dict[str, Callable[[Any, Path], object]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def _check_rows(source: Rows, lines: Iterable[RunLine]) -> None:
    """Raises InputError: a row is not what was asked about. What was redacted cannot be compared."""
    for line in lines:
        if line.redacted:
            continue
        row = source.values_of(line.job.row)
        kept = line.job.columns
        if row is None or plain({name: row[name] for name in kept if name in row}) != kept:
            what = _("Row {number} differs from the row of the run")
            raise InputError(
                what.format(number=line.job.row + 1), hint=_("Pass the rows of the run, in the order of the run.")
            )


def answers_table(shown: Sequence[RunLine], count: int) -> Table:
    """Answers in short, of `count` that there are."""
    names = list(dict.fromkeys(name for line in shown for name in line.job.values))
    samples = any(line.job.sample for line in shown)
    columns = [_("row"), _("model"), *names, *([_("sample")] if samples else []), _("answer")]
    rows = [
        (
            line.job.key,
            line.job.model,
            *(line.job.values.get(name) for name in names),
            *([line.job.sample] if samples else []),
            _answer(line),
        )
        for line in shown
    ]
    note = _("{shown} of {count} replies").format(shown=len(shown), count=count) if count > len(shown) else ""
    return Table(tuple(columns), tuple(rows), note)


def _short(line: RunLine, most: int = 200) -> str:
    """The answer on one line; one that is not whole says why."""
    reply = line.reply
    why = "" if line.good and reply.text.strip() else f"({reply.error or reply.ended})"
    return " ".join(filter(None, [one_line(reply.text, most), one_line(why, most)]))


def _answer(line: RunLine) -> LongText:
    """The answer in short, and the whole of it on request."""
    short = _short(line)
    return LongText(short, shown=len(short)) if line.reply.text in short else LongText(line.reply.text, head=short)


def _results(line: RunLine) -> dict[str, object]:
    """What came, by the names of the columns it gets."""
    job, reply = line.job, line.reply
    usage = reply.usage or Usage()
    known = reply.usage is not None
    return {
        "model": job.model,
        "answered": reply.model,
        **job.values,
        "sample": job.sample,
        "text": reply.text,
        **(_parsed(reply) if line.good else {}),
        "reasoning": reply.reasoning,
        "input_tokens": usage.input_tokens if known else None,
        "output_tokens": usage.output_tokens if known else None,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_cny": None if line.cost is None else float(line.cost),
        "first_token_s": reply.timing.first_token_s,
        "total_s": reply.timing.total_s,
        "ended": reply.ended,
        "error": reply.error,
        **_codebook(reply),
    }


def _codebook(reply: Reply) -> dict[str, str]:
    """The version of the codebook that the answer was made under, where there is one."""
    version = "" if reply.request is None else codebook_version(reply.request.parameters)
    return {"codebook": version} if version else {}


def _names_of(lines: Iterable[RunLine], results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The name that each column of the rows has beside the results: its own, else with `row_` before it."""
    # By kind of row, of which there are few.
    columns = dict.fromkeys(name for kind in {tuple(line.job.columns): None for line in lines} for name in kind)
    return _free_names(columns, {"row", *(name for kind in {tuple(result) for result in results} for name in kind)})


def _free_names(columns: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    columns = list(columns)
    found: dict[str, str] = {}
    for name in columns:
        free = name
        while free in taken or (free != name and free in columns) or free in found.values():
            free = f"row_{free}"
        found[name] = free
    return found


def _fields(result: Mapping[str, object], taken: Iterable[str]) -> dict[str, object]:
    """The fields of an answer under their own names, where these are free."""
    names = [name.removeprefix(_JSON) for name in result if name.startswith(_JSON)]
    others = {*taken, *result, "row"}
    return {name: result[_JSON + name] for name in names if name not in others}


_JSON = "json."


def _parsed(reply: Reply) -> dict[str, object]:
    """The fields of an answer that was asked for as JSON, each as `json.NAME`."""
    if reply.request is None or "response_format" not in reply.request.parameters:
        return {}
    try:
        value = reply.__dict__.get("plain") or reply.json()
    except WcodeError:
        return {}
    return {f"json.{name}": found for name, found in value.items()} if isinstance(value, dict) else {"json": value}
