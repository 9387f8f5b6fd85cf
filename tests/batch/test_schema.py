"""Runs whose every answer has to fit a schema."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fault_server import FaultServer
from tests.tool_server import calls
from wcode_jupyter import Client
from wcode_jupyter.batch import Replies
from wcode_jupyter.errors import InputError

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
ROWS = [{"word": f"w{number}"} for number in range(4)]


@dataclass
class Judged:
    word: str
    length: int


def good(prompt: str) -> str:
    """The answer that fits."""
    word = prompt.split()[-1]
    return json.dumps({"word": word, "length": len(word)})


def all_but(*bad: str) -> Callable[[str], str]:
    """Answers that fit, but for these words."""
    return lambda prompt: '{"word": 1}' if prompt.split()[-1] in bad else good(prompt)


def test_fields_become_columns_and_parsed_is_typed(client_of: ClientOf) -> None:
    """The schema goes out with every row; each reply is read into its type, also while the answers come in."""
    with StrictServer(answer=good) as server:
        client = client_of(server)
        replies = client.map("Judge {{word}}", ROWS, schema=Judged)
        assert replies[2].parsed == Judged("w2", 2)
        assert [reply.parsed.length for _job, reply in client.imap("Judge {{word}}", ROWS[:2], schema=Judged)] == [2, 2]
        assert {body["response_format"]["json_schema"]["name"] for body in server.bodies} == {"Judged"}
    assert replies.to_frame()[["json.word", "json.length"]].to_numpy().tolist() == [[f"w{n}", 2] for n in range(4)]
    assert replies.score(lambda reply, row: reply.parsed.length).to_frame()["score"].tolist() == [2.0] * 4


def test_a_row_that_does_not_fit_has_failed_and_is_asked_again(client_of: ClientOf, tmp_path: Path) -> None:
    """It keeps its text and says why; the next run of the file asks it alone."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer(answer=all_but("w1")) as server:
        client = client_of(server)
        replies = client.map("Judge {{word}}", ROWS, schema=Judged, run_file=file)
        assert [reply.ended for reply in replies] == ["complete", "failed", "complete", "complete"]
        assert replies[1].text == '{"word": 1}'
        assert "does not match the schema Judged: Expected `str`, got `int` - at `$.word`" in str(replies[1].error)
        assert repr(replies) == "Replies(4, failed=1)"
        assert replies.to_frame()["json.word"].isna().tolist() == [False, True, False, False]
        server.prompts.clear()
        client.map("Judge {{word}}", ROWS, schema=Judged, run_file=file)
        assert server.prompts == {"Judge w1": 1}


def test_what_is_not_json_or_was_cut_does_not_fit_either(client_of: ClientOf) -> None:
    """The reason is that of one question."""
    with StrictServer(answer=lambda prompt: "I would say good." if prompt.endswith("w0") else good(prompt)) as server:
        replies = client_of(server).map("Judge {{word}}", ROWS, schema="word, length int")
    assert "it is not JSON" in str(replies[0].error)
    assert len(replies.failed) == 1


def test_nothing_but_answers_that_do_not_fit_stops_early(client_of: ClientOf) -> None:
    """As any other failure of all rows."""
    with StrictServer(answer=lambda prompt: "no") as server:
        with pytest.warns(UserWarning, match="the first 1.*does not match the schema"):
            client_of(server).map("Judge {{word}}", ROWS * 20, schema=Judged, concurrency=2)
        assert server.answered <= 12


def test_a_row_is_asked_again_with_what_was_wrong(client_of: ClientOf) -> None:
    """`retries_schema` asks each row again, as one question would be; both answers are paid and counted."""
    with StrictServer(answer=lambda prompt: good("w1") if "required JSON schema" in prompt else "no") as server:
        client = client_of(server)
        replies = client.map("Judge {{word}}", ROWS, model="z-ai/glm-5", schema=Judged, retries_schema=1)
        assert server.answered == 8
        roles = [[message["role"] for message in body["messages"]] for body in server.bodies]
        assert sorted(roles, key=len)[4:] == [["user", "assistant", "user"]] * 4
        # Each answer costs ¥0.000309 (see test_replies).
        assert str(replies.cost) == "0.002472"
        assert client.session.spent_cny == replies.cost
    assert [reply.ended for reply in replies] == ["complete"] * 4
    assert replies.to_frame()["cost_cny"].tolist() == [0.000618] * 4
    assert replies.summary().groups[0].cost_cny == pytest.approx(0.002472)


def test_retries_end(client_of: ClientOf) -> None:
    """After so many a row has failed, with the last answer's text."""
    numbers = itertools.count()
    with StrictServer(answer=lambda prompt: f"no {next(numbers)}") as server:
        replies = client_of(server).map("Judge {{word}}", ROWS[:1], schema=Judged, retries_schema=2)
    assert (server.answered, replies[0].ended, replies[0].text) == (3, "failed", "no 2")
    assert "sent 3 times" in str(replies[0].error)


