"""Paired comparisons against scipy and statsmodels."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.comparison import compare, difference_of_shares, holm, mcnemar, rows_needed
from wcode_jupyter.statistics.intervals import mean

from .tables import columns, rating_tables

stats = pytest.importorskip("scipy.stats")
tables = pytest.importorskip("statsmodels.stats.contingency_tables")
multitest = pytest.importorskip("statsmodels.stats.multitest")
power = pytest.importorskip("statsmodels.stats.power")


def single(values: list[float]) -> list[list[float]]:
    return [[value] for value in values]


def test_mcnemar_equals_statsmodels() -> None:
    """The exact p-value for all small discordant counts and some large ones, to 1e-9."""
    for lost in (*range(12), 100, 500):
        for gained in (*range(12), 130, 480):
            expected = tables.mcnemar([[5, lost], [gained, 7]], exact=True).pvalue if lost + gained else 1
            assert mcnemar(lost, gained) == pytest.approx(expected, abs=1e-9)


def test_scores_equal_the_paired_t_test_of_scipy_on_500_tables() -> None:
    """p-value and difference on the rows that both raters scored; the interval is that of scores of known range."""
    compared = 0
    for table in rating_tables():
        pairs = [(float(a) + 2, float(b) + 2) for a, b in columns(table)]
        differences = [b - a for a, b in pairs]
        if len(pairs) < 3 or len(set(differences)) < 2:
            continue
        found = compare(single([a for a, _b in pairs]), single([b for _a, b in pairs]), (0.0, 20.0))
        expected = stats.ttest_rel([b for _a, b in pairs], [a for a, _b in pairs])
        assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
        assert found.difference.low is not None
        assert found.difference.high is not None
        assert found.difference.low < found.difference.value < found.difference.high  # type: ignore[operator]
        assert found.difference.value == pytest.approx(sum(differences) / len(pairs), abs=1e-9)
        compared += 1
    assert compared > 430


def test_right_and_wrong_by_hand() -> None:
    """40 rows, 8 gained and 2 lost: difference 6/40, g = 0.3, p = 2 P(X <= 2; 10, ½) = 112/1024."""
    first = [1.0] * 20 + [0.0] * 10 + [1.0] * 2 + [0.0] * 8
    second = [1.0] * 20 + [0.0] * 10 + [0.0] * 2 + [1.0] * 8
    found = compare(single(first), single(second))
    assert (found.gained, found.lost, found.n, found.test) == (8, 2, 40, "exact McNemar")
    assert found.difference.value == pytest.approx(0.15)
    assert found.effect == pytest.approx(0.3)
    assert found.p == pytest.approx(112 / 1024)
    # Bonett and Price: p12 = 9/42, p21 = 3/42, difference 6/42, variance (12/42 − 36/42²)/42.
    half = 1.959963984540054 * math.sqrt((12 / 42 - 36 / 42**2) / 42)
    assert (found.difference.low, found.difference.high) == pytest.approx((6 / 42 - half, 6 / 42 + half), abs=1e-9)


def test_samples_of_a_row_are_no_rows() -> None:
    """Five equal samples of each row give the n of the rows, and nothing becomes more significant."""
    chance = random.Random(5)
    first = [[float(chance.random() < 0.4)] for _row in range(30)]
    second = [[float(chance.random() < 0.6)] for _row in range(30)]
    once = compare(first, second)
    often = compare([row * 5 for row in first], [row * 5 for row in second])
    assert often.n == once.n == 30
    assert often.difference.value == pytest.approx(once.difference.value)
    assert often.p == pytest.approx(stats.ttest_rel([b for (b,) in second], [a for (a,) in first]).pvalue, abs=1e-9)


def test_only_common_rows_are_compared() -> None:
    """A row that failed on one side is left out on both, and counted."""
    found = compare([[1.0], [], [0.0], [1.0]], [[1.0], [0.0], [1.0], []])
    assert (found.n, found.missing) == (2, 2)
    assert found.first.value == 0.5
    assert found.second.value == 1


def test_no_difference_is_not_significant() -> None:
    """Equal answers: p = 1 for right and wrong, an interval around 0; for scores neither."""
    found = compare(single([1.0, 0.0, 1.0]), single([1.0, 0.0, 1.0]))
    assert found.p == 1
    assert found.effect is None
    assert found.difference.low == -found.difference.high  # type: ignore[operator]
    scores = compare(single([2.5, 3.5, 4.5]), single([2.5, 3.5, 4.5]))
    assert (scores.p, scores.difference.low) == (None, None)


def test_one_row_says_nothing() -> None:
    """From one row there is neither interval nor p-value."""
    found = compare([[1.0]], [[0.0]])
    assert (found.difference.value, found.difference.low, found.p) == (-1.0, None, None)


def test_differences_of_scores_are_no_shares() -> None:
    """Score differences that happen to be 0 and 1 get the interval of a mean, not that of a share."""
    first = [2.0, 2.0, 3.0, 5.0, 4.0] * 3
    second = [3.0, 2.0, 4.0, 5.0, 5.0] * 3
    low, high = stats.t.interval(0.95, 14, 0.6, stats.sem([1, 0, 1, 0, 1] * 3))
    found = compare(single(first), single(second)).difference
    assert found.low is not None
    assert found.high is not None
    assert found.low <= low + 1e-9
    assert found.high >= high - 1e-9
    assert found.method == mean([0.1, 0.2, 0.4, 0.5] * 3).method
    assert difference_of_shares([1, 0, 1, 0, 1]).method != found.method


def test_holm_equals_statsmodels() -> None:
    """Adjusted p-values in the given order; unknown ones stay unknown and are not counted."""
    chance = random.Random(6)
    for size in range(1, 30):
        values = [chance.random() ** 3 for _test in range(size)]
        expected = multitest.multipletests(values, method="holm")[1]
        assert holm(values) == pytest.approx(expected.tolist(), abs=1e-9)
        assert holm([None, *values])[1:] == holm(values)
    assert holm([None]) == [None]


def test_rows_needed_equals_statsmodels() -> None:
    """The number of pairs of the normal approximation, rounded up."""
    solve = power.NormalIndPower().solve_power
    for difference, spread, wanted in [(0.1, 0.5, 0.8), (-0.05, 0.3, 0.9), (1, 2.5, 0.8)]:
        expected = solve(abs(difference) / spread, nobs1=None, alpha=0.05, power=wanted, ratio=0)
        assert rows_needed(difference, spread, power=wanted) == math.ceil(expected - 1e-6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: compare([[1.0]], []), "number of rows"),
        (lambda: compare([[]], [[1.0]]), "both sides"),
        (lambda: compare([], []), "both sides"),
        (lambda: rows_needed(0, 1), "difference 0"),
        (lambda: rows_needed(0.1, 0), "standard deviation 0"),
    ],
)
def test_what_cannot_be_compared_is_one_line(call: Any, text: str) -> None:
    """No common row, other lengths, no difference to look for."""
    with pytest.raises(InputError, match=text):
        call()
