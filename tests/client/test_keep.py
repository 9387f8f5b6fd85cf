"""`keep`: an unchanged question is not paid twice, whatever runs again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fault_server import FaultServer, chat, status
from wcode_jupyter import Client
from wcode_jupyter.display.status import status_line
from wcode_jupyter.errors import ServerError
from wcode_jupyter.store import rewind


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(*[chat(f"answer {number}") for number in range(8)]) as server:
        yield server


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    rewind()
    return {"model": "m", "log": False, "keep": True, "replay_file": str(tmp_path / "n.replay.jsonl")}


def test_run_all_does_not_pay_again(server: FaultServer, options: dict[str, Any]) -> None:
    """The same question in this session and after a restart gets its answer, which says so; a changed one is sent."""
    with Client(server.base_url, **options) as client:
        first = client.ask("a")
        again = client.ask("a")
        assert (first.kept, again.kept, again.text) == (False, True, "answer 0")
        assert client.session.spent_cny == 0
    rewind()
    with Client(server.base_url, **options) as client:
        assert client.ask("a").text == "answer 0"
        assert client.ask("b").text == "answer 1"
        assert client.ask("a", temperature=0.5).text == "answer 2"
    assert len(server.requests) == 3
    assert status_line(again).endswith(f" · complete · kept answer of {first.asked_at:%Y-%m-%d}")
    assert "kept" not in status_line(first)


def test_failed_answer_is_not_kept(server: FaultServer, options: dict[str, Any]) -> None:
    """A refusal is asked again."""
    server.script(status(400), chat("fine"))
    with Client(server.base_url, **options) as client:
        with pytest.raises(ServerError):
            client.ask("a")
        assert client.ask("a").text == "fine"
        assert client.ask("a").kept


def test_anew_sends_and_its_answer_is_kept(server: FaultServer, options: dict[str, Any]) -> None:
    """`anew` passes over what is kept; from then on the new answer is."""
    from msgspec.structs import replace

    with Client(server.base_url, **options) as client:
        client.ask("a")
        call = replace(client.prepare("a"), anew=True)
        assert client.start(call).result().text == "answer 1"
        assert client.ask("a").text == "answer 1"


def test_strict_replay_of_kept_answers(server: FaultServer, options: dict[str, Any]) -> None:
    """A reader replays a notebook whose cells keep, as often as they run."""
    with Client(server.base_url, **options) as client:
        client.ask("a")
    rewind()
    with Client(server.base_url, **options, replay="replay") as client:
        assert [client.ask("a").text for _run in range(3)] == ["answer 0"] * 3
    assert len(server.requests) == 1


def test_repeats_of_a_run_are_still_samples(server: FaultServer, options: dict[str, Any]) -> None:
    """A run asks each sample, and has its own file."""
    with Client(server.base_url, **options) as client:
        texts = {reply.text for reply in client.map("a", [{}], repeat=3, progress=False)}
    assert len(texts) == 3
