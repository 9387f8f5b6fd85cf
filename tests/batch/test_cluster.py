"""Past one machine: two Dask workers send the requests, one of them dies in the middle."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wcode_jupyter import Client
from wcode_jupyter.batch import cluster
from wcode_jupyter.errors import InputError

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
    """Two workers of eight threads, with a key in their environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WCODE_API_KEY", KEY)
        patch.setenv("WCODE_BASE_URL", server.base_url)
        folder = str(tmp_path_factory.mktemp("dask"))
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=8, processes=True, dashboard_address=None, local_directory=folder
            ) as local,
            distributed.Client(local) as client,
        ):
            patch.undo()
            yield client


def test_a_killed_worker_costs_no_row_and_doubles_none(
    client_of: ClientOf, server: StrictServer, dask: Any, tmp_path: Path
) -> None:
    """All rows once, in order, in the one run file; never more at once than allowed, over both workers together."""
    server.prompts.clear()
    client = client_of(server, concurrency=6)
    run = client.run("Say {{word}}", ROWS, engine=dask, run_file=tmp_path / "r.run.jsonl")
    run.start(client.engine)
    server.wait_answered(40, 60)
    pids = dask.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    assert run.wait(60)
    assert (run.error, [reply.text for reply in run.replies]) == (None, [row["word"] for row in ROWS])
    assert len((tmp_path / "r.run.jsonl").read_bytes().splitlines()) == 1 + len(ROWS)
    assert server.peak <= 6
    # What the dead worker had under way was asked twice; nothing else was.
    assert server.answered <= len(ROWS) + 6


def test_the_key_is_the_workers_own(client_of: ClientOf, server: StrictServer, dask: Any) -> None:
    """It is sent, and it never travels: neither in what is submitted nor in what the scheduler knows."""
    server.keys.clear()
    submitted: list[bytes] = []
    submit = dask.submit

    def spy(function: Any, *arguments: Any, **options: Any) -> Any:
        submitted.append(pickle.dumps((function, arguments, options)))
        return submit(function, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dask, "submit", spy)
        replies = client_of(server).map("Key {{word}}", ROWS[:3], engine="dask")
    assert len(replies) == len(submitted) == 3
    assert server.keys == {KEY}
    assert KEY.encode() not in b"".join(submitted)


def test_refusals_slow_all_workers_down(client_of: ClientOf, dask: Any) -> None:
    """A 429 to one worker is a 429 to the run; every row ends well."""
    with StrictServer(most=3, retry_after_s=0.05, delay_s=0.01) as strict:
        replies = client_of(strict, concurrency=12).map("Say {{word}}", ROWS[:40], engine=dask)
        assert strict.refused > 0
    assert [reply.ended for reply in replies] == ["complete"] * 40


@pytest.mark.parametrize("engine", ["spark", 7])
def test_what_is_no_engine_is_refused(engine: object) -> None:
    """Only a Dask client, or the word for the current one."""
    with pytest.raises(InputError, match="An engine is"):
        cluster.find_cluster(engine)
