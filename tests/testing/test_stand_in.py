"""The stand-in: what is scripted arrives in both forms, streamed and whole, and what was asked can be read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wcode_jupyter import Client, Reply
from wcode_jupyter.errors import AnswerCut, BadRequest, DeadlineError, InputError, RateLimited, ServerFault, WcodeError
from wcode_jupyter.request.messages import Protocol
from wcode_jupyter.testing import Answer, Call, Raw, Received, Refusal, StandIn
from wcode_jupyter.transport import endpoint

FORMS: list[Protocol] = ["openai", "anthropic"]
PIXEL = Path(__file__).parents[2] / "notebooks" / "images" / "chart.png"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn("hello").use() as running:
        yield running


def asked(prompt: str = "hi", **values: object) -> Reply:
    """An answer of the stand-in in use, or what had arrived of it."""
    with Client(log=False) as client:
        return client.ask(prompt, **values)  # type: ignore[arg-type]


def failed(**values: object) -> WcodeError:
    with pytest.raises(WcodeError) as caught:
        asked(**values)
    return caught.value


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", FORMS)
def test_what_is_scripted_arrives(server: StandIn, protocol: Protocol, stream: bool) -> None:
    """Text, reasoning, calls, finish, usage and model are the script's, in both forms, streamed and whole."""
    text = "  Two\n\nlines, 你好 and a_very_long_word_in_them \n"
    call = Call("temperature", {"city": "Zürich", "n": [1, 2]})
    server.script(Answer(text, reasoning="why not", calls=[call], input_tokens=7, output_tokens=5, model="m-1"))
    reply = asked(protocol=protocol, stream=stream)
    assert (reply.text, reply.reasoning, reply.ended, reply.model) == (text, "why not", "complete", "m-1")
    assert [(call.name, call.id, json.loads(call.arguments)) for call in reply.tool_calls] == [
        ("temperature", "call_1_0", {"city": "Zürich", "n": [1, 2]})
    ]
    assert reply.finish_reason == "tool_calls"
    assert reply.usage is not None
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (7, 5)


@pytest.mark.parametrize("protocol", FORMS)
def test_the_finish_reason_is_translated(server: StandIn, protocol: Protocol) -> None:
    """`length` is said in the words of each form and ends the answer as one that was cut short by its limit."""
    server.script(Answer("abc", finish="length"))
    assert asked(protocol=protocol).finish_reason == "length"


def test_a_list_has_one_answer_for_each_request_and_then_says_that_it_is_used_up(server: StandIn) -> None:
    """A further request is refused once, not tried again; a new script begins anew."""
    server.script(["a", "b"])
    assert [asked().text, asked().text] == ["a", "b"]
    assert isinstance(error := failed(), BadRequest)
    assert "the script has 2 answers, but this is request 3" in str(error)
    assert len(server.requests) == 3
    server.script(["c"])
    assert asked().text == "c"


def test_a_function_answers_what_it_reads(server: StandIn) -> None:
    """It gets the request; what it raises is the refusal, so a mistake in it is seen."""
    server.script(lambda request: f"{request.number}: {request.prompt} of {request.model}")
    assert asked("ping", model="m-7").text == "1: ping of m-7"
    server.script(lambda request: str(1 / 0))
    assert "the script raised ZeroDivisionError: division by zero" in str(failed())


@pytest.mark.parametrize("protocol", FORMS)
def test_a_request_is_read_the_same_in_both_forms(server: StandIn, protocol: Protocol) -> None:
    """Prompt, system prompt, images and tool results, wherever the form puts them."""

    def script(request: Received) -> Answer:
        wanted = [Call("double", {"n": 21})]
        return Answer(f"it is {request.results[0]}") if request.results else Answer(calls=wanted)

    def double(n: int) -> int:
        """Twice n."""
        return 2 * n

    server.script(script)
    reply = asked("Twice 21?", protocol=protocol, system="Be brief.", tools=[double], tools_confirm=False)
    assert reply.text == "it is 42"
    assert [request.results for request in server.requests] == [[], ["42"]]
    assert {(r.prompt, r.system, r.protocol) for r in server.requests} == {("Twice 21?", "Be brief.", protocol)}
    part = {"type": "image", "url": "data:image/png;base64,aGVsbG8="}
    with Client(log=False) as client:
        client.ask(
            [{"role": "user", "content": [{"type": "text", "text": "What?"}, part]}], protocol=protocol, force=True
        )
    assert server.requests[-1].images == [b"hello"]


