"""A study of 5,000 answers over three kernels, checked elsewhere: `python -m tests.study.five_thousand [ROWS]`

It does what a user would, with real kernels and a stand-in server on this machine, and stops at the first thing that is
not so:

1. the run of the notebook is interrupted in the first kernel, killed with SIGKILL in the second, and finished in the
   third; every answer is there once, and no more is paid twice than was on its way when the kernel died;
2. the notebook is saved from its recorded answers, packaged, and moved to an empty home on every other Python of this
   machine, where `python -m wcode_jupyter check` says yes;
3. an audit of the unchanged server finds no change; one of a server that changed every tenth label finds 10 %.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat

from tests.environment import ROOT, isolated
from tests.kernels import Kernel
from wcode_jupyter.testing import Received, StandIn

ROWS = 5_000
CONCURRENCY = 16
RUN = """%%wcode --each rows --schema label --concurrency 16 --temperature 0 -o answers
Is this positive or negative? {{t}}"""
CELLS = (
    "%load_ext wcode_jupyter",
    "rows = [{'t': f'review {number}'} for number in range(ROWS)]\n"
    "label = {'type': 'object', 'properties': {'sure': {'type': 'boolean'}, 'label': {'type': 'string'}}}",
    RUN,
    "frame = answers.to_frame()\nprint(len(frame), frame['label'].value_counts().to_dict())",
)


class Model:
    """Labels each review by its number; `changed` of every ten otherwise than before."""

    def __init__(self) -> None:
        self.changed = 0

    def __call__(self, asked: Received) -> str:
        number = int(asked.prompt.rpartition(" ")[2])
        positive = (number % 3 == 0) != (number % 10 < self.changed)
        return f'{{"sure": true, "label": "{"positive" if positive else "negative"}"}}'


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def hold(condition: bool, what: str) -> None:
    say(f"{'yes' if condition else 'NO'}: {what}")
    if not condition:
        sys.exit(1)


def run_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.run.jsonl"))


def until(count: int, server: StandIn, start: int) -> None:
    """Waits until the server has answered `count` requests since `start`."""
    while len(server.requests) - start < count:
        time.sleep(0.01)


def kernel(folder: Path, env: Mapping[str, str]) -> Kernel:
    return Kernel(folder, env)


def begin(running: Kernel, rows: int) -> None:
    for source in CELLS[:2]:
        done = running.run(source.replace("ROWS", str(rows)))
        hold(done.status == "ok", f"cell runs: {source[:30]!r} {done.text[-300:] if done.status != 'ok' else ''}")


def three_kernels(folder: Path, env: Mapping[str, str], server: StandIn, rows: int) -> None:
    """An interrupt, a kill -9, and a run to the end."""
    with kernel(folder, env) as first:
        begin(first, rows)
        cell = first.start(RUN)
        until(rows * 2 // 5, server, 0)
        first.interrupt()
        cell.finish(120)
        hold(cell.status == "error", f"the first kernel was interrupted after {len(server.requests)} requests")
    sent = len(server.requests)
    second = kernel(folder, env)
    with second:
        begin(second, rows)
        second.start(RUN)
        until(rows * 2 // 5, server, sent)
        os.kill(second.pid, signal.SIGKILL)
    sent = len(server.requests)
    say(f"the second kernel was killed after {sent} requests in all")
    with kernel(folder, env) as third:
        begin(third, rows)
        done = third.run(RUN, timeout_s=900)
        hold(done.status == "ok", f"the third kernel finishes: {done.text[-200:]!r}")
        counted = third.run(CELLS[3], timeout_s=300)
        positive = sum(number % 3 == 0 for number in range(rows))
        right = f"{rows} {{'negative': {rows - positive}, 'positive': {positive}}}\n"
        hold(counted.text == right, f"every row has its label once: {counted.text!r}")
        lost = len(server.requests) - rows
        hold(0 <= lost <= 2 * CONCURRENCY, f"{lost} answers were paid twice, of at most {2 * CONCURRENCY} on their way")
        account = third.run("%wcode methods --text", timeout_s=300).text
        facts = [line for line in account.splitlines() if line.startswith(("requests", "rows", "distinct"))]
        say(f"account: {'; '.join(facts)}")
        traced = third.run("%wcode methods --trace", timeout_s=300)
        hold(traced.status == "ok", "every figure of the account is traced")


def save(folder: Path, env: Mapping[str, str], rows: int) -> Path:
    """The notebook with the outputs of a strict replay."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source.replace("ROWS", str(rows))) for source in CELLS]
    path = folder / "study.ipynb"
    nbformat.write(notebook, path)
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace", str(path)]
    done = subprocess.run(
        [*command, "--ExecutePreprocessor.timeout=900"], cwd=folder, env={**env, "WCODE_REPLAY": "replay"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    why = done.stderr[-500:] if done.returncode else ""
    hold(not done.returncode, f"the notebook runs strictly from its recorded answers {why}")
    return path


def package(folder: Path, env: Mapping[str, str]) -> Path:
    with kernel(folder, env) as packing:
        packing.run(CELLS[0])
        done = packing.run("%wcode package study.zip --author 'A. Author'", timeout_s=300)
        hold(done.status == "ok", f"packaged: {done.text.strip()}")
    return folder / "study.zip"


def others() -> Iterator[Path]:
    """The other Pythons of this machine that are supported."""
    here = sys.version_info[:2]
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for path in sorted(versions.glob("3.*/bin/python")):
        minor = tuple(int(part) for part in path.parts[-3].split(".")[:2])
        if minor >= (3, 11) and minor != here:
            yield path


def check(archive: Path, python: Path, scratch: Path) -> None:
    """In an empty home with an environment of its own: the wheel and what runs a notebook, no source tree, no key."""
    name = python.parts[-3]
    home = scratch / f"home-{name}"
    home.mkdir()
    moved = shutil.copy(archive, home / archive.name)
    subprocess.run([python, "-m", "venv", scratch / name], check=True)
    own = scratch / name / "bin" / "python"
    wheel = next((scratch / "dist").glob("*.whl"))
    needed = [f"wcode_jupyter[frames,schema] @ {wheel.as_uri()}", "ipykernel", "nbclient"]
    subprocess.run([own, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *needed], check=True)
    done = subprocess.run(
        [own, "-m", "wcode_jupyter", "check", moved, "--trust"],
        cwd=home, env={"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    hold(done.returncode == 0, f"Python {name}: {done.stdout.strip()} {done.stderr[-600:] if done.returncode else ''}")


def audits(folder: Path, env: Mapping[str, str], model: Model) -> None:
    for changed, found in ((0, "0.0%"), (1, "10.0%")):
        model.changed = changed
        with kernel(folder, env) as auditing:
            auditing.run(CELLS[0])
            done = auditing.run("%wcode audit --yes", timeout_s=1800)
            line = next((line for line in done.text.splitlines() if line.startswith("label")), done.text[-400:])
            hold(found in line, f"audit of a server that changed {changed} of ten labels: {line}")


def main(arguments: list[str]) -> int:
    rows = int(arguments[0]) if arguments else ROWS
    with tempfile.TemporaryDirectory(prefix="wcode-study-") as name, StandIn(model := Model()) as server:
        scratch = Path(name)
        folder = scratch / "study"
        folder.mkdir()
        env = {
            **isolated(scratch / "private"), **server.environment, "WCODE_LANG": "en", "WCODE_REPLAY": "auto",
            "JPY_SESSION_NAME": str(folder / "study.ipynb"),
        }  # fmt: skip
        three_kernels(folder, env, server, rows)
        save(folder, env, rows)
        archive = package(folder, env)
        wheel = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "-w", scratch / "dist", ROOT]
        subprocess.run(wheel, check=True)
        for python in others():
            check(archive, python, scratch)
        audits(folder, env, model)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
