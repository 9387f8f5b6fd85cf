"""The explorer: selectors and sliders over the recorded answers of a run. It sends nothing.

A step looks up one answer, compares it with its neighbour on the axis that was moved last, and writes one HTML text:
the costs of a step do not grow with the number of answers. What a saved notebook keeps is the table of the
`Exploration`, an output of its own below: it is hidden where the widget is alive.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import ipywidgets as widgets

from ..batch.differences import Differences
from ..characters import escape
from ..findings.exploration import ROW, Axis, Distinct, Exploration, Place, ShownAnswer
from ..language import _
from ..shell import Shell
from .style import STYLE
from .summary import hides
from .widgets import box, button, row, update

__all__ = ["Explorer", "show_exploration"]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_LONGEST = 20_000
"""Characters of an answer or a column that are shown."""
_COMPARED = 2_000
"""Characters that are compared: the time it takes grows with their square."""
_MOST_DISTINCT = 30


class Explorer:
    """The widget over one exploration."""

    def __init__(self, exploration: Exploration) -> None:
        self.exploration = exploration
        self._moved = 1 if len(exploration.axes) > 1 else 0
        """The axis that was moved last, on which the neighbour is."""
        self.controls = [self._control(at, axis) for at, axis in enumerate(exploration.axes)]
        self.answer = widgets.HTML().add_class("wcode-explored-answer")
        self.distinct = widgets.HTML()
        steps = row(
            [
                button(_("Previous row"), partial(self._step, -1)).add_class("wcode-previous"),
                button(_("Next row"), partial(self._step, 1)).add_class("wcode-next"),
            ]
        )
        sheet = widgets.HTML(f"{STYLE}{_SHEET}{HIDE}")
        controls = box([*self.controls, steps], "wcode-explore-controls")
        self.widget = box([sheet, controls, self.answer, self.distinct], "wcode-panel").add_class("wcode-explore")
        self.refresh()

    def _control(self, at: int, axis: Axis) -> widgets.Widget:
        name, options = _(axis.name), [(label, place) for place, label in enumerate(axis.labels)]
        layout, style = {"width": "auto"}, {"description_width": "110px"}
        made: widgets.Widget
        if axis.name == ROW and len(options) > 1:
            made = widgets.IntSlider(
                value=0, min=0, max=len(options) - 1, description=name, readout=False, layout=layout, style=style
            )
        elif axis.is_ordered and len(options) > 1:
            made = widgets.SelectionSlider(options=options, value=0, description=name, layout=layout, style=style)
        else:
            made = widgets.Dropdown(options=options, value=0, description=name, layout=layout, style=style)
        made.observe(partial(self._changed, at), "value")
        return made

    def _changed(self, at: int, _change: Mapping[str, object]) -> None:
        # The first axis is the row: its neighbour is another question, so the comparison stays where it was.
        if at:
            self._moved = at
        self.refresh()

    def _step(self, by: int) -> None:
        rows = self.controls[0]
        rows.value = min(max(rows.value + by, 0), len(self.exploration.axes[0].levels) - 1)

    @property
    def place(self) -> Place:
        """Where the controls are."""
        return tuple(control.value for control in self.controls)

    def refresh(self) -> None:
        """Shows the answer at the place of the controls."""
        place = self.place
        answer = self.exploration.at(place)
        near = self.exploration.neighbour(place, self._moved) if self._moved and answer is not None else None
        shown = [self._head(place, answer)]
        if answer is not None:
            shown += [_columns(answer), _text(answer), _facts(answer)]
        if answer is not None and near is not None:
            shown.append(_difference(near[1], answer, self.exploration.label(near[0], self._moved)))
        update(self.answer, f'<div role="status">{"".join(shown)}</div>')
        update(self.distinct, _distinct(self.exploration.distinct(place), answer))

    def _head(self, place: Place, answer: ShownAnswer | None) -> str:
        count = len(self.exploration.axes[0].levels)
        where = _("Row {place} of {count}").format(place=place[0] + 1, count=count)
        key = self.exploration.axes[0].labels[place[0]]
        said = "" if answer is not None else f'<p class="wcode-warn">{escape(_("No answer is recorded here."))}</p>'
        return f"<h4>{escape(where)} <span>{escape(key)}</span></h4>{said}"


def show_exploration(shell: Shell, exploration: Exploration) -> None:
    """Displays the explorer."""
    made = Explorer(exploration)
    view = {"version_major": 2, "version_minor": 0, "model_id": made.widget.model_id}
    shell.display_pub.publish({_WIDGET_VIEW: view, "text/plain": _("Answers to explore")})


# -- parts as HTML -----------------------------------------------------------------------------------------------------


def _columns(answer: ShownAnswer) -> str:
    rows = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value)[:_LONGEST])}</dd>"
        for name, value in answer.columns.items()
    )
    return f'<dl class="wcode-explored-row">{rows}</dl>' if rows else ""


def _text(answer: ShownAnswer) -> str:
    text = f'<div class="wcode-explored-text">{escape(answer.text[:_LONGEST])}</div>' if answer.text else ""
    fault = f'<p class="wcode-bad">{escape(answer.fault)}</p>' if answer.fault else ""
    return text + fault


def _facts(answer: ShownAnswer) -> str:
    tokens = (answer.input_tokens, answer.output_tokens)
    parts = [
        "" if None in tokens else _("tokens {input}→{output}").format(input=tokens[0], output=tokens[1]),
        answer.cost,
    ]
    return f'<p class="wcode-quiet">{escape(" · ".join(filter(None, parts)))}</p>' if any(parts) else ""


def _difference(near: ShownAnswer, answer: ShownAnswer, label: str) -> str:
    name = escape(_("Compared with {neighbour}").format(neighbour=label))
    if near.said == answer.said:
        return f'<p class="wcode-quiet">{name}: {escape(_("the same answer"))}</p>'
    found = Differences(near.text[:_COMPARED], answer.text[:_COMPARED])
    tags = {"=": "span", "-": "del", "+": "ins"}
    body = "".join(f"<{tags[kind]}>{escape(text)}</{tags[kind]}>" for kind, text in found.pieces())
    cut = _("only the first {count} characters are compared").format(count=_COMPARED)
    long = f" ({escape(cut)})" if max(len(near.text), len(answer.text)) > _COMPARED else ""
    return f'<p class="wcode-quiet">{name}{long}</p><div class="wcode-explored-text wcode-diff">{body}</div>'


def _distinct(found: list[Distinct], answer: ShownAnswer | None) -> str:
    if not found:
        return ""
    names = (_("answers to this row"), _("here"), _("in all"))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    lines = "".join(_line(one, answer is not None and one.text == answer.said) for one in found[:_MOST_DISTINCT])
    more = _("and {count} more").format(count=len(found) - _MOST_DISTINCT)
    rest = f'<p class="wcode-quiet">{escape(more)}</p>' if len(found) > _MOST_DISTINCT else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>{rest}"


def _line(one: Distinct, current: bool) -> str:
    mark = ' aria-current="true"' if current else ""
    text = one.text if len(one.text) <= 300 else f"{one.text[:299]}…"
    return f"<tr{mark}><td>{escape(text)}</td><td>{one.here}</td><td>{one.count}</td></tr>"


HIDE = hides("wcode-explore", "wcode-explored")
"""Hides the table below a widget that is alive."""
_SHEET = (
    "<style>.wcode-explore{max-width:960px}.wcode-explore .wcode-explore-controls{gap:4px;max-width:560px}"
    ".wcode-explore dl{display:grid;grid-template-columns:minmax(60px,max-content) 1fr;gap:2px 14px;margin:4px 0}"
    ".wcode-explore dt{color:var(--wcode-quiet);font-weight:400}.wcode-explore dd{margin:0;overflow-wrap:anywhere}"
    ".wcode-explore .wcode-explored-text{white-space:pre-wrap;overflow-wrap:anywhere;padding:8px 12px;margin:6px 0;"
    "border:1px solid var(--wcode-edge);border-radius:4px}"
    ".wcode-explore p{margin:4px 0}"
    ".wcode-explore ins{text-decoration:underline;background:rgba(46,160,67,.18);color:inherit}"
    ".wcode-explore del{background:rgba(248,81,73,.18);color:inherit}"
    ".wcode-explore table{border-collapse:collapse;margin:6px 0}"
    ".wcode-explore :is(td,th){text-align:start;padding:3px 14px 3px 6px;vertical-align:top;font-weight:400;"
    "white-space:pre-wrap;max-width:none}.wcode-explore th{color:var(--wcode-quiet)}"
    ".wcode-explore tr{background:none!important}"
    ".wcode-explore tr[aria-current]{box-shadow:inset 3px 0 var(--wcode-brand)}"
    ".wcode-explore tr[aria-current] td{font-weight:600}</style>"
)
