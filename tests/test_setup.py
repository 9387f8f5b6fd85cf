"""The two commands of the README, and what they say when the machine is not ready."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from .environment import ROOT, installed, require

LAB, TEST = "bash .ci/lab", "bash .ci/test"


def run(command: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a set-up command with the programs in `path` found first."""
    env = os.environ | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} | environment
    return subprocess.run(
        command.split(), cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def program(folder: Path, name: str, script: str) -> None:
    """A stand-in for a program of the system."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A folder of stand-ins: package installation does nothing."""
    for name in ("apt-get", "sudo"):
        program(tmp_path, name, "exit 1")
    return tmp_path


def test_readme_shows_both_commands() -> None:
    """The README shows each of the two commands once, on a line of its own."""
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert [lines.count(LAB), lines.count(TEST)] == [1, 1]


@pytest.mark.parametrize("name", ["lab", "test", "run"])
def test_scripts_can_be_run(name: str) -> None:
    """The scripts are executable and free of syntax errors."""
    script = ROOT / ".ci" / name
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize("command", [LAB, TEST])
def test_old_python(command: str, system: Path) -> None:
    """A Python that is too old is named in one line, and nothing is made."""
    program(system, "python3.9", '[ "$1" = --version ] && echo "Python 3.9.1"; exit 1')
    done = run(command, system, PYTHON="python3.9", VENV=str(system / "venv"))
    assert done.returncode == 1
    assert done.stderr == (
        "error: Python 3.11 or newer is needed, and python3.9 is Python 3.9.1;"
        " install one and name it: PYTHON=/path/to/python3\n"
    )
    assert not (system / "venv").exists()


def test_no_venv_module(system: Path) -> None:
    """A Python without its venv module is told in one line, with the package to install."""
    program(system, "python3.11", f'case "$*" in *ensurepip*) exit 1 ;; esac; exec {sys.executable} "$@"')
    done = run(TEST, system, PYTHON="python3.11", VENV=str(system / "venv"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: python3.11 cannot make a virtual environment")
    assert done.stderr.count("\n") == 1
    assert "python3-venv" in done.stderr
    assert not (system / "venv").exists()


@pytest.mark.browser
@pytest.mark.skipif(sys.platform == "win32", reason="the set-up scripts are for bash")
def test_lab_command_opens_jupyterlab(tmp_path: Path) -> None:
    """The README's first command starts a JupyterLab that serves the starter notebook; arguments are passed on."""
    require(installed(), "not in the environment that the test command makes")
    options = ["--no-browser", "--ServerApp.port=0", "--IdentityProvider.token=t"]
    environment = os.environ | {"VENV": sys.prefix}
    with (tmp_path / "log").open("w+") as log:
        lab = subprocess.Popen(
            [*LAB.split(), *options], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            url = wait_for_url(tmp_path / "log", lab)
            with urllib.request.urlopen(f"{url}/api/status?token=t", timeout=10) as answer:
                assert answer.status == 200
        finally:
            lab.terminate()
            lab.wait(20)
    assert "notebooks/01_first_cell.ipynb" in (tmp_path / "log").read_text()


def wait_for_url(log: Path, server: subprocess.Popen[bytes], timeout_s: float = 60) -> str:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and server.poll() is None:
        if found := re.search(r"(http://127\.0\.0\.1:\d+)/lab", log.read_text()):
            return found[1]
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")


def test_exact_versions_are_allowed_ones() -> None:
    """Each pin of `.ci/constraints.txt` fits pyproject.toml, and each is one version."""
    pins = dict(
        line.split("==")
        for line in (ROOT / ".ci" / "constraints.txt").read_text("utf-8").splitlines()
        if line[0] != "#"
    )
    assert len(pins) > 150
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for line in [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]:
        wanted = Requirement(line)
        pin = pins.get(wanted.name.lower().replace("_", "-"))
        assert pin is None or wanted.specifier.contains(pin), line


def test_contents_of_distributions_are_judged(tmp_path: Path) -> None:
    """A wheel with a key file beside the package, and without its texts, is refused."""
    path = tmp_path / "wcode_jupyter-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in (
            "wcode_jupyter/__init__.py",
            "wcode_jupyter-1.dist-info/METADATA",
            "id.pem",
            "wcode_jupyter/a.pyc",
        ):
            archive.writestr(name, "")
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "contents.py", path], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    for fault in ("not expected: id.pem", "not expected: wcode_jupyter/a.pyc", "missing: wcode_jupyter/py.typed"):
        assert fault in done.stdout
