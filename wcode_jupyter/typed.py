"""JSON and plain values into our types, by msgspec, from any thread.

msgspec publishes what it knows of a type before it has filled it in: two threads that use a type for the first time at
the same moment can end the process. So each type is built once, under one lock, before it is used.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

__all__ = ["convert", "decode", "decoder"]

T = TypeVar("T")

_lock = threading.Lock()
_decoders: dict[object, msgspec.json.Decoder[Any]] = {}


def decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    """The decoder of `type_`. Building it builds what msgspec knows of the type and of every type within it."""
    if (found := _decoders.get(type_)) is None:
        with _lock:
            if (found := _decoders.get(type_)) is None:
                found = _decoders[type_] = msgspec.json.Decoder(type_)
    return found


def decode(data: bytes | str, type_: type[T]) -> T:
    """The value of the JSON `data`. Raises msgspec.DecodeError and its child ValidationError."""
    return decoder(type_).decode(data)


def convert(value: object, type_: type[T], *, strict: bool = True) -> T:
    """`value`, of plain JSON values, as `type_`. Raises msgspec.ValidationError."""
    decoder(type_)
    return msgspec.convert(value, type_, strict=strict)
