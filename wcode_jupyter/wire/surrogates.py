r"""Characters that a server cut in two: `\ud83d` ends one piece, `\ude0a` starts the next.

JSON may hold such halves, Python keeps them, and the first `.encode()` fails far away from here. So the halves are
joined where the stream is decoded, and what stays alone becomes U+FFFD.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import msgspec
from msgspec import Struct

from ..reply.events import Event, Finish, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta
from ..request.messages import valid_text

__all__ = ["Surrogates"]

# Event -> the field that comes in pieces.
_PIECES: dict[type, str] = {
    TextDelta: "text",
    ReasoningDelta: "text",
    RefusalDelta: "text",
    ToolCallDelta: "arguments",
}


class Surrogates:
    """Joins halves across the events of one answer; needed only once the lenient JSON reader was."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[Event, str]] = {}

    def join(self, events: list[Event]) -> list[Event]:
        """`events` with valid text only; a half at the end of a piece waits for the next piece of its kind."""
        joined: list[Event] = []
        for event in events:
            name = _PIECES.get(type(event))
            if name is not None:
                self._piece(event, name, joined)
                continue
            if isinstance(event, Finish):
                joined += self._release(event.choice)
            joined.append(_scrubbed(event))
        return joined

    def finish(self) -> list[Event]:
        """What still waited, as U+FFFD."""
        return self._release(None)

    def _piece(self, event: Event, name: str, joined: list[Event]) -> None:
        key = (type(event), event.choice, getattr(event, "index", 0))  # type: ignore[union-attr]
        _waiting, half = self._held.pop(key, (event, ""))
        whole = text = half + getattr(event, name)
        if text and "\ud800" <= text[-1] <= "\udbff":
            text = text[:-1]
            self._held[key] = (event, whole[-1])
        if text or not whole or (isinstance(event, ToolCallDelta) and event.name):
            joined.append(_scrubbed(msgspec.structs.replace(event, **{name: text})))

    def _release(self, choice: int | None) -> list[Event]:
        keys = [key for key, (event, _half) in self._held.items() if choice in (None, event.choice)]  # type: ignore[union-attr]
        waiting = [self._held.pop(key)[0] for key in keys]
        return [msgspec.structs.replace(event, **{_PIECES[type(event)]: "\ufffd"}) for event in waiting]


def _scrubbed(value: object) -> Any:
    if isinstance(value, str):
        return valid_text(value)
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_scrubbed(item) for item in value)
    if isinstance(value, Struct):
        fields = {name: _scrubbed(getattr(value, name)) for name in value.__struct_fields__}
        return type(value)(**fields)
    return value
