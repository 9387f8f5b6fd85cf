"""Promises of the OpenAI form: what is sent is what the user set; every variant seen gives the same few events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wcode_jupyter import wire
from wcode_jupyter.errors import AnswerMalformed
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
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Image, Message, Reasoning, Request, Text, ToolCall

from .stream_tools import chunk, decode, merged, request, sse

STARTED = Started(id="c1", model="m", created=1)
STOP = chunk(finish_reason="stop")


def stream(*values: Any) -> list[Event]:
    """Events of a stream of the values and `[DONE]`, the same whole and byte by byte."""
    data = sse(*values, "[DONE]")
    whole = merged(decode(wire.decoder(request()), [data]))
    assert merged(decode(wire.decoder(request()), [data[i : i + 1] for i in range(len(data))])) == whole
    return whole


def deltas(*values: Any) -> list[Event]:
    """The same without the events that every stream has."""
    usual = (Started, Finish, Notice)
    return merged(event for event in stream(*values) if not isinstance(event, usual))


def detail(entry: dict[str, Any]) -> ReasoningDelta:
    """The event of an entry of `reasoning_details`."""
    return ReasoningDelta("", field="reasoning_details", detail=entry)


def body(value: Any) -> list[Event]:
    return wire.decoder(request()).decode_body(json.dumps(value).encode())


# -- encoding ----------------------------------------------------------------------------------------------------


def test_nothing_is_sent_that_the_user_did_not_set() -> None:
    """Model, messages and the streaming switch are all: no parameter of our own."""
    assert wire.encode(request()) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert wire.encode(Request(model="m", messages=(Message("user", "hi"),), stream=False)) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_parameters_and_extra_body_go_as_they_are() -> None:
    """Checked parameters keep their wire names; extra_body comes last and wins."""
    body = wire.encode(
        Request(
            model="m",
            messages=(Message("user", "hi"),),
            parameters={"temperature": 0.2, "stop": ["a"], "reasoning": {"effort": "low"}},
            extra_body={"temperature": 0.9, "n": 2, "stream_options": {}},
        )
    )
    assert body["temperature"] == 0.9
    assert body["stop"] == ["a"]
    assert body["reasoning"] == {"effort": "low"}
    assert body["n"] == 2
    assert body["stream_options"] == {}


def test_all_shapes_of_the_reference_request() -> None:
    """The request of protocol.md, section 5.3, is spelled to the letter."""
    spelled = json.loads(
        """{"model":"qwen3.6-plus","stream":true,"stream_options":{"include_usage":true},"max_tokens":2000,
 "messages":[{"role":"system","content":"Answer in JSON."},
  {"role":"user","content":[{"type":"text","text":"What is this?"},
   {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"auto"}}]}],
 "tool_choice":{"type":"function","function":{"name":"lookup"}},"parallel_tool_calls":false}"""
    )
    image = Image("data:image/png;base64,iVBORw0KGgo=", "auto")
    sent = Request(
        model="qwen3.6-plus",
        messages=(Message("system", "Answer in JSON."), Message("user", (Text("What is this?"), image))),
        parameters={
            "max_tokens": 2000,
            "tool_choice": {"type": "function", "function": {"name": "lookup"}},
            "parallel_tool_calls": False,
        },
    )
    assert wire.encode(sent) == spelled


def test_a_tool_loop_is_given_back() -> None:
    """Calls, their results and the reasoning under the name it came in: what interleaved thinking asks for."""
    messages = (
        Message(
            "assistant",
            tool_calls=(ToolCall("call_1", "f", '{"a":1}'), ToolCall("call_2", "g")),
            reasoning=(Reasoning("Let me", "reasoning_content"), Reasoning(" see", "reasoning_content")),
        ),
        Message("tool", "42", tool_call_id="call_1"),
    )
    assert wire.encode(Request(model="m", messages=messages))["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Let me see",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "42", "tool_call_id": "call_1"},
    ]


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (Reasoning("x", "reasoning"), {"content": "t", "reasoning": "x"}),
        (
            Reasoning("x", "reasoning_details"),
            {"content": "t", "reasoning_details": [{"type": "reasoning.text", "text": "x"}]},
        ),
        (Reasoning("x", "<think>"), {"content": "<think>x</think>t"}),
        (Reasoning("x", "thinking", "sig"), {"content": "t"}),
    ],
)
def test_reasoning_goes_back_where_it_came_from(piece: Reasoning, expected: dict[str, Any]) -> None:
    """Each field to itself, inline tags into the text; what the Anthropic form signed has no place here."""
    message = Message("assistant", "t", reasoning=(piece,))
    assert wire.encode(Request(model="m", messages=(message,)))["messages"] == [{"role": "assistant", **expected}]


def test_details_go_back_as_they_came() -> None:
    """Signed, summarized and encrypted entries reach the next request unchanged, beside the name that mirrors them."""
    entries = [
        {"type": "reasoning.text", "text": "a", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.summary", "summary": "b", "id": None, "index": 1},
        {"type": "reasoning.encrypted", "data": "xyz", "id": "rs_1", "index": 2, "new": {"field": [1]}},
    ]
    builder = ReplyBuilder(request())
    message = {"role": "assistant", "content": "t", "reasoning": "ab", "reasoning_details": entries}
    for event in body({"id": "c1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}):
        builder.apply(event)
    reply = builder.reply()
    assert (reply.text, reply.reasoning) == ("t", "ab")
    back = Message("assistant", reply.text, reasoning=reply.choices[0].reasoning)
    assert wire.encode(Request(model="m", messages=(back,)))["messages"] == [message]


# -- chunks ------------------------------------------------------------------------------------------------------


def test_the_reference_stream() -> None:
    """The chunks of protocol.md, section 2.2: two reasoning names, text, logprobs, a tool call, usage."""
    comment = b": OPENROUTER PROCESSING\n\n"
    lines = [
        '{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m",'
        '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}',
        '{"id":"c1","choices":[{"index":0,"delta":{"content":null,"reasoning_content":"Let me"},"finish_reason":null}],'
        '"usage":null}',
        '{"id":"c1","choices":[{"index":0,"delta":{"reasoning":" think",'
        '"reasoning_details":[{"type":"reasoning.text","text":" think","index":0}]}}]}',
        '{"id":"c1","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":{"content":'
        '[{"token":"Hi","logprob":-0.1,"bytes":[72,105],"top_logprobs":[]}]},"finish_reason":null}]}',
        '{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function",'
        '"function":{"name":"f","arguments":""}}]}}]}',
        r'{"id":"c1","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}}]}',
        '{"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}',
        '{"id":"c1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7,"total_tokens":16}}',
    ]
    decoder = wire.decoder(request())
    assert decode(decoder, [comment, sse(*lines, "[DONE]")]) == [
        STARTED,
        ReasoningDelta("Let me", field="reasoning_content"),
        ReasoningDelta(" think"),
        TextDelta("Hi"),
        LogprobDelta((TokenLogprob("Hi", -0.1, (72, 105)),)),
        ToolCallDelta(0, "call_1", "f", ""),
        ToolCallDelta(0, arguments='{"a":1}'),
        detail({"type": "reasoning.text", "text": " think", "index": 0}),
        Finish("tool_calls"),
        Usage(9, 7, details={"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}),
    ]
    assert decoder.done


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"reasoning": "a"}, [ReasoningDelta("a")]),
        ({"reasoning_content": "a"}, [ReasoningDelta("a", field="reasoning_content")]),
        ({"reasoning": "a", "reasoning_content": "a"}, [ReasoningDelta("a")]),
        ({"reasoning": "", "reasoning_content": "a"}, [ReasoningDelta("a", field="reasoning_content")]),
        ({"reasoning": None, "content": "b"}, [TextDelta("b")]),
        ({"reasoning": "a", "content": "b"}, [ReasoningDelta("a"), TextDelta("b")]),
        (
            {
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "a"},
                    {"type": "reasoning.summary", "summary": "b"},
                    {"type": "reasoning.encrypted", "data": "xyz"},
                ]
            },
            [
                ReasoningDelta("ab", field="reasoning_details"),
                detail({"type": "reasoning.text", "text": "a"}),
                detail({"type": "reasoning.summary", "summary": "b"}),
                detail({"type": "reasoning.encrypted", "data": "xyz"}),
            ],
        ),
        (
            {"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "text": "a"}]},
            [ReasoningDelta("a"), detail({"type": "reasoning.text", "text": "a"})],
        ),
        (
            {"reasoning_details": [{"type": "reasoning.encrypted", "data": "xyz"}]},
            [detail({"type": "reasoning.encrypted", "data": "xyz"})],
        ),
        ({"reasoning_details": [5, "x"]}, []),
        ({"reasoning_details": {"type": "reasoning.text"}}, []),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, [TextDelta("ab")]),
        ({"content": ["a", {"type": "text", "text": ""}]}, [TextDelta("a")]),
        (
            {"content": [{"type": "text", "text": "a"}, {"type": "image_url", "url": "u"}]},
            [TextDelta("a"), Extra({"content": [{"type": "image_url", "url": "u"}]})],
        ),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, "b"]},
            [ReasoningDelta("a"), TextDelta("b")],
        ),
        ({"content": None}, []),
        ({"content": ""}, []),
        ({"content": 5, "reasoning": 5, "refusal": 5, "tool_calls": 5, "function_call": 5}, [Extra({"content": [5]})]),
        ({"refusal": "no"}, [RefusalDelta("no")]),
        ({"role": "assistant"}, []),
        ({}, []),
        (None, []),
        ([], []),
        ("text", []),
    ],
)
def test_a_delta_in_any_variant(delta: Any, expected: list[Event]) -> None:
    """Each variant of a delta gives text and reasoning once; what is null, empty or of another type gives none."""
    whole = {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}]}
    assert deltas(whole) == expected
    # The same in the middle of a stream, where plain chunks take a shorter way.
    assert deltas(chunk({"content": "x"}), whole) == merged([TextDelta("x"), *expected])


def test_pieces_of_a_detail_are_joined() -> None:
    """Pieces of one entry become one, up to its signature; the data of an encrypted one is never joined."""
    pieces: list[dict[str, Any]] = [
        {"type": "reasoning.text", "text": "Let", "index": 0, "format": None},
        {"type": "reasoning.text", "text": " me", "index": 0, "format": "anthropic-claude-v1"},
        {"type": "reasoning.text", "index": 0, "signature": "sig"},
        {"type": "reasoning.text", "text": "So", "index": 0},
        {"type": "reasoning.text", "text": "!", "index": 1},
        {"type": "reasoning.summary", "summary": "S", "index": 1},
        {"type": "reasoning.summary", "summary": "um", "index": 1},
        {"type": "reasoning.encrypted", "data": "x", "index": 2},
        {"type": "reasoning.encrypted", "data": "y", "index": 2},
    ]
    chunks = [chunk({"reasoning_details": [piece]}) for piece in pieces]
    assert deltas(*chunks, STOP) == [
        ReasoningDelta("Let meSo!Sum", field="reasoning_details"),
        detail(
            {
                "type": "reasoning.text",
                "text": "Let me",
                "index": 0,
                "format": "anthropic-claude-v1",
                "signature": "sig",
            }
        ),
        detail({"type": "reasoning.text", "text": "So", "index": 0}),
        detail({"type": "reasoning.text", "text": "!", "index": 1}),
        detail({"type": "reasoning.summary", "summary": "Sum", "index": 1}),
        detail({"type": "reasoning.encrypted", "data": "x", "index": 2}),
        detail({"type": "reasoning.encrypted", "data": "y", "index": 2}),
    ]


def test_a_detail_is_kept_where_the_stream_is_cut_or_brings_it_late() -> None:
    """Without a finish reason, after it, and with halves of a character in two pieces."""
    encrypted = {"type": "reasoning.encrypted", "data": "x"}
    assert deltas(chunk({"reasoning_details": [encrypted]})) == [detail(encrypted)]
    assert deltas(STOP, chunk({"reasoning_details": [encrypted]})) == [detail(encrypted)]
    halves = [chunk({"reasoning_details": [{"type": "reasoning.text", "text": half}]}) for half in ("\ud83d", "\ude0a")]
    assert deltas(*halves, STOP) == [
        ReasoningDelta("\U0001f60a", field="reasoning_details"),
        detail({"type": "reasoning.text", "text": "\U0001f60a"}),
    ]


@pytest.mark.parametrize("name", ["delta", "message"])
def test_message_or_text_instead_of_delta(name: str) -> None:
    """Some servers stream `message` or `text`."""
    choice = {"index": 0, name: {"content": "a"}, "finish_reason": "stop"}
    assert deltas({"id": "c1", "choices": [choice]}) == [TextDelta("a")]
    assert deltas({"id": "c1", "choices": [{"text": "a", "finish_reason": "stop"}]}) == [TextDelta("a")]


@pytest.mark.parametrize("choices", [None, [], {}, "x", 3, [None], [3], [[]]])
def test_choices_of_any_type(choices: Any) -> None:
    """Missing, null or foreign choices give nothing and hurt nothing."""
    assert deltas(chunk({"content": "a"}), {"id": "c1", "choices": choices}, STOP) == [TextDelta("a")]
    assert deltas(chunk({"content": "a"}), {"id": "c1"}, STOP) == [TextDelta("a")]


def test_several_choices_interleave() -> None:
    """With n > 1 each choice has its own state; the end is the last one's finish reason."""
    decoder = wire.decoder(request())
    parts = [
        chunk({"content": "<think>a"}, index=0),
        chunk({"content": "b"}, index=1),
        chunk({"content": "</think>c"}, index=0),
        chunk(finish_reason="stop", index=1),
    ]
    assert decoder.feed(sse(*parts)) == [
        STARTED,
        ReasoningDelta("a", field="<think>"),
        TextDelta("b", 1),
        TextDelta("c"),
        Finish("stop", choice=1),
    ]
    assert not decoder.done
    assert decoder.feed(sse(chunk(finish_reason="length"))) == [Finish("length")]
    assert decoder.done


