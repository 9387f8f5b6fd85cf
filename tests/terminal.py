"""A real terminal IPython in a pseudo-terminal, seen as a person sees it: the screen, colours left out.

with Terminal(tmp_path) as terminal:
    assert terminal.run("print('hello')") == "hello"
    assert terminal.run("%%wcode\\nWhat is 2 + 2?").endswith("4")
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect  # type: ignore[import-untyped]
import pyte

from .environment import isolated

__all__ = ["Terminal"]

_COLUMNS, _LINES = 120, 200  # so tall that nothing scrolls away
_CONTINUATION = "   ...:"
_META_ENTER = "\x1b\r"  # runs the cell, complete or not


class Terminal:
    """IPython of this Python at a terminal of 120 columns and 200 lines."""

    def __init__(self, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.cwd = cwd
        self.env = dict(env or {})
        self.raw = b""
        """Everything IPython wrote, control sequences included."""

    def __enter__(self) -> Self:
        self._private = tempfile.TemporaryDirectory(prefix="terminal-")
        self._screen = pyte.Screen(_COLUMNS, _LINES)
        self._stream = pyte.ByteStream(self._screen)
        options = ["--no-banner", "--no-confirm-exit", "--HistoryManager.enabled=False"]
        self._process = pexpect.spawn(
            sys.executable,
            ["-m", "IPython", *options],
            cwd=str(self.cwd),
            env=isolated(Path(self._private.name)) | {"TERM": "xterm-256color"} | self.env,
            dimensions=(_LINES, _COLUMNS),
        )
        # Answers IPython's question where the cursor is.
        self._screen.write_process_input = self._process.send  # type: ignore[method-assign]
        self._count = 1
        """Number of the cell that is next, or running."""
        self._wait_for_prompt(60)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.close(force=True)
        self._private.cleanup()

    @property
    def screen(self) -> str:
        """All that is on the screen."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def start(self, code: str) -> None:
        """Pastes a cell and runs it, without waiting for its end."""
        self._process.send(f"\x1b[200~{code}\x1b[201~{_META_ENTER}")

    def finish(self, timeout_s: float = 30) -> str:
        """Waits for the end of the cell that was started; gives what the screen shows of its output."""
        self._count += 1
        self._wait_for_prompt(timeout_s)
        lines = self.screen.splitlines()
        first = lines.index(next(line for line in lines if line.startswith(f"In [{self._count - 1}]:")))
        return "\n".join(line for line in lines[first + 1 : -1] if not line.startswith(_CONTINUATION)).strip()

    def run(self, code: str, timeout_s: float = 30) -> str:
        """Runs a cell to its end; gives what the screen shows of its output."""
        self.start(code)
        return self.finish(timeout_s)

    def clear(self) -> None:
        """Presses Ctrl-L at the prompt: an empty screen again, for modules that run many cells in one terminal."""
        self._process.send("\x0c")
        self.wait_for(lambda screen: screen == f"In [{self._count}]:")

    def answer(self, text: str) -> None:
        """Types an answer to a question of the running cell."""
        self._process.send(text + "\r")

    def interrupt(self) -> None:
        """Presses Ctrl-C."""
        self._process.sendintr()

    def wait_for(self, wanted: Callable[[str], object], timeout_s: float = 30) -> str:
        """The screen as soon as it is `wanted`.

        Raises: TimeoutError.
        """
        end = time.monotonic() + timeout_s
        while not wanted(self.screen):
            if time.monotonic() > end:
                raise TimeoutError(f"the screen shows\n{self.screen}")
            with suppress(pexpect.TIMEOUT):
                piece = self._process.read_nonblocking(1 << 16, timeout=0.1)
                self.raw += piece
                self._stream.feed(piece)
        return self.screen

    def _wait_for_prompt(self, timeout_s: float) -> None:
        self.wait_for(lambda screen: screen.splitlines()[-1:] == [f"In [{self._count}]:"], timeout_s)
