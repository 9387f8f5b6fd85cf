"""One request: attempts, retries before the first delta, and how the stream ended.

An attempt gives batches of events and, when it did not end well, a `_Fault` as its last item. Faults are values: the
loop over attempts decides between raising, waiting and asking again with a changed body, and what it raises was never
raised before, so nothing hangs on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.parse
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
from msgspec import Struct

from .. import wire
from ..errors import AnswerCut, DeadlineError, InputError, KeyMissing, KeyRejected, NotTheApi, WcodeError, one_line
from ..events import Event, Extra, Failure, Notice, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ..keys import GATEWAY_ORIGIN, Keys, Secret
from ..language import _
from ..messages import Request
from .endpoint import Deadlines, Endpoint
from .refusal import FALLBACKS, LONGEST_WAIT_S, delay_s, recorded, refusal

if TYPE_CHECKING:
    import httpx

    from .connection import Connections

__all__ = ["Transport"]

_DELTAS = frozenset((TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta))
_DEADLINES = Deadlines()
_LARGEST_ANSWER = 64 * 2**20
_LARGEST_ERROR = 64 * 2**10
# An error body or the rest of a finished stream is not worth a longer wait.
_GRACE_S = 5.0
# Keep-alive comments show that the server lives; not for ever that an answer will come.
_IDLE_ROUNDS = 4


class _Fault(Struct, frozen=True):
    """How an attempt failed. `stale`: a kept connection had been closed; `named`: what a 400 or 422 said."""

    error: WcodeError
    retry: bool = False
    after_s: float | None = None
    stale: bool = False
    named: str = ""


_Item: TypeAlias = list[Event] | _Fault


class _Call:
    """One request over all its attempts."""

    def __init__(self, request: Request, endpoint: Endpoint, deadlines: Deadlines, secret: Secret | None) -> None:
        self.request = request
        self.endpoint = endpoint
        self.deadlines = deadlines
        self.secret = secret
        self.body = wire.encode(request)
        self.until = None if deadlines.total_s is None else asyncio.get_running_loop().time() + deadlines.total_s
        self.delivered = False
        """Whether a piece of the answer has gone out: from then on nothing is asked again."""
        self.connected = False
        """Whether this attempt opened a connection of its own."""

    @property
    def streaming(self) -> bool:
        return bool(self.body.get("stream"))

    async def trace(self, name: str, _info: Any) -> None:
        """httpcore's report of what it does."""
        if name == "connection.connect_tcp.started":
            self.connected = True


