"""Events folded into a Reply by hand."""

from __future__ import annotations

from typing import Any

from wcode_jupyter.reply import Reply
from wcode_jupyter.reply.events import Event
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message, Request

__all__ = ["REQUEST", "fold"]

REQUEST = Request(model="asked/model", messages=(Message("user", "Hi"),), parameters={"temperature": 0.2})


def fold(*events: Event, builder: ReplyBuilder | None = None, **ending: Any) -> Reply:
    """A Reply from events that arrive a second apart, the first one second after the request."""
    builder = builder or ReplyBuilder(REQUEST)
    for second, event in enumerate(events, start=1):
        builder.apply(event, float(second))
    return builder.reply(**ending)
