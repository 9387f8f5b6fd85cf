"""Promises of the events: frozen, telling their kind in JSON, and usage that never adds the server's details."""

from __future__ import annotations

import typing

import msgspec
import pytest

from wcode_jupyter.reply import events
from wcode_jupyter.reply.events import (
    Event,
    Extra,
    Failure,
    Finish,
    LogprobDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    TextWasReasoning,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

ONE_OF_EACH: list[Event] = [
    Started(id="c1", model="m", created=1, system_fingerprint="f"),
    TextDelta("你好 😊", choice=1),
    TextWasReasoning(choice=1),
    ReasoningDelta("hm", field="reasoning_content", signature="s"),
    RefusalDelta("no"),
    ToolCallDelta(0, "call_1", "f", "{}"),
    LogprobDelta((TokenLogprob("a", -0.1, (97,), (TokenLogprob("b", -2.0),)),)),
    Usage(9, 7, 4, 1, 0, {"prompt_tokens": 9}),
    Finish("content_filter", "sensitive"),
    Failure("Overloaded", 529, "1305", "overloaded_error", True),
    Extra({"timings": {"n": 1}}),
    Notice("retried once"),
]


def test_there_is_one_sample_of_every_event() -> None:
    """The samples below cover the whole union, and every member is exported."""
    members = typing.get_args(Event)
    assert [type(event) for event in ONE_OF_EACH] == list(members)
    assert {member.__name__ for member in members} <= set(events.__all__)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_an_event_survives_json(event: Event) -> None:
    """As JSON it names its kind, and the union reads it back to an equal event."""
    text = msgspec.json.encode(event)
    assert msgspec.json.decode(text)["type"] == type(event).__name__
    assert msgspec.json.decode(text, type=Event) == event


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_an_event_cannot_be_changed(event: Event) -> None:
    """Events cross threads: none of their fields can be set."""
    with pytest.raises(AttributeError):
        setattr(event, event.__struct_fields__[0], None)


@pytest.mark.parametrize(
    ("usage", "total", "visible", "consistent"),
    [
        (Usage(24, 494, 245), 518, 249, True),  # the page of Step
        (Usage(13, 559), 572, 559, True),  # Qwen3: no details
        (Usage(23, 1501, 1256), 1524, 245, True),  # Qwen3.6
        (Usage(15, 210, 229), 225, 0, False),  # GLM claims more reasoning than output
        (Usage(), 0, 0, True),
    ],
)
def test_usage_of_the_four_pages(usage: Usage, total: int, visible: int, consistent: bool) -> None:
    """The total is input and output; details are never added, and a claim over the output is called inconsistent."""
    assert (usage.total_tokens, usage.visible_tokens, usage.consistent) == (total, visible, consistent)
