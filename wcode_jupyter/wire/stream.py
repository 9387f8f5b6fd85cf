"""What the decoders of both protocols share: bytes to JSON objects, in a stream or as one body.

A protocol's decoder says what one object means (`_take`) and what is left at the end (`_end`). Here lives what does
not depend on the protocol: unreadable pieces are counted and skipped, an error may come in any piece, several objects
may hide in one event, a plain JSON body may come where a stream was asked for, characters may be cut in two.
"""

from __future__ import annotations

from typing import Any

from ..errors import AnswerMalformed
from ..language import _
from ..reply.events import Event, Extra, Failure, Notice, Started
from .failure import decode_error
from .payload import REFUSED, bounded, lenient, strict
from .sse import LIMIT, ServerSentEvent, SseDecoder, too_large
from .surrogates import Surrogates

__all__ = ["StreamDecoder"]

_BLANK = b"\xef\xbb\xbf \t\r\n"
# A plain JSON body cannot be taken for an event stream: no field name starts like this.
_JSON_STARTS = (b"{", b"[")
_DONE = b"[DONE]"
# A whole answer with log probabilities is larger than any honest event.
_BODY_LIMIT = 8 * LIMIT


class StreamDecoder:
    """Base of the decoders: see `wire.Decoder`. One instance decodes one answer."""

    def __init__(self) -> None:
        self._sse = SseDecoder()
        self._body: list[bytes] | None = None  # pieces of a plain JSON body that came instead of a stream
        self._body_size = 0
        self._sniffed = False
        self._ended = False
        self._closed = False
        self._begun = False  # an answer or an error has come
        self._readable = False
        self._unreadable = 0
        self._extras: dict[str, Any] = {}
        self._surrogates: Surrogates | None = None

    @property
    def done(self) -> bool:
        """Whether the protocol's own end was seen. Read on until the connection ends: usage may follow."""
        return self._ended

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes; may be empty. Raises AnswerTooLarge."""
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
        unreadable = self._unreadable
        for sent in self._sse.finish():
            self._dispatch(sent, events)
        self._unreadable = unreadable  # half a piece at the end is a cut, not a fault of the server's
        if self._ended and not (self._unreadable or self._begun or _begins(events)):
            raise _foreign()
        self._end(events)
        if self._unreadable:
            events.append(self._unreadable_notice())
        return self._last(events)

    def decode_body(self, body: bytes) -> list[Event]:
        """The events of a whole JSON answer. Raises AnswerMalformed: not JSON, or neither an answer nor an error."""
        events: list[Event] = []
        self._take_body(body, events)
        if not _begins(events):
            raise _foreign()
        self._end(events)
        return self._last(events)

    def _take(self, value: dict[str, Any], events: list[Event]) -> None:
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
        value = self._value(sent.data)
        if sent.event == "error":
            self._readable = True
            events.append(decode_error(sent.data))
        elif type(value) is dict:
            self._readable = True
            self._take(value, events)
        elif (word := sent.data.strip()) == _DONE:
            self._ended = self._closed = True
        elif word and not self._take_lines(sent.data, events):
            self._unreadable += 1

    def _take_body(self, body: bytes, events: list[Event]) -> None:
        value = self._value(body.removeprefix(b"\xef\xbb\xbf"))
        if isinstance(value, list) and value:
            value = value[0]  # Google wraps an error so
        if isinstance(value, dict):
            self._readable = self._ended = True
            self._take(value, events)
        else:
            self._take_lines(body, events)

    def _take_lines(self, data: bytes, events: list[Event]) -> bool:
        """Takes each line of `data` as an object of its own; False, and nothing taken, where they are not all that."""
        values = [self._value(line) for line in data.split(b"\n") if line.strip() not in (b"", _DONE)]
        if not values or not all(isinstance(value, dict) for value in values):
            return False
        self._readable = True
        for value in values:
            self._take(value, events)
        return True

    def _value(self, data: bytes) -> Any:
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

    def _extra(self, fields: dict[str, Any], events: list[Event]) -> None:
        """Appends the `fields` that are new or have changed: many servers repeat theirs in every chunk."""
        kept = {name: bounded(value) for name, value in fields.items() if value is not None}
        if news := {name: value for name, value in kept.items() if self._extras.get(name, ...) != value}:
            self._extras.update(news)
            events.append(Extra(news))

    def _unreadable_notice(self) -> Notice:
        count, self._unreadable = self._unreadable, 0
        if not self._readable:
            raise AnswerMalformed(
                _("Cannot parse the server's response"),
                hint=_("Check the base URL and the protocol (%wcode settings)."),
            )
        return Notice(_("Unreadable events skipped: {count}").format(count=count))

    def _last(self, events: list[Event]) -> list[Event]:
        return events if self._surrogates is None else [*self._surrogates.join(events), *self._surrogates.finish()]


def _begins(events: list[Event]) -> bool:
    return any(isinstance(event, (Started, Failure)) for event in events)


def _foreign() -> AnswerMalformed:
    # Without the body's text: only the transport can redact the key that a server may echo.
    return AnswerMalformed(
        _("The response is neither an answer nor an error of this protocol"),
        hint=_("Check the base URL and the protocol (%wcode settings)."),
    )
