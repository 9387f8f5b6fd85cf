"""The label widget: one row at a time with its columns, a button for each label, and what the coder needs beside.

All that happens is in `labels.labelling`; this shows where it is and passes on what is pressed. Keys come from the
labextension, which presses these buttons; without it the buttons do the same. Text of rows and models is escaped.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import partial

import ipywidgets as widgets

from ..characters import escape
from ..errors import InputError
from ..labels.labelling import LabelItem, Labelling
from ..labels.mark import Value
from ..language import _
from ..shell import Shell, can_ask
from ..statistics.values import label
from .label_style import STYLE
from .widgets import box, button, row, show_if, update

__all__ = ["LabelPanel", "show_labelling"]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_KEYS = 9
_LONGEST = 20_000
"""Characters of a column that are shown."""


class LabelPanel:
    """One coder's work on the page."""

    def __init__(self, labelling: Labelling) -> None:
        self.labelling = labelling
        self._lock = threading.RLock()
        self._turn = 0
        self._shown = -1
        """The place whose note and value are in the fields."""
        self._filling = False
        self._build()
        self.refresh()

    # -- widgets ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        self.head = widgets.HTML()
        self.item = widgets.HTML().add_class("wcode-item-box")
        self.answer = widgets.HTML().add_class("wcode-model-answer")
        self.said = widgets.HTML().add_class("wcode-said")
        self.choices = [self._choice(place, value) for place, value in enumerate(self.labelling.answers.choices)]
        self.value = widgets.Text(description=_("Label"), continuous_update=False).add_class("wcode-value")
        self.enter = button(_("Save"), self._entered, "primary").add_class("wcode-enter")
        self.note = widgets.Text(
            description=_("Note"), placeholder=_("optional, saved with the label"), continuous_update=False
        ).add_class("wcode-note")
        self.note.observe(self._noted, "value")
        self.reveal = self._action(_("Show model answer"), "wcode-reveal", self.labelling.reveal, "M")
        self.skip = self._action(_("Skip"), "wcode-skip", self._skipped, "S")
        self.undo = self._action(_("Undo"), "wcode-undo", self.labelling.undo, "U")
        self.back = self._action(_("Back"), "wcode-back", self.labelling.back, "←")
        self.forward = self._action(_("Forward"), "wcode-forward", self.labelling.forward, "→")
        is_choice = self.labelling.answers.kind == "choice"
        given = row(self.choices if is_choice else [self.value, self.enter]).add_class("wcode-choices")
        actions = row([self.back, self.forward, self.undo, self.skip, self.reveal]).add_class("wcode-label-actions")
        self.work = box([self.item, self.answer, given, self.note, actions], "wcode-work")
        self.widget = box([*self._above(), self.work, self.said, widgets.HTML(_help(is_choice))], "wcode-label")

    def _above(self) -> list[widgets.Widget]:
        return [widgets.HTML(STYLE + _lost()), self.head, widgets.HTML(_instructions(self.labelling))]

    def _choice(self, place: int, value: Value) -> widgets.Button:
        name = _("yes") if value is True else _("no") if value is False else str(value)
        meaning = self.labelling.answers.meanings.get(str(value), "")
        shown = f"{place + 1}  {name}" if place < _KEYS else name
        made = button(shown, partial(self._act, partial(self._pressed, value)), tooltip=meaning)
        return made.add_class("wcode-choice")

    def _action(self, name: str, style: str, act: Callable[[], None], key: str) -> widgets.Button:
        return button(name, partial(self._act, act), tooltip=_("Key: {key}").format(key=key)).add_class(style)

    # -- what is pressed ----------------------------------------------------------------------------------------------

    def _act(self, act: Callable[[], None]) -> None:
        """Does it and shows what follows; an error is shown, and the item stays."""
        with self._lock:
            try:
                act()
            except InputError as error:
                self.refresh(str(error), is_bad=True)
                return
            self.refresh()

    def _pressed(self, value: Value) -> None:
        self.labelling.press(value, self.note.value.strip())

    def _entered(self) -> None:
        self._act(lambda: self._pressed(self.labelling.answers.read(self.value.value)))

    def _skipped(self) -> None:
        self.labelling.skip(self.note.value.strip())

    def _noted(self, change: Mapping[str, object]) -> None:
        if not self._filling and self.labelling.mark is not None:
            self._act(lambda: self.labelling.note(str(change["new"]).strip()))

    # -- what is shown ------------------------------------------------------------------------------------------------

    def refresh(self, said: str = "", *, is_bad: bool = False) -> None:
        """Shows the item in front, what was said about it, and how far the work is."""
        work = self.labelling
        self._turn += 1
        item, mark = work.item, work.mark
        update(self.head, _head(work))
        self.item.value = _item(item, work, self._turn)
        update(self.answer, _answer(item) if item is not None and work.is_revealed else "")
        self._filling = True
        if not is_bad and self._shown != work.place:
            self._shown = work.place
            update(self.note, mark.note if mark else "")
            update(self.value, "" if mark is None or mark.value is None else str(mark.value))
        self._filling = False
        for choice, value in zip(self.choices, work.answers.choices, strict=True):
            chosen = mark is not None and mark.value is not None and label(mark.value) == label(value)
            update_trait(choice, "button_style", "primary" if chosen else "")
            update_trait(choice, "disabled", item is None)
        update_trait(self.enter, "disabled", item is None)
        update_trait(self.back, "disabled", work.place == 0)
        update_trait(self.forward, "disabled", item is None)
        update_trait(self.undo, "disabled", not work.can_undo)
        update_trait(self.skip, "disabled", item is None)
        show_if(self.skip, work.kind != "gold")
        show_if(self.reveal, item is not None and not work.is_revealed)
        style = "wcode-bad" if is_bad else "wcode-quiet"
        update(self.said, f'<div class="{style}" role="status">{escape(said)}</div>' if said else "")


