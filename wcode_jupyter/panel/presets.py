"""Presets in the panel: load one, keep what is set, delete one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from ..errors import WcodeError
from ..language import _
from ..session.presets import Presets
from .widgets import box, button, heading, named, quiet, row, update

__all__ = ["PresetBox"]


class PresetBox:
    """`values()` gives what would be kept; `load(values)` takes a preset into the panel."""

    def __init__(
        self, presets: Presets, values: Callable[[], Mapping[str, Any]], load: Callable[[dict[str, Any]], None]
    ) -> None:
        self._presets = presets
        self._values = values
        self._load = load
        self._filling = False
        self.menu = named(widgets.Dropdown(description=_("Presets"), layout={"width": "auto", "flex": "1 1 90px"}))
        self.menu.observe(self._chosen, "value")
        self.name = named(
            widgets.Text(
                description=_("Name of the preset"),
                placeholder=_("name"),
                layout={"width": "auto", "flex": "1 1 80px"},
            )
        )
        self._said = widgets.HTML()
        save = button(_("Save"), self.save, tooltip=_("Save model, system prompt and parameters under this name"))
        delete = button(_("Delete"), self.delete, tooltip=_("Delete the preset with this name"))
        head = heading(_("Presets"), _("also: %%wcode --preset NAME"))
        self.widget = box([head, row([self.menu, self.name, save, delete]), self._said], "wcode-section")
        self.refresh()

    def refresh(self) -> None:
        """Reads the file again: another notebook may have changed it."""
        try:
            names = self._presets.names()
        except WcodeError as error:
            names = []
            self._tell(str(error))
        self._filling = True
        first = _("load a preset") if names else _("no preset yet")
        options = [(first, ""), *((name, name) for name in names)]
        if tuple(options) != self.menu.options:
            self.menu.options = options
            self.menu.value = ""
        self._filling = False

    def _chosen(self, change: Any) -> None:
        if self._filling or not change["new"]:
            return
        self.name.value = change["new"]
        self._try(lambda: self._load(self._presets.load(change["new"])), _("Loaded {name}."))
        self._filling = True
        self.menu.value = ""
        self._filling = False

    def save(self) -> None:
        """Keeps what is set under the name."""
        self._try(lambda: self._presets.save(self.name.value.strip(), self._values()), _("Saved as {name}."))

    def delete(self) -> None:
        """Forgets the preset of the name."""
        name = self.name.value.strip()
        known = name in self._presets.names()
        self._try(lambda: self._presets.delete(name), _("Deleted {name}.") if known else _("Preset not found: {name}"))

    def _try(self, act: Callable[[], object], done: str) -> None:
        try:
            act()
            self._tell(done.format(name=self.name.value.strip()))
        except WcodeError as error:
            self._tell(str(error))
        self.refresh()

    def _tell(self, text: str) -> None:
        update(self._said, quiet(text))
