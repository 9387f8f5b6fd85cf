"""A loopback server that counts and limits: what a run over many rows meets.

It answers every chat completion with the last word of the last message, after `delay_s`. What it allows is enforced:
more than `most` requests at once, or more than `per_window` in `window_s`, get 429 with Retry-After. It remembers the
greatest number of requests at once, and every prompt that it answered. A request ends with its answer or with its
connection, whichever comes first.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from typing import Any

from ..loopback import LoopbackServer

__all__ = ["StrictServer"]


class StrictServer(LoopbackServer):
    """A context manager; `base_url` is what the client is given. `fail(prompt)` gives a status instead of an answer."""

    def __init__(
        self,
        *,
        delay_s: float | Callable[[str], float] = 0.0,
        most: int | None = None,
        per_window: int | None = None,
        window_s: float = 1.0,
        retry_after_s: float | None = 0.05,
        fail: Callable[[str], int | None] = lambda prompt: None,
        answer: Callable[[str], str] = lambda prompt: prompt.split()[-1],
        gate: threading.Event | None = None,
        busy: int = 429,
        usage: Callable[[str], tuple[int, int] | None] = lambda prompt: (9, 6),
        cut: Callable[[str], bool] = lambda prompt: False,
    ) -> None:
        super().__init__()
        self.delay_s = delay_s
        self._most = most
        self._per_window = per_window
        self._window_s = window_s
        self._retry_after_s = retry_after_s
        self.fail = fail
        self._answer = answer
        self._gate = gate
        self._busy = busy
        self._usage = usage
        self._cut = cut
        self.billed = [0, 0]
        """Input and output tokens of every answer that was begun, cut ones too; where usage says nothing, (9, 6)."""
        self._starts: deque[float] = deque()
        self._changed = threading.Condition()
        self.active = 0
        """Requests that wait for their answer on a connection that is open."""
        self.peak = 0
        self.refused = 0
        self.prompts: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.arrivals: list[float] = []
        self.keys: set[str] = set()
        self.open: set[asyncio.Transport] = set()
        """Connections that are open now."""

    @property
    def answered(self) -> int:
        return self.prompts.total()

    def wait(self, count: int, timeout_s: float = 10.0) -> None:
        """Until `count` requests have arrived."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.arrivals) >= count, timeout_s), len(self.arrivals)

    def wait_answered(self, count: int, timeout_s: float = 10.0) -> None:
        """Until `count` answers are on their way."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.answered >= count, timeout_s), self.answered

    def wait_idle(self, timeout_s: float = 10.0) -> None:
        """Until no request is being answered and every connection but kept ones is known to be closed."""
        until = time.monotonic() + timeout_s
        quiet = 0
        while quiet < 10:
            assert time.monotonic() < until
            quiet = 0 if self.active else quiet + 1
            time.sleep(0.005)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0, backlog=1024)

    async def _stop(self) -> None:
        await super()._stop()
        while self.open:
            self.open.pop().abort()
            await asyncio.sleep(0)

    def receive(self, body: dict[str, Any], key: str | None) -> float:
        """Counts a request that has arrived; the time of it. `leave` follows."""
        now = time.monotonic()
        self.active += 1
        self.peak = max(self.peak, self.active)
        if key:
            self.keys.add(key)
        with self._changed:
            self.arrivals.append(now)
            self.bodies.append(body)
            self._changed.notify_all()
        return now

    def leave(self) -> None:
        """A request is answered, or nobody waits for its answer any more."""
        self.active -= 1

    async def respond(self, body: dict[str, Any], arrived: float) -> bytes:
        """The whole response."""
        prompt = body["messages"][-1]["content"]
        if self._over(arrived):
            self.refused += 1
            return _error(self._busy, self._retry_after_s)
        if status := self.fail(prompt):
            return _error(status, None) if status < 1000 else _error(status // 1000, float(status % 1000))
        await asyncio.sleep(self.delay_s if isinstance(self.delay_s, float) else self.delay_s(prompt))
        while self._gate is not None and not self._gate.is_set():
            await asyncio.sleep(0.002)
        with self._changed:
            self.prompts[prompt] += 1
            self._changed.notify_all()
        usage = self._usage(prompt)
        self.billed = [sum(pair) for pair in zip(self.billed, usage or (9, 6), strict=True)]
        response = _chat(self._answer(prompt), bool(body.get("stream")), usage)
        return _half(response) if self._cut(prompt) else response

    def _over(self, now: float) -> bool:
        if self._most is not None and self.active > self._most:
            return True
        if self._per_window is None:
            return False
        while self._starts and self._starts[0] <= now - self._window_s:
            self._starts.popleft()
        if len(self._starts) >= self._per_window:
            return True
        self._starts.append(now)
        return False

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts `work`, which ends with the server."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Connection(asyncio.Protocol):
    """One request after the other. A client that dies takes its request with it in the moment its socket closes."""

    def __init__(self, server: StrictServer) -> None:
        self._server = server
        self._received = b""
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections += 1
        self._server.open.add(transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, whole, content = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if not whole or length is None or len(content) < int(length[1]):
            return
        self._received = b""
        key = re.search(rb"\r\nauthorization: bearer ([^\r]+)", head, re.IGNORECASE)
        body = json.loads(content)
        arrived = self._server.receive(body, key[1].decode() if key else None)
        self._answering = self._server.run(self._answer(body, arrived))

    async def _answer(self, body: dict[str, Any], arrived: float) -> None:
        response = await self._server.respond(body, arrived)
        self._leave()
        self._transport.write(response)
        if response.endswith(_HALF):
            self._transport.close()

    def eof_received(self) -> None:
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open.discard(self._transport)
        self._leave()

    def _leave(self) -> None:
        answering, self._answering = self._answering, None
        if answering is not None:
            self._server.leave()
            if answering is not asyncio.current_task():
                answering.cancel()


def _error(status: int, retry_after_s: float | None) -> bytes:
    wish = "" if retry_after_s is None else f"Retry-After: {retry_after_s}\r\n"
    content = json.dumps({"error": {"message": "scripted"}}).encode()
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n{wish}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


_HALF = b'"delta": {}'


def _half(response: bytes) -> bytes:
    """A streamed answer up to the middle of its second event: its text is there, its end and its usage are not."""
    head, half, _rest = response.partition(_HALF)
    return head + half


def _chat(text: str, streaming: bool, tokens: tuple[int, int] | None) -> bytes:
    usage = tokens and {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    if not streaming:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        content = json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": usage}).encode()
        kind = "application/json"
    else:
        chunks = [
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"id": "c", "model": "m", "choices": [], "usage": usage},
        ]
        content = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
        kind = "text/event-stream"
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
