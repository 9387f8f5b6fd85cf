"""Runs against a server that counts, limits and fails."""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import filelock
import pytest

from wcode_jupyter import Client
from wcode_jupyter.batch import Replies, runfile
from wcode_jupyter.errors import InputError, RunError
from wcode_jupyter.store import rewind

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
WORDS = [{"word": f"w{number}"} for number in range(40)]


def test_replies_in_row_order(client_of: ClientOf) -> None:
    """Whatever the order of the answers, the result has that of the rows."""
    with StrictServer(delay_s=lambda prompt: 0.02 if int(prompt[-1]) % 2 else 0.0) as server:
        replies = client_of(server).map("Say {{word}}", WORDS)
    assert [reply.text for reply in replies] == [row["word"] for row in WORDS]
    assert (len(replies.failed), replies.stopped) == (0, None)


@pytest.mark.parametrize("concurrency", [1, 3, 12])
def test_never_more_at_once_than_allowed(client_of: ClientOf, concurrency: int) -> None:
    """The concurrency is reached and never passed, seen from the server; connections are used again."""
    with StrictServer(delay_s=0.02) as server:
        client_of(server).map("Say {{word}}", WORDS, concurrency=concurrency)
        assert server.peak == concurrency
        assert server.connections <= concurrency


def test_a_strict_server_ends_without_a_failed_row(client_of: ClientOf) -> None:
    """Every 429 slows all workers down together; no row fails for it and none is answered twice."""
    with StrictServer(most=3, per_window=20, window_s=0.1, retry_after_s=0.02) as server:
        replies = client_of(server).map("Say {{word}}", WORDS, concurrency=16)
        assert server.refused > 0
        assert set(server.prompts.values()) == {1}
    assert [reply.ended for reply in replies] == ["complete"] * 40


