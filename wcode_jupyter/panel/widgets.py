"""Small widgets that the panel's parts are made of, and texts as safe HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from ..characters import escape

__all__ = [
    "Look",
    "area",
    "bad",
    "box",
    "button",
    "close",
    "close_tree",
    "heading",
    "named",
    "quiet",
    "row",
    "show_if",
    "split",
    "update",
    "warned",
]

_AUTO = {"width": "auto"}


class Look:
    """Makes widgets that share their layouts and styles: each of those is a model of its own, in kernel and page."""

    def __init__(self) -> None:
        self._styles: dict[object, object] = {}
        self._layouts: dict[str, Any] = {}

    def make(self, kind: Any, *arguments: object, layout: str = "", **traits: object) -> Any:
        """A widget of class `kind`; `layout` names one of `_LAYOUTS`. Do not change its layout or style."""
        if layout not in self._layouts:
            self._layouts[layout] = widgets.Layout(**_LAYOUTS[layout])
        if "style" in kind.class_traits():
            style = kind.class_traits()["style"].klass
            if style not in self._styles:
                self._styles[style] = style()
            traits["style"] = self._styles[style]
        return kind(*arguments, layout=self._layouts[layout], **traits)

    def close(self) -> None:
        """Closes what was shared, after the widgets."""
        for model in (*self._styles.values(), *self._layouts.values()):
            model.close()


_LAYOUTS: dict[str, dict[str, str]] = {
    "": {},
    "auto": {"width": "auto"},
    "wide": {"width": "auto", "flex": "1 1 60px", "min_width": "60px"},
    "number": {"width": "76px", "flex": "0 0 auto"},
    "integer": {"width": "120px"},
}


def area(label: str, rows: int, hint: str = "") -> Any:
    """A text of several lines with its label above."""
    return widgets.Textarea(description=label, placeholder=hint, rows=rows, layout=_AUTO).add_class("wcode-above")


def button(label: str, act: Callable[[], None], style: str = "", *, disabled: bool = False, tooltip: str = "") -> Any:
    """A button that says in words what it does."""
    made = widgets.Button(description=label, button_style=style, disabled=disabled, tooltip=tooltip)
    made.on_click(lambda _button: act())
    return made


def named(widget: Any) -> Any:
    """A widget whose description is not seen, only read out: what it is for stands beside it."""
    return widget.add_class("wcode-named")


def heading(text: str, said: str = "") -> Any:
    """A heading, and a few quiet words beside it."""
    return widgets.HTML(f"<h4>{escape(text)} <span>{escape(said)}</span></h4>")


def row(children: Sequence[object]) -> Any:
    """Widgets side by side, on more lines where there is no room."""
    return widgets.HBox(children, _dom_classes=("wcode-actions",))


def split(children: Sequence[object]) -> Any:
    """Widgets at the two ends of a line."""
    return widgets.HBox(children, _dom_classes=("wcode-split",))


def box(children: Sequence[object], name: str) -> Any:
    """Widgets below each other."""
    return widgets.VBox(children, _dom_classes=(name,))


def quiet(text: str) -> str:
    """`text` as a line of secondary weight; empty for no text."""
    return _line("quiet", text)


def warned(text: str) -> str:
    """`text` as a warning."""
    return _line("warn", text)


def bad(text: str) -> str:
    """`text` as an error."""
    return _line("bad", text)


def _line(kind: str, text: str) -> str:
    return f'<div class="wcode-{kind}">{escape(text)}</div>' if text else ""


def update(widget: Any, value: object) -> None:
    """Gives `widget` its value, without a message when it has it already."""
    if widget.value != value:
        widget.value = value


def show_if(widget: Any, shown: object) -> None:
    """Shows or hides `widget`."""
    widget.layout.display = None if shown else "none"


def close(widget: Any) -> None:
    """Closes a widget with the layout and style that belong to it."""
    for name in ("layout", "style"):
        if (own := getattr(widget, name, None)) is not None:
            own.close()
    widget.close()


def close_tree(widget: object) -> None:
    """Closes a widget and all that are in it; the outermost first, so that the page takes all away at once."""
    children = getattr(widget, "children", ())
    close(widget)
    for child in children:
        close_tree(child)
