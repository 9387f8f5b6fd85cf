"""A notebook's files belong to its kernel, not to the children of the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wcode_jupyter.session_name import session_name
from wcode_jupyter.store import default_path

_CHILD = "from wcode_jupyter.store import default_path; print(default_path())"


def test_a_child_process_has_no_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a script records that a notebook starts does not go into the files of the notebook."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "driver.ipynb"))
    monkeypatch.setenv("WCODE_SESSION_OWNER", "")
    assert default_path() == tmp_path / "driver.replay.jsonl"
    ran = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout == "wcode-replay.jsonl\n"


def test_a_kernel_that_a_notebook_starts_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Jupyter names another notebook to it: that one is its own, whatever it inherits."""
    monkeypatch.setenv("WCODE_SESSION_OWNER", "1 /elsewhere/driver.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "own.ipynb"))
    assert session_name() == str(tmp_path / "own.ipynb")
    assert session_name() == str(tmp_path / "own.ipynb")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_no_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that multiprocessing forks is a child as well."""
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "driver.ipynb"))
    monkeypatch.setenv("WCODE_SESSION_OWNER", "")
    code = (
        "import os; from wcode_jupyter.session_name import session_name as name; mine = name(); pid = os.fork()\n"
        "if not pid: os._exit(bool(name()))\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), mine.endswith('driver.ipynb'))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout == "0 True\n"
