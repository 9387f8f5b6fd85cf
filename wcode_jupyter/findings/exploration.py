"""Looking around in the answers of a run: which row, under which condition, beside which neighbour; no request is sent.

An answer has a place on each axis: the row, the model, each swept name, the sample. Axes on which all answers are alike
are left out, but for the row. Equal answers (the same text but for white space at the ends) are one, with their count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct

from ..characters import escape
from ..language import _
from ..table import Table

__all__ = ["ROW", "SAMPLE", "Axis", "Distinct", "Exploration", "ShownAnswer"]

ROW, SAMPLE = "row", "sample"
_OUTPUT = ".jp-OutputArea-child"
# JupyterLab shows a widget that has lost its kernel as an error line: hidden above the table.
_SHOWN = f"<style>{_OUTPUT}:not(:has(.wcode-explore)):has(+{_OUTPUT} .wcode-explored){{display:none}}</style>"
_SAVED_LINES = 60
_LONGEST = 400
"""Characters of an answer in the table."""

Place = tuple[int, ...]
"""A place on each axis."""


class ShownAnswer(Struct, frozen=True):
    """One answer of a run as it is shown."""

    levels: Mapping[str, Hashable]
    """The row's key and number, and what was swept, by axis; `row` is the row's number."""
    key: Hashable
    columns: Mapping[str, object]
    text: str
    """Empty where nothing came."""
    fault: str = ""
    """Why the answer is not whole."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: str = ""
    """With its currency; empty where it is not known."""

    @property
    def said(self) -> str:
        """What makes two answers equal."""
        return self.text.strip() or self.fault


class Axis(Struct, frozen=True):
    """One thing in which answers differ."""

    name: str
    levels: tuple[Hashable, ...]
    labels: tuple[str, ...]

    @property
    def is_ordered(self) -> bool:
        """Whether its levels are numbers, for a slider."""
        return all(isinstance(level, (int, float)) and not isinstance(level, bool) for level in self.levels)


class Distinct(Struct, frozen=True):
    """One of the different answers to a row."""

    text: str
    count: int
    """How often over all conditions."""
    here: int
    """How often under the chosen condition, over its samples."""


class Exploration:
    """The answers of a run by their places; shows as a table of the different answers to each row."""

    def __init__(self, answers: Sequence[ShownAnswer]) -> None:
        self.answers = tuple(answers)
        self.axes = tuple(_axes(self.answers))
        places = [{level: place for place, level in enumerate(axis.levels)} for axis in self.axes]
        self._at: dict[Place, ShownAnswer] = {}
        self._rows: dict[int, list[tuple[Place, ShownAnswer]]] = {}
        for answer in self.answers:
            place = tuple(known[answer.levels.get(axis.name)] for axis, known in zip(self.axes, places, strict=True))
            self._at[place] = answer
            self._rows.setdefault(place[0], []).append((place, answer))

    def __len__(self) -> int:
        return len(self.answers)

    def at(self, place: Place) -> ShownAnswer | None:
        """The answer at a place; None where there is none."""
        return self._at.get(place)

    def neighbour(self, place: Place, axis: int) -> tuple[Place, ShownAnswer] | None:
        """The nearest answer before `place` on an axis, else the nearest after it."""
        before = range(place[axis] - 1, -1, -1)
        after = range(place[axis] + 1, len(self.axes[axis].levels))
        for level in (*before, *after):
            found = (*place[:axis], level, *place[axis + 1 :])
            if (answer := self._at.get(found)) is not None:
                return found, answer
        return None

    def label(self, place: Place, axis: int) -> str:
        """An axis and where `place` is on it: `temperature 0.5`."""
        return f"{_(self.axes[axis].name)} {self.axes[axis].labels[place[axis]]}"

    def distinct(self, place: Place) -> list[Distinct]:
        """The different answers to the row of `place`, the most frequent first."""
        found = self._rows.get(place[0], [])
        all_of_them = Counter(answer.said for _place, answer in found)
        sample = next((at for at, axis in enumerate(self.axes) if axis.name == SAMPLE), None)
        here = Counter(answer.said for other, answer in found if _without(other, sample) == _without(place, sample))
        return [Distinct(text, count, here[text]) for text, count in all_of_them.most_common()]

    # -- as it is kept -------------------------------------------------------------------------------------------------

    def table(self) -> Table:
        """The different answers to each row with their counts, and under which conditions they were given."""
        lines: list[tuple[object, ...]] = []
        shown = 0
        for row, found in sorted(self._rows.items()):
            if lines and len(lines) >= _SAVED_LINES:
                break
            shown += 1
            for one in self.distinct(found[0][0]):
                places = [place for place, answer in found if answer.said == one.text]
                lines.append((self.axes[0].labels[row], _short(one.text), one.count, self._conditions(places)))
        note = _("Answers of {shown} of {count} rows").format(shown=shown, count=len(self._rows))
        columns = (_("row"), _("answer"), _("count"), _("given by"))
        return Table(columns, tuple(lines), note if shown < len(self._rows) else "")

    def _conditions(self, places: Sequence[Place]) -> str:
        """In words: model, swept values, samples; nothing where there is only one."""
        names = dict.fromkeys(
            " ".join(self.label(place, at) for at, axis in enumerate(self.axes) if at and axis.name != SAMPLE)
            for place in places
        )
        return "; ".join(filter(None, names))

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        note = escape(_("{count} recorded answers").format(count=len(self)))
        return f'<div class="wcode-explored">{_SHOWN}<p>{note}</p>{self.table()._repr_html_()}</div>'


def _axes(answers: Sequence[ShownAnswer]) -> list[Axis]:
    names = dict.fromkeys(name for answer in answers for name in answer.levels)
    keys = {answer.levels[ROW]: str(answer.key) for answer in answers}
    found = [Axis(ROW, tuple(sorted(keys, key=_number)), tuple(keys[row] for row in sorted(keys, key=_number)))]
    for name in names:
        levels = tuple(dict.fromkeys(answer.levels.get(name) for answer in answers))
        if name == ROW or len(levels) < 2:
            continue
        if all(isinstance(level, (int, float)) for level in levels):
            levels = tuple(sorted(levels, key=_number))
        shown = tuple(str(level + 1) if name == SAMPLE and isinstance(level, int) else _text(level) for level in levels)
        found.append(Axis(name, levels, shown))
    return found


def _number(level: Hashable) -> float:
    return float(level) if isinstance(level, (int, float)) else 0.0


def _text(level: Hashable) -> str:
    return _("not set") if level is None else str(level)


def _without(place: Place, axis: int | None) -> Place:
    return place if axis is None else (*place[:axis], *place[axis + 1 :])


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
