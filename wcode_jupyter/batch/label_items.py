"""Rows of a run as items to be labelled: which ones, in which order, what the coder sees and can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from ..codebook import Codebook
from ..errors import InputError
from ..labels.label_file import LabelFile
from ..labels.labelling import LabelInput, LabelItem, Labelling
from ..labels.labels import Labels
from ..labels.mark import Kind, Sample, Value
from ..labels.rows import RowIndex, key_of
from ..labels.sample import draw, order_for
from ..language import _
from ..statistics.values import distinct, label
from .evidence import Evidence, row_of
from .plan import Job, plain

__all__ = ["LabelTask", "label_input"]

_MOST_CHOICES = 9


class LabelTask(Struct, frozen=True):
    """What is to be labelled: the answers of a run, `jobs` as the coder sees them, and how the label is given."""

    evidence: Evidence
    jobs: Sequence[Job]
    """One for each row of `evidence`."""
    input: LabelInput
    file: LabelFile
    codebook: Codebook | None = None

    def labelling(self, coder: str, n: int, sample: Sample, seed: int, *, is_blind: bool) -> Labelling:
        """The work of one coder. Raises InputError: an impossible sample."""
        keys = [key_of(job.key) for job in self.jobs]
        answers = self.evidence.commonest()
        strata = [label(answer) for answer in answers] if sample == "stratified" else None
        drawn = draw(keys, n, sample, strata=strata, uncertain=self._uncertain(n) if sample == "uncertain" else None,
                     seed=seed)  # fmt: skip
        items = [
            LabelItem(keys[number], plain(self.jobs[number].columns), answers[number], drawn[number])
            for number in order_for(coder, keys, list(drawn))
        ]
        return self._of(coder, items, is_blind=is_blind)

    def _uncertain(self, n: int) -> list[int]:
        places = {row: place for place, row in enumerate(self.evidence.rows)}
        return [places[row] for row in self.evidence.uncertain(n)]

    def adjudication(self, coder: str) -> Labelling:
        """The decision of the rows on which coders differ. Raises InputError: there are none."""
        labels = Labels(self.file, self.evidence.field)
        index = RowIndex([row_of(job) for job in self.jobs])
        answers = self.evidence.commonest()
        items = []
        for row in labels.rows():
            marks = [mark for mark in row.coders.values() if mark.value is not None]
            place = index.place(marks[0]).number if len({label(mark.value) for mark in marks}) > 1 else None
            if place is not None:
                others = {mark.coder: f"{mark.value} ({mark.note})" if mark.note else str(mark.value) for mark in marks}
                columns = plain(self.jobs[place].columns)
                items.append(LabelItem(marks[0].row, columns, answers[place], marks[0].draw, others))
        if not items:
            raise InputError(
                _("There is nothing to decide: the coders {names} agree").format(names=", ".join(labels.coders) or "–")
            )
        return self._of(coder, items, kind="gold")

    def _of(self, coder: str, items: Sequence[LabelItem], *, kind: Kind = "label", is_blind: bool = True) -> Labelling:
        book = self.codebook
        return Labelling(
            self.file, self.evidence.field, coder, items, self.input, kind=kind, is_blind=is_blind,
            codebook=book.version if book else "", instructions=book.instructions_text() if book else "",
        )  # fmt: skip


def label_input(
    schema: Mapping[str, object], given: Sequence[object], codebook: Codebook | None, values: Sequence[Value] | None
) -> LabelInput:
    """How a label is given: by the `values` asked for, the codebook, the schema, else the answers that were `given`."""
    if values is not None:
        return LabelInput("choice", tuple(values))
    if codebook is not None:
        return LabelInput("choice", codebook.values, meanings=codebook.definitions)
    kind = schema.get("type")
    low, high = _limit(schema, "minimum"), _limit(schema, "maximum")
    if isinstance(enum := schema.get("enum"), list):
        return LabelInput("choice", tuple(value for value in enum if isinstance(value, (str, int, float, bool))))
    if kind == "boolean":
        return LabelInput("choice", (True, False))
    if kind == "integer" and low is not None and high is not None and 0 <= high - low < _MOST_CHOICES:
        return LabelInput("choice", tuple(range(int(low), int(high) + 1)))
    if kind == "integer":
        return LabelInput("integer", low=low, high=high)
    if kind == "number":
        return LabelInput("number", low=low, high=high)
    return _as_answered(given)


def _limit(schema: Mapping[str, object], name: str) -> float | None:
    value = schema.get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _as_answered(given: Sequence[object]) -> LabelInput:
    """Of answers without a schema: their values where these are few, in their first spelling; else a text."""
    spellings: dict[object, Value] = {}
    for value in given:
        if isinstance(value, (str, int, float, bool)) and (found := label(value)) is not None:
            spellings.setdefault(found, value.strip() if isinstance(value, str) else value)
    if 2 <= len(spellings) <= _MOST_CHOICES and all(len(str(value)) <= 40 for value in spellings.values()):
        return LabelInput("choice", tuple(spellings[found] for found in distinct(spellings)))
    return LabelInput("text")
