"""How results are shown, and findings from plain sequences."""

from __future__ import annotations

import pytest

from wcode_jupyter.findings.agreement import agreement
from wcode_jupyter.findings.calibration import calibration, reliability_plot
from wcode_jupyter.findings.comparison import compare
from wcode_jupyter.findings.estimation import estimate
from wcode_jupyter.findings.finding import Finding, figure, p_value, percent
from wcode_jupyter.findings.validation import validate
from wcode_jupyter.statistics.intervals import Estimate


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def test_cells_as_text() -> None:
    """Three digits, a dash for what is not known, p-values and shares as they are printed."""
    assert [figure(cell) for cell in (None, 0.12345, 12345.6, 3, "x", Estimate(0.5, 0.25, 0.75, 9))] == [
        "–", "0.123", "12346", "3", "x", "0.5 [0.25, 0.75]",
    ]  # fmt: skip
    assert [p_value(p) for p in (None, 0.0001, 0.0321)] == ["–", "< 0.001", "0.032"]
    assert (percent(0.1234), percent(None)) == ("12.3 %", "–")


def test_latex_is_escaped() -> None:
    """Signs of LaTeX in names and values are text."""
    latex = Finding(("a_b", "p"), (("50 % & $x$", "< 0.001"),), "s").to_latex()
    assert r"a\_b & p \\" in latex
    assert r"50 \% \& \$x\$ & \textless{} 0.001 \\" in latex


def test_a_frame_keeps_its_columns() -> None:
    """Estimates are four columns also where one of them is a dash; without rows the names are there."""
    pytest.importorskip("pandas")
    frame = Finding(("name", "value"), (("a", Estimate(1.0, None, None, 1)), ("b", None)), "s").to_frame()
    assert list(frame.columns) == ["name", "value", "value_low", "value_high", "value_n"]
    assert frame["value_n"].tolist() == [1, 0]
    assert list(Finding(("row", "entropy"), (), "s").to_frame().columns) == ["row", "entropy"]


def test_columns_are_translated_in_the_table_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chinese heads for the eye, the same English names in each DataFrame."""
    pytest.importorskip("pandas")
    found = validate({"a": ["x", "y"], "b": ["x", "x"]}, ["x", "y"])
    monkeypatch.setenv("WCODE_LANG", "zh_CN")
    assert found.table().columns[0] == "条件"
    assert found.to_frame().columns[0] == "condition"


def test_one_label_leaves_a_dash_and_a_reason() -> None:
    """Where all labels are the same the percent holds, kappa and alpha are dashes, and the note says why."""
    found = agreement({"m": [["a", "a"]] * 5})
    assert found.rows[0][3].value == 1  # type: ignore[attr-defined]
    assert found.rows[0][4:] == (None, None)
    assert found.notes == ("All labels are the same: agreement beyond chance is undefined.",)


def test_many_pairs_are_corrected_together() -> None:
    """Three conditions are three pairs; the corrected p-values are those of Holm."""
    right, wrong = [[1.0]] * 12, [[0.0]] * 12
    found = compare({"a": right, "b": wrong, "c": right})
    assert [row[:2] for row in found.rows] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [row[6] for row in found.rows] == ["< 0.001", "1.000", "< 0.001"]
    assert [row[7] for row in found.rows] == ["0.001", "1.000", "0.001"]


def test_an_estimate_of_numbers_is_a_mean() -> None:
    """Ratings as text or number; all rows labelled: the mean of the humans."""
    found = estimate([4, "5", 3, 4], ["4", 4, 2, 3], 1.0)
    assert found.rows[0][2].value == pytest.approx(3.25)  # type: ignore[attr-defined]
    assert found.sentence.startswith("Corrected mean: 3.25")


def test_reliability_in_a_picture() -> None:
    """A point for each bin, an interval for each, and the diagonal."""
    pytest.importorskip("matplotlib")
    found = calibration([0.1, 0.2, 0.9, 0.95, 0.92], [False, False, True, True, False])
    axis = reliability_plot(found.result).axes[0]  # type: ignore[arg-type]
    # The bins hold 0.1 (one row: no interval), 0.2 (one), and three rows above 0.9, one of them on its own side.
    assert len(axis.lines) == 2 + sum(part.observed.low is not None for part in found.result.bins)  # type: ignore
