"""The thread and its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from .. import threads
from ..errors import DeadlineError, InputError
from ..in_place import InPlaceLoop
from ..language import _
from ..reply import Reply
from ..reply.events import Event
from ..reply.reply_builder import ReplyBuilder
from .stream import Stream
from .task import StreamTask, portable, slice_s

__all__ = ["EventLoop"]

T = TypeVar("T")

# How long the end waits for what was cancelled.
_ENDING_S = 2.0


class EventLoop:
    """One event loop in one daemon thread, started at the first use. Ends with `close`, or with the program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = os.getpid()
        self._close: Callable[[], object] = lambda: None
        self._closed = False

    def start(
        self,
        source: AsyncIterator[list[Event]],
        builder: ReplyBuilder,
        *,
        on_end: Callable[[Reply], Reply] | None = None,
    ) -> Stream:
        """Runs `source` and gives its events as a Stream.

        `on_end` is called once, by the consumer, with the Reply that ended the stream; what it returns takes its place.
        Raises InputError after `close`, in a forked process, or where there are no threads.
        """
        loop = self._running()
        if isinstance(loop, InPlaceLoop):
            raise threads.missing()
        run = StreamTask(loop)
        loop.call_soon_threadsafe(run.start, source)
        return Stream(builder, run=run, on_end=on_end, owner=self)

    def submit(self, coroutine: Coroutine[object, object, T]) -> Future[T]:
        """Runs `coroutine` on the event loop's thread in the background. Raises InputError as `run` does."""
        try:
            loop = self._running()
        except InputError:
            coroutine.close()
            raise
        if isinstance(loop, InPlaceLoop):
            return loop.carry(coroutine)
        return asyncio.run_coroutine_threadsafe(coroutine, loop)

    def run(self, coroutine: Coroutine[object, object, T], timeout_s: float | None = None) -> T:
        """Runs `coroutine` on the event loop's thread and waits for its result.

        Raises what it raises, DeadlineError after `timeout_s`, InputError after `close` or in a forked process.
        """
        future = self.submit(coroutine)
        try:
            finished = _wait(future, timeout_s)
        except BaseException:
            future.cancel()
            raise
        if not finished:
            future.cancel()
            raise DeadlineError(_("Not finished within {seconds:g} s").format(seconds=timeout_s))
        if future.cancelled():
            raise InputError(_("This client was closed"), hint=_("Create a new Client."))
        if error := future.exception():
            raise portable(error)
        return future.result()

    def warm(self, function: Callable[[], object]) -> None:
        """Runs `function` on the event loop's thread in the background; whatever it raises is dropped."""

        def quietly() -> None:
            with contextlib.suppress(Exception):
                function()

        loop = self._running()
        if not isinstance(loop, InPlaceLoop):
            loop.call_soon_threadsafe(quietly)

    @property
    def closed(self) -> bool:
        """Whether it starts nothing any more."""
        return self._closed

    def cancel(self) -> None:
        """Cancels all that runs and waits until it has ended. Raises DeadlineError, InputError after `close`."""
        self.run(_cancel_others(), _ENDING_S)

    def close(self) -> None:
        """Cancels what runs and ends the thread; a closed event loop starts nothing any more. May be called twice."""
        with self._lock:
            self._closed = True
        self._close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if os.getpid() != self._pid:
                raise InputError(
                    _(
                        "This process was forked from one that uses a Client; connections cannot be shared across "
                        "a fork"
                    ),
                    hint=_("Create a new Client in the forked process."),
                )
            if self._closed:
                raise InputError(_("This client was closed"), hint=_("Create a new Client."))
            if self._loop is None and not threads.are_there():
                self._loop = InPlaceLoop()
                self._close = weakref.finalize(self, self._loop.close)
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run_loop, args=(self._loop,), name="wcode-event-loop", daemon=True)
                thread.start()
                # Not a bound method: an event loop that nobody holds any more must end, and so must one at exit.
                self._close = weakref.finalize(self, _stop_loop, self._loop, thread, self._pid)
            return self._loop


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _stop_loop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    # The loop of a forked process is a copy that shares the parent's file descriptors: leave it alone.
    if os.getpid() == pid and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(_ENDING_S)


def _wait(future: Future[Any], timeout_s: float | None) -> bool:
    """Whether `future` was done in time. KeyboardInterrupt comes through within a slice."""
    done = threading.Event()
    future.add_done_callback(lambda _future: done.set())
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    while not done.wait(slice_s(ends_at)):
        if ends_at is not None and time.monotonic() >= ends_at:
            return False
    return True
