"""95 % intervals of shares and means, and what becomes of rows without an answer.

A figure and its interval travel together as an `Estimate` that always says how many rows it rests on. Where rows are
too few to say anything, or all values are the same, the limits are None: a dash in tables, never a guess.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .distributions import beta_cdf, normal_quantile, root, student_quantile
from .resampling import bounded, studentised

__all__ = [
    "ALPHA",
    "BOOTSTRAP_BELOW",
    "MIN_SCORES",
    "Estimate",
    "Failed",
    "mean",
    "mean_of_rows",
    "mean_of_scores",
    "mid_p",
    "share",
    "share_of_means",
    "share_of_rows",
]

ALPHA = 0.05
"""One minus the confidence level of every interval."""
BOOTSTRAP_BELOW = 2000
"""From this number of rows on the t interval is as good, and resampling takes seconds."""
MIN_SCORES = 10
"""Scores of unknown range have an interval from this number of rows on: no method covers skewed ones with fewer."""
_CAUTIOUS_BELOW = 100

Failed: TypeAlias = Literal["out", "wrong", "bounds"]
"""Rule for rows without an answer: left out; counted as wrong (the lowest value); or both extremes, so that the
interval holds whatever the missing answers would have been."""


class Estimate(Struct, frozen=True):
    """A figure with its 95 % interval. `value`, `low` and `high` are None where the rows cannot say."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Rows that the figure is made of."""
    method: str = ""
    """Name of the interval's method, untranslated."""
    missing: int = 0
    """Rows without an answer: left out, or counted as `method` says."""

    def __str__(self) -> str:
        if self.value is None:
            return "–"
        if self.low is None or self.high is None:
            return f"{self.value:.3g} [–]"
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"


def share(successes: int, n: int, *, missing: int = 0, failed: Failed = "out") -> Estimate:
    """Share of `successes` among `n` independent rows, with its mid-p Clopper-Pearson interval.

    The limits solve P(X > x) + ½ P(X = x) = 2.5 % and its mirror image for X ~ Binomial(n, p). Assumes rows drawn
    independently. Source: Lancaster, Biometrika 36 (1949); Agresti and Gottard, Computational Statistics & Data
    Analysis 51 (2007). One row has no interval. `missing` rows have no answer; `failed` is the rule for them.

    Raises InputError: no rows, or counts that cannot be.
    """
    if not 0 <= successes <= n or missing < 0:
        raise InputError(_("{successes} of {n} is not a share").format(successes=successes, n=n))
    total = n + missing
    if failed == "wrong":
        n = total
    _require_rows(n)
    low, high = mid_p(successes, n)
    if failed == "bounds":
        low, high = mid_p(successes, total)[0], mid_p(successes + missing, total)[1]
    return _estimate(successes / n, low, high, n, N_("mid-p Clopper-Pearson"), missing)


@lru_cache(maxsize=16384)
def mid_p(x: float, n: float) -> tuple[float, float]:
    """Mid-p limits of `x` successes in `n` trials; both may be fractions (effective sizes)."""
    half = ALPHA / 2

    def above(p: float) -> float:  # P(X >= x) less half of P(X = x)
        return (beta_cdf(p, x, n - x + 1) + beta_cdf(p, x + 1, n - x)) / 2 - half

    def below(p: float) -> float:
        return (beta_cdf(1 - p, n - x, x + 1) + beta_cdf(1 - p, n - x + 1, x)) / 2 - half

    # P(X > x) is zero at x = n, and so is P(X < x) at x = 0: the half mass alone decides, or nothing does.
    low = 0.0 if x <= 0 else root(above, 0.0, 1.0)
    high = 1.0 if x >= n else root(below, 0.0, 1.0)
    return low, high