class Transport:
    """Sends requests with the keys of `keys`. Belongs to one event loop; connections are kept between requests.

    `retries` counts automatic ones before the first delta; `connections` is the most that are open at once. `sleep`
    waits between attempts; a test gives one that does not.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        retries: int = 2,
        connections: int = 64,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._keys = keys
        self._retries = retries
        self._most = connections
        self._sleep = sleep
        self._built: Connections | None = None

    def warm(self, endpoint: Endpoint) -> None:
        """Imports httpx and builds the client for `endpoint`, so that the first request does not wait for them."""
        self._connections().client(endpoint)

    async def aclose(self) -> None:
        """Closes all connections."""
        if self._built is not None:
            await self._built.aclose()

    async def events(
        self, request: Request, endpoint: Endpoint, deadlines: Deadlines = _DEADLINES
    ) -> AsyncIterator[list[Event]]:
        """The answer's events, a list for each read; Notices tell of retries and fallbacks.

        Raises InputError (no key, a key over plain http), TransportError, ServerError, AnswerError.
        """
        call = _Call(request, endpoint, deadlines, self._secret(endpoint))
        fallbacks, retried, stale = list(FALLBACKS), 0, False
        while True:
            fault: _Fault | None = None
            async with contextlib.aclosing(self._attempt(call)) as items:
                async for item in items:
                    if isinstance(item, _Fault):
                        fault = item
                        break
                    call.delivered = call.delivered or any(type(event) in _DELTAS for event in item)
                    yield item
            if fault is None:
                return
            if call.delivered:
                raise fault.error
            if fault.stale and not stale:
                stale = True
                continue
            fallback = next(
                (row for row in fallbacks if row.named.search(fault.named) and row.applies(call.body)), None
            )
            if fallback is not None:
                fallbacks.remove(fallback)
                call.body = fallback.change(call.body)
                yield [Notice(_(fallback.notice))]
                continue
            wait_s = self._wait_s(call, fault, retried)
            if wait_s is None:
                raise fault.error
            retried += 1
            yield [self._announcement(wait_s, retried, fault.error)]
            await self._sleep(wait_s)

    async def probe(self, endpoint: Endpoint, timeout_s: float = 5.0) -> str:
        """What `GET {base_url}/models` shows, in one line: reachable, needs a key, refuses the key.

        Raises ConnectError, DeadlineError, NotTheApi, ServerFault, InputError (a key over plain http).
        """
        secret = self._secret(endpoint, required=False)
        deadlines = Deadlines(timeout_s, timeout_s, timeout_s, timeout_s)
        request = ("GET", endpoint.base_url + "/models", None, wire.headers(endpoint.protocol))
        until = asyncio.get_running_loop().time() + timeout_s
        response = await self._send(endpoint, request, secret, deadlines, until, _untraced)
        if isinstance(response, Exception):
            raise self._trouble(response, endpoint, deadlines)[0]
        try:
            content = await _content(response, _LARGEST_ERROR, until)
        finally:
            await _closed(response)
        return self._findings(endpoint, response, content, secret)

    def _findings(self, endpoint: Endpoint, response: httpx.Response, content: bytes, secret: Secret | None) -> str:
        status, host = response.status_code, endpoint.host
        if 300 <= status < 400:
            raise self._redirected(endpoint, response).error
        if status in (401, 403):
            known = (
                _("{host} is reachable, but refuses the key") if secret else _("{host} is reachable and wants a key")
            )
            return known.format(host=host)
        if status >= 500:
            raise self._refused(endpoint, content, response, streaming=False).error
        if status == 200 and "json" in response.headers.get("content-type", ""):
            return _("{host} is reachable").format(host=host)
        # No page of the gateway promises a list of models: its absence says nothing.
        return _("{host} is reachable; it lists no models").format(host=host)

    # --- one attempt ------------------------------------------------------------------------------------------------

    async def _attempt(self, call: _Call) -> AsyncGenerator[_Item, None]:
        call.connected = False
        try:
            content = msgspec.json.encode(call.body)
        except (TypeError, ValueError, msgspec.MsgspecError, RecursionError) as error:
            why = one_line(str(error), 100)
        else:
            why = ""
        if why:
            yield _Fault(InputError(_("The request cannot be written as JSON: {error}").format(error=why)))
            return
        request = ("POST", call.endpoint.url, content, wire.headers(call.endpoint.protocol))
        response = await self._send(call.endpoint, request, call.secret, call.deadlines, call.until, call.trace)
        if isinstance(response, Exception):
            yield self._unsent(call, response)
            return
        try:
            if kept := recorded(response.headers):
                yield [Extra({"headers": {name: self._keys.redact(value) for name, value in kept.items()}})]
            async for item in self._reader(response)(call, response):
                yield item
        finally:
            await _closed(response)

    async def _send(
        self,
        endpoint: Endpoint,
        request: tuple[str, str, bytes | None, dict[str, str]],
        secret: Secret | None,
        deadlines: Deadlines,
        until: float | None,
        trace: Callable[[str, Any], Awaitable[None]],
    ) -> httpx.Response | Exception:
        """The response's head, or what was raised instead of it."""
        try:
            async with asyncio.timeout_at(until):
                return await self._connections().send(endpoint, request, secret, deadlines, trace)
        except Exception as error:
            return error

    def _reader(self, response: httpx.Response) -> Callable[[_Call, httpx.Response], AsyncIterator[_Item]]:
        content_type = response.headers.get("content-type", "").lower()
        if not 200 <= response.status_code < 300:
            return self._read_refusal
        if "html" in content_type:
            return self._read_page
        return self._read_body if "json" in content_type and "event-stream" not in content_type else self._read_stream

    async def _read_refusal(self, call: _Call, response: httpx.Response) -> AsyncIterator[_Item]:
        if 300 <= response.status_code < 400:
            yield self._redirected(call.endpoint, response)
            return
        content = await _content(response, _LARGEST_ERROR, _soon(call.until))
        yield self._refused(call.endpoint, content, response, streaming=call.streaming, secret=call.secret)

    async def _read_page(self, call: _Call, response: httpx.Response) -> AsyncIterator[_Item]:
        content = await _content(response, _LARGEST_ERROR, _soon(call.until))
        title = self._keys.redact(wire.decode_error(content, "text/html").message)
        what = _("{host} sent a web page instead of an answer: {title}").format(host=call.endpoint.host, title=title)
        yield _Fault(NotTheApi(one_line(what), status=response.status_code))

    async def _read_body(self, call: _Call, response: httpx.Response) -> AsyncIterator[_Item]:
        from .connection import Body

        events: list[Event] = []
        trouble: Exception | None = None
        try:
            content = b"".join([piece async for piece in Body(response, most=_LARGEST_ANSWER, until=call.until)])
            events = wire.decoder(call.request).decode_body(content)
        except Exception as error:
            trouble = error
        answer, fault = self._sorted(call, events, response)
        yield answer
        if fault is not None:
            yield fault
        elif trouble is not None:
            yield self._cut(call, trouble)

    async def _read_stream(self, call: _Call, response: httpx.Response) -> AsyncIterator[_Item]:
        from .connection import Body

        decoder = wire.decoder(call.request)
        body = Body(response, most=_LARGEST_ANSWER, until=call.until)
        heard = time.monotonic()
        patience_s = _IDLE_ROUNDS * call.deadlines.idle_s
        trouble: Exception | None = None
        finished = False
        try:
            async for data in body:
                if events := decoder.feed(data):
                    heard = time.monotonic()
                    answer, fault = self._sorted(call, events, response)
                    if answer:
                        yield answer
                    if fault is not None:
                        yield fault
                        return
                elif time.monotonic() - heard > patience_s:
                    trouble = self._only_comments(call, patience_s)
                    break
                if decoder.done and not finished:
                    finished, body.until = True, _soon(call.until)
        except Exception as error:
            trouble = error
        pending, unreadable = _last_events(decoder)
        answer, fault = self._sorted(call, pending, response)
        if answer:
            yield answer
        if fault is not None:
            yield fault
        elif not decoder.done:
            yield self._cut(call, trouble or unreadable)

    # --- what went wrong --------------------------------------------------------------------------------------------

    def _sorted(self, call: _Call, events: list[Event], response: httpx.Response) -> tuple[list[Event], _Fault | None]:
        """The events that are not a failure, and the first failure as a fault."""
        failure = next((event for event in events if type(event) is Failure), None)
        if failure is None:
            return events, None
        fault = self._fault(call.endpoint, failure, response, streaming=call.streaming, secret=call.secret)
        return [event for event in events if type(event) is not Failure], fault

    def _refused(
        self,
        endpoint: Endpoint,
        content: bytes,
        response: httpx.Response,
        *,
        streaming: bool,
        secret: Secret | None = None,
    ) -> _Fault:
        content_type = response.headers.get("content-type", "").lower()
        failure = wire.decode_error(content, content_type)
        if response.status_code == 404 and "html" in content_type:
            title = self._keys.redact(failure.message)
            what = _("{host} sent a web page instead of an answer: {title}").format(host=endpoint.host, title=title)
            return _Fault(NotTheApi(one_line(what), status=404))
        return self._fault(endpoint, failure, response, streaming=streaming, secret=secret)

    def _fault(
        self,
        endpoint: Endpoint,
        failure: Failure,
        response: httpx.Response,
        *,
        streaming: bool,
        secret: Secret | None,
    ) -> _Fault:
        code = None if failure.code is None else one_line(self._keys.redact(failure.code), 60)
        failure = msgspec.structs.replace(failure, message=self._keys.redact(failure.message), code=code)
        found = refusal(failure, response.status_code, response.headers, host=endpoint.host, streaming=streaming)
        if isinstance(found.error, KeyRejected) and secret is None:
            found.error.hint = _("No key was sent: set one with %wcode key set {url}").format(url=endpoint.origin)
        named = failure.message if found.error.status in (400, 422) else ""
        return _Fault(found.error, retry=found.retry, after_s=found.after_s, named=named)

    def _redirected(self, endpoint: Endpoint, response: httpx.Response) -> _Fault:
        target = urllib.parse.urljoin(endpoint.base_url, response.headers.get("location", ""))
        try:
            host = urllib.parse.urlsplit(target).hostname or "?"
        except ValueError:
            host = "?"
        what = _("{host} redirects to {target}; redirects are not followed").format(
            host=endpoint.host, target=self._keys.redact(one_line(host, 100))
        )
        return _Fault(NotTheApi(what, status=response.status_code))

    def _unsent(self, call: _Call, raised: Exception) -> _Fault:
        """No response at all."""
        from .connection import LOST

        error, retry = self._trouble(raised, call.endpoint, call.deadlines)
        return _Fault(error, retry=retry, stale=isinstance(raised, LOST) and not call.connected)

    def _cut(self, call: _Call, raised: Exception | None) -> _Fault:
        """A response that ended before the answer did."""
        from .connection import LOST

        if raised is None or isinstance(raised, LOST):
            what = (
                _("{host} ended the answer before the model did")
                if call.delivered
                else _("{host} ended the connection before an answer came")
            )
            return _Fault(AnswerCut(what.format(host=call.endpoint.host)), retry=True)
        return _Fault(self._trouble(raised, call.endpoint, call.deadlines)[0])

    def _only_comments(self, call: _Call, patience_s: float) -> DeadlineError:
        what = _("{host} sent only keep-alive signs for {seconds:g} s")
        return DeadlineError(what.format(host=call.endpoint.host, seconds=patience_s))

    def _trouble(self, raised: Exception, endpoint: Endpoint, deadlines: Deadlines) -> tuple[WcodeError, bool]:
        if isinstance(raised, WcodeError):
            # Of our own making, but it may quote the server.
            return type(raised)(self._keys.redact(raised.what), hint=self._keys.redact(raised.hint)), False
        from .connection import trouble

        return trouble(raised, endpoint, deadlines, self._keys.redact)

    # --- policy -----------------------------------------------------------------------------------------------------

    def _wait_s(self, call: _Call, fault: _Fault, retried: int) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        if not fault.retry or retried >= self._retries:
            return None
        wait_s = delay_s(retried) if fault.after_s is None else fault.after_s
        if wait_s > LONGEST_WAIT_S:
            fault.error.hint = _("The server asks to wait {seconds:.0f} s before the next try.").format(seconds=wait_s)
            return None
        if call.until is not None and asyncio.get_running_loop().time() + wait_s > call.until:
            return None
        return wait_s

    def _announcement(self, wait_s: float, number: int, error: WcodeError) -> Notice:
        text = _("retrying in {seconds:.1f} s ({number} of {most}): {error}")
        return Notice(text.format(seconds=wait_s, number=number, most=self._retries, error=error.what))

    def _secret(self, endpoint: Endpoint, *, required: bool = True) -> Secret | None:
        """The key for `endpoint`. Raises KeyMissing, InputError."""
        secret = self._keys.find(endpoint.origin)
        if secret is None and required and endpoint.origin == GATEWAY_ORIGIN:
            raise KeyMissing(
                _("No API key for {host}").format(host=endpoint.host),
                hint=_(
                    "Get one at https://wcode.net/get-apikey, then %wcode key set, or set WCODE_API_KEY; "
                    "the model named local needs none."
                ),
            )
        if secret is not None and not endpoint.secure:
            raise InputError(
                _("The key for {host} is not sent over plain http").format(host=endpoint.host),
                hint=_("Use an https:// base URL, or %wcode key forget if the server wants no key."),
            )
        return secret

    def _connections(self) -> Connections:
        if self._built is None:
            from .connection import Connections

            self._built = Connections(self._most)
        return self._built


async def _untraced(_name: str, _info: Any) -> None:
    """A report that nobody reads."""


async def _closed(response: httpx.Response) -> None:
    with contextlib.suppress(Exception):
        await response.aclose()


async def _content(response: httpx.Response, most: int, until: float | None) -> bytes:
    """The beginning of a body, at most `most` bytes; what had arrived when reading failed."""
    from .connection import Body

    content = b""
    with contextlib.suppress(Exception):
        async for piece in Body(response, most=2 * most, until=until):
            content += piece
            if len(content) >= most:
                break
    return content[:most]


def _soon(until: float | None) -> float:
    soon = asyncio.get_running_loop().time() + _GRACE_S
    return soon if until is None else min(soon, until)


def _last_events(decoder: wire.Decoder) -> tuple[list[Event], WcodeError | None]:
    try:
        return decoder.finish(), None
    except WcodeError as error:
        return [], error
