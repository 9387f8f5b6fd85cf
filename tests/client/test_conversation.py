"""A chat of a client against a real server: what goes out with each question."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault_server import HOLD, FaultServer, Received, Script, chat, delta, reasoning, status, stream
from wcode_jupyter import Client, WcodeError
from wcode_jupyter.catalogue import Catalogue, Model
from wcode_jupyter.errors import InputError, OptionError
from wcode_jupyter.request.messages import Message
from wcode_jupyter.session import Session


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """Answers `re: QUESTION`."""
    with FaultServer(echo) as server:
        yield server


def echo(request: Received) -> Script:
    """The last message again."""
    return chat(f"re: {request.json['messages'][-1]['content']}")


@pytest.fixture
def client(server: FaultServer) -> Iterator[Client]:
    """A client of that server whose model `m` reads 100 tokens."""
    session = Session(
        overrides={"base_url": server.base_url, "model": "m", "log": False},
        catalogue=Catalogue({"m": Model(id="m", context=100)}),
    )
    with Client(session=session) as client:
        yield client


def said(request: Received) -> list[tuple[str, Any]]:
    """Role and content of each message."""
    return [(message["role"], message["content"]) for message in request.json["messages"]]


def test_each_question_goes_out_with_the_turns_before(client: Client, server: FaultServer) -> None:
    """Stateless without a name; in a chat, in order, the system text first and kept, reasoning left out."""
    plan = client.chat("plan")
    server.script(stream(reasoning("hm"), *chat("one").steps), echo)
    plan.ask("1", system="Be brief.")
    client.ask("aside")
    client.chat("plan").ask("2")
    assert said(server.requests[1]) == [("user", "aside")]
    assert said(server.requests[2]) == [
        ("system", "Be brief."),
        ("user", "1"),
        ("assistant", "one"),
        ("user", "2"),
    ]
    assert "reasoning" not in str(server.requests[2].json)
    assert repr(plan) == "Conversation('plan', 2 turns)"


def test_another_system_text_holds_from_then_on(client: Client, server: FaultServer) -> None:
    """The cell's wins over the chat's, the chat's over the session's."""
    plan = client.chat("plan")
    plan.ask("1", system="A")
    client.session.set("system", "S")
    plan.ask("2")
    plan.ask("3", system="B")
    plan.ask("4")
    assert [said(request)[0][1] for request in server.requests] == ["A", "A", "B", "B"]


def test_a_failed_turn_is_marked_and_sent_on_only_when_asked(client: Client, server: FaultServer) -> None:
    """A refusal, and an answer that broke off, stay in the chat."""
    plan = client.chat("plan")
    server.script(status(400, "no"), stream(delta("hal"), cut=True), echo)
    for question in ("1", "2"):
        with pytest.raises(WcodeError):
            plan.ask(question)
    plan.ask("3")
    plan.ask("4", keep_failed=True)
    assert [turn.is_whole for turn in plan.chat.turns] == [False, False, True, True]
    assert said(server.requests[-2]) == [("user", "3")]
    assert said(server.requests[-1]) == [
        ("user", "1"),
        ("user", "2"),
        ("assistant", "hal"),
        ("user", "3"),
        ("assistant", "re: 3"),
        ("user", "4"),
    ]


def test_an_interrupted_turn_is_kept_and_not_sent_on(client: Client, server: FaultServer) -> None:
    """What had arrived is in the chat."""
    server.script(stream(delta("par"), HOLD), echo)
    with client.chat("plan").stream("1") as answer:
        assert next(iter(answer))
        while not answer.snapshot().text:
            answer.get(0.1)
    client.chat("plan").ask("2")
    first = client.session.chats.get("plan").turns[0]
    assert (first.reply.text, first.reply.ended, first.is_whole) == ("par", "interrupted", False)
    assert said(server.requests[1]) == [("user", "2")]


def test_two_chats_at_once_do_not_mix(client: Client, server: FaultServer) -> None:
    """Each knows only its own questions, however they overlap."""

    def talk(name: str) -> None:
        for number in range(5):
            client.chat(name).ask(f"{name}{number}")

    threads = [threading.Thread(target=talk, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in "ab":
        turns = client.session.chats.get(name).turns
        assert [turn.question.text for turn in turns] == [f"{name}{number}" for number in range(5)]
    for request in server.requests:
        words = "".join(content for _role, content in said(request))
        assert not ("a" in words and "b" in words)


def test_over_the_context_is_an_error_and_trimming_says_what_it_left_out(client: Client, server: FaultServer) -> None:
    """Nothing is left out unasked; what is left out is the oldest, whole turns, and named."""
    plan = client.chat("plan")
    for letter in "abc":
        plan.ask(letter * 60)  # about 15 tokens, and as many in the answer
    with pytest.raises(InputError, match=r"plan is too long: 3 turns .* room for 100") as caught:
        plan.ask("d" * 60)
    assert "--trim oldest" in str(caught.value)
    assert len(server.requests) == 3
    reply = plan.ask("d" * 60, trim="oldest")
    assert [words[:1] for role, words in said(server.requests[-1]) if role == "user"] == ["b", "c", "d"]
    assert any("oldest turns of the chat plan: 1, about 3" in notice for notice in reply.notices)
    assert len(plan.chat.turns) == 4
    for trim in ("oldest", None):
        with pytest.raises(InputError, match="too long") as caught:
            plan.ask("e" * 1000, trim=trim)
        assert "The prompt alone is too long" in caught.value.hint
    with pytest.raises(InputError, match="room for 40"):
        plan.ask("f", max_tokens=60)
    with pytest.raises(OptionError, match="newest"):
        plan.ask("g", trim="newest")


def test_a_chat_takes_one_question(client: Client, server: FaultServer) -> None:
    """A whole conversation is for `Client.ask`."""
    plan = client.chat("plan")
    for wrong in ([Message("user", "a"), Message("user", "b")], [Message("assistant", "a")]):
        with pytest.raises(InputError, match="one prompt"):
            plan.ask(wrong)
    plan.ask(Message("user", "a"))
    plan.ask([{"role": "user", "content": "b"}])
    assert len(plan.chat.turns) == 2


def test_the_async_forms_are_turns_too(client: Client, server: FaultServer) -> None:
    """`aask` and `astream` on the caller's own loop."""

    async def talk() -> None:
        plan = client.chat("plan")
        await plan.aask("1")
        async for _event in plan.astream("2"):
            pass
        await plan.aask("3")

    asyncio.run(talk())
    assert [words for _role, words in said(server.requests[-1])] == ["1", "re: 1", "2", "re: 2", "3"]