def test_429_for_ever_ends(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that refuses everything is not asked for ever: the run stops with its words."""
    monkeypatch.setattr("wcode_jupyter.batch.limiter.AdaptiveLimiter.PATIENCE", 3)
    with StrictServer(per_window=0, retry_after_s=0.01) as server:
        with pytest.warns(UserWarning, match="429"):
            replies = client_of(server).map("Say {{word}}", WORDS, concurrency=4)
        assert server.answered == 0
    assert isinstance(replies.stopped, RunError)


def test_requests_a_minute_are_kept(client_of: ClientOf) -> None:
    """Starts are spread evenly: never two within the interval."""
    with StrictServer() as server:
        client_of(server).map("Say {{word}}", WORDS[:8], rpm=3000)
        gaps = [later - earlier for earlier, later in itertools.pairwise(server.arrivals)]
    assert server.arrivals[-1] - server.arrivals[0] >= 7 * 0.02 * 0.9
    assert sum(gap < 0.005 for gap in gaps) <= 2, gaps


def test_tokens_a_minute_are_kept(client_of: ClientOf) -> None:
    """Each answer takes 15 tokens: at 9,000 a minute ten of them take at least 0.2 s."""
    with StrictServer() as server:
        started = time.monotonic()
        client_of(server).map("Say {{word}}", WORDS[:10], tpm=9000, max_tokens=6)
        assert time.monotonic() - started >= 0.15


def test_one_failed_row_stops_no_other_and_keeps_its_reason(client_of: ClientOf) -> None:
    """Failed rows stand in the result, in their place."""
    with StrictServer(fail=lambda prompt: 400 if prompt.endswith("w3") else None) as server:
        replies = client_of(server).map("Say {{word}}", WORDS[:6])
        assert [reply.ended for reply in replies] == ["complete"] * 3 + ["failed"] + ["complete"] * 2
        assert "400" in str(replies[3].error)
        assert [line.job.key for line in replies.failed.lines()] == [3]
        server.fail = lambda prompt: None
        again = replies.retry()
        assert [reply.text for reply in again] == ["w0", "w1", "w2", "w3", "w4", "w5"]
        assert set(server.prompts.values()) == {1}


def test_stop_on_error(client_of: ClientOf) -> None:
    """By choice the first failure ends the run; what had arrived is kept."""
    with (
        StrictServer(fail=lambda prompt: 400 if prompt.endswith("w3") else None) as server,
        pytest.warns(UserWarning, match="Row 4 failed"),
    ):
        replies = client_of(server).map("Say {{word}}", WORDS, concurrency=1, stop_on_error=True)
    assert len(replies) == 4


def test_nothing_but_failures_stops_early_with_one_line(client_of: ClientOf) -> None:
    """Ten failures from the start and no answer: the other rows are not sent."""
    with StrictServer(fail=lambda prompt: 400) as server:
        with pytest.warns(UserWarning, match="the first 1") as warned:
            replies = client_of(server).map("Say {{word}}", WORDS * 10, concurrency=4)
        assert 10 <= len(server.arrivals) <= 14
    assert [str(warning.message).splitlines() for warning in warned] == [[str(replies.stopped)]]


def test_a_million_rows_are_not_loaded(client_of: ClientOf) -> None:
    """Rows are taken as fast as they are asked, not before."""
    taken = itertools.count()
    gate = threading.Event()
    with StrictServer(gate=gate) as server:
        run = client_of(server).run("Say {{value}}", (next(taken) for _row in range(1_000_000)), concurrency=4)
        run.start(client_of(server).event_loop)
        server.wait(4)
        run.cancel()
        gate.set()
        run.wait()
        assert next(taken) < 20
    assert "Interrupted" in str(run.error)


def test_completion_order_and_leaving_early(client_of: ClientOf) -> None:
    """`imap` gives answers as they finish; leaving the loop cancels the rest."""
    with StrictServer(delay_s=0.002) as server:
        seen = []
        for job, reply in client_of(server).imap("Say {{word}}", WORDS * 50, concurrency=2):
            assert reply.text == job.columns["word"]
            seen.append(job.number)
            if len(seen) == 5:
                break
        assert server.answered < 60


def test_the_async_form(client_of: ClientOf) -> None:
    """`amap` gives the same on the caller's loop, which stays free meanwhile."""
    beats = 0

    async def main(client: Client) -> Replies:
        nonlocal beats
        running = asyncio.ensure_future(client.amap("Say {{word}}", WORDS, concurrency=2))
        while not running.done():
            beats += 1
            await asyncio.sleep(0.005)
        return await running

    with StrictServer(delay_s=0.01) as server:
        replies = asyncio.run(main(client_of(server)))
    assert (len(replies), replies[39].text) == (40, "w39")
    assert beats > 5


# --- nothing paid is lost -------------------------------------------------------------------------------------------


def test_a_finished_run_asks_nothing_again(client_of: ClientOf, tmp_path: Path) -> None:
    """The same run on the same file: no request; further rows, a changed row and failed ones are asked."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer(fail=lambda prompt: 500 if prompt.endswith("w1") else None) as server:
        client = client_of(server)
        client.map("Say {{word}}", WORDS[:4], run_file=file)
        server.fail = lambda prompt: None
        server.prompts.clear()
        rows = [{"word": "w0"}, {"word": "w1"}, {"word": "new"}, {"word": "w3"}, {"word": "more"}]
        replies = client.map("Say {{word}}", rows, run_file=file)
        assert sorted(server.prompts) == ["Say more", "Say new", "Say w1"]
    assert [reply.text for reply in replies] == ["w0", "w1", "new", "w3", "more"]


def test_a_changed_prompt_starts_anew_and_says_so(client_of: ClientOf, tmp_path: Path) -> None:
    """The old answers are not mixed in and not lost: their file is kept beside."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer() as server:
        client = client_of(server)
        client.map("Say {{word}}", WORDS[:3], run_file=file)
        with pytest.warns(UserWarning, match=r"different prompt.*renamed to r\.run\.1\.jsonl"):
            replies = client.map("Now say {{word}}", WORDS[:3], run_file=file)
        assert server.answered == 6
    assert len(replies) == 3
    assert len(Replies.load(tmp_path / "r.run.1.jsonl")) == 3


def test_what_is_no_run_file_is_not_overwritten(client_of: ClientOf, tmp_path: Path) -> None:
    """A file of the user's is refused before anything is asked, a replay file too, and stays as it is."""
    notes, record = tmp_path / "notes.jsonl", tmp_path / "n.replay.jsonl"
    notes.write_text("my notes\n", encoding="utf-8")
    with StrictServer() as server:
        client = client_of(server)
        client.map("Say {{word}}", WORDS[:1], replay="record", replay_file=str(record))
        before, asked = record.read_bytes(), server.answered
        for file in (notes, record):
            with pytest.raises(RunError, match=r"is not a run file.*--run-file"):
                client.map("Say {{word}}", WORDS[:2], run_file=file)
        assert server.answered == asked
    assert notes.read_text(encoding="utf-8") == "my notes\n"
    assert record.read_bytes() == before


def test_a_file_of_a_newer_version_is_left_alone(client_of: ClientOf, tmp_path: Path) -> None:
    """What this version cannot know of is neither read nor moved."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer() as server:
        client = client_of(server)
        client.map("Say {{word}}", WORDS[:1], run_file=file)
        newer = file.read_bytes().replace(b'"wcode_run":1', b'"wcode_run":2')
        file.write_bytes(newer)
        with pytest.raises(RunError, match="newer version of wcode_jupyter"):
            client.map("Say {{word}}", WORDS[:2], run_file=file)
    assert file.read_bytes() == newer


def test_two_runs_on_one_file_are_refused(client_of: ClientOf, tmp_path: Path) -> None:
    """The second says so before anything is sent; the first goes on."""
    file = tmp_path / "r.run.jsonl"
    gate = threading.Event()
    with StrictServer(gate=gate) as server:
        client = client_of(server)
        first = client.run("Say {{word}}", WORDS[:3], run_file=file)
        first.start(client.event_loop)
        server.wait(1)
        with pytest.raises(RunError, match="Another run is writing"):
            client.map("Say {{word}}", WORDS[:3], run_file=file)
        gate.set()
        assert first.wait(5)
    assert len(first.replies) == 3


_KILLED = """
import sys
from wcode_jupyter import Client
client = Client(base_url=sys.argv[1], model="m", log=False, concurrency=4)
client.map("Say {{word}}", [{"word": f"w{n}"} for n in range(40)], run_file=sys.argv[2], progress=False)
"""


def test_kill_9_in_mid_run_loses_nothing(client_of: ClientOf, tmp_path: Path) -> None:
    """After a kill the same run asks only what had not been answered on disk; no row is missing or doubled."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer(delay_s=0.02) as server:
        process = subprocess.Popen([sys.executable, "-c", _KILLED, server.base_url, str(file)])
        server.wait_answered(12, 30)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        on_disk = len(file.read_bytes().splitlines()) - 1
        server.wait_idle()
        before = server.answered
        replies = client_of(server).map("Say {{word}}", WORDS, run_file=file)
        assert on_disk >= 4
        assert server.answered - before == 40 - on_disk
    assert [reply.text for reply in replies] == [row["word"] for row in WORDS]


def test_a_torn_last_line_is_cut_off(client_of: ClientOf, tmp_path: Path) -> None:
    """A death in the middle of a write costs that one answer."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer() as server:
        client = client_of(server)
        client.map("Say {{word}}", WORDS[:3], run_file=file)
        file.write_bytes(file.read_bytes()[:-20])
        server.prompts.clear()
        assert len(client.map("Say {{word}}", WORDS[:3], run_file=file)) == 3
        assert server.answered == 1
    assert len(Replies.load(file)) == 3


def test_a_full_disk_stops_the_run_and_keeps_what_arrived(
    client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers that could not be written are in the result; the file is whole."""
    real = os.write
    file = tmp_path / "r.run.jsonl"

    def write(descriptor: int, data: Any) -> int:
        if b'"w2"' in bytes(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(runfile.os, "write", write)
    with StrictServer() as server, pytest.warns(UserWarning, match="No space left.*Free some disk space"):
        replies = client_of(server).map("Say {{word}}", WORDS, run_file=file, concurrency=1)
    assert [reply.text for reply in replies] == ["w0", "w1", "w2"]
    assert [json.loads(line)["job"]["number"] for line in file.read_bytes().splitlines()[1:]] == [0, 1]


def test_interrupt_keeps_what_finished(client_of: ClientOf, tmp_path: Path) -> None:
    """A cancelled run ends at once, with what had arrived on disk."""
    gate = threading.Event()
    with StrictServer(gate=gate) as server:
        client = client_of(server)
        run = client.run("Say {{word}}", WORDS, run_file=tmp_path / "r.jsonl", concurrency=2)
        run.start(client.event_loop)
        server.wait(2)
        started = time.monotonic()
        run.cancel()
        assert run.wait(5)
        assert time.monotonic() - started < 2
    assert len(run.replies) == 0
    assert "Interrupted" in str(run.error)


# --- budget ---------------------------------------------------------------------------------------------------------


def test_the_budget_stops_the_run_before_it_is_passed(client_of: ClientOf) -> None:
    """Each answer of glm-5 costs ¥0.000309 here (9 in, 6 out): ¥0.001 is enough for three, and never for a fourth."""
    with StrictServer() as server:
        client = client_of(server)
        with pytest.warns(UserWarning, match="budget"):
            replies = client.map("Say {{word}}", WORDS, model="z-ai/glm-5", max_cost=0.001, max_tokens=6)
        assert server.answered == len(replies) == 3
    assert 0 < replies.cost <= 0.001
    assert client.session.spent_cny == replies.cost


def test_the_sessions_budget_counts_too(client_of: ClientOf) -> None:
    """What earlier cells spent is gone for the run as well."""
    with StrictServer() as server:
        client = client_of(server, max_cost=0.002, max_tokens=6)
        client.map("Say {{word}}", WORDS[:2], model="z-ai/glm-5")
        with pytest.warns(UserWarning, match="budget"):
            replies = client.map("Again {{word}}", WORDS, model="z-ai/glm-5")
        assert len(replies) < 7
        assert client.session.spent_cny <= 0.002


def test_a_budget_without_a_price_is_said_not_to_hold(client_of: ClientOf) -> None:
    """A server of one's own has no price: the run goes on, and says that nothing can stop it."""
    with StrictServer() as server, pytest.warns(UserWarning, match="The price of m is unknown"):
        replies = client_of(server).map("Say {{word}}", WORDS[:3], max_cost=1)
    assert len(replies) == 3


# --- record and replay ----------------------------------------------------------------------------------------------


def test_a_recorded_run_replays_strictly_and_in_order(client_of: ClientOf, tmp_path: Path) -> None:
    """Recorded with many at once, replayed without a server: the same samples in the same places."""
    record = str(tmp_path / "n.replay.jsonl")
    numbers = itertools.count()
    options: dict[str, Any] = {"repeat": 3, "replay_file": record}
    with StrictServer(answer=lambda prompt: f"{prompt} {next(numbers)}") as server:
        recorded = client_of(server, concurrency=4).map("Say {{word}}", WORDS[:5], replay="record", **options)
    replayed = client_of(server).map("Say {{word}}", WORDS[:5], replay="replay", **options)
    assert [reply.text for reply in replayed] == [reply.text for reply in recorded]
    assert all(reply.replayed for reply in replayed)


def test_answers_of_runs_are_calls_of_the_session(
    client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live and replayed ones are in the account for a paper and in the log; those kept from an earlier run are not."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    options: dict[str, Any] = {"replay_file": str(tmp_path / "n.replay.jsonl"), "model": "z-ai/glm-5"}
    with StrictServer() as server:
        client = client_of(server, log=True)
        client.map("Say {{word}}", WORDS[:3], replay="record", **options)
        client.map("Say {{word}}", WORDS[3:5], run_file=tmp_path / "n.run.jsonl", **options)
        client.map("Say {{word}}", WORDS[3:5], run_file=tmp_path / "n.run.jsonl", **options)
        asked = client.session.account.methods(client.session.catalogue).rows
        rewind()
        strict = client_of(server, log=True)
        strict.map("Say {{word}}", WORDS[:3], replay="replay", **options)
        replayed = strict.session.account.methods(client.session.catalogue).rows
    assert ([row.n for row in asked], [row.n for row in replayed]) == ([5], [3])
    assert [row.replayed for row in strict.log.search()] == [True] * 3 + [False] * 5
    assert client.session.spent_cny > 0
    assert strict.session.spent_cny == 0


def test_answers_are_recorded_once(client_of: ClientOf, tmp_path: Path) -> None:
    """What the run file kept from an earlier run is in the record already; where it is not, it is put there."""
    record = tmp_path / "n.replay.jsonl"
    options: dict[str, Any] = {"run_file": tmp_path / "r.run.jsonl", "replay_file": str(record)}
    with StrictServer() as server:
        client = client_of(server)
        client.map("Say {{word}}", WORDS[:3], **options)
        for _time in range(3):
            client.map("Say {{word}}", WORDS[:4], replay="auto", **options)
            assert len(record.read_bytes().splitlines()) == 4
        assert server.answered == 4


def test_a_strict_replay_never_asks(client_of: ClientOf, tmp_path: Path) -> None:
    """A row that was not recorded stops the run with the name of the file."""
    record = str(tmp_path / "n.replay.jsonl")
    with StrictServer() as server:
        client = client_of(server, replay_file=record)
        client.map("Say {{word}}", WORDS[:2], replay="record")
        server.prompts.clear()
        with pytest.warns(UserWarning, match=r"n\.replay\.jsonl"):
            replies = client_of(server, replay_file=record).map("Say {{word}}", WORDS[:3], replay="replay")
        assert (len(replies), server.answered) == (2, 0)


# --- bad input ------------------------------------------------------------------------------------------------------


def test_a_score_that_raises_costs_its_own_row(client_of: ClientOf) -> None:
    """The other scores stand; the row says what went wrong."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{word}}", WORDS[:4], score=lambda reply, row: 1 / int(reply.text[1:]))
    frame = replies.to_frame()
    assert frame["score"].fillna(-1).tolist() == [-1, 1.0, 0.5, 1 / 3]
    assert frame["score_error"][0] == "ZeroDivisionError: division by zero"
    assert "failed on 1" in repr(replies.summary())


def test_an_empty_cell_costs_its_own_row(client_of: ClientOf) -> None:
    """None is not sent as a word."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{word}}", [{"word": "a"}, {"word": None}, {"word": "c"}])
        assert sorted(server.prompts) == ["Say a", "Say c"]
    assert replies[1].error == "Row 2 has no value for {{word}}"


def test_empty_cells_stop_no_run(client_of: ClientOf) -> None:
    """However many rows have no value, the rows after them are asked; only what was sent counts as refused."""
    with StrictServer(fail=lambda prompt: 400 if prompt.endswith("w0") else None) as server:
        replies = client_of(server).map("Say {{word}}", [{"word": None}] * 30 + WORDS[:2], concurrency=1)
    assert (len(replies), len(replies.failed), replies.stopped) == (32, 31, None)


def test_a_score_that_is_no_function_is_said_before_anything_is_paid(client_of: ClientOf) -> None:
    """One line, nothing sent."""
    with StrictServer() as server:
        with pytest.raises(InputError, match="score is not a function"):
            client_of(server).map("Say {{word}}", WORDS[:2], score="right")
        assert server.arrivals == []


def test_functions_as_tools_are_refused_with_what_to_do(client_of: ClientOf) -> None:
    """A run calls no Python functions."""
    with StrictServer() as server, pytest.raises(InputError, match=r"functions work only with ask.*client\.ask"):
        client_of(server).map("Say {{word}}", WORDS[:2], tools=[len])


def test_no_key_sends_nothing() -> None:
    """A missing key is one error before the first request, not one for each row."""
    with Client(model="z-ai/glm-5", log=False) as client, pytest.warns(UserWarning, match="No API key"):
        replies = client.map("Say {{word}}", WORDS)
    assert len(replies) == 0


def test_retry_needs_rows_that_can_be_read_again(client_of: ClientOf) -> None:
    """Rows from an iterator are gone after the run; the result stays."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{word}}", iter(WORDS[:2]))
        with pytest.raises(InputError, match="already consumed"):
            replies.retry()
    assert [reply.text for reply in replies] == ["w0", "w1"]


def test_retry_of_an_interrupted_run_asks_the_rest(client_of: ClientOf) -> None:
    """What had been answered is not asked again; what was stopped, or never begun, is."""
    slow = threading.Event()
    with StrictServer(delay_s=lambda prompt: 0.0 if slow.is_set() or prompt[-1] in "01" else 60.0) as server:
        client = client_of(server)
        run = client.run("Say {{word}}", WORDS[:8], concurrency=2)
        run.start(client.event_loop)
        server.wait(4)
        run.cancel()
        assert run.wait(5)
        first = run.replies
        slow.set()
        server.wait_idle()
        again = first.retry()
        assert set(server.prompts.values()) == {1}
    assert [reply.text for reply in first] == ["w0", "w1"]
    assert [reply.text for reply in again] == [row["word"] for row in WORDS[:8]]
    assert (first.stopped is None, again.stopped) == (False, None)


def test_a_run_file_is_read_by_several_threads(client_of: ClientOf, tmp_path: Path) -> None:
    """What one thread reads is not moved away by another: a run looks at its answers while its user does."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer() as server:
        client_of(server).map("Say {{word}}", WORDS, run_file=file)
    opened = runfile.RunFile(file)
    places = opened.entries()[1]

    def read(_thread: int) -> list[str]:
        return [opened.line(place).reply.text for _time in range(50) for place in places]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(read, range(4)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [[f"w{number}" for number in range(len(WORDS))] * 50] * 4


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_folder_without_locks_holds_a_run_file_too(
    client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Some network folders lock nothing: what was paid is kept there, and found by the next run."""

    def acquire(_lock: filelock.FileLock) -> None:
        raise OSError(number, "No locks available")

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    with StrictServer() as server:
        client, file = client_of(server), tmp_path / "r.run.jsonl"
        client.map("Say {{word}}", WORDS[:3], run_file=file)
        assert [reply.text for reply in client.map("Say {{word}}", WORDS[:5], run_file=file)] == [
            "w0", "w1", "w2", "w3", "w4",
        ]  # fmt: skip
        assert server.answered == 5


def test_ctrl_c_ends_a_retry(client_of: ClientOf) -> None:
    """Nothing goes on behind the user's back, and the file can be continued."""
    with StrictServer(fail=lambda prompt: 400 if prompt.endswith("w1") else None) as server:
        replies = client_of(server).map("Say {{word}}", WORDS[:3])
        server.fail = lambda prompt: None
        server.delay_s = 60.0
        server.wait_idle()
        stop = threading.Thread(target=lambda: (server.wait(4), os.kill(os.getpid(), signal.SIGINT)))
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            replies.retry()
        stop.join()
        server.wait_idle()
        server.delay_s = 0.0
        assert [reply.text for reply in replies.retry()] == ["w0", "w1", "w2"]


def test_retry_that_is_stopped_warns(client_of: ClientOf) -> None:
    """As `map` does: the reason is said and on the result."""
    with StrictServer(fail=lambda prompt: 400) as server:
        client = client_of(server)
        with pytest.warns(UserWarning, match="all failed"):
            replies = client.map("Say {{word}}", WORDS)
        with pytest.warns(UserWarning, match="all failed"):
            assert isinstance(replies.retry().stopped, RunError)


def test_without_the_fast_transport_fewer_at_once_and_one_hint(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By default eight requests at once, said once; a concurrency that was asked for is kept."""
    monkeypatch.setattr("wcode_jupyter.transport.Transport.can_be_fast", staticmethod(lambda: False))
    with StrictServer(delay_s=0.02) as server:
        client = client_of(server)
        with pytest.warns(UserWarning, match=r"wcode_jupyter\[fast\]"):
            client.map("Say {{word}}", WORDS)
        assert server.peak == 8
        client.map("Say {{word}}", WORDS, concurrency=12)
        assert server.peak == 12