def test_a_choice_that_begins_late_is_waited_for() -> None:
    """A server may send one answer after the other: the first one's reason is not the end of the second."""
    decoder = wire.decoder(request())
    decoder.feed(sse(chunk({"content": "a"}, finish_reason="stop")))
    assert decoder.done
    decoder.feed(sse(chunk({"content": "b"}, index=1)))
    assert not decoder.done
    decoder.feed(sse(chunk(finish_reason="stop", index=1)))
    assert decoder.done


def test_started_waits_for_the_first_choice() -> None:
    """Azure's first chunk has neither model nor choices: who answers is known one chunk later."""
    first = {"id": "", "model": "", "created": 0, "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    second = chunk({"content": "a"}, system_fingerprint="fp")
    assert stream(first, second, STOP)[:3] == [
        Extra({"prompt_filter_results": [{"prompt_index": 0}]}),
        Started("c1", "m", 1, "fp"),
        TextDelta("a"),
    ]


# -- inline tags --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reasoning", "answer", "tag"),
    [
        ("<think>a</think>b", "a", "b", "<think>"),
        (" \n<think>a\n</think>\n\nb", "a\n", "b", "<think>"),
        ("<thinking>a</thinking>b", "a", "b", "<thinking>"),
        ("<thinking>a</think>b", "a", "b", "<thinking>"),
        ("<think></think>b", "", "b", ""),
        ("<think>a < b </thin k></think>c", "a < b </thin k>", "c", "<think>"),
        ("<think>never closed</thi", "never closed</thi", "", "<think>"),
        ("<thin", "", "<thin", ""),
        ("  \n ", "", "  \n ", ""),
        ("a <think>b</think>", "", "a <think>b</think>", ""),
        ("<b>bold</b>", "", "<b>bold</b>", ""),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>", "<think>"),
        ("<THINK>a</Think>b", "a", "b", "<think>"),
        ("\ufeff\u200b<think>a</think>\n<think>c</think>b", "ac", "b", "<think>"),
        ("</think>b", "", "b", ""),
        ("Write </think> to close", "", "Write </think> to close", ""),
        ("`a`: `</think>` closes", "", "`a`: `</think>` closes", ""),
    ],
)
def test_inline_tags_at_the_start_are_reasoning(text: str, reasoning: str, answer: str, tag: str) -> None:
    """`<think>` counts at the very start only, over any number of pieces; a tag later is prose."""
    for size in (1, 2, 3, 5, 100):
        pieces = [chunk({"content": text[i : i + size]}) for i in range(0, len(text), size)]
        events = deltas(*pieces, STOP)
        assert "".join(e.text for e in events if isinstance(e, ReasoningDelta)) == reasoning
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == answer
        assert {e.field for e in events if isinstance(e, ReasoningDelta)} <= {tag}


