"""Promises of the fold: whatever arrived is in the Reply, in its place, and it says how it ended."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.folding import REQUEST, fold
from wcode_jupyter.errors import AnswerCut, RateLimited
from wcode_jupyter.reply import Timing
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
    ToolCallDelta,
    Usage,
)
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message, Reasoning, ToolCall


def test_a_whole_answer() -> None:
    """Text, reasoning, usage, the server's own words about itself and unknown fields all end up in their places."""
    reply = fold(
        Started("c1", "answered/model", 17, "fp"),
        ReasoningDelta("Let me"),
        ReasoningDelta(" think\n"),
        TextDelta("Hel"),
        TextDelta("lo 😊"),
        Extra({"native_finish_reason": "stop"}),
        Extra({"timings": 1}),
        Finish("stop"),
        Usage(1, 1),
        Usage(9, 7),
        Notice("retried"),
    )
    assert str(reply) == reply.text == "Hello 😊"
    assert reply.reasoning == "Let me think"
    assert reply.choices[0].reasoning == (Reasoning("Let me think\n"),)
    assert reply.usage == Usage(9, 7)
    assert (reply.id, reply.model, reply.created, reply.system_fingerprint) == ("c1", "answered/model", 17, "fp")
    assert (reply.ended, reply.finish_reason, reply.error) == ("complete", "stop", None)
    assert reply.raw == {"native_finish_reason": "stop", "timings": 1}
    assert reply.notices == ("retried",)
    assert reply.request == REQUEST
    assert reply.replayed is False


def test_every_event_can_be_folded() -> None:
    """No event of the union is unknown to the builder."""
    events: list[Event] = [
        Started(),
        TextDelta("a"),
        ReasoningDelta("b"),
        RefusalDelta("c"),
        ToolCallDelta(0),
        LogprobDelta(()),
        Usage(),
        Finish("stop"),
        Failure("d"),
        Extra({}),
        Notice("e"),
    ]
    reply = fold(*events)
    assert (reply.text, reply.reasoning, reply.choices[0].refusal) == ("a", "b", "c")


def test_nothing_arrived() -> None:
    """An answer without events is an empty Reply of the model that was asked, with no usage and no cost."""
    builder = ReplyBuilder(REQUEST, price=lambda model, usage: Decimal(1))
    assert builder.has_answer is False
    reply = builder.reply(ended="failed")
    assert (reply.text, reply.reasoning, reply.tool_calls, reply.code) == ("", "", (), [])
    assert (reply.model, reply.usage, reply.cost, reply.timing.first_token_s) == ("asked/model", None, None, None)


@pytest.mark.parametrize(
    ("event", "has_answer"),
    [
        (TextDelta("a"), True),
        (ReasoningDelta("a"), True),
        (ToolCallDelta(0, "id"), True),
        (Started("c1"), False),
        (Usage(1, 1), False),
        (Notice("x"), False),
        (Finish("stop"), False),
    ],
)
def test_what_counts_as_an_answer_having_begun(event: Event, has_answer: bool) -> None:
    """Text, reasoning or a call: after that there is no retry."""
    builder = ReplyBuilder(REQUEST)
    builder.apply(event, 1.0)
    assert builder.has_answer is has_answer


def test_a_snapshot_does_not_disturb_the_fold() -> None:
    """A Reply can be taken at any moment; what comes later is not in it, and is in the next."""
    builder = ReplyBuilder(REQUEST)
    first = fold(TextDelta("a"), Extra({"x": 1}), builder=builder)
    second = fold(TextDelta("b"), Extra({"y": 2}), builder=builder)
    assert (first.text, first.raw) == ("a", {"x": 1})
    assert (second.text, second.raw) == ("ab", {"x": 1, "y": 2})


def test_interleaved_choices_do_not_mix() -> None:
    """With n > 1 each answer is its own, in the order of its index; the first is the Reply's."""
    reply = fold(
        TextDelta("b", choice=1),
        TextDelta("a", choice=0),
        TextDelta("B", choice=1),
        Finish("length", choice=1),
        Finish("stop", choice=0),
    )
    assert [choice.text for choice in reply.choices] == ["a", "bB"]
    assert [choice.finish_reason for choice in reply.choices] == ["stop", "length"]
    assert (reply.text, reply.ended) == ("a", "complete")


def test_tool_calls_in_pieces() -> None:
    """Id and name once, even when repeated; arguments joined; calls in the order of their index."""
    reply = fold(
        ToolCallDelta(1, "call_2", "g", ""),
        ToolCallDelta(0, "call_1", "f", '{"a"'),
        ToolCallDelta(0, "call_1", "f", ":1}"),
        Finish("tool_calls"),
    )
    assert reply.tool_calls == (ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "g", ""))
    assert reply.ended == "complete"
    assert reply.message == Message("assistant", "", tool_calls=reply.tool_calls)


def test_half_a_character_in_json_is_one_that_is_missing() -> None:
    """As a value it could be neither printed nor shown; whole ones are joined."""
    reply = fold(TextDelta(r'{"a": "\ud83d", "\uD83D\uDE0A": 1}'))
    assert reply.json() == {"a": "\ufffd", "\U0001f60a": 1}
    assert ToolCall("c", "f", r'["\ude0a"]').parsed() == ["\ufffd"]


