"""An answer as a row of the log: its columns, its words for the search, and the whole reply packed."""

from __future__ import annotations

import datetime
import zlib
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from ..reply import Reply
from ..request.messages import prompt_text
from .codec import without_images

__all__ = ["COLUMNS", "LoggedCall", "logged_call", "utc"]

COLUMNS = (
    "at", "model", "answered", "endpoint", "fingerprint", "ended", "error", "input_tokens", "output_tokens", "cost_cny",
    "total_s", "replayed", "reply",
)  # fmt: skip
LoggedCall: TypeAlias = tuple[tuple[object, ...], tuple[str, str] | None]
"""Values of `COLUMNS`, and prompt and text where they are logged."""


def logged_call(
    reply: Reply, at: datetime.datetime | None, *, content: bool, redact: Callable[[str], str]
) -> LoggedCall:
    """The columns of a call. `content` False leaves out prompt, answer and request; `redact` masks keys."""
    when = at or (None if reply.replayed else reply.asked_at) or datetime.datetime.now(datetime.UTC)
    request, usage, fault = reply.request, reply.usage, reply.fault
    values = (
        utc(when),
        request.model if request else reply.model,
        redact(reply.model),
        request.endpoint if request else "",
        reply.fingerprint,
        reply.ended,
        None if fault is None else fault.kind if not content else redact(reply.error or ""),
        usage.input_tokens if usage else None,
        usage.output_tokens if usage else None,
        None if reply.cost is None else str(reply.cost),
        reply.timing.total_s,
        reply.replayed,
        _packed(reply, redact) if content else None,
    )
    prompt = prompt_text(request.messages) if request else ""
    return values, (redact(prompt), redact(reply.text)) if content else None


def _packed(reply: Reply, redact: Callable[[str], str]) -> bytes:
    data = msgspec.json.encode(reply)
    if _IMAGE in data:
        data = msgspec.json.encode(without_images(reply.to_dict()))
    return zlib.compress(redact(data.decode()).encode(), 1)


_IMAGE = b'"data:'
"""What an image in a message begins with, as JSON."""


def utc(when: datetime.datetime | datetime.date) -> str:
    """Sortable UTC text; a date, or a time without zone, is local."""
    if not isinstance(when, datetime.datetime):
        when = datetime.datetime.combine(when, datetime.time())
    return when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
