"""The network below httpx for many connections at once: aiohttp (extra `fast`).

httpx's own pool looks at every connection for every request, which costs more than the request from a few dozen on
(encode/httpx #3215). This client takes the place of httpx's, and gives httpx's responses and exceptions, so that
everything above is the same; it knows no proxy and follows nothing. (pyreqwest is as fast, but crashed the process
about once in ten runs when a second client was built.)
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from io import BytesIO
from typing import Any

import aiohttp
import httpx

from ..keys import Secret
from .endpoint import Deadlines

__all__ = ["FastClient"]

# The sockets that the request under way opened itself. aiohttp's own tracing tells it too, for a tenth of the cost of
# the whole request.
_opened: ContextVar[list[socket.socket]] = ContextVar("wcode_opened")

_open_sessions: dict[int, AsyncGenerator[aiohttp.ClientSession, None]] = {}
"""What holds a session open, by its client, which it holds too: a client that is dropped must not take its session with
it before the loop has closed it."""

_WRITTEN_AT_ONCE = 2**15
"""Bytes that asyncio takes without making the writer wait: half of its limit, for the head comes with them."""


class FastClient:
    """`connections` are open at once at most; idle ones are kept for `keep_s`. `headers` go with every request."""

    def __init__(self, *, connections: int, keep_s: float, context: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        self._connections = connections
        self._keep_s = keep_s
        self._context = context
        self._headers = headers
        self._session: aiohttp.ClientSession | None = None
        self._held: AsyncGenerator[aiohttp.ClientSession, None] | None = None

    async def send(
        self,
        request: tuple[str, str, bytes | None, dict[str, str]],
        secret: Secret | None,
        deadlines: Deadlines,
        trace: Callable[[str, Any], Any],
    ) -> FastResponse:
        """The response's head; its body is still to be read. Raises exceptions of httpx."""
        if self._session is None:
            # A generator, because a loop that ends closes those that are still open: no session is left behind.
            self._held = _open_sessions[id(self)] = self._hold()
            self._session = await anext(self._held)
        method, url, content, further = request
        headers = {**self._headers, **further}
        if secret is not None:
            headers["Authorization"] = f"Bearer {secret.reveal()}"
        raised: Exception
        opened: list[socket.socket] = []
        mark = _opened.set(opened)
        body = content if content is None or len(content) <= _WRITTEN_AT_ONCE else BytesIO(content)
        # aiohttp has no limit of its own for a server that does not take a large request.
        limit_s = deadlines.connect_s + deadlines.write_s + deadlines.idle_s if isinstance(body, BytesIO) else None
        asked = self._session.request(
            method, url, headers=headers, data=body, allow_redirects=False, timeout=_timeout(deadlines)
        )
        try:
            # asyncio's wait_for() would make a task of it, and timeout(None) costs as much as one with an end.
            response = await asked if limit_s is None else await _within(limit_s, asked)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raised = _as_httpx(error)
        else:
            return FastResponse(response)
        finally:
            _opened.reset(mark)
            if opened:
                # httpcore's words
                await trace("connection.connect_tcp.started", {})
        raise raised

    async def _hold(self) -> AsyncGenerator[aiohttp.ClientSession, None]:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections,
                ssl=self._context,
                keepalive_timeout=self._keep_s,
                ttl_dns_cache=300,
                socket_factory=_open,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            # Packed answers are unpacked above, within their limits.
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )
        try:
            yield session
        finally:
            _open_sessions.pop(id(self), None)
            await session.close()

    async def aclose(self) -> None:
        """Closes all connections."""
        held, self._held, self._session = self._held, None, None
        if held is not None:
            await held.aclose()


def _open(address: tuple[Any, ...]) -> socket.socket:
    """The socket of a new connection, `address` as `getaddrinfo` gives it."""
    opened = socket.socket(*address[:3])
    _opened.get([]).append(opened)
    return opened


@lru_cache
def _timeout(deadlines: Deadlines) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(sock_connect=deadlines.connect_s, sock_read=deadlines.idle_s, ceil_threshold=1e9)


async def _within(seconds: float, asked: Awaitable[aiohttp.ClientResponse]) -> aiohttp.ClientResponse:
    async with asyncio.timeout(seconds):
        return await asked


class FastResponse:
    """What is used of httpx's response, at a tenth of its cost; it is its own stream of the body as it arrives."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status_code = response.status
        self.headers: dict[str, str] = {}
        """By their names in small letters; of one that came several times, all values with commas between."""
        for name, value in response.raw_headers:
            key, text = name.decode("latin-1").lower(), _decoded(value)
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    @property
    def stream(self) -> FastResponse:
        """The body in pieces as they arrive. Raises exceptions of httpx."""
        return self

    def __aiter__(self) -> FastResponse:
        return self

    async def __anext__(self) -> bytes:
        raised: Exception
        try:
            if data := await self._response.content.readany():
                return data
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raised = _as_httpx(error, reading=True)
        else:
            raise StopAsyncIteration
        raise raised

    async def aclose(self) -> None:
        """Gives the connection back where the body was read to its end, else closes it."""
        if self._response.content.is_eof():
            self._response.release()
        else:
            self._response.close()


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _as_httpx(error: Exception, *, reading: bool = False) -> Exception:
    """The exception of httpx that `error` of aiohttp means, with its cause where a table of causes looks for it."""
    rows: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
        (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
        (TimeoutError, httpx.ReadTimeout),
        (aiohttp.ClientConnectorError, httpx.ConnectError),
        (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
        (aiohttp.ClientResponseError, httpx.RemoteProtocolError),
        (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
        (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
        (OSError, httpx.ReadError if reading else httpx.WriteError),
        (aiohttp.ClientError, httpx.TransportError),
    )
    kind = next(ours for theirs, ours in rows if isinstance(error, theirs))
    words = (
        "Server disconnected without sending a response."
        if isinstance(error, aiohttp.ServerDisconnectedError)
        else str(error)
    )
    found = kind(words)
    found.__cause__ = getattr(error, "os_error", None) or error.__cause__
    return found