def test_an_interrupt_between_two_attempts_keeps_the_first(client_of: ClientOf) -> None:
    """What was paid is in the result, as what it is: an answer that does not fit."""

    def delay(prompt: str) -> float:
        return 60.0 if "required JSON schema" in prompt else 0.0

    with StrictServer(answer=lambda prompt: "no", delay_s=delay) as server:
        client = client_of(server)
        run = client.run("Judge {{word}}", ROWS[:1], schema=Judged, retries_schema=1)
        run.start(client.event_loop)
        server.wait(2)
        run.cancel()
        assert run.wait(5)
    (line,) = run.replies.lines()
    assert [reply.text for reply in line.answers] == ["no", ""]
    assert line.reply.ended == "interrupted"


def test_the_budget_holds_for_attempts_too(client_of: ClientOf) -> None:
    """¥0.001 is enough for three answers of ¥0.000309: no fourth, whether of a new row or of a second attempt."""
    with StrictServer(answer=lambda prompt: "no") as server, pytest.warns(UserWarning, match="budget"):
        replies = client_of(server).map(
            "Judge {{word}}", ROWS, model="z-ai/glm-5", schema=Judged, retries_schema=5, max_cost=0.001, max_tokens=6
        )
    assert server.answered == 3
    assert 0 < replies.cost <= 0.001
    assert {reply.ended for reply in replies} == {"failed"}


def test_a_recorded_run_replays_with_its_attempts(client_of: ClientOf, tmp_path: Path) -> None:
    """The record holds the answers as they came; a strict replay judges them the same without asking."""
    numbers = itertools.count()
    options: dict[str, Any] = {
        "schema": Judged, "retries_schema": 1, "replay_file": str(tmp_path / "n.replay.jsonl"), "concurrency": 1,
    }  # fmt: skip
    with StrictServer(answer=lambda prompt: good("x") if next(numbers) % 3 == 1 else "no") as server:
        recorded = client_of(server).map("Judge {{word}}", ROWS, replay="record", **options)
    replayed = client_of(server).map("Judge {{word}}", ROWS, replay="replay", **options)
    assert [(reply.ended, reply.text) for reply in replayed] == [(reply.ended, reply.text) for reply in recorded]
    assert {reply.ended for reply in recorded} == {"complete", "failed"}


def test_a_type_that_asks_for_more_is_asked_again(client_of: ClientOf, tmp_path: Path) -> None:
    """A validator that was added does not change what is sent; what it refuses is not taken from the file."""
    pydantic = pytest.importorskip("pydantic")
    file = tmp_path / "r.run.jsonl"

    class Word(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        word: str
        length: int

    class Strict(Word):
        @pydantic.field_validator("word")
        @classmethod
        def _no_one(cls, word: str) -> str:
            if word == "w1":
                raise ValueError("not this one")
            return word

    Strict.__name__ = "Word"
    Strict.model_config["title"] = "Word"
    with StrictServer(answer=good) as server:
        client = client_of(server)
        client.map("Judge {{word}}", ROWS, schema=Word, run_file=file)
        server.prompts.clear()
        replies = client.map("Judge {{word}}", ROWS, schema=Strict, run_file=file)
        assert server.prompts == {"Judge w1": 1}
    assert "not this one" in str(replies[1].error)


def test_saved_and_loaded(client_of: ClientOf, tmp_path: Path) -> None:
    """A file knows what failed and what came; the type it does not know."""
    with StrictServer(answer=all_but("w1")) as server:
        replies = client_of(server).map("Judge {{word}}", ROWS, schema=Judged)
    loaded = Replies.load(replies.save(tmp_path / "kept.run.jsonl"))
    assert [(reply.ended, reply.error) for reply in loaded] == [(reply.ended, reply.error) for reply in replies]
    assert loaded[0].parsed == {"word": "w0", "length": 2}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schema": Judged, "response_format": "json_object"}, "use only one of"),
        ({"schema": Judged, "sweep": {"response_format": ["json_object"]}}, "use only one of"),
        ({"schema": Judged, "retries_schema": -1}, "retries_schema must be an integer of at least 0, got -1"),
        ({"schema": 3}, "cannot be used as a schema"),
    ],
)
def test_what_cannot_be_sent_is_said_before(client_of: ClientOf, options: dict[str, Any], words: str) -> None:
    """Nothing is sent."""
    with StrictServer() as server:
        with pytest.raises(InputError, match=words):
            client_of(server).map("Judge {{word}}", ROWS, **options)
        assert server.arrivals == []


def test_in_the_anthropic_form_too(client_of: ClientOf) -> None:
    """There the schema is the one tool that the model must call; its input is the row's answer."""
    with (
        FaultServer(calls("anthropic", ("Judged", {"word": "w0", "length": 2}))) as server,
        Client(anthropic_base_url=server.origin, model="m", protocol="anthropic", log=False) as client,
    ):
        replies = client.map("Judge {{word}}", ROWS[:1], schema=Judged)
        assert server.requests[0].json["tool_choice"]["name"] == "Judged"
    assert replies[0].parsed == Judged("w0", 2)
