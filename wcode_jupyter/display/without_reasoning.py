"""An answer without its reasoning."""

from __future__ import annotations

import msgspec

from ..reply import Reply
from ..reply.events import Event, ReasoningDelta
from ..request.messages import Message
from .views import CellView

__all__ = ["WithoutReasoning"]


class WithoutReasoning:
    """A view that is not given the reasoning; the reply keeps it."""

    def __init__(self, shown: CellView) -> None:
        self._shown = shown
        self.begin, self.due_s, self.tick = shown.begin, shown.due_s, shown.tick
        self.abandon, self.hurry = shown.abandon, shown.hurry

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived, but for reasoning."""
        self._shown.feed([event for event in events if not isinstance(event, ReasoningDelta)])

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """The steps, but for reasoning."""
        self._shown.put_above(_thoughtless(transcript), since)

    def finish(self, reply: Reply) -> None:
        """Shows the answer as it ended. Where nothing but reasoning came, that is shown after all."""
        reply = msgspec.structs.replace(reply, transcript=_thoughtless(reply.transcript))
        if reply.text.strip() or reply.tool_calls:
            choices = tuple(msgspec.structs.replace(choice, reasoning=()) for choice in reply.choices)
            reply = msgspec.structs.replace(reply, choices=choices)
        self._shown.finish(reply)


def _thoughtless(transcript: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(msgspec.structs.replace(message, reasoning=()) for message in transcript)
