"""Values into types, each type built once under a lock."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from wcode_jupyter.typed import convert, decode, decoder


class Inner(msgspec.Struct):
    number: int = 0


class Outer(msgspec.Struct):
    inner: Inner = msgspec.field(default_factory=Inner)


def test_values() -> None:
    """JSON and plain values give the type, its defaults filled in."""
    assert decode(b'{"inner": {"number": 3}}', Outer) == convert({"inner": {"number": 3}}, Outer) == Outer(Inner(3))
    assert decode("{}", Outer) == Outer()
    assert convert({"number": "3"}, Inner, strict=False) == Inner(3)


def test_refused() -> None:
    """Another shape is msgspec's own error."""
    with pytest.raises(msgspec.ValidationError):
        convert({"number": "3"}, Inner)
    with pytest.raises(msgspec.DecodeError):
        decode(b"{", Inner)


def test_one_decoder() -> None:
    """A type is built once; one that cannot be kept by its value works too."""
    assert decoder(Outer) is decoder(Outer)
    unhashable = Annotated[int, msgspec.Meta(extra_json_schema={"a": 1})]
    assert convert(3, unhashable) == 3