@pytest.mark.parametrize("protocol", FORMS)
def test_usage_of_a_stream_is_sent_as_the_form_has_it(server: StandIn, protocol: Protocol) -> None:
    """None where the script says so; a rough count where it says nothing."""
    server.script([Answer("abcdefgh", usage=False), "abcdefgh"])
    assert asked(protocol=protocol).usage is None
    counted = asked(protocol=protocol).usage
    assert counted is not None
    assert counted.output_tokens == 3
    assert counted.input_tokens > 0


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("protocol", FORMS)
def test_a_refusal_has_status_words_and_retry_after(server: StandIn, protocol: Protocol, stream: bool) -> None:
    """The client hears the words; it waits as long as it is told, then asks again."""
    server.script([Refusal(400, "no such thing"), Refusal(429, "slow down", retry_after=0.05), "at last"])
    assert "no such thing" in str(failed(protocol=protocol, stream=stream))
    assert asked(protocol=protocol, stream=stream).text == "at last"
    server.script(Refusal(429, "never", retry_after=3600))
    assert isinstance(error := failed(protocol=protocol, stream=stream), RateLimited)
    assert "never" in str(error)


@pytest.mark.parametrize("fault", ["cut", "reset"])
@pytest.mark.parametrize("protocol", FORMS)
def test_a_stream_breaks_off_where_the_script_says(server: StandIn, protocol: Protocol, fault: str) -> None:
    """What came before is kept, and the answer is no whole one."""
    server.script(Answer("one two three", fault=fault, after=7))  # type: ignore[arg-type]
    error = failed(protocol=protocol)
    assert error.reply is not None
    assert error.reply.ended == "cut"
    assert "one two".startswith(error.reply.text)
    if fault == "cut":
        assert isinstance(error, AnswerCut)
        assert error.reply.text == "one two"


@pytest.mark.parametrize("protocol", FORMS)
def test_an_error_comes_in_the_middle(server: StandIn, protocol: Protocol) -> None:
    """In a stream after the text before it; a whole answer is the error alone."""
    server.script(Answer("one two three", fault="error", after=7))
    error = failed(protocol=protocol)
    assert isinstance(error, ServerFault)
    assert error.reply is not None
    assert error.reply.text == "one two"
    assert isinstance(failed(protocol=protocol, stream=False), ServerFault)


@pytest.mark.parametrize("stream", [True, False])
def test_silence_lasts_until_the_client_has_had_enough(server: StandIn, stream: bool) -> None:
    """The connection stays open; the client's own limit ends it."""
    server.script(Answer("one two three", fault="silence", after=7))
    assert isinstance(failed(stream=stream, idle_timeout=0.2), DeadlineError)


def test_a_torn_frame_is_half_a_frame_glued_to_the_next(server: StandIn) -> None:
    """The bytes are those of a server that lost a piece: what a client makes of it is its own affair."""
    server.script(Answer("aaaa bbbb cccc", fault="torn", after=4))
    lines = [line for line in post(server, stream=True).splitlines() if line.startswith("data: ")]
    torn = [line for line in lines if line.count("data: ") == 2]
    assert len(torn) == 1
    assert " cccc" in torn[0]
    assert "bbbb" not in "".join(lines) or "bbbb" in torn[0].partition("data: {")[2].partition("data: {")[0]
    assert lines[-1] == "data: [DONE]"


