"""A tool loop as it is shown: every step above the one that is under way, and at the end one output."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..reply import Reply
from ..request.messages import Message
from .views import CellView, DeferredFinish, pump

if TYPE_CHECKING:
    from ..event_loop import Stream

__all__ = ["Steps"]


class Steps:
    """Shows a loop by views of single answers, which `view` makes."""

    def __init__(self, view: Callable[[], CellView]) -> None:
        self._make = view
        self._view = view()
        self._shown = 0

    def answer(self, stream: Stream) -> Reply:
        """Shows one answer of the model while it arrives."""
        return pump(stream, DeferredFinish(self._view))

    def steps(self, transcript: tuple[Message, ...]) -> None:
        """What there is so far stays above what comes."""
        self._view.abandon()
        self._view = self._make()
        self._view.put_above(transcript, self._shown)
        self._shown = len(transcript)

    def finish(self, reply: Reply) -> None:
        """The one output that stays."""
        self._view.finish(reply)

    def abandon(self) -> None:
        """It is asked again: nothing of this stays."""
        self._view.abandon()
