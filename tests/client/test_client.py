"""The Python surface without IPython: ask and stream, plainly and with `await`, as a script would."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment import isolated
from tests.fault_server import HOLD, FaultServer, chat, data, delta, finish, reasoning, status, stream, usage
from wcode_jupyter import Client, Message, Reply, WcodeError
from wcode_jupyter.errors import AnswerCut, AnswerInterrupted, InputError, KeyMissing, KeyRejected, ParameterError
from wcode_jupyter.reply.events import Event, Finish, ReasoningDelta, TextDelta, Usage

KEY = "sk-client-0123456789abcdef"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """A server that answers "Hello"."""
    with FaultServer(chat("Hel", "lo")) as server:
        yield server


@pytest.fixture
def client(server: FaultServer) -> Iterator[Client]:
    """A client of that server."""
    with Client(server.base_url, KEY, model="m", log=False) as client:
        yield client


ANSWER = stream(reasoning("hm"), delta("Hel"), delta("lo"), finish(), usage(9, 6))


def shape(events: list[Event]) -> list[object]:
    """What of the events a script would look at."""
    wanted = (TextDelta, ReasoningDelta, Finish, Usage)
    return [
        event.text if isinstance(event, (TextDelta, ReasoningDelta)) else type(event).__name__
        for event in events
        if isinstance(event, wanted)
    ]


def test_ask_gives_the_reply(client: Client, server: FaultServer) -> None:
    """The text, how it ended, what it used; what was sent is what was said, and the key is in the header."""
    reply = client.ask("hi", temperature=0.2, system="Be brief.", extra_body={"user": "me"})
    assert isinstance(reply, Reply)
    assert (str(reply), reply.ended, reply.usage and reply.usage.output_tokens) == ("Hello", "complete", 6)
    request = server.requests[0]
    assert request.key == KEY
    assert request.json == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "temperature": 0.2,
        "user": "me",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_ask_takes_messages(client: Client, server: FaultServer) -> None:
    """A list of Message or of plain dicts."""
    client.ask([Message("user", "1"), {"role": "assistant", "content": "2"}, {"role": "user", "content": "3"}])
    assert [message["content"] for message in server.requests[0].json["messages"]] == ["1", "2", "3"]


def test_stream_gives_events_then_the_reply(client: Client, server: FaultServer) -> None:
    """Frozen events in the order of arrival; the stream holds the reply once they are through."""
    server.script(ANSWER)
    answer = client.stream("hi")
    assert shape(list(answer)) == ["hm", "Hel", "lo", "Finish", "Usage"]
    assert answer.reply is not None
    assert (answer.reply.text, answer.reply.reasoning) == ("Hello", "hm")


def test_stream_gives_events_while_the_server_still_writes(client: Client, server: FaultServer) -> None:
    """The first word is there before the second was sent."""
    gate = threading.Event()
    server.script(stream(delta("first"), gate, delta(" second"), finish()))
    words = []
    for event in client.stream("hi"):
        if isinstance(event, TextDelta):
            words.append(event.text)
            gate.set()
    assert words == ["first", " second"]


def test_leaving_the_loop_closes_the_connection(client: Client, server: FaultServer) -> None:
    """`break` ends the answer at the server too; the client asks on."""
    server.script(stream(delta("first"), HOLD), chat("next"))
    for _event in client.stream("hi"):
        break
    assert server.requests[0].closed.wait(2)
    assert client.ask("hi").text == "next"


def test_aask_and_astream_run_on_the_callers_loop(client: Client, server: FaultServer) -> None:
    """The same answer with `await` and `async for`; several at once on one client."""
    server.script(ANSWER)

    async def main() -> tuple[list[str], list[object]]:
        replies = await asyncio.gather(*(client.aask("hi") for _ in range(5)))
        return [reply.text for reply in replies], shape([event async for event in client.astream("hi")])

    texts, events = asyncio.run(main())
    assert texts == ["Hello"] * 5
    assert events == ["hm", "Hel", "lo", "Finish", "Usage"]


def test_a_cancelled_task_closes_the_connection(client: Client, server: FaultServer) -> None:
    """`wait_for` with a timeout leaves nothing behind, for `aask` and for `astream`."""
    server.script(stream(delta("first"), HOLD))

    async def consume() -> None:
        async for _event in client.astream("hi"):
            pass

    async def main() -> None:
        for awaitable in (client.aask("hi"), consume()):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(awaitable, 0.2)

    asyncio.run(main())
    assert server.requests[0].closed.wait(2)
    assert server.requests[1].closed.wait(2)


def test_an_error_carries_what_had_arrived(client: Client, server: FaultServer) -> None:
    """A cut answer raises one line; its `reply` holds the text. The same four ways."""
    server.script(stream(delta("so far"), cut=True))

    async def consume() -> None:
        async for _event in client.astream("hi"):
            pass

    ways = (
        lambda: client.ask("hi"),
        lambda: list(client.stream("hi")),
        lambda: asyncio.run(client.aask("hi")),
        lambda: asyncio.run(consume()),
    )
    for way in ways:
        with pytest.raises(AnswerCut) as caught:
            way()
        assert caught.value.reply is not None
        assert (caught.value.reply.text, caught.value.reply.ended) == ("so far", "cut")
        assert "\n" not in str(caught.value)


def test_one_except_clause_catches_all(client: Client, server: FaultServer) -> None:
    """Whatever the server does, it is a WcodeError."""
    for script in (status(401, "no"), status(500, "no"), stream(data({"error": {"message": "no"}})), stream()):
        server.script(script)
        with pytest.raises(WcodeError):
            client.ask("hi")


@pytest.mark.parametrize("values", [{"temperature": 3}, {"nonsense": 1}, {"top_p": float("nan")}, {"seed": True}])
def test_bad_values_are_refused_before_anything_is_sent(
    client: Client, server: FaultServer, values: dict[str, object]
) -> None:
    """ParameterError, and no request."""
    with pytest.raises(ParameterError):
        client.ask("hi", **values)
    assert server.requests == []


def test_the_key_belongs_to_the_origin_of_the_base_url(server: FaultServer) -> None:
    """Another server is asked without it, the gateway is not asked at all; and it is said where it comes from."""
    with FaultServer(chat("elsewhere")) as other, Client(server.base_url, KEY, model="m", log=False) as client:
        assert client.ask("hi", base_url=other.base_url).text == "elsewhere"
        assert "authorization" not in other.requests[0].headers
        assert client.session.keys.source(server.origin) == "argument"
        assert client.session.keys.find(other.origin) is None
        with pytest.raises(KeyMissing):
            client.ask("hi", model="glm-5", base_url="https://wcode.net/api/gpt/v1")


def test_the_key_goes_to_the_server_of_the_environment(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `base_url` it belongs to the server that the environment names."""
    monkeypatch.setenv("WCODE_BASE_URL", server.base_url)
    with Client(api_key=KEY, model="m", log=False) as client:
        client.ask("hi")
    assert server.requests[0].key == KEY


