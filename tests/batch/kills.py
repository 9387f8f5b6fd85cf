"""A run that is killed again and again: what had arrived is neither lost nor asked again, and the log is whole.

    python -m tests.batch.kills 200           # 200 kills -9 at random moments of runs with two models and a schema
    python -m tests.batch.kills 200 --seed 7

Each child tells every answer that it was given as soon as it has it, by a pipe that the kill cannot take back. After
each kill the run file must hold all that was ever told, and the server must not be asked for any of it again. When a
run has come to its end, the user's log must hold each answer of the file once, those of the killed children too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from wcode_jupyter import Replies
from wcode_jupyter.batch.runfile import RunFile
from wcode_jupyter.store import Log

from .strict_server import StrictServer

__all__ = ["Survived", "survive"]

MODELS = ("alpha", "beta")
CONCURRENCY = 8
_CHILD = """
import os, sys
from wcode_jupyter import Client
url, file, count = sys.argv[1:]
with Client(base_url=url, concurrency=8) as client:
    rows = [{"n": n} for n in range(int(count))]
    models = ["alpha", "beta"]
    answers = client.imap("Say {{n}}", rows, model=models, schema="word, score int", run_file=file)
    os.write(1, b"begun\\n")
    for job, reply in answers:
        os.write(1, f"{job.model} {job.row} {reply.parsed.word}\\n".encode())
os.write(1, b"last\\n")
sys.stdin.read()
os.write(1, b"done\\n")
"""


class Survived:
    """What one run came to over all its kills."""

    def __init__(self) -> None:
        self.kills = 0
        self.jobs = 0
        self.asked = 0

    def __repr__(self) -> str:
        return f"{self.kills} kills, {self.jobs} answers, {self.asked} requests"


def survive(rows: int, seed: int, *, most_kills: int = 1000) -> Survived:
    """Runs `rows` rows to the end through at most `most_kills` kills. Raises AssertionError with what was lost."""
    moments = random.Random(seed)
    found = Survived()
    with tempfile.TemporaryDirectory() as folder, StrictServer(delay_s=0.004, answer=_word) as server:
        file = Path(folder, "r.run.jsonl")
        environment = {**os.environ, "XDG_DATA_HOME": folder, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        told: set[str] = set()
        done = False
        while not done:
            kills = found.kills < most_kills
            after = moments.randint(0, max(2, rows // 3)) if kills else None
            lines = _child(server.base_url, file, rows, environment, after, moments.uniform(0.0, 0.01))
            done = "done" in lines
            found.kills += not done
            told |= {line for line in lines if line not in ("begun", "last", "done")}
            _check_file(file, told)
        found.jobs = len(MODELS) * rows
        found.asked = server.answered
        # What is asked twice was under way at a kill: never more than there may be at once.
        assert found.asked <= found.jobs + found.kills * CONCURRENCY, found
        assert len(told) == found.jobs
        _check_log(file, Log(Path(folder, "wcode_jupyter", "calls.sqlite")))
    return found


def _word(prompt: str) -> str:
    return f'{{"word": "w{prompt.split()[-1]}", "score": 3}}'


def _child(
    url: str, file: Path, rows: int, environment: dict[str, str], after: int | None, further_s: float
) -> list[str]:
    """The whole lines of a child that is killed after so many of them, None: that comes to its end."""
    command = [sys.executable, "-c", _CHILD, url, str(file), str(rows)]
    lines: list[str] = []
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        if after is None:
            child.stdin.close()
        for line in child.stdout:
            lines.append(line.strip())
            # A machine that is busy may let it come to the end of its rows before.
            if after is not None and (len(lines) > after or lines[-1] == "last"):
                time.sleep(further_s)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                after = None
    assert child.returncode in (0, -signal.SIGKILL), child.returncode
    return lines


def _check_file(file: Path, told: set[str]) -> None:
    if not told:
        return
    held = {f"{line.job.model} {line.job.row} {line.reply.json()['word']}" for line in Replies.load(file).lines()}
    assert told <= held, f"lost: {sorted(told - held)[:5]}"


def _check_log(file: Path, log: Log) -> None:
    """Each answer of the file stands in the log once, and nothing else does."""
    places = RunFile(file).entries()[1]
    held = Counter(reply.fingerprint for line in map(RunFile(file).line, places) for reply in line.answers)
    logged = Counter(log.get(row.id).fingerprint for row in log.search(limit=10 * held.total()))
    log.close()
    assert logged == held, (
        len(logged),
        len(held),
        list((held - logged).items())[:3],
        list((logged - held).items())[:3],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kills", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=120)
    options = parser.parse_args()
    killed, seed = 0, options.seed
    while killed < options.kills:
        found = survive(options.rows, seed, most_kills=min(20, options.kills - killed))
        killed, seed = killed + found.kills, seed + 1
        print(f"{killed:4} of {options.kills}: {found}", flush=True)


if __name__ == "__main__":
    main()
