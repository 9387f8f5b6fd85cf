"""The protocols, one row each: what differs between them beside their encoding, which is a module of `wire`.

A further protocol is a name in `messages.Protocol`, a row here, its base URL in `settings`, and a module and a row in
`wire`.
"""

from __future__ import annotations

from msgspec import Struct

from .messages import Protocol

__all__ = ["DEFAULT_PROTOCOL", "FORMS", "Form"]


class Form(Struct, frozen=True, kw_only=True):
    """One protocol."""

    title: str
    """Its name in texts."""
    base_url: str
    """The setting that holds its server."""
    path: str
    """What follows the base URL."""
    models: str = "/models"
    """What follows it where the server lists its models."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers that it asks for, none of them secret."""
    has_logprobs: bool = True
    """Whether an answer can hold log probabilities."""
    local_path: str = ""
    """What the embedded model's base URL ends in."""


FORMS: dict[Protocol, Form] = {
    "openai": Form(title="OpenAI", base_url="base_url", path="/chat/completions", local_path="/v1"),
    "anthropic": Form(
        title="Anthropic",
        base_url="anthropic_base_url",
        path="/v1/messages",
        models="/v1/models",
        # Newer versions refuse temperature, top_p and top_k, which the gateway's pages list.
        headers=(("anthropic-version", "2023-06-01"),),
        has_logprobs=False,
    ),
}

DEFAULT_PROTOCOL: Protocol = "openai"
"""The form of a request that names none."""
