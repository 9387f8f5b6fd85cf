"""JSON as servers really send it: strict and fast first, lenient where strict refuses."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

__all__ = ["REFUSED", "as_dict", "as_int", "as_list", "as_text", "bounded", "finite", "lenient", "loads", "strict"]

_DEEPEST = 64
_LARGEST = 2**63


REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What `strict` raises."""

strict = msgspec.json.Decoder().decode
"""The JSON value of bytes, by the letter and fast: raises REFUSED."""


def loads(data: bytes) -> object:
    """The JSON value of `data`, however little strict. Raises ValueError: not JSON, or nested too deep."""
    try:
        return strict(data)
    except REFUSED:
        return lenient(data)


def lenient(data: bytes) -> object:
    """The JSON value of `data`: bad UTF-8 replaced, lone surrogates kept, NaN and infinity as None.

    Raises ValueError: not JSON, or nested too deep.
    """
    try:
        return json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _name: None, parse_float=finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def finite(text: str) -> float | None:
    """The number that JSON spells `text`; None for one that is too large."""
    number = float(text)
    return number if math.isfinite(number) else None


def bounded(value: object, depth: int = _DEEPEST) -> Any:
    """`value` with what is nested deeper than `depth` left out: what is kept can always be written again."""
    if isinstance(value, dict):
        return {key: bounded(item, depth - 1) for key, item in value.items()} if depth else {}
    if isinstance(value, list):
        return [bounded(item, depth - 1) for item in value] if depth else []
    return value


def as_dict(value: object) -> dict[str, object]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """`value` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """`value` if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def as_int(value: object) -> int | None:
    """`value` as a count if it is one (3 or 3.0; not true, not negative, not above 64 bits), else None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < _LARGEST else None