def test_a_field_and_tags_say_it_once() -> None:
    """Beside a field, tags that say the same are not said again; what they say more is reasoning too."""
    field = chunk({"reasoning": "why"})
    for content in ("<think>why</think>b", "\n</think>\n\nb"):
        assert deltas(field, chunk({"content": content}), STOP) == [ReasoningDelta("why"), TextDelta("b")]
    more = deltas(field, chunk({"content": "<think>more</think>b"}), STOP)
    assert more == [ReasoningDelta("why"), ReasoningDelta("more", field="<think>"), TextDelta("b")]


def test_a_closing_tag_alone_makes_the_text_before_it_reasoning() -> None:
    """A template that opened the tag sends its end only: the reply has both apart."""
    events = stream(chunk({"content": "why"}), chunk({"content": "\n</think>\n\nAns"}), chunk({"content": "wer"}), STOP)
    builder = ReplyBuilder(request())
    for event in events:
        builder.apply(event)
    reply = builder.reply()
    assert (reply.reasoning, reply.text) == ("why", "Answer")


def test_what_was_held_is_not_lost() -> None:
    """Text that could have become a tag comes at the end, for a finish reason does not end the text."""
    assert stream(chunk({"content": "<th"}), STOP)[1:] == [Finish("stop"), TextDelta("<th")]
    assert decode(wire.decoder(request()), [sse(chunk({"content": "<th"}))])[1:] == [TextDelta("<th")]


