"""Labels of a model against the truth: confusion matrix, accuracy, precision, recall and F1 with intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .intervals import Estimate, Failed, share, t_interval
from .resampling import jackknife_error
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
    `zero_division=0`); their intervals are jackknife with t. A prediction outside the truth's classes is wrong.
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
    return _macro(pairs, classes, 0), _macro(pairs, classes, 1), _macro(pairs, classes, 2)


def _macro(pairs: Counter[tuple[Hashable, Hashable]], classes: Sequence[Hashable], part: int) -> Estimate:
    counts = {name: _counts(pairs, name) for name in classes}
    kinds = list(pairs)

    def figure(name: Hashable, tp: int, fp: int, fn: int) -> float:
        below = (tp + fp, tp + fn, tp + (fp + fn) / 2)[part]
        return tp / below if below else 0.0

    figures = {name: figure(name, *counts[name]) for name in classes}
    value = sum(figures.values()) / len(classes)

    def without(kind: int) -> float:
        true, given = kinds[kind]
        changed = 0.0
        for name in {true, given}:
            tp, fp, fn = counts[name]
            if true == given:
                tp -= 1
            elif name == given:
                fp -= 1
            else:
                fn -= 1
            changed += figure(name, tp, fp, fn) - figures[name]
        return value + changed / len(classes)

    error = jackknife_error(value, without, list(pairs.values()))[1]
    return t_interval(value, error, pairs.total(), N_("jackknife, t"))
