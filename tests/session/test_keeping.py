"""What happens to an answer that has ended: it is safe before anybody hears of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault_server import FaultServer, chat
from wcode_jupyter import Client, Reply
from wcode_jupyter.errors import ReplayError
from wcode_jupyter.store import Log

KEY = "sk-keeping-0123456789abcdef"


def client_of(server: FaultServer, path: Path) -> Client:
    """A client of `server` that records into `path` and logs beside it."""
    client = Client(server.base_url, KEY, model="m", replay="record", replay_file=str(path))
    client.keeper.calls = Log(path.with_name("calls.sqlite"))
    return client


def test_a_listener_that_raises_costs_no_answer(tmp_path: Path) -> None:
    """Both paid answers are in the file, the log and the session; the fault of the listener is a warning, not a bug."""
    path = tmp_path / "x.replay.jsonl"
    told: list[str] = []
    with FaultServer(chat("one"), chat("two")) as server, client_of(server, path) as client:
        client.warn = told.append
        client.ask("a")
        client.on_reply.append(lambda reply: 1 / 0)
        assert client.ask("b").text == "two"
        assert len(client.log.search("")) == 2
        assert [reply.text for reply in client.session.replies] == ["one", "two"]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2
    assert told == ["The on_reply function <lambda> failed: ZeroDivisionError: division by zero. The answer is kept."]


def test_listeners_hear_last_and_each_of_them(tmp_path: Path) -> None:
    """A listener finds the answer recorded and logged; one that raises does not silence the next."""
    path = tmp_path / "x.replay.jsonl"
    seen: list[tuple[str, int, int]] = []
    with FaultServer(chat("one")) as server, client_of(server, path) as client:
        client.warn = lambda text: None

        def look(reply: Reply) -> None:
            lines = path.read_text(encoding="utf-8").splitlines()
            seen.append((reply.text, len(lines), len(client.log.search(""))))

        client.on_reply.extend([lambda reply: 1 / 0, look])
        client.ask("a")
    assert seen == [("one", 1, 1)]


def test_what_cannot_be_recorded_is_counted_and_logged_all_the_same(tmp_path: Path) -> None:
    """A refused record is an error of the ask, after the answer was logged, counted and told."""
    path = tmp_path / "x.replay.jsonl"
    heard: list[str] = []
    with FaultServer(chat("fine")) as server, client_of(server, path) as client:
        client.on_reply.append(lambda reply: heard.append(reply.text))
        with pytest.raises(ReplayError):
            client.ask("my key is sk-proj-0123456789abcdefghijklmnopqrstuvwxyz0123456789")
        assert len(client.log.search("")) == 1
        assert heard == ["fine"]
        assert client.session.last is not None
