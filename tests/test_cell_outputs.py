"""What a kernel has put out in a cell, counted as it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernels import Kernel

COUNT = """
from wcode_jupyter.cell_outputs import running_cell
cell, request = running_cell(get_ipython().display_pub)
"""

CELLS = {
    "0": "",
    "1": "print('a')",
    "2": "print('a', flush=True)\nimport sys\nprint('b', file=sys.stderr)",
    "3": "from IPython.display import display\ndisplay(1, 2)\nprint('a')",
    "4": "from IPython.display import clear_output\nprint('a')\nclear_output()\nfor n in range(4): display(n)",
    "5": "import subprocess\nfor n in range(5): display(n)",
}


@pytest.mark.kernel
def test_counts(tmp_path: Path) -> None:
    """Prints, errors, displays and clears count for their cell; one that had begun before is not known."""
    with Kernel(tmp_path) as kernel:
        assert kernel.run(COUNT + "repr(cell.count(request))").text == repr("None")
        for count, code in CELLS.items():
            assert kernel.run(f"{code}\n{COUNT}\nlast = cell.count(request)").error is None
            assert kernel.run("last").text == count


@pytest.mark.kernel
def test_an_output_widget(tmp_path: Path) -> None:
    """Inside an Output widget a cell's outputs are known to go there, and outside no more."""
    pytest.importorskip("ipywidgets")
    with Kernel(tmp_path) as kernel:
        kernel.run(COUNT)
        code = "import ipywidgets\nwith ipywidgets.Output():\n    inside = cell.is_captured(request)\n"
        assert kernel.run(COUNT + code + "inside, cell.is_captured(request)").text == "(True, False)"
