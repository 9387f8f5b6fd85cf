"""Agreement of coders, samples, models or prompts on the same rows: percent, kappas and Krippendorff's alpha.

A table of ratings is a sequence of rows, each with one label per rater; None is a missing cell. Labels are compared by
`==`: bring texts into their normal form first (`values.label`). Kappas and alpha subtract the agreement expected by
chance; where every label is the same there is nothing to subtract from, and InputError says so.

Intervals leave out one row at a time (jackknife), on Fisher's z scale, which keeps them below 1 and makes the
distribution nearly normal; t has as many degrees of freedom as rows that hold another label than the commonest, less
one. They are None where these are fewer than `MIN_ROWS`, and where leaving out a row changes nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from ..errors import InputError
from ..language import N_, _
from .distributions import student_quantile
from .intervals import ALPHA, Estimate, share_of_means
from .resampling import jackknife_error
from .values import number

__all__ = ["MIN_ROWS", "Level", "Ratings", "cohen_kappa", "fleiss_kappa", "krippendorff_alpha", "percent_agreement"]

Ratings: TypeAlias = Sequence[Sequence[Hashable | None]]
"""One sequence of labels per row, one label per rater; None: missing."""
Level: TypeAlias = Literal["nominal", "ordinal", "interval", "ratio"]
MIN_ROWS = 50
"""Chance-corrected agreement has an interval from this number of rows on: with 40, it covers 92 % for raters who nearly
always agree, and with 20 it covers 85 % for rare labels. With 50 and more, 94 to 98 %."""
MIN_INFORMATIVE = 12
"""Rows that hold another label than the commonest: with fewer, none that was tried covers the truth."""
_MOST_RATIO_VALUES = 3000
_GROUPS = 100
# Above this number of pairs of labels an ordinal interval takes longer than it is worth: the figure stands alone.
_MOST_PAIRS = 12_000

Pattern: TypeAlias = tuple[Hashable, ...]


def percent_agreement(ratings: Ratings) -> Estimate:
    """Share of pairs of raters that agree, averaged over the rows with at least two labels.

    Interval: that of a share, at an effective size where rows have more than one pair. Assumes independent rows.
    Raises InputError: no row with two labels.
    """
    patterns = _patterns(ratings)
    values = [_pairs(pattern) for pattern, count in patterns.items() for _row in range(count)]
    pairs = sum(len(pattern) * (len(pattern) - 1) // 2 * count for pattern, count in patterns.items())
    return share_of_means(values, pairs)


def _pairs(pattern: Pattern) -> float:
    m = len(pattern)
    return sum(count * (count - 1) for count in Counter(pattern).values()) / (m * (m - 1))


def _patterns(ratings: Ratings) -> Counter[Pattern]:
    """The rows with two labels or more, counted by what they hold: equal rows weigh the same when one is left out."""
    found: Counter[Pattern] = Counter()
    for row in ratings:
        kept = tuple(value for value in row if value is not None)
        if len(kept) > 1:
            found[kept] += 1
    if not found:
        raise InputError(_("No row has two answers to compare"))
    return found


def cohen_kappa(first: Sequence[Hashable | None], second: Sequence[Hashable | None]) -> Estimate:
    """Cohen's kappa of two raters: (Pₒ − Pₑ) / (1 − Pₑ) with Pₑ = Σ p₁(k) p₂(k).

    Rows with a missing label are left out.
    Source: Cohen, Educational and Psychological Measurement 20 (1960). Assumes independent rows and nominal labels.
    Raises InputError: other lengths, no common row, or one label only.
    """
    _require_same_length(first, second)
    pairs = Counter((a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None)
    if not pairs:
        raise InputError(_("No row has two answers to compare"))
    n = pairs.total()
    left, right = Counter[Hashable](), Counter[Hashable]()
    for (a, b), count in pairs.items():
        left[a] += count
        right[b] += count
    agreed = sum(count for (a, b), count in pairs.items() if a == b)
    chance = sum(count * right[value] for value, count in left.items())

    def kappa(agreed: int, chance: int, n: int) -> float:
        return _corrected(n * agreed, chance, n * n)

    value = kappa(agreed, chance, n)
    kinds = list(pairs)

    def without(kind: int) -> float:
        a, b = kinds[kind]
        return kappa(agreed - (a == b), chance - right[a] - left[b] + (a == b), n - 1)

    counts = list(pairs.values())
    return _with_interval(value, without, counts, n, _informative(pairs, counts, left + right))


def _corrected(observed: float, chance: float, total: float) -> float:
    if total == chance:
        raise InputError(_("All labels are the same: agreement beyond chance is undefined"))
    return (observed - chance) / (total - chance)


def _require_same_length(first: Sequence[object], second: Sequence[object]) -> None:
    if len(first) != len(second):
        raise InputError(
            _("The two lists of labels differ in length: {first} and {second}").format(
                first=len(first), second=len(second)
            )
        )


def fleiss_kappa(ratings: Ratings) -> Estimate:
    """Fleiss' kappa of raters that need not be the same for each row: chance from the pooled shares of the labels.

    Source: Fleiss, Psychological Bulletin 76 (1971). Rows need the same number of labels; those with a missing cell are
    left out, so alpha is the better choice there. Assumes independent rows and nominal labels.
    Raises InputError: fewer than two raters, no complete row, one label only.
    """
    raters = max((len(row) for row in ratings), default=0)
    patterns = {pattern: count for pattern, count in _patterns(ratings).items() if len(pattern) == raters}
    if not patterns:
        raise InputError(
            _("No row has an answer of each of the {count} raters").format(count=raters),
            hint=_("Krippendorff's alpha takes missing answers."),
        )
    n = sum(patterns.values())
    kinds = [Counter(pattern) for pattern in patterns]
    counts = list(patterns.values())
    totals = Counter[Hashable]()
    for kind, count in zip(kinds, counts, strict=True):
        for value, times in kind.items():
            totals[value] += times * count
    agreed = [sum(times * (times - 1) for times in kind.values()) for kind in kinds]
    observed = sum(part * count for part, count in zip(agreed, counts, strict=True))
    squares = sum(total * total for total in totals.values())

    def kappa(observed: int, squares: int, n: int) -> float:
        # P = observed / n m(m−1) and Pₑ = squares / (nm)², both over the common denominator n² m² (m−1).
        return _corrected(observed * n * raters, squares * (raters - 1), n * n * raters * raters * (raters - 1))

    def without(kind: int) -> float:
        less = sum(2 * totals[value] * times - times * times for value, times in kinds[kind].items())
        return kappa(observed - agreed[kind], squares - less, n - 1)

    return _with_interval(kappa(observed, squares, n), without, counts, n, _informative(kinds, counts, totals))


def krippendorff_alpha(ratings: Ratings, level: Level = "nominal", order: Sequence[Hashable] | None = None) -> Estimate:
    """Krippendorff's alpha, 1 − Dₒ/Dₑ: any number of raters, missing cells, four levels of measurement.

    Squared differences: nominal 0 or 1; ordinal of the mid-ranks; interval (c−k)²; ratio ((c−k)/(c+k))². Ordinal labels
    follow `order` (lowest first), numbers their size. Rows with fewer than two labels are left out.
    Source: Krippendorff, Content Analysis (2004), chapter 11. Assumes independent rows.
    Raises InputError: no row with two labels, one label only, text where numbers are needed, labels outside `order`.
    """
    if level not in get_args(Level):
        raise InputError(
            _("{level} is not a level of measurement").format(level=level),
            hint=_("Choose one of: {choices}").format(choices=", ".join(get_args(Level))),
        )
    patterns = _patterns(ratings)
    units = [Counter(pattern) for pattern in patterns]
    counts = list(patterns.values())
    totals = _totals(units, counts)
    if len(totals) < 2:
        raise InputError(_("All labels are the same: agreement beyond chance is undefined"))
    if level == "ordinal":
        return _ordinal(units, counts, _ranked(totals, order))
    measure: _Nominal | _Interval | _Ratio
    measure = _Nominal(totals) if level == "nominal" else (_Interval if level == "interval" else _Ratio)(totals)
    inside = [measure.within(unit) for unit in units]
    observed = math.fsum(part * count for part, count in zip(inside, counts, strict=True))
    n = totals.total()

    def without(kind: int) -> float:
        unit = units[kind]
        return _alpha(n - unit.total(), observed - inside[kind], measure.expected - measure.change(unit))

    value = _alpha(n, observed, measure.expected)
    return _with_interval(value, without, counts, sum(counts), _informative(units, counts, totals))


def _alpha(n: int, observed: float, expected: float) -> float:
    if expected <= 1e-12 * n:
        raise InputError(_("All labels are the same: agreement beyond chance is undefined"))
    return 1 - (n - 1) * observed / expected


def _totals(units: Sequence[Counter[Hashable]], counts: Sequence[int]) -> Counter[Hashable]:
    totals = Counter[Hashable]()
    for unit, count in zip(units, counts, strict=True):
        for value, times in unit.items():
            totals[value] += times * count
    return totals


# A measure knows the squared differences δ² of its level: `within(unit)` is Σ δ² over the ordered pairs of a row by
# (labels − 1), `expected` is Σ δ² over all ordered pairs of the table, `change(unit)` what `expected` loses with a row.


class _Nominal:
    def __init__(self, totals: Counter[Hashable]) -> None:
        self._totals = totals
        self.expected: float = totals.total() ** 2 - sum(total * total for total in totals.values())

    def within(self, unit: Counter[Hashable]) -> float:
        m = unit.total()
        return (m * m - sum(times * times for times in unit.values())) / (m - 1)

    def change(self, unit: Counter[Hashable]) -> float:
        n, m = self._totals.total(), unit.total()
        squares = sum(2 * self._totals[value] * times - times * times for value, times in unit.items())
        return 2 * n * m - m * m - squares


class _Interval:
    """Σ (x−y)² over ordered pairs is 2(m Σx² − (Σx)²); values are centred, so that nothing is lost to rounding."""

    def __init__(self, totals: Counter[Hashable]) -> None:
        positions = {value: _numeric(value) for value in totals}
        n = totals.total()
        center = math.fsum(positions[value] * times for value, times in totals.items()) / n
        self._x = {value: position - center for value, position in positions.items()}
        self._sums = self._moments(totals)
        self.expected = self._pairs(*self._sums)

    def _moments(self, unit: Counter[Hashable]) -> tuple[int, float, float]:
        parts = [(times, self._x[value]) for value, times in unit.items()]
        return unit.total(), math.fsum(t * x for t, x in parts), math.fsum(t * x * x for t, x in parts)

    @staticmethod
    def _pairs(m: int, first: float, second: float) -> float:
        return 2 * (m * second - first * first)

    def within(self, unit: Counter[Hashable]) -> float:
        return self._pairs(*self._moments(unit)) / (unit.total() - 1)

    def change(self, unit: Counter[Hashable]) -> float:
        m, first, second = self._moments(unit)
        n, all_first, all_second = self._sums
        return self.expected - self._pairs(n - m, all_first - first, all_second - second)


class _Ratio:
    def __init__(self, totals: Counter[Hashable]) -> None:
        if len(totals) > _MOST_RATIO_VALUES:
            raise InputError(
                _("Ratio agreement takes at most {most} different values, got {count}").format(
                    most=_MOST_RATIO_VALUES, count=len(totals)
                ),
                hint=_("Round the values, or use the interval level."),
            )
        self._x = {value: _numeric(value) for value in totals}
        if min(self._x.values()) < 0:
            raise InputError(
                _("Ratio agreement needs values of at least 0, got {value}").format(value=min(self._x.values()))
            )
        self._totals = totals
        self._far = {value: self._distance(x, totals) for value, x in self._x.items()}
        self.expected = math.fsum(times * self._far[value] for value, times in totals.items())

    def _distance(self, x: float, others: Counter[Hashable]) -> float:
        positions = self._x
        return math.fsum(
            times * ((x - y) / (x + y)) ** 2 for value, times in others.items() if (y := positions[value]) != x
        )

    def _pairs(self, unit: Counter[Hashable]) -> float:
        return math.fsum(times * self._distance(self._x[value], unit) for value, times in unit.items())

    def within(self, unit: Counter[Hashable]) -> float:
        return self._pairs(unit) / (unit.total() - 1)

    def change(self, unit: Counter[Hashable]) -> float:
        return 2 * math.fsum(times * self._far[value] for value, times in unit.items()) - self._pairs(unit)


def _numeric(value: Hashable) -> float:
    found = number(value)
    if found is None:
        raise InputError(
            _("Agreement at this level needs numbers, got {value}").format(value=repr(value)),
            hint=_("Use the nominal level, or ordinal with an order."),
        )
    return found


def _ranked(totals: Counter[Hashable], order: Sequence[Hashable] | None) -> list[Hashable]:
    if order is None:
        return sorted(totals, key=_numeric)
    outside = [value for value in totals if value not in order]
    if outside:
        raise InputError(
            _("{value} is not one of the ordered labels: {order}").format(
                value=repr(outside[0]), order=", ".join(map(str, order))
            )
        )
    return [value for value in order if value in totals]


def _ordinal(units: list[Counter[Hashable]], counts: list[int], ranked: list[Hashable]) -> Estimate:
    """Removing a row moves the ranks of all labels, so each part of the jackknife starts from the coincidences.

    Many kinds of rows are left out in `_GROUPS` groups instead of one by one.
    """
    coincidences = _coincidences(units, counts)
    totals = _totals(units, counts)
    value = _ordinal_alpha(totals, coincidences, ranked)
    if len(coincidences) > _MOST_PAIRS:
        return Estimate(value, None, None, sum(counts))
    if len(units) <= 2 * _GROUPS:
        parts = [([unit], [1]) for unit in units]
        weights = counts
    else:
        parts = [(units[group::_GROUPS], counts[group::_GROUPS]) for group in range(_GROUPS)]
        weights = [1] * _GROUPS

    def without(kind: int) -> float:
        part, times = parts[kind]
        rest = Counter(totals)
        rest.subtract(_totals(part, times))
        less = _coincidences(part, times)
        return _ordinal_alpha(rest, {pair: o - less.get(pair, 0.0) for pair, o in coincidences.items()}, ranked)

    return _with_interval(value, without, weights, sum(counts), _informative(units, counts, totals))


def _coincidences(units: Sequence[Counter[Hashable]], counts: Sequence[int]) -> dict[tuple[Hashable, Hashable], float]:
    found: dict[tuple[Hashable, Hashable], float] = {}
    for unit, count in zip(units, counts, strict=True):
        weight = count / (unit.total() - 1)
        for first, times in unit.items():
            for second, others in unit.items():
                if first != second:
                    found[first, second] = found.get((first, second), 0.0) + weight * times * others
    return found


def _ordinal_alpha(
    totals: Counter[Hashable], coincidences: Mapping[tuple[Hashable, Hashable], float], ranked: Sequence[Hashable]
) -> float:
    n, below = totals.total(), 0
    rank: dict[Hashable, float] = {}
    for value in ranked:
        rank[value] = below + totals[value] / 2 - n / 2
        below += totals[value]
    observed = math.fsum(o * (rank[a] - rank[b]) ** 2 for (a, b), o in coincidences.items())
    expected = 2 * n * math.fsum(times * rank[value] ** 2 for value, times in totals.items())
    return _alpha(n, observed, expected)


def _informative(kinds: Iterable[Collection[Hashable]], counts: Sequence[int], totals: Counter[Hashable]) -> int:
    """Rows that hold another label than the commonest."""
    common = totals.most_common(1)[0][0]
    return sum(count for kind, count in zip(kinds, counts, strict=True) if any(value != common for value in kind))


def _with_interval(
    value: float, without: Callable[[int], float], counts: Sequence[int], rows: int, informative: int
) -> Estimate:
    nothing = Estimate(value, None, None, rows)
    if rows < MIN_ROWS or informative < MIN_INFORMATIVE or abs(value) >= 1:
        return nothing
    try:
        error = jackknife_error(value, without, counts)[1]
    except InputError:  # all labels are the same but for one row
        return nothing
    if error == 0:
        return nothing
    center = math.atanh(value)
    half = student_quantile(1 - ALPHA / 2, min(informative, sum(counts)) - 1) * error / (1 - value * value)
    return Estimate(value, math.tanh(center - half), math.tanh(center + half), rows, N_("jackknife, Fisher's z"))