def test_endless_white_space_is_text() -> None:
    """A start of thousands of blanks is not held back for ever."""
    decoder = wire.decoder(request())
    events = [event for _n in range(2000) for event in decoder.feed(sse(chunk({"content": " "})))]
    assert sum(len(e.text) for e in events if isinstance(e, TextDelta)) == 2000


# -- tool calls ---------------------------------------------------------------------------------------------------


def calls(*lists: Any) -> list[tuple[str, str, str]]:
    builder = ReplyBuilder(request())
    for event in stream(*(chunk({"tool_calls": calls}) for calls in lists), chunk(finish_reason="tool_calls")):
        builder.apply(event)
    return [(call.id, call.name, call.arguments) for call in builder.reply().tool_calls]


def call(id_: str | None = None, name: str | None = None, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {k: v for k, v in (("name", name), ("arguments", arguments)) if v is not None}
    return {**({"id": id_} if id_ else {}), "type": "function", "function": function, **fields}


def test_calls_by_index() -> None:
    """Pieces go to the call of their index; id and name may repeat and count once."""
    first = [call("a", "f", '{"x"', index=0), call("b", "g", "", index=1)]
    assert calls(first, [call("a", "f", ":1}", index=0)], [call(None, None, "{}", index=1)]) == [
        ("a", "f", '{"x":1}'),
        ("b", "g", "{}"),
    ]


def test_calls_without_index() -> None:
    """A new id is a new call, a known id that call, no id the last one."""
    assert calls([call("a", "f", "1")], [call(None, None, "2")], [call("b", "g", "3")], [call("a", None, "4")]) == [
        ("a", "f", "124"),
        ("b", "g", "3"),
    ]


def test_parallel_calls_that_share_an_index() -> None:
    """Gemini's OpenAI form numbers every call 0: a new id with a name is a new call."""
    assert calls([call("a", "f", "{}", index=0)], [call("b", "g", "{}", index=0)]) == [
        ("a", "f", "{}"),
        ("b", "g", "{}"),
    ]


def test_calls_of_a_whole_message_without_ids() -> None:
    """Two calls in one list are two calls."""
    assert calls([call(None, "f", {"x": 1}), call(None, "g", {})]) == [("", "f", '{"x": 1}'), ("", "g", "{}")]


def test_the_legacy_function_call() -> None:
    """`function_call`, from before tools, is a tool call too."""
    events = deltas(
        chunk({"function_call": {"name": "f", "arguments": "{"}}), chunk({"function_call": {"arguments": "}"}})
    )
    assert merged(events) == [ToolCallDelta(0, "", "f", "{}")]


@pytest.mark.parametrize("value", [None, 3, "x", [], [None], [3], [[]], [{}], [{"function": 3}], [{"index": "x"}]])
def test_calls_of_any_type(value: Any) -> None:
    """Foreign shapes give no call."""
    assert deltas(chunk({"tool_calls": value}), STOP) == []


# -- finish, usage, logprobs, extras --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("stop", Finish("stop")),
        ("length", Finish("length")),
        ("tool_calls", Finish("tool_calls")),
        ("content_filter", Finish("content_filter")),
        ("error", Finish("error")),
        ("function_call", Finish("tool_calls", "function_call")),
        ("sensitive", Finish("content_filter", "sensitive")),
        ("network_error", Finish("error", "network_error")),
        ("insufficient_system_resource", Finish("error", "insufficient_system_resource")),
    ],
)
def test_finish_reasons(sent: str, expected: Finish) -> None:
    """The reasons of protocol.md, section 1.2: what leaks through from upstream is translated and kept."""
    assert stream(chunk({"content": "a"}), chunk(finish_reason=sent))[2:] == [expected]


