"""Where the spread of answers comes from: rows, wordings, models, swept values, samples.

Answers are a cell for each row and combination of factors. A numeric answer counts by its value; a label by one
indicator for each class, whose variances are added (twice the Gini impurity: Light and Margolin, JASA 66, 1971).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from operator import mul, sub

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .distributions import student_quantile
from .intervals import ALPHA, Estimate, share
from .resampling import jackknife_error
from .values import distinct

__all__ = ["Observation", "VarianceShares", "flips", "variance_shares"]

MIN_ROWS = 50
"""Below this number of complete rows the shares have no interval: with 20, none that was tried covers them."""


class Observation(Struct, frozen=True):
    """One answer: its row, the level of each factor, and the value; samples of one combination repeat it."""

    row: Hashable
    levels: tuple[Hashable, ...]
    value: Hashable | None


class VarianceShares(Struct, frozen=True):
    """Share of the total variance by source; they add up to 1."""

    rows: Estimate
    """Between rows: what the answers are meant to tell apart."""
    factors: Mapping[str, Estimate]
    """Within rows, between the levels of a factor, its interplay with the rows included."""
    rest: Estimate
    """Between samples of one combination; without repeated samples, the interplay of the factors."""
    repeated: bool
    """Whether samples were repeated: else a factor's share includes chance."""
    n: int
    missing: int
    """Rows that lack an answer of some combination: left out."""


def variance_shares(cells: Sequence[Observation], names: Sequence[str]) -> VarianceShares:
    """Variance components of a crossed, balanced design, as shares of their sum.

    Within each row: SS of each factor's level means, and of the samples within a combination. Mean squares less the
    next inner mean square, divided by the answers per level, give the components (method of moments; negative ones are
    0). Rows: mean square between rows less the factors' parts. Intervals: jackknife over rows with t, of the share or
    of its logit, whichever is farther out. Sources: Searle, Casella and McCulloch, Variance Components (1992), chapter
    4; Arvesen, Annals of Mathematical Statistics 40 (1969). Assumes independent rows.
    Raises InputError: no row with all combinations, fewer than two levels everywhere and no repeats, no spread.
    """
    table, missing = _complete(cells)
    parts = _row_parts(table, len(names))
    found = Counter(parts.kinds)
    counts = [found[kind] for kind in range(len(found))]
    sums = _sums(parts, counts)
    values = [max(0.0, value) for value in _components(parts, sums)]
    total = math.fsum(values)
    if total <= 0:
        raise InputError(_("All answers are the same: there is no spread to divide up"))
    limits = _limits(parts, sums, counts)
    n = len(parts.kinds)
    estimates = [
        Estimate(value / total, *limit, n, N_("jackknife over rows, t") if limit[0] is not None else "")
        for value, limit in zip(values, limits, strict=True)
    ]
    factors = dict(zip(names, estimates[1:-1], strict=True))
    return VarianceShares(estimates[0], factors, estimates[-1], parts.samples > 1, n, missing)


class _Parts(Struct, frozen=True):
    """Sums of squares of each kind of row, so that leaving one out only subtracts them.

    Rows with the same answers are of one kind: of labels there are few kinds, however many rows there are.
    """

    kinds: tuple[int, ...]
    """The kind of each row."""
    squares: tuple[tuple[float, ...], ...]
    """For each factor, then for the samples within combinations (the rest): the sum of squares of each kind."""
    means: tuple[tuple[float, ...], ...]
    """For each indicator: its mean in each kind, less the mean over all kinds."""
    levels: tuple[int, ...]
    combinations: int
    samples: int


class _Sums(Struct, frozen=True):
    """What the components are made of, added over the rows."""

    n: int
    inner: tuple[float, ...]
    """For each factor, then for the rest: the sum of squares within rows."""
    means: tuple[float, ...]
    squares: tuple[float, ...]
    """Of the rows' means."""


def _sums(parts: _Parts, counts: Sequence[int]) -> _Sums:
    weighted = [list(map(mul, counts, column)) for column in parts.means]
    return _Sums(
        sum(counts),
        tuple(math.fsum(map(mul, counts, column)) for column in parts.squares),
        tuple(map(math.fsum, weighted)),
        tuple(math.fsum(map(mul, some, column)) for some, column in zip(weighted, parts.means, strict=True)),
    )


