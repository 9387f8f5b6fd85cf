"""What the tests of the decoders share: requests, feeding pieces, and comparing events however the text was split."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from wcode_jupyter.reply.events import Event, LogprobDelta, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from wcode_jupyter.request.messages import Message, Protocol, Request
from wcode_jupyter.wire import Decoder

JOINED: dict[type, str] = {
    TextDelta: "text",
    ReasoningDelta: "text",
    RefusalDelta: "text",
    ToolCallDelta: "arguments",
    LogprobDelta: "tokens",
}


def request(protocol: Protocol = "openai", **parameters: Any) -> Request:
    """A small request."""
    return Request(model="m", messages=(Message("user", "hi"),), protocol=protocol, parameters=parameters)


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> list[Event]:
    """All events of the pieces and the end of input."""
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return events + decoder.finish()


def sse(*values: Any) -> bytes:
    """Event stream of JSON values; strings and bytes as they are."""
    return b"".join(b"data: " + _bytes(value) + b"\n\n" for value in values)


def chunk(delta: Any = None, **fields: Any) -> dict[str, Any]:
    """A chat completion chunk with one choice."""
    choice = {"index": 0, "delta": {} if delta is None else delta, "finish_reason": None}
    choice.update({name: fields.pop(name) for name in ("finish_reason", "logprobs", "index") if name in fields})
    return {"id": "c1", "created": 1, "model": "m", "choices": [choice], **fields}


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()


def merged(events: Iterable[Event]) -> list[Event]:
    """`events` with neighbouring pieces of one text joined."""
    result: list[Event] = []
    for event in events:
        last = result[-1] if result else None
        name = JOINED.get(type(event), "")
        if last is not None and name and _continues(last, event):
            result[-1] = msgspec.structs.replace(last, **{name: getattr(last, name) + getattr(event, name)})
        else:
            result.append(event)
    return result


def _continues(last: Event, event: Event) -> bool:
    if type(last) is not type(event):
        return False
    if isinstance(event, ReasoningDelta) and isinstance(last, ReasoningDelta):
        closed = last.signature or last.detail or event.signature or event.detail
        return not closed and (last.choice, last.field) == (event.choice, event.field)
    if isinstance(event, ToolCallDelta) and isinstance(last, ToolCallDelta):
        return (last.choice, last.index) == (event.choice, event.index) and not (event.id or event.name)
    return bool(last.choice == event.choice)  # type: ignore[union-attr]
