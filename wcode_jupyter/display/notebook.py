"""An answer in a notebook while it arrives, and the one output it ends as.

Finished blocks become outputs of their own; only the unfinished tail is sent again. What may be sent is rationed by
what was received, so the cost grows linearly whatever the answer looks like. At the end one merged output takes the
place of all: it is what is saved.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from ..characters import escape
from ..reply import Reply
from ..reply.events import Event, Notice, ReasoningDelta, TextDelta
from ..request.messages import Message
from ..shell import DisplayPublisher
from .answer import closed_reasoning, final_bundle, open_reasoning, wrap
from .blocks import Lines, Piece, Splitter
from .formats import plain
from .indented import Indented
from .markdown import Env, render
from .status import waiting_line
from .style import WAITING
from .tool_steps import steps_html

__all__ = ["SPLITTERS", "NotebookView", "Part", "Ration", "new_id"]


class Ration:
    """When the next update may be sent: at most 15 a second, and in all about `PER_BYTE` times what was received.

    After `PATIENCE_S` an update goes out in any case, so that the page never looks dead.
    """

    INTERVAL_S = 1 / 15
    PATIENCE_S = 2.0
    START = 64_000
    PER_BYTE = 20
    ENVELOPE = 500
    """Bytes of a message around its content."""

    def __init__(self) -> None:
        self._left = float(self.START)
        self._last_s = float("-inf")
        self._cost = 0

    def receive(self, size: int) -> None:
        """`size` bytes of the answer arrived."""
        self._left += self.PER_BYTE * size

    def spend(self, size: int, now_s: float) -> None:
        """An update of `size` bytes of content was sent in so many messages as `ENVELOPE`s are in it."""
        self._left -= size
        self._cost = size
        self._last_s = now_s

    def due_s(self, now_s: float) -> float:
        """Seconds until the next update may go out; 0 when it may now. Assumes that it costs what the last one did."""
        wait = self.INTERVAL_S if self._left >= self._cost else self.PATIENCE_S
        return max(0.0, self._last_s + wait - now_s)


class Part:
    """One growing text (the reasoning, or the answer): committed blocks and the tail that is being re-sent."""

    def __init__(self, splitter: Splitter | Lines, publish: Callable[[str, str, bool, bool], None]) -> None:
        """`publish(inner, display_id, update, first)`: `first` for the part's first output."""
        self._splitter = splitter
        self._publish = publish
        self._env: Env = {}
        self._display_id = ""
        self._first = True
        self._shown = ""

    HEAVY = 10_000
    """Characters of HTML that the tail may have: more would be sent too often."""

    def show(self, text: str) -> None:
        """Takes new text, publishes what it finishes and the tail."""
        self._commit(self._splitter.feed(text))
        tail = self._tail()
        if len(tail) > self.HEAVY:
            self._commit(self._splitter.shorten())
            tail = self._tail()
        if tail:
            self._send(tail)

    def _commit(self, pieces: list[Piece]) -> None:
        """What is finished takes the place of the tail's output, and the next tail begins a new one."""
        if pieces:
            self._send("".join(self._render(piece, self._env) for piece in pieces))
            self._display_id, self._first, self._shown = "", False, ""

    def _tail(self) -> str:
        if not (preview := self._splitter.preview):
            return ""
        # The tail's link definitions are not final: they must not stay.
        env = {"references": dict(self._env.get("references", {}))}
        return self._render(preview, env, streaming=True)

    def _send(self, inner: str) -> None:
        if inner == self._shown:
            return
        update = bool(self._display_id)
        self._display_id = self._display_id or new_id()
        self._shown = inner
        self._publish(inner, self._display_id, update, self._first)

    @staticmethod
    def _render(piece: Piece, env: Env, *, streaming: bool = False) -> str:
        if piece.plain:
            return plain(piece.source)
        return render(piece.source, env, streaming=streaming, start=piece.start)


SPLITTERS: dict[str, type[Splitter | Lines]] = {"markdown": Splitter, "json": Indented}
"""Format -> how its text is cut into blocks; the others by lines."""