def test_a_rejected_key_is_nowhere_in_the_error(client: Client, server: FaultServer) -> None:
    """Not in the message, though the server repeats it, and in no frame of our code."""
    server.script(lambda request: status(401, f"Incorrect API key provided: {request.key}"))
    with pytest.raises(KeyRejected) as caught:
        client.ask("hi")
    whole = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert KEY not in whole.replace(repr(KEY), "")  # this module's own constant is not ours to hide


def test_a_key_that_cannot_be_one_is_not_quoted() -> None:
    """Refused at once, and no frame of ours holds it."""
    with pytest.raises(InputError) as caught:
        Client(api_key="sk with " + "a space")
    whole = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "sk with a space" not in whole


def test_two_clients_know_nothing_of_each_other(server: FaultServer) -> None:
    """Keys, settings and replies are their own; they may run at the same time; closing one leaves the other."""
    with FaultServer(chat("two")) as second:
        one, two = Client(server.base_url, "key-number-one", model="a"), Client(second.base_url, "key-number-two")
        two.session.set("model", "b")
        streams = one.stream("hi"), two.stream("hi")
        assert [answer.result().text for answer in streams] == ["Hello", "two"]
        one.close()
        assert two.ask("hi").text == "two"
        two.close()
        assert (server.requests[0].key, second.requests[0].key) == ("key-number-one", "key-number-two")
        assert (server.requests[0].json["model"], second.requests[0].json["model"]) == ("a", "b")
        assert (len(one.session.replies), len(two.session.replies)) == (1, 2)


