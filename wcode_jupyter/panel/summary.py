"""What a saved notebook keeps of a panel: a readable summary, for when no kernel is there to show the panel itself.

JupyterLab shows a widget view that has lost its kernel as an error line, whatever stands beside it in the same output.
So the summary is an output of its own below the panel: a rule in the panel's stylesheet, which only a living panel
brings along, hides it, and a rule of the summary hides the line of a panel that is not alive.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from msgspec import Struct

from .. import files
from ..characters import escape, visible
from ..display.status import status_line
from ..language import _
from ..reply import Reply
from .state import State

__all__ = ["HIDE", "PanelSummary", "Saved", "saved_panel"]

_OUTPUT = ".jp-OutputArea-child"


def hides(living: str, saved: str) -> str:
    """A stylesheet that hides the output of class `saved` below a widget of class `living` that is alive."""
    return f"<style>{_OUTPUT}:has(.{living})+{_OUTPUT}:has(.{saved}){{display:none}}</style>"


HIDE = hides("wcode-panel", "wcode-panel-saved")
"""Hides the summary below a panel that is alive."""
_SHOWN = f"<style>{_OUTPUT}:not(:has(.wcode-panel)):has(+{_OUTPUT} .wcode-panel-saved){{display:none}}</style>"


class Saved(Struct, frozen=True):
    """What the summary's metadata keep for the panel that will take this one's place."""

    line: str
    """The options of the command that opened it."""
    cell: str
    """The `%%wcode` cell that says its state."""


class PanelSummary:
    """The output below one panel. `line`: the options of the command that opened it."""

    def __init__(self, publisher: Any, line: str = "") -> None:
        self._line = line
        self._publisher = publisher
        self._id = f"wcode-{secrets.token_hex(8)}"
        self._shown: dict[str, str] = {}

    @property
    def is_shown(self) -> bool:
        """Whether it has been published."""
        return bool(self._shown)

    def show(self, state: State, model: str, reply: Reply | None = None) -> None:
        """Publishes the summary, or changes it where it stands."""
        data = bundle(state, model, reply)
        if data == self._shown:
            return
        update, self._shown = bool(self._shown), data
        metadata = {"wcode": {"panel": {"line": self._line, "cell": state.cell}}}
        self._publisher.publish(data, metadata, transient={"display_id": self._id}, update=update)


def saved_panel(notebook: Path, cell_id: str) -> Saved | None:
    """The panel that the notebook's file holds below cell `cell_id`; None where there is none that can be read."""
    try:
        with files.reading(notebook) as file:
            cells = json.loads(file.read())["cells"]
        outputs = [output for cell in cells if cell.get("id") == cell_id for output in cell.get("outputs", ())]
        found = [panel for output in outputs if (panel := output.get("metadata", {}).get("wcode", {}).get("panel"))]
        return Saved(str(found[-1]["line"]), str(found[-1]["cell"])) if found else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # not there, or not a notebook of the form that we write


def bundle(state: State, model: str, reply: Reply | None = None) -> dict[str, str]:
    """The output's MIME bundle: model, parameters, the cell, and how the last answer ended."""
    lines = [_("wcode panel") + " · " + (model or _("no model selected"))]
    lines.append(", ".join(f"{name} = {value}" for name, value in state.parameters.items()) or _("no parameter is set"))
    if reply is not None:
        lines.append(_("last answer: {status}").format(status=status_line(reply)))
    note = _("Run this cell again to show the panel, or run this cell:")
    head = "".join(f"<div>{escape(line)}</div>" for line in lines)
    html = (
        f'{_SHOWN}<div class="wcode-panel-saved mathjax_ignore tex2jax_ignore">{head}'
        f"<div>{escape(note)}</div><pre>{escape(state.cell)}</pre></div>"
    )
    return {"text/html": html, "text/plain": visible("\n".join([*lines, note, state.cell]))}
