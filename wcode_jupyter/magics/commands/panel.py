"""`%wcode panel`: the same questions with controls instead of options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import InputError, OptionError
from ...language import _
from .. import cell, prepared
from ..options import parse_cell_line
from .command import Context
from .preset import presets_of

if TYPE_CHECKING:
    from ...panel.panel import Panel
    from ...panel.state import CellReader, State
    from ...session import Call

__all__ = ["cell_reader", "close_panels", "open_panels", "panel"]

_KEPT = ("preset", "image", "resize", "allow_outside", "quiet", "raw")
"""Options of a cell that mean the same in a panel; the others ask or show in ways of their own."""


def panel(context: Context, rest: str) -> None:
    """Shows a panel, set as a `%%wcode` line with these options would be."""
    state = _state(rest)
    if getattr(context.shell, "kernel", None) is None:
        raise InputError(
            _("The panel needs a notebook: JupyterLab, Notebook 7 or VS Code"),
            hint=_("In a terminal, %wcode help shows what can be typed."),
        )
    from ...panel.panel import Panel

    opened = Panel(context.shell, context.client, cell_reader(context), presets_of(context), state)
    # A cell that is run again replaces its panel; the page does not tell when an output has gone.
    for other in open_panels(context):
        if other is not opened and other.cell_id and other.cell_id == opened.cell_id:
            other.close()
    opened.show()


def cell_reader(context: Context) -> CellReader:
    """How the magics of this notebook read a cell."""
    from ...panel.state import CellReader

    def prepare(line: str, text: str) -> Call:
        return prepared.prepare(context.shell, context.client, cell.with_preset(parse_cell_line(line)), text).call

    return CellReader(prepare, _read)


def _read(text: str) -> State:
    line, _newline, prompt = text.lstrip().partition("\n")
    magic, _space, options = line.strip().partition(" ")
    if magic != "%%wcode":
        raise OptionError(_("A cell for the panel begins with %%wcode"))
    return _state(options, prompt.removesuffix("\n"))


def _state(line: str, prompt: str = "") -> State:
    from ...panel.state import State

    options = cell.with_preset(parse_cell_line(line))
    if options.own.get("models"):
        raise OptionError(_("The panel asks one model at a time"), hint=_("Write both on the line of a %%wcode cell."))
    for name in options.own:
        if name not in _KEPT:
            raise OptionError(
                _("The panel has no {option}: it asks one question at a time").format(
                    option=f"--{name.replace('_', '-')}"
                ),
                hint=_("Write it on the line of a %%wcode cell."),
            )
    own = {name: value for name, value in options.own.items() if name != "preset"}
    return State(
        prompt=prompt, values=options.values, output=options.output or "", extra_body=options.extra_body, own=own
    )


def open_panels(context: Context) -> list[Panel]:
    """The panels of this notebook: those that listen to its cells."""
    from ...panel.panel import Panel

    owners = (getattr(callback, "__self__", None) for callback in context.shell.events.callbacks["post_run_cell"])
    return [owner for owner in owners if isinstance(owner, Panel)]


def close_panels(context: Context) -> None:
    """Closes all of them."""
    for opened in open_panels(context):
        opened.close()