def share_of_rows(rows: Sequence[Sequence[float]], *, missing: int = 0, failed: Failed = "out") -> Estimate:
    """Share of ones over rows of which each has one or more 0/1 values (samples of one model, say).

    Mean of the rows' means; the interval is that of `share_of_means`. Rows without a value are missing.
    """
    rows, gone = _kept(rows)
    means = [math.fsum(row) / len(row) for row in rows]
    return share_of_means(means, sum(map(len, rows)), missing=missing + gone, failed=failed)


def share_of_means(means: Sequence[float], values: int, *, missing: int = 0, failed: Failed = "out") -> Estimate:
    """Mean of rows' shares, each between 0 and 1, that come from `values` 0/1 values in all.

    The interval is mid-p Clopper-Pearson at the effective size n* = p(1−p)/V · (z/t)², where V is the variance of the
    mean of the shares; n* is at least the number of rows (values that repeat their row) and at most `values`.
    Source: Korn and Graubard, Survey Methodology 24 (1998). The degrees of freedom of t are the rows that differ from
    the commonest share, which is what V is estimated from: with n − 1 the coverage falls to 0.92 for few rows. Assumes
    independent rows.
    """
    n = len(means)
    if values == n and all(value in (0, 1) for value in means):
        return share(round(math.fsum(means)), n, missing=missing, failed=failed)
    wrong, right = [*means, *[0.0] * missing], [*means, *[1.0] * missing]
    if failed == "wrong":
        means, values = wrong, values + missing
    _require_rows(len(means))
    low, high = _effective(means, values)
    if failed == "bounds":
        low, high = _effective(wrong, values + missing)[0], _effective(right, values + missing)[1]
    p = math.fsum(means) / len(means)
    return _estimate(p, low, high, len(means), N_("mid-p Clopper-Pearson, effective size"), missing)


def _effective(means: Sequence[float], values: int) -> tuple[float, float]:
    n = len(means)
    p = math.fsum(means) / n
    spread = math.fsum((value - p) ** 2 for value in means) / (n * max(n - 1, 1))
    size = float(n)
    if spread > 0:
        informative = n - max(Counter(means).values())
        factor = (normal_quantile(1 - ALPHA / 2) / student_quantile(1 - ALPHA / 2, max(informative, 1))) ** 2
        size = min(float(values), max(float(n), p * (1 - p) / spread * factor))
    return mid_p(p * size, size)


def mean(
    values: Sequence[float],
    *,
    missing: int = 0,
    failed: Failed = "out",
    worst: float | None = None,
    best: float | None = None,
    span: tuple[float, float] | None = None,
) -> Estimate:
    """Mean of independent values with its interval: a share for 0/1 values, else as in `mean_of_scores`.

    See `mean_of_rows` for the rule for rows without a value.
    """
    return mean_of_rows(
        [(value,) for value in values], missing=missing, failed=failed, worst=worst, best=best, span=span
    )


def mean_of_rows(
    rows: Sequence[Sequence[float]],
    *,
    missing: int = 0,
    failed: Failed = "out",
    worst: float | None = None,
    best: float | None = None,
    span: tuple[float, float] | None = None,
) -> Estimate:
    """Mean of the rows' means with its interval. Values that are all 0 or 1 are a share (see `share_of_rows`).

    Repeated rows count once, by their mean. Rows without a value: left out; or counted as `worst`; or, for `bounds`,
    as `worst` for the lower and as `best` for the upper limit (0 and 1 for shares). `span`: the lowest and the highest
    score there can be, where that is known (see `mean_of_scores`); they are the worst and the best then. A scale that
    holds more than 0 and 1 needs it: rows that happen to have nothing but ones are a share otherwise.

    Raises InputError: no rows, a value that is not finite or outside the span, or a rule without the value it needs.
    """
    rows, gone = _kept(rows)
    missing += gone
    _require_finite(rows)
    if span is not None:
        worst, best = span[0] if worst is None else worst, span[1] if best is None else best
    if all(value in (0, 1) for row in rows for value in row) and (worst, best) in ((None, None), (0, 1)):
        return share_of_rows(rows, missing=missing, failed=failed)
    means = [math.fsum(row) / len(row) for row in rows]
    if missing and ((failed != "out" and worst is None) or (failed == "bounds" and best is None)):
        raise InputError(
            _("The rule for failed rows needs the worst and the best possible score"),
            hint=_("Scores of 0 and 1 need none. Or leave failed rows out."),
        )
    if failed == "wrong" and worst is not None:
        means += [worst] * missing
    found = mean_of_scores(means, span)
    low, high = found.low, found.high
    if failed == "bounds" and missing and worst is not None and best is not None:
        low = mean_of_scores([*means, *[worst] * missing], span).low
        high = mean_of_scores([*means, *[best] * missing], span).high
    return Estimate(found.value, low, high, found.n, found.method, missing)