def _without(parts: _Parts, sums: _Sums, kind: int) -> _Sums:
    """The sums without one row of a kind."""
    means = [column[kind] for column in parts.means]
    return _Sums(
        sums.n - 1,
        tuple(total - column[kind] for total, column in zip(sums.inner, parts.squares, strict=True)),
        tuple(map(sub, sums.means, means)),
        tuple(total - value * value for total, value in zip(sums.squares, means, strict=True)),
    )


def _components(parts: _Parts, sums: _Sums) -> list[float]:
    """Variance components: rows, factors, rest; negative ones as they come."""
    n, inner = sums.n, sums.inner
    answers = parts.combinations * parts.samples
    freedom = [n * (levels - 1) for levels in parts.levels]
    rest_freedom = n * (answers - 1) - sum(freedom)
    if parts.samples > 1:
        rest_freedom = n * parts.combinations * (parts.samples - 1)
    rest = inner[-1] / rest_freedom if rest_freedom else 0.0
    found = [
        (squares / free - rest) * levels / answers if free else 0.0
        for levels, squares, free in zip(parts.levels, inner[:-1], freedom, strict=True)
    ]
    # The means are centred, so that the difference of the sums is exact enough.
    between = math.fsum(
        square - total * total / n for total, square in zip(sums.means, sums.squares, strict=True)
    ) / max(n - 1, 1)
    # A row's mean still varies with the levels and samples that it was made of.
    noise = rest / answers + math.fsum(part / levels for part, levels in zip(found, parts.levels, strict=True))
    return [between - noise, *found, rest]


def _limits(parts: _Parts, sums: _Sums, counts: Sequence[int]) -> list[tuple[float | None, float | None]]:
    nothing: list[tuple[float | None, float | None]] = [(None, None)] * (len(parts.levels) + 2)
    full = _shares(_components(parts, sums))
    if sums.n < MIN_ROWS or full is None:
        return nothing
    left = [_shares(_components(parts, _without(parts, sums, kind))) for kind in range(len(counts))]
    known = [shares for shares in left if shares is not None]
    if len(known) < len(left):
        return nothing
    return [_limit(value, column, counts) for value, column in zip(full, zip(*known, strict=True), strict=True)]


def _shares(components: Sequence[float]) -> list[float] | None:
    """Without cutting at 0: cut, the jackknife would take a share of 0 for a sure one."""
    total = math.fsum(components)
    return [part / total for part in components] if total > 0 else None


def _limit(value: float, left: Sequence[float], counts: Sequence[int]) -> tuple[float | None, float | None]:
    """None where leaving out a row changes nothing: what the design leaves no room for, or has seen no change of."""
    half = _half(value, left, counts)
    if half < 1e-12:
        return None, None
    low, high = value - half, value + half
    if 0 < value < 1 and all(0 < one < 1 for one in left):
        center = _logit(value)
        half = _half(center, list(map(_logit, left)), counts)
        low, high = min(low, _expit(center - half)), max(high, _expit(center + half))
    return min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)


def _half(value: float, left: Sequence[float], counts: Sequence[int]) -> float:
    error = jackknife_error(value, left.__getitem__, counts)[1]
    return student_quantile(1 - ALPHA / 2, sum(counts) - 1) * error


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > 0 else math.exp(value) / (1 + math.exp(value))


Table = Mapping[Hashable, Mapping[tuple[Hashable, ...], Sequence[Hashable]]]


def _complete(cells: Sequence[Observation]) -> tuple[Table, int]:
    """The rows that have every combination of levels, each cut to as many samples as all of them have."""
    table: dict[Hashable, dict[tuple[Hashable, ...], list[Hashable]]] = {}
    combinations: dict[tuple[Hashable, ...], None] = {}
    for cell in cells:
        combinations[cell.levels] = None
        answers = table.setdefault(cell.row, {}).setdefault(cell.levels, [])
        if cell.value is not None:
            answers.append(cell.value)
    full = {row: found for row, found in table.items() if all(found.get(levels) for levels in combinations)}
    if not full:
        raise InputError(_("No row has an answer of every combination"))
    samples = min(len(answers) for found in full.values() for answers in found.values())
    cut = {row: {levels: found[levels][:samples] for levels in combinations} for row, found in full.items()}
    return cut, len(table) - len(full)


