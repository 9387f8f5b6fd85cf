"""The answer in the panel while it arrives: finished blocks stand still, only the unfinished tail is sent again.

The same rendering and the same ration as in a cell (see `display.notebook`), into widgets. Reasoning has an accordion
of its own, which nobody but the user opens or closes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from msgspec.structs import replace

from ..characters import escape
from ..display import bundle, status_line
from ..display.answer import wrap
from ..display.blocks import Lines, Splitter
from ..display.markdown import render
from ..display.notebook import SPLITTERS, Part, Ration
from ..display.status import is_empty, mark, waiting_line
from ..display.tool_steps import steps_html
from ..errors import WcodeError
from ..language import _
from ..reply import Reply
from ..reply.events import Event, Notice, ReasoningDelta, TextDelta
from ..request.messages import Message
from .consent import ConsentBox
from .widgets import Look, bad, quiet, show_if, update

__all__ = ["AnswerBox", "Pages"]

_PER_PAGE = 24


class Pages:
    """A growing list of HTML blocks. Each addition sends the ids of one page only, so the cost stays linear."""

    def __init__(self) -> None:
        self._look = Look()
        self.widget = widgets.VBox()
        self._open: dict[str, Any] = {}
        self._page: Any = None
        self._closed = False

    def publish(self, inner: str, display_id: str, update: bool, first: bool) -> None:
        """Adds a block, or changes the one of that id; nothing once it is closed."""
        if self._closed:
            return
        if update:
            self._open[display_id].value = wrap(inner, style=False)
            return
        block = self._look.make(widgets.HTMLMath, wrap(inner, style=False))
        # Only the newest block is ever changed again.
        self._open = {display_id: block}
        if self._page is None or len(self._page.children) >= _PER_PAGE:
            self._page = self._look.make(widgets.VBox)
            self.widget.children = (*self.widget.children, self._page)
        self._page.children = (*self._page.children, block)

    def clear(self) -> None:
        """Takes all blocks away."""
        pages, self.widget.children, self._page, self._open = self.widget.children, (), None, {}
        for page in pages:
            for block in page.children:
                block.close()
            page.close()

    def close(self) -> None:
        """Takes all away for good: an answer that still arrives shows nothing."""
        self._closed = True
        self.clear()
        self._look.close()

    def show(self, html: str) -> None:
        """One block in the place of all."""
        self.clear()
        if html and not self._closed:
            self._page = self._look.make(widgets.VBox, [self._look.make(widgets.HTMLMath, html)])
            self.widget.children = (self._page,)


class AnswerBox:
    """A `display.View` made of widgets. Called from one thread at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._text = Pages()
        self._thoughts = Pages()
        self._status = widgets.HTML().add_class("wcode-answer-status")
        self._accordion = widgets.Accordion([self._thoughts.widget], titles=(_("Reasoning"),), selected_index=None)
        self._steps = widgets.HTMLMath()
        self.consent = ConsentBox()
        parts = [self._steps, self._accordion, self._text.widget, self.consent.widget, self._status]
        self.widget = widgets.VBox(parts).add_class("wcode-output")
        self.format = "markdown"
        self.hides_reasoning = False
        self.clear()

    # -- what stands there

    def clear(self) -> None:
        """Nothing but a line that says what will be here."""
        self._reset()
        self._say(_("The answer appears here."))

    def show(self, reply: Reply, error: WcodeError | None = None) -> None:
        """A whole answer, however it ended."""
        self._steps.value = ""
        # Where nothing arrived, the error below says it all.
        self._text.show("" if error and is_empty(reply) else _body(reply, self.format))
        reasoning = "" if self.hides_reasoning else reply.reasoning
        self._thoughts.show(_rendered(reasoning))
        show_if(self._accordion, reasoning)
        seconds = _thinking_s(reply)
        self._accordion.titles = (_("Reasoning") + ("" if seconds is None else f" · {seconds:.1f} s"),)
        notices = "".join(map(quiet, reply.notices))
        self._status.value = bad(str(error) if error else "") + quiet(status_line(reply)) + notices

    def fail(self, error: WcodeError) -> None:
        """Nothing could be asked."""
        self._reset()
        self._status.value = bad(str(error))

    def _reset(self) -> None:
        self._steps.value = ""
        self._restart()

    def _restart(self) -> None:
        self._text.clear()
        self._thoughts.clear()
        show_if(self._accordion, False)
        self._accordion.titles = (_("Reasoning"),)
        self._model = ""
        self._answering = self._thinking = False
        self._incoming: dict[str, list[str]] = {"reasoning": [], "text": []}
        self._ration = Ration()
        self._began_s = self._clock()
        self._notices: list[str] = []
        self._parts = {
            "reasoning": Part(Splitter(), self._rationed(self._thoughts)),
            "text": Part(SPLITTERS.get(self.format, Lines)(), self._rationed(self._text)),
        }

    def _say(self, text: str) -> None:
        update(self._status, quiet(text))

    # -- an answer on its way

    def begin(self, model: str) -> None:
        """The question is on its way to `model`."""
        self._reset()
        self._model = model
        self._say(waiting_line(model, 0))

    def put_above(self, transcript: tuple[Message, ...]) -> None:
        """The calls so far, in the place of the answer that made them; another answer follows."""
        model = self._model
        self._restart()
        self._model = model
        self._steps.value = wrap(steps_html(transcript))

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived; shows nothing yet."""
        for event in events:
            if isinstance(event, TextDelta) and not event.choice:
                self._take("text", event.text)
            elif isinstance(event, ReasoningDelta) and not event.choice and event.text and not self.hides_reasoning:
                self._take("reasoning", event.text)
            elif isinstance(event, Notice):
                self._notices.append(event.text)

    def _take(self, name: str, text: str) -> None:
        self._incoming[name].append(text)
        self._ration.receive(len(text.encode()))

    def due_s(self) -> float:
        """Seconds until `tick` has something to do."""
        now = self._clock()
        wait = 1.0 - (now - self._began_s) % 1.0
        if any(self._incoming.values()):
            wait = min(wait, self._ration.due_s(now))
        return max(0.001, wait) if wait > 0 else 0.0

    def tick(self) -> None:
        """Shows what is due."""
        now = self._clock()
        if not self._answering:
            words = waiting_line(self._model, now - self._began_s, "thinking" if self._thinking else "asking")
            self._say("\n".join([*self._notices, words]))
        if not any(self._incoming.values()) or self._ration.due_s(now) > 0:
            return
        for name in ("reasoning", "text"):
            if text := "".join(self._incoming[name]):
                self._incoming[name] = []
                self._parts[name].show(text)
                self._note_progress(name)

    def _note_progress(self, name: str) -> None:
        if name == "reasoning" and not self._thinking:
            self._thinking = True
            show_if(self._accordion, True)
        elif name == "text" and not self._answering:
            self._answering = True
            self._say(_("{model} is answering …").format(model=self._model))

    def _rationed(self, pages: Pages) -> Callable[[str, str, bool, bool], None]:
        def publish(inner: str, display_id: str, update: bool, first: bool) -> None:
            # A new block is a widget to open, and a page's list of children to send.
            envelopes = 1 if update else 4
            self._ration.spend(len(inner.encode()) + envelopes * Ration.ENVELOPE, self._clock())
            pages.publish(inner, display_id, update, first)

        return publish

    def hurry(self) -> None:
        """Nothing: the box holds what was shown while it arrived."""

    def finish(self, reply: Reply) -> None:
        """The answer as it ended."""
        self.show(reply)

    def close(self) -> None:
        """Takes the blocks away; the rest goes with the panel."""
        self._text.close()
        self._thoughts.close()


def _body(reply: Reply, format: str) -> str:
    """The answer without its reasoning and its status line."""
    bare = replace(reply, choices=tuple(replace(choice, reasoning=()) for choice in reply.choices))
    if reply.transcript or any(choice.text.strip() or choice.refusal or choice.tool_calls for choice in bare.choices):
        return str(bundle(bare, format, quiet=True)[0].get("text/html", ""))
    words = mark(reply)
    return wrap(f'<div class="wcode-mark">{escape(words)}</div>') if words else ""


def _rendered(reasoning: str) -> str:
    return wrap(render(reasoning)) if reasoning else ""


def _thinking_s(reply: Reply) -> float | None:
    first, text = reply.timing.first_token_s, reply.timing.first_text_s
    return None if first is None or text is None else text - first