def test_an_unknown_finish_reason_is_kept_and_said() -> None:
    """What nobody knows is shown as it is, with a notice."""
    events = stream(chunk({"content": "a"}), chunk(finish_reason="eos\x1b[31m"))
    assert events[2:] == [Notice("Unknown finish reason eos [31m"), Finish("eos\x1b[31m")]


@pytest.mark.parametrize(
    ("word", "reason"),
    [("stop", "tool_calls"), ("eos", "tool_calls"), ("length", "length"), ("content_filter", "content_filter")],
)
def test_tool_calls_outweigh_a_reason_that_says_stop(word: str, reason: str) -> None:
    """A server that calls a tool and says stop has called a tool; a call cut at max_tokens stays cut."""
    finish = stream(chunk({"tool_calls": [call("a", "f", "{}", index=0)]}), chunk(finish_reason=word))[-1]
    assert isinstance(finish, Finish)
    assert finish.reason == reason


def test_the_native_reason_is_kept() -> None:
    """OpenRouter's `native_finish_reason` is the server's own word."""
    last = chunk(finish_reason="stop")
    last["choices"][0]["native_finish_reason"] = "end_turn"
    assert stream(chunk({"content": "a"}), last)[-1] == Finish("stop", "end_turn")


def test_a_repeated_finish_reason_counts_once() -> None:
    """OpenRouter repeats the reason on the chunk with the usage."""
    assert stream(STOP, STOP)[1:] == [Finish("stop")]


def test_null_reasons_all_the_way() -> None:
    """`[DONE]` without a reason is complete, with a notice; end of input without either is not done."""
    decoder = wire.decoder(request())
    events = decode(decoder, [sse(chunk({"content": "a"}), "[DONE]")])
    assert decoder.done
    assert events[2:] == [Notice("The server did not say why the answer ended")]
    decoder = wire.decoder(request())
    assert decode(decoder, [sse(chunk({"content": "a"}))])[1:] == [TextDelta("a")]
    assert not decoder.done


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # Step, Qwen3, Qwen3.6 and GLM as on their pages; GLM's reasoning count is its number of characters.
        (
            {
                "prompt_tokens": 24,
                "completion_tokens": 494,
                "total_tokens": 518,
                "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 245, "image_tokens": 0},
            },
            (24, 494, 245, 0, 0),
        ),
        (
            {"prompt_tokens": 13, "completion_tokens": 559, "total_tokens": 572, "prompt_tokens_details": None},
            (13, 559, None, None, None),
        ),
        (
            {
                "prompt_tokens": 23,
                "completion_tokens": 1501,
                "total_tokens": 1524,
                "prompt_tokens_details": {"text_tokens": 23},
                "completion_tokens_details": {"reasoning_tokens": 1256, "text_tokens": 1501},
            },
            (23, 1501, 1256, None, None),
        ),
        (
            {
                "prompt_tokens": 15,
                "completion_tokens": 210,
                "total_tokens": 225,
                "completion_tokens_details": {"reasoning_tokens": 229},
            },
            (15, 210, 229, None, None),
        ),
        # Kimi K3 on Baseten and xAI leave reasoning out of completion_tokens.
        ({"prompt_tokens": 951, "completion_tokens": 6000, "total_tokens": 6952}, (951, 6001, None, None, None)),
        ({"prompt_tokens": 279, "completion_tokens": 6, "total_tokens": 374}, (279, 95, None, None, None)),
        # DeepSeek's name for cached tokens; floats that are counts; what is no count.
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, (9, 1, None, 4, None)),
        ({"prompt_tokens": 9.0, "completion_tokens": "7", "total_tokens": None}, (9, 7, None, None, None)),
        # What the total has too much is cached tokens first, but for what the reasoning explains to the token.
        (
            {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 5000, "cached_tokens": 4850},
            (4950, 50, None, 4850, None),
        ),
        (
            {
                "prompt_tokens": 279,
                "completion_tokens": 6,
                "total_tokens": 374,
                "cached_tokens": 200,
                "completion_tokens_details": {"reasoning_tokens": 89},
            },
            (279, 95, 89, 200, None),
        ),
    ],
)
def test_usage_rules(sent: dict[str, Any], expected: tuple[int | None, ...]) -> None:
    """Output is the larger of completion and total less prompt; details are taken over and never added."""
    (usage,) = deltas(chunk({}, usage=sent), STOP)
    assert isinstance(usage, Usage)
    counts = (usage.input_tokens, usage.output_tokens, usage.reasoning_tokens, usage.cached_tokens)
    assert (*counts, usage.cache_write_tokens) == expected
    assert usage.details == sent


@pytest.mark.parametrize("sent", [{"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": True, "cost": 0.1}])
def test_zeros_beside_text_are_unknown(sent: dict[str, Any]) -> None:
    """A server that does not count gives no usage, and that is said: unknown is never free."""
    events = stream(chunk({"content": "a"}, usage=sent), STOP)
    assert not [event for event in events if isinstance(event, Usage)]
    assert Notice("The server counted no tokens: what this cost is unknown") in events


