"""Presses on a kernel that is killed: `python -m tests.labels.presses` kills it 100 times and counts what is lost.

A child labels 200 rows as the widget does and says of each press when it would show the next item. It is killed
(SIGKILL) after a number of these, and goes on in a new process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.environment import ROOT
from wcode_jupyter.labels.label_file import LabelFile
from wcode_jupyter.labels.labels import Labels

__all__ = ["kills"]

ROWS = 200
_CHILD = f"""
import sys
from pathlib import Path
from wcode_jupyter.labels.label_file import LabelFile
from wcode_jupyter.labels.labelling import LabelInput, LabelItem, Labelling

items = [LabelItem(row, {{"text": f"row {{row}}"}}) for row in range({ROWS})]
work = Labelling(LabelFile(Path(sys.argv[1])), "label", "A", items, LabelInput("choice", ("pos", "neg")))
while work.item is not None:
    row = work.item.row
    work.press("pos" if row % 2 else "neg")
    print(row, flush=True)
"""


def kills(folder: Path, counts: Sequence[int]) -> int:
    """How many confirmed presses are missing from the file, over children that are killed after `counts` presses."""
    lost = 0
    path = folder / "n.labels.jsonl"
    confirmed: set[int] = set()
    for count in counts:
        confirmed |= _killed(path, count)
        values = Labels(LabelFile(path), "label").values
        lost += sum(values.get(row) != ("pos" if row % 2 else "neg") for row in confirmed)
        if len(confirmed) == ROWS:
            path.unlink()
            confirmed = set()
    return lost


def _killed(path: Path, count: int) -> set[int]:
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, bufsize=1
    )
    with child:
        assert child.stdout is not None
        rows = []
        for line in child.stdout:
            rows.append(int(line))
            if len(rows) >= count:
                child.kill()
                break
        rows += [int(line) for line in child.stdout.read().splitlines() if line]
    return set(rows)


def main() -> None:
    """100 kills at growing numbers of presses."""
    with tempfile.TemporaryDirectory() as folder:
        lost = kills(Path(folder), [1 + 7 * place % 60 for place in range(100)])
    print(f"100 kills, {lost} presses lost")


if __name__ == "__main__":
    main()
