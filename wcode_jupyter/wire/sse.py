"""Server-sent events without I/O: bytes cut anywhere go in, whole events come out.

Rules, from the WHATWG HTML standard, section 9.2 (event stream interpretation), with two additions that servers of
language models need:

- what is pending at the end of input is dispatched by `finish` (the standard drops it: `feed` alone follows it);
- a line `error: {...}`, which old llama.cpp servers send, is an event named `error`.

Lines end at LF, CR or CRLF only and are split as bytes: U+2028, U+2029 and U+0085 are legal inside JSON.
"""

from __future__ import annotations

import re
from typing import NoReturn

from msgspec import Struct

from ..errors import AnswerTooLarge
from ..language import _
from .payload import REFUSED, strict

__all__ = ["LIMIT", "ServerSentEvent", "SseDecoder", "too_large"]

LIMIT = 8 * 1024 * 1024
"""Most bytes of one line and of one event; an answer's largest honest piece is far below."""

_BOM = b"\xef\xbb\xbf"
_FIELDS = frozenset((b"", b"data", b"event", b"id", b"retry", b"error"))
_END_OF_LINE = re.compile(rb"\r\n|\r|\n")


class ServerSentEvent(Struct, frozen=True, gc=False):
    """One event. `data` is UTF-8 as it arrived, unchecked; `id` the last one that the stream named."""

    data: bytes
    event: str = "message"
    id: str = ""


class SseDecoder:
    """Events of one stream. The cost is linear in the bytes, however they are cut.

    Comments and unknown fields give no event: an empty list from `feed` means that nothing of the answer arrived.
    `lenient`: events of JSON objects come apart where the blank line between them is missing, a line end within an
    object belongs to it, and an object without `data:` counts. Raises AnswerTooLarge when a line or an event has more
    than `limit` bytes.
    """

    def __init__(self, *, limit: int = LIMIT, lenient: bool = False) -> None:
        self._limit = limit
        self._lenient = lenient
        self._line: list[bytes] = []  # pieces of the unfinished line
        self._line_size = 0
        self._data: list[bytes] = []  # data lines of the unfinished event
        self._data_size = 0
        self._event = ""
        self._id = ""
        self._at_start = True
        self._after_cr = False
        self.stray = False
        """Whether lines came that are neither comments nor fields."""
        self._idle = False  # whether nothing of the above is under way

    def only(self, data: bytes) -> bytes | None:
        """The data of the event that `data` is, where it is exactly one of one line and nothing is under way.

        Most reads are: there is nothing to join and nothing to keep, and nothing is taken.
        """
        size = len(data)
        if (
            self._idle
            and data[:6] == b"data: "
            and data.find(b"\n") == size - 2
            and data[-1] == 10
            and data.find(b"\r") < 0
            and size <= self._limit
        ):
            return data[6:-2]
        return None

    def feed(self, data: bytes) -> list[ServerSentEvent]:
        """The events that `data` completes; may be empty."""
        if (only := self.only(data)) is not None:
            return [ServerSentEvent(only, "message", self._id)]
        if self._after_cr and data:
            self._after_cr = False
            data = data.removeprefix(b"\n")
        if b"\r" in data:
            self._after_cr = data.endswith(b"\r")
            lines = _END_OF_LINE.split(data)
        else:
            lines = data.split(b"\n")
        rest = lines.pop()
        events: list[ServerSentEvent] = []
        if lines:
            lines[0] = self._whole_line(lines[0])
            for line in lines:
                self._take_line(line, events)
        if rest:
            self._keep(rest)
        self._idle = not (self._line or self._data or self._event or self._at_start or self._after_cr)
        return events

    def finish(self) -> list[ServerSentEvent]:
        """What was pending when the input ended: an unfinished line counts as a line, the last event as an event."""
        events: list[ServerSentEvent] = []
        if self._line:
            self._take_line(self._whole_line(b""), events)
        self._take_line(b"", events)
        return events

    def _keep(self, piece: bytes) -> None:
        self._line_size += len(piece)
        if self._line_size > self._limit:
            self._refuse()
        self._line.append(piece)

    def _whole_line(self, end: bytes) -> bytes:
        if self._line:
            end = b"".join([*self._line, end])
            self._line.clear()
            self._line_size = 0
        if self._at_start:
            self._at_start = False
            end = end.removeprefix(_BOM)
        return end

    def _take_line(self, line: bytes, events: list[ServerSentEvent]) -> None:
        if not line:
            if self._data:
                events.append(ServerSentEvent(b"\n".join(self._data), self._event or "message", self._id))
                self._data.clear()
                self._data_size = 0
            self._event = ""
            return
        if len(line) > self._limit:
            self._refuse()
        name, _colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if self._lenient and self._data and name in (b"data", b"event") and self._is_over(name, value):
            events.append(ServerSentEvent(b"\n".join(self._data), self._event or "message", self._id))
            self._data.clear()
            self._data_size = 0
            self._event = ""
        if name == b"data":
            self._data_size += len(value) + 1
            if self._data_size > self._limit:
                self._refuse()
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"error":
            events.append(ServerSentEvent(value, "error", self._id))
        elif name not in _FIELDS:
            self.stray = True
            if self._lenient and (self._data or line.lstrip().startswith((b"{", b"data"))):
                self._keep_stray(line)

    def _is_over(self, name: bytes, value: bytes) -> bool:
        """Whether the event under way is whole although no blank line came: no JSON goes on from `}` to `{`."""
        return self._data[-1].rstrip().endswith((b"}", b"]")) and (
            name == b"event" or value.lstrip().startswith((b"{", b"[DONE]", b"null", b":"))
        )

    def _keep_stray(self, line: bytes) -> None:
        """A line without a field's name: the rest of an object, or an object of its own."""
        self._data_size += len(line) + 1
        if self._data_size > self._limit:
            self._refuse()
        if not self._data or line.lstrip().startswith((b"{", b"data")) or not _is_json(b"\n".join(self._data)):
            self._data.append(line)

    def _refuse(self) -> NoReturn:
        self._line.clear()
        self._data.clear()
        raise too_large(self._limit)


def _is_json(data: bytes) -> bool:
    try:
        strict(data)
    except REFUSED:
        return False
    return True


def too_large(limit: int) -> AnswerTooLarge:
    """The error for a line, an event or a body of more than `limit` bytes."""
    size = f"{limit / 2**20:.3g} MiB"
    return AnswerTooLarge(_("A single event from the server exceeds {size}").format(size=size))
