"""One source being read on the event loop's thread: its task, its mailbox, and errors made fit to cross threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import PurePath
from typing import NamedTuple

from ..errors import WcodeError, one_line
from ..language import _
from ..reply.events import Event

__all__ = ["End", "Mailbox", "StreamTask", "portable", "slice_s"]

# A wait on a lock cannot be interrupted on Windows: wait in slices.
_SLICE_S = 0.1


def slice_s(ends_at: float | None) -> float:
    """How long to wait now for something due until `ends_at` (monotonic seconds, None: for ever)."""
    return _SLICE_S if ends_at is None else max(0.0, min(_SLICE_S, ends_at - time.monotonic()))


class End(NamedTuple):
    """The last item of a mailbox: the source is through, by itself, with an error, or cancelled."""

    error: WcodeError | None
    cancelled: bool


class Mailbox:
    """What has arrived and was not consumed yet: events with their arrival time, and at last an End.

    Items are appended by the event loop's thread and taken one by one by the consumer: an interrupt at any point of the
    consumer loses nothing that is still in the box.
    """

    def __init__(self) -> None:
        self.items: deque[tuple[float, Event | End]] = deque()
        self._changed = threading.Condition()
        self._wakers: list[Callable[[], object]] = []
        self._closed = False

    def put(self, items: list[tuple[float, Event | End]]) -> None:
        """Appends `items`."""
        with self._changed:
            self.items.extend(items)
            self._wake()

    def close(self) -> None:
        """Ends every wait, now and later: nothing more is to be waited for."""
        with self._changed:
            self._closed = True
            self._wake()

    def _wake(self) -> None:
        self._changed.notify_all()
        wakers, self._wakers = self._wakers, []
        for waker in wakers:
            # The loop of an async consumer may be closed by now.
            with contextlib.suppress(RuntimeError):
                waker()

    def wait(self, timeout_s: float) -> None:
        """Waits until something arrives, at most `timeout_s`."""
        with self._changed:
            if not self.items and not self._closed:
                self._changed.wait(timeout_s)

    async def wait_async(self) -> None:
        """The same for a task of any event loop, without a limit."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        with self._changed:
            if self.items or self._closed:
                return
            self._wakers.append(lambda: loop.call_soon_threadsafe(wake))
        await woken


class StreamTask:
    """One source being read on the event loop's thread. It does not know its Stream, which may be dropped any time."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.mailbox = Mailbox()
        self.ended = threading.Event()
        self.started_at = time.perf_counter()
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._pid = os.getpid()

    def start(self, source: AsyncIterator[list[Event]]) -> None:
        """On the event loop's thread."""
        assert self._loop is not None
        self._task = self._loop.create_task(self._read(source))
        self._task.add_done_callback(self._end)

    async def _read(self, source: AsyncIterator[list[Event]]) -> None:
        # A source that is cancelled or fails is closed by that: nothing else is awaited here.
        async for batch in source:
            at = time.perf_counter() - self.started_at
            self.mailbox.put([(at, event) for event in batch])

    def _end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        end = End(None if error is None else portable(error), task.cancelled())
        # The task holds the traceback of its exception, and with it the frames of the transport.
        self._task = None
        self.ended.set()
        self.mailbox.put([(time.perf_counter() - self.started_at, end)])

    def cancel(self) -> None:
        """From any thread; returns at once."""
        if self._loop is not None and not self.ended.is_set() and os.getpid() == self._pid:
            # RuntimeError: the loop is closed, and with it everything that ran on it.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # Once: a second time would cancel the closing of the connection.
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()


def portable(error: BaseException) -> WcodeError:
    """`error` fit to cross threads: of our tree, without frames and without what it was raised from."""
    portable = error if isinstance(error, WcodeError) else _bug(error)
    portable.__cause__ = portable.__context__ = None
    return portable.with_traceback(None)


def _bug(error: BaseException) -> WcodeError:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return WcodeError(
        _("Unexpected {error}{where}").format(error=one_line(repr(error)), where=where),
        hint=_("This is a bug in wcode_jupyter, please report it."),
    )
