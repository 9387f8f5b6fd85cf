"""Samples: the same rows in each kernel and for each coder, with known chances."""

from __future__ import annotations

from collections import Counter

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.labels.mark import Draw
from wcode_jupyter.labels.sample import draw, order_for

KEYS = list(range(1000))


def test_a_random_sample_is_the_same_each_time_and_grows() -> None:
    """100 rows are among the 200 of the same seed; another seed draws others; each had the chance n / N."""
    small, large = draw(KEYS, 100), draw(KEYS, 200)
    assert len(small) == 100
    assert set(small) < set(large)
    assert set(draw(KEYS, 100, seed=1)) != set(small)
    assert set(small.values()) == {Draw("random", 100, 1000)}
    assert small[next(iter(small))].probability == 0.1


def test_each_row_is_drawn_equally_often() -> None:
    """Over 400 seeds each of 20 rows is among 5 about 100 times: within 5 standard deviations (8.7 each)."""
    counts = Counter(row for seed in range(400) for row in draw(range(20), 5, seed=seed))
    assert all(abs(counts[row] - 100) < 44 for row in range(20))


def test_strata_get_equal_shares() -> None:
    """Of 30 from 900 + 90 + 10: ten each; of 60 the smallest is taken whole and the others share the rest."""
    strata = ["a"] * 900 + ["b"] * 90 + ["c"] * 10
    sizes = Counter(one.stratum for one in draw(KEYS, 30, "stratified", strata=strata).values())
    assert sizes == {"a": 10, "b": 10, "c": 10}
    drawn = draw(KEYS, 60, "stratified", strata=strata)
    assert Counter(one.stratum for one in drawn.values()) == {"a": 25, "b": 25, "c": 10}
    assert {one.stratum: one.probability for one in drawn.values()} == {"a": 25 / 900, "b": 25 / 90, "c": 1.0}


def test_the_most_uncertain_rows_have_no_chance() -> None:
    """They are in the order given, and no probability is claimed."""
    drawn = draw(KEYS, 2, "uncertain", uncertain=[7, 3, 5])
    assert list(drawn) == [7, 3]
    assert {one.probability for one in drawn.values()} == {None}


def test_coders_see_the_same_rows_in_other_orders() -> None:
    """Each coder always in the same order."""
    numbers = list(draw(KEYS, 50))
    first, second = order_for("A", KEYS, numbers), order_for("B", KEYS, numbers)
    assert sorted(first) == sorted(second)
    assert first != second
    assert first == order_for("A", KEYS, list(reversed(numbers)))


def test_an_impossible_sample() -> None:
    """No rows, no size, no such kind."""
    with pytest.raises(InputError, match="at least one row, got 0"):
        draw(KEYS, 0)
    with pytest.raises(InputError, match="no rows"):
        draw([], 5)
    assert len(draw([1, 2], 200)) == 2
