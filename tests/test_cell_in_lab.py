"""`%%wcode` as a person meets it: the starter notebook and scripted answers in a real JupyterLab."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.environment import ROOT
from tests.fault_server import HOLD, FaultServer, chat, delta, echo_key, finish, reasoning, status, stream, usage
from tests.lab import Lab, Page

KEY = "sk-browser-0123456789abcdef"
CELLS = 4
MARGIN_S = 0.7
"""A loaded machine, and the way of the answer through the server to the page."""


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """The other side of every cell."""
    with FaultServer(chat("Hello")) as server:
        yield server


@pytest.fixture(scope="module")
def page(lab: Lab) -> Page:
    """One notebook with one kernel for most tests: starting one for each would take most of the time."""
    return lab.notebook(["%load_ext wcode_jupyter", *[""] * CELLS])


@pytest.fixture
def ask(page: Page, server: FaultServer) -> Callable[..., Page]:
    """The notebook with these sources in its cells from 1, and `server` as what is asked."""

    def ask(*sources: str) -> Page:
        page.command("notebook:clear-all-cell-outputs")
        page.set_source(0, f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}")
        for cell, source in enumerate((*sources, *[""] * (CELLS - len(sources))), 1):
            page.set_source(cell, source)
        page.run(0)
        return page

    return ask


# -- an answer arrives ------------------------------------------------------------------------------------------------

RICH = """\
## 价格 and code

| model | 名称 | price |
|---|:--:|--:|
| glm-5 | 智谱 | 0.011 |
| qwen3.6-plus | 通义千问 | 0.0021 |

```python
def mean(values: list[float]) -> float:
    return sum(values) / len(values)  # 平均值
```

The mean is $\\bar{x} = \\frac{1}{n}\\sum_i x_i$, and it costs between $5 and $10.

$$\\int_0^1 x^2\\,dx = \\frac{1}{3}$$

1. 第一点：中文和 **English** 混排。
2. Second, with `inline code`.

