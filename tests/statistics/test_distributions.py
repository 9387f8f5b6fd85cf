"""Distribution functions against scipy."""

from __future__ import annotations

import random

import pytest

from wcode_jupyter.statistics.distributions import (
    beta_cdf,
    binomial_cdf,
    normal_cdf,
    normal_quantile,
    root,
    student_quantile,
    student_tail,
)

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")


def test_beta_agrees_with_scipy_over_all_sizes() -> None:
    """The incomplete beta function is right to 1e-9 for parameters from 0.1 to 100,000, near its middle and far off."""
    chance = random.Random(1)
    for _draw in range(2000):
        a, b = 10 ** chance.uniform(-1, 5), 10 ** chance.uniform(-1, 5)
        x = chance.random() if chance.random() < 0.5 else min(1.0, a / (a + b) * chance.uniform(0.9, 1.1))
        assert beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), abs=1e-9)


def test_beta_at_its_limits() -> None:
    """Zero parameters are the limits: all mass at 0, or all mass at 1."""
    assert beta_cdf(0.3, 0, 2) == 1
    assert beta_cdf(0.3, 2, 0) == 0
    assert (beta_cdf(0, 1, 1), beta_cdf(1, 1, 1)) == (0, 1)


@pytest.mark.parametrize("df", [1, 2, 3, 4.5, 10, 100, 1999, 1e5])
def test_student_agrees_with_scipy(df: float) -> None:
    """Tails and quantiles of Student's t are right to 1e-9."""
    for p in (0.0001, 0.025, 0.4, 0.5, 0.6, 0.9, 0.975, 0.9999):
        assert student_quantile(p, df) == pytest.approx(stats.t.ppf(p, df), rel=1e-9, abs=1e-12)
    for t in (-30, -2, -0.1, 0, 0.1, 1.5, 4, 50):
        assert student_tail(t, df) == pytest.approx(stats.t.sf(t, df), rel=1e-9, abs=1e-15)


def test_normal_and_binomial_agree_with_scipy() -> None:
    """Normal and binomial functions are right to 1e-9."""
    for p in (1e-6, 0.025, 0.5, 0.8):
        assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), abs=1e-9)
        assert normal_cdf(stats.norm.ppf(p)) == pytest.approx(p, abs=1e-12)
    for k, n, p in [(-1, 5, 0.5), (0, 5, 0.3), (3, 7, 0.5), (7, 7, 0.5), (480, 1000, 0.5)]:
        assert binomial_cdf(k, n, p) == pytest.approx(stats.binom.cdf(k, n, p), abs=1e-9)


def test_root_finds_where_the_sign_changes() -> None:
    """A root is found to the precision of floats, also at an end of the bracket."""
    assert root(lambda x: x * x - 2, 0, 2) == pytest.approx(2**0.5, rel=1e-15)
    assert root(lambda x: x, 0, 1) == 0
