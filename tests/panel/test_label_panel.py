"""The label widget without a page: what its buttons write and what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from wcode_jupyter.labels.label_file import LabelFile
from wcode_jupyter.labels.labelling import LabelInput, LabelItem, Labelling
from wcode_jupyter.panel.label_panel import LabelPanel

from .conftest import shown

HOSTILE = "<img src=x onerror=alert(1)> & \u202etxt"


def panel(path: Path, answers: LabelInput | None = None, **more: str) -> LabelPanel:
    answers = answers or LabelInput("choice", ("neg", "pos"), meanings={"pos": "good"})
    items = [LabelItem(row, {"text": f"{HOSTILE} {row}"}, answer="<b>pos</b>") for row in range(3)]
    return LabelPanel(
        Labelling(
            LabelFile(path), "label", "A", items, answers,
            codebook=more.get("codebook", ""), instructions=more.get("instructions", ""),
        )
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "n.labels.jsonl"


def test_a_button_for_each_label(path: Path) -> None:
    """Numbered as the keys are, with the definition of the codebook; pressed, the next row is in front."""
    one = panel(path)
    assert [choice.description for choice in one.choices] == ["1  neg", "2  pos"]
    assert one.choices[1].tooltip == "good"
    one.choices[1].click()
    assert [(mark.row, mark.value) for mark in LabelFile(path).marks()] == [(0, "pos")]
    assert "2/3 · Row 1" in one.item.value
    assert "1 of 3 · coder A" in one.head.value
    one.back.click()
    assert one.choices[1].button_style == "primary"


def test_texts_of_rows_and_models_are_only_text(path: Path) -> None:
    """No element of theirs reaches the page, and what hides is visible."""
    one = panel(path, instructions="<script>x</script>", codebook="s-12345678")
    one.reveal.click()
    html = shown(one.widget)
    assert "<img" not in html
    assert "<script" not in html
    assert "<b>pos" not in html
    assert "\u202e" not in html
    assert "&lt;img src=x" in html
    assert "Model answer: &lt;b&gt;pos&lt;/b&gt;. This label is not blind." in html


def test_the_model_answer_is_hidden_until_asked_for(path: Path) -> None:
    """For each row anew."""
    one = panel(path)
    assert "Model answer:" not in shown(one.widget)
    one.reveal.click()
    one.choices[0].click()
    assert "Model answer:" not in shown(one.widget)
    one.choices[0].click()
    assert [mark.blind for mark in LabelFile(path).marks()] == [False, True]


def test_a_note_goes_with_the_label_and_can_be_changed(path: Path) -> None:
    """It survives a look at the model's answer, and belongs to one row only."""
    one = panel(path)
    one.note.value = "irony"
    one.reveal.click()
    assert one.note.value == "irony"
    one.choices[0].click()
    assert one.note.value == ""
    one.back.click()
    assert one.note.value == "irony"
    one.note.value = "no irony"
    assert [mark.note for mark in LabelFile(path).marks()] == ["irony", "no irony"]


def test_numbers_are_typed(path: Path) -> None:
    """What is no number is said, and stays to be corrected."""
    one = panel(path, LabelInput("integer", low=0, high=10))
    one.value.value = "11"
    one.enter.click()
    assert "11 is out of range: 0 to 10" in one.said.value
    assert one.value.value == "11"
    one.value.value = "7"
    one.enter.click()
    assert [mark.value for mark in LabelFile(path).marks()] == [7]
    assert (one.value.value, one.said.value) == ("", "")


def test_undo_skip_and_the_end(path: Path) -> None:
    """Skipped rows count as done; at the end labels cannot be pressed, and going back works."""
    one = panel(path)
    assert one.undo.disabled
    one.skip.click()
    one.choices[0].click()
    one.choices[0].click()
    assert "All 3 rows are done" in one.item.value
    assert one.choices[0].disabled
    one.undo.click()
    assert "3/3 · Row 2" in one.item.value
    assert not one.choices[0].disabled
    assert [mark.kind for mark in LabelFile(path).marks()] == ["skip", "label", "label", "clear"]


def test_a_file_that_cannot_be_written_is_said(path: Path) -> None:
    """The row stays in front, the turn is counted: the page knows that the press was answered."""
    one = panel(path)
    path.mkdir()
    before = one.item.value
    one.choices[0].click()
    assert "Cannot use the labels file" in one.said.value
    assert "1/3 · Row 0" in one.item.value
    assert one.item.value != before
