"""Check of a package: its notebook runs strictly from the recorded answers in a clean kernel and gives its outputs.

The notebook's own code runs, with the user's rights; our transport stays closed. The caller asks for trust first.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from .. import extras
from ..errors import InputError, one_line
from ..language import _
from .archive import unpack
from .package import ASKING, STUDY

__all__ = ["Verdict", "check", "outputs_of"]

_TIMEOUT_S = 600
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT", "TEMP", "TMP", "XDG_CACHE_HOME")
_IGNORED = {"nbval-ignore-output", "nbval-skip"}


class Verdict(Struct, frozen=True):
    """What a check found: one line, and whether it is a yes."""

    good: bool
    line: str


class _Contents(Struct, frozen=True):
    wcode_study: int
    notebook: str | None = None
    answers: tuple[str, ...] = ()
    settings: dict[str, str] = {}
    language: str = ""


def check(path: Path) -> Verdict:
    """Unpacks the package, runs its notebook in a clean kernel and compares outputs. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="wcode-check-") as name:
        folder, home = Path(name, "study"), Path(name, "home")
        folder.mkdir()
        home.mkdir()
        unpack(path, folder)
        contents = _contents(path, folder)
        if contents.notebook is None:
            return Verdict(True, _("yes: {path} is complete; it contains no notebook to run").format(path=path.name))
        return _run(folder, home, contents)


def _contents(path: Path, folder: Path) -> _Contents:
    try:
        found = msgspec.json.decode((folder / STUDY).read_bytes(), type=_Contents)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise InputError(
            _("{path} is not the package of a study: {error}").format(path=path.name, error=error)
        ) from None
    for name in (found.notebook, *found.answers):
        if name is not None and not (folder / Path(name).name).is_file():
            raise InputError(_("{path} does not contain {name}").format(path=path.name, name=name))
    return found


def _run(folder: Path, home: Path, contents: _Contents) -> Verdict:
    nbformat = extras.load("nbformat", extra="lab")
    nbclient = extras.load("nbclient", extra="lab")
    name = Path(contents.notebook or "").name
    try:
        notebook = nbformat.read(folder / name, as_version=4)
        saved = [outputs_of(cell) for cell in notebook.cells]
    except Exception as error:
        # Its reader raises whatever the content makes it raise.
        raise InputError(
            _("{path} is not a notebook: {error}").format(path=name, error=one_line(str(error), 200))
        ) from None
    client = nbclient.NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=_TIMEOUT_S,
        allow_errors=True,
        coalesce_streams=True,
        skip_cells_with_tag="nbval-skip",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=_environment(home, contents))
    count = 0
    for number, (cell, before) in enumerate(zip(notebook.cells, saved, strict=True), 1):
        if cell.cell_type != "code" or _IGNORED & set(cell.metadata.get("tags", ())):
            continue
        count += 1
        if (now := outputs_of(cell)) != before:
            what = _("no: the output of cell {number} of {notebook} differs from the saved one: {source}")
            errors = [f" ({one_line(': '.join(part), 200)})" for part in now if isinstance(part, tuple)]
            line = what.format(number=number, notebook=name, source=repr(cell.source[:60])) + "".join(errors)
            return Verdict(False, line)
    return Verdict(
        True, _("yes: {count} cells of {notebook} give their saved outputs").format(count=count, notebook=name)
    )


def _environment(home: Path, contents: _Contents) -> Mapping[str, str]:
    """A clean environment, in which strict replay cannot be loosened."""
    replays = [name for name in contents.answers if not name.endswith(".run.jsonl") and ".labels." not in name]
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **{name: text for name, text in contents.settings.items() if name in {row.environment for row in ASKING}},
        "WCODE_REPLAY": "replay",
        "WCODE_LANG": contents.language or os.environ.get("WCODE_LANG", "en"),
        **({"WCODE_REPLAY_FILE": replays[0]} if replays else {}),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_STATE_HOME": str(home / "state"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }


def outputs_of(cell: Any) -> list[Any]:
    """What of a cell's outputs must be equal: streams joined by name, data by type, errors; counts and metadata not."""
    streams: dict[str, str] = {}
    found: list[object] = []
    for output in cell.get("outputs", ()):
        if output.output_type == "stream":
            streams[output.name] = streams.get(output.name, "") + output.text
        elif output.output_type == "error":
            found.append((output.ename, output.evalue))
        else:
            found.append(dict(output.data))
    return [streams, *found]
