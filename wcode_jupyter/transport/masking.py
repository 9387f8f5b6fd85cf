"""A server that echoes the key: masked in every field of every event, before anything else sees it.

Text that arrives in pieces is held back while its end could be the beginning of a key, a few characters at most, and
the log probabilities of that text with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias, TypeVar

import msgspec

from ..language import _
from ..redaction import RECOGNISABLE
from ..reply.events import Event, Finish, LogprobDelta, Notice, ReasoningDelta, RefusalDelta, TextDelta, ToolCallDelta

__all__ = ["Mask", "MaskTable"]

_Piece: TypeAlias = TextDelta | ReasoningDelta | RefusalDelta | ToolCallDelta
_Where: TypeAlias = tuple[str, int, object]
_T = TypeVar("_T")


class MaskTable:
    """What masks look out for, worked out once for many answers. `redact` masks whole texts; `keys`: all spellings."""

    def __init__(self, redact: Callable[[str], str], keys: tuple[str, ...]) -> None:
        self.redact = redact
        # A key may be cut behind its first characters, which alone are nobody's secret.
        self.keys = tuple({key.lower()[start:] for key in keys for start in range(_LEAST)})
        self.beginnings = tuple({key[:_LEAST] for key in self.keys})
        self.longest = max(map(len, self.keys), default=0)
        self.signs = _signs(keys)
        """Finds something in every text that holds the beginning of a key or a recognisable part (small letters)."""

    def beginning(self, text: str) -> int:
        """Characters at the end of `text`, in small letters, that a key begins with."""
        tail = text[-self.longest :]
        for begins in self.beginnings:
            if begins in tail:
                break
        else:
            return 0
        most = 0
        for key in self.keys:
            begins = key[:_LEAST]
            at = text.find(begins, max(0, len(text) - len(key) + 1))
            while at >= 0 and not key.startswith(text[at:]):
                at = text.find(begins, at + 1)
            most = max(most, len(text) - at if at >= 0 else 0)
        return most


class Mask:
    """The mask over one answer."""

    def __init__(self, table: MaskTable) -> None:
        self._table = table
        self._redact = table.redact
        self._held: dict[_Where, _Piece] = {}
        self._passed: dict[_Where, str] = {}
        """The last characters that have gone on: too few to be held back."""
        self._late: dict[int, list[LogprobDelta]] = {}
        self._tokens: dict[int, str] = {}
        self._masked = self._told = False

    def events(self, events: list[Event]) -> list[Event]:
        """The events that can go on, masked; a Notice once where something was."""
        if not self._table.keys or self._is_harmless(events):
            return events
        return self._with_notice([passed for event in events for passed in self._pass(event)])

    def _is_harmless(self, events: list[Event]) -> bool:
        """Whether `events` are the next pieces of one text and no part of a key is in them: nearly always."""
        if self._held or self._late or not events:
            return False
        first = events[0]
        if not isinstance(first, (TextDelta, ReasoningDelta)):
            return False
        where = _where(first)
        text = self._passed.get(where, "")
        for event in events:
            if not isinstance(event, (TextDelta, ReasoningDelta)) or (event is not first and _where(event) != where):
                return False
            if isinstance(event, ReasoningDelta) and (event.signature or event.detail):
                return False
            text += event.text
        if self._table.signs.search(text.lower()):
            return False
        self._passed[where] = text[1 - _LEAST :]
        return True

    def rest(self) -> list[Event]:
        """What was held back, at the end of the answer."""
        return self._with_notice([event for where in list(self._held) for event in self._release(where)])

    def _with_notice(self, events: list[Event]) -> list[Event]:
        if self._masked and not self._told:
            self._told = True
            events.append(Notice(_("The server repeated an API key of this session; it is masked in the answer.")))
        return events

    def _pass(self, event: Event) -> Iterator[Event]:
        if isinstance(event, (TextDelta, ReasoningDelta, RefusalDelta, ToolCallDelta)):
            yield from self._piece(event)
        elif isinstance(event, LogprobDelta):
            yield from self._logprobs(event)
        else:
            if isinstance(event, Finish):
                for where in [where for where in self._held if where[1] == event.choice]:
                    yield from self._release(where)
            yield self._clean(event)

    def _piece(self, event: _Piece) -> Iterator[Event]:
        where = _where(event)
        # What came before in another place is whole: the order of what is shown stays.
        for other in [other for other in self._held if other[1] == event.choice and other != where]:
            yield from self._release(other)
        before = self._held.pop(where, None)
        text = (_text(before) if before is not None else "") + _text(event)
        before_it = self._passed.get(where, "")
        end = len(text) - min(len(text), self._table.beginning((before_it + text).lower()))
        self._passed[where] = (before_it + text[:end])[1 - _LEAST :]
        passed, held = self._redact(text[:end]), text[end:]
        if before is None and passed == text and type(event) in _ONLY_TEXT and event.choice not in self._late:
            yield event
            return
        known = passed != text[:end]
        self._masked = self._masked or known
        # What an event carries beside its text (the id of a call, a signature) goes on at once, and once.
        if passed or not text or _only_text(event, passed) != _with_text(event, passed):
            yield self._clean(_with_text(event, passed))
        if held:
            self._held[where] = _only_text(event, held)
        else:
            yield from self._late_logprobs(event.choice, drop=known)

    def _release(self, where: _Where) -> Iterator[Event]:
        held = self._held.pop(where)
        yield self._clean(held)
        yield from self._late_logprobs(held.choice, drop=False)

    def _logprobs(self, event: LogprobDelta) -> Iterator[Event]:
        """Tokens that spell a key are left out: each alone is too short to be known as a part of it."""
        spelled = self._tokens.get(event.choice, "") + "".join(token.token for token in event.tokens)
        known = self._redact(spelled) != spelled
        self._tokens[event.choice] = spelled[-self._table.longest :] if not known else ""
        self._masked = self._masked or known
        if known:
            return
        if any(where[1] == event.choice for where in self._held) or self._table.beginning(spelled.lower()):
            self._late.setdefault(event.choice, []).append(event)
        else:
            yield from self._late_logprobs(event.choice, drop=False)
            yield self._clean(event)

    def _late_logprobs(self, choice: int, *, drop: bool) -> Iterator[Event]:
        late = self._late.pop(choice, [])
        if not drop:
            yield from map(self._clean, late)

    def _clean(self, event: _T) -> _T:
        """`event` with every text in it masked."""
        values = {name: getattr(event, name) for name in getattr(type(event), "__struct_fields__", ())}
        changed = {name: clean for name, value in values.items() if (clean := self._value(value)) is not value}
        return msgspec.structs.replace(event, **changed) if changed else event  # type: ignore[type-var]

    def _value(self, value: object) -> object:
        """The same object where nothing in it is a key."""
        if isinstance(value, str):
            known = self._redact(value) if len(value) >= _SHORTEST else value
            self._masked = self._masked or known != value
            return value if known == value else known
        if isinstance(value, Mapping):
            pairs = [(self._value(name), self._value(item)) for name, item in value.items()]
            same = all(a is c and b is d for (a, b), (c, d) in zip(pairs, value.items(), strict=True))
            return value if same else dict(pairs)
        if isinstance(value, (list, tuple)):
            items = [self._value(item) for item in value]
            return value if all(a is b for a, b in zip(items, value, strict=True)) else type(value)(items)
        return self._clean(value) if isinstance(value, msgspec.Struct) else value


def _signs(keys: tuple[str, ...]) -> re.Pattern[str]:
    # A part of 12 characters holds a whole half of that at a multiple of a half.
    half = RECOGNISABLE // 2
    beginnings = {key[start : start + _LEAST] for key in keys for start in range(_LEAST)}
    halves = {key[at : at + half] for key in keys for at in range(0, len(key) - half + 1, half)}
    return re.compile(
        "|".join(sorted({re.escape(sign.lower()) for sign in beginnings | halves if len(sign) >= _LEAST}))
    )


_LEAST = 3
"""Characters of a key from which the end of a text is held back."""
_SHORTEST = 4
"""Characters below which no text is looked at."""


_ONLY_TEXT = (TextDelta, RefusalDelta)
"""Events that hold nothing beside their text."""


def _where(event: _Piece) -> _Where:
    """What tells texts apart that are each put together by themselves."""
    if isinstance(event, ToolCallDelta):
        return "call", event.choice, event.index
    return type(event).__name__, event.choice, event.field if isinstance(event, ReasoningDelta) else None


def _text(event: _Piece) -> str:
    return event.arguments if isinstance(event, ToolCallDelta) else event.text


def _only_text(event: _Piece, text: str) -> _Piece:
    if isinstance(event, ToolCallDelta):
        return ToolCallDelta(event.index, arguments=text, choice=event.choice)
    if isinstance(event, ReasoningDelta):
        return ReasoningDelta(text, event.choice, event.field)
    return type(event)(text, event.choice)


def _with_text(event: _Piece, text: str) -> _Piece:
    if isinstance(event, ToolCallDelta):
        return msgspec.structs.replace(event, arguments=text)
    return msgspec.structs.replace(event, text=text)
