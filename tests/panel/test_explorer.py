"""The explorer without a page: what its controls show, and how long a step takes."""

from __future__ import annotations

import time
from pathlib import Path

import ipywidgets as widgets
import pytest

from tests.axe import violations
from tests.lab import Lab, check_browser
from wcode_jupyter.batch import Job, Replies, RunLine
from wcode_jupyter.errors import InputError
from wcode_jupyter.panel.explorer import Explorer
from wcode_jupyter.reply import Choice, ErrorInfo, Reply
from wcode_jupyter.reply.events import Usage

from .conftest import shown

HOSTILE = "<img src=x onerror=alert(1)>"


def line(row: int, temperature: float, sample: int, text: str | None) -> RunLine:
    job = Job(
        id=f"{row}.{temperature}.{sample}", number=0, row=row, key=f"k{row}", columns={"text": f"{HOSTILE} {row}"},
        model="m", values={"temperature": temperature}, sample=sample,
    )  # fmt: skip
    if text is None:
        return RunLine(job, Reply(ended="failed", fault=ErrorInfo("ServerFault", "no answer came")))
    usage = Usage(input_tokens=12, output_tokens=3)
    return RunLine(job, Reply(choices=(Choice(text=text),), usage=usage))


def replies(rows: int = 5) -> Replies:
    """Two temperatures, two samples a row; at 1.0 the second sample differs in a word, in row 1 it failed."""
    return Replies.of(
        [
            line(
                row,
                t,
                sample,
                None
                if row == 1 and t and sample
                else "a good film"
                if not t
                else f"a {'bad' if sample else 'good'} film",
            )
            for row in range(rows)
            for t in (0.0, 1.0)
            for sample in range(2)
        ],
        "f" * 64,
    )


def explorer(found: Replies) -> Explorer:
    return Explorer(found.explore())


def test_controls_fit_their_axes() -> None:
    """A slider for rows and for numbers, with the names of what was swept."""
    one = explorer(replies())
    assert [type(control) for control in one.controls] == [
        widgets.IntSlider, widgets.SelectionSlider, widgets.SelectionSlider
    ]  # fmt: skip
    assert [control.description for control in one.controls] == ["row", "temperature", "sample"]


def test_a_step_shows_the_answer_and_what_differs_from_its_neighbour() -> None:
    """Row 0 at 1.0, second sample: against the first sample one word differs; tokens are told."""
    one = explorer(replies())
    one.controls[1].value = 1
    one.controls[2].value = 1
    html = shown(one.widget)
    assert "Compared with sample 1" in html
    assert "<del>good</del><ins>bad</ins>" in html
    assert "tokens 12→3" in html
    one.controls[2].value = 0
    one.controls[1].value = 0
    assert "Compared with temperature 1.0: the same answer" in shown(one.widget)


def test_equal_answers_are_counted_and_the_shown_one_is_marked() -> None:
    """Row 0: three times the good film, once the bad one."""
    one = explorer(replies())
    assert '<tr aria-current="true"><td>a good film</td><td>2</td><td>3</td></tr>' in one.distinct.value
    assert "<tr><td>a bad film</td><td>0</td><td>1</td></tr>" in one.distinct.value


def test_rows_step_by_buttons_and_end_at_the_ends() -> None:
    """Next and previous; a failed answer says why."""
    one = explorer(replies())
    previous, following = one.widget.children[1].children[-1].children
    following.click()
    one.controls[1].value = one.controls[2].value = 1
    assert "Row 2 of 5" in one.answer.value
    assert "no answer came" in one.answer.value
    for _press in range(3):
        previous.click()
    assert "Row 1 of 5" in one.answer.value


def test_texts_of_rows_and_models_are_only_text() -> None:
    """No element of theirs reaches the page."""
    one = explorer(replies())
    assert "<img" not in shown(one.widget)
    assert "&lt;img src=x" in shown(one.widget)


def test_a_step_takes_at_most_50_ms_of_processor_with_1000_answers() -> None:
    """250 rows, 1,000 long answers of which each pair differs: the median of 40 steps, in time of this thread."""
    words = " ".join(f"word{number}" for number in range(600))
    lines = [
        line(row, t, sample, f"{row} {words} {t}{sample} {words}")
        for row in range(250)
        for t in (0.0, 1.0)
        for sample in range(2)
    ]
    one = explorer(Replies.of(lines, "f" * 64))
    spent = []
    for step in range(40):
        began = time.thread_time()
        one.controls[step % 3].value = (one.controls[step % 3].value + 1) % (250 if step % 3 == 0 else 2)
        spent.append(time.thread_time() - began)
    assert sorted(spent)[20] <= 0.05


def test_nothing_to_explore_is_one_line() -> None:
    """An empty run."""
    with pytest.raises(InputError, match="no answers to explore"):
        Replies.of([], "f" * 64).explore()


CELL = """
import wcode_jupyter.panel.explorer
from tests.panel.test_explorer import replies
replies().explore()
"""


@pytest.mark.browser
def test_explorer_in_the_page_by_keyboard_dark_and_in_chinese(tmp_path: Path, screenshots: Path) -> None:
    """The keys move a slider, axe finds nothing serious, the table below is hidden while the widget is alive."""
    check_browser()
    with Lab(tmp_path, env={"WCODE_LANG": "zh_CN"}, dark=True, screenshots=screenshots) as lab:
        page = lab.notebook(["%load_ext wcode_jupyter", CELL])
        page.run(0)
        page.run(1)
        page.tab.wait_for_selector(".wcode-explore .noUi-handle")
        page.settle()
        page.tab.locator(".wcode-explore .noUi-handle").first.focus()
        page.tab.keyboard.press("ArrowRight")
        page.wait(
            "words => document.querySelector('.wcode-explore')?.innerText.includes(words)", "第 2 行，共 5 行", 15
        )
        assert not page.tab.locator(".wcode-explored").first.is_visible()
        assert violations(page, ".wcode-explore") == []
        page.screenshot("explorer")
