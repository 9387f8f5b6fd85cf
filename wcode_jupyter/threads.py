"""Threads where there are any. A kernel inside a browser page has none, and what is recorded must replay there."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

from .errors import InputError
from .in_place import InPlace
from .language import _

__all__ = ["are_there", "executor", "missing", "run_all", "start_later"]


def are_there() -> bool:
    """Whether a thread can be started. Tried each time: a machine may be out of threads for a moment."""
    try:
        threading.Thread(target=bool, name="wcode-try", daemon=True).start()
    except RuntimeError:
        return False
    return True


def missing() -> InputError:
    """The error of what sends a request where there are no threads."""
    return InputError(
        _("Cannot send requests: this kernel cannot start threads"),
        hint=_("Recorded answers are replayed here. To send requests, use a Python kernel outside the browser."),
    )


def executor(name: str) -> Executor:
    """One thread for one thing after another; without threads each runs at once."""
    return ThreadPoolExecutor(1, thread_name_prefix=name) if are_there() else InPlace()


def start_later(seconds: float, function: Callable[[], object]) -> threading.Timer | None:
    """A started daemon timer; None without threads: `function` has run."""
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError:
        function()
        return None
    return timer


def run_all(functions: Sequence[Callable[[], object]], name: str) -> None:
    """Runs all at the same time, each in a daemon thread, and waits; without threads one after another.

    An interrupt leaves the threads running: a thread cannot be stopped.
    """
    threads = [threading.Thread(target=function, name=name, daemon=True) for function in functions]
    begun: list[threading.Thread] = []
    with contextlib.suppress(RuntimeError):
        for thread in threads:
            thread.start()
            begun.append(thread)
    for function in functions[len(begun) :]:
        function()
    for thread in begun:
        while thread.is_alive():
            thread.join(0.1)
