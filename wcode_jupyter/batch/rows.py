"""Rows from whatever holds them: a DataFrame, a list of dicts, any iterable; read one by one, never all at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, NamedTuple

from .. import extras
from ..errors import InputError, one_line
from ..language import _
from ..request.parameters import did_you_mean

__all__ = ["VALUE", "Row", "Rows", "is_missing"]

VALUE = "value"
"""Name of the only column of rows that are plain values."""


class Row(NamedTuple):
    """One row: its number from 0, what identifies it, its values by column name."""

    number: int
    key: Any
    columns: dict[str, object]


class Rows:
    """Rows that can be counted where the source can, and read again where the source can.

    `key` names a column whose values identify the rows; without one it is the label in the index of a pandas frame
    when those are distinct, else the number of the row. Raises InputError: no rows, no such column, nothing to
    iterate, a key that occurs twice; where the rows cannot be counted, that is raised while iterating.
    """

    def __init__(self, source: Any, *, key: str | None = None) -> None:
        if isinstance(source, Rows):
            self.__dict__.update(source.__dict__)
            return
        self._source = source
        self._key = key
        self._labels, self._read, self.count = _reader(source)
        self.framed = self._labels is not None or _module(source) in _FRAMES
        """Whether all rows have the same columns."""
        self._table: list[dict[str, object]] | None = None
        self.once = isinstance(source, Iterator)
        """Whether the rows can be read only once."""
        values = self._read()
        self._first = next(values, None)
        if self._first is None:
            raise InputError(_("There are no rows"), hint=_("The prompt is sent once for each row: nothing to send."))
        self.columns = tuple(self._first) if self.once else _union(self._read(), self._first, self.framed)
        """Names of the columns: those that any row has; of an iterator those of the first row."""
        self._rest: Iterator[dict[str, object]] | None = values if self.once else None
        if key is not None and key not in self.columns:
            raise InputError(_("The rows have no column {name}").format(name=key), hint=did_you_mean(key, self.columns))
        if key is not None and self.count is not None:
            for _row in self:  # said now, where looking costs nothing, and not in the middle of a run
                pass

    def values_of(self, number: int) -> dict[str, object] | None:
        """The values of row `number` as the source has them; None where it can be read only once."""
        if self.once:
            return None
        if self._table is None:
            self._table = list(self._read())
        return self._table[number] if number < len(self._table) else None

    def label_of(self, number: int) -> object:
        """What identifies row `number` in a pandas frame with labels of its own; None elsewhere."""
        return None if self._key is not None or self._labels is None else self._labels[number]

    def frame_of(self, numbers: list[int]) -> Any:
        """The rows `numbers` of a pandas frame, types and labels kept; None for any other source."""
        if not type(self._source).__module__.startswith("pandas") or not hasattr(self._source, "iloc"):
            return None
        frame = self._source if hasattr(self._source, "columns") else self._source.to_frame(self.columns[0])
        return frame.iloc[numbers]

    @property
    def labelled(self) -> bool:
        """Whether the rows are known by the labels of a pandas index."""
        return self._labels is not None

    def __iter__(self) -> Iterator[Row]:
        """Raises InputError where the rows are used up, and at a key that occurs twice."""
        keys: dict[object, int] = {}
        for number, columns in enumerate(self._values()):
            key = self._key_of(number, columns)
            if self._key is not None and (before := keys.setdefault(_hashable(key), number)) != number:
                raise InputError(
                    _("Duplicate key {key} in rows {first} and {second}").format(
                        key=key, first=before + 1, second=number + 1
                    ),
                    hint=_("Use a column with unique values, or leave the key out to identify rows by position."),
                )
            yield Row(number, key, columns)

    def _values(self) -> Iterator[dict[str, object]]:
        if not self.once:
            return self._read()
        self.check_readable()
        assert self._first is not None
        assert self._rest is not None
        first, rest, self._rest = self._first, self._rest, None
        return itertools.chain([first], rest)

    def check_readable(self) -> None:
        """Raises InputError where the rows are used up."""
        if self.once and self._rest is None:
            raise InputError(
                _("The rows come from an iterator that is already consumed"), hint=_("Pass a list or a DataFrame.")
            )

    def _key_of(self, number: int, columns: Mapping[str, object]) -> object:
        if self._key is not None:
            return columns.get(self._key)
        return number if self._labels is None else self._labels[number]


def _reader(source: object) -> tuple[Any, Callable[[], Iterator[dict[str, Any]]], int | None]:
    """(labels of the index or None, what starts reading, how many rows or None)."""
    if (module := _module(source)) in _FRAMES and (found := _frame(source, module)) is not None:
        return found
    if isinstance(source, (set, frozenset)):
        # Their order is another one in each process.
        source = sorted(
            source, key=lambda value: (type(value).__name__, value if isinstance(value, str) else repr(value))
        )
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise InputError(
            _("Cannot use {type} as rows").format(type=type(source).__name__),
            hint=_("Pass a DataFrame, a list of dicts or another iterable of rows."),
        )
    count = len(source) if isinstance(source, Sized) else None
    return None, lambda: map(_columns, source), count


_FRAMES = ("pandas", "polars", "pyarrow", "modin", "cudf")


def _module(source: object) -> str:
    return type(source).__module__.partition(".")[0]


def _union(rows: Iterable[dict[str, object]], first: dict[str, object], framed: bool) -> tuple[str, ...]:
    """The names that any of the rows has, in the order in which they come."""
    if framed:
        return tuple(first)
    names = dict.fromkeys(first)
    for row in rows:
        if row.keys() != names.keys():
            names.update(dict.fromkeys(row))
    return tuple(names)


def _frame(source: object, module: str) -> tuple[object, Callable[[], Iterator[dict[str, object]]], int | None] | None:
    """As `_reader`; None for an object of these packages that is no frame, such as an index or groups."""
    narwhals = extras.load("narwhals", extra="frames")
    try:
        frame = narwhals.from_native(source, allow_series=True)
    except TypeError:
        return None
    except narwhals.exceptions.DuplicateError as error:
        raise InputError(one_line(str(error)), hint=_("Use a unique name for each column.")) from None
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, narwhals.Series):
        frame = frame.alias(frame.name or VALUE).to_frame()
    labels = _labels(source) if module == "pandas" else None
    return labels, lambda: _named(frame), len(frame)


def _named(frame: Any) -> Iterator[dict[str, Any]]:
    names = _names(frame.columns)
    return (dict(zip(names, values, strict=True)) for values in frame.iter_rows())


def _labels(frame: Any) -> Any:
    index = frame.index
    plain = type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
    return None if plain or not index.is_unique else list(index)


def _columns(row: object) -> dict[str, object]:
    if isinstance(row, Mapping):
        return dict(zip(_names(row), row.values(), strict=True))
    if hasattr(row, "_asdict"):
        return dict(row._asdict())
    return {VALUE: row}


def _names(names: Iterable[object]) -> list[str]:
    """Each as text; where two are the same text (1 and "1"), the later one gets a number."""
    found: dict[str, None] = {}
    for name in names:
        text, number = str(name), 2
        while text in found:
            text, number = f"{name}_{number}", number + 1
        found[text] = None
    return list(found)


def _hashable(key: object) -> Any:
    return key if key.__hash__ is not None else repr(key)


def is_missing(value: Any) -> bool:
    """Whether a cell of a row is empty: None, NaN of any type, or a frame's NA or NaT."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    kind = type(value)
    if kind.__module__ in ("numpy", "decimal"):
        # What is not a number, or no time, does not equal itself.
        return getattr(value, "shape", ()) == () and bool(value != value)
    return kind.__name__ in ("NAType", "NaTType")
