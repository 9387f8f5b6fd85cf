"""A server that repeats the key, in any field of its answer: nothing behind the transport ever sees it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.fault_server import Answer, FaultServer, Script, body, data, stream
from tests.transport.asking import KEY, Asked, ask
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply.events import Event, LogprobDelta, ReasoningDelta, TextDelta, TokenLogprob, ToolCallDelta
from wcode_jupyter.request.messages import Request, to_messages
from wcode_jupyter.transport.masking import Mask, MaskTable

CALL = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": "b"}'}}
TOKEN = {"token": "Hi", "logprob": -0.1, "bytes": None, "top_logprobs": [{"token": "Ho", "logprob": -2, "bytes": None}]}
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "details": {"tier": "x"}}
DELTA = {
    "role": "assistant", "content": "Hi", "reasoning_content": "hm", "refusal": "no", "tool_calls": [CALL],
    "reasoning_details": [{"type": "reasoning.text", "text": "hm", "id": "r", "signature": "s"}], "more": "x",
}  # fmt: skip
CHUNK = {
    "id": "1", "object": "chat.completion.chunk", "model": "m", "system_fingerprint": "fp", "provider": "p",
    "timings": {"note": "x"}, "usage": USAGE,
    "choices": [{"index": 0, "delta": DELTA, "logprobs": {"content": [TOKEN]}, "finish_reason": "stop", "native": "x"}],
}  # fmt: skip
WHOLE = {**CHUNK, "choices": [{**CHUNK["choices"][0], "message": DELTA}]}  # type: ignore[index]
MESSAGE = {
    "id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": "x",
    "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "x"}, "container": {"id": "x"},
    "content": [
        {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "c", "name": "f", "input": {"a": "b"}},
    ],
}  # fmt: skip


def planted(value: Any) -> Iterator[tuple[str, Any]]:
    """(path, a copy of `value`) for each text in it, which then ends in the key; names of fields too."""
    for path in paths(value, ()):
        changed = copy.deepcopy(value)
        at = changed
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = f"{at[path[-1]]} {KEY}"
        yield ".".join(map(str, path)), changed
    yield "a name", {**value, KEY: {"x": KEY}}


def paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if isinstance(value, str) and path:
        yield path
    for step, item in items:
        yield from paths(item, (*path, step))


def str_only(value: Any) -> str:
    """The path as the name of a case."""
    return value if isinstance(value, str) else ""


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def asked(script: Script | Answer, protocol: Any = "openai", *, streamed: bool = True) -> Asked:
    with FaultServer(script) as server:
        request = Request(model="m", messages=to_messages("hi"), protocol=protocol, stream=streamed)
        return ask(server.base_url, request=request)


def assert_masked(found: Asked) -> None:
    """Neither whole nor a part of 12 characters, in no event and no error."""
    told = json.dumps(msgspec.to_builtins(found.events), ensure_ascii=False) + repr(found.error)
    assert not [part for part in (KEY[at : at + 12] for at in range(len(KEY) - 11)) if part.lower() in told.lower()]


@pytest.mark.parametrize(("path", "chunk"), list(planted(CHUNK)), ids=str_only)
def test_no_field_of_a_chunk_brings_the_key(path: str, chunk: Any) -> None:
    """OpenAI form, streamed."""
    assert_masked(asked(stream(data(chunk))))


@pytest.mark.parametrize(("path", "answer"), list(planted(WHOLE)), ids=str_only)
def test_no_field_of_a_whole_answer_brings_the_key(path: str, answer: Any) -> None:
    """OpenAI form, at once."""
    assert_masked(asked(body(answer), streamed=False))


@pytest.mark.parametrize(("path", "answer"), list(planted(MESSAGE)), ids=str_only)
def test_no_field_of_a_message_brings_the_key(path: str, answer: Any) -> None:
    """Anthropic form, at once."""
    assert_masked(asked(body(answer), "anthropic", streamed=False))


STARTED = {k: v for k, v in MESSAGE.items() if k not in ("content", "stop_reason")}
BLOCKS = [
    {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"},
    {"type": "text", "text": "Hi", "citations": [{"type": "x", "cited_text": "x"}]},
    {"type": "tool_use", "id": "c", "name": "f", "input": {"a": "b"}},
    {"type": "server_tool_use", "id": "c", "name": "f", "input": {"a": "b"}}, {"type": "new", "text": "x"},
]  # fmt: skip
DELTAS = [
    {"type": "text_delta", "text": "Hi"}, {"type": "thinking_delta", "thinking": "hm"},
    {"type": "signature_delta", "signature": "s"}, {"type": "input_json_delta", "partial_json": "{}"},
    {"type": "citations_delta", "citation": {"cited_text": "x"}}, {"type": "new_delta", "text": "x"},
]  # fmt: skip
ENDED = {"stop_reason": "end_turn", "stop_sequence": "x", "container": {"id": "x"}}
EVENTS = [
    {"type": "message_start", "message": {**STARTED, "content": []}, "more": "x"},
    *({"type": "content_block_start", "index": i, "content_block": block} for i, block in enumerate(BLOCKS)),
    *({"type": "content_block_delta", "index": i, "delta": delta} for i, delta in enumerate(DELTAS)),
    {"type": "content_block_stop", "index": 0, "more": "x"}, {"type": "ping", "more": "x"},
    {"type": "new", "more": "x"},
    {"type": "message_delta", "delta": ENDED, "usage": {"output_tokens": 1, "service_tier": "x"}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "x"}, "request_id": "x"},
]  # fmt: skip


def in_blocks(event: dict[str, Any]) -> list[bytes]:
    """`event` at its place in a stream of the Anthropic form that is otherwise plain."""
    begun: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "1", "model": "m", "usage": {"input_tokens": 1}}}
    ]
    if "delta" in event and "index" in event:
        kinds = {"thinking_delta": 0, "signature_delta": 0, "input_json_delta": 3}
        block = BLOCKS[kinds.get(event["delta"]["type"].split()[0], 2)]
        begun.append({"type": "content_block_start", "index": event["index"], "content_block": block})
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    return [data(one) for one in (*begun, event, end, {"type": "message_stop"})]


PLANTED = [
    (f"{event['type']} {event.get('index', '')} {path}", changed)
    for event in EVENTS
    for path, changed in planted(event)
]


@pytest.mark.parametrize(("path", "event"), PLANTED, ids=str_only)
def test_no_field_of_an_event_brings_the_key(path: str, event: Any) -> None:
    """Anthropic form, streamed: every text of every kind of event, known or not."""
    assert_masked(asked(stream(*in_blocks(event)), "anthropic"))


BLOCK_OF = {"text": {"type": "text", "text": ""}, "thinking": {"type": "thinking", "thinking": ""}}


@pytest.mark.parametrize("field", BLOCK_OF)
@pytest.mark.parametrize("size", [1, 2, 7, 11, 12, 13, 22])
def test_a_key_in_pieces_of_a_block_is_masked(field: str, size: int) -> None:
    """Anthropic form: however it is cut over deltas, and over the text that a block begins with."""
    pieces = cut(f"It is {KEY}, isn't it? sk", size)
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "1", "model": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {**BLOCK_OF[field], field: pieces[0]}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": f"{field}_delta", field: piece}}
            for piece in pieces[1:]
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    found = asked(stream(*map(data, events)), "anthropic")
    assert_masked(found)
    texts = [event.text for event in found.events if type(event).__name__.endswith("Delta")]  # type: ignore[union-attr]
    assert re.fullmatch(r"It is (sk?)?•••, isn't it\? sk", "".join(texts))


def test_a_key_in_pieces_of_partial_json_is_masked() -> None:
    """Anthropic form: a tool's arguments."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "1", "model": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {**BLOCKS[3], "input": {}}},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
            for piece in cut(json.dumps({"a": KEY}), 5)
        ),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    found = asked(stream(*map(data, events)), "anthropic")
    assert_masked(found)
    arguments = "".join(event.arguments for event in found.events if isinstance(event, ToolCallDelta))
    assert arguments == '{"a": "•••"}'


