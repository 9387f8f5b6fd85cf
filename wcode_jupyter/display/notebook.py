"""An answer in a notebook while it arrives, and the one output it ends as.

Finished blocks become outputs of their own; only the unfinished tail is sent again. What may be sent is rationed by
what was received, so the cost grows linearly whatever the answer looks like. At the end one merged output takes the
place of all: it is what is saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..characters import escape
from ..errors import WcodeError
from ..reply import Reply
from ..reply.events import Event, Notice, ReasoningDelta, TextDelta
from ..request.messages import Message
from ..shell import DisplayPublisher
from .answer import closed_reasoning, final_bundle, folding, with_error, wrap
from .blocks import Lines, Piece, Splitter
from .formats import plain
from .indented import Indented
from .markdown import Env, render
from .own_outputs import OwnOutputs, new_id
from .progress import AnswerProgress, TokenPrice
from .status import waiting_line
from .style import LIVE_STYLE, WAITING
from .thinking import Thinking
from .tool_steps import steps_html

__all__ = ["SPLITTERS", "NotebookView", "Part", "Ration"]


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
    PROGRESS_AFTER_S = 2.0
    """Seconds of writing after which the line that says how far it is appears: a short answer needs none."""

    def __init__(
        self,
        publisher: DisplayPublisher,
        format: str = "markdown",
        *,
        quiet: bool = False,
        price: TokenPrice | None = None,
        tells_progress: bool = True,
        own: OwnOutputs | None = None,
        stop: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`tells_progress`: whether a line below the answer says how far it is. `own`: where the answer is shown.

        `stop` is the command that stops the answer; empty where the notebook's stop button does.
        """
        self._own = own or OwnOutputs(publisher)
        self._format = format
        self._quiet = quiet
        self._clock = clock
        self._ration = Ration()
        self._began_s = clock()
        self._model = ""
        self._waiting_id = ""
        self._waiting_text = ""
        self._notices: list[str] = []
        self._progress = AnswerProgress(price, stop=stop)
        self._tells_progress = tells_progress and not quiet
        self._progress_id = new_id()
        self._next_progress_s = 0.0
        self._has_thought = False
        self._thinking_since_s = 0.0
        self._thinking_ids = {"head": new_id(), "box": new_id()}
        self._incoming: dict[str, list[str]] = {"reasoning": [], "text": []}
        self._published = False
        self._above = ""
        self._answering = False
        self._hurried = False
        self._final: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self._thinking = Thinking(self._publish_thinking)
        self._text = Part(SPLITTERS.get(format, Lines)(), self._publish_text)

    def hurry(self) -> None:
        """The user has interrupted: what is shown from now on is shown at once."""
        self._hurried = True

    def begin(self, model: str) -> None:
        """The question is on its way to `model`."""
        self._model = model
        self._began_s = self._clock()

    def announce(self) -> None:
        """Shows at once that the question is on its way: the cell ends now, and its output must exist by then."""
        if self._quiet:
            self._send("")
        else:
            self._show_line(waiting_line(self._model, 0))

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """Steps of a tool loop, shown above the answer until it is whole."""
        self._above = wrap(steps_html(transcript))
        self._send(self._above)

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived; shows nothing yet."""
        for event in events:
            if isinstance(event, TextDelta) and not event.choice:
                self._take("text", event.text)
            elif isinstance(event, ReasoningDelta) and not event.choice and event.text and not self._answering:
                self._take_reasoning(event.text)
            elif isinstance(event, Notice):
                self._notices.append(event.text)

    def _take_reasoning(self, text: str) -> None:
        if not self._has_thought:
            self._has_thought = True
            self._thinking_since_s = self._clock()
        self._take("reasoning", text)

    def _take(self, kind: str, text: str) -> None:
        self._incoming[kind].append(text)
        self._ration.receive(len(text.encode()))
        self._progress.receive(text, self._clock())

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
        if self._answering:
            return max(0.0, self._next_progress_s - now) if self._tells_progress else 1.0
        if self._quiet or self._incoming["text"]:
            return 1.0
        elapsed = now - self._began_s
        return self.WAITING_AFTER_S - elapsed if not self._waiting_id else 1.0 - elapsed % 1.0

    def tick(self) -> None:
        """Shows what is due."""
        now = self._clock()
        self._show_waiting(now)
        self._show_progress(now)
        if not any(self._incoming.values()) or self._ration.due_s(now) > 0:
            return
        if thought := "".join(self._incoming["reasoning"]):
            self._incoming["reasoning"] = []
            self._thinking.show(thought)
        if text := "".join(self._incoming["text"]):
            self._incoming["text"] = []
            if not self._answering:
                self._start_answer()
            self._text.show(text)

    def _show_waiting(self, now: float) -> None:
        elapsed = now - self._began_s
        if self._quiet or self._answering or self._incoming["text"] or elapsed < self.WAITING_AFTER_S:
            return
        self._show_line(waiting_line(self._model, elapsed, "thinking" if self._has_thought else "asking"))

    def _show_line(self, line: str) -> None:
        lines = [*self._notices, line]
        text = "\n".join(lines)
        if text == self._waiting_text:
            return
        self._waiting_text = text
        self._waiting_id = self._waiting_id or new_id()
        html = f'<div class="wcode-waiting" style="{WAITING}">{"<br>".join(escape(line) for line in lines)}</div>'
        self._send(html, self._waiting_id)

    def _start_answer(self) -> None:
        """The answer begins: the waiting line goes, the reasoning closes and is not sent again."""
        self._answering = True
        self._next_progress_s = self._clock() + self.PROGRESS_AFTER_S
        if not self._published:
            return
        self._own.clear()
        if self._above:
            self._send(self._above)
        if self._has_thought:
            seconds = self._clock() - self._thinking_since_s
            closed = closed_reasoning(self._thinking.text.strip(), seconds)
            self._publish(LIVE_STYLE + wrap(folding(closed, self._thinking.lines)))

    def _publish_text(self, inner: str, display_id: str, _update: bool, first: bool) -> None:
        # The closed reasoning above has brought the stylesheet.
        self._publish(wrap(inner, style=first and not self._has_thought), display_id)

    def _publish_thinking(self, html: str, name: str, _update: bool) -> None:
        self._publish(html, self._thinking_ids[name])

    def _show_progress(self, now: float) -> None:
        """Once a second, below all that is written."""
        if not self._answering or not self._tells_progress or now < self._next_progress_s:
            return
        self._next_progress_s = now + 1.0
        line = escape(self._progress.line(self._model, now))
        html = wrap(f'<div class="wcode-live">{line}</div>', style=False)
        self._send(LIVE_STYLE + html, self._progress_id)

    def _publish(self, html: str, display_id: str = "") -> None:
        self._ration.spend(self._send(html, display_id) + Ration.ENVELOPE, self._clock())

    def _send(self, html: str, display_id: str = "") -> int:
        self._published = True
        return self._own.show(html, display_id)

    def finish(self, reply: Reply) -> None:
        """The one output that stays."""
        self._final = final_bundle(reply, self._format, quiet=self._quiet, hurried=self._hurried)
        self._own.end(*self._final)

    def fail(self, error: WcodeError) -> None:
        """Below the answer, the error that its cell would have ended with, had it not ended before."""
        data, metadata = self._final
        self._own.end(with_error(data, error), metadata)

    def abandon(self) -> None:
        """What was shown goes when something follows."""
        self._own.abandon()
