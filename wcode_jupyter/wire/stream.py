"""What the decoders of both protocols share: bytes to JSON objects, in a stream or as one body.

A protocol's decoder says what one object means (`_take`) and what is left at the end (`_end`). Here lives what does
not depend on the protocol: unreadable pieces are counted and skipped, an error may come in any piece, several objects
may hide in one event, a plain JSON body may come where a stream was asked for, characters may be cut in two.
"""

from __future__ import annotations

from ..errors import AnswerMalformed, one_line
from ..language import _
from ..reply.events import Event, Extra, Failure, Started
from .failure import decode_error
from .payload import REFUSED, bounded, lenient, strict
from .salvage import Salvage, salvage
from .sse import LIMIT, ServerSentEvent, SseDecoder, too_large
from .surrogates import Surrogates

__all__ = ["StreamDecoder", "other_form"]

_BLANK = b"\xef\xbb\xbf \t\r\n"
# A plain JSON body cannot be taken for an event stream: no field name starts like this.
_JSON_STARTS = (b"{", b"[")
_DONE = b"[DONE]"
# A whole answer with log probabilities is larger than any honest event.
_BODY_LIMIT = 8 * LIMIT


class StreamDecoder:
    """Base of the decoders: see `wire.Decoder`. One instance decodes one answer."""

    def __init__(self) -> None:
        self._sse = SseDecoder(lenient=True)
        self._body: list[bytes] | None = None  # pieces of a plain JSON body that came instead of a stream
        self._body_size = 0
        self._sniffed = False
        self._ended = False
        self._closed = False
        self._begun = False  # an answer or an error has come
        self._readable = False
        self.empty = False
        """Whether the server ended an answer that it had not begun."""
        self._odd = False  # objects came that are none of the protocol's
        self._lost: list[str] = []  # torn pieces that may have held a part of the answer
        self.heard = 0
        """Pieces of the stream that were more than a sign of life."""
        self._extras: dict[str, object] = {}
        self._surrogates: Surrogates | None = None

    @property
    def done(self) -> bool:
        """Whether the protocol's own end was seen. Read on until the connection ends: usage may follow."""
        return self._ended and not self._lost

    @property
    def closed(self) -> bool:
        """Whether the protocol's own last word was said: `[DONE]`, `message_stop`."""
        return self._ended

    @property
    def finished(self) -> bool:
        """Whether the server gave the reason of the end: see `wire.Decoder`."""
        return self._ended

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; may be empty. Raises AnswerTooLarge."""
        if self._body is None and (only := self._sse.only(data)) is not None:
            quick: list[Event] = []
            if self._take_plain(only, quick):
                return quick if self._surrogates is None else self._surrogates.join(quick)
        if not self._sniffed:
            self._sniff(data)
        if self._body is not None:
            self._keep(data)
            return []
        events: list[Event] = []
        for sent in self._sse.feed(data):
            self._dispatch(sent, events)
        self._begun = self._begun or _begins(events)
        return events if self._surrogates is None else self._surrogates.join(events)

    def finish(self) -> list[Event]:
        """What was pending at the end of input. Raises AnswerMalformed: nothing was readable, or of this protocol."""
        events: list[Event] = []
        if self._body is not None:
            body, self._body = b"".join(self._body), None
            return self.decode_body(body)
        if not self._readable and self._lost:
            raise self._unreadable()
        for sent in self._sse.finish():
            self._dispatch(sent, events)
        if self._sse.stray and not self.heard:
            raise _foreign()
        self._check_begun(events)
        self._end(events)
        return self._last(events)

    @property
    def lost(self) -> str:
        """The first of the pieces that could not be read and may have held a part of the answer; empty: none."""
        return one_line(self._lost[0], 80) if self._lost else ""

    def decode_body(self, body: bytes) -> list[Event]:
        """The events of a whole JSON answer. Raises AnswerMalformed: not JSON, or neither an answer nor an error."""
        events: list[Event] = []
        self._take_body(body, events)
        self._check_begun(events)
        self._end(events)
        return self._last(events)

    def _check_begun(self, events: list[Event]) -> None:
        """Without an answer or an error it is something else, or nothing: then it has not ended, but never begun."""
        if self._begun or _begins(events) or self._lost or not self._ended:
            return
        if self._odd:
            raise _foreign()
        self._ended = False
        self.empty = True

    def _take_plain(self, data: bytes, events: list[Event]) -> bool:
        """Takes an event that is nothing but a piece of the answer; False, and nothing taken, for any other."""
        return False

    def _is_whole(self, value: dict[str, object]) -> bool:
        """Whether the object is one that the protocol sends, and not a part of one."""
        raise NotImplementedError

    def _take(self, value: dict[str, object], events: list[Event]) -> None:
        """Appends what one JSON object of the protocol means."""
        raise NotImplementedError

    def _end(self, events: list[Event]) -> None:
        """Appends what is left at the end of input."""

    def _sniff(self, data: bytes) -> None:
        start = data.lstrip(_BLANK)
        self._sniffed = bool(start)
        if start.startswith(_JSON_STARTS):
            self._body = []

    def _keep(self, data: bytes) -> None:
        assert self._body is not None
        self._body_size += len(data)
        if self._body_size > _BODY_LIMIT:
            self._body.clear()
            raise too_large(_BODY_LIMIT)
        self._body.append(data)

    def _dispatch(self, sent: ServerSentEvent, events: list[Event]) -> None:
        if self._closed:
            return
        # Most streams end so, and it is no JSON: reading it would call for the lenient reader.
        value = None if sent.data == _DONE else self._value(sent.data)
        self.heard += 1
        if sent.event == "error":
            self._readable = True
            events.append(decode_error(sent.data))
        elif type(value) is dict:
            self._take_object(value, events)
        elif sent.data.strip() == _DONE:
            self._ended = self._closed = True
        else:
            self._take_rest(sent.data, events)

    def _take_object(self, value: dict[str, object], events: list[Event]) -> None:
        self._readable = True
        if not self._begun:
            self._odd = self._odd or (bool(value) and not self._is_whole(value))
        self._take(value, events)

    def _take_rest(self, data: bytes, events: list[Event]) -> None:
        """Takes what can be read of an event that is no JSON object."""
        found: Salvage = salvage(data, self._is_whole)
        for value in found.values:
            self._take_object(value, events)
        self._lost += found.lost
        if found.error:
            self._readable = True
            events.append(decode_error(found.error.encode()))
        if found.done:
            self._ended = self._closed = True
        self.heard -= not (found.values or found.lost or found.error or found.done)

    def _take_body(self, body: bytes, events: list[Event]) -> None:
        value = self._value(body.removeprefix(b"\xef\xbb\xbf"))
        if isinstance(value, list) and value:
            value = value[0]  # Google wraps an error so
        self._ended = True
        if isinstance(value, dict):
            self._take_object(value, events)
        else:
            self._take_rest(body, events)
            self._odd = self._odd or bool(self._lost)
            if not self._readable:
                self._lost.clear()

    def _value(self, data: bytes) -> object:
        """The value of `data`, None when it is not JSON: null is no object either."""
        try:
            return strict(data)
        except REFUSED:
            # Only the lenient reader lets halves of characters through.
            self._surrogates = self._surrogates or Surrogates()
        try:
            return lenient(data)
        except ValueError:
            return None

    def _extra(self, fields: dict[str, object], events: list[Event]) -> None:
        """Appends the `fields` that are new or have changed: many servers repeat theirs in every chunk."""
        kept = {name: bounded(value) for name, value in fields.items() if value is not None}
        if news := {name: value for name, value in kept.items() if self._extras.get(name, ...) != value}:
            self._extras.update(news)
            events.append(Extra(news))

    def _unreadable(self) -> AnswerMalformed:
        self._lost.clear()
        return AnswerMalformed(
            _("Cannot parse the server's response"),
            hint=_("Check the base URL and the protocol (%wcode settings)."),
        )

    def _last(self, events: list[Event]) -> list[Event]:
        return events if self._surrogates is None else [*self._surrogates.join(events), *self._surrogates.finish()]


def _begins(events: list[Event]) -> bool:
    return any(isinstance(event, (Started, Failure)) for event in events)


def other_form(protocol: str) -> AnswerMalformed:
    """The error for an answer of the other form, which `protocol` reads."""
    return AnswerMalformed(
        _("The server answered in a different API format"),
        hint=_("Use --protocol {protocol}.").format(protocol=protocol),
    )


def _foreign() -> AnswerMalformed:
    # Without the body's text: only the transport can redact the key that a server may echo.
    return AnswerMalformed(
        _("The response is neither an answer nor an error of this protocol"),
        hint=_("Check the base URL and the protocol (%wcode settings)."),
    )
