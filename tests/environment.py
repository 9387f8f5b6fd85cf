"""The environment of every test: nothing of the developer's own settings, key, proxy, keyring or Jupyter folders."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

__all__ = ["ROOT", "installed", "isolated", "require"]

ROOT = Path(__file__).resolve().parents[1]
"""The clone."""

_LANGUAGE = ("LANGUAGE", "LC_ALL", "LC_MESSAGES")
_WINDOW = ("COLUMNS", "LINES")
"""The size of the window, which a terminal of a test has its own of (pytest's workers carry them)."""


def isolated(directory: Path) -> dict[str, str]:
    """`os.environ` without anything personal, all Jupyter and settings folders below `directory`.

    The user's cache stays: the model file of the embedded model lives there and is fetched once.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WCODE_", "JUPYTER", "IPYTHON", "PYTEST_"))
        and not name.lower().endswith("_proxy")
        and name not in _LANGUAGE + _WINDOW
    }
    directory.mkdir(parents=True, exist_ok=True)  # IPython wants the parent of its folder
    return kept | {
        "LANG": "C.UTF-8",
        "IPYTHONDIR": str(directory / "ipython"),
        "JUPYTER_CONFIG_DIR": str(directory / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(directory / "jupyter-data"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "JUPYTER_RUNTIME_DIR": str(directory / "jupyter-runtime"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "XDG_CONFIG_HOME": str(directory / "config"),
        "XDG_DATA_HOME": str(directory / "data"),
        "XDG_STATE_HOME": str(directory / "state"),
    }


def require(found: object, reason: str) -> None:
    """Skips the test when `found` is falsy; in continuous integration (`CI` is set) it fails instead."""
    if found:
        return
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def installed() -> bool:
    """Whether these tests run in the environment that `.ci/test` made."""
    return Path(sys.prefix, "installed-test").is_file()
