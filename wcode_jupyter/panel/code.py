"""The panel's state to take along: as the `%%wcode` cell that says the same, or as a program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from ..errors import WcodeError
from ..export import TARGETS, export
from ..language import _
from ..session import Call
from .insert import insert_below
from .state import Check, State
from .widgets import area, bad, box, button, heading, named, quiet, row, update

__all__ = ["CodeBox"]

_CELL = ""


class CodeBox:
    """Shows the cell, or the program of the chosen target."""

    def __init__(self, typed: Callable[[str], None], changed: Callable[[], None], cell_id: str) -> None:
        """`typed` takes a cell that the user has written here; it may raise WcodeError. `cell_id`: the panel's cell.

        `changed` is called when `fault` begins or ends here.
        """
        self._typed = typed
        self._changed = changed
        self._cell_id = cell_id
        self._filling = False
        self.fault = ""
        """Why the text that the user has written means nothing; it then stays until the panel says something else."""
        self._state = State()
        self._check = Check()
        programs = [(target.title, name) for name, target in TARGETS.items() if target.kind == "program"]
        self.form = widgets.Dropdown(
            options=[(_("%%wcode cell"), _CELL), *programs],
            description=_("Show as"),
            style={"description_width": "initial"},
            layout={"width": "auto", "flex": "0 1 230px"},
        )
        self.form.observe(lambda _change: self._change_form(), "value")
        self.box = named(area(_("The same as code"), rows=5)).add_class("wcode-code")
        # At the end of typing: a line that is half written means nothing yet.
        self.box.continuous_update = False
        self.box.observe(self._edited, "value")
        # The labextension copies, in the page: so it works while the kernel is busy, and after its end. Without the
        # labextension the stylesheet hides the button.
        copy = widgets.Button(description=_("Copy")).add_class("wcode-copy")
        self._insert = button(_("Insert cell below"), self._insert_cell)
        self._said = widgets.HTML()
        head = heading(_("The same as code"), _("to copy, or to edit: the panel follows"))
        self.widget = box([head, self.box, row([copy, self._insert, self.form]), self._said], "wcode-section")

    @property
    def text(self) -> str:
        """What is shown."""
        return str(self.box.value)

    def show(self, state: State, check: Check) -> None:
        """Follows the panel; a text that is at fault stays until the panel says something else."""
        moved = state != self._state
        self._state, self._check = state, check
        if moved:
            self.tell("")
        if moved or not self.fault:
            self._show()

    def tell(self, text: str) -> None:
        """Says how something went, below the code."""
        update(self._said, quiet(text))

    def _change_form(self) -> None:
        self.tell("")
        self._show()
        self._changed()

    def _show(self) -> None:
        form = str(self.form.value)
        self.fault = ""
        self._enable()
        self._filling = True
        update(self.box, self._state.cell if form == _CELL else _program(form, self._check))
        self._filling = False

    def _enable(self) -> None:
        self._insert.disabled = self.form.value != _CELL or bool(self.fault)

    def _edited(self, change: Any) -> None:
        if self._filling or self.form.value != _CELL:
            return
        self.fault = ""
        try:
            self._typed(change["new"])
            self.tell("")
        except WcodeError as error:
            self.fault = str(error)
            update(self._said, bad(self.fault))
            self._enable()
            self._changed()

    def _insert_cell(self) -> None:
        insert_below(self._state.cell, self._cell_id, self.tell)


def _program(target: str, check: Check) -> str:
    call: Call | None = check.call
    if call is None:
        return check.reason
    try:
        return export(target, call.request, base_url=call.endpoint.base_url, stream=call.request.stream)
    except WcodeError as error:
        return str(error)
