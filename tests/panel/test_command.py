"""`%wcode panel` and `wcode_jupyter.panel()` in a real kernel."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.kernels import Kernel
from wcode_jupyter.errors import InputError
from wcode_jupyter.magics.commands.command import Context
from wcode_jupyter.magics.commands.panel import open_panels, panel

from .conftest import Bench

WIDGETS = "from ipywidgets.widgets.widget import _instances; len(_instances)"


def test_both_doors(kernel: Kernel) -> None:
    """The command and the function show a view and a summary; the function loads the magics by itself."""
    done = kernel.run("import wcode_jupyter; wcode_jupyter.panel('glm-5 --temperature 0.3')")
    assert done.error is None, done.text
    assert [list(output["data"]) for output in done.outputs] == [
        ["application/vnd.jupyter.widget-view+json", "text/plain"],
        ["text/html", "text/plain"],
    ]
    assert "temperature = 0.3" in done.outputs[1]["data"]["text/plain"]
    assert kernel.run("%wcode panel").error is None


def test_nothing_is_left_when_the_magics_are_unloaded(kernel: Kernel) -> None:
    """`%unload_ext` closes the panels."""
    kernel.run("%load_ext wcode_jupyter\n%wcode panel\n%wcode panel")
    assert kernel.run(WIDGETS).text != "0"
    assert kernel.run("%unload_ext wcode_jupyter").error is None
    assert kernel.run(WIDGETS).text == "0"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("--temprature 1", "OptionError"),
        ("--top-k x", "ParameterError"),
        ("--chat x", "OptionError"),
        ("-m glm-5 -m step", "OptionError"),
        ("-o 1x", "OptionError"),
    ],
)
def test_bad_lines(kernel: Kernel, line: str, error: str) -> None:
    """A line that a cell would refuse, or that asks for what a panel has not, is one line of error and no widget."""
    kernel.run("%load_ext wcode_jupyter")
    assert kernel.run(f"%wcode panel {line}").error == error
    assert kernel.run(WIDGETS).text == "0"


def test_a_cell_run_again_replaces_its_panel(bench: Bench) -> None:
    """The same cell has one panel; another cell's stays."""
    context = Context(bench.shell, bench.client)  # type: ignore[arg-type]
    panel(context, "glm-5")
    (first,) = open_panels(context)
    bench.shell.kernel.get_parent = lambda channel: {"metadata": {"cellId": "c2"}}
    panel(context, "glm-5")
    panel(context, "qwen3.6-plus")
    assert [opened.picker.value for opened in open_panels(context)] == ["glm-5", "qwen3.6-plus"]
    assert first in open_panels(context)
    bench.panels += open_panels(context)


def test_without_a_notebook() -> None:
    """In a terminal there is nothing to show it in, which is said."""
    with pytest.raises(InputError, match="notebook"):
        panel(Context(SimpleNamespace(), SimpleNamespace()), "")  # type: ignore[arg-type]
