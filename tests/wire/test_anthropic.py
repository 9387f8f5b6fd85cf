"""Promises of the Anthropic form: one Request in both forms, nothing dropped in silence, the same events back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wcode_jupyter import wire
from wcode_jupyter.errors import AnswerMalformed, ParameterError
from wcode_jupyter.reply.events import (
    Event,
    Extra,
    Failure,
    Finish,
    Notice,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from wcode_jupyter.request.messages import Image, Message, Reasoning, Request, Text, ToolCall
from wcode_jupyter.request.parameters import PARAMETERS, check

from .stream_tools import decode, merged, request, sse


def body(*messages: Message, extra_body: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
    return wire.encode(
        Request(
            model="m",
            messages=messages or (Message("user", "hi"),),
            protocol="anthropic",
            parameters=parameters,
            extra_body=extra_body or {},
        )
    )


def turns(*messages: Message) -> Any:
    return body(*messages)["messages"]


# -- encoding ----------------------------------------------------------------------------------------------------


def test_the_least_request() -> None:
    """`max_tokens` is the one value that must be sent unasked: 4096, visible in the body."""
    assert body() == {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "hi"}], "stream": True}
    assert "stream" not in wire.encode(
        Request(model="m", messages=(Message("user", "hi"),), protocol="anthropic", stream=False)
    )
    assert body(max_tokens=7)["max_tokens"] == 7
    assert body(extra_body={"max_tokens": 8, "metadata": {}})["max_tokens"] == 8


def test_system_and_developer_texts_are_joined() -> None:
    """System messages leave the conversation and are joined by blank lines, wherever they stand."""
    sent = body(Message("system", "a"), Message("user", "x"), Message("developer", "b"), Message("system", ""))
    assert sent["system"] == "a\n\nb"
    assert sent["messages"] == [{"role": "user", "content": "x"}]


def test_neighbours_of_one_role_are_merged() -> None:
    """User and assistant take turns; empty messages vanish."""
    assert turns(
        Message("user", "a"),
        Message("user", "b"),
        Message("assistant", ""),
        Message("user", "c"),
        Message("assistant", "d"),
    ) == [
        {"role": "user", "content": [{"type": "text", "text": t} for t in "abc"]},
        {"role": "assistant", "content": "d"},
    ]


def test_images() -> None:
    """A data URL becomes base64 with its type, an address stays an address."""
    parts = (Text("look"), Image("data:image/png;base64,iVBORw0KGgo=", "low"), Image("https://x.invalid/a.png"))
    assert turns(Message("user", parts)) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "image", "source": {"type": "url", "url": "https://x.invalid/a.png"}},
            ],
        }
    ]


def test_a_tool_loop_is_given_back() -> None:
    """Thinking with its signature, text, calls; results as user blocks, joined with what the user adds."""
    messages = (
        Message(
            "assistant",
            "Let me look.",
            tool_calls=(ToolCall("t1", "f", '{"a":1}'), ToolCall("t2", "g", "")),
            reasoning=(
                Reasoning("Hm", "thinking", "sig"),
                Reasoning("", "redacted_thinking", "blob"),
                Reasoning("different API format", "reasoning_content"),
            ),
        ),
        Message("tool", "42", tool_call_id="t1"),
        Message("tool", "", tool_call_id="t2"),
        Message("user", "go on"),
    )
    assert turns(*messages) == [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm", "signature": "sig"},
                {"type": "redacted_thinking", "data": "blob"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
                {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "42"},
                {"type": "tool_result", "tool_use_id": "t2", "content": ""},
                {"type": "text", "text": "go on"},
            ],
        },
    ]


@pytest.mark.parametrize(("arguments", "given"), [("{broken", "{broken"), ("[1]", [1]), ("[" * 100_000, "[" * 100_000)])
def test_broken_arguments_are_an_object_all_the_same(arguments: str, given: Any) -> None:
    """This form wants an object: what the model got wrong goes back to it under a name that says so."""
    (turn,) = turns(Message("assistant", tool_calls=(ToolCall("t", "f", arguments),)))
    assert turn["content"][0]["input"] == {"invalid_json": given}


TOOL = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
}


def test_tools() -> None:
    """A function becomes name, description and input_schema; a tool already in this form stays as it is."""
    bare = {"type": "function", "function": {"name": "g"}}
    own = {"type": "web_search_20250305", "name": "web_search"}
    assert body(tools=[TOOL, bare, own])["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        own,
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"tool_choice": {"type": "any"}}, {"type": "any"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
        ({"parallel_tool_calls": True}, None),
        ({}, None),
    ],
)
def test_tool_choice(parameters: dict[str, Any], expected: dict[str, Any] | None) -> None:
    """`tool_choice` and `parallel_tool_calls` are one object here."""
    assert body(tools=[TOOL], **parameters).get("tool_choice") == expected


SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "Animal", "strict": True, "schema": {"type": "object", "properties": {"legs": {}}}},
}


def test_a_schema_is_the_only_tool_and_must_be_called() -> None:
    """The schema is the tool's input; nothing is dropped, and thinking that is switched off is no thinking."""
    sent = request("anthropic", response_format=SCHEMA, reasoning={"effort": "none"}, parallel_tool_calls=True)
    assert wire.encode(sent) == {
        **wire.encode(request("anthropic")),
        "thinking": {"type": "disabled"},
        "tools": [{"name": "Animal", "input_schema": {"type": "object", "properties": {"legs": {}}}}],
        "tool_choice": {"type": "tool", "name": "Animal", "disable_parallel_tool_use": True},
    }
    assert wire.warnings(sent) == []
    described = {**SCHEMA, "json_schema": {**SCHEMA["json_schema"], "description": "An animal"}}
    assert body(response_format=described)["tools"][0]["description"] == "An animal"


