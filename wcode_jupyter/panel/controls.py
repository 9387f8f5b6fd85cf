"""Which control fits a row: a table from the kind of a parameter or setting to widgets. No list of names.

A control reads as the value that goes to the wire, or as the text that stands there where that means nothing yet: the
check says what is wrong with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from ..errors import ParameterError
from ..language import _
from ..request.cell_syntax import escape
from ..request.parameters import Kind, Option, Parameter, line_ends, parse
from .widgets import Look

__all__ = ["Control", "control"]

# JavaScript's numbers are exact up to here: larger ones are typed as text.
_EXACT = 2**53
# What a number shows when its switch is turned on and the page names no default.
_STARTS = {"max_tokens": 1000, "top_logprobs": 5, "seed": 1, "idle_timeout": 300, "total_timeout": 600}


class Control:
    """A row's widgets. `read` gives the value, `write` shows one (None: what an unset row shows)."""

    def __init__(self, row: Option, *fields: Any, box: Any = None) -> None:
        self.row = row
        self.fields = fields
        self.widget = box or fields[0]
        self._writing = False

    def read(self) -> object:
        """The value that stands there; a text that means no value stays as it was typed."""
        return self.fields[0].value

    def write(self, value: object) -> None:
        """Shows `value` without telling the observers."""
        self._writing = True
        try:
            self._show(self._start() if value is None else value)
        finally:
            self._writing = False

    def observe(self, changed: Callable[[], None]) -> None:
        """`changed` is called after each change by the user."""
        for field in self.fields:
            field.observe(lambda change: self._on_change(change, changed), "value")

    def _on_change(self, change: object, changed: Callable[[], None]) -> None:
        if not self._writing and self._is_news(change):
            self._follow(change)
            changed()

    def _is_news(self, change: object) -> bool:
        """Whether the user made the change; else the page only tells how it shows what the row holds."""
        return True

    def _follow(self, change: object) -> None:
        """Brings the row's other widgets in line with the one that changed."""

    def _show(self, value: object) -> None:
        self.fields[0].value = value

    def _start(self) -> object:
        return None


class Number(Control):
    """A number: a field, and a slider beside it where the range has two ends.

    The field is the truth, to any digit. The slider only shows the nearest of its steps: the page sends that step back
    as if the user had moved the slider, which then says nothing new.
    """

    def __init__(self, row: Option, look: Look) -> None:
        whole = row.kind == "int"
        bounded = row.low is not None and row.high is not None
        field = look.make(
            widgets.IntText if whole else widgets.FloatText,
            value=_start_number(row), step=1 if whole else 0.05, description=row.name,
            layout="number" if bounded else "integer",
        )  # fmt: skip
        if not bounded:
            super().__init__(row, field)
            return
        slider = look.make(
            widgets.IntSlider if whole else widgets.FloatSlider,
            value=field.value, min=row.low, max=row.high, step=1 if whole else 0.01, readout=False,
            description=row.name, layout="wide",
        )  # fmt: skip
        super().__init__(row, field, slider, box=look.make(widgets.HBox, [slider, field], layout="wide"))

    def _is_news(self, change: Any) -> bool:
        field, *sliders = self.fields
        if change["owner"] is field:
            return True
        return any(abs(change["new"] - _nearest_step(slider, field.value)) > slider.step / 1e6 for slider in sliders)

    def _follow(self, change: Any) -> None:
        self._writing = True
        self._show(change["new"])
        self._writing = False

    def _show(self, value: Any) -> None:
        field, *sliders = self.fields
        field.value = value
        for slider in sliders:
            slider.value = _nearest_step(slider, value)

    def _start(self) -> object:
        return _start_number(self.row)


def _nearest_step(slider: Any, value: float) -> float:
    """Where `slider` can stand for `value`: what is out of its range is at its end."""
    inside = max(slider.min, min(slider.max, value))
    # Half a step goes up, as in the page.
    position: float = slider.min + math.floor((inside - slider.min) / slider.step + 0.5) * slider.step
    return position if isinstance(slider.step, int) else round(position, 10)


def _start_number(row: Option) -> float:
    default = getattr(row, "page_default", None) or getattr(row, "default", None)
    value = float(default if default is not None else _STARTS.get(row.name, row.low or 0))
    return int(value) if row.kind == "int" else value


class Exact(Control):
    """An integer that a number of JavaScript may not hold: typed as text."""

    def __init__(self, row: Option, look: Look) -> None:
        super().__init__(row, look.make(widgets.Text, placeholder=row.range, description=row.name, layout="wide"))

    def read(self) -> object:
        return _meant(self.row, self.fields[0].value)

    def _show(self, value: object) -> None:
        self.fields[0].value = str(value)

    def _start(self) -> object:
        return _STARTS.get(self.row.name, 0)


class ChoiceControl(Control):
    """One of a few words, or yes and no."""

    def __init__(self, row: Option, look: Look) -> None:
        self._options: list[tuple[str, object]] = [(word, word) for word in row.choices] or [
            ("true", True),
            ("false", False),
        ]
        super().__init__(row, look.make(widgets.Dropdown, options=self._options, description=row.name, layout="wide"))

    def _start(self) -> object:
        default = getattr(self.row, "page_default", None)
        return default if default in self.row.choices else self._options[0][1]


class Json(Control):
    """A JSON value, typed as JSON."""

    def __init__(self, row: Option, look: Look) -> None:
        super().__init__(row, _editor(row, look))

    def read(self) -> object:
        return _meant(self.row, self.fields[0].value)

    def _show(self, value: object) -> None:
        self.fields[0].value = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)

    def _start(self) -> object:
        return ""


