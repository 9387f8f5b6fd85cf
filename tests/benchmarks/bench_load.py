"""What `%load_ext` costs, and how soon the first word shows: `python -m tests.benchmarks.bench_load [load|first]`.

`PEER` may name the python of another environment that has `jupyter_ai_magics`; its magics are then loaded beside ours.

- load: CPU of the loading thread and of the whole process during `%load_ext`, in fresh processes, in turn.
- first text: from the server's sending of the first delta to the kernel's message that shows it, in a real kernel,
  with a 25-line httpx sketch in the same kernel beside it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.fault_server import FaultServer, Received, Script, delta, finish, stream
from tests.kernels import Kernel

_LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "storemagic")   # so that the machinery of %load_ext itself is not counted
before = set(sys.modules)
cpu, thread = time.process_time(), time.thread_time()
{load}
cpu, thread = time.process_time() - cpu, time.thread_time() - thread
heavy = sorted({{"httpx", "ipywidgets", "msgspec"}} & (set(sys.modules) - before))
import json; print(json.dumps([cpu * 1e3, thread * 1e3, heavy]))
"""

_SKETCH = """
import httpx, json, os
from IPython.display import display
def sketch(url):
    text, handle = "", None
    with httpx.stream("POST", url, json={"model": "m", "stream": True}, timeout=30, trust_env=False) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                choice = json.loads(line[6:])["choices"][0]
                text += choice["delta"].get("content") or ""
                if handle is None:
                    handle = display({"text/plain": text}, raw=True, display_id=True)
                else:
                    handle.update({"text/plain": text}, raw=True)
"""


def _loaded(python: str, load: str) -> tuple[float, float, list[str]]:
    output = subprocess.run(
        [python, "-c", _LOAD.format(load=load)], capture_output=True, text=True, check=True, cwd=Path.cwd()
    ).stdout
    cpu, thread, heavy = json.loads(output.splitlines()[-1])
    return cpu, thread, heavy


def load(rounds: int = 9) -> None:
    """Prints medians of the loading cost, ours, a bare magic, and the peer where there is one."""
    rows = {
        "a magic of one line": (
            sys.executable,
            "shell.register_magic_function(lambda l, c=None: None, 'line_cell', 'x')",
        ),
        "wcode_jupyter": (sys.executable, 'shell.run_line_magic("load_ext", "wcode_jupyter")'),
    }
    if peer := os.environ.get("PEER"):
        rows["jupyter_ai_magics"] = (peer, 'shell.run_line_magic("load_ext", "jupyter_ai_magics")')
    seen: dict[str, list[tuple[float, float, list[str]]]] = {name: [] for name in rows}
    for _round in range(rounds):
        for name, (python, statement) in rows.items():
            seen[name].append(_loaded(python, statement))
    print("load_ext                 process CPU ms   thread CPU ms   heavy imports")
    for name, results in seen.items():
        cpu, thread = (statistics.median(result[n] for result in results) for n in (0, 1))
        print(f"{name:24} {cpu:14.2f}   {thread:13.2f}   {results[0][2]}")


def first_text(rounds: int = 25) -> None:
    """Prints the delay from the first delta's sending to the message that shows it."""
    sent: list[float] = []

    def answer(_request: Received) -> Script:
        gate = threading.Event()

        def open_gate() -> None:
            time.sleep(0.1)
            sent.append(time.monotonic())
            gate.set()

        threading.Thread(target=open_gate).start()
        return stream(gate, delta("First"), 0.05, delta(" words"), finish())

    with FaultServer(answer) as server, Kernel(Path(tempfile.mkdtemp())) as kernel:
        kernel.run("%load_ext wcode_jupyter")
        kernel.run(f"%wcode set model=m base_url={server.base_url}")
        kernel.run(_SKETCH)
        time.sleep(2)  # the warm-up in the background
        ours = _delays(kernel, "%%wcode\nhi", sent, rounds)
        sketch = _delays(kernel, f"sketch({server.base_url + '/chat/completions'!r})", sent, rounds)
    for name, delays in {"wcode_jupyter": ours, "httpx sketch": sketch}.items():
        ordered = sorted(delays)
        print(f"first text, {name:14} median {statistics.median(ordered):6.1f} ms   first call {delays[0]:6.1f} ms")
    print(f"ratio ours / sketch: {statistics.median(ours) / statistics.median(sketch):.2f}")


def _delays(kernel: Kernel, code: str, sent: list[float], rounds: int) -> list[float]:
    delays = []
    for _round in range(rounds):
        sent.clear()
        began = time.monotonic()
        cell = kernel.start(code, answers=())
        shown = cell.wait_for(
            lambda message: "First" in json.dumps(message.content) and message.type != "execute_input"
        )
        delays.append((began + shown.at_s - sent[0]) * 1e3)
        cell.finish()
    return delays


_PARTS: dict[str, Callable[[], None]] = {"load": load, "first": first_text}

if __name__ == "__main__":
    for part in sys.argv[1:] or _PARTS:
        _PARTS[part]()
