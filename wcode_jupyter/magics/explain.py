"""What went wrong in a cell, as text for a model: source, traceback and versions, and nothing else of this machine.

Keys of the session, values of the environment and of variables that look secret are withheld (see `cell_text`); paths
lose their folders; what still looks like a credential is refused. The texts are English whatever the user's language,
but for the wish in which language to answer.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import linecache
import platform
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import PurePath

from msgspec import Struct

from ..errors import InputError, WcodeError
from ..language import _
from ..shell import Shell
from ..store import credentials
from .cell_text import fenced, withhold

__all__ = ["Failed", "difference", "explain_prompt", "fix_prompt", "last_failure"]

_MOST_FRAMES = 20
_MOST_OF_GROUP = 5
_LONGEST_MESSAGE = 4000


class Failed(Struct, frozen=True):
    """An exception of the notebook. `cells` are the sources of the cells it passed through, the failing one first."""

    cells: tuple[str, ...]
    traceback: str
    versions: str

    @property
    def cell(self) -> str:
        """The cell with the failing line."""
        return self.cells[0]


def last_failure(shell: Shell, redact: Callable[[str], str]) -> Failed:
    """The last exception that the notebook showed. Raises InputError: none, one of our own, or it holds a credential.

    `redact` takes the session's keys out of a text.
    """
    error = getattr(sys, "last_value", None)
    if not isinstance(error, BaseException):
        raise InputError(_("No cell has failed yet"))
    if isinstance(error, WcodeError):
        if isinstance(error.about, Failed):
            return error.about
        ours = error.about if isinstance(error.about, WcodeError) else error
        refusal = InputError(_("The last error comes from wcode_jupyter itself: {error}").format(error=ours.what))
        refusal.about = ours
        raise refusal
    sources = _Cells(shell)
    lines = list(_error_lines(error, sources))
    if not sources.seen:
        raise InputError(_("The last error did not come from a cell"))

    def clean(text: str) -> str:
        return withhold(text, redact, shell.user_ns).text

    cells = tuple(clean(sources.source(name)) for name in reversed(sources.seen))
    failed = Failed(cells, clean("\n".join(lines)), _versions(error))
    if finding := credentials.find({"request": {"messages": [*cells, failed.traceback]}}):
        raise InputError(
            _("Not sent: the cell or its error seems to contain {kind}").format(kind=finding.kind),
            hint=_("Remove it from the notebook, or read it from the environment."),
        )
    return failed


class _Cells:
    """Which frames are cells, and their source as typed; `seen` are their file names, outermost first."""

    def __init__(self, shell: Shell) -> None:
        self._numbers: dict[str, int] = dict(getattr(getattr(shell, "compile", None), "_filename_map", {}))
        self._typed: list[str] = list(getattr(shell.history_manager, "input_hist_raw", []))
        self.seen: list[str] = []

    def label(self, name: str) -> str:
        """`a cell` for a cell that is noted now, empty for any other file."""
        if name not in self._numbers:
            return ""
        if name in self.seen:
            self.seen.remove(name)
        self.seen.append(name)
        return "notebook cell"

    def source(self, name: str) -> str:
        number = self._numbers[name]
        typed = self._typed[number] if 0 < number < len(self._typed) else ""
        return typed or "".join(linecache.getlines(name))


def _error_lines(error: BaseException, cells: _Cells) -> Iterator[str]:
    """The exception that caused it first, as Python shows them."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and before is not error:
        yield from _error_lines(before, cells)
        yield "which led to:"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_around(frame.filename)]
    shown = [_frame(frame, cells) for frame in frames]
    if len(shown) > _MOST_FRAMES:
        shown[3 : 3 - _MOST_FRAMES] = [f"  … {len(shown) - _MOST_FRAMES} frames left out …"]
    yield from shown
    if isinstance(error, SyntaxError) and error.filename:
        label = cells.label(error.filename) or PurePath(error.filename).name
        yield f"  {label}, line {error.lineno}: {(error.text or '').strip()}"
        yield f"{type(error).__name__}: {error.msg}"
    else:
        yield f"{type(error).__name__}: {error}"[:_LONGEST_MESSAGE]
    yield from (f"note: {note}"[:_LONGEST_MESSAGE] for note in getattr(error, "__notes__", ()))
    if isinstance(error, BaseExceptionGroup):
        for number, one in enumerate(error.exceptions[:_MOST_OF_GROUP], 1):
            yield f"exception {number} of {len(error.exceptions)}:"
            yield from _error_lines(one, cells)


def _is_around(file: str) -> bool:
    """Whether it is IPython's, which runs the cell: that says nothing."""
    return "IPython" in PurePath(file).parts


def _frame(frame: traceback.FrameSummary, cells: _Cells) -> str:
    place = cells.label(frame.filename) or _short_path(frame.filename)
    return f"  {place}, line {frame.lineno}, in {frame.name}: {(frame.line or '').strip()}"


def _short_path(file: str) -> str:
    """From the package on: folders above it name people and machines."""
    parts = PurePath(file).parts
    for folder in ("site-packages", "dist-packages", f"python{sys.version_info[0]}.{sys.version_info[1]}"):
        if folder in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(folder) :])
    return PurePath(file).name


def _versions(error: BaseException) -> str:
    """Python, IPython and the packages that the traceback passes through."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    packages = {PurePath(_short_path(file)).parts[0] for file in files if "site-packages" in file} - {"IPython"}
    homes = importlib.metadata.packages_distributions()
    known = [package for package in ["IPython", *sorted(packages)] if package in homes]
    versions = [f"{package} {importlib.metadata.version(homes[package][0])}" for package in known]
    return ", ".join([f"Python {platform.python_version()}", *versions])


def explain_prompt(failed: Failed) -> str:
    """Asks what went wrong."""
    return "\n\n".join(
        [
            "A cell of a Jupyter notebook failed. Explain briefly and in plain words what went wrong and where, and "
            "how to put it right.",
            *_facts(failed),
            _("Answer in English."),
        ]
    )


def fix_prompt(failed: Failed) -> str:
    """Asks for the corrected cell."""
    return "\n\n".join(
        [
            "A cell of a Jupyter notebook failed. Correct it with as few changes as possible.",
            *_facts(failed),
            "Give the whole corrected failing cell as one Python code block, and nothing else.",
        ]
    )


def _facts(failed: Failed) -> Iterator[str]:
    yield f"The failing cell:\n{fenced(failed.cell, 'python')}"
    for other in failed.cells[1:]:
        yield f"A cell that called it:\n{fenced(other, 'python')}"
    yield f"The error:\n{fenced(failed.traceback, 'text')}"
    yield f"Versions: {failed.versions}"


def difference(old: str, new: str) -> str:
    """A unified diff without file names; empty when nothing changes."""
    lines = difflib.unified_diff(old.rstrip().splitlines(), new.rstrip().splitlines(), lineterm="", n=3)
    return "\n".join(list(lines)[2:])
