"""Stand-ins: a publisher that keeps messages, a clock that is told the time, a stream that is a list of batches."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from wcode_jupyter.cell_outputs import watch
from wcode_jupyter.reply import Reply
from wcode_jupyter.reply.events import Event
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message, Request

REQUEST = Request(model="z-ai/glm-5", messages=(Message("user", "Hi"),))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Session:
    """Where a kernel's messages leave it."""

    def send(self, stream: object, message: dict[str, Any], content: object = None, parent: object = None) -> None:
        """Nowhere."""


class Publisher:
    """Applies messages as a notebook does: `outputs` is what a person sees and what would be saved.

    The cell is known from its beginning, as in a kernel in which the extension is loaded.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.outputs: list[dict[str, Any]] = []
        self.metadata: list[dict[str, Any]] = []
        self._ids: list[str] = []
        self._clear_next = False
        self.session = Session()
        self.parent_header = {"msg_id": "the cell"}
        watch(self.session)
        self.send("status", execution_state="busy")

    def send(self, kind: str, **content: Any) -> None:
        message = {"header": {"msg_type": kind}, "parent_header": self.parent_header, "content": content}
        self.session.send(None, message)

    def print(self, text: str) -> None:
        """What somebody else puts out in the same cell."""
        self.send("stream", name="stdout", text=text)
        if self._clear_next:
            self._clear()
        self.outputs.append({"text/html": text})
        self.metadata.append({})
        self._ids.append("")

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        self.sent.append(("update" if update else "display", data))
        self.send("update_display_data" if update else "display_data")
        display_id = (transient or {}).get("display_id", "")
        if update:
            assert display_id in self._ids, "an update without its display"
            self.outputs[self._ids.index(display_id)] = copy.deepcopy(data)
            self.metadata[self._ids.index(display_id)] = copy.deepcopy(metadata or {})
            return
        if self._clear_next:
            self._clear()
        self.outputs.append(copy.deepcopy(data))
        self.metadata.append(copy.deepcopy(metadata or {}))
        self._ids.append(display_id)

    def clear_output(self, wait: bool = False) -> None:
        self.sent.append(("clear", {}))
        self.send("clear_output")
        if wait:
            self._clear_next = True
        else:
            self._clear()

    def _clear(self) -> None:
        self.outputs, self.metadata, self._ids, self._clear_next = [], [], [], False

    @property
    def html(self) -> list[str]:
        return [data["text/html"] for data in self.outputs]


class FakeStream:
    """Batches at given seconds; `interrupt_after` batches a KeyboardInterrupt comes, as the stop button does."""

    def __init__(
        self,
        batches: Iterable[tuple[float, list[Event]]],
        clock: Clock,
        *,
        interrupt_after: int | None = None,
        error: Any = None,
    ) -> None:
        self.builder = ReplyBuilder(REQUEST)
        self.reply: Reply | None = None
        self.error: Any = None
        self.cancelled = False
        self._failing = error
        self._batches = [(100.0 + at, events) for at, events in batches]
        self._clock = clock
        self._left = interrupt_after

    def get(self, timeout_s: float | None = None) -> list[Event] | None:
        if self._left == 0:
            raise KeyboardInterrupt
        until = self._clock.now + (timeout_s or 0.0)
        if not self._batches:
            self.error = self._failing
            self.reply = self.builder.reply(
                ended="cut" if self._failing else None, error=self._failing, total_s=self._clock.now - 100.0
            )
            return None
        at, events = self._batches[0]
        if at > until:
            self._clock.now = until
            return []
        self._clock.now = max(self._clock.now, at)
        self._batches.pop(0)
        for event in events:
            self.builder.apply(event, self._clock.now - 100.0)
        if self._left is not None:
            self._left -= 1
        return events

    def snapshot(self) -> Reply:
        return self.builder.reply(total_s=self._clock.now - 100.0)

    def interrupt(self) -> Reply:
        self.cancelled = True
        self.reply = self.builder.reply(ended="interrupted", total_s=self._clock.now - 100.0)
        return self.reply

    def cancel(self) -> None:
        self.cancelled = True
