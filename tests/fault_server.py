"""A loopback HTTP server that misbehaves on demand: the other side of every network test.

One `Script` answers one request; the last script answers all further ones. A script is a list of steps:

    bytes            sent as they are (or as one HTTP chunk)
    float            a pause in seconds
    threading.Event  a gate: nothing more is sent until the test sets it
    iterable         of bytes: sent one by one, so that 100 MB need no 100 MB here
    HOLD             silence until the client closes the connection
    RESET            the connection is torn down with a TCP reset

    with FaultServer(status(503), chat("Hel", "lo")) as server:
        ...                                    # the client talks to server.base_url
        assert server.requests[1].json["model"] == "m"
        assert server.requests[1].closed.wait(2)
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .loopback import LoopbackServer

__all__ = [
    "DONE",
    "DROP",
    "HOLD",
    "RESET",
    "FaultServer",
    "Received",
    "Script",
    "body",
    "chat",
    "comments",
    "data",
    "delta",
    "echo_key",
    "finish",
    "gzip_bomb",
    "html",
    "raw",
    "reasoning",
    "redirect",
    "status",
    "stream",
    "usage",
    "whole",
]

HOLD = object()
RESET = object()

Step: TypeAlias = "bytes | float | threading.Event | Iterable[bytes] | object"


@dataclass(frozen=True)
class Script:
    """What one request gets: the steps, whether each is an HTTP chunk, and whether the connection lives on."""

    steps: tuple[Step, ...]
    head: bytes = b""
    chunked: bool = False
    keep_alive: bool = False


@dataclass
class Received:
    """One request as it arrived, and what became of its connection."""

    method: str
    path: str
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    connection: int
    """Number of the connection, from 0."""
    at: float = field(default_factory=time.monotonic)
    closed: threading.Event = field(default_factory=threading.Event)
    """Set once the client has closed the connection."""
    closed_at: float | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    """Set once every step of the script was sent."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def key(self) -> str:
        """The key that came with the request; empty without one."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")


Answer: TypeAlias = Script | Callable[[Received], Script]


# --- scripts --------------------------------------------------------------------------------------------------------


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def raw(*steps: Step) -> Script:
    """The steps as they are, without an HTTP head; then the connection is closed."""
    return Script(steps)


DROP = raw()
"""Closes the connection without a byte of response."""


def stream(
    *steps: Step,
    status: int = 200,
    content_type: str = "text/event-stream",
    headers: dict[str, str] | None = None,
    cut: bool = False,
    framed: bool = True,
) -> Script:
    """An event stream, an HTTP chunk for each step. `cut`: without the last one; not `framed`: without any."""
    framing = {"Transfer-Encoding": "chunked"} if framed else {"Connection": "close"}
    head = _head(status, {"Content-Type": content_type, **framing, **(headers or {})})
    return Script(steps, head, chunked=framed, keep_alive=framed and not cut)


def body(
    content: bytes | str,
    status: int = 200,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
) -> Script:
    """A whole response with a Content-Length."""
    content = content.encode() if isinstance(content, str) else content
    head = _head(status, {"Content-Type": content_type, "Content-Length": str(len(content)), **(headers or {})})
    return Script((content,), head, keep_alive=True)


def status(status: int, message: str = "scripted", *, headers: dict[str, str] | None = None, **error: Any) -> Script:
    """An error in OpenAI's form: `{"error": {"message": …, **error}}`."""
    return body(json.dumps({"error": {"message": message, **error}}, ensure_ascii=False), status, headers=headers)


def html(title: str = "Login", code: int = 200) -> Script:
    """A web page where the API should be."""
    page = f"<!doctype html><html><head><title>{title}</title></head><body>…</body></html>"
    return body(page, code, "text/html; charset=utf-8")


def redirect(to: str, code: int = 307) -> Script:
    """A redirect to the address `to`."""
    return body(b"", code, "text/plain", {"Location": to})


def echo_key(request: Received) -> Script:
    """A 401 that repeats the Authorization header: whole, and its first and last 16 characters."""
    key = request.key
    return status(401, f"Incorrect API key provided: {key} ({key[:16]}...{key[-16:]})", code="invalid_api_key")


