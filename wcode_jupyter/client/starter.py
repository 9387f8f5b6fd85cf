"""What chats, questions and tool loops need of a client."""

from __future__ import annotations

from typing import Protocol

from ..event_loop import Stream
from ..session import Call, Session
from ..session.keeping import Keeper

__all__ = ["Starter"]


class Starter(Protocol):
    """Sends prepared calls for a session."""

    @property
    def session(self) -> Session:
        """Settings, keys and replies."""

    @property
    def keeper(self) -> Keeper:
        """What is recorded."""

    def start(self, call: Call) -> Stream:
        """Sends a call, or finds its recorded answer. Raises WcodeError."""
