"""The browser harness itself: a real JupyterLab runs cells, and what is read back is what a person sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from .environment import isolated
from .kernels import Kernel
from .lab import Lab

DISPLAYS = """
from IPython.display import clear_output, display
print("one"); print("two")
handle = display("old", display_id="shared")
display("between")
handle.update("new")
again = display("again", display_id="shared")
"""
CLEARS = """
from IPython.display import clear_output, display
handle = display("gone", display_id=True)
clear_output(wait=True)
print("kept")
handle.update("not back")
display("last")
clear_output(wait=True)
"""


def test_cell_runs(lab: Lab) -> None:
    """A cell prints, and model, page and saved file agree."""
    page = lab.notebook(["print('你好, 世界')", "1 + 1"])
    page.run_all()
    expected = [{"output_type": "stream", "name": "stdout", "text": "你好, 世界\n"}]
    assert page.outputs(0) == expected
    assert (page.text(0), page.text(1)) == ("你好, 世界", "[2]:\n2")
    assert page.save()["cells"][0]["outputs"] == [{**expected[0], "text": ["你好, 世界\n"]}]
    assert page.errors() == []
    assert not [address for address in page.requests if "//127.0.0.1:" not in address]


def test_screenshots(lab: Lab) -> None:
    """A picture of a cell in the light and in the dark theme differs."""
    page = lab.notebook(["print('a')"])
    page.run(0)
    light = page.screenshot("harness-light", cell=0).read_bytes()
    page.theme(dark=True)
    dark = page.screenshot("harness-dark", cell=0).read_bytes()
    page.theme(dark=False)
    assert light.startswith(b"\x89PNG")
    assert light != dark


def test_interrupt(lab: Lab) -> None:
    """The stop button ends a running cell; the next one works."""
    page = lab.notebook(["import time; print('on'); time.sleep(60)", "print('alive')"])
    page.start(0)
    page.wait_for_text(0, lambda text: text == "on")
    page.interrupt()
    page.finish(timeout_s=20)
    assert page.outputs(0)[-1]["ename"] == "KeyboardInterrupt"
    page.run(1)
    assert page.text(1) == "alive"


@pytest.mark.parametrize("code", [DISPLAYS, CLEARS], ids=["displays", "clears"])
def test_kernel_harness_folds_as_jupyterlab(lab: Lab, kernel: Kernel, code: str) -> None:
    """The kernel harness and JupyterLab end with the same outputs."""
    page = lab.notebook([code])
    assert page.run(0) == kernel.run(code).outputs


def test_environment(lab: Lab, tmp_path: Path) -> None:
    """The kernel sees this clone and none of the developer's settings."""
    page = lab.notebook(["import os, wcode_jupyter; print([n for n in os.environ if n.startswith('WCODE')])"])
    page.run(0)
    assert page.text(0) == "[]"
    assert "WCODE_API_KEY" not in isolated(tmp_path)
