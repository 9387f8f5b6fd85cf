"""Strict replay that the environment asks for: nothing in a notebook or script loosens it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault_server import FaultServer, chat
from tests.kernels import Kernel
from wcode_jupyter import Client
from wcode_jupyter.errors import ParameterError, ReplayError
from wcode_jupyter.store import rewind


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(*[chat("Hello")] * 4) as server:
        yield server


def recorded(server: FaultServer, path: Path, *prompts: str) -> None:
    """Records the answers to `prompts` and forgets what was asked for it."""
    with Client(server.base_url, model="m", replay="auto", replay_file=str(path), log=False) as client:
        for prompt in prompts:
            client.ask(prompt)
    rewind()
    server.requests.clear()


LOOSER = [
    "%wcode replay auto study.jsonl",
    "%wcode replay record study.jsonl",
    "%wcode replay off",
    "%wcode set replay=off",
    "%config Wcode.replay = 'auto'",
    "import os; os.environ['WCODE_REPLAY'] = 'off'",
    "import os; del os.environ['WCODE_REPLAY']",
]


@pytest.mark.kernel
def test_no_cell_loosens_the_environment(server: FaultServer, tmp_path: Path) -> None:
    """Looser switches print what they always print; no cell, client, run, panel or audit sends anything."""
    recorded(server, tmp_path / "study.jsonl", "known")
    environment = {"WCODE_REPLAY": "replay", "WCODE_REPLAY_FILE": "study.jsonl", "WCODE_BASE_URL": server.base_url}
    before = (tmp_path / "study.jsonl").read_bytes()
    with Kernel(tmp_path, env=environment) as kernel:
        kernel.run("%load_ext wcode_jupyter\n%wcode set model=m")
        printed = [kernel.run(line).text for line in LOOSER]
        assert printed == [
            "Replaying from study.jsonl; missing answers are requested and recorded.\n",
            "Recording every answer in study.jsonl.\n",
            "Replay is off: every request is sent, nothing is recorded.\n",
            *[""] * 4,
        ]
        assert kernel.run("%%wcode -o reply --replay off\nknown").status == "ok"
        assert kernel.run("print(reply.text, reply.replayed)").text == "Hello True\n"
        kernel.run("from wcode_jupyter import Client\nclient = Client(replay='off', log=False)")
        for cell in (
            "%%wcode --replay off\nnew",
            "%%wcode --replay record\nnew",
            "%wcode ask new",
            "%%wcode --each ['a']\nnew {{value}}",
            "client.ask('new', model='m')",
            "client.map('new {{value}}', ['a'], model='m', progress=False).failed[0].parsed",
            "client.start(client.session.repeat(client.session.prepare('new', {'model': 'm'}).request))",
            "list(client.stream('new', model='m', replay='off'))",
            "%wcode audit --yes",
        ):
            done = kernel.run(cell)
            assert done.status == "error", cell
        assert "Nothing is sent: WCODE_REPLAY=replay is set" in done.text
        assert "replay (WCODE_REPLAY)" in kernel.run("print(get_ipython().run_line_magic('wcode', 'doctor'))").text
    assert server.requests == []
    assert (tmp_path / "study.jsonl").read_bytes() == before


def test_script_cannot_loosen_what_it_was_started_with(server: FaultServer, tmp_path: Path) -> None:
    """The variable is read when the package is imported; a Client that is made later is as strict."""
    script = (
        "import os, wcode_jupyter\n"
        "os.environ['WCODE_REPLAY'] = 'off'\n"
        f"client = wcode_jupyter.Client({server.base_url!r}, model='m', replay='off', log=False)\n"
        "client.session.set('replay', 'off')\n"
        "try: client.ask('new')\n"
        "except wcode_jupyter.WcodeError as error: print(type(error).__name__)\n"
    )
    environment = {**os.environ, "WCODE_REPLAY": "replay", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ReplayError\n"
    assert server.requests == []


def test_misspelled_mode_of_the_environment_sends_nothing(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever misspells replay wanted something other than the default: the error names the variable."""
    monkeypatch.setenv("WCODE_REPLAY", "replya")
    client = Client(server.base_url, model="m", replay="off", log=False)
    with client, pytest.raises(ParameterError, match="WCODE_REPLAY"):
        client.ask("hi")
    assert server.requests == []


