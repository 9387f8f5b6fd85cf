"""Labels of a model against the truth: confusion matrix, accuracy, precision, recall and F1 with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeAlias

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .intervals import Estimate, Failed, mid_p, share
from .values import distinct

__all__ = ["ClassScore", "Classification", "classify"]


class ClassScore(Struct, frozen=True):
    """How well one class is found. A figure is None where nothing was predicted, or nothing true, to divide by."""

    label: Hashable
    true: int
    """Rows of this class in the truth."""
    predicted: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


class Classification(Struct, frozen=True):
    """All figures of one classification. `matrix[i][j]`: rows of true class i that were given class j."""

    classes: tuple[Hashable, ...]
    matrix: tuple[tuple[int, ...], ...]
    accuracy: Estimate
    scores: tuple[ClassScore, ...]
    macro_precision: Estimate
    macro_recall: Estimate
    macro_f1: Estimate
    n: int
    missing: int
    """Rows with a truth and without an answer."""


def classify(
    predicted: Sequence[Hashable | None],
    truth: Sequence[Hashable | None],
    *,
    order: Sequence[object] | None = None,
    failed: Failed = "out",
) -> Classification:
    """Compares labels row by row; rows without a truth are left out, those without an answer follow `failed`.

    Accuracy, precision TP/(TP+FP) and recall TP/(TP+FN) are shares with mid-p Clopper-Pearson intervals. F1 is
    2J/(1+J) of the share J = TP/(TP+FP+FN), whose limits it is transformed from. Macro figures are plain means over all
    classes of truth or prediction, where an undefined precision or recall counts as 0 (scikit-learn's
    `zero_division=0`). Their limits come from those of the classes: the distances of precisions and recalls, which are
    independent given the number of rows of each class, add by squares (MOVER: Zou and Donner, Statistics in Medicine
    27, 2008); those of F1, to two of which each error belongs, add as they are. They are a dash for a single class, and
    where no row truly has one of the classes. A prediction outside the truth's classes is wrong.
    Source: van Rijsbergen, Information Retrieval (1979), chapter 7. Assumes independent rows.
    Raises InputError: other lengths, no row with truth and answer, or no class in common.
    """
    if len(predicted) != len(truth):
        raise InputError(
            _("The two lists of labels differ in length: {first} and {second}").format(
                first=len(predicted), second=len(truth)
            )
        )
    known = [(true, given) for true, given in zip(truth, predicted, strict=True) if true is not None]
    pairs = Counter(pair for pair in known if pair[1] is not None)
    _require_overlap(known, pairs)
    missing = len(known) - pairs.total()
    classes = distinct((value for pair in pairs for value in pair), order)
    matrix = tuple(tuple(pairs[true, given] for given in classes) for true in classes)
    right = sum(count for (true, given), count in pairs.items() if true == given)
    scores = tuple(_score(pairs, name) for name in classes)
    accuracy = share(right, pairs.total(), missing=missing, failed=failed)
    return Classification(classes, matrix, accuracy, scores, *_macros(pairs, classes), pairs.total(), missing)


def _require_overlap(
    known: Sequence[tuple[Hashable, Hashable | None]], pairs: Counter[tuple[Hashable, Hashable]]
) -> None:
    if not known:
        raise InputError(_("No row has a true label"))
    if not pairs:
        raise InputError(_("No row has both an answer and a true label"))
    truths, given = {true for true, _given in pairs}, {given for _true, given in pairs}
    if not truths & given:
        raise InputError(
            _("Answers and true labels have no value in common: {given} against {true}").format(
                given=_some(given), true=_some(truths)
            ),
            hint=_("Check that both name the classes alike, and that the field is the right one."),
        )


def _some(values: set[Hashable]) -> str:
    shown = sorted(map(repr, values))
    return ", ".join(shown[:3]) + (", …" if len(shown) > 3 else "")


def _counts(pairs: Counter[tuple[Hashable, Hashable]], name: Hashable) -> tuple[int, int, int]:
    """TP, FP and FN of a class."""
    tp = pairs[name, name]
    fp = sum(count for (true, given), count in pairs.items() if given == name != true)
    fn = sum(count for (true, given), count in pairs.items() if true == name != given)
    return tp, fp, fn


def _score(pairs: Counter[tuple[Hashable, Hashable]], name: Hashable) -> ClassScore:
    tp, fp, fn = _counts(pairs, name)
    return ClassScore(name, tp + fn, tp + fp, _ratio(tp, tp + fp), _ratio(tp, tp + fn), _f1(tp, tp + fp + fn))


def _ratio(part: int, whole: int) -> Estimate:
    return share(part, whole) if whole else Estimate(None, None, None, 0)


def _f1(tp: int, union: int) -> Estimate:
    found = share(tp, union)

    def moved(j: float | None) -> float | None:
        return None if j is None else 2 * j / (1 + j)

    return Estimate(moved(found.value), moved(found.low), moved(found.high), union, found.method)


def _macros(
    pairs: Counter[tuple[Hashable, Hashable]], classes: Sequence[Hashable]
) -> tuple[Estimate, Estimate, Estimate]:
    n = pairs.total()
    counts = [_counts(pairs, name) for name in classes]
    # A class without a true row says nothing of its recall, and a single class is no average.
    whole = len(classes) > 1 and all(tp + fn for tp, _fp, fn in counts)
    return (
        _macro([_limits(tp, tp + fp) for tp, fp, _fn in counts], n, whole),
        _macro([_limits(tp, tp + fn) for tp, _fp, fn in counts], n, whole),
        _macro([_f1_limits(tp, tp + fp + fn) for tp, fp, fn in counts], n, whole, dependent=True),
    )


_Limits: TypeAlias = tuple[float, float, float]
"""Value, lowest and highest."""


def _limits(part: int, whole: int) -> _Limits:
    """Without rows to divide by the figure counts as 0, and may be anything."""
    return (part / whole, *mid_p(part, whole)) if whole else (0.0, 0.0, 1.0)


def _f1_limits(tp: int, union: int) -> _Limits:
    value, low, high = (2 * j / (1 + j) for j in _limits(tp, union))
    return value, low, high


def _macro(scores: Sequence[_Limits], n: int, whole: bool, *, dependent: bool = False) -> Estimate:
    k = len(scores)
    value = math.fsum(one for one, _low, _high in scores) / k
    if n < 2 or not whole:
        return Estimate(value, None, None, n)
    below = [one - low for one, low, _high in scores]
    above = [high - one for one, _low, high in scores]
    add = math.fsum if dependent else _root_of_squares
    low, high = max(0.0, value - add(below) / k), min(1.0, value + add(above) / k)
    return Estimate(
        value, low, high, n, N_("mid-p, combined by squares (MOVER)") if not dependent else N_("mid-p, added")
    )


def _root_of_squares(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in values))