def test_slow_tokens_are_slow_and_stop_ends_them(server: StandIn) -> None:
    """Pieces come one by one; a server that stops does not wait for the rest."""
    server.script(Answer("one two three four five", pace_s=0.05))
    began = time.monotonic()
    with Client(log=False) as client:
        pieces = [event for event in client.stream("hi") if type(event).__name__ == "TextDelta"]
    assert len(pieces) > 1
    assert time.monotonic() - began > 0.2
    server.script(Answer("a b c", pace_s=60))
    with Client(log=False) as client:
        stream = client.stream("hi")
        next(iter(stream))
        began = time.monotonic()
        server.stop()
        with pytest.raises(WcodeError):
            list(stream)
    assert time.monotonic() - began < 20


def test_raw_bytes_go_out_as_they_are(server: StandIn) -> None:
    """Whatever they are: the dialects of other servers are played so."""
    server.script(Raw([b'data: {"choices":[{"delta":{"content":"x"}}]}\n', b"\ndata: [DONE]\n\n"]))
    assert post(server) == 'data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n'


def test_many_are_answered_at_once(server: StandIn) -> None:
    """A run over rows: each row gets the answer to its own question."""
    server.script(lambda request: request.prompt.upper())
    with Client(log=False) as client:
        replies = client.map("{{word}}", [{"word": f"w{n}"} for n in range(60)], progress=False)
    assert [reply.text for reply in replies] == [f"W{n}" for n in range(60)]


def test_use_takes_this_process_and_stop_gives_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables are as they were: one that was set is set again, one that was not is not."""
    monkeypatch.setenv("WCODE_MODEL", "glm-5")
    monkeypatch.delenv("WCODE_BASE_URL", raising=False)
    server = StandIn("here").use()
    assert asked().text == "here"
    server.stop()
    assert os.environ["WCODE_MODEL"] == "glm-5"
    assert "WCODE_BASE_URL" not in os.environ
    server.stop()
    with pytest.raises(InputError, match="is not running"):
        _ = server.base_url


def test_a_child_process_finds_it_by_its_environment(server: StandIn) -> None:
    """`environment` is all that a program with wcode_jupyter needs."""
    program = "from wcode_jupyter import Client; print(Client(log=False).ask('hi').text)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | server.environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "hello\n"


@pytest.mark.parametrize("protocol", FORMS)
def test_a_recording_is_found_again_whatever_the_port(tmp_path: Path, protocol: Protocol) -> None:
    """Two stand-ins, two ports: what was recorded of one is replayed beside the other, which is not asked."""
    record = tmp_path / "x.replay.jsonl"
    ports = []
    for mode in ("record", "replay"):
        with StandIn(mode).use() as server:
            ports.append(server.port)
            assert asked(protocol=protocol, replay=mode, replay_file=str(record)).text == "record"
            assert len(server.requests) == (mode == "record")
    assert str(ports[0]) not in record.read_text()


def test_only_a_stand_in_of_this_machine_has_no_port_in_its_identity() -> None:
    """Another server keeps its port, and so does one elsewhere that has the same path."""
    with StandIn() as one, StandIn() as two:
        assert one.port != two.port
        assert endpoint(one.base_url).identity == endpoint(two.base_url).identity == "http://127.0.0.1/stand-in/v1"
        assert endpoint(one.anthropic_base_url, "anthropic").identity == "http://127.0.0.1/stand-in"
    assert endpoint("http://127.0.0.1:80/stand-in").identity == "http://127.0.0.1/stand-in"
    for other in ("http://example.com:81/stand-in/v1", "http://127.0.0.1:81/stand-ins/v1", "http://127.0.0.1:81/v1"):
        assert endpoint(other).identity == other


def post(server: StandIn, **body: object) -> str:
    """The raw body of the answer to a request of the OpenAI form."""
    import httpx

    sent = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}
    headers = {"Authorization": f"Bearer {server.key}"}
    return httpx.post(f"{server.base_url}/chat/completions", json=sent, headers=headers).text
