"""The panel: model, prompt, parameters and the answer, and the `%%wcode` cell that says the same.

Callbacks of widgets change the state and return at once. A question runs on a thread of its own, which reads the
engine's stream and writes to the widgets: the kernel stays free, other cells run, and Stop works at any time. What
touches the state holds one lock, for callbacks come on whatever thread the kernel chooses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import ipywidgets as widgets

from ..client import Client
from ..display import pump
from ..display.status import format_cost
from ..engine import Stream
from ..errors import WcodeError
from ..language import N_, _
from ..parameters import GROUPS, PARAMETERS, Row
from ..reply import Reply
from ..session import Call, Estimate
from ..settings import ROWS
from .answer import AnswerBox, close
from .fields import Field
from .insert import insert_below
from .picker import ModelPicker
from .references import references_html
from .state import Check, Prepare, State, check
from .style import STYLE
from .summary import HIDE, Summary

__all__ = ["Panel"]

_CALL = ("protocol", "stream", "format", "idle_timeout", "total_timeout", "replay")
"""Settings that decide how a question is asked or shown, in a tab beside the parameters."""
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_LAST = 20
_AUTO = {"width": "auto"}

F = TypeVar("F", bound=Callable[..., Any])


def _tabs() -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {
        title: [row for row in PARAMETERS if row.group == group] for group, title in GROUPS.items()
    }
    return {**groups, N_("Call"): [ROWS[name] for name in _CALL]}


class Panel:
    """One panel on a notebook's client. `prepare` makes a call of a `%%wcode` line and a prompt, as a cell does."""

    def __init__(self, shell: Any, client: Client, prepare: Prepare, state: State | None = None) -> None:
        self._shell = shell
        self._client = client
        self._prepare = prepare
        self._lock = threading.RLock()
        self._filling = False
        self._kept = State()
        self._run: _Run | None = None
        self._reply: Reply | None = None
        self._closed = False
        self.cell_id = _cell_id(shell)
        """The notebook cell that shows this panel; empty where the front end does not say."""
        self._build()
        self._summary = Summary(shell.display_pub)
        self.check = Check()
        self.state = state or State()
        shell.events.register("post_run_cell", self._on_cell)

    # -- widgets

    def _build(self) -> None:
        changed = self._on_change
        self.picker = ModelPicker(self._client.session, changed)
        self.system = _area(_("System prompt"), rows=2)
        self.prompt = _area(_("Prompt"), rows=5, hint=_("Your question. {{name}} inserts the variable name."))
        self.into = widgets.Text(
            description=_("Answer into"), placeholder=_("variable"), layout={"width": "230px"},
            style={"description_width": "initial"},
        )  # fmt: skip
        for field in (self.system, self.prompt, self.into):
            field.observe(lambda _change: changed(), "value")
        self._references = widgets.HTML().add_class("wcode-refs")
        self.run_button = _button(_("Run"), self.run, "primary")
        self.stop_button = _button(_("Stop"), self.stop, "danger", disabled=True)
        self.clear_button = _button(_("Clear"), self.clear)
        self._notes = widgets.HTML()
        self._earlier = widgets.Dropdown(
            description=_("Earlier answers"), layout=_AUTO, style={"description_width": "initial"}
        )
        self._earlier.observe(self._on_earlier, "value")
        self.answer = AnswerBox()
        self.fields: dict[str, Field] = {}
        self._tabs = widgets.Tab([self._tab(rows) for rows in _tabs().values()])
        self._help = widgets.ToggleButton(description=_("Explain"), tooltip=_("Say what each parameter means"))
        self._help.observe(lambda change: self._mark("wcode-helping", change["new"]), "value")
        self.code = _area("", rows=6).add_class("wcode-code")
        self.code.disabled = False
        self._said = widgets.HTML()
        self.widget = self._lay_out()

    def _tab(self, rows: list[Row]) -> Any:
        for row in rows:
            self.fields[row.name] = Field(row, self._on_change)
        return widgets.VBox([self.fields[row.name].widget for row in rows])

    def _lay_out(self) -> Any:
        actions = [self.run_button, self.stop_button, self.clear_button, self.into]
        left = [
            self.picker.widget, self.system, self.prompt, self._references, _row(actions), self._notes,
            self.answer.widget, self._earlier,
        ]  # fmt: skip
        right = [
            widgets.HBox(
                [_heading(_("Parameters: nothing is sent unless it is switched on")), self._help], layout=_AUTO
            ).add_class("wcode-head"),
            self._tabs,
            _row(
                [_button(_("Unset all"), self.unset_all), _button(_("Use as session defaults"), self.use_as_defaults)]
            ),
            _heading(_("The same as a cell")),
            self.code,
            _row([_button(_("Insert cell below"), self.insert)]),
            self._said,
        ]
        columns = widgets.Box([_column(left, "wcode-left"), _column(right, "wcode-right")]).add_class("wcode-columns")
        return widgets.VBox([widgets.HTML(STYLE + HIDE), columns]).add_class("wcode-panel")

    def _mark(self, name: str, on: bool) -> None:
        (self.widget.add_class if on else self.widget.remove_class)(name)

    # -- state

    @property
    def state(self) -> State:
        """What the widgets say."""
        values = {name: value for name, field in self.fields.items() if (value := field.value) is not None}
        if model := self.picker.value:
            values["model"] = model
        if self.system.value.strip():
            values["system"] = self.system.value
        return State(
            prompt=self.prompt.value,
            # What the panel has no widget for stays as it came.
            values={**self._kept.values, **values},
            output=self.into.value.strip(),
            extra_body=self._kept.extra_body,
            own=self._kept.own,
        )

    @state.setter
    def state(self, state: State) -> None:
        with self._lock:
            shown = {*self.fields, "model", "system"}
            self._filling = True
            self._kept = State(
                values={name: value for name, value in state.values.items() if name not in shown},
                extra_body=state.extra_body,
                own=state.own,
            )
            self.picker.value = state.values.get("model", "")
            self.system.value = state.values.get("system", "")
            self.prompt.value = state.prompt
            self.into.value = state.output
            for name, field in self.fields.items():
                field.write(state.values.get(name))
            self._filling = False
            self.refresh()

    def _on_change(self) -> None:
        if not self._filling:
            self.refresh()

    def refresh(self) -> None:
        """Checks the state and shows what follows from it: faults, warnings, estimate, the cell."""
        with self._lock:
            if self._closed:
                return
            self._inherit()
            state = self.state
            self.check = check(state, self._prepare)
            _set(self.code, state.cell)
            texts = f"{state.prompt}\n{state.values.get('system', '')}"
            _set(self._references, references_html(texts, self._shell.user_ns))
            self._note_fields(state)
            _set(self._notes, _notes(self.check))
            self._enable()
            if self._summary.is_shown:
                self._summary.show(state, self.picker.model().id, self._reply)

    def _inherit(self) -> None:
        values = self._client.session.values()
        for name, field in self.fields.items():
            value = values.get(name)
            if value is None or value.source == "default":
                field.inherit(None, "")
            else:
                field.inherit(value.value, value.source)
        system = values.get("system")
        self.system.placeholder = f"{system.value} ({system.source})" if system else ""

    def _note_fields(self, state: State) -> None:
        model = self.picker.model()
        for name, field in self.fields.items():
            on = name in state.values
            unlisted = _("not listed on this model's page") if name in model.unlisted else ""
            field.note(
                error=self.check.errors.get(name, ""),
                warnings=self.check.warnings_of(name) if on and not unlisted else (),
                unlisted=unlisted,
            )
        for index, (title, rows) in enumerate(_tabs().items()):
            count = sum(row.name in state.values for row in rows)
            self._tabs.set_title(index, _(title) + (f" · {count}" if count else ""))

    def _enable(self) -> None:
        self.run_button.disabled = self.check.call is None or self._run is not None
        self.stop_button.disabled = self._run is None

    def _on_cell(self, _result: Any = None) -> None:
        self.picker.refresh()
        self.refresh()

    # -- what the buttons do

    def run(self) -> None:
        """Asks; returns at once."""
        with self._lock:
            self.refresh()
            if self.check.call is None or self._run is not None:
                return
            self.answer.format = str(self._client.session.values(self.state.values)["format"].value)
            self._run = _Run(self._client, self.check.call, self.answer, partial(self._ended, self.state.output))
            self._enable()
            self._run.start()

    def _ended(self, output: str, reply: Reply | None) -> None:
        with self._lock:
            self._run = None
            if reply is not None:
                self._reply = reply
                if output:
                    self._shell.push({output: reply})
            if not self._closed:
                self._list_earlier()
                self.refresh()

    def stop(self) -> None:
        """Ends the answer that is on its way; what arrived is kept."""
        if run := self._run:
            run.stop()

    def clear(self) -> None:
        """An empty prompt and no answer; model and parameters stay."""
        with self._lock:
            self.stop()
            if self._run is None:
                self.answer.clear()
            self.prompt.value = ""

    def unset_all(self) -> None:
        """Switches every parameter off."""
        state = self.state
        values = {name: value for name, value in state.values.items() if name in ("model", "system")}
        self.state = State(prompt=state.prompt, values=values, output=state.output)

    def use_as_defaults(self) -> None:
        """What is set here becomes the session's: `%wcode settings` lists it, cells follow it."""
        with self._lock:
            state = self.state
            if self.check.errors:
                self._tell(next(iter(self.check.errors.values())))
                return
            for name, value in state.values.items():
                self._client.session.set(name, value)
            self.state = State(prompt=state.prompt, output=state.output, extra_body=state.extra_body, own=state.own)
            self._tell(_("These are the session's defaults now: %wcode settings lists them, %wcode unset takes back."))

    def insert(self) -> None:
        """Puts the cell below the panel in the notebook, where the front end can do that."""
        insert_below(self.state.cell, self._tell)

    def _tell(self, text: str) -> None:
        _set(self._said, _quiet(text))

    # -- earlier answers

    def _list_earlier(self) -> None:
        replies = list(enumerate(self._client.session.replies))[-_LAST:]
        self._filling = True
        self._earlier.options = [(_("choose one to look at it again"), -1)] + [
            (f"{index + 1}. {reply.model}: {_shortened(_question(reply))}", index) for index, reply in reversed(replies)
        ]
        self._earlier.value = -1
        self._filling = False
        self._earlier.layout.display = "" if replies else "none"

    def _on_earlier(self, change: Any) -> None:
        with self._lock:
            if not self._filling and self._run is None and change["new"] is not None and change["new"] >= 0:
                self.answer.show(self._client.session.replies[change["new"]])

    # -- life

    def show(self) -> None:
        """Displays the panel, and below it what a saved notebook keeps of it."""
        self._list_earlier()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        self._shell.display_pub.publish({_WIDGET_VIEW: view, "text/plain": _("wcode panel")})
        self._summary.show(self.state, self.picker.model().id, self._reply)

    def close(self) -> None:
        """Ends what runs and takes every widget away; may be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self.stop()
            self._shell.events.unregister("post_run_cell", self._on_cell)
            self.answer.close()
            _close_tree(self.widget)


class _Run:
    """One question on a thread of its own."""

    def __init__(self, client: Client, call: Call, answer: AnswerBox, on_end: Callable[[Reply | None], None]) -> None:
        self._client = client
        self._call = call
        self._answer = answer
        self._on_end = on_end
        self._stream: Stream | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="wcode-panel", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._stream is not None:
            self._stream.cancel()

    def _ask(self) -> None:
        reply = None
        try:
            self._answer.begin(self._call.request.model)
            self._stream = self._client.start(self._call)
            # Stop may have come while the embedded model was starting.
            if self._stopped.is_set():
                self._stream.cancel()
            reply = pump(self._stream, self._answer)
            if self._stream.error is not None and not self._stopped.is_set():
                self._answer.show(reply, self._stream.error)
        except WcodeError as error:
            self._answer.fail(error)
        finally:
            self._on_end(reply)


def _cell_id(shell: Any) -> str:
    metadata = getattr(shell, "parent_header", None) or {}
    kernel = getattr(shell, "kernel", None)
    if kernel is not None and hasattr(kernel, "get_parent"):
        metadata = kernel.get_parent("shell")
    return str((metadata.get("metadata") or {}).get("cellId", ""))


def _notes(result: Check) -> str:
    if result.call is None:
        return _quiet(result.reason) if not result.errors else f'<div class="wcode-bad">{_escaped(result.reason)}</div>'
    warnings = "".join(f'<div class="wcode-warn">{_escaped(text)}</div>' for text in result.warnings)
    return warnings + _quiet(_estimate(result.call.estimate))


def _estimate(estimate: Estimate) -> str:
    tokens = _("Before: about {n} input tokens").format(n=estimate.input_tokens)
    if estimate.input_cny is None:
        return _("{tokens}, price unknown").format(tokens=tokens)
    cost = format_cost(estimate.input_cny)
    if estimate.output_cny is None:
        return f"{tokens} ≈ {cost} " + _("plus the output")
    return f"{tokens} ≈ {cost} " + _("plus at most {cost} for the output").format(cost=format_cost(estimate.output_cny))


def _question(reply: Reply) -> str:
    return reply.request.messages[-1].text if reply.request and reply.request.messages else reply.text


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 48 else line[:47] + "…"


def _escaped(text: str) -> str:
    from html import escape

    return escape(text)


def _quiet(text: str) -> str:
    return f'<div class="wcode-quiet">{_escaped(text)}</div>' if text else ""


def _set(widget: Any, value: str) -> None:
    if widget.value != value:
        widget.value = value


def _area(label: str, rows: int, hint: str = "") -> Any:
    return widgets.Textarea(description=label, placeholder=hint, rows=rows, layout=_AUTO).add_class("wcode-above")


def _button(label: str, act: Callable[[], None], style: str = "", *, disabled: bool = False) -> Any:
    button = widgets.Button(description=label, button_style=style, disabled=disabled)
    button.on_click(lambda _button: act())
    return button


def _heading(text: str) -> Any:
    return widgets.HTML(f"<h4>{_escaped(text)}</h4>")


def _row(children: list[Any]) -> Any:
    return widgets.HBox(children).add_class("wcode-actions")


def _column(children: list[Any], name: str) -> Any:
    return widgets.VBox(children).add_class(name)


def _close_tree(widget: Any) -> None:
    for child in getattr(widget, "children", ()):
        _close_tree(child)
    close(widget)
