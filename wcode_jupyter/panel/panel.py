"""The panel: model, prompt, parameters and the answer, and the `%%wcode` cell that says the same.

Callbacks of widgets change the state and return at once. A question runs on a thread of its own, which reads the
engine's stream and writes to the widgets: the kernel stays free, other cells run, and Stop works at any time. What
touches the state holds one lock, for callbacks come on whatever thread the kernel chooses.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets
from msgspec.structs import replace

from ..characters import escape
from ..client import Client
from ..errors import WcodeError
from ..figures import format_cost
from ..language import _
from ..reply import Reply
from ..session import CostEstimate
from ..session.presets import Presets
from ..shell import Shell
from ..threads import start_later
from .answer import AnswerBox
from .code import CodeBox
from .panel_request import PanelRequest
from .parameters import ParameterTabs
from .picker import ModelPicker
from .presets import PresetBox
from .references import references_html
from .state import CellReader, Check, State, check
from .style import STYLE
from .summary import HIDE, PanelSummary
from .widgets import area, bad, box, button, close_tree, heading, quiet, row, show_if, split, update, warned

__all__ = ["Panel", "cell_id"]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_SUMMARY_AFTER_S = 0.5
_SETTLE_S = 0.3
"""How long after a change Run waits for more: the page holds back what is typed into a busy kernel, but no click."""
_LAST = 20
"""How many earlier answers can be looked at again."""


class Panel:
    """One panel on a notebook's client. `reader` reads a `%%wcode` cell as the magics do."""

    def __init__(
        self,
        shell: Shell,
        client: Client,
        reader: CellReader,
        presets: Presets,
        state: State | None = None,
        line: str = "",
    ) -> None:
        """`state`: what it shows at first. `line`: the options of the command that opens it."""
        self._shell = shell
        self._client = client
        self._reader = reader
        self._lock = threading.RLock()
        self._filling = False
        self._closed = False
        self._changed_s = 0.0
        self.asked: PanelRequest | None = None
        """The question that is on its way."""
        self.reply: Reply | None = None
        """The last answer."""
        self._timer: threading.Timer | None = None
        self._kept = State()
        self.check = Check()
        self.line = line
        self.cell_id = cell_id(shell)
        """The notebook cell that shows this panel; empty where the front end does not say."""
        self._summary = PanelSummary(shell.display_pub, line)
        self.picker = ModelPicker(client.session, self._changed)
        self.parameters = ParameterTabs(reader.own, self._changed, self.unset_all, self.use_as_defaults)
        self.answer = AnswerBox()
        self.code = CodeBox(self.read, self.refresh, self.cell_id)
        self.presets = PresetBox(presets, lambda: self.state.values, self.load)
        self._build_question()
        self.widget = self._lay_out()
        self.state = state or State()
        shell.events.register("post_run_cell", self._follow_session)

    # -- widgets

    def _build_question(self) -> None:
        self.system = area(_("System prompt"), rows=2)
        self.prompt = area(_("Prompt"), rows=5, hint=_("Your prompt. {{name}} inserts the variable name."))
        self.prompt.add_class("wcode-prompt")
        beside = {"description_width": "initial"}
        self.into = widgets.Text(
            description=_("Store answer in"), placeholder=_("variable"), layout={"width": "210px"}, style=beside
        )
        for field in (self.system, self.prompt, self.into):
            field.observe(lambda _change: self._changed(), "value")
        self.run_button = button(_("Run"), self._run_pressed, "primary").add_class("wcode-run")
        self.stop_button = button(_("Stop"), self.stop, "danger", disabled=True).add_class("wcode-stop")
        self.clear_button = button(_("Clear"), self.clear, tooltip=_("Clear the prompt and the answer"))
        self._references = widgets.HTML().add_class("wcode-refs")
        self._notes = widgets.HTML()
        self.earlier = widgets.Dropdown(description=_("Earlier answers"), layout={"width": "auto"}, style=beside)
        self.earlier.observe(self._look_again, "value")

    def _lay_out(self) -> Any:
        title = heading("wcode", _("send a prompt; only what you set is sent"))
        head = split([title, button(_("Close"), self.close, tooltip=_("Close this panel"))]).add_class("wcode-head")
        actions = row([self.run_button, self.stop_button, self.clear_button, self.into])
        # Shown by the labextension: a kernel that is busy cannot say so itself.
        queued = _("Waiting for the kernel: the request is sent when the running cells are finished.")
        waits = widgets.HTML(f'<div class="wcode-waits" role="status">{escape(queued)}</div>')
        question = [self.picker.widget, self.system, self.prompt, self._references, actions, waits, self._notes]
        left = box([*question, self.answer.widget, self.earlier], "wcode-left")
        right = box([self.code.widget, self.parameters.widget, self.presets.widget], "wcode-right")
        columns = widgets.Box([left, right]).add_class("wcode-columns")
        # The stylesheet shows this line once the page has lost the kernel, which then cannot say so itself.
        lost = _("The kernel of this panel has ended. Run its cell again to continue. The text can still be copied.")
        sheet = widgets.HTML(f'{STYLE}{HIDE}<div class="wcode-lost">{escape(lost)}</div>')
        return box([sheet, head, columns], "wcode-panel")

    # -- state

    @property
    def state(self) -> State:
        """What the widgets say."""
        values = self.parameters.values()
        if model := self.picker.value:
            values["model"] = model
        if self.system.value.strip():
            values["system"] = self.system.value
        own = {**self._kept.own, **self.parameters.own()}
        if _names_functions(values.get("tools")):
            own["tools"] = values.pop("tools")
        return State(
            prompt=self.prompt.value,
            # What the panel has no widget for stays as it came.
            values={**self._kept.values, **values},
            output=self.into.value.strip(),
            extra_body=self._kept.extra_body,
            own=own,
        )

    @state.setter
    def state(self, state: State) -> None:
        with self._lock:
            shown = {*self.parameters.fields, "model", "system"}
            kept = {name: value for name, value in state.values.items() if name not in shown}
            own = {name: value for name, value in state.own.items() if name not in shown}
            self._kept = State(values=kept, extra_body=state.extra_body, own=own)
            self._filling = True
            self.picker.value = state.values.get("model", "")
            self.system.value = state.values.get("system", "")
            self.prompt.value = state.prompt
            self.into.value = state.output
            self.parameters.write({**state.values, **state.own})
            self._filling = False
            self.refresh()

    def load(self, values: Mapping[str, Any]) -> None:
        """Takes `values` in the place of all that is set; the prompt and what is no value stay."""
        self.state = replace(self.state, values=dict(values))

    def read(self, cell: str) -> None:
        """Takes what a `%%wcode` cell says in the place of all that is set. Raises WcodeError, then nothing changes."""
        self.state = self._reader.read(cell)

    def _changed(self) -> None:
        if not self._filling:
            self._changed_s = time.monotonic()
            self.refresh()

    def refresh(self) -> None:
        """Checks the state and shows what follows from it: faults, warnings, estimate, the cell."""
        with self._lock:
            if self._closed:
                return
            values = self._client.session.values()
            self.parameters.inherit(values)
            system = values.get("system")
            self.system.placeholder = f"{system.value} ({system.source})" if system else ""
            state = self.state
            self.check = check(state, self._reader.prepare)
            self.code.show(state, self.check)
            texts = f"{state.prompt}\n{state.values.get('system', '')}"
            update(self._references, references_html(texts, self._shell.user_ns))
            self.parameters.note(self.check, self.picker.model())
            update(self._notes, _notes(self.check, self.code.fault, is_empty=not state.prompt.strip()))
            self._enable()
            if self._summary.is_shown:
                self._summarise_soon()

    def _enable(self) -> None:
        self.run_button.disabled = not self._can_run
        self.stop_button.disabled = self.asked is None

    @property
    def _can_run(self) -> bool:
        # While the code box holds a text that means nothing, the state is not what the user sees last.
        return self.check.call is not None and self.asked is None and not self.code.fault

    def _summarise_soon(self) -> None:
        # Not at each key that is pressed.
        if self._timer is None:
            self._timer = start_later(_SUMMARY_AFTER_S, self.flush)

    def flush(self) -> None:
        """Brings what a saved notebook keeps up to date, now."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if not self._closed:
                self._summary.show(self.state, self.picker.model().id, self.reply)

    def _follow_session(self, _result: object = None) -> None:
        """After each cell: variables, settings and presets may have changed."""
        try:
            with self._lock:
                self.picker.refresh()
                self.presets.refresh()
                self._list_earlier()
                self.refresh()
        except WcodeError as error:
            update(self._notes, bad(str(error)))

    # -- what the buttons do

    def _run_pressed(self) -> None:
        wait_s = self._changed_s + _SETTLE_S - time.monotonic()
        if wait_s <= 0:
            self.run()
            return
        start_later(wait_s, self.run)

    def run(self) -> None:
        """Asks; returns at once."""
        with self._lock:
            self.refresh()
            if self._closed or not self._can_run or (question := self.check.question) is None:
                return
            self.answer.format = question.format
            self.answer.hides_reasoning = question.hide_reasoning
            self.asked = PanelRequest(self._client, question, self.answer, partial(self._ended, self.state.output))
            self._enable()
            self.asked.start()

    def _ended(self, output: str, reply: Reply | None) -> None:
        with self._lock:
            self.asked = None
            if reply is not None:
                self.reply = reply
                if output:
                    self._shell.push({output: reply})
            self._list_earlier()
            self.refresh()
            if self._summary.is_shown:
                self.flush()

    def stop(self) -> None:
        """Ends the answer that is on its way; what arrived is kept."""
        if run := self.asked:
            run.stop()

    def clear(self) -> None:
        """An empty prompt and no answer; model and parameters stay."""
        with self._lock:
            self.prompt.value = ""
            if self.asked is None:
                self.answer.clear()

    def unset_all(self) -> None:
        """Switches off whatever has a switch."""
        self.load({name: value for name, value in self.state.values.items() if name not in self.parameters.fields})

    def use_as_defaults(self) -> None:
        """What is set here becomes the session's: `%wcode settings` lists it, cells follow it."""
        with self._lock:
            values = self.state.values
            if self.check.errors or not values:
                self.code.tell(next(iter(self.check.errors.values()), _("Nothing is set here.")))
                return
            for name, value in values.items():
                self._client.session.set(name, value)
            self.load({})
            self.picker.refresh()
            self.code.tell(_("Saved as session values. %wcode settings lists them."))

    def take_over(self, reply: Reply) -> None:
        """Shows the last answer of the panel that stood here before."""
        with self._lock:
            self.reply = reply
            self.answer.show(reply)

    # -- earlier answers

    def _list_earlier(self) -> None:
        if self._closed:
            return
        replies = list(enumerate(self._client.session.replies))[-_LAST:]
        options = [(_("choose one to show it again"), -1)] + [
            (f"{index + 1}. {reply.model}: {_question(reply)}", index) for index, reply in reversed(replies)
        ]
        if tuple(options) != self.earlier.options:
            self._filling = True
            self.earlier.options = options
            self.earlier.value = -1
            self._filling = False
        show_if(self.earlier, replies)

    def _look_again(self, change: Any) -> None:
        with self._lock:
            index = change["new"]
            if not self._filling and self.asked is None and index is not None and index >= 0:
                self.answer.show(self._client.session.replies[index])

    # -- life

    def show(self) -> None:
        """Displays the panel, and below it what a saved notebook keeps of it."""
        self._list_earlier()
        view = {"version_major": 2, "version_minor": 0, "model_id": self.widget.model_id}
        self._shell.display_pub.publish({_WIDGET_VIEW: view, "text/plain": _("wcode panel")})
        self.flush()

    def close(self) -> None:
        """Ends what runs and takes every widget away; may be called twice."""
        with self._lock:
            if self._closed:
                return
            if self._summary.is_shown:
                self.flush()
            self._closed = True
            self.stop()
            self._shell.events.unregister("post_run_cell", self._follow_session)
            self.answer.close()
            close_tree(self.widget)
            self.parameters.close()


