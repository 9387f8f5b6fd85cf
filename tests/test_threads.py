"""A kernel without threads, as in a browser: all that is recorded replays, and a live request is one clear line."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from wcode_jupyter import Client, threads, tool
from wcode_jupyter.errors import InputError
from wcode_jupyter.store import rewind
from wcode_jupyter.testing import Answer, Call, StandIn

ROWS = [{"t": str(number)} for number in range(700)]
"""More than a run passes without a breath for others."""


@tool
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@tool
async def half(number: int) -> float:
    """Half the number."""
    await asyncio.sleep(0)
    return number / 2


def model(asked: object) -> Answer | str:
    """Echoes; asked for a sum, it calls both tools first."""
    prompt, results = asked.prompt, asked.results  # type: ignore[attr-defined]
    if "sum" not in prompt:
        return f"echo {prompt}"
    if results:
        return f"results {', '.join(results)}"
    return Answer(calls=[Call("double", {"number": 4}), Call("half", {"number": 4})])


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, it makes the process one that cannot start a thread: CPython's own error, as in WebAssembly."""

    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    return lambda: monkeypatch.setattr(threading.Thread, "start", start)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A replay file with one question, one over rows, and one with tools."""
    monkeypatch.setenv("WCODE_LANG", "en")
    path = tmp_path / "study.replay.jsonl"
    with StandIn(model) as server, client(server, path, "record") as asking:
        asking.ask("Hi")
        asking.map("Say {{t}}", ROWS, progress=False)
        asking.ask("The sum, please", tools=[double, half], tools_confirm=False)
    rewind()
    return path


def client(server: StandIn, path: Path, mode: str) -> Client:
    return Client(server.base_url, api_key=server.key, model="stand-in", log=False, replay=mode, replay_file=str(path))


def test_what_is_recorded_replays(recorded: Path, no_threads: Callable[[], None]) -> None:
    """One question, a run over rows and one with tools, run anew or recorded; and the client closes."""
    no_threads()
    assert not threads.are_there()
    with StandIn(model) as server, client(server, recorded, "replay") as reader:
        reader.warm()
        assert reader.ask("Hi").text == "echo Hi"
        assert [reply.text for reply in reader.map("Say {{t}}", ROWS, progress=False)] == [
            f"echo Say {row['t']}" for row in ROWS
        ]
        said = reader.ask("The sum, please", tools=[double, half], tools_confirm=False, tools_replay="run")
        assert said.text == "results 8, 2.0"


def test_it_replays_inside_a_running_event_loop(recorded: Path, no_threads: Callable[[], None]) -> None:
    """A kernel of a browser runs its cells in a task of the page's event loop, which goes on as it was."""
    no_threads()

    async def cell() -> list[str]:
        with StandIn(model) as server, client(server, recorded, "replay") as reader:
            found = [reply.text for reply in reader.map("Say {{t}}", ROWS[:3], progress=False)]
        await asyncio.sleep(0)
        return found

    assert asyncio.run(cell()) == ["echo Say 0", "echo Say 1", "echo Say 2"]


def test_a_live_request_is_one_clear_line(recorded: Path, no_threads: Callable[[], None]) -> None:
    """A single question, a run and a probe of the server say that this kernel has no threads."""
    no_threads()
    what = "Cannot send requests: this kernel cannot start threads"
    with StandIn(model) as server, client(server, recorded, "auto") as asking:
        with pytest.raises(InputError, match=what):
            asking.ask("Something new")
        with pytest.warns(UserWarning, match=what):
            replies = asking.map("New {{t}}", ROWS[:3], progress=False)
        assert str(replies.stopped).startswith(what)


def test_later_is_now_without_threads(no_threads: Callable[[], None]) -> None:
    """What a timer would run, runs at once."""
    done: list[int] = []
    no_threads()
    assert threads.start_later(60, lambda: done.append(1)) is None
    threads.run_all([lambda: done.append(2), lambda: done.append(3)], "any")
    assert done == [1, 2, 3]
