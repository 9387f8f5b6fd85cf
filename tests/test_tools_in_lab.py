"""Tool steps and a chat as a person meets them: in a real JupyterLab, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault_server import HOLD, FaultServer, chat, delta, stream
from tests.lab import Lab, Page
from tests.tool_server import calls, said

pytest.importorskip("pydantic")

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"

FUNCTIONS = f"""
import wcode_jupyter

@wcode_jupyter.tool
def temperature(city: str) -> str:
    "Degrees in a city."
    return city + ": 21"

@wcode_jupyter.tool
def page(address: str) -> str:
    "A page of the web."
    return {HOSTILE!r}

def unmarked(a: int) -> int:
    "Twice."
    return 2 * a
"""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """The model, by script."""
    with FaultServer(chat("Hello")) as server:
        yield server


@pytest.fixture(scope="module")
def page(lab: Lab) -> Page:
    """One notebook with the functions."""
    page = lab.notebook(["%load_ext wcode_jupyter", FUNCTIONS, "", "", ""])
    page.run(0)
    page.run(1)
    return page


def boxes(page: Page, cell: int) -> list[tuple[bool, str]]:
    """Each box below a cell: whether it is open, and all of its text."""
    found = page.js(
        """i => {
            const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[i];
            return [...cell.querySelectorAll('.jp-OutputArea-output details')].map(b => [b.open, b.textContent]);
        }""",
        cell,
    )
    return [(is_open, text) for is_open, text in found]


def test_steps_fold_open_and_are_text(page: Page, server: FaultServer) -> None:
    """Closed boxes above the answer, call and result inside; a hostile result is words on the page and runs nothing."""
    server.script(
        calls("openai", ("temperature", {"city": "Bern"}), ("page", {"address": HOSTILE}), text="Let me look."),
        said("openai", "It is **21** degrees."),
    )
    page.set_source(2, f"%wcode set model=m base_url={server.base_url}")
    page.run(2)
    page.set_source(3, "%%wcode --tools temperature,page\nHow warm is it?")
    page.run(3)
    page.settle()
    found = boxes(page, 3)
    assert [is_open for is_open, _text in found] == [False, False]
    assert found[0][1].startswith('temperature({"city": "Bern"}) → Bern: 21')
    assert HOSTILE in found[1][1]
    page.js(
        """i => document.querySelectorAll('.jp-Notebook .jp-Cell')[i]
            .querySelectorAll('.jp-OutputArea-output summary')[0].click()""",
        3,
    )
    assert [is_open for is_open, _text in boxes(page, 3)] == [True, False]
    page.screenshot("tools", 3)
    assert page.dialogs == []
    assert not [address for address in page.requests if address.endswith("/x")]
    assert page.errors() == []


def test_steps_stand_above_the_answer_that_arrives_and_stop_keeps_them(page: Page, server: FaultServer) -> None:
    """The stop button ends the loop; what was is one output."""
    server.script(calls("openai", ("temperature", {"city": "Oslo"})), stream(delta("Rather warm, I"), HOLD))
    page.set_source(2, f"%wcode set model=m base_url={server.base_url}")
    page.run(2)
    page.set_source(3, "%%wcode --tools temperature\nHow warm is it?")
    page.start(3)
    page.wait("""() => document.querySelector('.jp-Notebook').textContent.includes('Rather warm')""")
    assert boxes(page, 3)[0][1].startswith('temperature({"city": "Oslo"}) → Oslo: 21')
    page.interrupt()
    page.finish()
    assert [output["output_type"] for output in page.outputs(3)] == ["display_data", "error"]
    assert boxes(page, 3)[0][1].startswith('temperature({"city": "Oslo"}) → Oslo: 21')


def test_an_unmarked_function_asks_in_the_page(page: Page, server: FaultServer) -> None:
    """The question shows the call; `y` runs it."""
    server.script(calls("openai", ("unmarked", {"a": 4})), said("openai", "Eight."))
    page.set_source(2, f"%wcode set model=m base_url={server.base_url}")
    page.run(2)
    page.set_source(3, "%%wcode --tools unmarked\nTwice four?")
    page.start(3)
    page.tab.wait_for_selector(".jp-Stdin-input")
    assert "Run unmarked(a=4)?" in page.tab.inner_text(".jp-Stdin-prompt")
    page.tab.fill(".jp-Stdin-input", "y")
    page.tab.press(".jp-Stdin-input", "Enter")
    page.finish()
    assert boxes(page, 3)[0][1].startswith('unmarked({"a": 4}) → 8')
    assert page.outputs(3)[-1]["data"]["text/plain"] == "Eight."


def test_a_chat_is_shown_in_the_page(page: Page, server: FaultServer) -> None:
    """Questions and formatted answers; hostile text is words."""
    server.script(chat("**one** " + HOSTILE), chat("two"))
    page.set_source(2, f"%wcode set model=m base_url={server.base_url}")
    page.run(2)
    for question in ("first", "second"):
        page.set_source(3, f"%%wcode --chat talk\n{question}")
        page.run(3)
    page.set_source(4, "%wcode chats show talk")
    page.run(4)
    page.settle()
    text = page.js("""i => document.querySelectorAll('.jp-Notebook .jp-Cell')[i].innerText""", 4)
    assert text.index("first") < text.index("one") < text.index("second") < text.index("two")
    assert HOSTILE in text
    assert page.dialogs == []
    page.screenshot("chat", 4)