def test_reader_without_a_server_replays_the_recorded_one(server: FaultServer, tmp_path: Path) -> None:
    """Whoever has set no server need not name the recorded one; it stays in the reply's request."""
    path = tmp_path / "a.jsonl"
    recorded(server, path, "known")
    for mode in ("replay", "auto"):
        rewind()
        with Client(model="m", replay=mode, replay_file=str(path), log=False) as client:
            reply = client.ask("known")
        assert reply.text == "Hello"
        assert reply.request is not None
        assert reply.request.endpoint == server.base_url
    rewind()
    with Client(model="m", replay="replay", replay_file=str(path), log=False) as client:
        (one,) = client.map("{{value}}", ["known"], progress=False)
        assert one.text == "Hello"


def test_two_recorded_servers_are_named(server: FaultServer, tmp_path: Path) -> None:
    """Where the answers of two servers would fit, none is guessed."""
    path = tmp_path / "a.jsonl"
    recorded(server, path, "known")
    with FaultServer(chat("Hi")) as other:
        recorded(other, path, "known")
        client = Client(model="m", replay="replay", replay_file=str(path), log=False)
        with client, pytest.raises(ReplayError) as caught:
            client.ask("known")
        assert "from several servers: " in str(caught.value)
        assert server.base_url in str(caught.value)
        assert other.base_url in str(caught.value)


def test_server_that_was_set_and_is_not_the_recorded_one(server: FaultServer, tmp_path: Path) -> None:
    """The error names both servers instead of a missing key."""
    path = tmp_path / "a.jsonl"
    recorded(server, path, "known")
    client = Client("https://example.org/v1", model="m", replay="replay", replay_file=str(path), log=False)
    with client, pytest.raises(ReplayError) as caught:
        client.ask("known")
    assert f"from another server: {server.base_url}, not https://example.org/v1" in str(caught.value)


def test_replay_file_of_another_folder_or_name(server: FaultServer, tmp_path: Path) -> None:
    """The error says where the file is, or which others there are."""
    (tmp_path / "study").mkdir()
    (tmp_path / "other").mkdir()
    recorded(server, tmp_path / "study" / "a.replay.jsonl", "known")

    def error(path: Path) -> str:
        client = Client(model="m", replay="replay", replay_file=str(path), log=False)
        with client, pytest.raises(ReplayError) as caught:
            client.ask("known")
        return caught.value.hint

    assert "It is in the folder study." in error(tmp_path / "a.replay.jsonl")
    assert f"It is in the folder {os.path.join('..', 'study')}." in error(tmp_path / "other" / "a.replay.jsonl")
    assert "The folder has a.replay.jsonl." in error(tmp_path / "study" / "b.replay.jsonl")
    assert error(tmp_path / "other" / "c.replay.jsonl").startswith("Record one")


@pytest.mark.parametrize("mode", ["auto", "replay"])
def test_replay_file_moves_with_the_notebook(server: FaultServer, tmp_path: Path, mode: str) -> None:
    """After a rename the answers are found again; only a mode that writes renames the file."""
    old, new = tmp_path / "old.replay.jsonl", tmp_path / "new.replay.jsonl"
    recorded(server, old, "known")
    (tmp_path / "kept.ipynb").touch()
    shutil.copy(old, tmp_path / "kept.replay.jsonl")
    (tmp_path / "new.ipynb").touch()
    warned: list[str] = []
    with Client(model="m", replay=mode, replay_file=str(new), log=False) as client:
        client.warn = warned.append
        assert client.ask("known").replayed
    assert (old.exists(), new.exists()) == ((False, True) if mode == "auto" else (True, False))
    text = "old.replay.jsonl was recorded under an earlier name of this notebook; it is now new.replay.jsonl"
    assert warned == ([text] if mode == "auto" else [])
    assert server.requests == []
