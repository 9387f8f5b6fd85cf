"""How is it spelled: requests to JSON bodies, bytes to events, for the two protocols. No I/O, no key, no address.

encode(request)      the body exactly as it is sent
fingerprint(request) the identity of the request, which a recorded answer is found by
decoder(request)     feed it the bytes of the answer, cut anywhere; then finish
decode_error(body)   what a refusal says
"""

from __future__ import annotations

import hashlib
import typing
from typing import Any

import msgspec

from ..errors import InputError, ParameterError
from ..language import _
from ..reply.events import Event
from ..request.forms import FORMS
from ..request.messages import Protocol, Request, canonical_json
from . import anthropic, openai
from .failure import decode_error
from .page import charset_of, decoded

__all__ = [
    "Decoder",
    "charset_of",
    "decode_error",
    "decoded",
    "decoder",
    "encode",
    "fingerprint",
    "headers",
    "path",
    "warnings",
]


class Decoder(typing.Protocol):
    """One answer, from bytes to events. Raises nothing but WcodeError, whatever the bytes."""

    @property
    def done(self) -> bool:
        """Whether the protocol's own end was seen: `[DONE]`, `message_stop`, a finish reason or a whole body.

        Read on until the connection ends all the same: usage may come after it. When it is False at the end of
        input, the answer was cut.
        """
        ...

    @property
    def closed(self) -> bool:
        """Whether the protocol's own last word was said: nothing but the connection's end follows."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the server gave the reason of the end. Some give it early: what follows counts all the same."""
        ...

    @property
    def heard(self) -> int:
        """Pieces of the answer so far, empty ones too; comments and other signs of life do not count."""
        ...

    @property
    def lost(self) -> str:
        """A piece that could not be read and may have held a part of the answer; empty: none."""
        ...

    @property
    def empty(self) -> bool:
        """Whether the server ended an answer that it had not begun; known after `finish`."""
        ...

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data`, bytes of the stream cut anywhere, completes; may be empty. Raises AnswerTooLarge."""
        ...

    def finish(self) -> list[Event]:
        """What was pending at the end of input. Raises AnswerMalformed when nothing that came was readable."""
        ...

    def decode_body(self, body: bytes) -> list[Event]:
        """A whole JSON answer as the same events. Raises AnswerMalformed."""
        ...


class _Codec(typing.NamedTuple):
    """The encoding of one protocol."""

    encode: typing.Callable[[Request], dict[str, Any]]
    warnings: typing.Callable[[Request], list[str]]
    decoder: typing.Callable[[Request], Decoder]


def _openai_decoder(request: Request) -> Decoder:
    asked = request.extra_body.get("n")
    return openai.OpenAIDecoder(
        thinking_opened=request.thinking_opened, asked_choices=asked if type(asked) is int else 1
    )


_CODECS: dict[Protocol, _Codec] = {
    "openai": _Codec(openai.encode, lambda _request: [], _openai_decoder),
    "anthropic": _Codec(
        anthropic.encode,
        anthropic.warnings,
        lambda request: anthropic.AnthropicDecoder(answer_tool=anthropic.answer_tool(request)),
    ),
}


def encode(request: Request) -> dict[str, Any]:
    """The body exactly as it is sent; `extra_body` is merged last and wins. Raises ParameterError (Anthropic form)."""
    return _CODECS[request.protocol].encode(request)


def identity(request: Request) -> dict[str, Any]:
    """What a fingerprint is made of: what is sent, and to which kind of endpoint."""
    return {"body": _usual_body(request), "protocol": request.protocol, "endpoint": request.endpoint}


def fingerprint(request: Request) -> str:
    """64 hex digits: SHA-256 of what is sent, to which kind of endpoint. The order of dicts does not matter.

    Raises InputError where the body cannot be written as JSON.
    """
    try:
        return hashlib.sha256(canonical_json(identity(request))).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(_("Cannot encode the request as JSON: {error}").format(error=error)) from None


def _usual_body(request: Request) -> dict[str, Any]:
    """The body as the fingerprint knows it: with the usual limit where the user set none.

    A limit that the catalogue gives may change with it; the question is the same, and recordings stay valid.
    """
    if request.default_max_tokens is None:
        return encode(request)
    try:
        return encode(msgspec.structs.replace(request, default_max_tokens=None))
    except ParameterError:  # no room to think in, in the usual limit
        return encode(request)


def path(protocol: Protocol) -> str:
    """What follows the base URL."""
    return FORMS[protocol].path


def headers(protocol: Protocol) -> dict[str, str]:
    """The headers that the protocol asks for, none of them secret."""
    return dict(FORMS[protocol].headers)


def warnings(request: Request) -> list[str]:
    """What of the request the protocol cannot carry, a sentence each; may be empty. Raises ParameterError."""
    return _CODECS[request.protocol].warnings(request)


def decoder(request: Request) -> Decoder:
    """A decoder for the answer to `request`."""
    return _CODECS[request.protocol].decoder(request)
