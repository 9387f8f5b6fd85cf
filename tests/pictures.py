"""The README's pictures, from real runs in JupyterLab: `python -m tests.pictures [NAME ...]`, all without a name."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .environment import ROOT
from .fault_server import DONE, FaultServer, delta, finish, reasoning, stream, usage
from .lab import Lab
from .panel.page import PanelPage

_FIRST_CELL = (
    "%load_ext wcode_jupyter\nlanguage = 'Python'",
    "%%wcode local --temperature 0 --seed 1 --max-tokens 160 -o answer\n"
    "Write a short {{language}} function that returns the mean of a list. Then explain it in two bullet points.",
    "answer.code[0].source, answer.ended, answer.usage.output_tokens",
)
_ANSWER = r"""**Temperature** scales the logits before sampling; *top-p* cuts the tail afterwards.

With temperature $T$, a token of logit $z_i$ is drawn with probability

$$p_i = \frac{e^{z_i/T}}{\sum_j e^{z_j/T}}$$

```python
probabilities = np.exp(logits / temperature)
probabilities /= probabilities.sum()
```

Set one of them, not both.
"""


def first_cell(folder: Path) -> Path:
    """A question to the embedded model, its answer, and the reply in a variable."""
    with Lab(folder, size=(1180, 560), screenshots=folder) as lab:
        page = lab.notebook(_FIRST_CELL, name="first_cell.ipynb")
        page.command("application:toggle-left-area")
        for cell in range(len(_FIRST_CELL)):
            page.run(cell)
        page.settle()
        return page.screenshot("first_cell")


def panel(folder: Path) -> Path:
    """The panel with an answer of a server on this machine: a price and its reasoning, which the demo model has not."""
    steps = [reasoning("Both shape how a token is drawn."), 1.2, delta(_ANSWER), 0.9, finish(), usage(61, 248), DONE]
    named = [step.replace(b'"m"', b'"z-ai/glm-5"') if isinstance(step, bytes) else step for step in steps]
    with FaultServer(stream(*named)) as server, Lab(folder, size=(1400, 1200), screenshots=folder) as lab:
        options = "glm-5 --temperature 0.3 --max-tokens 800 -o answer"
        shown = PanelPage(lab, server, options, "level = 'a first-year student'", name="panel.ipynb")
        shown.page.command("application:toggle-left-area")
        shown.page.run(2)
        shown.page.tab.fill(".wcode-panel textarea >> nth=0", "You teach {{level}}. Be brief.")
        shown.ask("What is the difference between temperature and top_p?")
        shown.press("Run")
        shown.wait_for("248 tokens")
        shown.page.select(1)
        shown.page.settle()
        return shown.page.screenshot("panel", cell=1)


PICTURES: dict[str, Callable[[Path], Path]] = {"first_cell": first_cell, "panel": panel}


def main(names: list[str]) -> None:
    """Writes `notebooks/images/NAME.png`."""
    for name in names or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(PICTURES[name](Path(folder)), ROOT / "notebooks" / "images" / f"{name}.png")


if __name__ == "__main__":
    main(sys.argv[1:])