def test_the_fullest_usage_holds() -> None:
    """Each count is the largest that was sent, whatever comes last."""
    full = {"prompt_tokens": 100_000, "completion_tokens": 50_000}
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    for sent in ((full, zeros), (zeros, full), ({"prompt_tokens": 100_000}, {"completion_tokens": 50_000})):
        events = stream(*(chunk({}, usage=usage) for usage in sent), STOP)
        usage = [event for event in events if isinstance(event, Usage)][-1]
        assert (usage.input_tokens, usage.output_tokens) == (100_000, 50_000)


def test_usage_may_be_anywhere() -> None:
    """On every chunk, in a choice, under x_groq, after the finish reason: null ones do not count."""
    counts = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    in_choice = chunk(finish_reason="stop")
    in_choice["choices"][0]["usage"] = {**counts, "completion_tokens": 3, "total_tokens": 4}
    sent = [
        chunk({"content": "a"}, usage=counts),
        chunk({"content": "b"}, usage=counts),
        in_choice,
        {"id": "c1", "choices": [], "x_groq": {"id": "r", "usage": {**counts, "completion_tokens": 5}}},
        {"id": "c1", "choices": [], "usage": None},
    ]
    assert [event.output_tokens for event in stream(*sent) if isinstance(event, Usage)] == [1, 3, 5]


def test_logprobs() -> None:
    """Tokens with bytes or without, alternatives, and what cannot be a number."""
    sent = {
        "refusal": None,
        "content": [
            {
                "token": "4",
                "logprob": -0.01,
                "bytes": [52],
                "top_logprobs": [
                    {"token": "4", "logprob": -0.01, "bytes": [52]},
                    {"token": " 4", "logprob": -4.7, "bytes": None},
                ],
            },
            {"token": "\ufffd", "logprob": 0, "bytes": [240, 159]},
            {"token": "x", "logprob": None, "bytes": [1000], "top_logprobs": None},
            "no token",
        ],
    }
    alternatives = (TokenLogprob("4", -0.01, (52,)), TokenLogprob(" 4", -4.7))
    assert deltas(chunk({"content": "4"}, logprobs=sent), STOP) == [
        TextDelta("4"),
        LogprobDelta(
            (
                TokenLogprob("4", -0.01, (52,), alternatives),
                TokenLogprob("\ufffd", 0.0, (240, 159)),
                TokenLogprob("x", -9999.0),
            )
        ),
    ]


def test_minus_infinity_is_a_logprob() -> None:
    """Python servers write `-Infinity` and `NaN`, which is not JSON: read all the same."""
    line = b'{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-Infinity}]}}],"x":NaN}'
    assert deltas(line) == [TextDelta("a"), LogprobDelta((TokenLogprob("a", -9999.0),))]


def test_numbers_that_are_too_large() -> None:
    """What no float holds is none: `1e999` is null, a logprob of a thousand digits the placeholder, a count of none."""
    digits = b"9" * 1000
    logprobs = b'{"content":[{"token":"a","logprob":-%b,"bytes":null}]}' % digits
    usage = b'{"prompt_tokens":%b,"completion_tokens":1,"cost":1e999}' % digits
    line = b'{"choices":[{"delta":{},"logprobs":%b}],"usage":%b,"x":[1e999]}' % (logprobs, usage)
    assert deltas(line) == [
        LogprobDelta((TokenLogprob("a", -9999.0),)),
        Extra({"x": [None]}),
        Usage(0, 1, details={"prompt_tokens": int(digits), "completion_tokens": 1, "cost": None}),
    ]


def test_deep_nesting_is_cut_off() -> None:
    """What is kept of a deep value can be written again from any depth of calls: 64 levels."""
    (extra,) = deltas(
        chunk({}), b'{"choices":[],"x":' + b"[" * 300 + b"]" * 300 + b',"y":' + b'{"a":' * 300 + b"1" + b"}" * 301
    )
    assert isinstance(extra, Extra)
    assert json.dumps(extra.fields["x"]) == "[" * 65 + "]" * 65
    assert json.dumps(extra.fields["y"]) == '{"a": ' * 64 + "{}" + "}" * 64


def test_unknown_fields_are_kept_and_not_repeated() -> None:
    """A field of the server's own gives one Extra while it stays the same; padding gives none."""
    events = deltas(
        chunk({"content": "a"}, provider="X", obfuscation="q1", service_tier=None),
        chunk({"content": "b"}, provider="X", obfuscation="q2"),
        chunk({"content": "c"}, provider="X", timings={"n": 1}),
        chunk({"content": "d", "annotations": [1]}, provider="Y", timings={"n": 1}),
    )
    assert events == [
        TextDelta("a"),
        Extra({"provider": "X"}),
        TextDelta("bc"),
        Extra({"timings": {"n": 1}}),
        TextDelta("d"),
        Extra({"annotations": [1]}),
        Extra({"provider": "Y"}),
    ]


# -- errors -------------------------------------------------------------------------------------------------------


