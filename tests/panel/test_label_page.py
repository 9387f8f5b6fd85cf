"""The label widget in a real JupyterLab: by keyboard alone, by mouse, and after the kernel has ended."""

from __future__ import annotations

from tests.axe import violations
from tests.lab import Lab

from .label_page import LabelPage


def test_by_keyboard_and_by_mouse(lab: Lab) -> None:
    """Labels, note, undo, skip, model answer and back; each is in the file when the next row is there.

    A key that is hit again before the next row is there labels nothing.
    """
    work = LabelPage(lab, 6, "len(labels)")
    keyboard = work.page.tab.keyboard
    work.press("1", "1", "2")
    work.page.settle()
    assert [mark["value"] for mark in work.marks()] == ["negative"]
    keyboard.press("n")
    keyboard.type("3 irony s")
    keyboard.press("Enter")
    work.strike("m")
    assert "Model answer: neutral" in work.text()
    work.strike("3")
    work.strike("s")
    work.strike("u")
    work.strike("ArrowLeft")
    assert "labelled" in work.text()
    marks = work.marks()
    assert [(mark.get("kind", "label"), mark["blind"]) for mark in marks] == [
        ("label", True), ("label", False), ("skip", True), ("clear", True)
    ]  # fmt: skip
    assert (marks[1]["value"], marks[1]["note"]) == ("positive", "3 irony s")
    # A command of JupyterLab: D twice deletes the cell.
    keyboard.press("d")
    keyboard.press("d")
    assert len(work.page.sources()) == 3
    work.strike("ArrowRight")
    work.page.tab.click('.wcode-choice:has-text("positive")')
    work.page.wait("() => document.querySelector('.wcode-label').innerText.includes('3 of 6')")
    assert work.marks()[-1]["value"] == "positive"
    assert work.page.run(2)[0]["data"]["text/plain"] == "3"
    assert work.page.errors() == []


def test_accessible_and_after_the_kernel_has_ended(lab: Lab) -> None:
    """No serious violation in light and dark; without a kernel it says so, and in a new one it goes on."""
    work = LabelPage(lab, 3)
    work.strike("1")
    work.strike("m")
    found = []
    for dark in (False, True):
        work.page.theme(dark=dark)
        found += violations(work.page, ".wcode-label")
        work.page.screenshot(f"label-{'dark' if dark else 'light'}", 1)
    work.page.theme(dark=False)
    assert found == []
    work.page.restart()
    work.page.tab.wait_for_selector(".wcode-label-lost", state="visible")
    work.show()
    assert "1 of 3" in work.text()
    work.strike("2")
    assert [mark["value"] for mark in work.marks()] == ["negative", "neutral"]
