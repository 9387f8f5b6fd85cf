"""Many at once as a person sees it: columns, bar and table in a real JupyterLab."""

from __future__ import annotations

import threading

from tests.fault_server import FaultServer, Received, Script, delta, finish, stream, usage
from tests.lab import Lab

from .strict_server import StrictServer

ANSWER = """\
## {model}

| a | b |
|---|---|
| 1 | 2 |

```python
print('{model}')  # a line that is longer than any column is wide, and must not push the other columns out of sight
```

<b>raw</b> costs $5 and $10.

"""


def test_columns_stand_side_by_side(lab: Lab) -> None:
    """Four answers grow beside each other, formatted and safe, each in a quarter of the width with its status below."""
    gate = threading.Event()

    def answer(request: Received) -> Script:
        model = request.json["model"]
        return stream(delta(ANSWER.format(model=model)), gate, delta(f"The end of {model}."), finish(), usage())

    page = lab.notebook(["%load_ext wcode_jupyter", ""])
    with FaultServer(answer) as server:
        page.set_source(0, f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url}")
        page.set_source(1, "%%wcode -m alpha -m beta -m gamma -m delta -o four\nhi")
        page.run(0)
        page.start(1)
        page.wait_for_text(1, lambda text: text.count("print(") == text.count("is writing") == 4)
        page.screenshot("columns-streaming", cell=1)
        assert "The end" not in page.text(1)
        gate.set()
        page.finish()
    text = page.text(1)
    assert "The end of alpha." in text
    assert "The end of delta." in text
    assert "costs $5 and $10." in text
    facts = page.js(
        """() => {
            const table = document.querySelector('.jp-OutputArea .wcode-answer > table');
            const cells = [...table.rows[1].cells].map(cell => cell.getBoundingClientRect());
            return {
                count: cells.length, tops: cells.every(cell => cell.top === cells[0].top),
                beside: cells.slice(1).every((cell, n) => cells[n].right <= cell.left + 1),
                widths: cells.every(cell => Math.abs(cell.width - cells[0].width) < 2),
                inside: cells[3].right <= table.closest('.jp-OutputArea').getBoundingClientRect().right,
                raw: table.querySelectorAll('b b, p b').length,
            };
        }"""
    )
    assert facts == {"count": 4, "tops": True, "beside": True, "widths": True, "inside": True, "raw": 0}
    page.screenshot("columns-light", cell=1)
    page.theme(dark=True)
    page.screenshot("columns-dark", cell=1)
    page.theme(dark=False)
    assert len(page.outputs(1)) == 1
    assert page.errors() == []


def test_a_run_shows_bar_and_table_and_ends_as_one_output(lab: Lab) -> None:
    """While it runs there are a bar and a table of the models; the saved output is the summary."""
    rows = "rows = [{'word': f'w{n}'} for n in range(20)]"
    page = lab.notebook(["%load_ext wcode_jupyter", ""], name="run.ipynb")
    with StrictServer(delay_s=lambda prompt: 0.1 if len(prompt) == 6 else 1.5) as server:
        page.set_source(0, f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url}\n{rows}")
        page.set_source(1, "%%wcode -m alpha -m beta --each rows --concurrency 8 -o results\nSay {{word}}")
        page.run(0)
        page.start(1)
        # tqdm writes its spaces as U+2007.
        page.wait_for_text(1, lambda text: "median s" in text and "/\u200740" in text and "in\u2007flight" in text)
        page.screenshot("run-under-way", cell=1)
        page.finish()
    (output,) = page.outputs(1)
    assert output["metadata"]["wcode"]["run"]["replies"] == 40
    assert "median s" not in page.text(1)
    page.screenshot("run-summary", cell=1)
    assert page.errors() == []
