"""The README's pictures, from real runs in JupyterLab: `python -m tests.pictures [NAME ...]`, all without a name."""

from __future__ import annotations

import io
import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from .environment import ROOT
from .fault_server import DONE, FaultServer, delta, finish, reasoning, stream, usage
from .lab import Lab, Page
from .panel.page import PanelPage

_FIRST_CELL = (
    "%load_ext wcode_jupyter\nlanguage = 'Python'",
    "%%wcode local --temperature 0 --seed 1 --max-tokens 160 -o answer\n"
    "Write a {{language}} function that adds two numbers. Then explain it in two bullet points.",
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


_FRAME_S = 0.2
_READ_S = 1.5  # what a viewer needs before the next cell runs
_LAST_S = 4.0
_COLOURS = 64


def first_cell(folder: Path) -> Path:
    """A question to the embedded model, its answer while it streams, and the reply in a variable; it moves."""
    frames: list[tuple[float, Image.Image]] = []
    with Lab(folder, size=(1000, 540), screenshots=folder) as lab:
        page = lab.notebook(_FIRST_CELL, name="first_cell.ipynb")
        page.command("application:toggle-left-area")
        page.run(0)
        for cell in (1, 2):
            frames.append((time.monotonic(), _frame(page)))
            time.sleep(_READ_S)
            page.start(cell)
            _watch(page, frames)
            page.finish()
        page.settle()
        frames.append((time.monotonic(), _frame(page)))
    return _moving(frames, folder / "first_cell.gif")


def _watch(page: Page, frames: list[tuple[float, Image.Image]]) -> None:
    """A frame each `_FRAME_S` while a cell runs."""
    while page.js("() => window.pending > 0"):
        begun = time.monotonic()
        frames.append((begun, _frame(page)))
        time.sleep(max(0, begun + _FRAME_S - time.monotonic()))


def _frame(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.tab.screenshot())).convert("RGB")


def _moving(frames: list[tuple[float, Image.Image]], path: Path) -> Path:
    """A GIF that shows each frame as long as it was seen and rests at the last one; equal neighbours are one frame."""
    changed = [frames[0]]
    changed += [later for before, later in itertools.pairwise(frames) if later[1].tobytes() != before[1].tobytes()]
    palette = changed[-1][1].quantize(_COLOURS)
    images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for _at, image in changed]
    times = [at for at, _image in changed]
    shown = [after - before for before, after in itertools.pairwise(times)]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=[round(1000 * seconds) for seconds in [*shown, _LAST_S]],
        loop=0,
        optimize=True,
    )
    return path


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
    """Writes `notebooks/images/NAME.gif` (it moves) or `.png`."""
    for name in names or PICTURES:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(PICTURES[name](Path(folder)), ROOT / "notebooks" / "images")


if __name__ == "__main__":
    main(sys.argv[1:])
