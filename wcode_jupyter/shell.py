"""The IPython shell: the members that we use, and whether a person sits in front of it.

IPython is never imported here: without it in the process there is no shell.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from types import FrameType
from typing import Protocol, TextIO

__all__ = [
    "DisplayPublisher",
    "Events",
    "History",
    "Shell",
    "can_ask",
    "current_shell",
    "is_captured",
    "is_value_shown",
    "is_watched",
]


class DisplayPublisher(Protocol):
    """Where outputs go."""

    def publish(
        self,
        data: Mapping[str, object],
        metadata: Mapping[str, object] | None = None,
        *,
        transient: Mapping[str, object] | None = None,
        update: bool = False,
    ) -> None:
        """Shows one output (MIME type -> content), or updates the one that `transient` names."""

    def clear_output(self, wait: bool = False) -> None:
        """Clears the cell's outputs, with `wait` when the next one comes."""


class Events(Protocol):
    """Callbacks of the shell."""

    callbacks: Mapping[str, Sequence[Callable[..., object]]]

    def register(self, event: str, function: Callable[..., object]) -> None:
        """Calls `function` at each `event`."""

    def unregister(self, event: str, function: Callable[..., object]) -> None:
        """Takes that back."""


class History(Protocol):
    """What was typed."""

    input_hist_raw: list[str]


class Shell(Protocol):
    """IPython's InteractiveShell, as far as this package uses it."""

    user_ns: MutableMapping[str, object]
    display_pub: DisplayPublisher
    events: Events
    history_manager: History

    def push(self, variables: Mapping[str, object]) -> None:
        """Binds variables of the notebook."""

    def check_complete(self, code: str) -> tuple[str, str]:
        """Whether `code` can be run: `complete`, `incomplete` or `invalid`, and the indentation of a next line."""

    def set_next_input(self, text: str, replace: bool = False) -> None:
        """Puts `text` into a new cell."""


def current_shell() -> Shell | None:
    """The running shell; None where there is no IPython."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def is_captured(shell: Shell | None) -> bool:
    """Whether `%%capture` or `capture_output` collects what is shown."""
    module = sys.modules.get("IPython.core.displaypub")
    return shell is not None and module is not None and isinstance(shell.display_pub, module.CapturingDisplayPublisher)


def can_ask(stream: TextIO | None = None) -> bool:
    """Whether a person can answer a question: not in a headless run of a notebook, nor where `stream` is a pipe.

    `stream` is the terminal that is read, standard input by default; a notebook's kernel knows by itself.
    """
    kernel = getattr(current_shell(), "kernel", None)
    if kernel is not None:
        # What a front end says of itself with each request: nbclient, papermill and nbconvert allow no input.
        return bool(getattr(kernel, "_allow_stdin", True))
    stream = stream or sys.stdin
    return stream is not None and stream.isatty()


def is_watched() -> bool:
    """Whether a person watches what is shown: a terminal, or a notebook that is neither headless nor captured."""
    return not is_captured(current_shell()) and can_ask(sys.stderr)


def is_value_shown() -> bool:
    """Whether the value of the running line magic goes straight to the display hook, as that of `%magic` alone on its
    line does, also below `%%time`; not that of `x = %magic`.

    IPython does not say so: the caller's next instruction does.
    """
    caller = _caller_of_magic(sys._getframe(1))
    while caller is not None:
        after = next(step for step in dis.get_instructions(caller.f_code) if step.offset > caller.f_lasti)
        if "PRINT" in f"{after.opname} {after.argrepr}":  # PRINT_EXPR; INTRINSIC_PRINT since Python 3.12
            return True
        if not (after.opname == "RETURN_VALUE" and caller.f_code.co_name == "<module>"):
            return False
        # An expression that another magic evaluates, and gives its value on.
        caller = _caller_of_magic(caller)
    return False


def _caller_of_magic(frame: FrameType | None) -> FrameType | None:
    while frame is not None and frame.f_code.co_name not in ("run_line_magic", "run_cell_magic"):
        frame = frame.f_back
    return None if frame is None else frame.f_back