def gzip_bomb(size: int = 200_000_000) -> Script:
    """An event stream of one line, `size` bytes long once inflated."""

    def packed() -> Iterator[bytes]:
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        yield packer.compress(b"data: ")
        for _ in range(size // 1_000_000):
            yield packer.compress(b"a" * 1_000_000)
        yield packer.flush()

    return stream(filter(None, packed()), headers={"Content-Encoding": "gzip"})


def comments(every_s: float) -> Script:
    """A stream of keep-alive comments for ever."""
    return stream(*itertools.chain.from_iterable(itertools.repeat((b": keep-alive\n\n", every_s), 10_000)))


# --- pieces of an answer in OpenAI's form ---------------------------------------------------------------------------


def data(value: Any) -> bytes:
    """One event of the stream."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _choice(**choice: Any) -> bytes:
    return data(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, **choice}]}
    )


def delta(text: str) -> bytes:
    """A piece of text."""
    return _choice(delta={"content": text}, finish_reason=None)


def reasoning(text: str) -> bytes:
    """A piece of reasoning."""
    return _choice(delta={"reasoning_content": text}, finish_reason=None)


def finish(reason: str = "stop") -> bytes:
    """The finish reason."""
    return _choice(delta={}, finish_reason=reason)


def usage(input_tokens: int = 9, output_tokens: int = 6) -> bytes:
    """The last chunk, with the token counts."""
    counts = {"prompt_tokens": input_tokens, "completion_tokens": output_tokens}
    return data({"id": "c1", "choices": [], "usage": {**counts, "total_tokens": input_tokens + output_tokens}})


DONE = b"data: [DONE]\n\n"


def chat(*texts: str, pause_s: float = 0.0, reason: str = "stop", headers: dict[str, str] | None = None) -> Script:
    """A good answer: a delta for each text, finish reason, usage, end."""
    steps: list[Step] = []
    for text in texts:
        steps += [delta(text), pause_s]
    return stream(*steps, finish(reason), usage(), DONE, headers=headers)


def whole(text: str, reason: str = "stop") -> Script:
    """A good answer that is not a stream."""
    message = {"role": "assistant", "content": text}
    return body(
        json.dumps(
            {
                "id": "c1",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [{"index": 0, "finish_reason": reason, "message": message}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15},
            }
        )
    )


# --- the server -----------------------------------------------------------------------------------------------------


class FaultServer(LoopbackServer):
    """Answers requests by script, on its own thread; a context manager. `base_url` is what the client is given."""

    def __init__(self, *answers: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._answers = list(answers)
        self._host = host
        self._tls = tls
        self._arrived = threading.Condition()
        self.requests: list[Received] = []

    @property
    def origin(self) -> str:
        return f"http{'s' if self._tls else ''}://{self._host}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def script(self, *answers: Answer) -> None:
        """Replaces what is left of the scripts."""
        self._answers = list(answers)

    def wait(self, count: int = 1, timeout_s: float = 5.0) -> Received:
        """Request number `count` (from 1), as soon as it has arrived."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, timeout_s), "no request arrived"
        return self.requests[count - 1]

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, self._host, 0, limit=2**26, ssl=self._tls)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        mine: list[Received] = []
        number, self.connections = self.connections, self.connections + 1
        try:
            await self._converse(reader, writer, number, mine)
        except (asyncio.IncompleteReadError, ConnectionError):
            for request in mine:
                request.closed_at = time.monotonic()
                request.closed.set()
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            if self._tls:
                writer.transport.abort()  # a polite end of TLS would wait for the client's, which keeps its connection
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, mine: list[Received]
    ) -> None:
        first = await reader.readexactly(1)
        if first == b"\x16":  # a TLS client says hello: a plain server does not understand it
            writer.write(_head(400, {"Connection": "close"}))
            return
        head = first + await reader.readuntil(b"\r\n\r\n")
        while True:
            request = await self._receive(head, reader, number)
            mine.append(request)
            script = self._next(request)
            # Reading on for the next request is how the client's closing is noticed in the middle of a script.
            following = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
            sending = asyncio.ensure_future(_play(script, writer))
            try:
                await asyncio.wait({following, sending}, return_when=asyncio.FIRST_COMPLETED)
                if not sending.done():
                    following.result()
                await sending
                request.answered.set()
                if not script.keep_alive:
                    return
                head = await following
            finally:
                for task in (following, sending):
                    task.cancel()
                await asyncio.gather(following, sending, return_exceptions=True)

    async def _receive(self, head: bytes, reader: asyncio.StreamReader, number: int) -> Received:
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, path, _version = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Received(method, path, headers, content, number)
        with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        return request

    def _next(self, request: Received) -> Script:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer if isinstance(answer, Script) else answer(request)


async def _play(script: Script, writer: asyncio.StreamWriter) -> None:
    writer.write(script.head)
    for step in script.steps:
        if isinstance(step, bytes):
            await _send(writer, step, script.chunked)
        elif isinstance(step, (int, float)):
            await asyncio.sleep(step)
        elif isinstance(step, threading.Event):
            while not step.is_set():
                await asyncio.sleep(0.002)
        elif step is HOLD:
            await writer.drain()
            await asyncio.Event().wait()
        elif step is RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
            return
        else:
            assert isinstance(step, Iterable)
            for piece in step:
                await _send(writer, piece, script.chunked)
    if script.chunked and script.keep_alive:
        writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, piece: bytes, chunked: bool) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
    await writer.drain()