def test_closing_ends_what_runs(server: FaultServer) -> None:
    """The thread is gone, the connection is closed, and the answer that was running says that it was interrupted."""
    server.script(stream(delta("first"), HOLD))
    client = Client(server.base_url, model="m", log=False)
    answer = client.stream("hi")
    assert next(iter(answer)) is not None
    client.close()
    assert server.requests[0].closed.wait(2)
    assert [thread.name for thread in threading.enumerate() if "wcode" in thread.name] == []
    client.close()


def test_a_busy_loop_does_not_stop_the_closing(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warm-up may hold the loop's thread for seconds on a slow machine: the rest is ended all the same."""
    monkeypatch.setattr("wcode_jupyter.event_loop.loop._ENDING_S", 0.01)
    client = Client(base_url=server.base_url, model="m", log=False)
    busy, release, stopped = threading.Event(), threading.Event(), []

    def hold() -> None:
        busy.set()
        release.wait()

    try:
        client.event_loop.warm(hold)
        assert busy.wait(10)
        monkeypatch.setattr(client.local, "stop", lambda: stopped.append(True))
        client.close()
        assert client.event_loop.closed
        assert stopped == [True]
    finally:
        release.set()


def test_a_waiting_thread_is_told_when_the_client_is_closed(server: FaultServer) -> None:
    """Nobody waits for ever for a client that is gone."""
    server.script(stream(delta("first"), HOLD))
    client = Client(server.base_url, model="m", log=False)
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            client.ask("hi")
        except WcodeError as error:
            caught.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    server.wait()
    client.close()
    thread.join(5)
    assert [type(error) for error in caught] == [AnswerInterrupted]


def python(code: str, cwd: Path) -> str:
    """What a fresh Python prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=cwd, env=isolated(cwd / "private"), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_next_to_nothing(tmp_path: Path) -> None:
    """`import wcode_jupyter` brings neither httpx nor msgspec nor IPython; Client brings no notebook either."""
    heavy = "('httpx', 'msgspec', 'IPython', 'ipywidgets', 'pygments', 'rich', 'markdown_it', 'asyncio', 'pandas')"
    report = f"import sys; print([name for name in {heavy} if name in sys.modules])"
    assert python(f"import wcode_jupyter; {report}", tmp_path) == "[]\n"
    light = "('IPython', 'ipywidgets', 'pygments', 'rich', 'markdown_it', 'pandas')"
    assert python(f"from wcode_jupyter import Client; {report.replace(heavy, light)}", tmp_path) == "[]\n"


def test_a_script_without_ipython_asks_and_ends(tmp_path: Path, server: FaultServer) -> None:
    """A script that forgets to close its client still ends; nothing of IPython was imported."""
    code = f"""
import sys
from wcode_jupyter import Client
client = Client({server.base_url!r}, model="m")
print(client.ask("hi"))
for event in client.stream("hi"):
    print(getattr(event, "text", ""), end="")
print("IPython" in sys.modules)
"""
    assert python(code, tmp_path) == "Hello\nHelloFalse\n"


def test_a_reply_survives_json(client: Client) -> None:
    """`to_dict` is plain JSON, and `Reply.from_dict` gives the same again."""
    reply = client.ask("hi")
    again = Reply.from_dict(json.loads(json.dumps(reply.to_dict())))
    assert again == reply
    assert KEY not in json.dumps(reply.to_dict())


def test_a_warning_stands_at_the_callers_line(server: FaultServer, tmp_path: Path) -> None:
    """What is no error points into the script, not into this package; a Path is as good as a text."""
    record = tmp_path / "torn.jsonl"
    record.write_text('{"v": 1')
    with (
        Client(server.base_url, KEY, model="m", log=False, replay="auto", replay_file=record) as client,
        pytest.warns(UserWarning, match=r"^torn\.jsonl ended in an incomplete record \(7 bytes\)") as warned,
    ):
        client.ask("hi")
    assert [warning.filename for warning in warned] == [__file__]
    assert record.read_bytes().count(b"\n") == 1


def test_messages_by_their_name(client: Client, server: FaultServer) -> None:
    """As users of SDKs write it; both or neither is one line that says so."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    assert client.ask(messages=messages).text == "Hello"
    assert server.requests[0].json["messages"] == messages
    server.script(chat("Hel", "lo"))
    assert client.stream(messages=messages).result().text == "Hello"
    for arguments in ({}, {"prompt": "hi", "messages": messages}):
        with pytest.raises(InputError, match=r"either a prompt or messages=\[…\]"):
            client.ask(**arguments)
