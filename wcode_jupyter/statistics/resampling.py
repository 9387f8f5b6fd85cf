"""Resampling with a fixed seed: the same figures at each run, on each machine, with and without numpy.

Random words come from Python's Mersenne Twister in both cases. Values are turned into integers on a fine grid before
they are added: sums of integers do not depend on the order, so numpy's and Python's are equal to the last bit.
"""

from __future__ import annotations

import math
import random
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from .distributions import normal_cdf, normal_quantile

__all__ = ["RESAMPLES", "bca", "jackknife_error", "percentile", "resampled_means", "resampled_rows"]

RESAMPLES = 2000
_SEED = 20261201
_GRID_BITS = 50


def percentile(ordered: Sequence[float], share: float) -> float:
    """Value below which `share` (0 to 1) of the ordered values lie, linearly between neighbours."""
    place = (len(ordered) - 1) * share
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def resampled_means(values: Sequence[float], resamples: int = RESAMPLES, seed: int = _SEED) -> list[float]:
    """Means of `resamples` samples drawn from `values` with replacement, each as large as `values`."""
    n = len(values)
    low, width = min(values), max(values) - min(values)
    if width == 0:
        return [low] * resamples
    scale = 2.0 ** (_GRID_BITS - n.bit_length()) * 4
    grid = [round((value - low) / width * scale) for value in values]
    return [low + total / n / scale * width for total in _totals(grid, resamples, seed)]


def _totals(grid: list[int], resamples: int, seed: int) -> list[int]:
    n = len(grid)
    try:
        import numpy
    except ImportError:
        indices = _indices(n, resamples, seed)
        return [sum(map(grid.__getitem__, indices[start : start + n])) for start in range(0, n * resamples, n)]
    words = numpy.frombuffer(_words(n * resamples, seed), dtype="<u4").astype(numpy.uint64)
    places = (words * numpy.uint64(n) >> numpy.uint64(32)).reshape(resamples, n)
    totals: list[int] = numpy.asarray(grid, dtype=numpy.int64)[places].sum(axis=1).tolist()
    return totals


def _indices(n: int, resamples: int, seed: int) -> list[int]:
    # Little-endian on every machine, as numpy reads them.
    words = array("I")
    words.frombytes(_words(n * resamples, seed))
    if sys.byteorder == "big":
        words.byteswap()
    return [word * n >> 32 for word in words]


@lru_cache(maxsize=2)
def _words(count: int, seed: int) -> bytes:
    """`count` random 32-bit words, little-endian. A word w stands for the place w·n >> 32: uniform to n / 2³²."""
    return random.Random(seed).randbytes(4 * count)


def bca(values: Sequence[float], alpha: float) -> tuple[float, float]:
    """Bias-corrected and accelerated bootstrap interval of the mean, at level 1 − `alpha`.

    z₀ = Φ⁻¹(share of resampled means below the mean, ties half), a = Σd³ / 6(Σd²)^1.5 with d the deviations from the
    mean (the jackknife's, for a mean), limits at Φ(z₀ + (z₀ ± z) / (1 − a(z₀ ± z))). Source: Efron, JASA 82 (1987).
    Assumes independent values that are not all the same.
    """
    n = len(values)
    center = math.fsum(values) / n
    means = sorted(resampled_means(values))
    below = sum(mean < center for mean in means) + sum(mean == center for mean in means) / 2
    bias = normal_quantile(min(max(below / len(means), 0.5 / len(means)), 1 - 0.5 / len(means)))
    deviations = [value - center for value in values]
    squares = math.fsum(d * d for d in deviations)
    acceleration = math.fsum(d**3 for d in deviations) / (6 * squares**1.5)

    def limit(z: float) -> float:
        moved = bias + z
        return percentile(means, normal_cdf(bias + moved / (1 - acceleration * moved)))

    z = normal_quantile(1 - alpha / 2)
    return limit(-z), limit(z)


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


def resampled_rows(kinds: Sequence[int], resamples: int, seed: int = _SEED) -> Iterator[list[int]]:
    """How often a row of each kind is drawn, for each of the `resamples`; `kinds`: of each row, from 0."""
    n, count = len(kinds), max(kinds) + 1
    try:
        import numpy
    except ImportError:
        for start in range(resamples):
            times = [0] * count
            for kind in map(kinds.__getitem__, _indices(n, 1, seed + start)):
                times[kind] += 1
            yield times
        return
    of = numpy.asarray(kinds)
    for start in range(resamples):
        words = numpy.frombuffer(_words(n, seed + start), dtype="<u4").astype(numpy.uint64)
        drawn: list[int] = numpy.bincount(of[words * numpy.uint64(n) >> numpy.uint64(32)], minlength=count).tolist()
        yield drawn
