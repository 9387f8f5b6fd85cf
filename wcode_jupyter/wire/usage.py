"""Token counts as each form sends them. Detail counts are the server's claims: kept, never added."""

from __future__ import annotations

from typing import Any

from ..reply.events import Usage
from .payload import as_dict, as_int

__all__ = ["chat_usage", "message_usage"]


def chat_usage(sent: dict[str, Any]) -> Usage:
    """Token counts by the rule `output = max(completion, total − prompt)`: right for every gateway seen so far.

    Some servers leave reasoning out of `completion_tokens` but not out of the total (xAI). Details are never added.
    """
    prompt = _count(sent, "prompt_tokens", "input_tokens")
    completion = _count(sent, "completion_tokens", "output_tokens")
    total = as_int(sent.get("total_tokens")) or 0
    prompt_details = as_dict(sent.get("prompt_tokens_details"))
    completion_details = as_dict(sent.get("completion_tokens_details"))
    return Usage(
        input_tokens=prompt,
        output_tokens=max(completion, total - prompt),
        reasoning_tokens=_first(completion_details.get("reasoning_tokens"), sent.get("reasoning_tokens")),
        cached_tokens=_first(
            prompt_details.get("cached_tokens"), sent.get("prompt_cache_hit_tokens"), sent.get("cached_tokens")
        ),
        cache_write_tokens=_first(prompt_details.get("cache_write_tokens")),
        details=dict(sent),
    )


def message_usage(sent: dict[str, Any]) -> Usage:
    """Token counts: here the cached tokens are not part of `input_tokens`, so they are added to the input."""
    fresh, read, written = (
        as_int(sent.get(name)) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return Usage(
        input_tokens=(fresh or 0) + (read or 0) + (written or 0),
        output_tokens=as_int(sent.get("output_tokens")) or 0,
        reasoning_tokens=as_int(as_dict(sent.get("output_tokens_details")).get("thinking_tokens")),
        cached_tokens=read,
        cache_write_tokens=written,
        details=dict(sent),
    )


def _count(sent: dict[str, Any], *names: str) -> int:
    return _first(*(sent.get(name) for name in names)) or 0


def _first(*values: Any) -> int | None:
    return next((count for value in values if (count := as_int(value)) is not None), None)
