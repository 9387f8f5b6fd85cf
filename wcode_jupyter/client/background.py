"""Answers that stream on while other cells run, each carried by a thread of its own.

They are sent, recorded, logged and counted as all others; an interrupt of the kernel, which is meant for the cell that
runs, does not touch them. At the end of the program they are stopped, and what arrived is kept.
"""

from __future__ import annotations

import atexit
import contextvars
import threading
import time
from collections.abc import Callable

from ..errors import InputError, WcodeError
from ..event_loop import Stream
from ..language import _
from ..reply import PendingReply, Reply
from ..request.parameters import did_you_mean

__all__ = ["Background", "BackgroundAnswer"]

# How long the end of the program waits for answers that were stopped.
_ENDING_S = 2.0

Carry = Callable[["BackgroundAnswer"], tuple[Reply, WcodeError | None]]


class BackgroundAnswer:
    """One answer under way. `stream` is the one that is read now: where the answer must fit a schema, the last try."""

    def __init__(self, name: str, stream: Stream) -> None:
        self.name = name
        self.stream = stream
        self.started_at = time.monotonic()
        self.stopped = False
        self.pending = PendingReply(stream.snapshot().model, so_far=lambda: self.stream.snapshot(), stop=self.stop)
        """What the notebook's variable holds."""

    def stop(self) -> None:
        """Ends the answer and returns at once; what arrived is kept."""
        self.stopped = True
        self.stream.cancel()

    def follow(self, stream: Stream) -> Stream:
        """Reads `stream` from now on, which is stopped at once where the answer was."""
        self.stream = stream
        if self.stopped:
            stream.cancel()
        return stream


class Background:
    """The answers of one client that are under way in the background."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._running: dict[BackgroundAnswer, threading.Thread] = {}

    def answer(self, name: str, stream: Stream) -> BackgroundAnswer:
        """The answer that `stream` brings; called by its number where it has no `name`."""
        with self._lock:
            if not self._count:
                atexit.register(self.close)
            self._count += 1
            return BackgroundAnswer(name or str(self._count), stream)

    def carry(self, answer: BackgroundAnswer, carry: Carry, on_end: Callable[[], None]) -> None:
        """Runs `carry`, which reads the stream and shows the answer, on a thread, and returns at once.

        `on_end` is called there once the answer is settled.
        """
        # With the language and the cell of the caller.
        run = contextvars.copy_context().run
        thread = threading.Thread(
            target=run, args=(self._carry, answer, carry, on_end), name="wcode-background", daemon=True
        )
        with self._lock:
            self._running[answer] = thread
        try:
            thread.start()
        except RuntimeError:
            # Without threads the answer, a recorded one, is there when this returns.
            run(self._carry, answer, carry, on_end)

    def _carry(self, answer: BackgroundAnswer, carry: Carry, on_end: Callable[[], None]) -> None:
        try:
            answer.pending.settle(*carry(answer))
        except BaseException:
            # A fault in showing it: nobody may wait for ever.
            answer.pending.settle(answer.stream.interrupt(), answer.stream.error)
            raise
        finally:
            with self._lock:
                self._running.pop(answer, None)
            on_end()

    def running(self) -> list[BackgroundAnswer]:
        """The answers under way, oldest first; may be empty."""
        with self._lock:
            return list(self._running)

    def stop(self, name: str = "") -> list[BackgroundAnswer]:
        """Stops the answers called `name`, all without a name, and gives them. Raises InputError: there is none."""
        running = self.running()
        chosen = [answer for answer in running if not name or answer.name == name]
        if name and not chosen:
            hint = did_you_mean(name, [answer.name for answer in running]) or _("%wcode running lists them.")
            raise InputError(_("No answer called {name} is running").format(name=name), hint=hint)
        for answer in chosen:
            answer.stop()
        return chosen

    def close(self) -> None:
        """Stops all and waits for them a moment, so that what arrived is logged. May be called twice."""
        with self._lock:
            threads = list(self._running.items())
        ends_at = time.monotonic() + _ENDING_S
        for answer, _thread in threads:
            answer.stop()
        for _answer, thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, ends_at - time.monotonic()))
        atexit.unregister(self.close)
