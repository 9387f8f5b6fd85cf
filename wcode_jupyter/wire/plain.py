"""The chunk that nearly every chunk of the OpenAI form is, read by its type: one piece of text or reasoning.

Reading it so halves the cost of a long answer. Any other field refuses it, so nothing is overlooked: it is then read
as the dict that it is.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .. import typed

__all__ = ["MOST_MISFITS", "PlainChunk", "decode_plain"]


class PlainDelta(Struct, forbid_unknown_fields=True, gc=False):
    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    role: str | None = None
    refusal: None = None
    tool_calls: None = None


class PlainChoice(Struct, forbid_unknown_fields=True, gc=False):
    delta: PlainDelta
    index: int = 0
    finish_reason: None = None
    native_finish_reason: None = None
    logprobs: None = None


class PlainChunk(Struct, forbid_unknown_fields=True, gc=False):
    """What nearly every chunk is: one piece of text or reasoning. Reading it by its type halves the cost.

    Any other field refuses it, so that nothing is overlooked; those at the end repeat what the first chunk said.
    """

    choices: tuple[PlainChoice]
    id: str | None = None
    object: Literal["chat.completion.chunk"] | None = None
    created: int | None = None
    model: str | None = None
    usage: None = None
    system_fingerprint: str | None = None
    service_tier: str | None = None
    provider: str | None = None
    obfuscation: str | None = None


MOST_MISFITS = 50
"""A server whose chunks are never plain should not pay for the attempt for ever."""

decode_plain = typed.decoder(PlainChunk).decode
"""A plain chunk from bytes. Raises what `payload.REFUSED` lists for any other."""
