"""A tool call's arguments as everybody repairs them: what was sent twice, packed twice or wrapped. Never guessed."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Sequence

__all__ = ["repaired"]

_WRAPPED = re.compile(r"\s*```(?:json)?\s*\n?(.*?)(?:```)?\s*", re.DOTALL)
_BEHIND = re.compile(r"(?:\s|```|</?(?:tool_call|function_call|arguments|function|tool)>|<\|[\w ]*\|>)*")
_DECODER = json.JSONDecoder(strict=False)


def repaired(pieces: Sequence[str]) -> str:
    """The JSON text that `pieces` mean; joined as they are where that is no object and nothing known helps."""
    whole = "".join(pieces)
    if not whole.strip() or isinstance(value := _value(whole), dict):
        return whole
    if isinstance(value, str) and isinstance(_value(value), dict):
        return value  # packed twice
    if (found := _WRAPPED.fullmatch(whole)) and isinstance(_value(found[1]), dict):
        return found[1].strip()
    return _one_of(whole) or _last_of(pieces) or whole


def _value(text: str) -> object:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _one_of(whole: str) -> str:
    """The object of several in a row that are empty or the same, and of what templates put behind one."""
    objects: list[tuple[object, str]] = []
    at = 0
    while at < len(whole):
        try:
            value, end = _DECODER.raw_decode(whole, at)
        except (ValueError, RecursionError):
            return ""
        objects.append((value, whole[at:end]))
        behind = _BEHIND.match(whole, end)
        at = behind.end() if behind else end
    said = [text for value, text in objects if value != {}] or [objects[0][1]]
    values = [value for value, _text in objects if value != {}] or [{}]
    same = all(value == values[0] for value in values)
    return said[0] if same and isinstance(values[0], dict) else ""


def _last_of(pieces: Sequence[str]) -> str:
    """The last of several pieces that each repeat all before."""
    told = [piece for piece in pieces if piece]
    repeats = all(later.startswith(piece) for piece, later in itertools.pairwise(told))
    if repeats and isinstance(_value(told[-1]), dict):
        return told[-1]
    # Or the whole once more, after all its pieces.
    before = "".join(told[:-1])
    return told[-1] if before.strip() == told[-1].strip() and isinstance(_value(told[-1]), dict) else ""