def _row_parts(table: Table, factors: int) -> _Parts:
    combinations = list(next(iter(table.values())))
    levels = [list(dict.fromkeys(one[place] for one in combinations)) for place in range(factors)]
    if len(combinations) != math.prod(len(found) for found in levels):
        raise InputError(_("The factors are not fully crossed: a combination has no answers"))
    samples = len(next(iter(next(iter(table.values())).values())))
    if len(combinations) * samples < 2:
        raise InputError(_("One answer per row: there is no spread within rows"))
    vector = _vectors(table)
    numbers: dict[tuple[tuple[Hashable, ...], ...], int] = {}
    kinds: list[int] = []
    squares: list[tuple[float, ...]] = []
    means: list[tuple[float, ...]] = []
    for found in table.values():
        kinds.append(numbers.setdefault(tuple(map(tuple, found.values())), len(numbers)))
        if len(squares) < len(numbers):
            inner, center = _squares(found, vector, levels, samples)
            squares.append(inner)
            means.append(center)
    return _Parts(
        tuple(kinds), tuple(zip(*squares, strict=True)), tuple(map(_centred, zip(*means, strict=True))),
        tuple(map(len, levels)), len(combinations), samples,
    )  # fmt: skip


def _centred(values: tuple[float, ...]) -> tuple[float, ...]:
    center = math.fsum(values) / len(values)
    return tuple(value - center for value in values)


def _vectors(table: Table) -> dict[Hashable, tuple[float, ...]]:
    """Each value as numbers: itself, or an indicator for each label."""
    values = distinct(value for found in table.values() for answers in found.values() for value in answers)
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return {value: (float(value),) for value in values if isinstance(value, (int, float))}
    return {value: tuple(float(value == other) for other in values) for value in values}


def _squares(
    found: Mapping[tuple[Hashable, ...], Sequence[Hashable]],
    vector: Mapping[Hashable, tuple[float, ...]],
    levels: Sequence[Sequence[Hashable]],
    samples: int,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sums of squares of one row by factor and rest, and the row's mean."""
    answers = [(combination, vector[value]) for combination, values in found.items() for value in values]
    center = _center([value for _combination, value in answers])
    parts = []
    for place, names in enumerate(levels):
        squares = 0.0
        for name in names:
            group = [value for combination, value in answers if combination[place] == name]
            squares += len(group) * _distance(_center(group), center)
        parts.append(squares)
    total = math.fsum(_distance(value, center) for _combination, value in answers)
    rest = total - math.fsum(parts)
    if samples > 1:
        rest = 0.0
        for values in found.values():
            inside = _center([vector[value] for value in values])
            rest += math.fsum(_distance(vector[value], inside) for value in values)
    return (*parts, max(0.0, rest)), center


def _center(values: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(math.fsum(column) / len(values) for column in zip(*values, strict=True))


def _distance(a: Sequence[float], b: Sequence[float]) -> float:
    return math.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True))


def flips(cells: Sequence[Observation], place: int) -> Estimate:
    """Share of rows whose commonest answer is not the same at every level of one factor; ties count as the first.

    Rows with an answer at two levels or more. Mid-p Clopper-Pearson; assumes independent rows. Samples of one level
    vote, so that what flips by chance between samples counts less. Raises InputError: no such row.
    """
    votes: dict[Hashable, dict[Hashable, list[Hashable]]] = {}
    for cell in cells:
        if cell.value is not None:
            votes.setdefault(cell.row, {}).setdefault(cell.levels[place], []).append(cell.value)
    compared = [found for found in votes.values() if len(found) > 1]
    if not compared:
        raise InputError(_("No row has answers at two levels to compare"))
    flipped = sum(len({_commonest(values) for values in found.values()}) > 1 for found in compared)
    return share(flipped, len(compared))


def _commonest(values: Sequence[Hashable]) -> Hashable:
    return max(dict.fromkeys(values), key=values.count)
