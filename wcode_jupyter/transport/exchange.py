"""One request: attempts, retries before the first delta, and how the stream ended.

An attempt gives batches of events and, when it did not end well, an AttemptFailure as its last item. Failures are
values: the loop over attempts decides between raising, waiting, and asking again with a changed body.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import importlib.util
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from .. import strict, threads, wire
from ..errors import InputError, KeyMissing, WcodeError, one_line
from ..keys import GATEWAY_ORIGIN, KEY_PAGE, Keys, Secret
from ..language import _
from ..redaction import Redactor
from ..reply.events import Event, Extra, Failure, Finish, Notice, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ..request.forms import DEFAULT_PROTOCOL, FORMS
from ..request.messages import Request
from . import debug_log, proxy_passwords
from .endpoint import Deadlines, Endpoint
from .fault import AttemptFailure, Faults
from .masking import Mask, MaskTable
from .refusal import FALLBACKS, LONGEST_WAIT_S, Fallback, delay_s, is_overload, recorded

if TYPE_CHECKING:
    from .connection import Connections, Response

__all__ = ["Transport"]

_DEADLINES = Deadlines()
_ANSWERS = frozenset((TextDelta, RefusalDelta, ToolCallDelta))
_BLANK = b"\xef\xbb\xbf \t\r\n"
_ANSWER_STARTS = (b"{", b"[", b"data", b"event", b"id", b"retry", b":")
_DELTAS = frozenset((TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta))
_LARGEST_ANSWER = 64 * 2**20
_LARGEST_ERROR = 64 * 2**10
_QUOTED = 4 * 2**10
# An error body or the rest of a finished stream is not worth a longer wait.
_GRACE_S = 5.0
# Keep-alive comments show that the server lives; not for ever that an answer will come.
_IDLE_ROUNDS = 4

_Item: TypeAlias = list[Event] | AttemptFailure


class _Exchange:
    """One request over all its attempts."""

    def __init__(
        self, request: Request, endpoint: Endpoint, deadlines: Deadlines, secret: Secret | None, keys: Keys
    ) -> None:
        self.request = request
        self.endpoint = endpoint
        self.deadlines = deadlines
        self.secret = secret
        self.redact = keys.redact
        self.faults = Faults(endpoint, deadlines, _told(keys), has_key=secret is not None, model=request.model)
        self.body = wire.encode(request)
        self.until = None if deadlines.total_s is None else asyncio.get_running_loop().time() + deadlines.total_s
        self.delivered = False
        """Whether a piece of the answer has gone out: from then on nothing is asked again."""
        self.connected = False
        """Whether this attempt opened a connection of its own."""
        self.renewed = False
        """Whether a stale connection was already replaced."""
        self.retried = 0
        self.lost = 0
        """Attempts that were sent and not answered: they may be billed all the same."""
        self.fallbacks = list(FALLBACKS)

    @property
    def streaming(self) -> bool:
        return bool(self.body.get("stream"))

    async def trace(self, name: str, _info: Any) -> None:
        """httpcore's report of what it does."""
        if name == "connection.connect_tcp.started":
            self.connected = True

    def fallback(self, fault: AttemptFailure) -> Fallback | None:
        """The change to the body that `fault` asks for, each at most once."""
        for row in self.fallbacks:
            if row.named.search(fault.named) and row.applies(self.body):
                self.fallbacks.remove(row)
                return row
        return None