def update_trait(widget: widgets.Widget, name: str, value: object) -> None:
    """Gives a trait its value, without a message when it has it already."""
    if getattr(widget, name) != value:
        setattr(widget, name, value)


def show_labelling(shell: Shell, labelling: Labelling) -> None:
    """Displays the label widget; nothing in a headless run, which reads the file."""
    if getattr(shell, "kernel", None) is None or not can_ask():
        return
    made = LabelPanel(labelling)
    view = {"version_major": 2, "version_minor": 0, "model_id": made.widget.model_id}
    shell.display_pub.publish(
        {_WIDGET_VIEW: view, "text/plain": _("Labels: {file}").format(file=labelling.file.path.name)}
    )


# -- parts as HTML -----------------------------------------------------------------------------------------------------


def _head(work: Labelling) -> str:
    done, count = work.done, len(work.items)
    title = _("Decide: {field}") if work.kind == "gold" else _("Label: {field}")
    parts = [_("{done} of {count}").format(done=done, count=count), _("coder {name}").format(name=work.coder)]
    if (seconds := work.seconds_left) and done < count:
        parts.append(_("about {minutes} min left").format(minutes=max(1, round(seconds / 60))))
    bar = f'<progress max="{count}" value="{done}" aria-label="{escape(_("Progress"))}"></progress>'
    words = escape(" · ".join(parts))
    return (
        f'<div class="wcode-label-head"><b>{escape(title.format(field=work.field))}</b><span>{words}</span></div>{bar}'
    )


def _item(item: LabelItem | None, work: Labelling, turn: int) -> str:
    if item is None:
        words = _("All {count} rows are done. Go back to change one.").format(count=len(work.items))
        return f'<div class="wcode-item" data-turn="{turn}"><p class="wcode-done">{escape(words)}</p></div>'
    place = _("Row {row}").format(row=item.row)
    state = "" if work.mark is None else _("skipped") if work.mark.kind == "skip" else _("labelled")
    head = f"{work.place + 1}/{len(work.items)} · {place}" + (f" · {state}" if state else "")
    columns = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_text(value))}</dd>" for name, value in item.columns.items())
    one = " wcode-one" if len(item.columns) == 1 else ""
    others = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in item.others.items())
    said = f'<dl class="wcode-others">{others}</dl>' if others else ""
    return (
        f'<div class="wcode-item" data-turn="{turn}"><div class="wcode-quiet">{escape(head)}</div>'
        f'<dl class="wcode-context{one}">{columns}</dl>{said}</div>'
    )


def _text(value: object) -> str:
    text = value if isinstance(value, str) else "–" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _answer(item: LabelItem) -> str:
    words = _("Model answer: {answer}. This label is not blind.").format(answer=_text(item.answer))
    return f'<div class="wcode-revealed" role="status">{escape(words)}</div>'


def _instructions(work: Labelling) -> str:
    if not work.instructions:
        return ""
    head = _("Codebook {version}").format(version=work.codebook)
    return f"<details><summary>{escape(head)}</summary><pre>{escape(work.instructions)}</pre></details>"


def _help(is_choice: bool) -> str:
    first = _("1–9 label") if is_choice else _("Enter saves")
    words = _("Keys: {first}, S skip, U undo, N note, M model answer, ← → back and forward").format(first=first)
    return f'<div class="wcode-quiet wcode-keys">{escape(words)}</div>'


def _lost() -> str:
    lost = _("The kernel has ended. Run the cell again to continue; all labels are in the file.")
    return f'<div class="wcode-label-lost" role="alert">{escape(lost)}</div>'
