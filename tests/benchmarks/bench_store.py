"""Figures for the replay file and the log: python -m tests.benchmarks.bench_store [MB]

Limits (issue "Reproducible notebooks"): opening a 100 MB file under 1 s and under 150 MB of memory, replaying a cell
under 2 ms beyond its display, a log entry under 2 ms. Ends with status 1 when one is passed.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from wcode_jupyter import Client, wire
from wcode_jupyter.errors import ReplayError
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.reply.events import Usage
from wcode_jupyter.request.messages import Message, Request
from wcode_jupyter.store import Log, Record
from wcode_jupyter.store.codec import encode

WORDS = ["天空", "model", "answer", "the", "of", "notebook", "散射", "replay", "a", "token", "is", "价格", "and"]


def reply(number: int, size: int) -> Reply:
    """An answer of about `size` bytes to a prompt of its own."""
    draw = random.Random(number)
    request = Request(model="z-ai/glm-5", messages=(Message("user", f"Question {number}. " * 20),))
    text = " ".join(draw.choices(WORDS, k=size // 6))
    return Reply(
        request=request,
        fingerprint=wire.fingerprint(request),
        choices=(Choice(text),),
        usage=Usage(9, 600),
        cost=Decimal("0.0012"),
    )


def milliseconds(work: Callable[[int], object], times: int) -> list[float]:
    """Time of each call of `work(0)` … `work(times - 1)`."""
    taken = []
    for number in range(times):
        start = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def replayed_cells(path: Path) -> list[float]:
    """Milliseconds of each of 1,000 cells, all that a cell does but its display: settings, checks, look-up, log."""
    with Client(model="z-ai/glm-5", replay="replay", replay_file=str(path)) as client:
        client.keeper.calls = Log(path.with_name("cells.sqlite"))

        def cell(number: int) -> None:
            asked = reply(number, 0).request
            assert asked is not None
            stream = client.start(client.prepare(asked.messages[0].text, format="markdown"))
            assert stream.result().replayed

        cell(1000)  # opens the file and the log, imports what is imported late
        return milliseconds(cell, 1000)


OPEN = """
import json, resource, sys, time
from pathlib import Path
from wcode_jupyter.store import Record
before = time.perf_counter()
record = Record(Path(sys.argv[1]), "replay")
taken = time.perf_counter() - before
print(json.dumps([taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(record)]))
"""


def main(megabytes: int) -> int:
    """Prints a row for each figure; 1 when a limit is passed."""
    passed = []

    def show(what: str, value: float, unit: str, limit: float | None = None) -> None:
        print(f"{what:<52}{value:>10.3f} {unit:<3}{'' if limit is None else f'limit {limit:g}'}")
        if limit is not None and value > limit:
            passed.append(what)

    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder, "large.replay.jsonl"), Path(folder, "small.replay.jsonl")
        count = 0
        with path.open("wb") as file:
            while file.tell() < megabytes * 1_000_000:
                file.write(encode(reply(count, 4000)))
                count += 1
        command = [sys.executable, "-c", OPEN, str(path)]
        seconds, memory, _found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        show(f"open {megabytes} MB, {count} answers", seconds, "s", 1.0)
        show("memory of that process", memory, "MB", 150)

        asked = [found.request for number in range(1000) if (found := reply(number * 7 % count, 4000)).request]
        record = Record(path, "replay")
        show(
            "replay one of 1,000, fingerprint included (median)",
            statistics.median(milliseconds(lambda n: record.lookup(asked[n], wire.fingerprint(asked[n])), 1000)),
            "ms",
            2.0,
        )
        start = time.perf_counter()
        try:
            record.lookup(Request(model="other", messages=(Message("user", "Question 12. " * 19),)), "none")
        except ReplayError as error:
            show("strict miss in that file: finding the nearest", time.perf_counter() - start, "s")
            print("   ", error)

        show("replay 1,000 cells through the client (mean)", statistics.mean(replayed_cells(path)), "ms", 2.0)

        replies = [reply(number, 4000) for number in range(300)]
        recorder = Record(small, "auto")
        show(
            "record one answer, on disk (median)",
            statistics.median(milliseconds(lambda n: recorder.add(replies[n]), 300)),
            "ms",
        )
        again = Record(small, "record")
        show(
            "record one again in place, 1.5 MB (median)",
            statistics.median(milliseconds(lambda n: again.add(replies[n]), 100)),
            "ms",
        )

        log = Log(Path(folder, "calls.sqlite"))
        log.add(replies[0])
        redact = Keys("sk-bench-0123456789abcdef").redact
        for size in (4000, 40_000):
            logged = [reply(number, size) for number in range(300)]
            taken = milliseconds(lambda n, logged=logged: log.add(logged[n], redact=redact), 300)  # type: ignore[misc]
            limit = 2.0 if size == 4000 else None
            show(f"log an answer of {size} bytes (median)", statistics.median(taken), "ms", limit)
        show(
            "search 600 calls (median)",
            statistics.median(milliseconds(lambda _n: log.search("散射 notebook"), 20)),
            "ms",
        )
        log.close()
    for what in passed:
        print(f"over its limit: {what}")
    return int(bool(passed))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
