"""Which row a label belongs to.

A label knows its row's key and a digest of each column that the coder saw. It belongs to the row of that key where
these columns are still the same, else to the only row with the same columns (rows that were moved), else to none: the
row has changed, or is not among these.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from ..request.messages import canonical_json
from .mark import Key, Mark

__all__ = ["RowIndex", "RowMatch", "RowOf", "digests", "key_of", "key_text"]

_DIGITS = 12


class RowOf(Struct, frozen=True):
    """A row: its key and its columns as plain JSON values."""

    key: Key
    columns: Mapping[str, object]


class RowMatch(Struct, frozen=True):
    """Where a label belongs: a row by its number, or None and whether a row of its key has changed."""

    number: int | None
    changed: bool = False


def key_of(key: object) -> Key:
    """A row's key as a label holds it: texts and numbers as they are, all else by its JSON."""
    item = getattr(key, "item", None)  # numpy scalars
    if callable(item) and getattr(key, "shape", None) == ():
        key = item()
    if key is None or isinstance(key, (str, int, float, bool)):
        return key
    try:
        return canonical_json(msgspec.to_builtins(key, str_keys=True)).decode()
    except (TypeError, ValueError):
        return str(key)


def key_text(key: Key) -> str:
    """What keys are compared by: 1 and "1" are two."""
    return msgspec.json.encode(key).decode()


def digests(columns: Mapping[str, object]) -> dict[str, str]:
    """12 hex digits for each column."""
    return {name: _digest(value) for name, value in columns.items()}


def _digest(value: object) -> str:
    try:
        data = canonical_json(value)
    except ValueError:  # NaN
        data = repr(value).encode()
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


class RowIndex:
    """Rows to find the places of labels in."""

    def __init__(self, rows: Sequence[RowOf]) -> None:
        self.rows = rows
        self._by_key: dict[str, int | None] = {}
        for number, row in enumerate(rows):
            text = key_text(row.key)
            self._by_key[text] = None if text in self._by_key else number
        self._by_text = {str(row.key): number for number, row in enumerate(rows)}
        self._by_content: dict[tuple[str, ...], dict[tuple[str, ...], int | None]] = {}

    def place(self, mark: Mark) -> RowMatch:
        """Where `mark` belongs."""
        # A CSV file knows no numbers: its "7" is the row 7 where no row has the text for a key.
        number = self._by_key.get(key_text(mark.row), self._by_text.get(str(mark.row)))
        if number is not None and self._fits(mark.content, number):
            return RowMatch(number)
        moved = self._of_content(mark.content)
        return RowMatch(moved) if moved is not None else RowMatch(None, changed=number is not None)

    def _fits(self, content: Mapping[str, str], number: int) -> bool:
        columns = self.rows[number].columns
        return all(_digest(columns[name]) == digits for name, digits in content.items() if name in columns)

    def _of_content(self, content: Mapping[str, str]) -> int | None:
        names = tuple(sorted(content))
        if not names:
            return None
        if names not in self._by_content:
            self._by_content[names] = _unique(
                (number, tuple(_digest(row.columns[name]) for name in names))
                for number, row in enumerate(self.rows)
                if all(name in row.columns for name in names)
            )
        return self._by_content[names].get(tuple(content[name] for name in names))


def _unique(found: Iterable[tuple[int, tuple[str, ...]]]) -> dict[tuple[str, ...], int | None]:
    """Numbers by content; None where several rows have it."""
    numbers: dict[tuple[str, ...], int | None] = {}
    for number, content in found:
        numbers[content] = None if content in numbers else number
    return numbers
