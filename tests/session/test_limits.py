"""Promises about the length of answers: what the page states is checked and used."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.fault_server import FaultServer, body
from wcode_jupyter import Client, wire
from wcode_jupyter.session import Call, Session

# "maxTokens" of each page.
LIMITS = {
    "stepfun/step-3.5-flash": 256000,
    "qwen/qwen3-235b-a22b": 8192,
    "qwen3.6-plus": 64000,
    "z-ai/glm-5": 128000,
}


def prepared(model: str, prompt: str = "hi", **values: Any) -> Call:
    extra = values.pop("extra_body", None)
    return Session().prepare(prompt, {"model": model, **values}, extra_body=extra)


@pytest.mark.parametrize("model", LIMITS)
def test_more_than_the_page_states_is_warned_of(model: str) -> None:
    """At the limit nothing is said; one token more is sent with a warning, however it is written."""
    limit = LIMITS[model]
    words = f"the page of {model} states at most {limit} tokens of output"
    assert not [text for text in prepared(model, max_tokens=limit).warnings if words in text]
    if model != "stepfun/step-3.5-flash":  # its limit is the context
        assert [text for text in prepared(model, max_tokens=limit + 1).warnings if words in text]
    for name in ("max_tokens", "max_completion_tokens"):
        assert [text for text in prepared(model, extra_body={name: limit + 1}).warnings if words in text]


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        # The context without the prompt, half as many again as the rule of thumb: 256000 - round(0.5 * 1.5) - 4
        ("stepfun/step-3.5-flash", 255995),
        ("qwen/qwen3-235b-a22b", 8192),
        ("qwen3.6-plus", 64000),
        ("z-ai/glm-5", 128000),
        ("acme/new", 4096),
    ],
)
def test_the_anthropic_form_names_the_models_own_limit(model: str, limit: int) -> None:
    """The form has to name one; a user's own wins, and recordings made under 4096 stay valid."""
    call = prepared(model, protocol="anthropic")
    assert wire.encode(call.request)["max_tokens"] == limit
    assert call.fingerprint == prepared(model, protocol="anthropic", max_tokens=4096).fingerprint
    assert wire.encode(prepared(model, protocol="anthropic", max_tokens=7).request)["max_tokens"] == 7


def test_the_prompt_leaves_less_room() -> None:
    """A prompt of about 100,000 tokens in a context of 200,000: at least half as many are set aside for it."""
    limit = wire.encode(prepared("glm-5", "abcd" * 100_000, protocol="anthropic").request)["max_tokens"]
    assert limit == 200_000 - 150_000 - 4


def test_the_estimate_counts_what_is_in_the_body() -> None:
    """`extra_body` wins in the body, and so in the estimate."""
    call = prepared("glm-5", max_tokens=10, extra_body={"max_tokens": 100_000})
    assert call.estimate.output_cny == Decimal("3.5")
    assert prepared("glm-5", protocol="anthropic").estimate.output_cny == Decimal("4.48")


def test_the_anthropic_form_that_no_page_states() -> None:
    """It is said, and sent all the same; the pages of GLM 5 and Qwen3 announce it."""
    words = "the page of {} does not state the Anthropic form"
    for model in LIMITS:
        said = words.format(model) in prepared(model, protocol="anthropic").warnings
        assert said == (model in ("stepfun/step-3.5-flash", "qwen3.6-plus"))


def test_an_open_tier_is_said_after_the_answer_too() -> None:
    """256,001 input tokens: the page leaves open which price holds."""
    for tokens, noted in ((256_000, False), (256_001, True)):
        text = (
            '{"id": "x", "model": "qwen3.6-plus", "choices": [{"index": 0, "finish_reason": "stop", "message": '
            f'{{"role": "assistant", "content": "a"}}}}], "usage": {{"prompt_tokens": {tokens}, "completion_tokens": 1}}}}'  # noqa: E501
        )
        with FaultServer(body(text)) as server, Client(server.base_url, "sk-test-1234", log=False) as client:
            reply = client.ask("hi", model="qwen3.6-plus")
        assert ("the price tier for this length is not documented" in reply.notices) == noted