class Transport:
    """Sends requests with the keys of `keys`. Belongs to one event loop; connections are kept between requests.

    `retries` counts automatic ones before the first delta; `connections` is the most that are open at once. `sleep`
    waits between attempts; a test gives one that does not. Without `retry_refused` a 429, and other signs of
    overload, are raised at once: whoever sends many requests slows all of them down. `fast` takes the transport for
    many connections where it is installed.
    `closed` sends nothing: whatever would, raises ReplayError.
    """

    def __init__(
        self,
        keys: Keys,
        *,
        retries: int = 2,
        connections: int = 64,
        retry_refused: bool = True,
        fast: bool = False,
        closed: bool = bool(strict.AT_IMPORT),
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._keys = keys
        self._retries = retries
        self._most = connections
        self._retry_refused = retry_refused
        self._fast = fast
        self._closed = closed
        self._sleep = sleep
        self._built: Connections | None = None
        self._masked: tuple[Redactor, MaskTable] | None = None

    @staticmethod
    def can_be_fast() -> bool:
        """Whether the transport for many connections is installed (extra `fast`)."""
        return importlib.util.find_spec("aiohttp") is not None

    def warm(self, endpoint: Endpoint) -> None:
        """Imports httpx and builds the client for `endpoint`, so that the first request does not wait for them."""
        self._connections().client(endpoint)

    def check(self, endpoint: Endpoint) -> None:
        """Raises KeyMissing or InputError where a request to `endpoint` could not be sent."""
        if not threads.are_there():
            raise threads.missing()
        self._secret(endpoint)

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
        debug_log.redacting.set(_told(self._keys))
        call = _Exchange(request, endpoint, deadlines, self._secret(endpoint), self._keys)
        while True:
            fault: AttemptFailure | None = None
            opened = await self._open(call)
            mask = Mask(self._mask_table())
            if isinstance(opened, AttemptFailure):
                fault = opened
            else:
                async with _closing(opened), contextlib.aclosing(_read(call, opened)) as items:
                    if kept := recorded(opened.headers):
                        yield [Extra({"headers": {name: call.redact(value) for name, value in kept.items()}})]
                    async for item in items:
                        if isinstance(item, AttemptFailure):
                            fault = item
                            break
                        if not call.delivered:
                            call.delivered = not _DELTAS.isdisjoint(map(type, item))
                        if passed := mask.events(item):
                            yield passed
                    if held := mask.rest():
                        yield held
            if fault is None:
                return
            if fault.lost and not call.delivered and not (fault.stale and not call.renewed):
                call.lost += 1
                yield [Extra({"lost_attempts": call.lost})]
            notices, wait_s = self._again(call, fault)
            if notices:
                yield notices
            if wait_s:
                await self._sleep(wait_s)

    async def probe(self, endpoint: Endpoint, timeout_s: float = 5.0) -> str:
        """What `GET {base_url}/models` shows, in one line: reachable, needs a key, refuses the key.

        Raises ConnectError, DeadlineError, NotTheApi, ServerFault, InputError (a key over plain http).
        """
        secret = self._secret(endpoint, required=False)
        deadlines = Deadlines(timeout_s, timeout_s, timeout_s, timeout_s)
        debug_log.redacting.set(_told(self._keys))
        faults = Faults(endpoint, deadlines, _told(self._keys), has_key=secret is not None)
        request = ("GET", endpoint.base_url + FORMS[endpoint.protocol].models, None, wire.headers(endpoint.protocol))
        until = asyncio.get_running_loop().time() + timeout_s
        response = await self._send(endpoint, request, secret, deadlines, until, _untraced)
        if isinstance(response, Exception):
            raise faults.unsent(response, reused=False).error
        async with _closing(response):
            content = await _beginning(response, until)
        if 300 <= response.status_code < 400 or response.status_code >= 500:
            raise faults.refused(response, content, streaming=False).error
        return _finding(response, has_key=secret is not None).format(host=endpoint.host)

    # --- one attempt ------------------------------------------------------------------------------------------------

    async def _open(self, call: _Exchange) -> Response | AttemptFailure:
        """The head of the response to one attempt; its body is still to be read."""
        call.connected = False
        content, fault = _written(call.body)
        if fault is not None:
            return fault
        request = ("POST", call.endpoint.url, content, wire.headers(call.endpoint.protocol))
        response = await self._send(call.endpoint, request, call.secret, call.deadlines, call.until, call.trace)
        if isinstance(response, Exception):
            return call.faults.unsent(response, reused=not call.connected)
        return response

    async def _send(
        self,
        endpoint: Endpoint,
        request: tuple[str, str, bytes | None, dict[str, str]],
        secret: Secret | None,
        deadlines: Deadlines,
        until: float | None,
        trace: Callable[[str, Any], Awaitable[None]],
    ) -> Response | Exception:
        """The response's head, or what was raised instead of it."""
        try:
            if until is None:
                return await self._connections().send(endpoint, request, secret, deadlines, trace)
            async with asyncio.timeout_at(until):
                return await self._connections().send(endpoint, request, secret, deadlines, trace)
        except Exception as error:
            return error

    # --- policy -----------------------------------------------------------------------------------------------------

    def _again(self, call: _Exchange, fault: AttemptFailure) -> tuple[list[Event], float]:
        """What to say before the next attempt, and the seconds to wait. Raises the fault's error when there is none."""
        if not call.delivered:
            if fault.stale and not call.renewed:
                call.renewed = True
                return [], 0.0
            if row := call.fallback(fault):
                call.body = row.change(call.body)
                return [Notice(_(row.notice))], 0.0
            if (wait_s := self._wait_s(call, fault)) is not None:
                call.retried += 1
                return [self._announcement(call, wait_s, fault.error)], wait_s
        raise fault.error

    def _wait_s(self, call: _Exchange, fault: AttemptFailure) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        if not fault.retry or call.retried >= self._retries:
            return None
        if is_overload(fault.error) and not self._retry_refused:
            return None
        wait_s = delay_s(call.retried) if fault.after_s is None else fault.after_s
        if wait_s > LONGEST_WAIT_S:
            fault.error.hint = _("The server asks to wait {seconds:.0f} s before the next attempt.").format(
                seconds=wait_s
            )
            return None
        if call.until is not None and asyncio.get_running_loop().time() + wait_s > call.until:
            return None
        return wait_s

    def _announcement(self, call: _Exchange, wait_s: float, error: WcodeError) -> Notice:
        text = _("retrying in {seconds:.1f} s ({number} of {most}): {error}")
        return Notice(text.format(seconds=wait_s, number=call.retried, most=self._retries, error=error.what))

    def _secret(self, endpoint: Endpoint, *, required: bool = True) -> Secret | None:
        """The key for `endpoint`. Raises KeyMissing, InputError, ReplayError."""
        if self._closed:
            raise strict.closed()
        secret = self._keys.find(endpoint.origin)
        if secret is None and required and endpoint.origin == GATEWAY_ORIGIN:
            raise KeyMissing(
                _("No API key for {host}").format(host=endpoint.host),
                hint=_(
                    "Get one at {page}, then %wcode key set, or set WCODE_API_KEY; the model named local needs none."
                ).format(page=endpoint.key_page or KEY_PAGE)
                + _other_server(endpoint),
            )
        if secret is not None and not endpoint.secure:
            raise InputError(
                _("The key for {host} is not sent over plain http").format(host=endpoint.host),
                hint=_("Use an https:// base URL, or %wcode key forget if the server needs no key."),
            )
        return secret

    def _mask_table(self) -> MaskTable:
        """What the keys of now are looked for by; worked out again only when they change."""
        redactor = self._keys.redactor()
        if self._masked is None or self._masked[0] is not redactor:
            self._masked = redactor, MaskTable(redactor.redact, redactor.spellings())
        return self._masked[1]

    def _connections(self) -> Connections:
        if self._built is None:
            from .connection import Connections

            self._built = Connections(self._most, fast=self._fast and self.can_be_fast())
        return self._built


def _told(keys: Keys) -> Callable[[str], str]:
    """Takes keys and the passwords of proxies out of what errors and logs tell."""
    return lambda text: proxy_passwords.redact(keys.redact(text))


def _other_server(endpoint: Endpoint) -> str:
    """For a key that was given for another server, which then is that of the other form."""
    if endpoint.protocol == DEFAULT_PROTOCOL:
        return ""
    return _(" The server of this form is set by {setting}.").format(setting=FORMS[endpoint.protocol].base_url)


# --- reading a response ---------------------------------------------------------------------------------------------


def _read(call: _Exchange, response: Response) -> AsyncGenerator[_Item, None]:
    """The items of one attempt. What a good response is its bytes say, whatever its content type."""
    content_type = response.headers.get("content-type", "").lower()
    if not 200 <= response.status_code < 300:
        return _read_refusal(call, response)
    return _read_stream(call, response, html="html" in content_type)


async def _read_refusal(call: _Exchange, response: Response) -> AsyncGenerator[_Item, None]:
    content = await _beginning(response, _soon(call.until))
    yield call.faults.refused(response, content, streaming=call.streaming)


async def _read_stream(call: _Exchange, response: Response, *, html: bool) -> AsyncGenerator[_Item, None]:
    from .connection import Body

    decoder = wire.decoder(call.request)
    body = Body(response, most=_LARGEST_ANSWER, until=call.until)
    end = _End(call, decoder)
    recode = _recoder(response.headers.get("content-type", ""))
    trouble: Exception | None = None
    start = b""
    try:
        async for data in body:
            piece = data if recode is None else recode(data)
            if len(start) < _QUOTED:
                start += piece[:_QUOTED]
            if end.nothing_yet and _is_page(piece, html=html):
                yield call.faults.page(response, data + await _beginning(response, _soon(call.until)))
                return
            if events := decoder.feed(piece):
                for item in _sorted(call, events, response):
                    yield item
            if end.is_late(events):
                trouble = call.faults.only_comments(end.patience_s)
                break
            body.until = end.until
    except Exception as error:
        trouble = error
    pending, unreadable = _pending(decoder)
    for item in _sorted(call, pending, response):
        yield item
    if unreadable is not None or not end.is_good(trouble):
        lost = decoder.lost if decoder.closed or decoder.finished else ""
        said = b"" if trouble or unreadable is None else start
        yield call.faults.cut(
            trouble or unreadable, delivered=call.delivered, lost=lost, empty=decoder.empty, said=said
        )


def _is_page(data: bytes, *, html: bool) -> bool:
    """Whether a body that begins with `data` is a web page; what is labelled as one may be an answer all the same."""
    start = data.lstrip(_BLANK)
    return start.startswith(b"<") or (html and bool(start) and not start.startswith(_ANSWER_STARTS))


class _End:
    """When an answer has ended. A finish reason alone does not end it: some servers give it early, or in every chunk.

    After text a reason leaves a few idle seconds for the usage, which each chunk renews and no comment does; before
    text, and where text came after a reason, it leaves only the read timeout.
    """

    def __init__(self, call: _Exchange, decoder: wire.Decoder) -> None:
        self.patience_s = _IDLE_ROUNDS * call.deadlines.idle_s
        self.nothing_yet = True
        self._call = call
        self._decoder = decoder
        self._heard_s = time.monotonic()
        self._heard = 0
        self._has_text = self._was_finished = self._goes_on = False
        self._grace: float | None = None
        self.until = call.until
        """The event loop's time at which reading ends: the grace's end, or that of the caller's patience."""

    def is_late(self, events: list[Event]) -> bool:
        """Takes what a read gave; whether there have been nothing but comments for too long."""
        now = time.monotonic()
        if self._decoder.heard == self._heard:
            return now - self._heard_s > self.patience_s
        self._heard, self._heard_s, self.nothing_yet = self._decoder.heard, now, False
        if self._has_text and not self._was_finished and not self._decoder.finished:
            return False
        for event in events:
            if type(event) in _ANSWERS:
                self._has_text = True
                self._goes_on = self._goes_on or self._was_finished
            elif type(event) is Finish:
                self._was_finished = True
        trusted = self._decoder.finished and self._has_text and not self._goes_on
        self._grace = _soon(None) if self._decoder.closed or trusted else None
        self.until = min((at for at in (self._grace, self._call.until) if at is not None), default=None)
        return False

    def is_good(self, trouble: Exception | None) -> bool:
        """Whether the answer is whole. What ended the reading after the server's last word does not matter."""
        from .connection import LOST

        if not self._decoder.done:
            return False
        if self._decoder.closed or trouble is None or isinstance(trouble, LOST):
            return True
        # Our own grace ended it, and not the deadline of the caller or a read timeout in the middle.
        own = self._grace is not None and self.until == self._grace
        return isinstance(trouble, TimeoutError) and own


def _recoder(content_type: str) -> Callable[[bytes], bytes] | None:
    """A function that makes the next bytes UTF-8; None where they are, or where the character set is not known."""
    name = wire.charset_of(content_type)
    if name in ("", "utf-8", "ascii"):
        return None
    decoder = codecs.getincrementaldecoder(name)("replace")
    return lambda data: decoder.decode(data).encode("utf-8", "replace")


def _sorted(call: _Exchange, events: list[Event], response: Response) -> list[_Item]:
    """The events that are no failure, then the first failure as a fault."""
    for event in events:
        if type(event) is Failure:
            answer = [event for event in events if type(event) is not Failure]
            fault = call.faults.failed(event, response, streaming=call.streaming)
            return [answer, fault] if answer else [fault]
    return [events] if events else []


def _pending(decoder: wire.Decoder) -> tuple[list[Event], WcodeError | None]:
    try:
        return decoder.finish(), None
    except WcodeError as error:
        return [], error


def _written(body: dict[str, Any]) -> tuple[bytes, AttemptFailure | None]:
    try:
        return msgspec.json.encode(body), None
    except (TypeError, ValueError, RecursionError) as error:
        why = one_line(str(error), 100)
    return b"", AttemptFailure(InputError(_("Cannot encode the request as JSON: {error}").format(error=why)))


async def _beginning(response: Response, until: float) -> bytes:
    """The first 64 KB of a body, or what had arrived of them when reading failed."""
    from .connection import Body

    content = b""
    with contextlib.suppress(Exception):
        async for piece in Body(response, most=_LARGEST_ANSWER, until=until):
            content += piece
            if len(content) >= _LARGEST_ERROR:
                break
    return content[:_LARGEST_ERROR]


def _soon(until: float | None) -> float:
    soon = asyncio.get_running_loop().time() + _GRACE_S
    return soon if until is None else min(soon, until)


class _closing:  # noqa: N801 - as contextlib's
    """Closes a response in the end. A class, for a generator is slow enough to be seen over thousands of requests."""

    def __init__(self, response: Response) -> None:
        self._response = response

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, *_raised: object) -> None:
        with contextlib.suppress(Exception):
            await self._response.aclose()


async def _untraced(_name: str, _info: Any) -> None:
    """A report that nobody reads."""


def _finding(response: Response, *, has_key: bool) -> str:
    if response.status_code in (401, 403):
        return _("{host} is reachable, but rejects the key") if has_key else _("{host} is reachable and needs a key")
    if response.status_code == 200 and "json" in response.headers.get("content-type", ""):
        return _("{host} is reachable")
    # No page of the gateway promises a list of models: its absence says nothing.
    return _("{host} is reachable; it lists no models")
