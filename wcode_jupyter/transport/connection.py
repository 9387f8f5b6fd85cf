"""httpx: clients, the key as a header, bodies within their limits, and httpx's exceptions as rows of a table."""

from __future__ import annotations

import asyncio
import http.cookiejar
import os
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx
from msgspec import Struct

from ..errors import (
    AnswerMalformed,
    AnswerTooLarge,
    ConnectError,
    DeadlineError,
    InputError,
    TransportError,
    WcodeError,
    one_line,
)
from ..keys import Secret
from ..language import N_, _
from ..version import __version__
from . import debug_log
from .endpoint import Deadlines, Endpoint
from .proxies import Proxy, proxy_for

if TYPE_CHECKING:
    from .fast import FastClient, FastResponse

__all__ = ["FAULTS", "LOST", "Body", "Connections", "Response", "Trouble", "trouble"]

Response: TypeAlias = "httpx.Response | FastResponse"
"""The head of an answer, and the stream of its body."""

_HEADERS = {
    "User-Agent": f"wcode_jupyter/{__version__}",
    "Accept": "text/event-stream, application/json",
    # Packed streams arrive late, and a small one may hide a huge one.
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}
# Idle connections are kept this long: cells follow each other by seconds, and older ones die behind routers.
_KEEP_S = 60.0
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_KEY_LOG = "SSLKEYLOGFILE"


class _Bearer(httpx.Auth):
    """Writes the key into the request at the moment it is sent: no request built before holds it."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._secret.reveal()}"
        yield request


class Connections:
    """Clients by what they have to be: for this machine (no proxy, ever) or not, with TLS or without.

    A proxy is chosen for each server. A changed proxy or certificate variable makes a new client, so that changing
    `os.environ` in a notebook works.
    """

    def __init__(self, most: int, *, fast: bool = False) -> None:
        self._most = most
        self._fast = fast
        self._clients: dict[tuple[Any, ...], httpx.AsyncClient | FastClient] = {}
        self._contexts: dict[tuple[Any, ...], ssl.SSLContext] = {}
        debug_log.install()

    def client(self, endpoint: Endpoint) -> httpx.AsyncClient | FastClient:
        """The client for `endpoint`, built at its first use. Raises ConnectError: unusable proxy or certificates."""
        tls = endpoint.origin.startswith("https:")
        proxy = None if endpoint.loopback else proxy_for(endpoint.origin)
        key = (tls, proxy, *_environment(*((*_CERTIFICATES, _KEY_LOG) if tls else ())))
        if key not in self._clients:
            self._clients[key] = self._build(self._context(tls), proxy)
        return self._clients[key]

    async def send(
        self,
        endpoint: Endpoint,
        request: tuple[str, str, bytes | None, dict[str, str]],
        secret: Secret | None,
        deadlines: Deadlines,
        trace: Callable[[str, Any], Any],
    ) -> Response:
        """The response's head; its body is still to be read. `request`: method, URL, content, further headers.

        Raises ConnectError, and anything that httpx raises.
        """
        client = self.client(endpoint)
        if not isinstance(client, httpx.AsyncClient):
            return await client.send(request, secret, deadlines, trace)
        method, url, content, headers = request
        timeout = httpx.Timeout(
            deadlines.idle_s, connect=deadlines.connect_s, write=deadlines.write_s, pool=deadlines.total_s
        )
        built = client.build_request(
            method, url, content=content, headers=headers, timeout=timeout, extensions={"trace": trace}
        )
        auth = httpx.Auth() if secret is None else _Bearer(secret)
        return await client.send(built, auth=auth, stream=True, follow_redirects=False)

    async def aclose(self) -> None:
        """Closes every client; the next request builds new ones."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    def _build(self, context: ssl.SSLContext, proxy: Proxy | None) -> httpx.AsyncClient | FastClient:
        if self._fast and proxy is None:
            from .fast import FastClient

            return FastClient(connections=self._most, keep_s=_KEEP_S, context=context, headers=_HEADERS)
        return httpx.AsyncClient(
            headers=_HEADERS,
            # Nothing is sent that the user did not set: no cookies either.
            cookies=http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[])),
            verify=context,
            proxy=None if proxy is None else self._through(proxy),
            trust_env=False,
            limits=httpx.Limits(
                max_connections=self._most, max_keepalive_connections=self._most, keepalive_expiry=_KEEP_S
            ),
        )

    def _through(self, proxy: Proxy) -> httpx.Proxy:
        """httpx's own description of `proxy`. Raises ConnectError, which names the variable."""
        made: httpx.Proxy | None = None
        with suppress(ValueError, httpx.InvalidURL):
            made = httpx.Proxy(proxy.url, ssl_context=self._context(True) if proxy.url.startswith("https:") else None)
        if made is None or not _is_proxy_address(made.url):
            hint = _("Set it to http://host:port or socks5://host:port. Percent-encode a user name and password.")
        elif made.url.scheme.startswith("socks") and find_spec("socksio") is None:
            command = 'pip install "wcode_jupyter[socks]"'
            hint = _("SOCKS proxies need another package. Install it: {command}").format(command=command)
        else:
            return made
        # The address itself stays out of the message: it may hold a password.
        raise ConnectError(_("Cannot use the proxy set by {variables}").format(variables=proxy.name), hint=hint)

    def _context(self, tls: bool) -> ssl.SSLContext:
        """A TLS context. It costs tens of milliseconds: one for all clients, where it is used. Raises ConnectError."""
        if not tls:
            # Trusts no one: were it ever used for TLS after all, the handshake would fail.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        key = _environment(*_CERTIFICATES, _KEY_LOG)
        fault = ""
        try:
            if key not in self._contexts:
                self._contexts[key] = httpx.create_ssl_context()
        except (OSError, ValueError) as error:
            fault = _tls_fault(error)
        if fault:
            raise ConnectError(fault, hint=_("Correct the variable or unset it."))
        return self._contexts[key]


