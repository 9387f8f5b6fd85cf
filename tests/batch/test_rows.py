"""Rows of every kind of source, one by one."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pandas as pd
import polars as pl
import pytest

from wcode_jupyter.batch.rows import Row, Rows, is_missing
from wcode_jupyter.errors import InputError


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize(
    ("source", "first", "count"),
    [
        ([{"a": 1}, {"a": 2}], Row(0, 0, {"a": 1}), 2),
        (["x", "y", "z"], Row(0, 0, {"value": "x"}), 3),
        ([Point(1, 2)], Row(0, 0, {"x": 1, "y": 2}), 1),
        ((n for n in range(3)), Row(0, 0, {"value": 0}), None),
        (pd.DataFrame({"a": ["u", "v"], 7: [1, 2]}), Row(0, 0, {"a": "u", "7": 1}), 2),
        (pd.DataFrame({"a": ["u", "v"]}, index=["r", "s"]), Row(0, "r", {"a": "u"}), 2),
        (pd.DataFrame({"a": ["u", "v"]}, index=["r", "r"]), Row(0, 0, {"a": "u"}), 2),
        (pd.Series(["u", "v"], name="word"), Row(0, 0, {"word": "u"}), 2),
        (pl.DataFrame({"a": ["u", "v"]}), Row(0, 0, {"a": "u"}), 2),
        (pl.LazyFrame({"a": ["u", "v"]}), Row(0, 0, {"a": "u"}), 2),
    ],
)
def test_rows_of_every_source(source: object, first: Row, count: int | None) -> None:
    """Each source gives its rows with number, key and columns, and says how many there are where it knows."""
    rows = Rows(source)
    assert (next(iter(rows)), rows.count) == (first, count)


def test_a_column_can_be_the_key() -> None:
    """`key` names a column whose values identify the rows."""
    assert [row.key for row in Rows([{"id": "x"}, {"id": "y"}], key="id")] == ["x", "y"]


def test_a_key_that_occurs_twice_is_refused_with_both_places() -> None:
    """Rows that cannot be told apart would share one answer. A list or a frame is looked through at once."""
    with pytest.raises(InputError, match="Duplicate key x in rows 1 and 3"):
        Rows(pl.DataFrame({"id": ["x", "y", "x"]}), key="id")


@pytest.mark.parametrize("source", [[], pd.DataFrame({"a": []}), pl.DataFrame(), iter(())])
def test_no_rows_are_refused(source: object) -> None:
    """An empty frame, list or iterator is an error before anything is sent."""
    with pytest.raises(InputError, match="There are no rows"):
        Rows(source)


@pytest.mark.parametrize("source", ["text", b"bytes", {"a": 1}, 7, None])
def test_what_is_no_table_is_refused(source: object) -> None:
    """A text is not the rows of its letters."""
    with pytest.raises(InputError, match=r"Cannot use .* as rows"):
        Rows(source)


def test_an_unknown_key_column_is_refused_with_a_near_one() -> None:
    """The usual slip is a misspelt name."""
    with pytest.raises(InputError, match=r"no column idd.*Did you mean id"):
        Rows([{"id": 1}], key="idd")


def test_a_key_that_occurs_twice_in_a_stream_ends_it() -> None:
    """What cannot be looked through before is stopped where it happens."""
    rows = iter(Rows(({"id": key} for key in "xyx"), key="id"))
    assert [next(rows).key, next(rows).key] == ["x", "y"]
    with pytest.raises(InputError, match="Duplicate key"):
        next(rows)


def test_two_columns_of_one_name_are_refused() -> None:
    """`{{a}}` could be either."""
    with pytest.raises(InputError, match="'a' 2 times"):
        Rows(pd.DataFrame([["x", "y"]], columns=["a", "a"]))


def test_an_endless_iterator_is_read_as_far_as_it_is_asked() -> None:
    """Nothing is loaded that nobody asks for; a second reading says that the rows are gone."""
    rows = Rows(itertools.count())
    assert [row.columns["value"] for row in itertools.islice(rows, 3)] == [0, 1, 2]
    with pytest.raises(InputError, match="already consumed"):
        next(iter(rows))


@pytest.mark.parametrize(
    ("value", "missing"),
    [(None, True), (float("nan"), True), (pd.NA, True), (pd.NaT, True), (0, False), ("", False), (0.0, False)],
)
def test_what_counts_as_missing(value: object, missing: bool) -> None:
    """Empty cells of every kind of frame; zero and the empty text are values."""
    assert is_missing(value) is missing
