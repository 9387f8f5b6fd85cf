"""Intervals of shares and means: oracles, exact coverage, and what is refused."""

from __future__ import annotations

import math
import random
import sys

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.intervals import (
    Estimate,
    mean,
    mean_of_rows,
    mid_p,
    share,
    share_of_means,
    share_of_rows,
)

stats = pytest.importorskip("scipy.stats")

SIZES = (4, 10, 20, 50, 200, 1000)
SHARES = (0.05, 0.2, 0.5, 0.9)


def test_limits_of_a_share_solve_the_equation_of_mid_p() -> None:
    """At each limit the tail probability, half of the observed count's included, is 2.5 % by scipy's binomial."""
    for n in (2, 7, 31, 400):
        for x in {0, 1, n // 3, n - 1, n}:
            low, high = mid_p(x, n)
            if x:
                assert stats.binom.sf(x, n, low) + stats.binom.pmf(x, n, low) / 2 == pytest.approx(0.025, abs=1e-9)
            if x < n:
                assert stats.binom.cdf(x, n, high) - stats.binom.pmf(x, n, high) / 2 == pytest.approx(0.025, abs=1e-9)


def test_share_at_the_edges_has_an_interval_of_some_width() -> None:
    """20 of 20 is not [1, 1]: ½ p²⁰ = 0.025 gives p = 0.05^(1/20) as the lower limit."""
    found = share(20, 20)
    assert (found.value, found.high, found.n) == (1.0, 1.0, 20)
    assert found.low == pytest.approx(0.05 ** (1 / 20), abs=1e-12)
    assert share(0, 5).high == pytest.approx(1 - 0.05 ** (1 / 5), abs=1e-12)


def test_one_row_has_no_interval() -> None:
    """From one row nothing can be said: a dash, with n beside it."""
    assert share(1, 1) == Estimate(1.0, None, None, 1)
    assert str(share(1, 1)) == "1 [–]"
    assert mean([3.5]) == Estimate(3.5, None, None, 1)


def coverage(n: int, p: float) -> float:
    """Exact probability that the interval of a share holds p."""
    return sum(stats.binom.pmf(x, n, p) for x in range(n + 1) if (limits := mid_p(x, n))[0] <= p <= limits[1])


def test_coverage_of_shares_by_exact_enumeration() -> None:
    """Each setting is covered with at least 93 %, all of them with 94 to 97.5 % on average."""
    found = {(n, p): coverage(n, p) for n in SIZES for p in SHARES}
    assert min(found.values()) >= 0.93
    assert 0.94 <= sum(found.values()) / len(found) <= 0.975
    assert coverage(4, 0.75) >= 0.93


def test_failed_rows_by_each_rule() -> None:
    """6 right of 8 with 2 failed: 6/8 left out, 6/10 counted as wrong, limits of 6/10 and 8/10 as bounds."""
    assert share(6, 8, missing=2).value == 0.75
    assert share(6, 8, missing=2, failed="wrong").value == 0.6
    assert share(6, 8, missing=2, failed="wrong").n == 10
    bounds = share(6, 8, missing=2, failed="bounds")
    assert (bounds.value, bounds.low, bounds.high) == (0.75, mid_p(6, 10)[0], mid_p(8, 10)[1])
    assert bounds.missing == 2


def test_repeated_rows_count_between_rows_and_values() -> None:
    """Samples that repeat their row add nothing; samples that differ as if independent make the interval shorter."""
    same = share_of_rows([(1, 1, 1)] * 12 + [(0, 0, 0)] * 8)
    assert (same.low, same.high) == mid_p(12, 20)
    spread = share_of_rows([(1, 0)] * 10 + [(1, 1)] * 5 + [(0, 0)] * 5)
    assert spread.low is not None
    assert spread.high is not None
    assert spread.high - spread.low < mid_p(10, 20)[1] - mid_p(10, 20)[0]
    assert spread.n == 20


def test_effective_size_by_hand() -> None:
    """p = ½ over row means 0.25, 0.75 (10 each): V = 0.0625/19, t with 10 degrees of freedom."""
    n_star = 0.25 / (0.0625 / 19) * (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 10)) ** 2
    found = share_of_means([0.25, 0.75] * 10, 80)
    assert n_star < 80
    expected = mid_p(n_star / 2, n_star)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


