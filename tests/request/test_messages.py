"""Promises of messages and requests: what was said and nothing else, checked, and the same bytes everywhere."""

from __future__ import annotations

import math

import msgspec
import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.request.messages import (
    Image,
    Message,
    Reasoning,
    Request,
    Text,
    ToolCall,
    canonical_json,
    prompt_text,
    to_messages,
)

PICTURE = Image("data:image/png;base64,iVBORw0KGgo=", "low")


def test_a_text_is_one_user_message() -> None:
    """A prompt is sent as it is: no system message, no trimming, no suffix."""
    assert to_messages("  Hello\n") == (Message("user", "  Hello\n"),)


def test_the_system_text_goes_first() -> None:
    """A system text becomes the first message; an empty one becomes none."""
    assert to_messages("Hi", system="Be brief") == (Message("system", "Be brief"), Message("user", "Hi"))
    assert to_messages("Hi", system="") == (Message("user", "Hi"),)


def test_messages_and_mappings_can_be_mixed() -> None:
    """Messages pass as they are, mappings are read in the OpenAI form."""
    given = [
        Message("user", "a"),
        {"role": "assistant", "content": "b"},
        {"role": "tool", "tool_call_id": "call_1", "content": "c"},
        {"role": "user", "content": [{"type": "text", "text": "d"}, {"type": "image", "url": "https://x/y.png"}]},
    ]
    assert to_messages(given) == (
        Message("user", "a"),
        Message("assistant", "b"),
        Message("tool", "c", tool_call_id="call_1"),
        Message("user", (Text("d"), Image("https://x/y.png"))),
    )


@pytest.mark.parametrize(
    "prompt",
    ["", "  \n\t ", [], (), iter(()), [{"role": "user"}], [Message("user", " ")], [{"role": "user", "content": []}]],
)
def test_nothing_to_say_is_an_error(prompt) -> None:
    """An empty cell or list is refused before anything is sent."""
    with pytest.raises(InputError):
        to_messages(prompt)


@pytest.mark.parametrize("prompt", [5, None, {"role": "user", "content": "x"}, Message("user", "x"), ["hello"]])
def test_what_is_neither_text_nor_messages_is_told_by_its_type(prompt) -> None:
    """One line that says what a prompt may be, not Python's own words on iterating."""
    with pytest.raises(InputError, match="list of messages"):
        to_messages(prompt)


@pytest.mark.parametrize(
    "item",
    [
        {"role": "wizard", "content": "x"},
        {"content": "x"},
        {"role": "user", "content": 5},
        {"role": "user", "content": "x", "nmae": "typo"},
        "user: hello",
        7,
        None,
    ],
)
def test_what_is_not_a_message_is_an_error(item) -> None:
    """Unknown roles, wrong types and unknown fields are refused, none is dropped silently."""
    with pytest.raises(InputError) as caught:
        to_messages([item])
    assert "\n" not in str(caught.value)


def test_a_lone_surrogate_is_refused_with_its_place() -> None:
    """Text that cannot be UTF-8 is an error of the input that says where, not a crash while sending."""
    with pytest.raises(InputError) as caught:
        to_messages("ab\ud83d")
    assert "2" in caught.value.what
    assert to_messages("ab\U0001f60a")[0].content == "ab😊"


def test_the_text_of_a_message_leaves_images_out() -> None:
    """`text` and `prompt_text` hold the words of all parts and messages, for the checks on the prompt."""
    message = Message("user", (Text("What is"), PICTURE, Text("this?")))
    assert message.text == "What is\nthis?"
    assert prompt_text([Message("system", "JSON"), message]) == "JSON\nWhat is\nthis?"


def test_arguments_of_a_tool_call() -> None:
    """They are a JSON text: empty means no arguments, control characters inside are tolerated, broken is ValueError."""
    assert ToolCall("1", "f", "").parsed() == {}
    assert ToolCall("1", "f", ' {"a": "x\ny"}').parsed() == {"a": "x\ny"}
    with pytest.raises(ValueError, match=r"delimiter|Expecting"):
        ToolCall("1", "f", '{"a"').parsed()


REQUEST = Request(
    model="z-ai/glm-5",
    messages=(
        Message("system", "s"),
        Message("user", (Text("你"), PICTURE)),
        Message(
            "assistant", "", tool_calls=(ToolCall("call_1", "f", "{}"),), reasoning=(Reasoning("hm", signature="s"),)
        ),
        Message("tool", "42", tool_call_id="call_1"),
    ),
    parameters={"temperature": 0.2, "stop": ["x"]},
    extra_body={"n": 2},
    protocol="anthropic",
    stream=False,
    endpoint="http://127.0.0.1:1/v1",
)


def test_a_request_survives_plain_json() -> None:
    """`from_dict` reads `to_dict` back to an equal request, through JSON text and beside unknown fields."""
    value = msgspec.json.decode(msgspec.json.encode(REQUEST.to_dict()))
    assert Request.from_dict(value) == REQUEST
    assert Request.from_dict({**value, "from_the_future": 1}) == REQUEST


def test_a_request_holds_only_what_was_said() -> None:
    """A bare request has no parameter, no extra field and no default that would reach the wire."""
    bare = Request(model="m", messages=(Message("user", "x"),))
    assert canonical_json(bare.to_dict()) == b'{"messages":[{"content":"x","role":"user"}],"model":"m"}'


def test_a_request_is_frozen() -> None:
    """What identifies an answer cannot change under it."""
    with pytest.raises(AttributeError):
        REQUEST.model = "other"  # type: ignore[misc]


def test_canonical_json_is_one_spelling() -> None:
    """Sorted keys, no white space, UTF-8 without escapes, whatever the order of the dict."""
    expected = '{"a":[1,2.5,null],"b":{"é":"你😊"}}'.encode()
    assert canonical_json({"b": {"é": "你😊"}, "a": [1, 2.5, None]}) == expected
    assert canonical_json({"a": [1, 2.5, None], "b": {"é": "你😊"}}) == expected


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}, "\ud800"])
def test_canonical_json_refuses_what_json_cannot_carry(value) -> None:
    """NaN, infinities and lone surrogates are ValueErrors."""
    with pytest.raises(ValueError, match=r"."):
        canonical_json(value)
