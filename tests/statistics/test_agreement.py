"""Agreement against scikit-learn, statsmodels and krippendorff, and its edges."""

from __future__ import annotations

import math
import random
import time
from typing import Any

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics import agreement
from wcode_jupyter.statistics.agreement import (
    Level,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)

from .tables import columns, rating_tables

numpy = pytest.importorskip("numpy")
krippendorff = pytest.importorskip("krippendorff")
metrics = pytest.importorskip("sklearn.metrics")
inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")


def differs(values: Any) -> bool:
    return len(set(values)) > 1


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_equals_krippendorff_on_500_tables(level: Level) -> None:
    """Krippendorff's alpha with missing cells, at each level of measurement, to 1e-9."""
    compared = 0
    for table in rating_tables():
        used = [label for row in table if sum(label is not None for label in row) > 1 for label in row if label]
        if not differs(used):
            with pytest.raises(InputError):
                krippendorff_alpha(table, level)
            continue
        data = numpy.array([[numpy.nan if label is None else label for label in row] for row in table]).T
        expected = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
        assert krippendorff_alpha(table, level).value == pytest.approx(expected, abs=1e-9)
        compared += 1
    assert compared > 450


def test_cohen_equals_scikit_learn_on_500_tables() -> None:
    """Cohen's kappa over the rows that both raters labelled, to 1e-9."""
    compared = 0
    for table in rating_tables():
        pairs = columns(table)
        first, second = [row[0] for row in table], [row[1] for row in table]
        if not pairs or not differs(label for pair in pairs for label in pair):
            with pytest.raises(InputError):
                cohen_kappa(first, second)
            continue
        expected = metrics.cohen_kappa_score([a for a, _b in pairs], [b for _a, b in pairs])
        assert cohen_kappa(first, second).value == pytest.approx(expected, abs=1e-9)
        compared += 1
    assert compared > 450


def test_fleiss_equals_statsmodels_on_500_tables() -> None:
    """Fleiss' kappa over the complete rows, to 1e-9."""
    compared = 0
    for table in rating_tables():
        full = [row for row in table if None not in row]
        if not full or not differs(label for row in full for label in row):
            with pytest.raises(InputError):
                fleiss_kappa(table)
            continue
        expected = inter_rater.fleiss_kappa(inter_rater.aggregate_raters(numpy.array(full))[0])
        assert fleiss_kappa(table).value == pytest.approx(expected, abs=1e-9)
        compared += 1
    assert compared > 400


def test_percent_is_the_mean_share_of_agreeing_pairs() -> None:
    """Rows aab (1 of 3 pairs), aa (1 of 1), ab (0 of 1) and a lone label (none): 4/9 over three rows."""
    found = percent_agreement([["a", "a", "b"], ["a", "a", None], ["a", "b", None], ["a", None, None]])
    assert found.value == pytest.approx(4 / 9)
    assert found.n == 3


def test_published_example_of_cohen() -> None:
    """20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: observed 0.7, by chance 0.5, kappa 0.4."""
    first = ["y"] * 25 + ["n"] * 25
    second = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    found = cohen_kappa(first, second)
    assert found.value == pytest.approx(0.4)
    # Fleiss, Cohen and Everitt's large-sample standard error (statsmodels) gives nearly the same interval.
    error = inter_rater.cohens_kappa([[20, 5], [10, 15]]).std_kappa
    assert found.low == pytest.approx(0.4 - 1.96 * error, abs=0.05)
    assert found.high == pytest.approx(0.4 + 1.96 * error, abs=0.05)