def cell_id(shell: Shell) -> str:
    """The notebook cell that is running; empty where the front end does not say."""
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent("shell") if kernel is not None and hasattr(kernel, "get_parent") else {}
    return str((parent.get("metadata") or {}).get("cellId", ""))


def _names_functions(tools: object) -> bool:
    """Whether the text says functions of the notebook (`f, g`), as in a cell, and not the JSON of tools."""
    return isinstance(tools, str) and bool(tools.strip()) and not tools.lstrip().startswith(("[", "{"))


def _notes(result: Check, fault: str, *, is_empty: bool) -> str:
    if fault:
        return bad(_("Run is disabled until the error in the code is fixed."))
    if result.call is None:
        # That nothing has been asked yet is no fault.
        return quiet(result.reason) if is_empty and not result.errors else bad(result.reason)
    return "".join(map(warned, result.warnings)) + quiet(_estimate(result.call.estimate))


def _estimate(estimate: CostEstimate) -> str:
    tokens = _("Before: about {n} input tokens").format(n=estimate.input_tokens)
    if estimate.input_cny is None:
        return _("{tokens}, price unknown").format(tokens=tokens)
    cost = format_cost(estimate.input_cny)
    if estimate.output_cny is None:
        return _("{tokens}, {cost} plus the output").format(tokens=tokens, cost=cost)
    most = format_cost(estimate.output_cny)
    return _("{tokens}, {cost} plus at most {most} for the output").format(tokens=tokens, cost=cost, most=most)


def _question(reply: Reply) -> str:
    text = reply.request.messages[-1].text if reply.request and reply.request.messages else reply.text
    line = " ".join(text.split())
    return line if len(line) <= 48 else line[:47] + "…"
