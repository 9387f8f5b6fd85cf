"""The README's pictures, from a real run in JupyterLab with the embedded model: `python -m tests.pictures`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from .environment import ROOT
from .lab import Lab

_FIRST_CELL = (
    "%load_ext wcode_jupyter\nlanguage = 'Python'",
    "%%wcode local --temperature 0 --seed 1 --max-tokens 160 -o answer\n"
    "Write a short {{language}} function that returns the mean of a list. Then explain it in two bullet points.",
    "answer.code[0].source, answer.ended, answer.usage.output_tokens",
)


def main() -> None:
    """Writes `notebooks/images/first_cell.png`."""
    with Lab(Path(tempfile.mkdtemp()), size=(1180, 560)) as lab:
        page = lab.notebook(_FIRST_CELL, name="first_cell.ipynb")
        page.command("application:toggle-left-area")
        for cell in range(len(_FIRST_CELL)):
            page.run(cell)
        page.settle()
        shutil.copy(page.screenshot("first_cell"), ROOT / "notebooks" / "images" / "first_cell.png")


if __name__ == "__main__":
    main()