@pytest.mark.parametrize("field", ["content", "reasoning_content", "refusal"])
@pytest.mark.parametrize("size", [1, 2, 7, 11, 12, 13, 22])
def test_a_key_in_pieces_is_masked(field: str, size: int) -> None:
    """However it is cut; what stands around it arrives whole, and the user is told once."""
    pieces = cut(f"It is {KEY}, isn't it? sk", size)
    chunks = [data({"choices": [{"index": 0, "delta": {field: piece}}]}) for piece in pieces]
    found = asked(stream(*chunks, data({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})))
    assert_masked(found)
    texts = [event.text for event in found.events if type(event).__name__.endswith("Delta")]  # type: ignore[union-attr]
    assert re.fullmatch(r"It is (sk?)?•••, isn't it\? sk", "".join(texts))
    assert sum("repeated an API key" in notice for notice in found.notices) == 1


def test_a_key_in_pieces_of_arguments_is_masked() -> None:
    """A tool call's too."""
    pieces = cut(json.dumps({"a": KEY}), 5)
    calls = [{**CALL, "function": {"name": "f", "arguments": piece}} for piece in pieces]
    found = asked(stream(*(data({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}) for call in calls)))
    assert_masked(found)
    deltas = [event for event in found.events if isinstance(event, ToolCallDelta)]
    assert {(event.id, event.name) for event in deltas if event.id} == {("c1", "f")}
    assert "".join(event.arguments for event in deltas) == '{"a": "•••"}'


