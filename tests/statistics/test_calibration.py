"""Calibration against scikit-learn, and entropy by hand."""

from __future__ import annotations

import random

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.calibration import calibrate, entropy

calibration = pytest.importorskip("sklearn.calibration")
metrics = pytest.importorskip("sklearn.metrics")


def test_table_and_brier_equal_scikit_learn_on_500_samples() -> None:
    """Observed shares and mean probabilities of each bin, and the Brier score, to 1e-9."""
    for seed in range(500):
        chance = random.Random(seed)
        stated = [chance.random() for _row in range(chance.randint(2, 200))]
        right = [chance.random() < p**2 for p in stated]
        found = calibrate(stated, right, bins=8)
        observed, mean = calibration.calibration_curve(right, stated, n_bins=8)
        assert [part.observed.value for part in found.bins] == pytest.approx(observed.tolist(), abs=1e-9)
        assert [part.stated for part in found.bins] == pytest.approx(mean.tolist(), abs=1e-9)
        expected = sum(abs(o - m) * part.n for o, m, part in zip(observed, mean, found.bins, strict=True))
        assert found.expected_error == pytest.approx(expected / len(stated), abs=1e-9)
        if len(set(right)) > 1:
            assert found.brier.value == pytest.approx(metrics.brier_score_loss(right, stated), abs=1e-9)


def test_edges_belong_to_a_bin() -> None:
    """0 is in the first bin, 1 in the last, 0.5 below."""
    found = calibrate([0, 0.5, 1], [False, True, True], bins=2)
    assert [(part.low, part.high, part.n) for part in found.bins] == [(0, 0.5, 2), (0.5, 1, 1)]


@pytest.mark.parametrize(
    ("stated", "right", "text"),
    [
        ([], [], "No rows"),
        ([0.5], [True, False], "differ"),
        ([1.35], [True], "between 0 and 1"),
        ([0.5], [2], "true or"),
    ],
)
def test_what_is_no_probability_is_refused(stated: list[float], right: list[float], text: str) -> None:
    """Nothing to compare, probabilities above 1 and outcomes that are neither true nor false."""
    with pytest.raises(InputError, match=text):
        calibrate(stated, right)


def test_entropy_says_what_the_list_leaves_out() -> None:
    """½ and ¼ listed: 0.5 + 0.5 bits, ¼ is missing; all of it on one alternative adds 0.5 bits."""
    found = entropy([0.5, 0.25])
    assert (found.bits, found.unlisted, found.least) == pytest.approx((1.0, 0.25, 1.5))
    assert entropy([1.0]).least == 0


@pytest.mark.parametrize("probabilities", [[1.35], [-0.1], [0.9, 0.9], [float("nan")]])
def test_impossible_probabilities_have_no_entropy(probabilities: list[float]) -> None:
    """A log probability of +0.3 is no probability of 1.35, and has no entropy of −0.58."""
    with pytest.raises(InputError):
        entropy(probabilities)
