"""Runs that nobody watches: each runner saves one final output per question, and they all save the same."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.environment import isolated
from tests.fault_server import FaultServer, Script, chat, delta, finish, reasoning, status, stream, usage
from tests.kernels import Kernel

pytestmark = pytest.mark.kernel

ANSWER = stream(
    reasoning("hm"),
    *(delta(f"word {n}, ") for n in range(40)),
    delta("\n\n* 一\n* 二\n\n```python\nprint(1)\n```\n"),
    finish(),
    usage(9, 6),
)
HOSTILE = chat("<script>alert(1)</script><img src=x onerror=alert(1)>")


def nbclient(path: Path, folder: Path) -> int:
    """As a Python program does."""
    code = f"import nbformat, nbclient; n = nbformat.read({str(path)!r}, 4)\n" + (
        f"try:\n    nbclient.execute(n, kernel_name='python3')\nfinally:\n    nbformat.write(n, {str(path)!r})"
    )
    return run(folder, "-c", code)


def nbconvert(path: Path, folder: Path) -> int:
    """`jupyter nbconvert --execute --inplace`, which saves nothing when a cell fails."""
    return run(folder, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", str(path))


def papermill(path: Path, folder: Path) -> int:
    """`papermill NOTEBOOK NOTEBOOK`, where it is installed."""
    if find_spec("papermill") is None:
        pytest.skip("papermill is not installed")
    return run(folder, "-m", "papermill", "--no-progress-bar", "-k", "python3", str(path), str(path))


def run(folder: Path, *arguments: str) -> int:
    """Runs Python in `folder`; its exit code."""
    environment = isolated(folder / "private") | {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, timeout=120, check=False
    ).returncode


def written(folder: Path, server: FaultServer, *cells: str) -> Path:
    """A notebook of these cells that asks `server`."""
    made = nbformat.v4.new_notebook()
    for source in (f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}", *cells):
        made.cells.append(nbformat.v4.new_code_cell(source))
    path = folder / "run.ipynb"
    nbformat.write(made, path)
    return path


def outputs(path: Path) -> list[list[Any]]:
    """The saved outputs of each cell but the first."""
    return [cell["outputs"] for cell in nbformat.read(path, as_version=4).cells[1:]]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """The other side."""
    with FaultServer(ANSWER) as server:
        yield server


Runner = Callable[[Path, Path], int]


@pytest.mark.parametrize("runner", [nbclient, nbconvert, papermill])
def test_one_final_output_and_the_same_everywhere(runner: Runner, server: FaultServer, tmp_path: Path) -> None:
    """A question leaves one display, whose data are those that a watched run ends with."""
    path = written(tmp_path, server, "%%wcode -q -o answer\nhi", "print(answer.ended)")
    assert runner(path, tmp_path) == 0
    question, printed = outputs(path)
    assert [output["output_type"] for output in question] == ["display_data"]
    assert printed[0]["text"] == "complete\n"
    with Kernel(tmp_path) as kernel:
        kernel.run(f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}")
        watched = kernel.run("%%wcode -q\nhi", answers=())
    assert [output["data"]["text/plain"] for output in watched.outputs] == [question[0]["data"]["text/plain"]]
    assert untimed(watched.outputs[0]["data"]["text/html"]) == untimed(question[0]["data"]["text/html"])


def untimed(html: str) -> str:
    """Without the seconds of the reasoning, which differ from run to run."""
    import re

    return re.sub(r"· \d+\.\d s", "", html)


@pytest.mark.parametrize("runner", [nbclient, nbconvert, papermill])
@pytest.mark.parametrize("answer", [status(402, "余额不足"), stream(delta("half"), cut=True)], ids=["402", "cut"])
def test_a_failed_question_fails_the_run(runner: Runner, answer: Script, server: FaultServer, tmp_path: Path) -> None:
    """The runner stops there and says so by its exit code: nothing after it is run."""
    server.script(answer)
    path = written(tmp_path, server, "%%wcode\nhi", "open('reached', 'w')")
    assert runner(path, tmp_path) != 0
    assert not (tmp_path / "reached").exists()


def test_an_exported_page_is_as_harmless(server: FaultServer, tmp_path: Path) -> None:
    """`jupyter nbconvert --to html --execute`: the model's HTML is text in the page."""
    server.script(HOSTILE)
    path = written(tmp_path, server, "%%wcode\nhi")
    assert run(tmp_path, "-m", "nbconvert", "--to", "html", "--execute", str(path)) == 0
    page = path.with_suffix(".html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page
