"""Past one machine: two Dask workers send the requests, one of them dies in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wcode_jupyter import Client
from wcode_jupyter.batch import cluster
from wcode_jupyter.errors import RunError

from .strict_server import StrictServer

distributed = pytest.importorskip("distributed", reason="Dask (extra dask) is not installed")
pytestmark = [
    pytest.mark.kernel,
    # Dask's own, at the end of its workers and of its loop.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ClientOf = Callable[..., Client]
KEY = "sk-dask-0123456789abcdef"
ROWS = [{"word": f"w{number}"} for number in range(200)]


@pytest.fixture(scope="module")
def server() -> Iterator[StrictServer]:
    with StrictServer(delay_s=0.03) as server:
        yield server


@pytest.fixture(scope="module")
def dask(server: StrictServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two workers of one thread each, with a key in their environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WCODE_API_KEY", KEY)
        patch.setenv("WCODE_BASE_URL", server.base_url)
        folder = str(tmp_path_factory.mktemp("dask"))
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                local_directory=folder,
            ) as local,
            distributed.Client(local) as client,
        ):
            patch.undo()
            yield client


def test_a_killed_worker_costs_no_row_and_doubles_none(
    client_of: ClientOf, server: StrictServer, dask: Any, tmp_path: Path
) -> None:
    """All rows once, in order, in the one run file; six at once, never more, over both workers together."""
    server.prompts.clear()
    server.peak = 0
    client = client_of(server, concurrency=6)
    run = client.run("Say {{word}}", ROWS, engine=dask, run_file=tmp_path / "r.run.jsonl")
    run.start(client.event_loop)
    server.wait_answered(40, 60)
    pids = dask.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    assert run.wait(60)
    assert (run.error, [reply.text for reply in run.replies]) == (None, [row["word"] for row in ROWS])
    assert len((tmp_path / "r.run.jsonl").read_bytes().splitlines()) == 1 + len(ROWS)
    assert server.peak == 6
    # What the dead worker had under way was asked twice; nothing else was.
    assert server.answered <= len(ROWS) + 6


def test_the_key_is_the_workers_own(client_of: ClientOf, server: StrictServer, dask: Any) -> None:
    """It is sent to the server, and nothing that client and scheduler write to anybody holds it."""
    server.keys.clear()
    written: list[bytes] = []
    to_frames = distributed.comm.tcp.to_frames

    async def spy(*arguments: Any, **options: Any) -> Any:
        frames = await to_frames(*arguments, **options)
        written.extend(bytes(frame) for frame in frames)
        return frames

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distributed.comm.tcp, "to_frames", spy)
        replies = client_of(server).map("Key {{word}}", ROWS[:3], engine="dask")
    assert [reply.text for reply in replies] == ["w0", "w1", "w2"]
    assert server.keys == {KEY}
    everything = b"".join(written)
    assert b"Key w2" in everything
    assert KEY.encode() not in everything


def test_an_interrupt_closes_the_workers_connections_and_keeps_what_finished(
    client_of: ClientOf, dask: Any, tmp_path: Path
) -> None:
    """Nobody goes on asking for a run that was stopped; the answers there were are kept."""
    with StrictServer(delay_s=lambda prompt: 0.0 if prompt[-1] in "01" else 60.0) as slow:
        client = client_of(slow, concurrency=4)
        run = client.run("Say {{word}}", ROWS[:8], engine=dask, run_file=tmp_path / "r.run.jsonl")
        run.start(client.event_loop)
        slow.wait_answered(2, 30)
        slow.wait(6, 30)
        run.cancel()
        assert run.wait(10)
        slow.wait_idle()
    assert isinstance(run.error, RunError)
    assert [reply.text for reply in run.replies] == ["w0", "w1"]


def test_a_cluster_without_a_worker_stops_the_run_with_one_line(
    client_of: ClientOf, server: StrictServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for workers for a while, then says so."""
    monkeypatch.setattr(cluster, "_WORKER_WITHIN_S", 0.5)
    with (
        distributed.LocalCluster(n_workers=1, processes=True, dashboard_address="127.0.0.1:0") as empty,
        distributed.Client(empty, set_as_default=False) as nobody,
    ):
        empty.scale(0)
        while nobody.nthreads():
            time.sleep(0.05)
        with pytest.warns(UserWarning, match="The Dask cluster has no worker"):
            replies = client_of(server).map("Say {{word}}", ROWS[:2], engine=nobody)
    assert len(replies) == 0


def test_refusals_slow_all_workers_down(client_of: ClientOf, dask: Any) -> None:
    """A 429 to one worker is a 429 to the run; every row ends well."""
    with StrictServer(most=3, retry_after_s=0.05, delay_s=0.01) as strict:
        replies = client_of(strict, concurrency=12).map("Say {{word}}", ROWS[:40], engine=dask)
        assert strict.refused > 0
    assert [reply.ended for reply in replies] == ["complete"] * 40
