"""When two labels are the same."""

from __future__ import annotations

import math

import pytest

from wcode_jupyter.statistics.values import distinct, label, normal_text, number

numpy = pytest.importorskip("numpy")


@pytest.mark.parametrize(
    "text",
    ["Positive", "positive.", " positive", "POSITIVE!", '"positive"', "“Positive.”", "**positive**", "ｐositive"],
)
def test_spellings_of_one_label_are_one(text: str) -> None:
    """Case, white space, quotes, final punctuation and full-width letters do not make another label."""
    assert label(text) == "positive"


@pytest.mark.parametrize(
    ("text", "expected"), [("C++", "c++"), ("?", "?"), ("no  way", "no way"), ("-1", "-1"), ("很好。", "很好")]
)
def test_what_a_label_keeps(text: str, expected: str) -> None:
    """Signs inside, other words and a text of nothing but punctuation stay."""
    assert normal_text(text) == expected


@pytest.mark.parametrize("value", [None, math.nan, "", "  ", numpy.float64("nan")])
def test_missing_values(value: object) -> None:
    """None, NaN and empty texts are missing."""
    assert label(value) is None


def test_values_that_are_not_texts() -> None:
    """Numbers compare by value, numpy's too; lists and objects by their JSON, whatever the order of keys."""
    assert label(numpy.int64(3)) == label(3.0) == 3
    assert label(True) == 1
    assert label({"b": 1, "a": [2]}) == label({"a": [2], "b": 1})
    assert label([1, 2]) != label([2, 1])


def test_labels_in_the_order_of_the_schema() -> None:
    """Known labels come in the given order, others after them: numbers first, by size."""
    assert distinct(["low", "high", None, "other"], ["Low", "Mid", "High"]) == ("low", "high", "other")
    assert distinct([10, 9, "a"]) == (9, 10, "a")


def test_numbers_are_read() -> None:
    """Texts of numbers are numbers; what is not finite or no number is missing."""
    assert [number(value) for value in ("4", 4, True, "x", None, "nan", [1])] == [4, 4, 1, None, None, None, None]
