"""Classification against scikit-learn, and truth that does not fit."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.classification import classify
from wcode_jupyter.statistics.intervals import mid_p

from .tables import columns, rating_tables

metrics = pytest.importorskip("sklearn.metrics")


def test_every_figure_equals_scikit_learn_on_500_tables() -> None:
    """Matrix, accuracy, precision, recall and F1 per class and macro, to 1e-9."""
    compared = 0
    for table in rating_tables():
        pairs = columns(table)
        if not {a for a, _b in pairs} & {b for _a, b in pairs} or len({label for pair in pairs for label in pair}) < 2:
            continue
        truth, given = [a for a, _b in pairs], [b for _a, b in pairs]
        found = classify([row[1] for row in table], [row[0] for row in table])
        classes = sorted({*truth, *given})
        assert found.classes == tuple(classes)
        assert [list(row) for row in found.matrix] == metrics.confusion_matrix(truth, given, labels=classes).tolist()
        assert found.accuracy.value == pytest.approx(metrics.accuracy_score(truth, given), abs=1e-9)
        precision, recall, f1, support = metrics.precision_recall_fscore_support(
            truth, given, labels=classes, zero_division=0
        )
        assert [score.precision.value or 0 for score in found.scores] == pytest.approx(precision.tolist(), abs=1e-9)
        assert [score.recall.value or 0 for score in found.scores] == pytest.approx(recall.tolist(), abs=1e-9)
        assert [score.f1.value for score in found.scores] == pytest.approx(f1.tolist(), abs=1e-9)
        assert [score.true for score in found.scores] == support.tolist()
        macro = (found.macro_precision.value, found.macro_recall.value, found.macro_f1.value)
        assert macro == pytest.approx((precision.mean(), recall.mean(), f1.mean()), abs=1e-9)
        assert found.n + found.missing == sum(row[0] is not None for row in table)
        compared += 1
    assert compared > 450


def test_f1_has_the_limits_of_the_share_it_is_made_of() -> None:
    """TP 6, FP 2, FN 1: J = 6/9, and F1 = 2J/(1+J) = 12/15 with limits moved alike."""
    given = ["a"] * 8 + ["b"] * 6
    truth = ["a"] * 6 + ["b"] * 2 + ["a"] + ["b"] * 5
    f1 = classify(given, truth).scores[0].f1
    low, high = mid_p(6, 9)
    assert f1.value == pytest.approx(12 / 15)
    assert (f1.low, f1.high) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_macro_interval_is_the_jackknife_over_rows() -> None:
    """The macro F1's interval equals leaving out each row by hand with scikit-learn."""
    stats = pytest.importorskip("scipy.stats")
    truth = list("aabbccabcabcaabbcc")
    given = list("abbbccaacabcabbbca")
    n = len(truth)
    values = [
        metrics.f1_score(truth[:i] + truth[i + 1 :], given[:i] + given[i + 1 :], average="macro") for i in range(n)
    ]
    error = math.sqrt((n - 1) / n * sum((v - sum(values) / n) ** 2 for v in values))
    found = classify(given, truth).macro_f1
    half = stats.t.ppf(0.975, n - 1) * error
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=1e-9)  # type: ignore


def test_rows_without_answer_by_the_chosen_rule() -> None:
    """3 right of 4 answered, 1 failed: 3/4 left out, 3/5 counted as wrong; never a silent 3/4 without the count."""
    given, truth = ["a", "b", "a", "b", None], ["a", "b", "a", "a", "b"]
    assert classify(given, truth).accuracy.value == 0.75
    assert classify(given, truth).missing == 1
    assert classify(given, truth, failed="wrong").accuracy.value == 0.6


def test_an_answer_outside_the_classes_is_wrong() -> None:
    """A label that the truth does not know counts as an error and has no recall."""
    found = classify(["a", "c", "b"], ["a", "b", "b"])
    assert found.accuracy.value == pytest.approx(2 / 3)
    assert found.scores[2].label == "c"
    assert found.scores[2].recall.value is None


@pytest.mark.parametrize(
    ("given", "truth", "text"),
    [
        (["pos", "neg"], [1, 0], "no value in common"),
        ([None, None], ["a", "b"], "both an answer and a true label"),
        (["a"], [None], "No row has a true label"),
        (["a", "b"], ["a"], "differ in length"),
        ([], [], "No row has a true label"),
    ],
)
def test_truth_that_does_not_fit_is_refused(given: Any, truth: Any, text: str) -> None:
    """Other values, no overlap, no truth: one clear line."""
    with pytest.raises(InputError, match=text):
        classify(given, truth)