def _tls_fault(error: Exception) -> str:
    """Which variable keeps a TLS context from being built."""
    log = os.environ.get(_KEY_LOG)
    if log and isinstance(error, OSError) and error.filename == log:
        return _("Cannot write the TLS key log set by {variable}").format(variable=_KEY_LOG)
    # httpx reads the first one that is set.
    name = next((name for name in _CERTIFICATES if os.environ.get(name)), " / ".join(_CERTIFICATES))
    return _("Cannot read the certificates set by {variables}").format(variables=name)


def _is_proxy_address(url: httpx.URL) -> bool:
    """Whether `url` is a host and a port; an @ behind them was part of a password with a # or / in it."""
    misread = "%" in url.host or "@" in f"{url.path}{url.query.decode()}{url.fragment}"
    return bool(url.host) and (url.port or 1) < 2**16 and not misread


def _environment(*names: str) -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in names)


class Body:
    """A response's body in pieces as they arrive, inflated, within `most` bytes.

    `until` is the event loop's time at which reading ends with TimeoutError; it may be moved while reading.
    Raises AnswerTooLarge, AnswerMalformed, and anything that httpx raises.
    """

    def __init__(self, response: Response, *, most: int, until: float | None = None) -> None:
        self._encoding = response.headers.get("content-encoding", "")
        self._inflate: Callable[[bytes], Iterator[bytes]] | None = None
        self._pieces: Iterator[bytes] = iter(())
        """What was unpacked and not given yet."""
        self._size = 0
        self._most = most
        self.until = until
        # The stream below aiter_raw(), which would count the bytes once more and cut them into pieces.
        self._chunks: AsyncIterator[bytes] = aiter(response.stream)  # type: ignore[arg-type]

    # No generator: each is known to the loop while it lives, which is seen over thousands of requests.
    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        while (piece := next(self._pieces, None)) is None:
            data = await self._next()
            if not self._encoding:
                piece = data
                break
            self._inflate = self._inflate or _inflater(self._encoding)
            self._pieces = iter((data,)) if self._inflate is None else self._inflate(data)
        self._size += len(piece)
        if self._size > self._most:
            raise AnswerTooLarge(_("The answer is larger than {size} MB").format(size=self._most // 2**20))
        return piece

    async def _next(self) -> bytes:
        if self.until is None:
            return await anext(self._chunks)
        async with asyncio.timeout_at(self.until):
            return await anext(self._chunks)


# Window bits for zlib: a gzip or a zlib head is recognised by itself.
_ENCODINGS = {"gzip": 47, "x-gzip": 47, "deflate": 47}
_PIECE = 2**16


def _inflater(encoding: str) -> Callable[[bytes], Iterator[bytes]] | None:
    """A function that unpacks the next bytes in small pieces; None where nothing is packed."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return None
    if encoding not in _ENCODINGS:
        raise AnswerMalformed(
            _("The server compressed the response with {encoding}, which is not supported").format(
                encoding=one_line(encoding, 40)
            )
        )
    unpacker = zlib.decompressobj(_ENCODINGS[encoding])

    def inflate(data: bytes) -> Iterator[bytes]:
        while data:
            yield _unpacked(unpacker, data)
            data = unpacker.unconsumed_tail

    return inflate


def _unpacked(unpacker: Any, data: bytes) -> bytes:
    try:
        piece: bytes = unpacker.decompress(data, _PIECE)
        return piece
    except zlib.error:
        pass
    raise AnswerMalformed(_("The compressed response is corrupt"))


class Trouble(Struct, frozen=True):
    """What an exception of httpx means: our class, what to say, and whether another try is safe and may help."""

    error: type[WcodeError]
    what: str
    hint: str = ""
    retry: bool = False


_BUG = Trouble(WcodeError, N_("Unexpected {detail}"), N_("This is a bug in wcode_jupyter, please report it."))
_GONE = Trouble(ConnectError, N_("{host} closed the connection without a response"), retry=True)

FAULTS: dict[type[Exception], Trouble] = {
    httpx.ConnectTimeout: Trouble(
        DeadlineError, N_("Timed out after {connect_s:g} s connecting to {host}"), N_("Check the network."), retry=True
    ),
    httpx.ReadTimeout: Trouble(
        DeadlineError,
        N_("Timed out after {idle_s:g} s without data from {host}"),
        N_("Raise idle_timeout for models with long reasoning."),
    ),
    httpx.WriteTimeout: Trouble(DeadlineError, N_("Timed out after {write_s:g} s sending the request to {host}")),
    httpx.PoolTimeout: Trouble(DeadlineError, N_("Timed out waiting for a free connection to {host}")),
    httpx.TimeoutException: Trouble(DeadlineError, N_("Timed out: {host}: {detail}")),
    TimeoutError: Trouble(DeadlineError, N_("Timed out after {total_s:g} s waiting for the whole answer")),
    httpx.ConnectError: Trouble(ConnectError, N_("Cannot connect to {host}: {detail}"), retry=True),
    httpx.ProxyError: Trouble(ConnectError, N_("The proxy could not connect to {host}: {detail}")),
    httpx.ReadError: _GONE,
    httpx.WriteError: _GONE,
    httpx.CloseError: _GONE,
    httpx.NetworkError: _GONE,
    httpx.RemoteProtocolError: Trouble(ConnectError, N_("Invalid HTTP response from {host}: {detail}"), retry=True),
    httpx.ProtocolError: Trouble(TransportError, N_("Protocol error talking to {host}: {detail}")),
    httpx.TransportError: Trouble(TransportError, N_("The request to {host} failed: {detail}")),
    httpx.RequestError: Trouble(TransportError, N_("The request to {host} failed: {detail}")),
    httpx.HTTPError: Trouble(TransportError, N_("The request to {host} failed: {detail}")),
    httpx.DecodingError: Trouble(AnswerMalformed, N_("The compressed response of {host} is corrupt")),
    httpx.InvalidURL: Trouble(InputError, N_("Not a base URL: {detail}"), N_("Check it with %wcode settings.")),
    httpx.UnsupportedProtocol: Trouble(
        InputError, N_("Not a base URL: {detail}"), N_("Check it with %wcode settings.")
    ),
    httpx.LocalProtocolError: Trouble(InputError, N_("Cannot encode the request as HTTP: {detail}")),
    # What httpx raises when it is used wrongly, and what is not asked of it here.
    **dict.fromkeys(
        (
            httpx.TooManyRedirects,
            httpx.HTTPStatusError,
            httpx.CookieConflict,
            httpx.StreamError,
            httpx.StreamConsumed,
            httpx.StreamClosed,
            httpx.ResponseNotRead,
            httpx.RequestNotRead,
        ),
        _BUG,
    ),
}
"""Every exception class of httpx, and the builtin that our own deadline raises."""

_CONNECT_FAULTS: dict[type[BaseException], Trouble] = {
    ssl.SSLCertVerificationError: Trouble(
        ConnectError,
        N_("Certificate verification failed for {host}: {detail}"),
        N_("Behind a corporate proxy, set SSL_CERT_FILE to its CA certificates."),
    ),
    ssl.SSLError: Trouble(
        ConnectError,
        N_("TLS handshake with {host} failed: {detail}"),
        N_("Check the base URL: the server may expect http://"),
    ),
    socket.gaierror: Trouble(
        ConnectError, N_("Cannot resolve the host name {host}"), N_("Check the base URL and the network.")
    ),
    ConnectionRefusedError: Trouble(
        ConnectError, N_("{host} refused the connection"), N_("Check that the server is running."), retry=True
    ),
}
"""Root causes of httpx.ConnectError; what is not here is worth another try."""

UNSENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""The request never left, or not whole."""
LOST = (httpx.ReadError, httpx.WriteError, httpx.CloseError, httpx.RemoteProtocolError)
"""What happens to a connection that the other side closed."""

_NO_RESPONSE = "without sending a response"


def trouble(
    error: Exception, endpoint: Endpoint, deadlines: Deadlines, redact: Callable[[str], str]
) -> tuple[WcodeError, bool]:
    """Our error for `error`, with nothing of it attached, and whether another try is safe and may help."""
    row, root = _row(error)
    detail = getattr(root, "strerror", None) or str(root) or type(root).__name__
    if row is _BUG:
        detail = repr(error)
    what = _(row.what).format(
        host=endpoint.host,
        detail=one_line(redact(detail), 200),
        connect_s=deadlines.connect_s,
        idle_s=deadlines.idle_s,
        write_s=deadlines.write_s,
        total_s=deadlines.total_s,
    )
    hint = _(row.hint) if row.hint else ""
    if row.error is ConnectError and not endpoint.loopback and (proxy := proxy_for(endpoint.origin)):
        hint = _("Check the proxy set by {variables}. {hint}").format(variables=proxy.name, hint=hint).strip()
    return row.error(what, hint=hint), row.retry


def _row(error: Exception) -> tuple[Trouble, BaseException]:
    """The row of `error`, and the exception whose words say most."""
    if isinstance(error, httpx.ConnectError):
        roots = list(_roots(error))
        for kind, row in _CONNECT_FAULTS.items():
            for root in roots:
                if isinstance(root, kind):
                    return row, root
        return FAULTS[httpx.ConnectError], next((root for root in roots if isinstance(root, OSError)), error)
    if isinstance(error, httpx.RemoteProtocolError) and _NO_RESPONSE in str(error):
        return _GONE, error
    return next((FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS), _BUG), error


def _roots(error: BaseException | None, depth: int = 10) -> Iterator[BaseException]:
    """`error` and everything it was raised from."""
    if error is None or depth == 0:
        return
    yield error
    yield from _roots(error.__cause__ or error.__context__, depth - 1)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _roots(member, depth - 1)
