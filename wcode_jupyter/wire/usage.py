"""Token counts as each form sends them. Detail counts are the server's claims: kept, never added."""

from __future__ import annotations

from ..reply.events import Usage
from .payload import as_dict, as_int

__all__ = ["chat_usage", "counts_something", "fullest", "message_usage"]

_INPUT = (
    "prompt_tokens", "input_tokens", "promptTokens", "inputTokens", "promptTokenCount", "prompt_token_count",
    "prompt_eval_count",
)  # fmt: skip
_OUTPUT = (
    "completion_tokens", "output_tokens", "completionTokens", "outputTokens", "candidatesTokenCount",
    "candidates_token_count", "eval_count",
)  # fmt: skip
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")


def fullest(known: dict[str, object], sent: dict[str, object]) -> dict[str, object]:
    """Both, and of each count the larger: servers send zeros first or last, and parts of the counts in any order."""
    result = dict(known)
    for name, value in sent.items():
        before, count = _as_count(result.get(name)), _as_count(value)
        if isinstance(value, dict):
            result[name] = fullest(as_dict(result.get(name)), value)
        elif count is not None:
            result[name] = value if before is None else max(before, count)
        elif result.get(name) is None:
            result[name] = value
    return result


def counts_something(usage: Usage) -> bool:
    """Whether it is more than the zeros of a server that does not count."""
    return bool(usage.input_tokens or usage.output_tokens)


def chat_usage(sent: dict[str, object]) -> Usage:
    """Token counts by the rule `output = max(completion, total − prompt)`: right for every gateway seen so far.

    Some servers leave reasoning out of `completion_tokens` but not out of the total (xAI), and some leave cached tokens
    out of `prompt_tokens`: what the total has too much is explained by these first. Details are never added.
    """
    prompt = _first(sent, *_INPUT) or 0
    completion = _first(sent, *_OUTPUT) or 0
    prompt_details = as_dict(sent.get("prompt_tokens_details")) or as_dict(sent.get("input_tokens_details"))
    completion_details = as_dict(sent.get("completion_tokens_details")) or as_dict(sent.get("output_tokens_details"))
    reasoning = _first({**sent, **completion_details}, "reasoning_tokens", "thoughtsTokenCount")
    cached = _first(prompt_details, "cached_tokens")
    if cached is None:
        cached = _first(
            sent, "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens", "cachedContentTokenCount"
        )
    excess = max(0, (_first(sent, *_TOTAL) or 0) - prompt - completion)
    if excess and excess != reasoning:
        from_cache = min(excess, cached or 0)
        prompt, excess = prompt + from_cache, excess - from_cache
    return Usage(
        input_tokens=prompt,
        output_tokens=completion + excess,
        reasoning_tokens=reasoning,
        cached_tokens=cached,
        cache_write_tokens=_first(prompt_details, "cache_write_tokens"),
        details=dict(sent),
    )


def message_usage(sent: dict[str, object]) -> Usage:
    """Token counts: here the cached tokens are not part of `input_tokens`, so they are added to the input."""
    fresh, read, written = (
        _as_count(sent.get(name)) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    return Usage(
        input_tokens=(fresh or 0) + (read or 0) + (written or 0),
        output_tokens=_as_count(sent.get("output_tokens")) or 0,
        reasoning_tokens=_as_count(as_dict(sent.get("output_tokens_details")).get("thinking_tokens")),
        cached_tokens=read,
        cache_write_tokens=written,
        details=dict(sent),
    )


def _first(sent: dict[str, object], *names: str) -> int | None:
    """The first count above zero among `names`, else a zero; None where there is none."""
    found = None
    for name in names:
        if name in sent and (count := _as_count(sent[name])) is not None:
            if count:
                return count
            found = 0
    return found


def _as_count(value: object) -> int | None:
    """A count, also one in quotes."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    return as_int(value)
