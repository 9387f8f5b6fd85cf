"""The engine's process as its parent sees it: started, ready, ended.

The key is in the child's environment, not on its command line; the address comes back over a pipe; the child's own
words go to a nameless temporary file, of which errors quote the telling line.
"""

from __future__ import annotations

import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from .. import typed
from ..errors import LocalModelError, one_line
from ..keys import Secret
from ..language import N_, _
from ..request.messages import LOCAL
from .fetch import environment
from .progress import FetchProgress

__all__ = ["EngineProcess", "Launch"]

START_LIMIT_S = 120.0
"""A large file of the user's own on a slow disk takes a minute; the demo model takes one second."""

_QUIET_S = 5.0  # a bar for every start would litter saved notebooks
_END_LIMIT_S = 2.0
_PARALLEL = 4
# Both 0 elsewhere: a session of its own, where there are sessions, keeps the kernel's interrupt away.
_FLAGS = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)

_CHECK_FILE = N_("Check the model file, or start the demo model: %wcode local stop, then start.")
_CHECK_ENGINE = N_("Try another release of the server program: pip install --upgrade xllamacpp.")


class Launch(Struct, frozen=True):
    """What to run: the user's own model file (None: the demo model), context in tokens, threads."""

    gguf: Path | None
    n_ctx: int
    threads: int


class _Report(Struct):
    address: str = ""
    error: str = ""


class EngineProcess:
    """A running engine. Made by starting it: raises LocalModelError. `progress` shows a start that takes long."""

    def __init__(self, model: Path, launch: Launch, progress: Callable[[str], FetchProgress]) -> None:
        self.key = Secret(secrets.token_urlsafe(32))
        self._model = model
        self._launch = launch
        self._owner = os.getpid()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self._process = self._spawn()
            self.address = self._ready(progress)
        except BaseException:
            if hasattr(self, "_process"):
                self._process.kill()  # one that still loads its model would not look at its standard input
            self.end()
            raise

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """Ends it and frees its port; harmless when it has ended, and in a process forked from its owner."""
        process = getattr(self, "_process", None)
        if os.getpid() != self._owner:
            return
        if process is not None:
            _end(process)
        self._log.close()

    def last_words(self) -> str:
        """Why it ended: what it said, else its exit code; one line without the model's folder. Once it has ended."""
        self._log.seek(0)
        lines = [line for line in self._log.read().decode(errors="replace").splitlines() if line.strip()]
        # The engine names the cause first and then, line after line, what follows from it.
        causes = [line.split(" E ", 1)[1] for line in lines if " E " in line] or lines[-1:]
        return self._nameless(causes[0]) if causes else _("exit code {code}").format(code=self._process.wait())

    def _nameless(self, text: str) -> str:
        return one_line(text.replace(str(self._model), self._model.name))

    def _spawn(self) -> subprocess.Popen[bytes]:
        # As a script: the package need not be on the child's import path, and the notebook's folder, which may hold a
        # random.py of its own, is not on it. -P: this folder is not either.
        command = [sys.executable, "-P", str(Path(__file__).with_name("server.py")), str(self._model)]
        command += [f"--alias={LOCAL}", f"--parallel={_PARALLEL}"]
        command += [f"--n-ctx={self._launch.n_ctx}", f"--threads={self._launch.threads}"]
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                # Spinning threads make the engine ten times slower on a busy machine.
                env=environment(WCODE_LOCAL_KEY=self.key.reveal(), GOMP_SPINCOUNT="0"),
                start_new_session=True,
                creationflags=_FLAGS,
            )
        except OSError as error:
            reason = error.strerror
        # Outside the handler, so that no frame with the child's environment hangs on to this error.
        raise LocalModelError(_("Cannot start the local model: {reason}").format(reason=reason))

    def _ready(self, progress: Callable[[str], FetchProgress]) -> str:
        """The server's address, once the model is loaded."""
        lines = _first_line(self._process)
        line = _within(_QUIET_S, lines)
        if line is None:
            with closing(progress(_("starting the local model"))) as shown:
                line = _within(START_LIMIT_S - _QUIET_S, lines, lambda: shown.update(0.0))
        if line is None:
            what = _("Timed out after {limit:.0f} s waiting for the local model").format(limit=START_LIMIT_S)
            raise LocalModelError(what, hint=_("Try again when the machine is less busy, or use a smaller model."))
        report = typed.decode(line, _Report) if line else _Report()
        if report.address:
            return report.address
        raise self._failure(report.error)

    def _failure(self, error: str) -> LocalModelError:
        """The error for a child that ended before it was ready; `error` is its own report, empty if it had no time."""
        if "libgomp" in error:
            what = _("The server program of the local model needs the system library libgomp1")
            return LocalModelError(what, hint=_("Install it: apt-get install libgomp1."))
        if error.startswith("ImportError"):
            return LocalModelError(
                _("Cannot load the server program of the local model: {reason}").format(reason=self._nameless(error)),
                hint=_('Install it again: pip install --force-reinstall "wcode_jupyter[local]".'),
            )
        self._process.wait()
        return LocalModelError(
            _("Cannot start the local model: {reason}").format(reason=self.last_words()),
            hint=_(_CHECK_FILE if self._launch.gguf else _CHECK_ENGINE),
        )


def _first_line(process: subprocess.Popen[bytes]) -> queue.SimpleQueue[bytes]:
    """Where the child's report will be: one line, empty when it ends without a report."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # A thread, because a pipe cannot be waited for with a limit everywhere.
    threading.Thread(target=lambda out: lines.put(out.readline()), args=(process.stdout,), daemon=True).start()
    return lines


def _within(limit_s: float, lines: queue.SimpleQueue[bytes], tick: Callable[[], None] = lambda: None) -> bytes | None:
    """The line, if it comes within the limit; `tick` is called ten times a second."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with suppress(queue.Empty):
            return lines.get(timeout=0.1)
        tick()
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
