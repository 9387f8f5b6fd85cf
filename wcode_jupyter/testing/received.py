"""A received request, with the same properties for both API formats."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..request.messages import Protocol

__all__ = ["Received"]

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Received:
    """A request, without its API key."""

    number: int
    """Number of the request at this server, from 1."""
    protocol: Protocol
    headers: Mapping[str, str]
    """By lower-case name."""
    body: Json
    """The JSON body."""

    @property
    def model(self) -> str:
        """The requested model."""
        return _text(self.body.get("model"))

    @property
    def stream(self) -> bool:
        """Whether a streaming answer is requested."""
        return self.body.get("stream") is True

    @property
    def messages(self) -> list[Json]:
        """The messages in the format of the request."""
        return _objects(self.body.get("messages"))

    @property
    def system(self) -> str:
        """The system prompt; empty if there is none."""
        own = [_said(message) for message in self.messages if message.get("role") in ("system", "developer")]
        return "\n\n".join([*filter(None, [_said({"content": self.body.get("system")})]), *own])

    @property
    def prompt(self) -> str:
        """Text of the last user message, tool results excluded; empty if there is none."""
        texts = (_said(message) for message in reversed(self.messages) if message.get("role") == "user")
        return next(filter(None, texts), "")

    @property
    def results(self) -> list[str]:
        """Tool results after the last user message, in order."""
        found: list[str] = []
        for message in self.messages:
            if message.get("role") == "user" and _said(message):
                found = []
            found += _results(message)
        return found

    @property
    def images(self) -> list[bytes]:
        """Embedded images of the last message as bytes; URLs are left out."""
        parts = _parts(self.messages[-1]) if self.messages else []
        return [image for part in parts if (image := _image(part)) is not None]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _object(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _parts(message: Json) -> list[Json]:
    return _objects(message.get("content"))


def _said(message: Json) -> str:
    """The text of a message: its content may be a text, or parts of which some are text."""
    texts = [_text(part.get("text")) for part in _parts(message) if part.get("type") == "text"]
    return _text(message.get("content")) or "\n".join(texts)


def _results(message: Json) -> Iterator[str]:
    if message.get("role") == "tool":
        yield _said(message)
    for part in _parts(message):
        if part.get("type") == "tool_result":
            yield _said(part)


def _image(part: Json) -> bytes | None:
    """The bytes of an image part of either form."""
    url = _text(_object(part.get("image_url")).get("url"))
    data = url.partition(";base64,")[2] or _text(_object(part.get("source")).get("data"))
    try:
        return base64.b64decode(data, validate=True) if data else None
    except binascii.Error:
        return None
