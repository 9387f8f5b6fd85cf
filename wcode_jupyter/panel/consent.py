"""The panel's question before a function runs that a model calls: the whole call, and two buttons."""

from __future__ import annotations

import threading

import ipywidgets as widgets

from ..characters import escape
from ..language import _
from .widgets import box, button, row, show_if

__all__ = ["ConsentBox"]


class ConsentBox:
    """Waits for the user's word on one call at a time; hidden in between."""

    def __init__(self) -> None:
        self._decided = threading.Event()
        self._allowed = False
        self._is_over = False
        self._call = widgets.HTML()
        buttons = row(
            [
                button(_("Run function"), lambda: self.decide(True), "primary"),
                button(_("Do not run"), lambda: self.decide(False)),
            ]
        )
        self.widget = box([self._call, buttons], "wcode-consent")
        show_if(self.widget, False)

    def ask(self, call: str) -> bool:
        """Shows `call` and blocks until a button is pressed; not for the thread of the widgets' callbacks."""
        self._allowed = False
        self._decided.clear()
        if self._is_over:
            return False
        asked = escape(_("The model calls a function. Run it?"))
        self._call.value = f'<div role="alert">{asked}</div><pre tabindex="0">{escape(call)}</pre>'
        show_if(self.widget, True)
        self._decided.wait()
        show_if(self.widget, False)
        return self._allowed

    def decide(self, allowed: bool) -> None:
        """What the buttons do."""
        self._allowed = allowed
        self._decided.set()

    def begin(self) -> None:
        """A request begins, and may ask."""
        self._is_over = False

    def cancel(self) -> None:
        """The request was stopped: the answer is no, also to what it asks from now on."""
        self._is_over = True
        self.decide(False)
