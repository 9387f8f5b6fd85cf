"""Corrected estimates against ppi-python, and samples that cannot stand for all rows."""

from __future__ import annotations

import random
from typing import Any

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.correction import corrected

stats = pytest.importorskip("scipy.stats")

# ppi-python 0.2.3: ppi_mean_pointestimate and ppi_mean_ci(alpha=0.05) with `lam` as in `lam_of`, on `sample(seed)`.
FROZEN = [
    (0, 0.46640906062624915, 0.33282128143906076, 0.5999968398134375),
    (1, 2.053187306737034, 1.786599401813274, 2.3197752116607937),
    (2, 0.4338184338184338, 0.23540468062209788, 0.6322321870147698),
    (3, 1.8447320386776518, 1.6416679580622888, 2.0477961192930145),
    (4, 0.5301346801346802, 0.37375029869956333, 0.6865190615697971),
    (5, 1.9298963492047596, 1.7203398022816987, 2.1394528961278203),
]


def sample(seed: int) -> tuple[list[float], list[float | None], float]:
    """Model labels of all rows, human labels of some, and the probability; shares for even seeds, else means."""
    chance = random.Random(seed)
    rows, drawn = chance.randint(60, 200), chance.randint(20, 50)
    truth = [float(chance.random() < 0.4) for _row in range(rows)]
    model = [y if chance.random() < 0.8 else 1 - y for y in truth]
    if seed % 2:
        truth = [chance.gauss(2, 1) for _row in range(rows)]
        model = [y + chance.gauss(0.5, 0.6) for y in truth]
    labelled = set(chance.sample(range(rows), drawn))
    return model, [y if row in labelled else None for row, y in enumerate(truth)], drawn / rows


@pytest.mark.parametrize(("seed", "value", "low", "high"), FROZEN)
def test_estimate_equals_ppi_python(seed: int, value: float, low: float, high: float) -> None:
    """The point estimate to 1e-9; the interval beyond these rows nearly (means: t at 97 % in place of z)."""
    model, human, probability = sample(seed)
    found = corrected(model, human, probability, beyond=True).corrected
    assert found.value == pytest.approx(value, abs=1e-9)
    longer = stats.t.ppf(0.985, found.n - 1) / stats.norm.ppf(0.975) if seed % 2 else 1.0
    assert found.low == pytest.approx(value - (value - low) * longer, abs=0.03)
    assert found.high == pytest.approx(value + (high - value) * longer, abs=0.03)


def test_perfect_labels_need_no_correction_and_all_rows_labelled_is_the_truth() -> None:
    """Where every row has a human label, the estimate is their mean, without a sampling error."""
    human = [1.0, 0.0, 1.0, 1.0, 0.0] * 20
    model = [1.0] * 100
    found = corrected(model, human, 1.0)
    assert (found.corrected.value, found.naive.value) == (pytest.approx(0.6), 1.0)
    assert (found.corrected.low, found.corrected.high) == pytest.approx((0.6, 0.6))


def test_a_model_that_errs_one_sidedly_is_corrected() -> None:
    """1,000 rows, 20 % positive, a seventh of the others called so: naive is far off, corrected holds the truth."""
    truth = [float(row % 5 == 0) for row in range(1000)]
    model = [1.0 if y == 1 or row % 7 == 0 else 0.0 for row, y in enumerate(truth)]
    drawn = set(random.Random(3).sample(range(1000), 100))
    found = corrected(model, [y if row in drawn else None for row, y in enumerate(truth)], 0.1)
    assert found.naive.low is not None
    assert found.naive.low > 0.2
    assert found.corrected.low is not None
    assert found.corrected.high is not None
    assert found.corrected.low < 0.2 < found.corrected.high
    assert found.human.low is not None
    assert found.human.high is not None
    assert found.corrected.high - found.corrected.low < found.human.high - found.human.low
    assert (found.labelled, found.rows) == (100, 1000)


def test_unequal_probabilities_weigh_the_rows() -> None:
    """Rows drawn twice as often count half: three labels 1 at π = 0.2, one 0 at π = 0.1 give 15/25."""
    human = [1.0, 1.0, 1.0, 0.0, None]
    found = corrected([1.0] * 5, human, [0.2, 0.2, 0.2, 0.1, 0.1])
    assert found.weight == 0
    assert found.human.value == pytest.approx(15 / 25)


def test_rows_without_a_model_label_stay_in() -> None:
    """A failed answer enters as the commonest label and is counted; the human labels correct it."""
    model, human, probability = sample(0)
    found = corrected([None, *model[1:]], human, probability)
    assert found.missing == 1
    assert found.rows == len(model)


@pytest.mark.parametrize(
    ("model", "human", "probability", "text"),
    [
        ([1, 0, 1], [1, None, 0], [0.5, None, 0.5], "Row 1 has no known chance"),
        ([1, 0, 1], [1, None, 0], [0.5, 0, 0.5], "Row 1 has no known chance"),
        ([1, 0, 1], [1, None, 0], 1.5, "Row 0 has no known chance"),
        ([1, 0, 1], [1, None, 0], [float("nan")] * 3, "Row 0 has no known chance"),
        ([1, 0, 1], [1, None, None], 0.5, "at least 2 labelled rows"),
        ([None, None], [1, 0], 0.5, "labelled none"),
        ([1, 0], [1, 0, 1], 0.5, "differ in length"),
    ],
)
def test_samples_without_known_probabilities_are_refused(model: Any, human: Any, probability: Any, text: str) -> None:
    """The most uncertain rows, too few labels, other lengths: one clear line, never a number."""
    with pytest.raises(InputError, match=text):
        corrected(model, human, probability)


def test_more_labels_than_the_sample_can_have_are_refused() -> None:
    """All of 160 rows labelled, each with the chance 0.375: these labels are of another sample."""
    with pytest.raises(InputError, match="160 rows are labelled, and the sampling probabilities make 60 likely"):
        corrected([1.0, 0.0] * 80, [1.0, 0.0] * 80, 0.375)