def test_mean_is_never_shorter_than_student() -> None:
    """The interval of a mean holds the t interval of scipy, and equals it from 2,000 rows on."""
    chance = random.Random(4)
    for n in (12, 60, 150, 2000):
        values = [chance.expovariate(1) for _row in range(n)]
        low, high = stats.t.interval(0.95, n - 1, sum(values) / n, stats.sem(values))
        found = mean(values)
        assert found.value == pytest.approx(sum(values) / n, abs=1e-12)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= low + 1e-9
        assert found.high >= high - 1e-9
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_few_scores_have_an_interval_only_with_their_range() -> None:
    """Nine scores of unknown range: a dash. With the range two are enough, and equal ones too."""
    values = [2.0, 3.0, 3.5, 4.0, 2.5, 3.0, 4.5, 1.5, 2.0]
    assert (mean(values).value, mean(values).low) == (pytest.approx(26 / 9), None)
    for few in (values, values[:2], [3.0] * 4):
        found = mean(few, span=(1.0, 5.0))
        assert found.low is not None
        assert found.high is not None
        assert 1 <= found.low < sum(few) / len(few) < found.high <= 5


def test_a_score_outside_its_range_is_refused() -> None:
    """A range that does not hold would make an interval that does not."""
    with pytest.raises(InputError, match="outside its range, 1 to 5"):
        mean([2.0, 6.0], span=(1, 5))


def test_rows_of_a_mean_are_averaged_first() -> None:
    """Two samples a row count as one value, their mean; rows without values are missing."""
    found = mean_of_rows([(1.0, 2.0), (4.0,), (), (3.0, 5.0)])
    assert found.value == pytest.approx((1.5 + 4 + 4) / 3)
    assert (found.n, found.missing) == (3, 1)
    assert found.low is None
    ranged, alike = mean_of_rows([(1.0, 2.0), (4.0,), (), (3.0, 5.0)], span=(1, 5)), mean([1.5, 4, 4], span=(1, 5))
    assert (ranged.low, ranged.high) == (alike.low, alike.high)


def test_equal_scores_have_no_interval() -> None:
    """Twenty times 3.7 does not prove that the mean is 3.7 exactly."""
    assert mean([3.7] * 20) == Estimate(pytest.approx(3.7), None, None, 20)


def test_the_same_figures_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap is equal to the last bit with and without numpy."""
    chance = random.Random(7)
    values = [chance.gauss(0, 10) for _row in range(83)]
    found = mean(values), mean(values, span=(-100.0, 100.0))
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert (mean(values), mean(values, span=(-100.0, 100.0))) == found


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: share(0, 0), "No rows"),
        (lambda: share(3, 2), "3 of 2"),
        (lambda: mean([]), "No rows"),
        (lambda: mean([1.5, math.nan]), "finite"),
        (lambda: mean([1.5, 2.5], missing=1, failed="wrong"), "worst"),
    ],
)
def test_what_is_no_data_is_refused(call: object, text: str) -> None:
    """No rows, impossible counts, NaN and a rule without its value are one clear line."""
    with pytest.raises(InputError, match=text):
        call()  # type: ignore[operator]


def test_mean_with_the_worst_and_the_best() -> None:
    """Ratings 2 and 4 with one failed row: 1 is added as the worst; bounds hold both extremes."""
    assert mean([2.0, 4.0], missing=1, failed="wrong", worst=1.0, best=5.0).value == pytest.approx(7 / 3)
    bounds = mean([2.0, 4.0, 3.0, 3.5], missing=1, failed="bounds", worst=1.0, best=5.0)
    assert bounds.low is None
    found = mean([2.0, 4.0, 3.0, 3.5], missing=1, failed="bounds", span=(1.0, 5.0))
    assert found.low == mean([2.0, 4.0, 3.0, 3.5, 1.0], span=(1.0, 5.0)).low
    assert found.high == mean([2.0, 4.0, 3.0, 3.5, 5.0], span=(1.0, 5.0)).high