class NotebookView:
    """Shows one answer in a notebook; `tick` as often as `due_s` says."""

    WAITING_AFTER_S = 0.3

    def __init__(
        self,
        publisher: DisplayPublisher,
        format: str = "markdown",
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publisher = publisher
        self._format = format
        self._quiet = quiet
        self._clock = clock
        self._ration = Ration()
        self._began_s = clock()
        self._model = ""
        self._waiting_id = ""
        self._waiting_text = ""
        self._notices: list[str] = []
        self._reasoning: list[str] = []
        self._thinking_since_s = 0.0
        self._incoming: dict[str, list[str]] = {"reasoning": [], "text": []}
        self._published = False
        self._above = ""
        self._answering = False
        self._hurried = False
        self._parts = {
            "reasoning": Part(Splitter(), self._publish_reasoning),
            "text": Part(SPLITTERS.get(format, Lines)(), self._publish_text),
        }

    def hurry(self) -> None:
        """The user has interrupted: what is shown from now on is shown at once."""
        self._hurried = True

    def begin(self, model: str) -> None:
        """The question is on its way to `model`."""
        self._model = model
        self._began_s = self._clock()

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """Steps of a tool loop, shown above the answer until it is whole."""
        self._above = wrap(steps_html(transcript))
        self._send(self._above, "", False)

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived; shows nothing yet."""
        for event in events:
            if isinstance(event, TextDelta) and not event.choice:
                self._incoming["text"].append(event.text)
                self._ration.receive(len(event.text.encode()))
            elif isinstance(event, ReasoningDelta) and not event.choice and event.text and not self._answering:
                self._take_reasoning(event.text)
            elif isinstance(event, Notice):
                self._notices.append(event.text)

    def _take_reasoning(self, text: str) -> None:
        if not self._reasoning:
            self._thinking_since_s = self._clock()
        self._reasoning.append(text)
        self._incoming["reasoning"].append(text)
        self._ration.receive(len(text.encode()))

    def due_s(self) -> float:
        """Seconds until `tick` has something to do."""
        now = self._clock()
        waits = [self._waiting_due_s(now)]
        if any(self._incoming.values()):
            waits.append(self._ration.due_s(now))
        wait = min(waits)
        # Not less than a millisecond: a remainder of rounding would turn the pump into a busy loop.
        return max(0.001, wait) if wait > 0 else 0.0

    def _waiting_due_s(self, now: float) -> float:
        if self._answering or self._quiet or self._incoming["text"]:
            return 1.0
        elapsed = now - self._began_s
        return self.WAITING_AFTER_S - elapsed if not self._waiting_id else 1.0 - elapsed % 1.0

    def tick(self) -> None:
        """Shows what is due."""
        now = self._clock()
        self._show_waiting(now)
        if not any(self._incoming.values()) or self._ration.due_s(now) > 0:
            return
        for name in ("reasoning", "text"):
            if text := "".join(self._incoming[name]):
                self._incoming[name] = []
                if name == "text" and not self._answering:
                    self._start_answer()
                self._parts[name].show(text)

    def _show_waiting(self, now: float) -> None:
        elapsed = now - self._began_s
        if self._quiet or self._answering or self._incoming["text"] or elapsed < self.WAITING_AFTER_S:
            return
        lines = [*self._notices, waiting_line(self._model, elapsed, "thinking" if self._reasoning else "asking")]
        text = "\n".join(lines)
        if text == self._waiting_text:
            return
        self._waiting_text = text
        update = bool(self._waiting_id)
        self._waiting_id = self._waiting_id or new_id()
        html = f'<div style="{WAITING}">{"<br>".join(escape(line) for line in lines)}</div>'
        self._send(html, self._waiting_id, update)

    def _start_answer(self) -> None:
        """The answer begins: the waiting line goes, the reasoning closes and is not sent again."""
        self._answering = True
        if not self._published:
            return
        self._publisher.clear_output(wait=True)
        if self._above:
            self._send(self._above, "", False)
        if self._reasoning:
            seconds = self._clock() - self._thinking_since_s
            self._publish(wrap(closed_reasoning("".join(self._reasoning).strip(), seconds)))

    def _publish_text(self, inner: str, display_id: str, update: bool, first: bool) -> None:
        # The closed reasoning above has brought the stylesheet.
        self._publish(wrap(inner, style=first and not self._reasoning), display_id, update)

    def _publish_reasoning(self, inner: str, display_id: str, update: bool, first: bool) -> None:
        box = open_reasoning(inner) if first else f'<div class="wcode-reasoning">{inner}</div>'
        self._publish(wrap(box, style=first), display_id, update)

    def _publish(self, html: str, display_id: str = "", update: bool = False) -> None:
        self._ration.spend(len(html.encode()) + Ration.ENVELOPE, self._clock())
        self._send(html, display_id, update)

    def _send(self, html: str, display_id: str, update: bool) -> None:
        self._published = True
        transient = {"display_id": display_id} if display_id else {}
        self._publisher.publish({"text/html": html}, {}, transient=transient, update=update)

    def finish(self, reply: Reply) -> None:
        """The one output that stays."""
        data, metadata = final_bundle(reply, self._format, quiet=self._quiet, hurried=self._hurried)
        if self._published:
            # Without a next output, waiting for it would leave the pieces standing.
            self._publisher.clear_output(wait=bool(data))
        if data:
            self._publisher.publish(data, metadata)

    def abandon(self) -> None:
        """What was shown goes when something follows."""
        if self._published:
            self._publisher.clear_output(wait=True)


def new_id() -> str:
    """A display id of its own."""
    return f"wcode-{secrets.token_hex(8)}"
