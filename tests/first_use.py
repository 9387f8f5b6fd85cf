"""Two threads that use the extension for the first time at the same moment: `python -m tests.first_use [PROCESSES]`

Each process is one try, for a type or a member is built once in a process: the warm-up and the first cell start
together, with a switch interval so small that they meet in every line. Asked for: one magic, one client, one session,
what the cell set still holds, no crash. The full figure is 200 processes on each Python; the suite runs a few.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

__all__ = ["main", "try_once"]

_ROOT = Path(__file__).resolve().parents[1]
_THREADS = 4


def together(*works: Callable[[], object]) -> list[object]:
    """What the `works` give, each run on a thread of its own, all let go at the same moment."""
    gate = threading.Barrier(len(works))
    results: list[object] = [None] * len(works)

    def run(number: int) -> None:
        gate.wait()
        results[number] = works[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def magic_and_warm_up() -> None:
    """The first cell sets a value while the warm-up builds: one of everything, and the value holds."""
    from wcode_jupyter.extension import LazyMagic, Wcode

    magic = LazyMagic(SimpleNamespace(user_ns={}), Wcode())

    def cell() -> object:
        magic.magic.client.session.set("temperature", 0.1)
        return magic.magic

    found = together(cell, magic.warm_up, lambda: magic.magic, lambda: magic.magic)
    assert all(one is magic.magic for one in (found[0], found[2], found[3])), "more than one magic"
    assert magic.magic.client.session.values()["temperature"].value == 0.1, "what the cell set is lost"
    magic.magic.close()


def members_and_types() -> None:
    """Members and types that answers are made of, first used by several threads at once."""
    from wcode_jupyter import Client
    from wcode_jupyter.reply import Reply
    from wcode_jupyter.request.messages import Message, Request

    client = Client()
    for name in ("engine", "transport", "local"):
        assert len(set(map(id, together(*[lambda: getattr(client, name)] * _THREADS)))) == 1, name  # noqa: B023
    session = client.session
    for name in ("catalogue", "account"):
        assert len(set(map(id, together(*[lambda: getattr(session, name)] * _THREADS)))) == 1, name  # noqa: B023
    reply = Reply(request=Request(model="m", messages=(Message("user", "q"),)))
    value = reply.to_dict()
    assert together(*[lambda: Reply.from_dict(value)] * _THREADS) == [reply] * _THREADS
    client.close()


_SCRIPTS = (magic_and_warm_up, members_and_types)


def try_once(number: int, python: str = sys.executable) -> str:
    """What went wrong in one process; empty when nothing did. Even numbers try the magic, odd ones the members."""
    with TemporaryDirectory() as home:
        done = subprocess.run(
            [python, "-c", f"from tests.first_use import run; run({number})"],
            cwd=_ROOT,
            env={"HOME": home, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(_ROOT), "IPYTHONDIR": home},
            capture_output=True,
            text=True,
            timeout=120,
        )
    return "" if done.returncode == 0 else f"process {number}: exit {done.returncode}\n{done.stderr[-2000:]}"


def run(number: int) -> None:
    """One try, in this process."""
    sys.setswitchinterval(1e-6)
    _SCRIPTS[number % len(_SCRIPTS)]()


def main(processes: int) -> int:
    """Tries so many processes one after the other; the number of those that went wrong."""
    faults = [fault for number in range(processes) if (fault := try_once(number))]
    print("\n".join(faults))
    print(f"Python {sys.version.split()[0]}: {processes} processes, {len(faults)} went wrong")
    return len(faults)


if __name__ == "__main__":
    sys.exit(bool(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
