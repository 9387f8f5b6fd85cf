"""Promises of the wire as a whole: the identity of a request, and decoders that no bytes can break."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wcode_jupyter import wire
from wcode_jupyter.errors import InputError, WcodeError
from wcode_jupyter.reply.events import Event, Extra, TextDelta
from wcode_jupyter.request.messages import Message, Protocol, Request

from .conformance import needs_data, read
from .stream_tools import chunk, decode, merged, request, sse

PROTOCOLS: tuple[Protocol, ...] = ("openai", "anthropic")
SUITE: list[dict[str, Any]] = json.loads(read("jsontestsuite.json.gz") or b"[]")


# -- identity -----------------------------------------------------------------------------------------------------


def test_the_fingerprint_is_the_same_whatever_the_order() -> None:
    """64 hex digits of what is sent: the order of dicts does not matter, values do."""

    def of(**fields: Any) -> str:
        return wire.fingerprint(Request(model="m", messages=(Message("user", "hi"),), **fields))

    one = of(parameters={"seed": 1, "logit_bias": {"1": 2, "3": 4}}, extra_body={"a": 1, "b": {"c": 1, "d": 2}})
    two = of(extra_body={"b": {"d": 2, "c": 1}, "a": 1}, parameters={"logit_bias": {"3": 4, "1": 2}, "seed": 1})
    assert one == two
    assert len(bytes.fromhex(one)) == 32
    different = [
        of(),
        of(parameters={"seed": 1}),
        of(parameters={"seed": 2}),
        of(stream=False),
        of(endpoint="local"),
        of(protocol="anthropic"),
        of(extra_body={"seed": 3}),
    ]
    assert len({one, *different}) == 8


def test_the_fingerprint_stays_the_same_over_versions() -> None:
    """A recorded answer is found by this value: SHA-256 of the canonical JSON, computed here by hand."""
    # printf '%s' '<the text below>' | sha256sum
    text = (
        '{"body":{"messages":[{"content":"hi","role":"user"}],"model":"m","stream":true,'
        '"stream_options":{"include_usage":true}},"endpoint":"gateway","protocol":"openai"}'
    )
    assert json.loads(text)["body"] == wire.encode(request())
    assert wire.fingerprint(request()) == "5ad90f80a22a4d22873bbfcbf5812eacdcc3d23d9685c5820b18dacbd61ec945"


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, "\ud83d", b"x"])
def test_what_cannot_be_written_has_no_fingerprint(value: Any) -> None:
    """NaN, a set, a lone surrogate in extra_body are the user's error, said before anything is sent."""
    bad = Request(model="m", messages=(Message("user", "hi"),), extra_body={"x": value})
    with pytest.raises(InputError, match="Cannot encode the request as JSON"):
        wire.fingerprint(bad)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_key_is_no_part_of_what_is_sent(protocol: Protocol) -> None:
    """Headers of the protocol hold no credential: the transport adds it last."""
    assert wire.headers(protocol) == ({"anthropic-version": "2023-06-01"} if protocol == "anthropic" else {})
    wire.headers(protocol)["x"] = "y"
    assert "x" not in wire.headers(protocol)


def test_paths() -> None:
    """What is appended to the base URL, as protocol.md, section 0, gives the addresses."""
    assert [wire.path(protocol) for protocol in PROTOCOLS] == ["/chat/completions", "/v1/messages"]


def test_the_openai_form_carries_everything() -> None:
    """No parameter is dropped in the gateway's own form."""
    assert wire.warnings(request(seed=1, top_a=0.5, verbosity="low")) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_encoding_does_not_touch_the_request(protocol: Protocol) -> None:
    """The body can be changed without changing the request's own parameters at the top level."""
    sent = Request(
        model="m", messages=(Message("user", "hi"),), protocol=protocol, parameters={"seed": 1}, extra_body={"x": 1}
    )
    before = json.dumps(sent.to_dict())
    body = wire.encode(sent)
    body.clear()
    assert json.dumps(sent.to_dict()) == before


# -- bytes that no server should send ---------------------------------------------------------------------------------


def outcome(protocol: Protocol, pieces: list[bytes]) -> list[Event] | type[WcodeError]:
    """The events, or the error of our own tree; any other exception is a bug and passes through."""
    decoder = wire.decoder(request(protocol))
    try:
        events = decode(decoder, pieces)
    except WcodeError as error:
        return type(error)
    # Whatever came out can be written down again.
    msgspec.json.encode(events).decode()
    return merged(events)


@needs_data
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["y", "n", "i"])
def test_the_json_test_suite_as_payload(kind: str, protocol: Protocol) -> None:
    """Each file of JSONTestSuite as one event between two good ones: never a crash, and the good ones are read."""
    good = {
        "openai": chunk({"content": "a"}),
        "anthropic": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "a"}},
    }[protocol]
    cases = [case for case in SUITE if case["kind"] == kind]
    assert len(cases) > 30
    for case in cases:
        payload = base64.b64decode(case["b64"])
        data = b"\n" + sse(good) + b"data: " + payload + b"\n\n" + sse(good)
        events = outcome(protocol, [data])
        assert isinstance(events, list), case["id"]
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "aa", case["id"]


