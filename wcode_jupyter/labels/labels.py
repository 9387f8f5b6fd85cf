"""What the coders say about one field: final values, agreement between coders, gold values after adjudication.

The final value of a row is its gold value, else what all its coders say. Rows in dispute have none, and nothing is
computed from the others as if they had been drawn without these: first adjudicate, or choose one coder.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from .. import extras
from ..errors import InputError
from ..files import named
from ..findings.agreement import agreement
from ..findings.conflicts import conflicts
from ..findings.finding import Finding
from ..language import N_, _
from ..request.parameters import did_you_mean
from ..statistics.agreement import Level
from ..statistics.values import label
from ..table import Table
from .foreign import marks_from
from .label_file import LabelFile
from .location import LABELS_SUFFIX
from .mark import Key, Mark, Sample, Value
from .rows import RowIndex, RowOf, key_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Labels", "Placed", "RowLabels"]

Wanted = Callable[[Mark], bool]


class RowLabels(Struct, frozen=True):
    """All that holds about one row: the last mark of each coder, and the gold mark."""

    row: Key
    coders: Mapping[str, Mark]
    gold: Mark | None

    @property
    def final(self) -> Mark | None:
        """The mark with the final value; None where there is none, or a dispute."""
        if self.gold is not None:
            return self.gold
        given = [mark for mark in self.coders.values() if mark.kind == "label"]
        return given[0] if given and len({label(mark.value) for mark in given}) == 1 else None

    @property
    def is_disputed(self) -> bool:
        """Whether coders differ and no one has decided."""
        return (
            self.gold is None
            and len({label(mark.value) for mark in self.coders.values() if mark.value is not None}) > 1
        )

    @property
    def is_skipped(self) -> bool:
        """Whether somebody looked at it and nobody gave a label."""
        return self.final is None and not self.is_disputed and bool(self.coders)


class Placed(Struct, frozen=True):
    """Labels at the rows of a run."""

    values: list[Value | None]
    marks: list[Mark | None]
    changed: int
    """Labels whose row has changed since."""
    skipped: int
    """Rows that a coder skipped."""

    def chances(self) -> list[float | None]:
        """For each row its chance to be labelled, from the samples as they were drawn.

        Of a stratum with `of` rows m are labelled by now: in random order, so each had the chance m / of. Raises
        InputError: a sample without known chances, or one of other rows.
        """
        drawn = [mark for mark in self.marks if mark is not None]
        sizes = _sizes(drawn)
        if sum(sizes.values()) != len(self.values):
            raise InputError(
                _("The sample was drawn from {drawn} rows, but there are {rows}").format(
                    drawn=sum(sizes.values()), rows=len(self.values)
                ),
                hint=_("Use the rows that were labelled from, label again, or pass probability=."),
            )
        labelled = {name: sum(_stratum(mark) == name for mark in drawn) for name in sizes}
        # Rows without a label do not enter by their own chance, which the sample does not tell; it is above zero.
        return [1.0 if mark is None else labelled[_stratum(mark)] / sizes[_stratum(mark)] for mark in self.marks]


def _stratum(mark: Mark) -> str:
    return mark.draw.stratum if mark.draw else ""


def _sizes(drawn: Sequence[Mark]) -> dict[str, int]:
    """Rows of each stratum. Raises InputError where a chance is not known."""
    found: dict[str, int] = {}
    for mark in drawn:
        if mark.draw is None or mark.draw.probability is None:
            raise InputError(
                _("Row {row} has no known chance of being in the labelled sample").format(row=mark.row),
                hint=_('Keep the others with labels.where(sample="random"), or label a random sample.'),
            )
        if found.setdefault(mark.draw.stratum, mark.draw.of) != mark.draw.of:
            raise InputError(
                _("The labels come from samples of different rows ({first} and {second})").format(
                    first=found[mark.draw.stratum], second=mark.draw.of
                ),
                hint=_("Label one sample of the rows, or pass probability=."),
            )
    if len({mark.draw.kind for mark in drawn if mark.draw}) > 1:
        raise InputError(
            _("The labels come from random and from stratified samples"),
            hint=_('Choose one with labels.where(sample="random").'),
        )
    return found


class Labels:
    """Labels of one field, read from a labels file or taken from elsewhere; each look sees what was written since."""

    def __init__(self, source: LabelFile | Sequence[Mark], field: str = "", wanted: Sequence[Wanted] = ()) -> None:
        self._source = source
        self._wanted = tuple(wanted)
        self.field = field

    @classmethod
    def read(
        cls,
        source: object,
        field: str = "",
        *,
        row: str | None = None,
        value: str | None = None,
        coder: str = "",
    ) -> Labels:
        """Labels of a labels file, CSV, JSON or JSONL of Potato or Label Studio, a DataFrame, a list or a dict by key.

        `field`: which field where there are several (in Potato the scheme, in Label Studio the name of the tag). `row`
        and `value`: the columns of a table that hold row key and label; `coder`: its column of coders, or the name of
        the only one. Raises InputError: an unknown form, a column that is missing, two labels of one coder for a row.
        """
        if isinstance(source, (str, Path)) and str(source).endswith(LABELS_SUFFIX):
            return cls._of_file(LabelFile(named(source)), field)
        return cls(marks_from(source, field, row, value, coder), field)

    @classmethod
    def _of_file(cls, file: LabelFile, field: str) -> Labels:
        names = list(dict.fromkeys(mark.field for mark in file.marks()))
        if not field and len(names) == 1:
            return cls(file, names[0])
        if field not in names:
            raise InputError(
                _("{file} has no labels of the field {name}").format(file=file.path.name, name=repr(field)),
                hint=did_you_mean(field, names) or _("It has: {names}.").format(names=", ".join(names) or "–"),
            )
        return cls(file, field)

    @property
    def marks(self) -> list[Mark]:
        """Every press in its order."""
        given = self._source.marks() if isinstance(self._source, LabelFile) else self._source
        return [
            mark
            for mark in given
            if mark.field == self.field and (mark.kind == "clear" or all(wanted(mark) for wanted in self._wanted))
        ]

    def where(
        self,
        *,
        coder: str | None = None,
        sample: Sample | None = None,
        blind: bool | None = None,
        codebook: str | None = None,
    ) -> Labels:
        """The labels of one coder, sample, codebook version, or those given blind. Raises InputError: none are left."""
        tests: dict[str, Wanted] = {
            "coder": lambda mark: mark.coder == coder or mark.kind == "gold",
            "sample": lambda mark: mark.draw is not None and mark.draw.kind == sample,
            "blind": lambda mark: mark.blind is blind,
            "codebook": lambda mark: mark.codebook == codebook,
        }
        given = {"coder": coder, "sample": sample, "blind": blind, "codebook": codebook}
        chosen = {name: value for name, value in given.items() if value is not None}
        found = Labels(self._source, self.field, [*self._wanted, *(tests[name] for name in chosen)])
        if not len(found):
            what = ", ".join(f"{name}={value}" for name, value in chosen.items())
            raise InputError(_("No labels with {what}").format(what=what), hint=did_you_mean(coder or "", self.coders))
        return found

    # -- what they say ------------------------------------------------------------------------------------------------

    def rows(self) -> list[RowLabels]:
        """All rows that a coder looked at, in the order of their first mark."""
        groups: dict[str, list[list[Mark]]] = {}
        for mark in self.marks:
            versions = groups.setdefault(key_text(mark.row), [])
            same = next((marks for marks in versions if _is_same(marks[0].content, mark.content)), None)
            if same is None:
                versions.append([mark])
            else:
                same.append(mark)
        found = [_holding(marks) for versions in groups.values() for marks in versions]
        return [row for row in found if row.coders or row.gold]

    @property
    def coders(self) -> list[str]:
        """Names of the coders, in the order of their first label."""
        return list(dict.fromkeys(mark.coder for mark in self.marks if mark.kind in ("label", "skip")))

    def __len__(self) -> int:
        """Rows with a label."""
        return sum(any(mark.kind == "label" for mark in row.coders.values()) or bool(row.gold) for row in self.rows())

    @property
    def values(self) -> dict[Key, Value]:
        """The final value of each row by its key; rows in dispute and skipped ones have none."""
        return {row.row: mark.value for row in self.rows() if (mark := row.final) and mark.value is not None}

    @property
    def gold(self) -> dict[Key, Value]:
        """The values that were decided by adjudication."""
        return {row.row: row.gold.value for row in self.rows() if row.gold and row.gold.value is not None}

    @property
    def disputed(self) -> list[Key]:
        """Keys of the rows that the coders label differently and nobody has decided."""
        return [row.row for row in self.rows() if row.is_disputed]

    def agreement(self, level: Level = "nominal", order: Sequence[object] | None = None) -> Finding:
        """Agreement between the coders on the rows that they have in common. Raises InputError: fewer than two."""
        coders = self.coders
        if len(coders) < 2:
            raise InputError(
                _("Agreement needs two coders, got {names}").format(names=", ".join(coders) or "–"),
                hint=_('Let a second person label the same rows: results.label(coder="B").'),
            )
        ratings = [[_rated(row, coder) for coder in coders] for row in self.rows()]
        return agreement({self.field or _("labels"): ratings}, level=level, order=order)

    def disagreements(self) -> Finding:
        """The rows on which the coders differ, their labels side by side."""
        rows, coders = self.rows(), self.coders
        table = [[_value(row.coders.get(coder)) for coder in coders] for row in rows]
        return conflicts([row.row for row in rows], table, coders)

    def to_frame(self) -> pd.DataFrame:
        """One line per row: row, a column for each coder, `gold`, `value`, notes, sample, chance, codebook.

        `seconds` is the sum over the coders; `blind` is true where all of them were. Needs pandas.
        """
        pandas = extras.load("pandas", extra="frames")
        coders = self.coders
        frame: pd.DataFrame = pandas.DataFrame([_line(row, coders) for row in self.rows()])
        return frame

    @property
    def sentence(self) -> str:
        """How they were made, for the methods of a paper: rows, coders, blindness, sample, codebook."""
        marks = [mark for row in self.rows() for mark in row.coders.values() if mark.kind == "label"]
        parts = [
            _("rows with a label: {count}").format(count=len(self)),
            _("coders: {names}").format(names=", ".join(self.coders) or "–"),
            _("given blind: {blind} of {count}").format(
                blind=sum(mark.blind is True for mark in marks), count=len(marks)
            ),
        ]
        if samples := dict.fromkeys(mark.draw.kind for mark in marks if mark.draw):
            parts.append(_("sample: {kinds}").format(kinds=", ".join(samples)))
        if gold := len(self.gold):
            parts.append(_("decided by adjudication: {count}").format(count=gold))
        if books := dict.fromkeys(mark.codebook for mark in marks if mark.codebook):
            parts.append(_("codebook: {versions}").format(versions=", ".join(books)))
        return _("Human labels ({facts}).").format(facts="; ".join(parts))

    def table(self) -> Table:
        """A line for each coder: labels, skipped rows, blind ones, seconds per label."""
        lines = []
        for coder in self.coders:
            marks = [row.coders[coder] for row in self.rows() if coder in row.coders]
            times = sorted(mark.seconds for mark in marks if mark.seconds is not None)
            labelled = [mark for mark in marks if mark.kind == "label"]
            lines.append(
                (coder, len(labelled), len(marks) - len(labelled), sum(mark.blind is True for mark in labelled),
                 f"{times[len(times) // 2]:.1f}" if times else "–")
            )  # fmt: skip
        columns = (_("coder"), _("labels"), _("skipped"), _("blind"), _("median seconds"))
        disputed, gold = len(self.disputed), len(self.gold)
        note = _("{rows} rows with a label; {disputed} in dispute, {gold} decided.").format(
            rows=len(self), disputed=disputed, gold=gold
        )
        return Table(columns, tuple(lines), note)

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    # -- at the rows of a run -----------------------------------------------------------------------------------------

    def placed(self, rows: Sequence[RowOf], choices: Sequence[object] | None = None) -> Placed:
        """The final values at `rows`. `choices`: the values that the answers can have.

        Raises InputError: no labels, none of these rows, a dispute, a value that is no choice.
        """
        found = self.rows()
        if not found:
            raise InputError(
                _("There are no labels yet"), hint=_("Label rows with results.label(), or check coder and field.")
            )
        self._check_decided(found)
        self._check_values(found, choices)
        index = RowIndex(rows)
        marks: list[Mark | None] = [None] * len(rows)
        changed = skipped = 0
        for row in found:
            place = index.place(row.final or next(iter(row.coders.values())))
            changed += place.changed
            if place.number is not None:
                marks[place.number] = row.final
                skipped += row.is_skipped
        if not any(marks):
            what = N_("All labels belong to rows that have changed since") if changed else N_(
                "No label belongs to a row of this run"
            )  # fmt: skip
            raise InputError(_(what), hint=_("Labels are found by the rows' keys and by what the coder saw."))
        return Placed([None if mark is None else mark.value for mark in marks], marks, changed, skipped)

    def _check_decided(self, found: Sequence[RowLabels]) -> None:
        disputed = [row.row for row in found if row.is_disputed]
        if disputed:
            raise InputError(
                _("The coders differ on {count} rows ({row}, …)").format(count=len(disputed), row=disputed[0]),
                hint=_('Decide with results.label(adjudicate=True), or use one: labels.where(coder="{coder}").').format(
                    coder=self.coders[0]
                ),
            )

    @staticmethod
    def _check_values(found: Sequence[RowLabels], choices: Sequence[object] | None) -> None:
        known = {label(choice) for choice in choices or ()}
        for row in found if known else ():
            mark = row.final
            if mark is not None and label(mark.value) not in known:
                names = [str(choice) for choice in choices or ()]
                raise InputError(
                    _("Row {row} has the label {value}, which the answers cannot have").format(
                        row=row.row, value=repr(mark.value)
                    ),
                    hint=did_you_mean(str(mark.value), names)
                    or _("Use one of {names}.").format(names=", ".join(names)),
                )


def _is_same(first: Mapping[str, str], second: Mapping[str, str]) -> bool:
    """Whether two marks saw the same row, by the columns that both saw."""
    return all(second.get(name, digits) == digits for name, digits in first.items())


def _holding(marks: Sequence[Mark]) -> RowLabels:
    """What holds of all marks on one row."""
    coders: dict[str, Mark] = {}
    gold: Mark | None = None
    decided_by: dict[str, Mark] = {}
    for mark in marks:
        of = decided_by if mark.kind == "gold" or (mark.kind == "clear" and mark.value == GOLD) else coders
        of.pop(mark.coder, None)
        if mark.kind != "clear":
            of[mark.coder] = mark
    gold = next(reversed(decided_by.values()), None)
    return RowLabels(marks[0].row, coders, gold)


GOLD = "gold"
"""Value of a mark that takes back a decision, not a label."""


def _rated(row: RowLabels, coder: str) -> Hashable | None:
    return label(_value(row.coders.get(coder)))


def _value(mark: Mark | None) -> Value | None:
    return None if mark is None else mark.value


def _line(row: RowLabels, coders: Sequence[str]) -> dict[str, object]:
    marks = [*row.coders.values(), *([row.gold] if row.gold else [])]
    times = [mark.seconds for mark in marks if mark.seconds is not None]
    final = row.final
    return {
        "row": row.row,
        **{coder: _value(row.coders.get(coder)) for coder in coders},
        "gold": _value(row.gold),
        "value": _value(final),
        "note": "; ".join(mark.note for mark in marks if mark.note),
        "seconds": sum(times) if times else None,
        "blind": all(mark.blind is True for mark in marks),
        "sample": next((mark.draw.kind for mark in marks if mark.draw), None),
        "probability": next((mark.probability for mark in marks if mark.probability is not None), None),
        "codebook": next((mark.codebook for mark in marks if mark.codebook), ""),
    }