def test_an_error_in_mid_stream_keeps_what_came() -> None:
    """OpenRouter's failure (protocol.md, 2.2): text, then the error with its status; `[DONE]` proves nothing."""
    failing = json.loads(
        '{"id":"c1","object":"chat.completion.chunk","error":{"code":502,"message":"Provider disconnected",'
        '"metadata":{"error_type":"provider_unavailable"}},'
        '"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}'
    )
    assert stream(chunk({"content": "a"}), failing)[1:] == [
        TextDelta("a"),
        Finish("error"),
        Failure("Provider disconnected", 502, "502", "provider_unavailable"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        b'data: {"error":{"message":"no","code":500}}\n\ndata: [DONE]\n\n',
        b'data: {"object":"error","message":"no","code":500}\n\n',
        b'data: {"choices":[{"index":0,"error":{"message":"no","code":500}}]}\n\n',
        b'event: error\ndata: {"error":{"message":"no","code":500}}\n\n',
        b'event: error\ndata: {"message":"no","code":500}\n\n',
        b'error: {"message":"no","code":500}\n',
        b'data: {"code":500,"message":"no","request_id":"1"}\n\n',
        b'{"error":{"message":"no","code":500}}',
        b'\xef\xbb\xbf\n\n {"error":{"message":"no","code":500}}\n',
        b'[{"error":{"message":"no","code":500}}]',
    ],
)
def test_an_error_in_any_place_is_a_failure(data: bytes) -> None:
    """Top level, in the choice, as an event, as a line, as a body instead of a stream."""
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        events = decode(wire.decoder(request()), pieces)
        assert [e for e in events if not isinstance(e, Started)] == [Failure("no", 500, "500")]


def test_null_errors_are_no_errors() -> None:
    """`error: null` beside an answer says that there is none; so does a message beside choices or usage."""
    assert deltas(chunk({"content": "a"}, msg="ok"), {"usage": {"prompt_tokens": 1}, "message": "ok"}) == [
        TextDelta("a"),
        Extra({"msg": "ok"}),
        Extra({"message": "ok"}),
        Usage(1, 0, details={"prompt_tokens": 1}),
    ]
    assert deltas(chunk({"content": "a"}, error=None), STOP) == [TextDelta("a")]


# -- unreadable pieces ---------------------------------------------------------------------------------------------


def test_an_unreadable_piece_costs_only_itself() -> None:
    """Good pieces around it are read, and the answer is not whole; signs of life cost nothing."""
    decoder = wire.decoder(request())
    sent = sse(b"{broken", chunk({"content": "a"}), b"null", b"ping", chunk({"content": "b"}), STOP, "[DONE]")
    assert merged(decode(decoder, [sent]))[1:] == [TextDelta("ab"), Finish("stop")]
    assert not decoder.done
    assert decoder.lost == "{broken"
    assert decoder.heard == 5


@pytest.mark.parametrize("piece", [b"{broken", b"[" * 100_000, b'{"a":' * 100_000, b"hello"])
def test_nothing_readable_is_malformed(piece: bytes) -> None:
    """A stream of which nothing can be read, nesting bombs included, is our own error, with or without `[DONE]`."""
    for rest in (b"", b"data: [DONE]\n\n"):
        with pytest.raises(AnswerMalformed):
            decode(wire.decoder(request()), [sse(piece) + rest])


def test_blank_data_is_not_unreadable() -> None:
    """An empty data line is a keep-alive."""
    assert stream(chunk({"content": "a"}), b"", b" ", STOP) == [STARTED, TextDelta("a"), Finish("stop")]


def test_half_a_piece_at_the_end_is_a_cut() -> None:
    """A stream that ends in mid JSON is not done, and not malformed."""
    decoder = wire.decoder(request())
    assert decode(decoder, [sse(chunk({"content": "a"})), b'data: {"id":"c1","choi'])[1:] == [TextDelta("a")]
    assert not decoder.done
    decoder = wire.decoder(request())
    assert decode(decoder, [b'data: {"id":"c1","choi']) == []
    assert not decoder.done


def test_objects_joined_in_one_event() -> None:
    """Data lines that are an object each, without blank lines between, are read one by one."""
    lines = [json.dumps(value) for value in (chunk({"content": "a"}), chunk({"content": "b"}), STOP)]
    data = "".join(f"data: {line}\n" for line in lines) + "data: [DONE]\n\n"
    assert merged(decode(wire.decoder(request()), [data.encode()])) == [STARTED, TextDelta("ab"), Finish("stop")]


def test_an_object_over_several_data_lines() -> None:
    """Data lines that are one object together are joined, as the standard says."""
    text = json.dumps(chunk({"content": "a"}), indent=1)
    data = "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
    assert decode(wire.decoder(request()), [data.encode()]) == [STARTED, TextDelta("a")]


def test_what_follows_done_is_ignored() -> None:
    """`[DONE]` ends the answer, with blanks around it too."""
    decoder = wire.decoder(request())
    assert decode(decoder, [sse(STOP, " [DONE] ", chunk({"content": "x"}))]) == [STARTED, Finish("stop")]


# -- characters ---------------------------------------------------------------------------------------------------


def test_characters_cut_into_surrogates_are_joined() -> None:
    r"""`\ud83d` and `\ude0a` in two deltas are one smile, in text, reasoning and arguments."""
    events = deltas(
        b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}',
        b'{"choices":[{"delta":{"content":"\\ude0ab"}}]}',
        b'{"choices":[{"delta":{"reasoning":"\\ud83d"}}]}',
        b'{"choices":[{"delta":{"content":"c"}}]}',
        b'{"choices":[{"delta":{"reasoning":"\\ude0a"}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"i","function":{"name":"f","arguments":"\\ud83d"}}]}}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\\ude0a"}}]}}]}',
    )
    assert events == [TextDelta("a😊bc"), ReasoningDelta("😊"), ToolCallDelta(0, "i", "f", "😊")]


