"""Where the spread of answers comes from: rows, wordings, models, swept values, samples.

Answers are a cell for each row and combination of factors. A numeric answer counts by its value; a label by one
indicator for each class, whose variances are added (twice the Gini impurity: Light and Margolin, JASA 66, 1971).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from operator import mul

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .intervals import ALPHA, Estimate, share
from .resampling import percentile, resampled_rows
from .values import distinct

__all__ = ["Observation", "VarianceShares", "flips", "variance_shares"]

MIN_ROWS = 10
"""Below this number of complete rows the shares have no interval."""


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
    0). Rows: mean square between rows less the factors' parts. Intervals: percentile bootstrap over rows.
    Source: Searle, Casella and McCulloch, Variance Components (1992), chapter 4. Assumes independent rows.
    Raises InputError: no row with all combinations, fewer than two levels everywhere and no repeats, no spread.
    """
    table, missing = _complete(cells)
    parts = _row_parts(table, len(names))
    counts = Counter(parts.kinds)
    values = _components(parts, [counts[kind] for kind in range(len(counts))])
    total = math.fsum(values)
    if total <= 0:
        raise InputError(_("All answers are the same: there is no spread to divide up"))
    limits = _limits(parts, len(values))
    n = len(parts.kinds)
    estimates = [
        Estimate(value / total, *limit, n, N_("bootstrap over rows") if limit[0] is not None else "")
        for value, limit in zip(values, limits, strict=True)
    ]
    factors = dict(zip(names, estimates[1:-1], strict=True))
    return VarianceShares(estimates[0], factors, estimates[-1], parts.samples > 1, n, missing)


_RESAMPLES = 400


class _Parts(Struct, frozen=True):
    """Sums of squares of each kind of row, so that a resample only adds them up again.

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


def _components(parts: _Parts, times: Sequence[int]) -> list[float]:
    """Variance components: rows, factors, rest; `times` says how often each kind of row counts."""
    n = sum(times)
    inner = [sum(map(mul, times, column)) for column in parts.squares]
    answers = parts.combinations * parts.samples
    freedom = [n * (levels - 1) for levels in parts.levels]
    rest_freedom = n * (answers - 1) - sum(freedom)
    if parts.samples > 1:
        rest_freedom = n * parts.combinations * (parts.samples - 1)
    rest = inner[-1] / rest_freedom if rest_freedom else 0.0
    found = []
    for levels, squares, free in zip(parts.levels, inner[:-1], freedom, strict=True):
        found.append(max(0.0, (squares / free - rest) * levels / answers) if free else 0.0)
    between = 0.0
    for values in parts.means:  # centred, so that the difference of the sums is exact enough
        weighted = list(map(mul, times, values))
        total = sum(weighted)
        between += max(0.0, sum(map(mul, weighted, values)) - total * total / n) / max(n - 1, 1)
    # A row's mean still varies with the levels and samples that it was made of.
    noise = rest / answers + math.fsum(part / levels for part, levels in zip(found, parts.levels, strict=True))
    return [max(0.0, between - noise), *found, rest]


def _limits(parts: _Parts, count: int) -> list[tuple[float | None, float | None]]:
    if len(parts.kinds) < MIN_ROWS:
        return [(None, None)] * count
    drawn: list[list[float]] = [[] for _part in range(count)]
    for times in resampled_rows(parts.kinds, _RESAMPLES):
        values = _components(parts, times)
        total = math.fsum(values)
        for found, value in zip(drawn, values, strict=True):
            found.append(value / total if total > 0 else 0.0)
    for found in drawn:
        found.sort()
    return [(percentile(found, ALPHA / 2), percentile(found, 1 - ALPHA / 2)) for found in drawn]


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
