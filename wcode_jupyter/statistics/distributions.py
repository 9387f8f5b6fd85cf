"""Distribution functions and quantiles of the normal, binomial, beta and Student t distributions.

Standard library only, so that a figure is the same with and without scipy; tests compare every function with scipy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

__all__ = ["beta_cdf", "binomial_cdf", "normal_cdf", "normal_quantile", "root", "student_quantile", "student_tail"]

_NORMAL = NormalDist()
_TINY = 1e-300
_EPSILON = 1e-16
_STEPS = 100_000


def normal_cdf(z: float) -> float:
    """Probability that a standard normal variable is at most `z`."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_quantile(p: float) -> float:
    """Value that a standard normal variable exceeds with probability 1 − p; `p` is between 0 and 1, exclusive."""
    return _NORMAL.inv_cdf(p)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularized incomplete beta function I_x(a, b); for a <= 0 it is 1, for b <= 0 it is 0 (their limits).

    Continued fraction by Lentz's method (Press et al., Numerical Recipes, section 6.4).
    """
    if a <= 0:
        return 1.0
    if b <= 0:
        return 0.0
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, _safe(1 - (a + b) * x / (a + 1))
    d = 1 / d
    found = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _safe(1 + term * d)
            c = _safe(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < 3 * _EPSILON:
            break
    return found


def _safe(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def binomial_cdf(k: int, n: int, p: float) -> float:
    """Probability of at most `k` successes in `n` trials."""
    return 0.0 if k < 0 else 1.0 if k >= n else beta_cdf(1 - p, n - k, k + 1)


def student_tail(t: float, df: float) -> float:
    """Probability that a Student t variable with `df` degrees of freedom exceeds `t`."""
    if t * t < df:
        return 0.5 - math.copysign(0.5 * beta_cdf(t * t / (df + t * t), 0.5, df / 2), t)
    tail = 0.5 * beta_cdf(df / (df + t * t), df / 2, 0.5)
    return tail if t > 0 else 1 - tail


@lru_cache(maxsize=4096)
def student_quantile(p: float, df: float) -> float:
    """Value that a Student t variable exceeds with probability 1 − p."""
    if p <= 0.5:
        return -student_quantile(1 - p, df) if p < 0.5 else 0.0
    high = 2.0
    while student_tail(high, df) > 1 - p:
        high *= 2
    return root(lambda t: student_tail(t, df) - (1 - p), 0.0, high)


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function` changes its sign between `low` and `high`, to the precision of floats.

    Chandrupatla's method (Advances in Engineering Software 28, 1997): inverse quadratic steps, bisection where these
    are not safe.
    """
    a, b = high, low
    at_a, at_b = function(a), function(b)
    if at_a == 0 or at_b == 0:
        return a if at_a == 0 else b
    c, at_c, step = a, at_a, 0.5
    for _attempt in range(200):
        new = a + step * (b - a)
        at_new = function(new)
        if (at_new < 0) == (at_a < 0):
            c, at_c = a, at_a
        else:
            c, b, at_c, at_b = b, a, at_b, at_a
        a, at_a = new, at_new
        best = a if abs(at_a) < abs(at_b) else b
        tolerance = (2 * _EPSILON * abs(best) + 1e-18) / abs(b - a) if a != b else 1.0
        if tolerance > 0.5 or at_a == 0:
            return best if at_a != 0 else a
        step = _step(a, b, c, at_a, at_b, at_c)
        step = min(1 - tolerance, max(tolerance, step))
    return best


def _step(a: float, b: float, c: float, at_a: float, at_b: float, at_c: float) -> float:
    if at_a in (at_b, at_c) or at_b == at_c:
        return 0.5
    xi, phi = (a - b) / (c - b), (at_a - at_b) / (at_c - at_b)
    if not phi * phi < xi or not (1 - phi) ** 2 < 1 - xi:
        return 0.5
    first = at_a / (at_b - at_a) * at_c / (at_b - at_c)
    return first + (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
