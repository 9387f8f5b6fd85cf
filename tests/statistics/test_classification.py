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


def test_macro_limits_come_from_those_of_the_classes() -> None:
    """Two classes, recalls 6/7 and 5/7: distances to their limits add by squares, those of F1 as they are."""
    given = ["a"] * 8 + ["b"] * 6
    truth = ["a"] * 6 + ["b"] * 2 + ["a"] + ["b"] * 5
    found = classify(given, truth)
    low_a, low_b = mid_p(6, 7)[0], mid_p(5, 7)[0]
    value = (6 / 7 + 5 / 7) / 2
    below = math.sqrt((6 / 7 - low_a) ** 2 + (5 / 7 - low_b) ** 2) / 2
    assert (found.macro_recall.value, found.macro_recall.low) == pytest.approx((value, value - below))
    f1 = [score.f1 for score in found.scores]
    assert (found.macro_f1.low, found.macro_f1.high) == pytest.approx(
        (sum(one.low or 0 for one in f1) / 2, sum(one.high or 0 for one in f1) / 2)
    )


def test_a_class_without_a_true_row_leaves_the_macro_figures_without_limits() -> None:
    """What its recall is, nothing says; a single class is no average either."""
    assert classify(["a", "a", "b"], ["a", "a", "a"]).macro_f1.low is None
    assert classify(["a"] * 9, ["a"] * 9).macro_recall.low is None


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
