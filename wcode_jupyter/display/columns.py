"""Answers side by side: while they stream, and as the one output they end as.

A column is a plain table cell, so that the comparison reads the same in JupyterLab, nbconvert and on GitHub. What is
sent while they stream is rationed by what was received, as for a single answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from ..characters import escape, visible
from ..event_loop import Stream
from ..reply import Reply
from ..reply.events import Event, Notice, ReasoningDelta, TextDelta
from .answer import closed_reasoning, open_reasoning, wrap
from .formats import RENDERERS, plain
from .markdown import quickly, render
from .notebook import Ration
from .own_outputs import OwnOutputs, new_id
from .status import Doing, mark, status_line, waiting_line

__all__ = ["MOST_COLUMNS", "Columns", "comparison"]

MOST_COLUMNS = 4
"""More do not fit beside each other."""


def comparison(
    labels: Sequence[str], replies: Sequence[Reply], format: str = "markdown", notes: Sequence[str] = ()
) -> dict[str, object]:
    """The MIME data of several answers side by side: a pure function of what is given. `notes` stand below each.

    Where one was interrupted the user waits, and long texts are not formatted.
    """
    notes = notes or [""] * len(replies)
    with quickly() if any(reply.ended == "interrupted" for reply in replies) else nullcontext():
        cells = [_finished(reply, format) for reply in replies]
    foot = [escape(_joined(status_line(reply), note)) for reply, note in zip(replies, notes, strict=True)]
    texts = [
        "\n".join(filter(None, [f"── {_joined(label, note)} ──", reply.text.strip("\n"), mark(reply)]))
        for label, reply, note in zip(labels, replies, notes, strict=True)
    ]
    return {"text/html": wrap(_table(labels, cells, foot), wide=True), "text/plain": visible("\n\n".join(texts))}


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _finished(reply: Reply, format: str) -> str:
    text = RENDERERS[format](reply.text) if reply.text.strip() else ""
    words = mark(reply)
    ending = f'<div class="wcode-mark">{escape(words)}</div>' if words else ""
    return closed_reasoning(reply.reasoning) + text + ending


# Equal columns, however long a line is in one of them: what is too wide scrolls in its own. GitHub drops the style.
_LAYOUT = ' width="100%" style="display:table;table-layout:fixed;width:100%"'


def _table(labels: Sequence[str], cells: Sequence[str], foot: Sequence[str]) -> str:
    width = f' width="{100 // max(1, len(labels))}%"'
    rows = [
        "".join(f'<th align="left"{width}>{escape(label)}</th>' for label in labels),
        "".join(f'<td align="left" valign="top">{cell}</td>' for cell in cells),
        "".join(f'<td align="left" valign="top"><small>{line}</small></td>' for line in foot),
    ]
    return f"<table{_LAYOUT}>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


class _Column:
    """One answer on its way."""

    def __init__(self, label: str, stream: Stream, clock: Callable[[], float]) -> None:
        self.label = label
        self.stream = stream
        self.ended = False
        self._clock = clock
        self._began_s = clock()
        self._model = stream.snapshot().model
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._notices: list[str] = []

    def feed(self, events: list[Event]) -> int:
        """Takes what arrived; its bytes."""
        size = 0
        for event in events:
            if isinstance(event, TextDelta) and not event.choice:
                self._text.append(event.text)
                size += len(event.text.encode())
            elif isinstance(event, ReasoningDelta) and not event.choice:
                self._reasoning.append(event.text)
                size += len(event.text.encode())
            elif isinstance(event, Notice):
                self._notices.append(event.text)
        return size

    def html(self, format: str) -> str:
        """The column as it stands."""
        reasoning, text = "".join(self._reasoning).strip(), "".join(self._text)
        if not text:
            return open_reasoning(render(reasoning, streaming=True)) if reasoning else ""
        shown = render(text, streaming=True) if format == "markdown" else plain(text)
        return closed_reasoning(reasoning) + shown

    def status(self) -> str:
        """The line below it."""
        if self.stream.reply is not None:
            return status_line(self.stream.reply)
        doing: Doing = "writing" if self._text else "thinking" if self._reasoning else "asking"
        return _joined(*self._notices, waiting_line(self._model, self._clock() - self._began_s, doing))


class Columns:
    """Shows several streams at once. `own` None: nobody watches, nothing is shown before the end."""

    def __init__(
        self,
        streams: Sequence[tuple[str, Stream]],
        own: OwnOutputs | None,
        format: str = "markdown",
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._columns = [_Column(label, stream, clock) for label, stream in streams]
        self._own = own
        self._format = format
        self._clock = clock
        self._ration = Ration()
        self._display_id = new_id()
        self._shown = ""

    def pump(self) -> list[Reply]:
        """Carries all streams to their ends and gives the replies, however they ended; Ctrl-C cancels them all."""
        try:
            while any(not column.ended for column in self._columns):
                self._step()
        except KeyboardInterrupt:
            for column in self._columns:
                column.stream.cancel()
            return [column.stream.interrupt() for column in self._columns]
        except BaseException:
            for column in self._columns:
                column.stream.cancel()
            raise
        return [column.stream.reply or column.stream.snapshot() for column in self._columns]

    def _step(self) -> None:
        running = [column for column in self._columns if not column.ended]
        for column in running:
            # Whoever is silent must not keep the others waiting.
            events = column.stream.get(1 / 15 / len(running))
            if events is None:
                column.ended = True
            else:
                self._ration.receive(column.feed(events))
        self._show()

    def _show(self) -> None:
        now = self._clock()
        if self._own is None or self._ration.due_s(now) > 0:
            return
        cells = [column.html(self._format) for column in self._columns]
        table = _table([c.label for c in self._columns], cells, [escape(c.status()) for c in self._columns])
        html = wrap(table, wide=True)
        if html == self._shown:
            return
        self._shown = html
        self._ration.spend(self._own.show(html, self._display_id) + Ration.ENVELOPE, now)