> A quotation, and a [link](https://example.org/page).
"""


def test_an_answer_streams_and_ends_as_one_output(ask: Callable[..., Page], server: FaultServer) -> None:
    """Reasoning is open while it arrives and closed once the answer starts; text is in the page before the server
    has sent the rest; at the end the notebook holds one output, formatted and with formulas typeset."""
    thinking, answering, half = threading.Event(), threading.Event(), RICH.index("```python")
    server.script(
        stream(
            reasoning("First I think. "),
            thinking,
            reasoning("Then I know."),
            delta(RICH[:half]),
            answering,
            delta(RICH[half:]),
            finish(),
            usage(12, 345),
        )
    )
    page = ask("%%wcode -o answer\n讲讲价格")
    page.start(1)
    page.find(1, "details.wcode-reasoning[open]")
    page.wait_for_text(1, lambda text: "First I think." in text)
    page.screenshot("cell-reasoning", cell=1)
    thinking.set()
    page.find(1, "table td")
    page.wait_for_text(1, lambda text: "通义千问" in text)
    assert not server.requests[0].answered.is_set()
    assert page.js("() => document.querySelectorAll('details.wcode-reasoning[open]').length") == 0
    page.find(1, "details.wcode-reasoning:not([open])")
    page.screenshot("cell-streaming", cell=1)
    answering.set()
    page.finish()

    (output,) = page.outputs(1)
    assert output["output_type"] == "display_data"
    assert "".join(output["data"]["text/plain"]) == RICH
    assert output["metadata"]["wcode"]["usage"]["output_tokens"] == 345
    page.find(1, "mjx-container")
    facts = page.js(
        """() => {
            const answer = document.querySelector('.wcode-answer');
            const keyword = [...answer.querySelectorAll('pre b')].find(node => node.textContent.includes('def'));
            const pre = getComputedStyle(answer.querySelector('pre'));
            return {
                formulas: answer.querySelectorAll('mjx-container').length,
                keyword: keyword && getComputedStyle(keyword).color !== pre.color,
                cells: answer.querySelectorAll('td').length,
                right: getComputedStyle(answer.querySelector('td:nth-child(3)')).textAlign,
                list: answer.querySelectorAll('ol > li').length,
                text: answer.innerText,
            };
        }"""
    )
    assert facts.pop("text").count("between $5 and $10.") == 1
    assert facts == {"formulas": 2, "keyword": True, "cells": 6, "right": "right", "list": 2}
    page.screenshot("cell-light", cell=1)
    page.theme(dark=True)
    page.screenshot("cell-dark", cell=1)
    page.theme(dark=False)
    assert page.errors() == []


def test_an_error_is_one_line_and_run_all_stops(ask: Callable[..., Page], server: FaultServer) -> None:
    """The cell is red, the line says what and what to do, and what comes after was not run."""
    server.script(status(402, "余额不足，请充值"))
    page = ask("%%wcode\nhi", "print('never')")
    page.run_all()
    (output,) = page.outputs(1)
    assert (output["output_type"], output["ename"]) == ("error", "PaymentRequired")
    assert "余额不足，请充值" in page.text(1)
    assert "\n" not in page.text(1)
    assert page.outputs(2) == []
    page.screenshot("cell-error", cell=1)


def test_the_stop_button(ask: Callable[..., Page], server: FaultServer) -> None:
    """On a silent stream: the cell ends at once, the server sees the connection close, the text is kept, and the next
    cell works."""
    server.script(stream(delta("Begun, and then nothing"), HOLD), chat("next"))
    page = ask("%%wcode -o part\nhi", "print(part.text, part.ended)", "%%wcode\nagain")
    page.start(1)
    page.wait_for_text(1, lambda text: "Begun" in text)
    page.js(
        """() => {
            const cell = window.jupyterapp.shell.currentWidget.content.widgets[1];
            const wait = () => cell.prompt === '*' ? setTimeout(wait, 5) : window.ended = performance.now();
            window.ended = null;
            document.addEventListener('pointerdown', () => { window.clicked = performance.now(); wait(); },
                { once: true, capture: true });
        }"""
    )
    clicked_at = time.monotonic()
    page.tab.click('jp-button[data-command="notebook:interrupt-kernel"]')
    page.wait("() => window.ended")
    assert server.requests[0].closed.wait(2)
    page.finish()
    took_s = page.js("() => window.ended - window.clicked") / 1000
    closed_s = (server.requests[0].closed_at or 0) - clicked_at
    print(f"stop: cell ended after {took_s:.3f} s, connection closed after {closed_s:.3f} s")
    assert took_s < 0.3 + MARGIN_S
    assert closed_s < 0.3 + MARGIN_S
    assert "Begun, and then nothing" in page.text(1)
    assert page.outputs(1)[-1]["ename"] == "AnswerInterrupted"
    page.screenshot("cell-interrupted", cell=1)
    page.run(2)
    assert page.text(2) == "Begun, and then nothing interrupted"
    page.run(3)
    assert "next" in page.text(3)


def test_waiting_for_the_first_word(ask: Callable[..., Page], server: FaultServer) -> None:
    """A line says who is asked and for how long, and is gone once the answer is there."""
    gate = threading.Event()
    server.script(stream(gate, delta("There."), finish()))
    page = ask("%%wcode\nhi")
    page.start(1)
    page.wait_for_text(1, lambda text: "waiting for m … 1 s" in text)
    page.screenshot("cell-waiting", cell=1)
    gate.set()
    page.finish()
    assert "asking" not in page.text(1)


def test_a_reload_in_mid_answer_loses_nothing(ask: Callable[..., Page], server: FaultServer) -> None:
    """The page is gone, the kernel goes on, and the whole Reply is in the variable."""
    gate = threading.Event()
    server.script(stream(delta("before the reload, "), gate, delta("and after it"), finish()))
    page = ask("%%wcode -o answer\nhi", "print(answer.text, answer.ended)")
    page.save()
    page.start(1)
    page.wait_for_text(1, lambda text: "before the reload" in text)
    page.reload(kernel=False)
    gate.set()
    page.wait_until_idle()
    page.run(2)
    assert page.text(2) == "before the reload, and after it complete"


SECTION = (
    "## 第 {n} 节\n\n"
    "A paragraph as models write them, on one line: some **bold** words, a little `code`, a formula $x_{n}^2$, and"
    " enough text to fill a few lines of the page, which is what most of an answer is made of. 中文也有一些。\n\n"
    "* the first point, with a few words of explanation\n"
    "* the second point, with a few more words of explanation\n\n"
    "```python\ndef section_{n}(values):\n    return sum(values) / len(values)\n```\n\n"
    "Then a closing paragraph that says what follows from all this, and what does not, before the next section begins;"
    " it is about as long as the first, because explanations are, and holds a [link](https://example.org/{n}) too.\n\n"
)


def test_a_long_answer_is_saved_small(ask: Callable[..., Page], lab: Lab, server: FaultServer) -> None:
    """40 KB of Markdown with code and formulas: the file grows by at most three times the answer, all included."""
    answer = "".join(SECTION.replace("{n}", str(n)) for n in range(90))[:40_000]
    page = ask("%%wcode\nhi")
    page.save()
    file = lab.folder / page.name
    empty = file.stat().st_size
    server.script(stream(*(delta(answer[at : at + 50]) for at in range(0, len(answer), 50)), finish(), usage()))
    page.run(1)
    assert len(page.outputs(1)) == 1
    page.save()
    ratio = (file.stat().st_size - empty) / len(answer.encode())
    print(f"saved: {ratio:.2f} times the answer")
    assert ratio <= 3


# -- an answer that wants to do harm ----------------------------------------------------------------------------------

EVIL = "https://evil.example"
HOSTILE = f"""\
<script>window.owned = 1; fetch('{EVIL}/script')</script>
<img src=x onerror="window.owned = 2">
<img src="{EVIL}/pixel.png">
<svg onload="window.owned = 3"><use href="{EVIL}/use.svg#x"/></svg>
<iframe src="{EVIL}/frame"></iframe><iframe srcdoc="<script>parent.owned = 4</script>"></iframe>
<details open ontoggle="window.owned = 5">x</details>
<button data-commandlinker-command="notebook:insert-cell-below" id="evil-button">click</button>
<style>body {{ outline: 7px solid red !important }} .jp-Cell {{ display: none }}</style>
<link rel="stylesheet" href="{EVIL}/style.css"><link rel="preconnect" href="{EVIL}">
<base href="{EVIL}/base/">
<meta http-equiv="refresh" content="0;url={EVIL}/refresh">
<form action="{EVIL}/form"><input name=q><button id="evil-form">go</button></form>
<object data="{EVIL}/object"></object><embed src="{EVIL}/embed">
<video src="{EVIL}/video" poster="{EVIL}/poster"></video><audio src="{EVIL}/audio" autoplay></audio>

[click me](javascript:window.owned=6) ![pixel]({EVIL}/markdown.png) [ok](https://example.org)

$\\href{{javascript:window.owned=7}}{{x}}$ and $\\require{{html}}\\style{{background:url({EVIL}/tex)}}{{y}}$

```html
<script>window.owned = 8</script>
```
"""


ELEMENTS = [
    *("script", "img", "iframe:not([sandbox=''])", "form", "button", "object", "embed", "video", "audio"),
    *("base", "meta", "link", "svg", "[onerror]", "[onload]", "[data-commandlinker-command]"),
]


def attack(page: Page) -> dict[str, Any]:
    """Clicks whatever can be clicked in the outputs, then says what came of it."""
    return dict(
        page.js(
            """async elements => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                const cells = notebook.widgets.length;
                document.querySelectorAll('.jp-OutputArea-output :is(button, summary, [onclick], a[href^="java"])' +
                    ':not(.wcode-bar *, .wcode-code-bar *)')
                    .forEach(node => node.click());
                await new Promise(done => setTimeout(done, 100));
                return {
                    owned: window.owned ?? null,
                    base: document.baseURI.includes('evil'),
                    outline: getComputedStyle(document.body).outlineStyle,
                    visible: notebook.widgets[0].node.offsetHeight > 0,
                    cells: notebook.widgets.length - cells,
                    elements: elements.filter(element => document.querySelector(
                        `.jp-OutputArea-output .wcode-answer ${element}:not(.wcode-bar *, .wcode-code-bar *)`)),
                };
            }""",
            ELEMENTS,
        )
    )


UNHARMED = {"owned": None, "base": False, "outline": "none", "visible": True, "cells": 0, "elements": []}


def test_a_hostile_answer_stays_inert(lab: Lab, server: FaultServer) -> None:
    """In each format, while it streams, once it is there, and after saving and opening again: no script ran, no request
    left this machine, the page looks as before, nothing of it can be clicked."""
    formats = ("markdown", "html", "json", "latex")
    setup = f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}"
    questions = [f"%%wcode --format {format}\nhi" for format in formats]
    risky = f"from IPython.display import Markdown\nMarkdown({HOSTILE.partition('<base')[0]!r})"
    page = lab.notebook([setup, *questions, risky], name="hostile.ipynb")
    page.run(0)
    for cell, format in enumerate(formats, 1):
        gate, half = threading.Event(), len(HOSTILE) // 2
        server.script(stream(reasoning(HOSTILE), delta(HOSTILE[:half]), gate, delta(HOSTILE[half:]), finish()))
        page.start(cell)
        page.find(cell, ".wcode-answer")
        assert attack(page) == UNHARMED, f"{format}, while it streams"
        gate.set()
        page.finish()
        assert len(page.outputs(cell)) == 1
        assert attack(page) == UNHARMED, format
        page.screenshot(f"hostile-{format}", cell=cell)
    page.save()
    again = lab.open(page.name)
    for cell in range(1, len(formats) + 1):
        again.select(cell)
        again.find(cell, ".wcode-answer")
        assert again.outputs(cell) == page.outputs(cell)
    assert attack(again) == UNHARMED
    left = [
        address
        for address in page.requests + again.requests
        if "//127.0.0.1:" not in address and not address.startswith(("data:", "blob:", "about:"))
    ]
    assert left == []
    assert page.dialogs + again.dialogs == []
    again.close()

    # This test can fail: as IPython's own Markdown, the same text does what it wants.
    page.run(len(formats) + 1)
    harmed = attack(page)
    assert harmed["owned"]
    assert harmed["outline"] == "solid"
    assert [address for address in page.requests if "evil.example" in address]
    page.close()


# -- formats ----------------------------------------------------------------------------------------------------------

FORMATS = {
    "json": ('Here you are:\n\n```json\n{"名称": "glm-5", "price": [0.011, 0.035], "ok": true}\n```', "pre code"),
    "code": ("Some talk.\n\n```python\ndef f():\n    return 1\n```\n\nMore talk.", "pre b"),
    "text": ("# not a *heading*\n\n<b>two  spaces</b>", "pre.wcode-text"),
    "latex": ("\\frac{a}{b} = \\sqrt{2}", "mjx-container"),
    "html": ("<h1 style='color:teal'>Hello</h1><p>A page of its own.</p>", 'iframe[sandbox=""]'),
}


@pytest.mark.parametrize("format", FORMATS)
def test_formats(ask: Callable[..., Page], server: FaultServer, format: str) -> None:
    """Each format is shown as what it is."""
    text, selector = FORMATS[format]
    server.script(chat(text))
    page = ask(f"%%wcode --format {format}\nhi")
    (output,) = page.run(1)
    page.find(1, selector)
    shown = page.text(1)
    expected = {
        "json": '"名称": "glm-5"', "code": "def f():", "text": "# not a *heading*\n\n<b>two  spaces</b>", "latex": "",
        "html": "",
    }  # fmt: skip
    assert expected[format] in shown
    assert "talk" not in shown
    assert "".join(output["data"]["text/plain"]) == text
    page.screenshot(f"format-{format}", cell=1)


# -- help -------------------------------------------------------------------------------------------------------------


def popup(page: Page, cell: int, text: str) -> str:
    """What Tab offers after typing `text` into an empty cell."""
    page.set_source(cell, "")
    page.type(cell, text)
    page.command("completer:invoke-notebook")
    page.wait("() => document.querySelector('.jp-Completer:not(.lm-mod-hidden) .jp-Completer-item')")
    shown = str(page.js("() => document.querySelector('.jp-Completer').innerText"))
    page.tab.keyboard.press("Escape")
    return shown


def test_tab_offers_options_and_models(ask: Callable[..., Page]) -> None:
    """In the popup of JupyterLab, options with their dashes and ids with slashes and dots are whole."""
    page = ask("", "")
    assert "--temperature" in popup(page, 1, "%%wcode --te")
    shown = popup(page, 1, "%%wcode q")
    assert "qwen/qwen3-235b-a22b" in shown
    assert "qwen3.6-plus" in shown
    assert "doctor" in popup(page, 1, "%wcode d")
    page.screenshot("cell-completion")


def test_help_is_shown(ask: Callable[..., Page]) -> None:
    """`%%wcode?` opens the manual, generated from the tables; so does Shift+Tab."""
    page = ask("%%wcode?", "")
    page.run(1)
    page.wait("() => document.body.innerText.includes('--repetition-penalty')")
    page.set_source(2, "")
    page.type(2, "%%wcode")
    page.command("tooltip:launch-notebook")
    page.wait("() => document.querySelector('.jp-Tooltip')?.innerText.includes('--temperature')")
    page.screenshot("cell-tooltip")
    page.command("tooltip:dismiss")


# -- the key ----------------------------------------------------------------------------------------------------------


def test_a_typed_key_is_neither_in_the_page_nor_in_the_file(
    ask: Callable[..., Page], lab: Lab, server: FaultServer
) -> None:
    """Typed into the hidden box of `%wcode key set`, sent to the server, echoed by it in an error: shown nowhere."""
    server.script(echo_key)
    page = ask("%wcode key set", "%%wcode -o answer\nhi", "%wcode key status", "%wcode settings")
    page.start(1)
    box = page.find(1, "input.jp-Stdin-input")
    assert box.get_attribute("type") == "password"
    box.fill(KEY)
    box.press("Enter")
    page.finish()
    for cell in (2, 3, 4):
        page.run(cell)
    assert server.requests[0].key == KEY
    assert page.outputs(2)[-1]["ename"] == "KeyRejected"
    assert "%wcode key set" in page.text(3)
    dom = page.js(
        """() => document.documentElement.outerHTML
            + [...document.querySelectorAll('input, textarea')].map(node => node.value).join('\\n')
            + JSON.stringify(window.jupyterapp.shell.currentWidget.model.toJSON())"""
    )
    page.save()
    page.screenshot("cell-key")
    assert "KeyRejected" in dom
    for text in (dom, lab.server_log(), str(page.console), str(page.requests)):
        assert KEY not in text
    saved = [path for path in lab.folder.rglob("*") if path.is_file()]
    assert saved
    assert [path for path in saved if KEY.encode() in path.read_bytes()] == []


# -- the starter ------------------------------------------------------------------------------------------------------


@pytest.mark.model
def test_the_starter_notebook_runs_whole(lab: Lab) -> None:
    """Every cell of notebooks/01_first_cell.ipynb, with the embedded model, as a newcomer runs it."""
    pytest.importorskip("xllamacpp", reason="the embedded model's engine is not installed")
    name = "01_first_cell.ipynb"
    shutil.copy(ROOT / "notebooks" / name, lab.folder / name)
    page = lab.open(name)
    page.command("notebook:clear-all-cell-outputs")
    page.run_all()
    cells = page.save()["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in code if not cell["execution_count"]] == []
    assert [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"] == []
    questions = [cell["outputs"] for cell in code if "".join(cell["source"]).startswith("%%wcode local")]
    assert questions
    for outputs in questions:
        (output,) = outputs
        assert output["metadata"]["wcode"]["ended"] in ("complete", "length")
        assert "text/html" in output["data"]
    page.select(0)
    page.screenshot("starter")
    assert page.errors() == []
    page.close()


def test_words_around_the_answer_in_chinese(lab: Lab, server: FaultServer) -> None:
    """With WCODE_LANG=zh_CN the words around the answer are Chinese."""
    gate = threading.Event()
    server.script(stream(reasoning("想一想。"), gate, delta(RICH), finish(), usage(12, 345)), status(401, "no"))
    page = lab.notebook(
        [
            f"%env WCODE_LANG=zh_CN\n%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}",
            "%%wcode\nhi",
            "%%wcode\nhi",
            "%wcode models",
        ],
        name="chinese.ipynb",
    )
    page.run(0)
    page.start(1)
    page.wait_for_text(1, lambda text: "想一想" in text)
    page.screenshot("chinese-thinking", cell=1)
    gate.set()
    page.finish()
    page.run(2)
    page.run(3)
    for cell in (1, 2, 3):
        page.screenshot(f"chinese-{cell}", cell=cell)
    assert page.text(1).startswith("推理")
    assert page.text(1).endswith("完成")
    assert "返回 401" in page.text(2)
    assert "上下文" in page.text(3)
    page.close()
