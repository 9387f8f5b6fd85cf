"""Rows on which answers differ, the most uncertain first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

from msgspec import Struct

from ..language import N_, _
from ..statistics.values import label
from .finding import Finding

__all__ = ["Conflict", "conflicts", "entropy_of"]


class Conflict(Struct, frozen=True):
    """One row: its key, its answers by rater as they were given (None: missing), and the entropy of their labels."""

    key: Hashable
    answers: tuple[object, ...]
    entropy: float


def entropy_of(answers: Sequence[object]) -> float:
    """Bits over the labels that were given; 0 for fewer than two."""
    counts = Counter(found for answer in answers if (found := label(answer)) is not None)
    n = counts.total()
    return -math.fsum(count / n * math.log2(count / n) for count in counts.values()) + 0.0


def conflicts(
    keys: Sequence[Hashable], answers: Sequence[Sequence[object]], raters: Sequence[str], *, least: float = 0.0
) -> Finding:
    """The rows with an entropy above `least`, highest first, answers side by side. `result`: their Conflicts."""
    found = [Conflict(key, tuple(row), entropy_of(row)) for key, row in zip(keys, answers, strict=True)]
    shown = sorted((one for one in found if one.entropy > least), key=lambda one: -one.entropy)
    sentence = _("Answers differ on {count} of {n} rows.").format(count=len(shown), n=len(found))
    columns = (N_("row"), N_("entropy"), *raters)
    return Finding(columns, tuple((one.key, one.entropy, *one.answers) for one in shown), sentence, (), tuple(shown))
