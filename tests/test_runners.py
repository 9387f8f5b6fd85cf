"""A recorded notebook gives the same outputs in every runner, and after every tool that rewrites notebooks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.environment import isolated
from tests.fault_server import FaultServer, chat, delta, finish, reasoning, stream, usage
from wcode_jupyter.store import rewind

pytestmark = pytest.mark.kernel

CELLS = (
    "%load_ext wcode_jupyter\n%wcode set model=m",
    "%%wcode -o reply\nWhat is in {{n}} boxes?",
    "print(reply.text, reply.usage.output_tokens)",
    "%%wcode --temperature 0.5\nsecond",
    "%wcode replay auto n.replay.jsonl",
)


def python(folder: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in `folder`, strictly replaying."""
    environment = isolated(folder / "private") | {
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "WCODE_REPLAY": "replay",
        "WCODE_REPLAY_FILE": "n.replay.jsonl",
        "WCODE_LANG": "en",
        "PYTHONWARNINGS": "ignore",
        **changes,
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def nbclient(folder: Path, path: Path) -> None:
    code = f"import nbformat, nbclient; n = nbformat.read({path.name!r}, 4); nbclient.execute(n, record_timing=False)"
    done = python(folder, "-c", f"{code}; nbformat.write(n, {path.name!r})")
    assert done.returncode == 0, done.stderr


def nbconvert(folder: Path, path: Path) -> None:
    done = python(folder, "-m", "nbconvert", "--to", "notebook", "--execute", "--inplace", path.name)
    assert done.returncode == 0, done.stderr


def papermill(folder: Path, path: Path) -> None:
    """With a parameter, which is the value that was there before."""
    pytest.importorskip("papermill")
    done = python(folder, "-m", "papermill", "--no-progress-bar", "-k", "python3", "-p", "n", "3", path.name, path.name)
    assert done.returncode == 0, done.stderr
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    nbformat.write(notebook, path)


def jupytext(form: str) -> Callable[[Path, Path], None]:
    """There and back as a script or a Markdown file, then executed."""

    def run(folder: Path, path: Path) -> None:
        pytest.importorskip("jupytext")
        text = folder / f"text.{form.partition(':')[0]}"
        for arguments in (("--to", form, "-o", text.name, path.name), ("--to", "ipynb", "-o", path.name, text.name)):
            done = python(folder, "-m", "jupytext", *arguments)
            assert done.returncode == 0, done.stderr
        nbclient(folder, path)

    return run


def nbstripout(folder: Path, path: Path) -> None:
    """Without its outputs, then executed."""
    pytest.importorskip("nbstripout")
    done = python(folder, "-m", "nbstripout", path.name)
    assert done.returncode == 0, done.stderr
    assert not any(cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)
    nbclient(folder, path)


def nbdime_merge(folder: Path, path: Path) -> None:
    """Merged with a side that added a text cell, then executed."""
    pytest.importorskip("nbdime")
    base = nbformat.read(path, as_version=4)
    base.cells.append(nbformat.v4.new_markdown_cell("A remark.", id="remark"))
    nbformat.write(base, folder / "remote.ipynb")
    done = python(folder, "-m", "nbdime.nbmergeapp", "--out", "merged.ipynb", path.name, path.name, "remote.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    merged = nbformat.read(folder / "merged.ipynb", as_version=4)
    assert merged.cells[-1].source == "A remark."
    merged.cells.pop()
    nbformat.write(merged, path)
    nbclient(folder, path)


RUNNERS: dict[str, Callable[[Path, Path], None]] = {
    "nbclient": nbclient,
    "nbconvert": nbconvert,
    "papermill": papermill,
    "jupytext py:percent": jupytext("py:percent"),
    "jupytext md": jupytext("md"),
    "nbstripout": nbstripout,
    "nbdime merge": nbdime_merge,
}


def outputs(path: Path) -> list[Any]:
    """What a comparison of notebooks looks at: streams, data by type; without counts and metadata."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return [[output.get("text") or dict(output.get("data", {})) for output in cell.outputs] for cell in cells]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook that was recorded live, its outputs saved by nbclient."""
    folder = tmp_path_factory.mktemp("recorded")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    parameters = nbformat.v4.new_code_cell("n = 3", metadata={"tags": ["parameters"]})
    notebook.cells = [parameters, *map(nbformat.v4.new_code_cell, CELLS)]
    path = folder / "n.ipynb"
    nbformat.write(notebook, path)
    rewind()
    first = stream(reasoning("hm"), delta("**Three** boxes\n\n* 一\n* 二\n"), finish(), usage(9, 6))
    with FaultServer(first, chat("Second")) as server:
        code = "import nbformat, nbclient; n = nbformat.read('n.ipynb', 4); nbclient.execute(n); "
        code += "nbformat.write(n, 'n.ipynb')"
        done = python(folder, "-c", code, WCODE_REPLAY="auto", WCODE_BASE_URL=server.base_url)
        assert done.returncode == 0, done.stderr
        assert len(server.requests) == 2
    return folder


@pytest.fixture
def copied(recorded: Path, tmp_path: Path) -> Path:
    for name in ("n.ipynb", "n.replay.jsonl"):
        (tmp_path / name).write_bytes((recorded / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize("name", RUNNERS)
def test_every_runner_gives_the_recorded_outputs(copied: Path, name: str) -> None:
    """Strictly replayed by a reader who has set no server: each saves what the author saved."""
    path = copied / "n.ipynb"
    before = outputs(path)
    RUNNERS[name](copied, path)
    assert outputs(path) == before
    assert any("Three" in json.dumps(output) for output in before)


def test_nbval_passes(copied: Path) -> None:
    """Strictly, as in continuous integration."""
    done = python(copied, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", "-q", "n.ipynb")
    assert done.returncode == 0, done.stdout


def test_nbdime_sees_no_difference(copied: Path) -> None:
    """Two strict runs differ in nothing, metadata of outputs included."""
    pytest.importorskip("nbdime")
    path = copied / "n.ipynb"
    before = copied / "before.ipynb"
    nbclient(copied, path)
    before.write_bytes(path.read_bytes())
    nbclient(copied, path)
    done = python(copied, "-m", "nbdime.nbdiffapp", before.name, path.name)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
