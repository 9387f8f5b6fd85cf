"""Location of the replay file: beside the notebook, as the user names it, or where it was left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..errors import ReplayError
from ..language import _
from ..session_name import session_name

__all__ = ["default_path", "hint", "named_path", "notebook_path", "of_renamed_notebook"]

_NOTEBOOK = ".ipynb"
_SUFFIX = ".replay.jsonl"
_LOOKED_AT = 500
"""Entries of a folder, so that a huge one costs no time."""


def default_path(notebook: str | None = None) -> Path:
    """The sidecar `<notebook>.replay.jsonl` beside the notebook, else `wcode-replay.jsonl` in the current folder.

    `notebook` is its path where the caller knows it (VS Code's `__vsc_ipynb_file__`); otherwise the one that Jupyter
    gives the kernel in JPY_SESSION_NAME. nbclient, nbval and papermill give none: name the file there.
    """
    path = notebook_path(notebook)
    return Path("wcode-replay.jsonl") if path is None else path.with_name(path.name.removesuffix(_NOTEBOOK) + _SUFFIX)


def notebook_path(notebook: str | None = None) -> Path | None:
    """The notebook's own file, as `default_path` knows it; None where nobody says."""
    name = notebook or session_name()
    stem, extension, _rest = name.partition(_NOTEBOOK)  # VS Code adds "-jvsc-…" to the name
    if not extension:
        return None
    path = Path(stem + _NOTEBOOK)
    # A server that maps folders may name one that is not here; the kernel starts in the notebook's folder.
    return path if path.parent.is_dir() else Path(path.name)


def named_path(name: str) -> Path:
    """The replay file that a user names; `~` is a home folder. Raises ReplayError: that is no file's name."""
    try:
        path = Path(name).expanduser()
    except RuntimeError as error:  # ~somebody, of whom nobody knows the home
        raise ReplayError(_("Replay file not found: {path}").format(path=name), hint=str(error)) from None
    if not path.name or "\0" in name:
        raise ReplayError(_("{name!r} is not a valid replay file name").format(name=name))
    return path


def of_renamed_notebook(path: Path) -> Path | None:
    """The replay file that the notebook of `path` had under an earlier name; None where `path` is there.

    It is the only replay file in the folder whose notebook is gone.
    """
    if not path.name.endswith(_SUFFIX) or path.exists() or not _notebook(path).is_file():
        return None
    left = [other for other in _replay_files(path.parent) if not _notebook(other).exists()]
    return left[0] if len(left) == 1 else None


def _notebook(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(_SUFFIX) + _NOTEBOOK)


def _replay_files(folder: Path) -> list[Path]:
    return sorted(path for path in _entries(folder) if path.name.endswith(_SUFFIX) and path.is_file())


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from islice(folder.iterdir(), _LOOKED_AT)
    except OSError:
        return


def hint(path: Path) -> str:
    """What to do where there is no `path`: the same name in a folder nearby, or another name in this one."""
    folder = path.parent
    above = folder.absolute().parent
    for other in (above, *_entries(folder), *_entries(above)):
        if (other / path.name).is_file():
            shown = ".." if other == above else os.path.relpath(other, folder)
            return _("It is in the folder {folder}. Run the notebook there, or use the path of the file.").format(
                folder=shown
            )
    if names := [other.name for other in _replay_files(folder)]:
        return _("The folder has {names}. If the notebook was renamed: %wcode replay replay {name}").format(
            names=", ".join(names[:3]) + ", …" * (len(names) > 3), name=names[0]
        )
    return _("Record one with %wcode replay record, or use another file name.")
