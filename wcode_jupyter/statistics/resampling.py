"""Resampling with a fixed seed: the same figures at each run, on each machine, with and without numpy.

Random words come from Python's Mersenne Twister in both cases. Values are turned into integers on a fine grid before
they are added: sums of integers do not depend on the order, so numpy's and Python's are equal to the last bit.
"""

from __future__ import annotations

import math
import random
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import mul, sub

__all__ = ["RESAMPLES", "bounded", "jackknife_error", "percentile", "studentised"]

RESAMPLES = 2000
_SEED = 20261201


def percentile(ordered: Sequence[float], share: float) -> float:
    """Value below which `share` (0 to 1) of the ordered values lie, linearly between neighbours."""
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def studentised(values: Sequence[float], alpha: float) -> tuple[float, float] | None:
    """Studentised bootstrap interval of the mean, at level 1 − `alpha`; None where it has no end.

    Each resample gives t* = (x̄* − x̄) / se*; the limits are x̄ − t*(1 − α/2) se and x̄ − t*(α/2) se. A resample of equal
    values has se* = 0 and an infinite t*: where such resamples reach the limits, the values cannot say how far the mean
    may be. Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 12.5. Assumes independent
    values that are not all the same.
    """
    n = len(values)
    low, width = min(values), max(values) - min(values)
    # n · grid² stays below 2⁶³, so that the sums of squares are exact in numpy, too.
    scale = 2 ** ((62 - n.bit_length()) // 2)
    grid = [round((value - low) / width * scale) for value in values]
    center, factor = sum(grid), math.sqrt(n - 1)
    found = sorted(
        _ratio((first - center) * factor, n * second - first * first)
        for first, second in zip(*_sums(grid, RESAMPLES), strict=True)
    )
    place = int(RESAMPLES * alpha / 2)
    lowest, highest = found[place], found[-1 - place]
    if math.isinf(lowest) or math.isinf(highest):
        return None
    mean = math.fsum(values) / n
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1) / n)
    return mean - highest * error, mean - lowest * error


def _ratio(distance: float, spread: int) -> float:
    if spread == 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(spread)


def _sums(grid: list[int], resamples: int) -> tuple[list[int], list[int]]:
    """Sums and sums of squares of `resamples` samples drawn from `grid` with replacement, each as large as `grid`."""
    n = len(grid)
    squares = [value * value for value in grid]
    try:
        import numpy
    except ImportError:
        indices = _indices(n, resamples, _SEED)
        starts = range(0, n * resamples, n)
        first, second = (
            [sum(map(part.__getitem__, indices[start : start + n])) for start in starts] for part in (grid, squares)
        )
        return first, second
    words = numpy.frombuffer(_words(n * resamples, _SEED), dtype="<u4").astype(numpy.uint64)
    places = (words * numpy.uint64(n) >> numpy.uint64(32)).reshape(resamples, n)
    first, second = (numpy.asarray(part, dtype=numpy.int64)[places].sum(axis=1).tolist() for part in (grid, squares))
    return first, second


def bounded(values: Sequence[float], span: tuple[float, float], alpha: float) -> tuple[float, float]:
    """Interval of the mean of values that lie in `span`, whatever their distribution, at level 1 − `alpha`.

    Bayesian bootstrap with the two ends added: each draw weighs the values and one end by uniform Dirichlet weights;
    the limits are quantiles of all draws, half with the lowest and half with the highest end. For values at the two
    ends it is the mid-p Clopper-Pearson interval. Source: Gaffke (2005), in Learned-Miller and Thomas (arXiv
    1905.06208), who add one end for each limit, as Clopper-Pearson does; the mean of both is the step to mid-p.
    Assumes independent values.
    """
    low, high = span
    # The weights, 2³² in all, times the grid stay below 2⁶³.
    scale = 2**30
    grid = [round((value - low) / (high - low) * scale) for value in values]
    found = []
    for total, last in _weighed(grid, RESAMPLES // 2):
        found += [total, total + last * scale]
    found.sort()
    whole = 2.0**32 * scale
    lowest, highest = (low + percentile(found, level) / whole * (high - low) for level in (alpha / 2, 1 - alpha / 2))
    return lowest, highest


def _weighed(grid: list[int], draws: int) -> Iterable[tuple[int, int]]:
    """For each draw the weighted sum of the values, and the weight of the end; weights are spacings of sorted words."""
    n = len(grid)
    try:
        import numpy
    except ImportError:
        return _weighed_in_turn(grid, draws)
    words = numpy.frombuffer(_words(n * draws, _SEED), dtype="<u4").astype(numpy.int64).reshape(draws, n)
    words.sort(axis=1)
    spacings = numpy.diff(words, axis=1, prepend=0)
    totals = (spacings * numpy.asarray(grid, dtype=numpy.int64)).sum(axis=1).tolist()
    return zip(totals, (2**32 - words[:, -1]).tolist(), strict=True)


def _weighed_in_turn(grid: list[int], draws: int) -> Iterator[tuple[int, int]]:
    n = len(grid)
    words = _word_values(n * draws, _SEED)
    for start in range(0, n * draws, n):
        placed = sorted(words[start : start + n])
        spacings = map(sub, placed, [0, *placed[:-1]])
        yield sum(map(mul, spacings, grid)), 2**32 - placed[-1]


def _indices(n: int, resamples: int, seed: int) -> list[int]:
    return [word * n >> 32 for word in _word_values(n * resamples, seed)]


def _word_values(count: int, seed: int) -> array[int]:
    # Little-endian on every machine, as numpy reads them.
    words = array("I")
    words.frombytes(_words(count, seed))
    if sys.byteorder == "big":
        words.byteswap()
    return words


@lru_cache(maxsize=2)
def _words(count: int, seed: int) -> bytes:
    """`count` random 32-bit words, little-endian. A word w stands for the place w·n >> 32: uniform to n / 2³²."""
    return random.Random(seed).randbytes(4 * count)


def jackknife_error(full: float, without: Callable[[int], float], counts: Sequence[int]) -> tuple[float, float]:
    """Bias-corrected value and standard error by leaving out one row at a time.

    `without(i)` is the statistic without one row of kind `i`; `counts[i]` rows are of that kind. Standard error:
    √((n−1)/n Σ(θᵢ − θ̄)²). Source: Efron and Stein, Annals of Statistics 9 (1981). Assumes independent rows.
    """
    n = sum(counts)
    values = [without(kind) for kind in range(len(counts))]
    center = math.fsum(count * value for count, value in zip(counts, values, strict=True)) / n
    squares = math.fsum(count * (value - center) ** 2 for count, value in zip(counts, values, strict=True))
    return n * full - (n - 1) * center, math.sqrt((n - 1) / n * squares)
