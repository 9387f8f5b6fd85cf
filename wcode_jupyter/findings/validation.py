"""Labels of each condition against the truth."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from ..errors import InputError
from ..language import N_, _
from ..statistics.classification import Classification, classify
from ..statistics.intervals import Failed
from ..statistics.values import label
from .finding import Finding, figure, percent

__all__ = ["validate"]

_MOST_CLASSES = 12


def validate(
    answers: Mapping[str, Sequence[object]],
    truth: Sequence[object],
    *,
    order: Sequence[object] | None = None,
    failed: Failed = "out",
) -> Finding:
    """Accuracy, precision, recall and F1 with intervals; `answers` by condition, each and `truth` a value per row.

    One condition: a line per class, with the confusion matrix (columns `as CLASS`) for up to 12 classes. Several: a
    line each. `result` maps conditions to Classification. Raises InputError: values that do not fit, no common row.
    """
    if not answers:
        raise InputError(_("No row has both an answer and a true label"))
    true = [label(value) for value in truth]
    found = {name: _classified(values, true, order, failed) for name, values in answers.items()}
    notes = [
        _("{name}: {count} rows failed ({rule}).").format(name=name, count=one.missing, rule=_(_RULES[failed]))
        for name, one in found.items()
        if one.missing
    ]
    if len(found) == 1:
        return _by_class(next(iter(found.values())), found, notes)
    columns = (
        N_("condition"),
        "n",
        N_("failed"),
        N_("accuracy"),
        N_("macro precision"),
        N_("macro recall"),
        "macro F1",
    )
    lines = tuple(
        (name, one.n, one.missing, one.accuracy, one.macro_precision, one.macro_recall, one.macro_f1)
        for name, one in found.items()
    )
    best = max(found, key=lambda name: found[name].accuracy.value or 0)
    sentence = _("{name} has the highest accuracy: {accuracy} (n = {n}).").format(
        name=best, accuracy=figure(found[best].accuracy), n=found[best].accuracy.n
    )
    return Finding(columns, lines, sentence, tuple(notes), found)


_RULES: Mapping[Failed, str] = {
    "out": N_("left out"),
    "wrong": N_("counted as wrong"),
    "bounds": N_("intervals hold for any answer of theirs"),
}


def _classified(
    values: Sequence[object], true: Sequence[Hashable | None], order: Sequence[object] | None, failed: Failed
) -> Classification:
    return classify([label(value) for value in values], true, order=order, failed=failed)


def _by_class(one: Classification, found: Mapping[str, Classification], notes: Sequence[str]) -> Finding:
    few = len(one.classes) <= _MOST_CLASSES
    columns = (
        N_("class"), N_("true"), N_("predicted"), N_("precision"), N_("recall"), "F1",
        *(f"as {name}" for name in one.classes if few),
    )  # fmt: skip
    lines = tuple(
        (
            score.label, score.true, score.predicted, score.precision, score.recall, score.f1,
            *(one.matrix[place] if few else ()),
        )
        for place, score in enumerate(one.scores)
    )  # fmt: skip
    sentence = _("{share} of {n} rows agree with the truth: accuracy {accuracy}, macro F1 {f1}.").format(
        share=percent(one.accuracy.value), n=one.accuracy.n, accuracy=figure(one.accuracy), f1=figure(one.macro_f1)
    )
    return Finding(columns, lines, sentence, tuple(notes), dict(found))
