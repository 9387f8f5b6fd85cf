"""Recorded answers of public projects, both protocols, give what their authors expect, however the bytes are cut."""

from __future__ import annotations

import base64
import json
import random
import re
from typing import Any

import pytest

from wcode_jupyter import wire
from wcode_jupyter.reply.events import (
    Event,
    Failure,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)

from .conformance import needs_data, read
from .stream_tools import decode, merged, request

STREAMS: list[dict[str, Any]] = [json.loads(line) for line in read("streams.jsonl.gz").splitlines()]
EXACT = [stream for stream in STREAMS if stream["judge"] == "exact"]

# The expectations keep the server's words; protocol notes, sections 1.2 and 4.3, say what they mean.
REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

# Reasoning that came only under `reasoning_details`, which the tool behind the expectations does not read.
REASONING = {"test_snowflake/test_snowflake_thinking_streaming#0": "15 * 27 = 405"}

# The tool behind the expectations takes the last count, our rule the largest of each field (protocol, section 4.3).
USAGE = {"anthropic-sdk/stream-a-toolrefusal.sse": (612, 106), "anthropic-sdk/refusal_response.txt": (20, 1)}


def _id(stream: dict[str, Any]) -> str:
    return str(stream["id"])


def _text(events: list[Event], kind: type, choice: int) -> str:
    return "".join(e.text for e in events if isinstance(e, kind) and e.choice == choice)  # type: ignore[attr-defined]


def _calls(events: list[Event], choice: int) -> list[dict[str, str]]:
    calls: dict[int, dict[str, str]] = {}
    for event in events:
        if isinstance(event, ToolCallDelta) and event.choice == choice:
            call = calls.setdefault(event.index, {"id": "", "name": "", "arguments": ""})
            call["id"] += event.id
            call["name"] += event.name
            call["arguments"] += event.arguments
    return [call for _index, call in sorted(calls.items())]


def _choice(events: list[Event], index: int) -> dict[str, Any]:
    finish = [e.reason for e in events if isinstance(e, Finish) and e.choice == index]
    return {
        "text": _text(events, TextDelta, index),
        "reasoning": _text(events, ReasoningDelta, index),
        "refusal": _text(events, RefusalDelta, index),
        "tool_calls": _calls(events, index),
        "finish_reason": finish[0] if finish else None,
    }


def _expected_usage(stream: dict[str, Any]) -> list[tuple[int, int]]:
    sent = stream["expect"]["usage"]
    if sent is None:
        return []
    if stream["id"] in USAGE:
        return [USAGE[stream["id"]]]
    if stream["proto"] == "anthropic":
        return [(sent["input_tokens"] + _cached(stream), sent["output_tokens"])]
    prompt = sent["prompt_tokens"]
    return [(prompt, max(sent["completion_tokens"], sent["total_tokens"] - prompt))]


def _cached(stream: dict[str, Any]) -> int:
    """Cached input tokens, which the expectations leave out: the largest of each field, read from the raw bytes."""
    data = base64.b64decode(stream["b64"])
    names = (b"cache_read_input_tokens", b"cache_creation_input_tokens")
    return sum(max(map(int, re.findall(b'"%b": ?([0-9]+)' % name, data)), default=0) for name in names)


@needs_data
@pytest.mark.parametrize("stream", EXACT, ids=_id)
def test_a_recorded_stream_gives_what_its_authors_expect(stream: dict[str, Any]) -> None:
    """Text, reasoning, refusal, tool calls, finish reason, usage, model and error are those that the source states."""
    expect = stream["expect"]
    decoder = wire.decoder(request(stream["proto"]))
    events = decode(decoder, [base64.b64decode(stream["b64"])])
    for index, choice in enumerate(expect["choices"]):
        wanted = {**choice, "finish_reason": REASONS.get(choice["finish_reason"], choice["finish_reason"])}
        wanted["reasoning"] = REASONING.get(stream["id"], wanted["reasoning"])
        assert _choice(events, index) == wanted
    started = [event for event in events if isinstance(event, Started)]
    assert [event.model for event in started] == [expect["model"]]
    usages = [(event.input_tokens, event.output_tokens) for event in events if isinstance(event, Usage)]
    assert usages[-1:] == _expected_usage(stream)
    errors = [expect["error"]] if expect["error"] else []
    assert [event.message for event in events if isinstance(event, Failure)] == errors
    finished = any(choice["finish_reason"] for choice in expect["choices"])
    assert decoder.done == (expect["saw_done"] or (stream["proto"] == "openai" and finished))


@needs_data
@pytest.mark.parametrize("stream", STREAMS, ids=_id)
def test_where_the_bytes_are_cut_does_not_matter(stream: dict[str, Any]) -> None:
    """Byte by byte (short streams) and at sampled two-way cuts, the events are the same but for how text is split."""
    data = base64.b64decode(stream["b64"])
    whole = merged(decode(wire.decoder(request(stream["proto"])), [data]))
    cuts = random.Random(len(data)).sample(range(1, len(data)), 4)
    ways = [[data[:cut], data[cut:]] for cut in cuts]
    if len(data) < 20_000:
        ways.append([data[i : i + 1] for i in range(len(data))])
    for pieces in ways:
        assert merged(decode(wire.decoder(request(stream["proto"])), pieces)) == whole


@needs_data
def test_the_data_is_complete() -> None:
    """All 160 recorded answers are there, 89 of the OpenAI form and 71 of the Anthropic form."""
    assert [sum(s["proto"] == proto for s in STREAMS) for proto in ("openai", "anthropic")] == [89, 71]
