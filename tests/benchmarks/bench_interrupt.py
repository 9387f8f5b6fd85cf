"""How long one interrupt takes to end a cell, whatever has arrived: 1 MB of nasty text in every format.

    python -m tests.benchmarks.bench_interrupt

Seconds from the signal to the idle kernel; the promise is 0.3 s. On a busy machine the first line, the same for
`time.sleep(60)`, says what the machine adds.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.fault_server import HOLD, FaultServer, delta, stream
from tests.kernels import Kernel

_SIZE = 1_000_000
_TEXTS = {
    "prose": "word **bold** and `code` $x^2$ ",
    "brackets": "![",
    "addresses": "a http://a.",
    "formulas": "\\[\n",
    "fences": "```python\nx = 1\n```\n",
    "json": '[{"a": 1}, ',
}
_FORMATS = ("markdown", "text", "json", "code", "html", "latex")


def seconds(kernel: Kernel, cell: str, server: FaultServer | None) -> float:
    """From the signal to the end of the cell, once all text has been taken."""
    asked = 0 if server is None else len(server.requests) + (2 if "-m b" in cell else 1)
    running = kernel.start(cell)
    if server is not None:
        server.wait(asked, 20)
    time.sleep(2)  # all that was sent has arrived, and is being shown
    began = time.monotonic()
    kernel.interrupt()
    running.finish(60)
    return time.monotonic() - began


def main() -> None:
    """Prints a line for each text and format; the slowest last."""
    slowest = (0.0, "")
    with tempfile.TemporaryDirectory() as folder, Kernel(Path(folder)) as kernel:
        base = seconds(kernel, "import time; time.sleep(60)", None)
        print(f"{'time.sleep(60)':34} {base:.2f} s")
        for name, atom in _TEXTS.items():
            text = atom * (_SIZE // len(atom))
            pieces = [delta(text[start : start + 4000]) for start in range(0, len(text), 4000)]
            with FaultServer(stream(*pieces, HOLD)) as server:
                kernel.run(f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}")
                cells = {form: f"%%wcode --format {form}\nhi" for form in _FORMATS}
                cells["comparison"] = "%%wcode -m a -m b\nhi"
                for form, cell in cells.items():
                    took = seconds(kernel, cell, server)
                    slowest = max(slowest, (took, f"{name}, {form}"))
                    print(f"{name + ', ' + form:34} {took:.2f} s")
    print(f"slowest: {slowest[1]}, {slowest[0]:.2f} s; the machine alone: {base:.2f} s")


if __name__ == "__main__":
    main()
