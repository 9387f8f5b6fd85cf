"""A loopback server that counts and limits: what a run over many rows meets.

It answers every chat completion with the last word of the last message, after `delay_s`. What it allows is enforced:
more than `most` requests at once, or more than `per_window` in `window_s`, get 429 with Retry-After. It remembers the
greatest number of requests at once, and every prompt that it answered.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

__all__ = ["StrictServer"]


class StrictServer:
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
    ) -> None:
        self._delay_s = delay_s
        self._most = most
        self._per_window = per_window
        self._window_s = window_s
        self._retry_after_s = retry_after_s
        self.fail = fail
        self._answer = answer
        self._gate = gate
        self._starts: deque[float] = deque()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="strict-server", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.active = 0
        self.peak = 0
        self.refused = 0
        self.connections = 0
        self.prompts: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.arrivals: list[float] = []
        self.keys: set[str] = set()
        self.base_url = ""

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

    def __enter__(self) -> StrictServer:
        self._thread.start()
        port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        self.base_url = f"http://127.0.0.1:{port}/v1"
        return self

    def __exit__(self, *exc_info: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                head = raw.lower()
                if found := re.search(rb"\r\nauthorization: bearer ([^\r]+)", raw, re.IGNORECASE):
                    self.keys.add(found[1].decode())
                length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                writer.write(await self._respond(body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _respond(self, body: dict[str, Any]) -> bytes:
        prompt = body["messages"][-1]["content"]
        now = time.monotonic()
        with self._changed:
            self.arrivals.append(now)
            self.bodies.append(body)
            self._changed.notify_all()
        self.active += 1
        self.peak = max(self.peak, self.active)
        try:
            if self._over(now):
                self.refused += 1
                return _error(429, self._retry_after_s)
            if status := self.fail(prompt):
                return _error(status, None)
            await asyncio.sleep(self._delay_s if isinstance(self._delay_s, float) else self._delay_s(prompt))
            while self._gate is not None and not self._gate.is_set():
                await asyncio.sleep(0.002)
            with self._changed:
                self.prompts[prompt] += 1
                self._changed.notify_all()
            return _chat(self._answer(prompt), bool(body.get("stream")))
        finally:
            self.active -= 1

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


def _error(status: int, retry_after_s: float | None) -> bytes:
    wish = "" if retry_after_s is None else f"Retry-After: {retry_after_s}\r\n"
    content = json.dumps({"error": {"message": "scripted"}}).encode()
    head = f"HTTP/1.1 {status} Scripted\r\nContent-Type: application/json\r\n{wish}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


_USAGE = {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15}


def _chat(text: str, streaming: bool) -> bytes:
    if not streaming:
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        content = json.dumps({"id": "c", "model": "m", "choices": [choice], "usage": _USAGE}).encode()
        kind = "application/json"
    else:
        chunks = [
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
            {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"id": "c", "model": "m", "choices": [], "usage": _USAGE},
        ]
        content = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
        kind = "text/event-stream"
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content