def test_intervals_leave_out_each_row() -> None:
    """The interval is that of a jackknife written out over rows, on the scale of atanh."""
    stats = pytest.importorskip("scipy.stats")
    chance = random.Random(2)
    table = [[base, base if chance.random() < 0.7 else chance.choice("abc")] for base in chance.choices("abc", k=60)]
    common = max("abc", key=[label for row in table for label in row].count)
    informative = sum(any(label != common for label in row) for row in table)
    level: Level
    for level, rows in (("nominal", table), ("ordinal", [[ord(a), ord(b)] for a, b in table])):
        found = krippendorff_alpha(rows, level)
        assert found.value is not None
        values = [krippendorff_alpha(rows[:i] + rows[i + 1 :], level).value for i in range(len(rows))]
        error = math.sqrt(59 / 60 * sum((v - sum(values) / 60) ** 2 for v in values))  # type: ignore
        half = stats.t.ppf(0.975, informative - 1) * error / (1 - found.value**2)
        assert found.low == pytest.approx(math.tanh(math.atanh(found.value) - half), abs=1e-9)
        assert found.high == pytest.approx(math.tanh(math.atanh(found.value) + half), abs=1e-9)


def test_few_rows_of_another_label_have_no_interval() -> None:
    """With 11 rows that hold another label than the commonest nothing is said; perfect agreement has no interval."""
    table = [["a", "a"]] * 50 + [["b", "a"]] * 5 + [["b", "b"]] * (agreement.MIN_INFORMATIVE - 6)
    assert krippendorff_alpha(table).low is None
    assert krippendorff_alpha([*table, ["b", "b"]]).low is not None
    assert krippendorff_alpha([["a", "a"], ["b", "b"]] * 30).low is None


def test_few_rows_have_no_interval() -> None:
    """49 rows are too few, 50 are enough, however the labels are spread."""
    table = [["a", "a"], ["b", "b"], ["a", "b"]] * 20
    assert krippendorff_alpha(table[:49]).low is None
    assert krippendorff_alpha(table[:50]).low is not None


def test_ordinal_needs_the_order_of_its_labels() -> None:
    """Texts follow the given order; without one, or with a label outside it, there is one clear line."""
    rows = [["low", "mid"], ["high", "high"], ["low", "low"]]
    ranks = {"low": 1, "mid": 2, "high": 3}
    expected = krippendorff_alpha([[ranks[a], ranks[b]] for a, b in rows], "ordinal").value
    assert krippendorff_alpha(rows, "ordinal", ["low", "mid", "high"]).value == pytest.approx(expected)
    with pytest.raises(InputError, match="needs numbers"):
        krippendorff_alpha(rows, "ordinal")
    with pytest.raises(InputError, match="'high' is not one of the ordered labels"):
        krippendorff_alpha(rows, "ordinal", ["low", "mid"])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: percent_agreement([]), "two answers"),
        (lambda: percent_agreement([["a", None]]), "two answers"),
        (lambda: krippendorff_alpha([["a", "a"]] * 9), "the same"),
        (lambda: krippendorff_alpha([["a", "b"]], "rank"), "rank"),  # type: ignore[arg-type]
        (lambda: krippendorff_alpha([[-1, 2], [1, 1]], "ratio"), "at least 0"),
        (lambda: cohen_kappa(["a"], ["a", "b"]), "differ in length"),
        (lambda: fleiss_kappa([["a", "b", None], ["a", None, "b"]]), "each of the 3 raters"),
    ],
)
def test_what_cannot_be_compared_is_one_line(call: Any, text: str) -> None:
    """No pairs, one label only, wrong levels and lengths are refused, never a number."""
    with pytest.raises(InputError, match=text):
        call()


def test_20000_answers_take_under_a_second() -> None:
    """Each measure of 20,000 rows of three answers takes less than 1 s of CPU."""
    chance = random.Random(1)
    labels = [[chance.choice("abcde") for _rater in range(3)] for _row in range(20_000)]
    numbers = [[chance.gauss(0, 1) for _rater in range(3)] for _row in range(20_000)]
    for call in (
        lambda: percent_agreement(labels),
        lambda: fleiss_kappa(labels),
        lambda: krippendorff_alpha(labels),
        lambda: krippendorff_alpha(numbers, "interval"),
        lambda: krippendorff_alpha(labels, "ordinal", "abcde"),
    ):
        start = time.process_time()
        call()
        assert time.process_time() - start < 1
