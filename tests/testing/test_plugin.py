"""The fixture `wcode_stand_in`: there without an import, light at pytest's start, and gone without a trace."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.environment import ROOT

TEST = """
import os, sys
from wcode_jupyter import Client

def my_summary(text):
    with Client() as client:
        return client.ask(f"Summarise: {text}").text

def test_it(wcode_stand_in):
    wcode_stand_in.script("A short summary.")
    assert my_summary("long text") == "A short summary."
    assert "long text" in wcode_stand_in.requests[0].prompt

def test_it_is_gone():
    assert "WCODE_BASE_URL" not in os.environ
"""

HEAVY = "('httpx', 'IPython', 'ipywidgets', 'msgspec', 'http.server', 'wcode_jupyter.testing.stand_in')"


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """pytest in `folder`, where the package is installed as far as its entry points go."""
    entry_points = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["pytest11"]
    info = folder / "site" / "wcode_jupyter-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wcode_jupyter\nVersion: 0\n")
    lines = [f"{name} = {target}\n" for name, target in entry_points.items()]
    (info / "entry_points.txt").write_text("[pytest11]\n" + "".join(lines))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)])}
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    command = [sys.executable, "-W", "error", "-m", "pytest", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_users_test_gets_it_without_an_import(tmp_path: Path) -> None:
    """By the package's entry point; the code under test needs no change, and afterwards nothing is set."""
    (tmp_path / "test_theirs.py").write_text(TEST)
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_pytest_loads_nothing_heavy_for_it(tmp_path: Path) -> None:
    """Neither the server nor what it needs is there before a test asks for the fixture."""
    (tmp_path / "test_theirs.py").write_text(
        f"import sys\ndef test_light():\n    assert 'wcode_jupyter.testing.plugin' in sys.modules\n"
        f"    assert not [name for name in {HEAVY} if name in sys.modules]\n"
    )
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_writes_nothing_into_the_users_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of calls, which other work fills, stays as it is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / "test_theirs.py").write_text(TEST)
    assert run(tmp_path).returncode == 0
    assert not [path for path in (*tmp_path.glob("state/**/*"), *tmp_path.glob("data/**/*")) if path.is_file()]
