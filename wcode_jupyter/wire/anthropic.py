"""The Anthropic messages form."""

from __future__ import annotations

from typing import Any

from ..messages import Request
from .stream import StreamDecoder

__all__ = ["AnthropicDecoder", "encode", "warnings"]


def encode(request: Request) -> dict[str, Any]:
    """The body of a messages request."""
    raise NotImplementedError


def warnings(request: Request) -> list[str]:
    """Parameters without equivalent."""
    return []


class AnthropicDecoder(StreamDecoder):
    """Events of one message."""