def mean_of_scores(values: Sequence[float], span: tuple[float, float] | None = None) -> Estimate:
    """Mean of independent values with its interval; `span` is the lowest and the highest value there can be.

    With a span: the interval for bounded values (see `resampling.bounded`), which assumes nothing about their
    distribution and holds from two rows on; beyond `BOOTSTRAP_BELOW` rows, Student t.
    Without: Student t, x̄ ± t(n−1) s/√n, or the studentised bootstrap where this is farther out; below 100 rows at
    97 %, for at 95 % it covers log-normal values with 91 % only. A dash below `MIN_SCORES` rows, where skewed values
    are covered by neither, and where values are so alike that resamples often have no spread. Assumes tails that are
    not heavier than those of log-normal values (σ = 1). Equal values of unknown range have no interval.

    Raises InputError: no rows, or a value outside the span.
    """
    n = len(values)
    _require_rows(n)
    center = math.fsum(values) / n
    if span is not None:
        _require_inside(values, span)
    if n < 2 or (min(values) == max(values) and (span is None or n >= BOOTSTRAP_BELOW)):
        return Estimate(center, None, None, n)
    if span is not None and n < BOOTSTRAP_BELOW:
        return Estimate(center, *bounded(values, span, ALPHA), n, N_("bounded values, Bayesian bootstrap"))
    deviation = math.sqrt(math.fsum((value - center) ** 2 for value in values) / (n - 1))
    half = student_quantile(1 - ALPHA / 2, n - 1) * deviation / math.sqrt(n)
    if n >= BOOTSTRAP_BELOW:
        return Estimate(center, center - half, center + half, n, N_("Student t"))
    limits = studentised(values, 0.03 if n < _CAUTIOUS_BELOW else ALPHA) if n >= MIN_SCORES else None
    if limits is None:
        return Estimate(center, None, None, n)
    low, high = min(center - half, limits[0]), max(center + half, limits[1])
    return Estimate(center, low, high, n, N_("Student t or studentised bootstrap, the wider"))


def _require_inside(values: Sequence[float], span: tuple[float, float]) -> None:
    low, high = span
    outside = next((value for value in values if not low <= value <= high), None)
    if outside is not None:
        raise InputError(
            _("The score {value} is outside its range, {low} to {high}").format(value=outside, low=low, high=high),
            hint=_("Correct the range, or leave it out."),
        )


def _kept(rows: Sequence[Sequence[float]]) -> tuple[list[Sequence[float]], int]:
    kept = [row for row in rows if len(row)]
    return kept, len(rows) - len(kept)


def _require_rows(n: int) -> None:
    if n < 1:
        raise InputError(_("No rows with an answer to compute this from"))


def _require_finite(rows: Sequence[Sequence[float]]) -> None:
    for row in rows:
        for value in row:
            if not math.isfinite(value):
                raise InputError(_("The mean needs finite numbers, got {value}").format(value=value))


def _estimate(value: float, low: float | None, high: float | None, n: int, method: str, missing: int) -> Estimate:
    if n < 2:
        low = high = None
    return Estimate(value, low, high, n, method if low is not None else "", missing)
