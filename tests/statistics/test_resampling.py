"""Bootstrap and jackknife from a fixed seed."""

from __future__ import annotations

import math
import random
import sys

import pytest

from wcode_jupyter.statistics.resampling import (
    bca,
    jackknife_error,
    percentile,
    resampled_means,
    resampled_rows,
)

numpy = pytest.importorskip("numpy")
stats = pytest.importorskip("scipy.stats")


def test_bca_agrees_with_its_formula_in_scipy_and_numpy() -> None:
    """The limits are numpy's quantiles at the levels that Efron's formula gives with scipy's normal distribution."""
    values = [random.Random(3).expovariate(1) for _row in range(5)] + [0.2, 0.9, 4.0, 1.1]
    means = numpy.array(resampled_means(values))
    center = numpy.mean(values)
    z0 = stats.norm.ppf((means < center).mean() + (means == center).mean() / 2)
    leave = numpy.array([numpy.mean(values[:i] + values[i + 1 :]) for i in range(len(values))])
    d = leave.mean() - leave
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    levels = [stats.norm.cdf(z0 + (z0 + z) / (1 - a * (z0 + z))) for z in stats.norm.ppf([0.025, 0.975])]
    assert bca(values, 0.05) == pytest.approx(tuple(numpy.quantile(means, levels)), abs=1e-9)


def test_resampled_means_have_the_right_center_and_spread() -> None:
    """Their mean is that of the values, their deviation σ/√n, both within the error of 2,000 draws."""
    values = [float(n) for n in range(20)]
    means = resampled_means(values)
    assert numpy.mean(means) == pytest.approx(9.5, abs=4 * 5.77 / math.sqrt(20 * 2000))
    assert numpy.std(means) == pytest.approx(numpy.std(values) / math.sqrt(20), rel=0.06)


def test_a_resample_draws_as_many_rows_as_there_are() -> None:
    """Counts add up to n, and two resamples differ."""
    first, second = resampled_rows(range(50), 2)
    assert sum(first) == sum(second) == 50
    assert first != second


def test_rows_of_one_kind_are_counted_together() -> None:
    """Even and odd rows: the counts of their rows, added up."""
    (each,) = resampled_rows(range(50), 1)
    (kinds,) = resampled_rows([row % 2 for row in range(50)], 1)
    assert kinds == [sum(each[::2]), sum(each[1::2])]


def test_resampled_rows_are_the_same_without_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last count."""
    kinds = [row % 7 for row in range(100)]
    with_numpy = list(resampled_rows(kinds, 5))
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert list(resampled_rows(kinds, 5)) == with_numpy


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
