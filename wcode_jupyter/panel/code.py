"""The panel's state to take along: as the `%%wcode` cell that says the same, or as a program."""

from __future__ import annotations

import ipywidgets as widgets

from ..errors import WcodeError
from ..export import TARGETS, export
from ..language import _
from ..session import Call
from .insert import insert_below
from .pieces import area, box, button, heading, quiet, row, update
from .state import Check, State

__all__ = ["CodeBox"]

_CELL = ""


class CodeBox:
    """Shows the cell, or the program of the chosen target."""

    def __init__(self) -> None:
        self._state = State()
        self._check = Check()
        programs = [(target.title, name) for name, target in TARGETS.items() if target.kind == "program"]
        self.form = widgets.Dropdown(
            options=[(_("%%wcode cell"), _CELL), *programs],
            description=_("Show as"),
            style={"description_width": "initial"},
            layout={"width": "auto", "flex": "0 1 230px"},
        )
        self.form.observe(lambda _change: self._show(), "value")
        self._text = area("", rows=5).add_class("wcode-code")
        self._insert = button(_("Insert cell below"), self._insert_cell)
        self._said = widgets.HTML()
        head = heading(_("The same as code"), _("click into it, then Ctrl+A, Ctrl+C"))
        self.widget = box([head, self._text, row([self._insert, self.form]), self._said], "wcode-section")

    @property
    def text(self) -> str:
        """What is shown."""
        return str(self._text.value)

    def show(self, state: State, check: Check) -> None:
        """Follows the panel."""
        self._state, self._check = state, check
        self._show()

    def tell(self, text: str) -> None:
        """Says how something went, below the code."""
        update(self._said, quiet(text))

    def _show(self) -> None:
        form = str(self.form.value)
        self._insert.disabled = form != _CELL
        update(self._text, self._state.cell if form == _CELL else _program(form, self._check))

    def _insert_cell(self) -> None:
        insert_below(self._state.cell, self.tell)


def _program(target: str, check: Check) -> str:
    call: Call | None = check.call
    if call is None:
        return check.reason
    try:
        return export(target, call.request, base_url=call.endpoint.base_url, stream=call.request.stream)
    except WcodeError as error:
        return str(error)
