"""Recorded answers as streams: the same events folded, the same error, no engine."""

from __future__ import annotations

import asyncio
import threading

import pytest

from wcode_jupyter import errors
from wcode_jupyter.errors import AnswerCut, RateLimited, WcodeError
from wcode_jupyter.event_loop import Stream
from wcode_jupyter.reply import Choice, ErrorInfo, Reply
from wcode_jupyter.reply.events import TextDelta, TokenLogprob, Usage
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Reasoning, Request, ToolCall, to_messages

REQUEST = Request(model="m", messages=to_messages("hi"))
FULL = Reply(
    request=REQUEST,
    choices=(
        Choice(
            text="Hello",
            reasoning=(Reasoning("Hm", "reasoning_content"), Reasoning("so", "thinking", "sig")),
            tool_calls=(ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "g", "")),
            finish_reason="stop",
            native_finish_reason="end_turn",
            tokens=(TokenLogprob("Hello", -0.1),),
        ),
        Choice(refusal="No", finish_reason="content_filter"),
    ),
    usage=Usage(9, 6),
    model="m-2026",
    id="c1",
    system_fingerprint="fp",
    notices=("retrying",),
    raw={"timings": {"a": 1}},
)


def test_its_events_fold_to_the_same_answer() -> None:
    """Everything that the events can carry comes back: text, reasoning, calls, tokens, usage, notices, raw fields."""
    builder = ReplyBuilder(REQUEST)
    for event in Stream.of(FULL):
        builder.apply(event)
    again = builder.reply()
    for name in ("choices", "usage", "model", "id", "system_fingerprint", "notices", "raw"):
        assert getattr(again, name) == getattr(FULL, name), name


def test_it_has_ended_before_it_is_read() -> None:
    """The reply is there at once; reading gives its events once, starts no thread, and interrupting changes nothing."""
    threads = threading.active_count()
    recorded = Stream.of(FULL)
    assert recorded.reply is FULL
    assert recorded.interrupt() is FULL
    events = recorded.get()
    assert events is not None
    assert TextDelta("Hello", 0) in events
    assert recorded.get() is None
    assert recorded.result() is FULL
    assert recorded.snapshot() is FULL
    recorded.cancel()
    recorded.close()
    assert threading.active_count() == threads


def test_it_can_be_read_asynchronously() -> None:
    """`async for` and `aresult` work without an engine."""

    async def main() -> list[object]:
        recorded = Stream.of(FULL)
        events = [event async for event in recorded]
        assert await recorded.aresult() is FULL
        return events

    assert TextDelta("Hello", 0) in asyncio.run(main())


def test_a_recorded_failure_fails_again() -> None:
    """Class, text, hint, status and code come back, after the text that had arrived."""
    fault = ErrorInfo("RateLimited", "h answered 429: slow", "Wait.", 429, "rate")
    reply = Reply(request=REQUEST, choices=(Choice(text="Hel"),), ended="failed", fault=fault)
    recorded = Stream.of(reply)
    assert TextDelta("Hel", 0) in (recorded.get() or [])
    with pytest.raises(RateLimited) as caught:
        list(recorded)
    assert (caught.value.what, caught.value.hint) == ("h answered 429: slow", "Wait.")
    assert (caught.value.status, caught.value.code) == (429, "rate")
    assert caught.value.reply is reply


@pytest.mark.parametrize("kind", [name for name in errors.__all__ if name[0].isupper()])
def test_every_error_of_the_tree_can_be_recorded(kind: str) -> None:
    """No class needs more than a record holds."""
    reply = Reply(request=REQUEST, ended="failed", fault=ErrorInfo(kind, "what", "hint"))
    error = Stream.of(reply).error
    assert type(error) is getattr(errors, kind)
    assert (error.what, error.hint, error.reply) == ("what", "hint", reply)


@pytest.mark.parametrize("kind", ["FutureError", "one_line", "_"])
def test_an_error_of_a_newer_version_is_still_an_error(kind: str) -> None:
    """An unknown class name is a plain WcodeError and never some other function of the module."""
    recorded = Stream.of(Reply(request=REQUEST, ended="failed", fault=ErrorInfo(kind, "what")))
    assert type(recorded.error) is WcodeError


def test_a_record_without_its_request() -> None:
    """Also a bare Reply can be read."""
    recorded = Stream.of(Reply(choices=(Choice(text="x"),), ended="cut", fault=ErrorInfo("AnswerCut", "cut")))
    with pytest.raises(AnswerCut):
        recorded.result()
