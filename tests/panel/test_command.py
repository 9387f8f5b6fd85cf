"""`%wcode panel` and `wcode_jupyter.panel()` in a real kernel."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.kernels import Kernel
from wcode_jupyter.errors import InputError
from wcode_jupyter.magics.commands.command import Context
from wcode_jupyter.magics.commands.panel import open_panels, panel

from .conftest import Bench, run, shown

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
        ("--repeat 2", "OptionError"),
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


def test_a_cell_run_again_keeps_what_was_typed(bench: Bench) -> None:
    """The prompt, what was set by hand and the last answer stay; what the line now says otherwise holds."""
    context = Context(bench.shell, bench.client)  # type: ignore[arg-type]
    panel(context, "glm-5 --top-p 0.5")
    (first,) = open_panels(context)
    first.prompt.value = "A long prompt"
    first.load({"model": "step", "top_p": 0.5, "temperature": 0.123})
    run(first)
    panel(context, "glm-5 --top-p 0.5")
    (second,) = open_panels(context)
    assert second.state == first.state
    assert "<em>world</em>" in shown(second.answer.widget)
    panel(context, "qwen3.6-plus --seed 1")
    (third,) = open_panels(context)
    bench.panels.append(third)
    assert third.state.prompt == "A long prompt"
    assert third.state.values == {"model": "qwen3.6-plus", "seed": 1, "temperature": 0.123}


def test_a_panel_after_a_restart(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new kernel finds the state in the saved notebook, at the cell that is run; a damaged file is no fault."""
    context = Context(bench.shell, bench.client)  # type: ignore[arg-type]
    panel(context, "glm-5")
    (first,) = open_panels(context)
    first.prompt.value = "A long prompt"
    first.flush()
    outputs = [{"output_type": "display_data", "data": {}, "metadata": bench.shell.display_pub.metadata[-1]}]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": [{"id": "c1", "outputs": outputs}, {"id": "c2"}]}))
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    first.close()
    for cell, prompt in (("c1", "A long prompt"), ("c2", "")):
        bench.shell.kernel.get_parent = lambda channel, cell=cell: {"metadata": {"cellId": cell}}
        panel(context, "glm-5")
        assert open_panels(context)[-1].state.prompt == prompt
    bench.panels += open_panels(context)
    path.write_text('{"cells": [{"id": "c3", "outputs": [{"metadata": []}]}]}')
    bench.shell.kernel.get_parent = lambda channel: {"metadata": {"cellId": "c3"}}
    panel(context, "glm-5")
    bench.panels.append(open_panels(context)[-1])
    assert bench.panels[-1].state.prompt == ""


def test_without_a_notebook() -> None:
    """In a terminal there is nothing to show it in, which is said."""
    with pytest.raises(InputError, match="notebook"):
        panel(Context(SimpleNamespace(), SimpleNamespace()), "")  # type: ignore[arg-type]
