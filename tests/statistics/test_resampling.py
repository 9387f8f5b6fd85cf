"""Bootstrap and jackknife from a fixed seed."""

from __future__ import annotations

import math
import random

import pytest

from wcode_jupyter.statistics.intervals import mid_p
from wcode_jupyter.statistics.resampling import RESAMPLES, bounded, jackknife_error, percentile, studentised

numpy = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")


def test_the_studentised_bootstrap_agrees_with_its_formula_in_numpy() -> None:
    """Limits from t* = (mean − x̄)/se of resamples that numpy draws on its own: equal but for the error of the draws."""
    chance = random.Random(3)
    values = [chance.expovariate(1) for _row in range(24)]
    found = studentised(values, 0.05)
    assert found is not None
    x, n = numpy.array(values), len(values)
    drawn = x[numpy.random.default_rng(1).integers(0, n, (40_000, n))]
    t = (drawn.mean(axis=1) - x.mean()) / (drawn.std(axis=1, ddof=1) / math.sqrt(n))
    error = x.std(ddof=1) / math.sqrt(n)
    expected = x.mean() - numpy.quantile(t, 0.975) * error, x.mean() - numpy.quantile(t, 0.025) * error
    assert found == pytest.approx(tuple(expected), abs=0.15 * error * 2)


def test_values_nearly_all_alike_have_no_studentised_limits() -> None:
    """One value of ten differs: a third of all resamples have no spread, and how far the mean may be is not known."""
    assert studentised([1.0] * 9 + [2.0], 0.05) is None


@pytest.mark.parametrize(("ones", "n"), [(0, 4), (1, 4), (3, 10), (10, 10), (18, 20)])
def test_bounded_values_at_their_ends_are_a_share(ones: int, n: int) -> None:
    """For zeros and ones the interval is mid-p Clopper-Pearson's, but for the error of 2,000 draws."""
    found = bounded([1.0] * ones + [0.0] * (n - ones), (0.0, 1.0), 0.05)
    assert found == pytest.approx(mid_p(ones, n), abs=0.03)


def test_a_bounded_interval_moves_with_the_scale() -> None:
    """Ratings from 1 to 5 have the interval of the same values on 0 to 1, moved and stretched."""
    values = [0.25, 0.5, 0.5, 1.0]
    low, high = bounded(values, (0.0, 1.0), 0.05)
    assert bounded([1 + 4 * value for value in values], (1.0, 5.0), 0.05) == pytest.approx((1 + 4 * low, 1 + 4 * high))
    assert RESAMPLES == 2000


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    """For a mean the jackknife is s/√n exactly, without bias."""
    values = [1.0, 2.0, 4.0, 4.0]
    kinds, counts = [1.0, 2.0, 4.0], [1, 1, 2]
    value, error = jackknife_error(2.75, lambda kind: (11 - kinds[kind]) / 3, counts)
    assert value == pytest.approx(2.75)
    assert error == pytest.approx(stats.sem(values), abs=1e-12)


def test_percentile_is_linear() -> None:
    """Between neighbours the percentile is linear, as numpy's."""
    assert percentile([1.0, 2.0, 10.0], 0.75) == pytest.approx(numpy.quantile([1, 2, 10], 0.75))
