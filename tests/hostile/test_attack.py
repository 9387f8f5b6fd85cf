"""A folder from an attacker, opened and run: nothing outside of it changes, and nothing is sent anywhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.environment import ROOT, isolated
from tests.hostile.attack import CELLS, SECRET, Home, send
from wcode_jupyter.errors import InputError
from wcode_jupyter.study.check import check

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links and pipes as Unix has them"),
]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home folder, as the kernel knows it."""
    return Home(tmp_path / "home")


def environment(tmp_path: Path, home: Home) -> dict[str, str]:
    """A kernel in that home, with a key that could be sent, whose every connection is written down."""
    return {
        "HOME": str(home.path),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "hostile" / "watched"), str(ROOT)]),
        "WATCHED_BY": str(tmp_path / "seen"),
        "WCODE_API_KEY": "sk-of-the-user-0123456789",
    }


def run(path: Path, env: dict[str, str]) -> list[Any]:
    """The cells after Run All, whatever fails."""
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=60, allow_errors=True, resources={"metadata": {"path": path.parent}}
    )
    client.execute(env=env)
    return list(notebook.cells)


def test_the_folder_harms_nothing(tmp_path: Path, home: Home) -> None:
    """Run All in a kernel: home as it was, no connection, no program; no secret in an output, no wall of traceback."""
    path = send(tmp_path / "sent", home)
    cells = run(path, isolated(tmp_path / "private") | environment(tmp_path, home))
    assert home.state() == home.before
    assert (tmp_path / "seen").read_text() == ""
    assert not (tmp_path / "sent" / "ran").exists()
    errors = {}
    for cell in cells:
        for output in cell.outputs:
            assert SECRET not in repr(output)
            assert "\x1b]" not in repr(dict(output)).replace("\\x1b", "\x1b")
            if output.output_type == "error":
                errors[cell.source] = (output.ename, len(output.traceback))
    assert {lines for name, lines in errors.values() if name != "ZeroDivisionError"} == {1}
    # What a reader wants of such a folder works: the recorded answer, shown as text.
    assert not {CELLS[1], CELLS[2], CELLS[3]} & errors.keys()


def test_its_archive_is_refused(tmp_path: Path, home: Home) -> None:
    """One line, and nothing is unpacked."""
    send(tmp_path / "sent", home)
    with pytest.raises(InputError, match="unexpected name"):
        check(tmp_path / "sent" / "sent.zip")
    assert home.state() == home.before
    assert not Path("/tmp/attacked").exists()
