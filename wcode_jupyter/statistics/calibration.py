"""How far stated probabilities can be trusted: reliability table, expected calibration error, Brier score, entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from ..errors import InputError
from ..language import _
from .intervals import Estimate, mean, share

__all__ = ["Bin", "Calibration", "Entropy", "calibrate", "entropy"]


class Bin(Struct, frozen=True):
    """The rows whose stated probability is above `low` and at most `high` (the first one: from 0)."""

    low: float
    high: float
    n: int
    stated: float
    """Mean stated probability."""
    observed: Estimate
    """Share that was right."""


class Calibration(Struct, frozen=True):
    """Reliability table without its empty bins, and the two figures made of the rows."""

    bins: tuple[Bin, ...]
    expected_error: float
    """Expected calibration error: mean distance of stated and observed, weighted by the bins' rows."""
    brier: Estimate
    """Mean of (stated − right)²; 0 is best, 0.25 is a coin that says so."""
    n: int


def calibrate(stated: Sequence[float], right: Sequence[bool | float], *, bins: int = 10) -> Calibration:
    """Compares stated probabilities with what was right, in `bins` bins of equal width.

    ECE = Σ n_b/n |observed_b − stated_b|; it depends on the bins and is above 0 by chance even for a perfect model, so
    it has no interval here. Brier = Σ (p − y)²/n. Sources: Brier, Monthly Weather Review 78 (1950); Guo et al., ICML
    2017. Assumes independent rows. Raises InputError: no rows, other lengths, values that are no probabilities.
    """
    if len(stated) != len(right):
        raise InputError(
            _("Probabilities and outcomes differ in number: {first} and {second}").format(
                first=len(stated), second=len(right)
            )
        )
    if not stated:
        raise InputError(_("No rows with a probability and an outcome"))
    if bins < 1:
        raise InputError(_("bins must be an integer of at least 1, got {value}").format(value=bins))
    parts: dict[int, list[tuple[float, int]]] = {}
    for p, y in zip(stated, right, strict=True):
        _require_probability(p)
        if y not in (0, 1):
            raise InputError(_("An outcome is true or false, got {value}").format(value=y))
        parts.setdefault(max(math.ceil(p * bins) - 1, 0), []).append((p, int(y)))
    table = tuple(_bin(place, bins, parts[place]) for place in sorted(parts))
    n = len(stated)
    error = math.fsum(part.n / n * abs((part.observed.value or 0.0) - part.stated) for part in table)
    brier = mean([(p - y) ** 2 for p, y in zip(stated, right, strict=True)], span=(0.0, 1.0))
    return Calibration(table, error, brier, n)


def _bin(place: int, bins: int, part: Sequence[tuple[float, int]]) -> Bin:
    stated = math.fsum(p for p, _y in part) / len(part)
    return Bin(place / bins, (place + 1) / bins, len(part), stated, share(sum(y for _p, y in part), len(part)))


def _require_probability(p: float) -> None:
    if not 0 <= p <= 1:
        raise InputError(_("A probability is between 0 and 1, got {value}").format(value=p))


class Entropy(Struct, frozen=True):
    """Entropy in bits of a distribution of which only the listed part is known."""

    bits: float
    """Of the listed alternatives, −Σ p log₂ p, as they are: not scaled to a sum of 1."""
    unlisted: float
    """Probability of everything that is not listed."""
    least: float
    """With all of the unlisted probability on one alternative: the true entropy is at least this."""


def entropy(probabilities: Sequence[float]) -> Entropy:
    """Entropy of the listed alternatives and the probability that the list leaves out.

    Source: Shannon, Bell System Technical Journal 27 (1948). A sum above 1 by rounding (up to 0.1 %) leaves out 0.
    Raises InputError: a value that is no probability, or a sum above that.
    """
    for p in probabilities:
        _require_probability(p)
    total = math.fsum(probabilities)
    if total > 1.001:
        raise InputError(_("The probabilities add up to {total}, which is more than 1").format(total=f"{total:.4g}"))
    bits = _bits(probabilities)
    unlisted = max(0.0, 1 - total)
    return Entropy(bits, unlisted, bits + _bits([unlisted]))


def _bits(probabilities: Sequence[float]) -> float:
    return -math.fsum(p * math.log2(p) for p in probabilities if p > 0) + 0.0