def test_reasoning_keeps_field_and_signature() -> None:
    """Pieces of one field are one; another field or a signature begins the next, for a tool loop to give back."""
    reply = fold(
        ReasoningDelta("a", field="thinking"),
        ReasoningDelta("b", field="thinking"),
        ReasoningDelta("", field="thinking", signature="s1"),
        ReasoningDelta("c", field="thinking"),
        ReasoningDelta("d", field="reasoning_content"),
        TextDelta("x"),
        ReasoningDelta("e", field="reasoning_content"),
        ReasoningDelta("", field="reasoning_content", detail={"data": "x"}),
        ReasoningDelta("", field="reasoning_content", detail={"data": "y"}),
    )
    assert reply.choices[0].reasoning == (
        Reasoning("ab", "thinking", "s1"),
        Reasoning("c", "thinking"),
        Reasoning("de", "reasoning_content"),
        Reasoning("", "reasoning_content", detail={"data": "x"}),
        Reasoning("", "reasoning_content", detail={"data": "y"}),
    )
    assert reply.reasoning == "abcde"


def test_reasoning_is_not_sent_back_in_plain_chat() -> None:
    """The message that continues a conversation has the text, not the thoughts."""
    assert fold(ReasoningDelta("hm"), TextDelta("4")).message == Message("assistant", "4")


# -- How it ended -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        ("stop", "complete"),
        ("tool_calls", "complete"),
        ("length", "length"),
        ("content_filter", "cut"),
        ("error", "failed"),
        ("something_new", "complete"),
    ],
)
def test_how_it_ended_follows_the_finish_reason(reason: str, ended: str) -> None:
    """Each finish reason has its meaning; a word of the server's own is kept beside."""
    reply = fold(TextDelta("a"), Finish(reason, raw="native"))
    assert (reply.ended, reply.finish_reason) == (ended, reason)
    assert reply.choices[0].native_finish_reason == "native"


def test_who_ends_an_answer_may_say_so() -> None:
    """An explicit ending wins over the finish reason, and its error is kept as data."""
    error = RateLimited("Too many", status=429, code="1302", hint="Wait")
    reply = fold(TextDelta("a"), Finish("stop"), ended="cut", error=error)
    assert reply.ended == "cut"
    assert reply.text == "a"
    assert reply.fault is not None
    assert (reply.fault.kind, reply.fault.what, reply.fault.hint) == ("RateLimited", "Too many", "Wait")
    assert (reply.fault.status, reply.fault.code) == (429, "1302")


def test_the_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """`reply.error` reads as the exception did."""
    monkeypatch.setenv("WCODE_LANG", "en")
    error = AnswerCut("The connection ended", hint="Run the cell again.")
    assert fold(ended="cut", error=error).error == str(error) == "The connection ended. Run the cell again."


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([ReasoningDelta("hm"), Finish("length")], True),
        ([ReasoningDelta("hm"), TextDelta(" \n"), Finish("length")], True),
        ([ReasoningDelta("hm"), TextDelta("a"), Finish("length")], False),
        ([ReasoningDelta("hm"), Finish("stop")], False),
        ([Finish("length")], False),
    ],
)
def test_the_budget_that_went_to_thinking(events: list[Event], expected: bool) -> None:
    """True only when max_tokens ended an answer that has reasoning and no text."""
    assert fold(*events).budget_went_to_thinking is expected


# -- Money and time ---------------------------------------------------------------------------------------------------


def test_the_cost_is_of_the_model_that_was_asked() -> None:
    """The price function gets the model asked for and the last usage; its Decimal is kept exact."""
    asked = []

    def price(model: str, usage: Usage) -> Decimal:
        asked.append((model, usage))
        return Decimal("0.0017578")

    builder = ReplyBuilder(REQUEST, price=price)
    reply = fold(Started(model="other"), TextDelta("a"), Usage(24, 494), builder=builder)
    assert reply.cost == Decimal("0.0017578")
    assert asked == [("asked/model", Usage(24, 494))]


def test_timing() -> None:
    """First token of any kind, first text, total, and output tokens over the time after the first token."""
    reply = fold(Started(), ReasoningDelta("a"), TextDelta("b"), TextDelta("c"), Usage(1, 20), total_s=6.0)
    # reasoning after 2 s, text after 3 s; 20 tokens in the 4 s from 2 to 6
    assert reply.timing == Timing(first_token_s=2.0, first_text_s=3.0, total_s=6.0, tokens_per_s=5.0)


@pytest.mark.parametrize("events", [[TextDelta("a")], [Usage(1, 20)]])
def test_no_rate_without_usage_or_text(events: list[Event]) -> None:
    """Tokens a second are not guessed."""
    assert fold(*events, total_s=5.0).timing.tokens_per_s is None


def test_no_rate_when_all_came_at_once() -> None:
    """A whole answer in one moment has no speed (and divides by no zero)."""
    assert fold(TextDelta("a"), Usage(1, 20), total_s=1.0).timing.tokens_per_s is None


def test_a_long_answer_folds_in_linear_time() -> None:
    """200,000 pieces are joined once; their order is kept."""
    pieces = [str(index % 10) for index in range(200_000)]
    assert fold(*map(TextDelta, pieces)).text == "".join(pieces)
