"""Structured answers, log probabilities, images and inserted code as a person meets them in JupyterLab."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

from tests.fault_server import DONE, HOLD, FaultServer, chat, data, delta, finish, stream
from tests.hostile.attack import CELLS, NOTEBOOK, SECRET, Home, send
from tests.lab import Lab, Page

EVIL = '"><img src=x onerror="document.title=1">'


def opened(lab: Lab, server: FaultServer, *cells: str, name: str) -> Page:
    """A notebook with the extension, that asks `server` by default; its cells begin at number 1."""
    setup = f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url} log=false"
    page = lab.notebook([setup, *cells], name)
    page.run(0)
    return page


def token(text: str, probability: float, *others: tuple[str, float]) -> dict[str, Any]:
    top = [
        {"token": other, "logprob": math.log(p), "bytes": list(other.encode())}
        for other, p in ((text, probability), *others)
    ]
    return {**top[0], "top_logprobs": top}


def with_tokens(*tokens: dict[str, Any]) -> bytes:
    choice = {"index": 0, "delta": {"content": "".join(token["token"] for token in tokens)}, "finish_reason": None}
    return data({"choices": [{**choice, "logprobs": {"content": list(tokens)}}]})


def test_log_probabilities_are_coloured_and_hover_shows_the_alternatives(lab: Lab) -> None:
    """Surer is paler, in light and dark; hostile tokens stay text; dollars are no formula."""
    tokens = (
        token("Paris", 0.95, ("Lyon", 0.03)),
        token(" is", 0.6, (EVIL, 0.3)),
        token(" $x$ big", 0.1, (" small", 0.5)),
        token(EVIL, 0.3),
    )
    with FaultServer(stream(with_tokens(*tokens), finish(), DONE)) as server:
        page = opened(
            lab, server, "%%wcode --logprobs --top-logprobs 2 -o a\nhi", "a.show_logprobs()", name="colours.ipynb"
        )
        page.run(1)
        page.run(2)
        shown = """node => [...node.querySelectorAll('.wcode-logprobs > span')].map(
            span => [span.textContent, span.title, getComputedStyle(span).backgroundColor])"""
        spans = page.node(2).evaluate(shown)
        assert [text for text, _title, _colour in spans] == ["Paris", " is", " $x$ big", EVIL]
        assert '"Lyon" 0.03' in spans[0][1]
        assert "(rank 2)" in spans[2][1]
        alphas = [
            0.0 if colour == "rgba(0, 0, 0, 0)" else float(colour[5:-1].split(",")[3]) for *_rest, colour in spans
        ]
        assert alphas[0] == 0
        assert alphas[0] < alphas[1] < alphas[3] < alphas[2]
        page.screenshot("logprobs-light", 2)
        page.theme(dark=True)
        page.settle()
        assert page.node(2).evaluate(shown) == spans
        page.screenshot("logprobs-dark", 2)
        page.theme(dark=False)
        assert page.node(2).query_selector("img, mjx-container, .MathJax") is None
        assert page.errors() == []


def test_json_grows_in_order_and_a_second_attempt_takes_the_first_ones_place(lab: Lab) -> None:
    """Half an answer is readable JSON; in the end one output stands, with the reason for the second attempt."""
    with FaultServer(
        stream(delta('{"name": "Ada", "ag'), HOLD),
        chat('{"name": "Ada", ', '"age": "old"}'),
        chat('{"name": "Ada", "age": 36}'),
    ) as server:
        cell = "%%wcode --schema 'name, age int' --retries-schema 1 -o a\nWho?"
        page = opened(lab, server, cell, "a.parsed", name="schema.ipynb")
        page.start(1)
        page.wait_for_text(1, lambda text: '{\n  "name": "Ada",\n  "ag' in text)
        page.interrupt()
        page.finish()
        outputs = page.run(1)
        assert [output["output_type"] for output in outputs] == ["display_data"]
        assert "Retried" in page.text(1)
        assert "old" not in page.text(1).partition("Retried")[0]
        page.run(2)
        assert page.text(2).endswith("Answer(name='Ada', age=36)")
        page.screenshot("schema", 1)


def test_a_figure_of_the_notebook_is_sent(lab: Lab) -> None:
    """What matplotlib shows is what leaves, with its size below the answer."""
    figure = "import matplotlib.pyplot as plt\nfigure, axes = plt.subplots(figsize=(2, 1), dpi=50)"
    with FaultServer(chat("A line.")) as server:
        page = opened(lab, server, figure, "%%wcode --image figure\nWhat is it?", name="figure.ipynb")
        page.run(1)
        page.run(2)
        url = server.requests[0].json["messages"][0]["content"][1]["image_url"]["url"]
        assert base64.b64decode(url.removeprefix("data:image/png;base64,"))[16:24] == bytes([0, 0, 0, 100, 0, 0, 0, 50])
        assert "figure: PNG, 100×50, " in page.text(2)


def test_inserted_code_stands_below_and_was_not_run(lab: Lab) -> None:
    """A new cell with the code, no output, no number."""
    with FaultServer(chat("Try:\n```python\nran = True\n```\n")) as server:
        page = opened(lab, server, "%%wcode --insert --format code\ncode?", name="insert.ipynb")
        page.run(1)
        page.settle()
        assert page.sources()[2] == "ran = True"
        assert page.outputs(2) == []
        cells = page.save()["cells"]
        assert cells[2]["execution_count"] is None


def test_opening_and_running_an_attackers_folder_harms_nothing(lab: Lab, tmp_path: Path) -> None:
    """No script of its outputs runs, nothing is loaded from elsewhere, no file outside changes: as sent, then run."""
    home = Home(tmp_path / "home")
    folder = lab.folder / tmp_path.name  # a second try has a folder of its own
    send(folder, home)
    page = lab.open(f"{folder.name}/{NOTEBOOK}")
    page.settle()
    assert "import os" in page.text(3)
    page.run_all()
    last = len(CELLS) - 1
    ran = "i => window.jupyterapp.shell.currentWidget.content.widgets[i].model.outputs.length > 0"
    page.wait(ran, last, timeout_s=60)
    assert page.outputs(last)[0]["ename"] == "ReplayError"
    page.screenshot("attack")
    assert page.js("() => window.attacked ?? 0") == 0
    assert page.dialogs == []
    assert [url for url in page.requests if not url.startswith((lab.url, "data:", "blob:"))] == []
    count = len(page.sources())
    assert SECRET not in repr([page.outputs(i) for i in range(count)])
    assert home.state() == home.before
    assert not (folder / "ran").exists()
