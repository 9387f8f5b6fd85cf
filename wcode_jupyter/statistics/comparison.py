"""Two conditions on the same rows: difference with interval, test, effect size, and rows needed.

All figures are paired: a row counts where both sides have a value. Rows with several samples enter by their mean, so
that samples of one row are not mistaken for rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .distributions import binomial_cdf, normal_quantile, student_quantile, student_tail
from .intervals import ALPHA, Estimate, mean_of_rows, mean_of_scores

__all__ = ["Comparison", "compare", "difference_of_shares", "holm", "mcnemar", "rows_needed"]


class Comparison(Struct, frozen=True):
    """Second less first on the common rows."""

    first: Estimate
    second: Estimate
    """Means of the two sides over the common rows."""
    difference: Estimate
    p: float | None
    """Two-sided p-value of no difference; None where the rows cannot say."""
    test: str
    """Name of the test, untranslated."""
    effect: float | None
    """Right/wrong: Cohen's g, the share of rows that flip in favour of the second, less ½. Else Cohen's d of the
    differences. None where nothing differs."""
    variance: float
    """Of the rows' differences."""
    gained: int
    """Rows on which the second is better."""
    lost: int
    n: int
    missing: int
    """Rows that only one side, or none, has a value for."""


def compare(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]], span: tuple[float, float] | None = None
) -> Comparison:
    """Compares scores of the same rows; each row has one or more values, or none where it failed.

    `span`: the lowest and the highest score there can be, for scores other than 0 and 1; None: not known.

    Values that are all 0 or 1, one a row: exact McNemar test, Bonett-Price interval. With several 0/1 samples a row:
    the same interval over the rows' means, paired t test. Other scores: paired t test, and the interval of
    `intervals.mean_of_scores` over the rows' differences. Assumes independent rows.
    Raises InputError: other lengths, or no common row.
    """
    if len(first) != len(second):
        raise InputError(
            _("The two sides differ in their number of rows: {first} and {second}").format(
                first=len(first), second=len(second)
            )
        )
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if len(a) and len(b)]
    if not pairs:
        raise InputError(_("No row has an answer on both sides"))
    ones = all(value in (0, 1) for pair in pairs for side in pair for value in side)
    single = all(len(side) == 1 for pair in pairs for side in pair)
    left = [math.fsum(a) / len(a) for a, _b in pairs]
    right = [math.fsum(b) / len(b) for _a, b in pairs]
    differences = [b - a for a, b in zip(left, right, strict=True)]
    gained, lost = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    difference = difference_of_shares(differences) if ones else mean_difference(differences, span)
    p: float | None
    effect: float | None
    if ones and single:
        p, test = mcnemar(lost, gained), N_("exact McNemar")
        effect = gained / (gained + lost) - 0.5 if gained + lost else None
    else:
        p, test = _paired_t(differences), N_("paired t")
        effect = _standardized(differences)
    if len(pairs) < 2 or (difference.low is None and effect is None):
        p = None
    return Comparison(
        first=mean_of_rows([a for a, _b in pairs], span=None if ones else span),
        second=mean_of_rows([b for _a, b in pairs], span=None if ones else span),
        difference=difference,
        p=p,
        test=test,
        effect=effect,
        variance=_variance(differences),
        gained=gained,
        lost=lost,
        n=len(pairs),
        missing=len(first) - len(pairs),
    )


def mcnemar(lost: int, gained: int) -> float:
    """Two-sided exact p-value: `lost` and `gained` are equally likely, 2 P(X <= min) for X ~ Binomial(lost+gained, ½).

    Source: McNemar, Psychometrika 12 (1947). No discordant row: 1. Assumes independent rows.
    """
    return min(1.0, 2 * binomial_cdf(min(lost, gained), lost + gained, 0.5))


def difference_of_shares(differences: Sequence[float]) -> Estimate:
    """Mean of paired differences between −1 and 1, with its adjusted Wald interval.

    Two pairs are added, one for each side: with d̃ = Σd/(n+2), d̃ ± z √((Σd² + 2)/(n+2) − d̃²)/√(n+2), cut at −1 and 1.
    Source: Bonett and Price, Journal of Educational and Behavioral Statistics 37 (2012), for d of −1, 0, 1; row means
    enter the same formula, with t(n−1) in place of z. Assumes independent rows. One row has no interval.
    """
    n = len(differences)
    value = math.fsum(differences) / n
    if n < 2:
        return Estimate(value, None, None, n)
    plain = all(d in (-1, 0, 1) for d in differences)
    moved = math.fsum(differences) / (n + 2)
    squares = (math.fsum(d * d for d in differences) + 2) / (n + 2)
    times = normal_quantile(1 - ALPHA / 2) if plain else student_quantile(1 - ALPHA / 2, n - 1)
    half = times * math.sqrt((squares - moved * moved) / (n + 2))
    return Estimate(value, max(-1.0, moved - half), min(1.0, moved + half), n, N_("Bonett-Price"))


def mean_difference(differences: Sequence[float], span: tuple[float, float] | None = None) -> Estimate:
    """Mean of paired differences of scores that lie in `span`, as for any scores (see `intervals.mean_of_scores`)."""
    return mean_of_scores(differences, None if span is None else (span[0] - span[1], span[1] - span[0]))


def _paired_t(differences: Sequence[float]) -> float | None:
    n = len(differences)
    size = _standardized(differences)
    if n < 2 or size is None:
        return None if n < 2 or any(differences) else 1.0
    return min(1.0, 2 * student_tail(abs(size) * math.sqrt(n), n - 1))


def _standardized(differences: Sequence[float]) -> float | None:
    variance = _variance(differences)
    return math.fsum(differences) / len(differences) / math.sqrt(variance) if variance > 0 else None


def _variance(differences: Sequence[float]) -> float:
    n = len(differences)
    if n < 2 or min(differences) == max(differences):
        return 0.0
    center = math.fsum(differences) / n
    return math.fsum((d - center) ** 2 for d in differences) / (n - 1)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for their number by Holm's step-down method, in the order given; None stays and is not counted.

    p₍ᵢ₎ becomes max over j <= i of (m − j + 1) p₍ⱼ₎, at most 1. Source: Holm, Scandinavian Journal of Statistics 6
    (1979). Assumes nothing about how the tests depend on each other.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, place) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - rank) * p))
        adjusted[place] = highest
    return adjusted


def rows_needed(difference: float, spread: float, *, power: float = 0.8) -> int:
    """Rows for a two-sided 5 % test to find a `difference` of means with probability `power`.

    n = ((z₀.₉₇₅ + z_power) · spread / difference)², rounded up; `spread` is the standard deviation of the rows'
    differences (for right/wrong √(discordant share − difference²)). Normal approximation: for n below 30 add 2.
    Source: Lachin, Controlled Clinical Trials 2 (1981). Raises InputError: no difference, no spread, impossible power.
    """
    if difference == 0 or spread <= 0 or not 0 < power < 1:
        raise InputError(
            _("Rows needed: got difference {difference}, standard deviation {spread}, power {power}").format(
                difference=difference, spread=spread, power=power
            ),
            hint=_("The difference must not be 0, the standard deviation above 0, the power between 0 and 1."),
        )
    return math.ceil(((normal_quantile(1 - ALPHA / 2) + normal_quantile(power)) * spread / difference) ** 2)
