"""`%wcode panel`: the same questions with controls instead of options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...errors import InputError, OptionError, WcodeError
from ...language import _
from ...request.parameters import OMITTED, Option
from ...store.location import notebook_path
from .. import cell, prepared
from ..options import CELL_OPTIONS, CellOption, parse_cell_line
from .command import Context
from .preset import presets_of

if TYPE_CHECKING:
    from ...panel.panel import Panel
    from ...panel.state import CellReader, State
    from ...panel.summary import Saved

__all__ = ["cell_reader", "close_panels", "open_panels", "panel"]

_SHOWN = ("image", "schema", "chat")
"""Options of a cell that have a control of their own in a panel."""
_KEPT = (
    *_SHOWN, "preset", "resize", "allow_outside", "retries_schema", "trim", "keep_failed", "tools", "quiet", "raw",
)  # fmt: skip
"""Options of a cell that mean the same in a panel; the others ask or show in ways of their own."""


def panel(context: Context, rest: str) -> None:
    """Shows a panel, set as a `%%wcode` line with these options would be."""
    state = _state(rest)
    if getattr(context.shell, "kernel", None) is None:
        raise InputError(
            _("The panel needs a notebook: JupyterLab, Notebook 7 or VS Code"),
            hint=_("In a terminal, use options: %wcode help lists them."),
        )
    from ...panel.panel import Panel, cell_id

    place = cell_id(context.shell)
    # A cell that is run again replaces its panel; the page does not tell when an output has gone.
    earlier = [other for other in open_panels(context) if place and other.cell_id == place]
    if earlier:
        state = _continued(state, rest, earlier[-1].state, earlier[-1].line)
    elif saved := _saved(context, place):
        state = _continued(state, rest, _as_saved(saved.cell), saved.line)
    opened = Panel(context.shell, context.client, cell_reader(context), presets_of(context), state, rest)
    if earlier and (reply := earlier[-1].reply):
        opened.take_over(reply)
    for other in earlier:
        other.close()
    opened.show()


def _continued(state: State, line: str, before: State, line_before: str) -> State:
    """What a panel shows whose cell is run again: the state before, but what its line now says otherwise."""
    if line == line_before:
        return before
    stated = _state(line_before)
    by_hand = {name: value for name, value in before.values.items() if stated.values.get(name) != value}
    return replace(
        state, prompt=before.prompt, values={**by_hand, **state.values}, output=state.output or before.output
    )


def _as_saved(cell: str) -> State:
    """The state that a saved cell says; its prompt alone where a value means nothing (any more)."""
    try:
        return _read(cell)
    except WcodeError:
        return _state("", cell.partition("\n")[2].removesuffix("\n"))


def _saved(context: Context, place: str) -> Saved | None:
    """The panel that stood below the cell `place` when the notebook was last saved, before the kernel was restarted."""
    if not place or (notebook := notebook_path(context.client.notebook())) is None:
        return None
    from ...panel.summary import saved_panel

    return saved_panel(notebook, place)


def cell_reader(context: Context) -> CellReader:
    """How the magics of this notebook read a cell."""
    from ...panel.state import CellReader

    def prepare(line: str, text: str) -> prepared.Prepared:
        return prepared.prepare(context.shell, context.client, cell.with_preset(parse_cell_line(line)), text)

    own = {option.name: option for option in CELL_OPTIONS}
    return CellReader(prepare, _read, tuple(_row(own[name]) for name in _SHOWN))


def _row(option: CellOption) -> Option:
    return Option(name=option.name, kind="strings" if option.arity == "append" else "text", help=option.help)


def _read(text: str) -> State:
    line, _newline, prompt = text.lstrip().partition("\n")
    magic, _space, options = line.strip().partition(" ")
    if magic != "%%wcode":
        raise OptionError(_("A cell for the panel must start with %%wcode"))
    return _state(options, prompt.removesuffix("\n"))


def _state(line: str, prompt: str = "") -> State:
    from ...panel.state import State

    options = cell.with_preset(parse_cell_line(line))
    if options.own.get("models"):
        raise OptionError(
            _("The panel sends to one model at a time"), hint=_("Use both on the first line of a %%wcode cell.")
        )
    omitted = ["without"] if OMITTED in options.values.values() else []
    for name in [*options.own, *omitted]:
        if name not in _KEPT:
            raise OptionError(
                _("The panel does not support {option}: it sends one prompt at a time").format(
                    option=f"--{name.replace('_', '-')}"
                ),
                hint=_("Use it on the first line of a %%wcode cell."),
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