def test_tokens_that_spell_the_key_are_left_out() -> None:
    """Each alone is too short to be known; those before and after stay."""
    keys = Keys(keyring=False, environment=())
    keys.set("https://h", KEY)
    mask = Mask(MaskTable(keys.redact, keys.spellings()))
    events: list[Event] = []
    for piece in ["so ", *cut(KEY, 4), " it", " is"]:
        token = msgspec.convert({"token": piece, "logprob": -0.5}, type=_token())
        events += mask.events([TextDelta(piece), _logprob(token)])
    events += mask.rest()
    told = "".join(token.token for event in events if hasattr(event, "tokens") for token in event.tokens)
    assert KEY[:8] not in told
    assert told.startswith("so ")
    assert told.endswith(" is")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "so ••• it is"


def _token() -> Any:
    return TokenLogprob


def _logprob(token: Any) -> Any:
    return LogprobDelta((token,))


def test_text_without_a_sign_of_a_key_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is looked at twice while no part of a key is in sight; then everything is, also across pieces."""
    keys = Keys(keyring=False, environment=())
    keys.set("https://h", KEY)
    looked: list[str] = []

    def redact(text: str) -> str:
        looked.append(text)
        return keys.redact(text)

    mask = Mask(MaskTable(redact, keys.spellings()))
    words: list[Event] = [TextDelta(word) for word in ("A long ", "answer of many words, ", "İ, 你好, ", "s")]
    assert [mask.events(batch) for batch in ([word] for word in words)] == [[word] for word in words]
    assert mask.events(words) == words
    assert mask.events([ReasoningDelta("hm")]) == [ReasoningDelta("hm")]
    assert looked == []
    # The last piece ended in "s": what follows may be the rest of the beginning.
    passed = [event for piece in cut(KEY[1:], 5) for event in mask.events([TextDelta(piece)])] + mask.rest()
    assert KEY[1:14] not in "".join(event.text for event in passed if isinstance(event, TextDelta))
    assert looked


@pytest.mark.parametrize("start", [0, 1, 5, 9])
def test_a_part_of_a_key_is_a_sign_of_it(start: int) -> None:
    """Twelve characters from its middle, in any spelling and case, are masked though its beginning is not there."""
    keys = Keys(keyring=False, environment=())
    keys.set("https://h", KEY)
    for spelling in keys.spellings():
        part = spelling[start : start + 12]
        if len(part) == 12:
            for text in (f"so {part} it is", part.upper(), part):
                shown = "".join(
                    event.text
                    for event in [*Mask(MaskTable(keys.redactor().redact, keys.spellings())).events([TextDelta(text)])]
                    if isinstance(event, TextDelta)
                )
                assert part.lower() not in shown.lower()


def test_an_answer_without_a_key_passes_unchanged() -> None:
    """The same events, at once but for an end that could begin a key, which the next piece brings."""
    keys = Keys(keyring=False, environment=())
    keys.set("https://h", KEY)
    mask = Mask(MaskTable(keys.redact, keys.spellings()))
    assert mask.events([TextDelta("Hello")]) == [TextDelta("Hello")]
    assert mask.events([TextDelta(" ask-")]) == [TextDelta(" a")]
    assert mask.events([TextDelta("er")]) == [TextDelta("sk-er")]
    assert mask.rest() == []
