"""One coder at work, without widgets: which item is in front, what a press writes, and what is next.

Every change is on disk before it is seen here. Undo writes the state before; nothing is ever taken out of the file.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from ..errors import InputError
from ..language import _
from ..statistics.values import label
from .label_file import LabelFile
from .labels import GOLD, Labels
from .mark import Draw, Key, Kind, Mark, Value
from .rows import RowIndex, RowOf, digests

__all__ = ["LabelInput", "LabelItem", "Labelling"]


class LabelInput(Struct, frozen=True):
    """What can be given: one of `choices`, a number within its limits, or a text."""

    kind: Literal["choice", "integer", "number", "text"]
    choices: tuple[Value, ...] = ()
    low: float | None = None
    high: float | None = None
    meanings: Mapping[str, str] = {}
    """Definitions of the choices by their text."""

    def read(self, text: str) -> Value:
        """What is typed into a field. Raises InputError."""
        text = text.strip()
        if self.kind == "text" and text:
            return text
        try:
            value: Value = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            raise InputError(_("Expected a number, got {text}").format(text=repr(text))) from None
        return self.check(value)

    def check(self, value: Value) -> Value:
        """`value` itself. Raises InputError: it cannot be given."""
        if self.kind == "choice":
            if label(value) not in {label(choice) for choice in self.choices}:
                raise InputError(_("{value} is not one of the labels").format(value=repr(value)))
        elif self.kind != "text":
            low, high = self.low, self.high
            number = float(value)
            if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
                raise InputError(
                    _("{value} is out of range: {low} to {high}").format(
                        value=value, low="–" if low is None else f"{low:g}", high="–" if high is None else f"{high:g}"
                    )
                )
        return value


class LabelItem(Struct, frozen=True):
    """One row to be labelled."""

    row: Key
    columns: Mapping[str, object]
    """What the coder sees, by name."""
    answer: object = None
    """The model's; hidden unless asked for."""
    draw: Draw | None = None
    others: Mapping[str, str] = {}
    """What the coders said, where their disagreement is decided."""


class Labelling:
    """`items` in the order of this coder. `kind="gold"` decides disagreements instead of labelling."""

    def __init__(
        self,
        file: LabelFile,
        field: str,
        coder: str,
        items: Sequence[LabelItem],
        answers: LabelInput,
        *,
        kind: Kind = "label",
        codebook: str = "",
        instructions: str = "",
        is_blind: bool = True,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.file, self.field, self.coder, self.kind = file, field, coder, kind
        self.items, self.answers = items, answers
        self.codebook, self.instructions = codebook, instructions
        self._clock, self._now = clock, now
        self._contents = [digests(item.columns) for item in items]
        self.is_blind = is_blind
        """Whether the model's answers are hidden until asked for."""
        self._seen: set[int] = set() if is_blind else set(range(len(items)))
        self._undone: list[tuple[int, Mark | None]] = []
        self.marks = self._on_file()
        """The mark that holds, by the place of its item."""
        self.place = self._next(-1)
        self._since = clock()

    def _on_file(self) -> dict[int, Mark]:
        index = RowIndex([RowOf(item.row, item.columns) for item in self.items])
        found: dict[int, Mark] = {}
        for row in Labels(self.file, self.field).rows():
            mark = row.gold if self.kind == "gold" else row.coders.get(self.coder)
            if mark is not None and (place := index.place(mark).number) is not None:
                found[place] = mark
        return found

    # -- where it is --------------------------------------------------------------------------------------------------

    @property
    def item(self) -> LabelItem | None:
        """The item in front; None when all are done."""
        return self.items[self.place] if self.place < len(self.items) else None

    @property
    def mark(self) -> Mark | None:
        """What was said about it before."""
        return self.marks.get(self.place)

    @property
    def is_revealed(self) -> bool:
        """Whether the model's answer can be seen."""
        return self.place in self._seen

    @property
    def done(self) -> int:
        """Items that have a label or were skipped."""
        return len(self.marks)

    @property
    def can_undo(self) -> bool:
        """Whether this session has changed anything."""
        return bool(self._undone)

    @property
    def seconds_left(self) -> float | None:
        """From the median of the times so far; None before three."""
        times = sorted(mark.seconds for mark in self.marks.values() if mark.seconds is not None)
        return times[len(times) // 2] * (len(self.items) - self.done) if len(times) >= 3 else None

    def _next(self, place: int) -> int:
        """The next item without a mark: behind `place`, else the first one; the end when all have one."""
        rest = [*range(place + 1, len(self.items)), *range(place + 1)]
        return next((other for other in rest if other not in self.marks), len(self.items))

    def _go(self, place: int) -> None:
        self.place = place
        self._since = self._clock()

    # -- what can be done ---------------------------------------------------------------------------------------------

    def press(self, value: Value, note: str = "") -> None:
        """Gives the item in front its label and goes on. Raises InputError: no such label, an unusable file."""
        if self.item is not None:
            self._write(self._made(self.kind, self.answers.check(value), note))
            self._go(self._next(self.place))

    def skip(self, note: str = "") -> None:
        """Leaves the item without a label, for now, and goes on."""
        if self.item is not None and self.kind != "gold":
            self._write(self._made("skip", None, note))
            self._go(self._next(self.place))

    def note(self, text: str) -> None:
        """Changes the note of an item that has a mark; any other gets it with its label."""
        if (mark := self.mark) is not None and mark.note != text:
            self._write(replace(mark, note=text, at=self._time()))

    def undo(self) -> None:
        """Takes back the last change of this session and shows its item."""
        if not self._undone:
            return
        place, before = self._undone[-1]
        back = before or replace(self.marks[place], kind="clear", value=GOLD if self.kind == "gold" else None, note="")
        self.file.append(replace(back, at=self._time()))
        self._undone.pop()
        if before is None:
            self.marks.pop(place)
        else:
            self.marks[place] = before
        self._go(place)

    def back(self) -> None:
        """Shows the item before this one."""
        if self.place > 0:
            self._go(self.place - 1)

    def forward(self) -> None:
        """Shows the item behind this one, labelled or not; behind the last one the first without a label."""
        if self.place < len(self.items):
            self._go(self.place + 1 if self.place + 1 < len(self.items) else self._next(self.place))

    def reveal(self) -> None:
        """Shows the model's answer: from now on the label of this item is not blind."""
        if self.item is not None:
            self._seen.add(self.place)

    def _made(self, kind: Kind, value: Value | None, note: str) -> Mark:
        item = self.items[self.place]
        return Mark(
            field=self.field, row=item.row, coder=self.coder, kind=kind, value=value, note=note,
            content=self._contents[self.place], seconds=round(self._clock() - self._since, 2),
            blind=not self.is_revealed, draw=item.draw, probability=item.draw.probability if item.draw else None,
            codebook=self.codebook, at=self._time(),
        )  # fmt: skip

    def _write(self, mark: Mark) -> None:
        self.file.append(mark)
        self._undone.append((self.place, self.marks.get(self.place)))
        self.marks[self.place] = mark

    def _time(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")
