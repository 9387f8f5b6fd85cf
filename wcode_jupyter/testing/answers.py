"""Scripted answers of the mock server: plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Answer", "Call", "Fault", "Raw", "Refusal", "Scripted"]

Fault: TypeAlias = Literal["cut", "reset", "silence", "torn", "error"]
"""What can go wrong in the middle of an answer:

cut        the connection is closed before the end of the answer
reset      a TCP reset
silence    nothing more is sent until the client disconnects
torn       half of one event is sent, joined to the next event; the others are complete
error      an error event (non-streaming: an error body) ends the answer
"""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call. `arguments` is an object or its JSON text, which may be invalid."""

    name: str
    arguments: Mapping[str, object] | str = field(default_factory=dict)
    id: str = ""
    """Empty: generated, unique for this server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's answer."""

    text: str = ""
    reasoning: str = ""
    """Sent before the text."""
    calls: Sequence[Call] = ()
    finish: str = ""
    """Finish reason in OpenAI terms (stop, length, tool_calls, content_filter or any other), translated for the
    Anthropic format. Empty: tool_calls if there are calls, else stop."""
    input_tokens: int | None = None
    """None, also for `output_tokens`: estimated from the length of the messages and the answer."""
    output_tokens: int | None = None
    usage: bool = True
    """Whether usage is sent. OpenAI streams contain it only if the request sets `include_usage`."""
    model: str = ""
    """Model id in the response. Empty: the requested one."""
    wait_s: float = 0.0
    """Seconds before the first byte."""
    pace_s: float = 0.0
    """Seconds between the pieces of a streaming answer."""
    fault: Fault | None = None
    after: int = 0
    """Characters of the text before the `fault`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP error instead of an answer; the body follows the API format of the request unless `body` is given."""

    status: int = 500
    message: str = "scripted refusal"
    code: str = ""
    retry_after: float | str | None = None
    """Retry-After: seconds or an HTTP date."""
    body: bytes | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Raw:
    """Raw response bytes; several pieces are sent one by one."""

    body: bytes | Iterable[bytes]
    content_type: str = "text/event-stream"
    status: int = 200
    pace_s: float = 0.0
    """Seconds before each piece but the first."""
    cut: bool = False
    """Whether the connection is closed before the end of the HTTP body."""


Scripted: TypeAlias = str | Answer | Refusal | Raw
"""The answer to one request."""