# Accepted on purpose: servers written in Python send them.
LENIENT = (b"NaN", b"Infinity")


@needs_data
def test_the_json_test_suite_as_a_value() -> None:
    """Inside an object, valid files are read, and invalid ones make a piece that is lost."""
    for case in SUITE:
        payload = base64.b64decode(case["b64"])
        if any(byte in payload for byte in b"\n\r") or case["kind"] == "i":
            continue
        data = sse(chunk({"content": "a"}), b'{"choices":[],"x":' + payload + b"}", chunk(finish_reason="stop"))
        events = outcome("openai", [b"\n" + data])
        assert isinstance(events, list)
        decoder = wire.decoder(request())
        decode(decoder, [data])
        skipped = bool(decoder.lost)
        if case["kind"] == "y":
            assert not skipped, case["id"]
            assert payload.strip() == b"null" or any(isinstance(event, Extra) for event in events), case["id"]
        elif case["kind"] == "n" and not any(name in payload for name in LENIENT) and min(payload, default=32) >= 32:
            assert skipped, case["id"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.binary(max_size=400), cut=st.integers(0, 400))
def test_arbitrary_bytes(protocol: Protocol, data: bytes, cut: int) -> None:
    """Any bytes give events or an error of our own tree, the same wherever they are cut."""
    whole = outcome(protocol, [data])
    assert outcome(protocol, [data[:cut], data[cut:]]) == whole
    framed = b"data: " + data + b"\n\n"
    assert outcome(protocol, [framed[:cut], framed[cut:]]) == outcome(protocol, [framed])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 2**70) | st.floats() | st.text(max_size=5) | st.just("\ud83d"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    """id object created model system_fingerprint choices usage error x_groq index delta message text finish_reason
    native_finish_reason logprobs role content reasoning reasoning_content reasoning_details refusal tool_calls
    function_call function name arguments prompt_tokens completion_tokens total_tokens prompt_tokens_details
    cached_tokens token logprob bytes top_logprobs type content_block thinking signature partial_json stop_reason
    input_tokens output_tokens cache_read_input_tokens output_tokens_details data input code detail msg metadata
    availability status loc raw reasons""".split()  # noqa: SIM905 - a hundred quotes would not be easier to read
)
WORDS = st.sampled_from(
    """message message_start content_block_start content_block_delta content_block_stop message_delta message_stop
    error text thinking tool_use redacted_thinking stop length tool_calls <think> </think> end_turn""".split()  # noqa: SIM905
)
SHAPES = st.recursive(
    JSON | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(NAMES, inner, max_size=6)
        | st.fixed_dictionaries({"choices": st.lists(st.dictionaries(NAMES, inner, max_size=5), max_size=2)})
        | st.fixed_dictionaries({"type": WORDS, "delta": inner, "content_block": inner, "message": inner})
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(values=st.lists(SHAPES, max_size=4))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_arbitrary_objects(protocol: Protocol, values: list[Any]) -> None:
    """Known names with values of any type and at any place never fail: as a stream, cut anywhere, and as a body."""
    data = sse(*(json.dumps(value) for value in values))
    assert outcome(protocol, [data[i : i + 1] for i in range(len(data))]) == outcome(protocol, [data])
    for value in values:
        try:
            events = wire.decoder(request(protocol)).decode_body(json.dumps(value).encode())
            msgspec.json.encode(events)
        except WcodeError:
            pass
        wire.decode_error(json.dumps(value).encode())


PIECES = st.lists(
    st.sampled_from(["a", "<", "think", "<think>", "</think>", ">", " ", "你", "😊", "\ud83d", "\ude0a"]), max_size=12
)


@given(PIECES)
def test_splitting_text_does_not_matter(pieces: list[str]) -> None:
    """One delta or many: the same text and the same reasoning, characters cut in two and tags included."""
    finish = chunk(finish_reason="stop")
    many = outcome("openai", [sse(*(chunk({"content": piece}) for piece in pieces), finish)])
    one = outcome("openai", [sse(chunk({"content": "".join(pieces)}), finish)])
    assert many == one


# -- the package -----------------------------------------------------------------------------------------------------


def test_the_modules_stay_on_their_floor() -> None:
    """Nothing in this folder does I/O or knows of a transport, a key or IPython."""
    folder = Path(wire.__file__).parent
    for source in folder.glob("*.py"):
        text = source.read_text()
        for name in ("httpx", "socket", "IPython", "asyncio", "..transport", "..keys", "reply.reply", "os.environ"):
            assert name not in text, (source.name, name)
