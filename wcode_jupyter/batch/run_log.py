"""The answers of a run on their way into the user's log: many at a time, by a thread of its own.

The log says with each batch how far in the run file it is. A process that is killed takes the last batch with it; the
run that continues the file adds it from there, so no call is missing and none is there twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from .. import threads
from ..reply import Reply
from ..session import Call
from ..session.keeping import Keeper
from ..store import RunMark
from .runfile import RunFile

__all__ = ["RunLog", "name_of"]

_MOST = 500
"""Answers of one batch."""
_EVERY_S = 2.0
"""Seconds until a smaller one goes."""


class RunLog:
    """The log of one run, used on one event loop. `name` is that of its run file; None: nothing is to be continued."""

    def __init__(self, keeper: Keeper, call: Call, name: str | None) -> None:
        self._keeper = keeper
        self._call = call
        self._name = name
        self._thread = threads.executor("wcode-run-log")
        self._waiting: list[Reply] = []
        self._position = 0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, file: RunFile) -> None:
        """Marks where the run begins, after what a killed one has left in `file` beyond its own mark."""
        self._position = file.end
        if self._call.log and self._name is not None:
            self._thread.submit(self._complete, file, self._name, file.end)

    def _complete(self, file: RunFile, name: str, end: int) -> None:
        position = self._keeper.log_position(name)
        lines = [] if position is None or position > end else file.lines_between(position, end)
        asked = (reply for line in lines if not line.borrowed for reply in line.answers)
        found = [reply for reply in asked if reply.asked_at]
        self._keeper.log_all(found, self._call, RunMark(name, end))

    def add(self, replies: Iterable[Reply], position: int | None = None) -> None:
        """Logs `replies` soon; `position`: where their line ends in the run file."""
        self._position = position or self._position
        if not self._call.log:
            return
        self._waiting += replies
        if len(self._waiting) >= _MOST:
            self._submit()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._submit)

    def _submit(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        replies, self._waiting = self._waiting, []
        mark = None if self._name is None else RunMark(self._name, self._position)
        self._thread.submit(self._keeper.log_all, replies, self._call, mark)

    async def catch_up(self) -> None:
        """Waits until all that was submitted is in the log: recorded answers come faster than it writes."""
        await asyncio.get_running_loop().run_in_executor(self._thread, bool)

    async def close(self) -> None:
        """Logs the rest; the run has ended, and nothing is left to be continued."""
        if self._timer is not None:
            self._timer.cancel()
        if self._call.log:
            mark = None if self._name is None else RunMark(self._name, None)
            self._thread.submit(self._keeper.log_all, self._waiting, self._call, mark)
        await asyncio.to_thread(self._thread.shutdown)


def name_of(file: RunFile, fingerprint: str) -> str | None:
    """What the log calls the run of `file`; None for a temporary one, which no run continues."""
    return None if file.temporary else f"{file.path.resolve()}#{fingerprint}#{file.generation}"
