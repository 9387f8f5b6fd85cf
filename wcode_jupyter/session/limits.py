"""How long an answer may be: what the request says, what the model's page says, and what is wrong between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from ..catalogue import Catalogue, Model
from ..errors import ParameterError
from ..language import _
from ..request.messages import Request

__all__ = ["most_output", "rough_tokens", "said", "tier_note", "warnings", "with_default"]

_LONGEST_OUTPUT = 131_072
"""Tokens, where neither the request nor the model's page says where an answer ends: as long as any of the catalogue."""

_NAMES = ("max_completion_tokens", "max_tokens")


def with_default(request: Request, model: Model, prompt: str) -> Request:
    """`request` with the limit that the Anthropic form has to name where the user named none.

    It is the model's own, as far as the context has room for it beside the prompt; where the page states none, the
    form's usual one.
    """
    if request.protocol != "anthropic" or "max_tokens" in request.parameters or not model.max_output:
        return request
    # Half as many again as the rule of thumb says: a limit beyond the context is refused.
    room = model.max_output if model.context is None else model.context - round(rough_tokens(prompt) * 1.5) - 4
    return msgspec.structs.replace(request, default_max_tokens=max(1, min(model.max_output, room)))


def said(request: Request) -> int | None:
    """The limit in the body as it is sent: `extra_body` wins; None where there is none."""
    for values in (request.extra_body, request.parameters):
        for name in _NAMES:
            if isinstance(value := values.get(name), int) and not isinstance(value, bool):
                return value
    return request.default_max_tokens


def most_output(request: Request, model: Model, tokens: int) -> int:
    """Output tokens that the answers to `request`, of about `tokens`, have at most."""
    context = None if model.context is None else max(1, model.context - tokens)
    limits = [limit for limit in (said(request), model.max_output, context) if limit is not None]
    answers = request.extra_body.get("n")
    return min(limits, default=_LONGEST_OUTPUT) * (answers if isinstance(answers, int) else 1)


def warnings(request: Request, catalogue: Catalogue, tokens: int) -> list[str]:
    """What the model's page says against the request. Raises ParameterError: max_tokens over the context."""
    model = catalogue.model(request.model)
    most = request.parameters.get("max_tokens")
    if most and model.context and most > model.context:
        raise ParameterError(
            _("max_tokens {value}: {model} has a context of {context} tokens").format(
                value=most, model=model.id, context=model.context
            ),
            name="max_tokens",
        )
    return [*_unstated(request, model), *_too_long(said(request) or 0, model, tokens)]


def _unstated(request: Request, model: Model) -> Iterator[str]:
    for name in request.parameters:
        if name in model.unlisted:
            yield _("{name} is not listed on the page of {model}").format(name=name, model=model.id)
    if request.protocol == "anthropic" and model.key_page and model.anthropic is None and model.protocol is None:
        yield _("the page of {model} does not state the Anthropic form").format(model=model.id)


def _too_long(most: int, model: Model, tokens: int) -> Iterator[str]:
    if model.max_output and most > model.max_output:
        yield _("max_tokens {value}: the page of {model} states at most {limit} tokens of output").format(
            value=most, model=model.id, limit=model.max_output
        )
    if model.context and tokens + most > model.context:
        yield _("about {tokens} tokens of prompt and max_tokens together may exceed the context of {context}").format(
            tokens=tokens, context=model.context
        )
    if model.ambiguous_tier(tokens):
        yield tier_note()


def tier_note() -> str:
    """Said before and after an answer whose price the page leaves open."""
    return _("the price tier for this length is not documented")


_WIDE = re.compile("[^\0-\u2e7f]")


def rough_tokens(text: str) -> float:
    """About four Latin letters a token, and one and a half Chinese characters: the usual rule of thumb."""
    wide = 0 if text.isascii() else len(_WIDE.findall(text))
    return (len(text) - wide) / 4 + wide / 1.5
