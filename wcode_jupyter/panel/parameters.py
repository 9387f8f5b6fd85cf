"""The parameters of the table in tabs by group, and the settings that decide how a question is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from ..catalogue import Model
from ..language import N_, _
from ..request.parameters import GROUPS, PARAMETERS, Option
from ..request.settings import ROWS
from ..session import Value
from .fields import Field
from .state import Check
from .widgets import Look, box, button, heading, row, split

__all__ = ["ParameterTabs", "tabs"]

_CALL = ("protocol", "stream", "format", "idle_timeout", "total_timeout", "replay")
"""Settings that stand in a tab of their own; the others are for the whole session."""


def tabs() -> dict[str, tuple[Option, ...]]:
    """The rows that have a control, by the title of their tab."""
    groups = {title: tuple(row for row in PARAMETERS if row.group == group) for group, title in GROUPS.items()}
    return {**groups, N_("Call"): tuple(ROWS[name] for name in _CALL)}


class ParameterTabs:
    """A field for each row. `own`: options of the cell alone. `changed` is called after each change by the user."""

    def __init__(
        self,
        own: Sequence[Option],
        changed: Callable[[], None],
        unset: Callable[[], None],
        defaults: Callable[[], None],
    ) -> None:
        self._own = {row.name for row in own}
        self._rows = {**tabs(), N_("Cell"): tuple(own)}
        self._look = Look()
        self.fields = {each.name: Field(each, self._look, changed) for rows in self._rows.values() for each in rows}
        pages = [
            self._look.make(widgets.VBox, [self.fields[each.name].widget for each in rows])
            for rows in self._rows.values()
        ]
        self._tabs = widgets.Tab(pages, selected_index=0)
        self._explain = widgets.ToggleButton(description=_("Explain"), tooltip=_("Show the meaning of each parameter"))
        self._explain.observe(self._explained, "value")
        actions = [
            button(_("Unset all"), unset, tooltip=_("Switch every parameter off")),
            button(_("Use as session defaults"), defaults, tooltip=_("Use these values for cells and %wcode settings")),
        ]
        head = split([heading(_("Parameters"), _("sent only when switched on")), self._explain])
        self.widget = box([head, self._tabs, row(actions)], "wcode-section")

    def values(self) -> dict[str, object]:
        """Parameters and settings that are switched on."""
        return {name: value for name, value in self._set().items() if name not in self._own}

    def own(self) -> dict[str, object]:
        """Options of the cell that are switched on; one without a value is none."""
        return {name: value for name, value in self._set().items() if name in self._own and value}

    def _set(self) -> dict[str, object]:
        return {name: value for name, field in self.fields.items() if (value := field.value) is not None}

    def write(self, values: Mapping[str, object]) -> None:
        """Switches on what is in `values`, also options of the cell; the others off."""
        for name, field in self.fields.items():
            field.write(values.get(name))

    def inherit(self, values: Mapping[str, Value]) -> None:
        """Shows what the session sets where nothing is set here."""
        for name, field in self.fields.items():
            value = values.get(name)
            if value is None or value.source == "default":
                field.inherit(None, "")
            else:
                field.inherit(value.value, value.source)

    def note(self, check: Check, model: Model) -> None:
        """Marks what is wrong or unusual, and counts what is set."""
        for name, field in self.fields.items():
            unlisted = _("not listed on this model's page") if name in model.unlisted else ""
            warnings = check.warnings_of(name) if field.switch.value and not unlisted else ()
            field.note(error=check.errors.get(name, ""), warnings=warnings, unlisted=unlisted)
        titles = []
        for title, rows in self._rows.items():
            count = sum(self.fields[each.name].switch.value for each in rows)
            titles.append(_(title) + (f" · {count}" if count else ""))
        if self._tabs.titles != tuple(titles):
            self._tabs.titles = titles

    def close(self) -> None:
        """Closes what the fields share; they go with the panel."""
        self._look.close()

    def _explained(self, change: Any) -> None:
        (self.widget.add_class if change["new"] else self.widget.remove_class)("wcode-helping")