_OWN = "{…}"


class WordOrJson(Control):
    """A word where one says it all, or an object as JSON."""

    def __init__(self, row: Option, look: Look) -> None:
        words = [(word, word) for word in row.choices]
        options = [*words, (_("JSON…"), _OWN)]
        menu = look.make(widgets.Dropdown, options=options, description=row.name, layout="auto")
        self._editor = _editor(row, look)
        super().__init__(row, menu, self._editor, box=look.make(widgets.VBox, [menu, self._editor], layout="wide"))
        self._uncover()

    def read(self) -> object:
        word = self.fields[0].value
        return _meant(self.row, self._editor.value if word == _OWN else word)

    def _follow(self, change: object) -> None:
        self._uncover()

    def _uncover(self) -> None:
        # By class: the layout is shared.
        is_own = self.fields[0].value == _OWN
        (self._editor.remove_class if is_own else self._editor.add_class)("wcode-hidden")

    def _show(self, value: object) -> None:
        word = _word(self.row, value)
        self.fields[0].value = word or _OWN
        if not word:
            self._editor.value = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
        self._uncover()

    def _start(self) -> object:
        return self.row.choices[len(self.row.choices) // 2]


def _word(row: Option, value: Any) -> str:
    """The one word that means `value`; empty where none does."""
    if isinstance(value, str):
        return value if value in row.choices else ""
    shorthand = getattr(row, "shorthand", None)
    return str(value[shorthand]) if list(value) == [shorthand] and value[shorthand] in row.choices else ""


class Tags(Control):
    """Several texts: each a button that takes it away, and a field to add one.

    A parameter's text may hold a line end, typed as `\\n`; in a file's name that is a backslash and an n.

    Not TagsInput: its field cannot be reached by keyboard once there is a tag.
    """

    def __init__(self, row: Option, look: Look) -> None:
        self._look = look
        self._may_break = isinstance(row, Parameter)
        self._texts: list[str] = []
        self._changed: Callable[[], None] = lambda: None
        # Whatever leaves the field adds its text: Enter, Tab, the button. Not the messages of Enter or of a click:
        # those overtake the text while the kernel is busy.
        hint = _("text; \\n is a line break") if self._may_break else ""
        self._entry = look.make(
            widgets.Text, placeholder=hint, continuous_update=False, description=row.name, layout="wide"
        )
        self._entry.observe(lambda _change: self._add(), "value")
        add = look.make(widgets.Button, description=_("Add"))
        self._shelf = look.make(widgets.HBox).add_class("wcode-actions")
        line = look.make(widgets.HBox, [self._entry, add], layout="auto")
        super().__init__(row, self._entry, box=look.make(widgets.VBox, [line, self._shelf], layout="wide"))

    def observe(self, changed: Callable[[], None]) -> None:
        """`changed` is called after a text was added or taken away."""
        self._changed = changed

    def read(self) -> Any:
        """The texts; may be empty."""
        return list(self._texts)

    def add(self, text: str) -> None:
        """As if the user had typed `text`."""
        self._entry.value = text

    def _add(self) -> None:
        typed, self._entry.value = str(self._entry.value), ""
        text = line_ends(typed) if self._may_break else typed.strip()
        if text and text not in self._texts:
            self._show([*self._texts, text])
            self._changed()

    def _remove(self, text: str) -> None:
        self._show([other for other in self._texts if other != text])
        self._changed()

    def _show(self, value: Any) -> None:
        self._texts = list(value)
        old = self._shelf.children
        self._shelf.children = [self._tag(text) for text in self._texts]
        for tag in old:
            tag.close()

    def _tag(self, text: str) -> Any:
        tag = self._look.make(
            widgets.Button, description=f"{escape(text) if self._may_break else text} ×", tooltip=_("Remove this text")
        )
        tag.on_click(lambda _button: self._remove(text))
        return tag.add_class("wcode-tag")

    def _start(self) -> object:
        return []


class Words(Control):
    """A text in one line."""

    def __init__(self, row: Option, look: Look) -> None:
        super().__init__(row, look.make(widgets.Text, description=row.name, layout="wide"))

    def _start(self) -> object:
        return ""


def _editor(row: Option, look: Look) -> Any:
    example = _EXAMPLES.get(row.name, "{}")
    return look.make(widgets.Textarea, placeholder=example, rows=4, description=row.name, layout="wide")


_EXAMPLES = {
    "logit_bias": '{"50256": -100}',
    "response_format": '{"type": "json_schema", "json_schema": {"name": "…", "schema": {}}}',
    "tools": 'f, g\n[{"type": "function", "function": {"name": "…", "parameters": {}}}]',
    "tool_choice": '{"type": "function", "function": {"name": "…"}}',
    "reasoning": '{"effort": "high"}',
}


def _meant(row: Option, text: str) -> object:
    try:
        return parse(row, text)
    except ParameterError:
        return text


_CONTROLS: dict[Kind, Callable[[Any, Look], Control]] = {
    "float": Number,
    "int": Number,
    "bool": ChoiceControl,
    "choice": ChoiceControl,
    "text": Words,
    "object": Json,
    "objects": Json,
    "strings": Tags,
    "tool_choice": WordOrJson,
}


def control(row: Option, look: Look) -> Control:
    """The control for `row`."""
    if row.kind == "int" and max(abs(row.low or 0), abs(row.high or 0)) > _EXACT:
        return Exact(row, look)
    if isinstance(row, Parameter) and row.kind == "object" and row.shorthand:
        return WordOrJson(row, look)
    return _CONTROLS[row.kind](row, look)