def test_halves_of_two_calls_are_not_mixed() -> None:
    """Each call waits for its own second half."""
    pieces = [(0, "\ud83d"), (1, "\ud83d"), (1, "\ude0a"), (0, "\ude0b")]
    lists = [[call(f"i{index}", "f", text, index=index)] for index, text in pieces]
    assert calls(*lists) == [("i0", "f", "😋"), ("i1", "f", "😊")]


def test_a_lone_surrogate_is_replaced() -> None:
    """A half without its other half becomes U+FFFD, before the finish reason or at the end of input."""
    assert stream(b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}', STOP)[1:] == [
        TextDelta("a\ufffd"),
        Finish("stop"),
    ]
    assert deltas(b'{"choices":[{"delta":{"content":"a\\ud83d"}}]}') == [TextDelta("a\ufffd")]
    assert deltas(b'{"choices":[{"delta":{"content":"\\ude0ab"}}]}') == [TextDelta("\ufffdb")]


def test_surrogates_elsewhere_are_replaced() -> None:
    """Ids, names, extras and errors can be written as UTF-8 too."""
    events = stream(b'{"id":"\\ud83d","choices":[{}],"x":{"\\ud83d":["\\ud83d"]},"error":{"message":"\\ud83d"}}')
    assert events[:3] == [
        Started("\ufffd"),
        Extra({"x": {"\ufffd": ["\ufffd"]}}),
        Failure("The server gave no reason"),
    ]


def test_bad_utf8_is_replaced() -> None:
    """Bytes that are not UTF-8 cost a character, not the answer."""
    assert deltas(b'{"choices":[{"delta":{"content":"a\xff\xfeb"}}]}') == [TextDelta("a\ufffd\ufffdb")]


# -- whole bodies -------------------------------------------------------------------------------------------------

WHOLE = json.loads(
    """{"id":"chatcmpl-x","object":"chat.completion","created":1772859258,"model":"z-ai/glm-5",
 "choices":[{"index":0,"finish_reason":"stop","native_finish_reason":"stop",
   "message":{"role":"assistant","content":"4","reasoning":"2+2","refusal":null},
   "logprobs":{"refusal":null,"content":[{"token":"4","logprob":-0.01,"bytes":[52],
     "top_logprobs":[{"token":"4","logprob":-0.01,"bytes":[52]},{"token":" 4","logprob":-4.7,"bytes":null}]}]}}],
 "usage":{"prompt_tokens":9,"completion_tokens":6,"total_tokens":15,
   "prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":4}}}"""
)
WHOLE_EVENTS = [
    Started("chatcmpl-x", "z-ai/glm-5", 1772859258),
    ReasoningDelta("2+2"),
    TextDelta("4"),
    LogprobDelta((TokenLogprob("4", -0.01, (52,), (TokenLogprob("4", -0.01, (52,)), TokenLogprob(" 4", -4.7))),)),
    Finish("stop", "stop"),
    Usage(9, 6, 4, details=WHOLE["usage"]),
]


def test_the_reference_body() -> None:
    """The answer of protocol.md, section 1.2, as a body, as a body that came instead of a stream, as one event."""
    assert body(WHOLE) == WHOLE_EVENTS
    text = b"\n\n " + json.dumps(WHOLE).encode()
    for data in (text, sse(WHOLE)):
        for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
            decoder = wire.decoder(request())
            assert decode(decoder, pieces) == WHOLE_EVENTS
            assert decoder.done


def test_a_body_with_calls_or_without_text() -> None:
    """Null content, tool calls, a refusal: all in a whole message."""
    message = {"role": "assistant", "content": None, "tool_calls": [call("a", "f", "{}"), call("b", "g", "")]}
    events = body({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    assert events[1:] == [ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b", "g"), Finish("tool_calls")]


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b'{"choices":[]}'])
def test_an_empty_body_is_no_answer(data: bytes) -> None:
    """It says nothing, and may be asked for again."""
    decoder = wire.decoder(request())
    assert decoder.decode_body(data) == []
    assert decoder.empty
    assert not decoder.done


@pytest.mark.parametrize("data", [b"{", b'{"a": 1}', b"<html>", b"[" * 100_000])
def test_a_body_that_is_no_answer_is_malformed(data: bytes) -> None:
    """A body needs choices or an error; the text of the body is not in the message, it could hold the key."""
    with pytest.raises(AnswerMalformed) as caught:
        wire.decoder(request()).decode_body(data)
    assert "html" not in str(caught.value)


def test_lines_of_json_instead_of_a_stream() -> None:
    """Objects line by line, without `data:`, are read too."""
    lines = [json.dumps(value).encode() for value in (chunk({"content": "a"}), STOP)]
    decoder = wire.decoder(request())
    assert decode(decoder, [b"\n".join(lines)]) == [STARTED, TextDelta("a"), Finish("stop")]
    assert decoder.done


def test_choices_are_bounded_by_what_was_asked_for() -> None:
    """One event with thousands of choices costs little: eight are taken where one was asked for, and it is said."""
    decoder = wire.decoder(request())
    many = [{"index": n, "delta": {"content": "x"}} for n in range(20_000)]
    events = decoder.feed(sse({"choices": many}))
    assert sum(isinstance(event, TextDelta) for event in events) == 8
    assert [event.text for event in events if isinstance(event, Notice)] == [
        "The server sent more choices than requested; the others are left out"
    ]