@pytest.mark.parametrize(
    ("effort", "max_tokens", "budget"),
    [
        # protocol.md, section 5.2, at max_tokens 10,000; floor 1024 and cap 128,000.
        ("xhigh", 10_000, 9500),
        ("high", 10_000, 8000),
        ("medium", 10_000, 5000),
        ("low", 10_000, 2000),
        ("minimal", 10_000, 1024),
        ("xhigh", 200_000, 128_000),
        ("high", 1025, 1024),
    ],
)
def test_effort_becomes_a_budget(effort: str, max_tokens: int, budget: int) -> None:
    """`max(min(floor(max_tokens * share), 128000), 1024)`."""
    sent = body(reasoning={"effort": effort}, max_tokens=max_tokens)
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": budget}


def test_other_ways_to_say_reasoning() -> None:
    """None switches it off; without max_tokens the share is of the 4096 sent; a budget of one's own is taken."""
    assert body(reasoning={"effort": "none"})["thinking"] == {"type": "disabled"}
    assert body(reasoning={"enabled": False})["thinking"] == {"type": "disabled"}
    assert body(reasoning={"effort": "high"})["thinking"]["budget_tokens"] == 3276
    assert body(reasoning={"max_tokens": 2000})["thinking"]["budget_tokens"] == 2000


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"reasoning": {"effort": "low"}, "max_tokens": 1024}, "max_tokens"),
        ({"reasoning": {"effort": "low"}, "max_tokens": 1}, "max_tokens"),
        ({"reasoning": {"max_tokens": 5000}, "max_tokens": 5000}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"response_format": SCHEMA, "tools": [TOOL]}, "response_format"),
        ({"response_format": SCHEMA, "tool_choice": "auto"}, "response_format"),
        ({"response_format": SCHEMA, "reasoning": {"effort": "low"}, "max_tokens": 9000}, "reasoning"),
    ],
)
def test_what_would_be_refused_is_refused_here(parameters: dict[str, Any], name: str) -> None:
    """No room to think in, a temperature above 1, a schema beside tools or thinking: errors that name the parameter."""
    for function in (wire.encode, wire.warnings):
        with pytest.raises(ParameterError) as caught:
            function(request("anthropic", **parameters))
        assert caught.value.name == name


def test_the_parameters_that_have_an_equivalent() -> None:
    """temperature, top_p, top_k keep their names, stop is stop_sequences."""
    sent = body(temperature=1, top_p=0.5, top_k=3, stop=["a", "b"])
    assert [sent[name] for name in ("temperature", "top_p", "top_k", "stop_sequences")] == [1, 0.5, 3, ["a", "b"]]
    assert "stop" not in sent