def test_a_recorded_chat_replays_without_a_server(client: Client, server: FaultServer, tmp_path: Path) -> None:
    """The request holds the whole conversation, so the same questions find the same answers."""
    record = {"replay_file": str(tmp_path / "chat.replay.jsonl")}
    for question in ("1", "2"):
        client.chat("plan").ask(question, replay="record", **record)
    asked = len(server.requests)
    with Client(base_url=server.base_url, model="m", log=False) as other:
        answers = [other.chat("any").ask(question, replay="replay", **record) for question in ("1", "2")]
        with pytest.raises(WcodeError, match="No recorded answer"):
            other.chat("another").ask("2", replay="replay", **record)
    assert [(answer.text, answer.replayed) for answer in answers] == [("re: 1", True), ("re: 2", True)]
    assert len(server.requests) == asked


def test_an_answer_in_a_chat_may_have_a_schema(client: Client, server: FaultServer) -> None:
    """Both attempts are one turn: what did not fit is not sent on."""
    server.script(chat('{"n": "many"}'), chat('{"n": 3}'), echo)
    plan = client.chat("plan")
    assert plan.ask("how many?", schema="n int", retries_schema=1).parsed.n == 3
    plan.ask("sure?")
    assert said(server.requests[2]) == [("user", "how many?"), ("assistant", '{"n": 3}'), ("user", "sure?")]
