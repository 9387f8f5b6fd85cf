"""One row of the panel: a switch with the name, the control, and a line that says range, page default and faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets

from ..characters import escape
from ..language import _
from ..request.parameters import Option
from .controls import control
from .widgets import Look, bad, warned

__all__ = ["Field"]


class Field:
    """A parameter or setting that is unset until it is switched on, or its control is moved.

    `value` is None while it is off. What the session sets meanwhile is shown, with where it comes from.
    """

    def __init__(self, row: Option, look: Look, changed: Callable[[], None]) -> None:
        self.row = row
        self._changed = changed
        self.control = control(row, look)
        self.control.write(None)
        self.control.observe(self._moved)
        self._inherited: tuple[object, str] | None = None
        self._noted: tuple[str, ...] = ("", "", "")
        self.switch = look.make(
            widgets.Checkbox, description=row.name, indent=False, tooltip=_(row.help), layout="auto"
        )
        self.switch.observe(self._switched, "value")
        # Classes and texts from the start: each that comes later is a message of its own.
        self._hint = look.make(widgets.HTML, self._said())
        line = look.make(widgets.HBox, [self.switch, self.control.widget], _dom_classes=("wcode-line",))
        self.widget = look.make(widgets.VBox, [line, self._hint], _dom_classes=("wcode-field", "wcode-off"))
        self._writing = False
        self._dress()
        self.note()

    @property
    def value(self) -> object:
        """The value set here, as typed where it means nothing; None while the switch is off."""
        return self.control.read() if self.switch.value else None

    def write(self, value: object) -> None:
        """Sets the value, or unsets it with None; nobody is told."""
        self._writing = True
        self.switch.value = value is not None
        self._writing = False
        self.control.write(value if value is not None else self._inherited and self._inherited[0])
        self._dress()

    def inherit(self, value: object, source: str) -> None:
        """What is in force while nothing is set here: the session's value and its source, or None."""
        inherited = None if value is None else (value, source)
        if inherited != self._inherited:
            self._inherited = inherited
            if not self.switch.value:
                self.write(None)

    def note(self, *, error: str = "", warnings: Sequence[str] = (), unlisted: str = "") -> None:
        """Says below the control what is wrong with the value. `warnings` stand elsewhere: they mark the row."""
        self._mark("wcode-warned", bool(warnings))
        noted = (error, unlisted, self._inherited[1] if self._inherited and not self.switch.value else "")
        if noted == self._noted:
            return
        self._noted = noted
        self._hint.value = self._said(bad(error) + warned(unlisted))
        self._mark("wcode-faulty", bool(error))

    def _said(self, faults: str = "") -> str:
        return f'<div class="wcode-hint">{self._facts()}{faults}</div>'

    def _facts(self) -> str:
        default = getattr(self.row, "page_default", None)
        facts = [
            "" if self.row.choices or self.row.kind in ("bool", "strings", "text") else self.row.range,
            _("page default {value}").format(value=default) if default else "",
            _("from {source}").format(source=self._noted[-1]) if self._noted[-1] else "",
        ]
        text = " · ".join(fact for fact in facts if fact)
        return f'<div>{escape(text)}</div><div class="wcode-help">{escape(_(self.row.help))}</div>'

    def _switched(self, _change: object) -> None:
        if self._writing:
            return
        if not self.switch.value:
            self.control.write(self._inherited and self._inherited[0])
        self._dress()
        self._changed()

    def _moved(self) -> None:
        self._writing = True
        self.switch.value = True
        self._writing = False
        self._dress()
        self._changed()

    def _dress(self) -> None:
        self._mark("wcode-off", not self.switch.value)

    def _mark(self, name: str, on: bool) -> None:
        (self.widget.add_class if on else self.widget.remove_class)(name)