WITHOUT = {
    "frequency_penalty": 1,
    "presence_penalty": 1,
    "repetition_penalty": 1,
    "min_p": 0.1,
    "top_a": 0.1,
    "seed": 1,
    "logit_bias": {"1": 1},
    "logprobs": True,
    "top_logprobs": 1,
    "structured_outputs": True,
    "response_format": {"type": "json_object"},
    "verbosity": "low",
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_equivalent_is_named_and_not_sent(name: str) -> None:
    """The ten of protocol.md, section 4.2, and the two conditional ones: a warning each, nothing on the wire."""
    sent = request("anthropic", **{name: check(name, WITHOUT[name])})
    assert wire.warnings(sent) == [f"{name} has no equivalent in the Anthropic format and is not sent"]
    assert wire.encode(sent) == wire.encode(request("anthropic"))


def test_every_parameter_is_either_sent_or_named() -> None:
    """No row of the table is forgotten: 9 of the 21 have an equivalent, 12 are named."""
    samples: dict[str, Any] = {
        "reasoning": "high", "temperature": 0.5, "top_p": 0.5, "top_k": 1, "max_tokens": 5000, "stop": "a",
        "tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False,
    }  # fmt: skip
    assert {parameter.name for parameter in PARAMETERS} == {*samples, *WITHOUT}
    for name, value in samples.items():
        tools = {} if name == "tools" else {"tools": [TOOL]}
        sent = request("anthropic", **tools, **{name: check(name, value)})
        assert wire.warnings(sent) == []
        assert wire.encode(sent) != wire.encode(request("anthropic", **tools))


# -- the stream ----------------------------------------------------------------------------------------------------

REFERENCE = b"""event: message_start
data: {"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"abc"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}

event: ping
data: {"type": "ping"}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":14,"output_tokens":9}}

event: message_stop
data: {"type":"message_stop"}

"""  # noqa: E501 - to the letter as in the reference


def test_the_reference_stream() -> None:
    """The stream of protocol.md, section 4.3; usage is cumulative, zeros at the start do not win."""
    lines = REFERENCE.splitlines(keepends=True)
    without_names = b"".join(line for line in lines if not line.startswith(b"event:"))
    for data in (REFERENCE, without_names):
        for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
            decoder = wire.decoder(request("anthropic"))
            assert decode(decoder, pieces) == [
                Started("msg_1"),
                ReasoningDelta("Hm", field="thinking"),
                ReasoningDelta("", field="thinking", signature="abc"),
                TextDelta("Hi"),
                Finish("stop", "end_turn"),
                Usage(14, 9, details={"input_tokens": 14, "output_tokens": 9}),
            ]
            assert decoder.done


def stream(*values: Any, **parameters: Any) -> list[Event]:
    data, asked = sse(*values), request("anthropic", **parameters)
    whole = merged(decode(wire.decoder(asked), [data]))
    assert merged(decode(wire.decoder(asked), [data[i : i + 1] for i in range(len(data))])) == whole
    return whole


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: Any, **usage: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


def test_the_end_must_be_said() -> None:
    """Without a stop reason or `message_stop` the answer is cut; `[DONE]` is accepted."""
    cut, reason = (REFERENCE[: REFERENCE.index(name)] for name in (b"event: message_delta", b"event: message_stop"))
    for data, done in ((cut, False), (cut + b"data: [DONE]\n\n", True), (reason, True), (REFERENCE.rstrip(), True)):
        decoder = wire.decoder(request("anthropic"))
        decode(decoder, [data])
        assert decoder.done == done


def test_tool_calls() -> None:
    """Input in pieces, none at all, or in the start block; a server's own tools are no calls."""
    assert stream(
        start(0, type="server_tool_use", id="s", name="web_search", input={}),
        delta(0, type="input_json_delta", partial_json='{"q":1}'),
        stop(0),
        start(1, type="web_search_tool_result", tool_use_id="s", content=[{"type": "text", "text": "no answer"}]),
        stop(1),
        start(2, type="tool_use", id="t1", name="f", input={}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(2, type="input_json_delta", partial_json='{"a":'),
        delta(2, type="input_json_delta", partial_json="1}"),
        stop(2),
        start(3, type="tool_use", id="t2", name="g", input={}),
        stop(3),
        start(4, type="tool_use", id="t3", name="h", input={"b": 2}),
        stop(4),
        end("tool_use"),
    ) == [
        ToolCallDelta(0, "t1", "f", '{"a":1}'),
        ToolCallDelta(1, "t2", "g", "{}"),
        ToolCallDelta(2, "t3", "h", '{"b": 2}'),
        Finish("tool_calls", "tool_use"),
    ]


def test_the_tool_that_is_the_schema_is_called_with_the_answer() -> None:
    """What it is called with is text, in pieces, in the start block or none, and the answer just stops."""
    call = start(0, type="tool_use", id="t", name="Animal", input={})
    pieces = [delta(0, type="input_json_delta", partial_json=piece) for piece in ('{"legs"', ": 8}")]
    stopped = Finish("stop", "tool_use")
    assert stream(call, *pieces, stop(0), end("tool_use"), response_format=SCHEMA) == [
        TextDelta('{"legs": 8}'),
        stopped,
    ]
    given = start(0, type="tool_use", id="t", name="Animal", input={"legs": 8})
    assert stream(given, stop(0), end("tool_use"), response_format=SCHEMA) == [TextDelta('{"legs": 8}'), stopped]
    assert stream(call, stop(0), end("tool_use"), response_format=SCHEMA) == [TextDelta("{}"), stopped]
    assert stream(call, *pieces, end("max_tokens"), response_format=SCHEMA) == [
        TextDelta('{"legs": 8}'),
        Finish("length", "max_tokens"),
    ]
    # Without the schema it is a tool like any other.
    assert stream(given, stop(0), end("tool_use"))[0] == ToolCallDelta(0, "t", "Animal", '{"legs": 8}')


def test_a_model_that_does_not_call_the_schema_is_told_of() -> None:
    """Text stays text, another tool stays a call; a cut answer says nothing of it."""
    notice = Notice("The model did not call the tool of the schema; not every server enforces that")
    text = start(0, type="text", text="Eight.")
    assert stream(text, stop(0), end("end_turn"), response_format=SCHEMA) == [
        TextDelta("Eight."),
        Finish("stop", "end_turn"),
        notice,
    ]
    other = start(0, type="tool_use", id="t", name="f", input={})
    assert stream(other, stop(0), end("tool_use"), response_format=SCHEMA) == [
        ToolCallDelta(0, "t", "f", "{}"),
        Finish("tool_calls", "tool_use"),
        notice,
    ]
    assert stream(text, response_format=SCHEMA) == [TextDelta("Eight.")]
    message = {"type": "message", "content": [{"type": "tool_use", "name": "Animal", "input": {"legs": 8}}]}
    decoder = wire.decoder(request("anthropic", response_format=SCHEMA))
    assert TextDelta('{"legs": 8}') in decoder.decode_body(json.dumps(message).encode())


def test_a_start_block_may_hold_text() -> None:
    """The first piece may come with the start of its block."""
    assert stream(
        start(0, type="thinking", thinking="Hm", signature=""),
        start(1, type="redacted_thinking", data="blob"),
        start(2, type="text", text="Hi"),
        delta(2, type="text_delta", text="!"),
        delta(2, type="citations_delta", citation={"cited_text": "x"}),
        {"type": "something_new", "text": "x"},
    ) == [
        ReasoningDelta("Hm", field="thinking"),
        ReasoningDelta("", field="redacted_thinking", signature="blob"),
        TextDelta("Hi!"),
    ]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_stop_reasons(word: str, reason: str) -> None:
    """The words of the form in the words of the other one, its own kept beside."""
    assert stream(end(word)) == [Finish(reason, word if word != reason else None)]


def test_a_null_or_unknown_stop_reason() -> None:
    """Null is no end; a repeated word counts once; an unknown one is kept and said."""
    assert stream(end(None)) == []
    assert stream(end("end_turn"), end("end_turn")) == [Finish("stop", "end_turn")]
    assert stream(end("tired")) == [Notice("Unknown finish reason tired"), Finish("tired")]


def test_usage_is_merged() -> None:
    """Of each field the largest of start and delta; cached tokens count as input; thinking tokens are a detail."""
    message = {
        "id": "i",
        "model": "claude",
        "usage": {
            "input_tokens": 10,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 2,
            "output_tokens": 1,
        },
    }
    events = stream(
        {"type": "message_start", "message": message},
        end("end_turn", input_tokens=0, output_tokens=30, output_tokens_details={"thinking_tokens": 20}),
    )
    first, last = (event for event in events if isinstance(event, Usage))
    assert (first.input_tokens, first.output_tokens) == (17, 1)
    assert (last.input_tokens, last.output_tokens, last.reasoning_tokens) == (17, 30, 20)
    assert (last.cached_tokens, last.cache_write_tokens) == (5, 2)
    assert events[0] == Started("i", "claude")


def test_what_else_the_end_says_is_kept() -> None:
    """The stop sequence and the details of a refusal go into Extra."""
    sent = {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END", "x": None}}
    assert stream(sent) == [Finish("stop", "stop_sequence"), Extra({"stop_sequence": "END"})]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("overloaded_error", 529),
        ("rate_limit_error", 429),
        ("api_error", 500),
        ("timeout_error", 504),
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("request_too_large", 413),
    ],
)
def test_errors_after_200(kind: str, status: int) -> None:
    """`event: error` in mid stream is a failure with the status that its type stands for; the text stays."""
    error = json.dumps({"type": "error", "error": {"type": kind, "message": "no"}}).encode()
    failure = Failure("no", status, None, kind)
    good = sse(start(0, type="text", text="Hi"))
    for data in (b"event: error\ndata: " + error + b"\n\n", sse(error)):
        assert decode(wire.decoder(request("anthropic")), [good + data]) == [TextDelta("Hi"), failure]
    assert wire.decoder(request("anthropic")).decode_body(error) == [failure]


def test_a_whole_message() -> None:
    """A body, or a body instead of a stream, gives the events of a stream."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "abc"},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {"a": "é"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    expected = [
        Started("msg_1", "claude"),
        ReasoningDelta("Hm", field="thinking", signature="abc"),
        TextDelta("Hi"),
        ToolCallDelta(0, "t1", "f", "{}"),
        ToolCallDelta(1, "t2", "g", '{"a": "é"}'),
        Finish("tool_calls", "tool_use"),
        Usage(1, 2, details={"input_tokens": 1, "output_tokens": 2}),
    ]
    text = json.dumps(message).encode()
    decoder = wire.decoder(request("anthropic"))
    assert merged(decoder.decode_body(text)) == expected
    assert decoder.done
    decoder = wire.decoder(request("anthropic"))
    assert merged(decode(decoder, [text])) == expected
    assert decoder.done


@pytest.mark.parametrize("data", [b'{"choices":[]}', b'{"a":1}', b"<html>", b"[3]"])
def test_a_body_that_is_no_message_is_malformed(data: bytes) -> None:
    """A body that is neither a message nor an error is our own error."""
    with pytest.raises(AnswerMalformed):
        wire.decoder(request("anthropic")).decode_body(data)


def test_a_stream_of_the_other_form_is_malformed() -> None:
    """It ends well, and was no message: an empty answer would hide that. An error before the end is one."""
    data = sse({"id": "c1", "choices": [{"index": 0, "delta": {"content": "hi"}}]}, "[DONE]")
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        with pytest.raises(AnswerMalformed, match="protocol"):
            decode(wire.decoder(request("anthropic")), pieces)
    for protocol in ("openai", "anthropic"):
        failed = sse({"error": {"message": "no"}}, "[DONE]")
        assert decode(wire.decoder(request(protocol)), [failed]) == [Failure("no")]


def test_a_message_that_starts_again() -> None:
    """A server that restarts the message in mid stream: blocks are numbered anew, calls are not mixed."""
    head = {"type": "message_start", "message": {"id": "i"}}
    events = stream(
        head,
        start(0, type="tool_use", id="t1", name="f", input={}),
        delta(0, type="input_json_delta", partial_json='{"a'),
        head,
        delta(0, type="input_json_delta", partial_json="of the first message"),
        start(0, type="tool_use", id="t2", name="g", input={}),
        delta(0, type="input_json_delta", partial_json="{}"),
        stop(0),
    )
    assert events == [Started("i"), ToolCallDelta(0, "t1", "f", '{"a'), ToolCallDelta(1, "t2", "g", "{}")]
