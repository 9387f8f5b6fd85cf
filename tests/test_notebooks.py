"""Every notebook gives its saved outputs again, byte by byte, on a machine without network, key and model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kernels import Kernel
from tests.record_notebooks import NOTEBOOKS, environment, sidecar

pytestmark = pytest.mark.kernel

SHIPPED = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))


def nbval(notebook: Path, private: Path) -> subprocess.CompletedProcess[str]:
    """`pytest --nbval`, strictly, in mode `replay`, without network and without the embedded model."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--nbval", "-q", str(notebook)]
    return subprocess.run(
        command,
        cwd=notebook.parent,
        env=environment(private, notebook, "replay"),
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the notebooks, where a cell may write what it likes."""
    return Path(shutil.copytree(NOTEBOOKS, tmp_path / "notebooks"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_notebook_gives_its_saved_outputs_again(name: str, folder: Path, tmp_path: Path) -> None:
    """Strict nbval: each output equals the saved one; a question without a recorded answer fails."""
    done = nbval(folder / name, tmp_path / "private")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_notebook_was_run_whole_and_names_nothing_of_its_author(name: str) -> None:
    """Every code cell was executed, none failed unless it is meant to, and no path of a machine was saved."""
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert [cell["source"] for cell in cells if not cell["execution_count"]] == []
    failed = [cell for cell in cells if any(output["output_type"] == "error" for output in cell["outputs"])]
    assert [cell["source"] for cell in failed if "raises-exception" not in cell["metadata"].get("tags", [])] == []
    for private in (str(Path.home()), str(NOTEBOOKS.parent), "/tmp/", "site-packages"):
        assert private not in text
        assert not sidecar(NOTEBOOKS / name).exists() or private not in sidecar(NOTEBOOKS / name).read_text("utf-8")


def notebook(path: Path, *cells: tuple[str, list[dict[str, Any]]]) -> Path:
    """A notebook of these sources with these saved outputs."""
    made = [
        {
            "cell_type": "code",
            "execution_count": number,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": outputs,
            "source": source,
        }
        for number, (source, outputs) in enumerate(cells, 1)
    ]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    value = {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_a_notebook_that_asks_without_a_record_fails(tmp_path: Path) -> None:
    """The check above can fail: there is no answer, and no way to get one."""
    made = notebook(tmp_path / "asks.ipynb", ("%load_ext wcode_jupyter", []), ("%%wcode local -q\nHi", []))
    done = nbval(made, tmp_path / "private")
    assert done.returncode == 1
    assert "Replay file not found: asks.replay.jsonl" in done.stdout


def test_an_output_that_differs_from_the_saved_one_fails(tmp_path: Path) -> None:
    """The check above compares."""
    saved = [{"output_type": "stream", "name": "stdout", "text": "2\n"}]
    assert nbval(notebook(tmp_path / "same.ipynb", ("print(1 + 1)", saved)), tmp_path / "private").returncode == 0
    assert nbval(notebook(tmp_path / "other.ipynb", ("print(1 + 2)", saved)), tmp_path / "private").returncode == 1


def test_the_machine_of_these_tests_has_neither_network_nor_model(tmp_path: Path) -> None:
    """No address can be reached, loopback included, and the embedded model's engine cannot be imported or found."""
    with Kernel(tmp_path, environment(tmp_path / "private", tmp_path / "x.ipynb", "replay")) as kernel:
        for address in ("('127.0.0.1', 9)", "('wcode.net', 443)"):
            assert kernel.run(f"import socket; socket.create_connection({address})").error == "PermissionError"
        assert kernel.run("import xllamacpp").error == "ModuleNotFoundError"
        assert kernel.run("import importlib.util as u; print(u.find_spec('xllamacpp'))").text == "None\n"
        assert kernel.run("import os; print(*(n for n in os.environ if 'KEY' in n and 'WCODE' in n))").text == "\n"
