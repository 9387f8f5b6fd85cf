"""How does it run: one event loop in one daemon thread reads the network; whoever asked consumes.

    source (events from the transport)  --engine's thread-->  mailbox  --consumer-->  ReplyBuilder  -->  Reply

The consumer folds the events, so a stalled server never delays it and a slow consumer never delays the network. It may
be the kernel's main thread (`get`, `for`), or a task of any event loop (`async for`). An interrupt cancels the task on
the engine's thread, which closes the connection at once; what had arrived is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import traceback
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import PurePath
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from . import errors
from .errors import (
    AnswerCut,
    AnswerError,
    AnswerInterrupted,
    DeadlineError,
    InputError,
    ServerError,
    ServerFault,
    WcodeError,
)
from .events import (
    Event,
    Extra,
    Finish,
    LogprobDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
)
from .language import _
from .messages import Request
from .reply import Ended, Fault, Reply, ReplyBuilder

__all__ = ["Engine", "Stream"]

T = TypeVar("T")

# A wait on a lock cannot be interrupted on Windows: wait in slices.
_SLICE_S = 0.1
# How long an interrupt waits for the connection to close; it closes in any case.
_CLOSING_S = 0.25


class Engine:
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
        Raises InputError after `close` or in a forked process.
        """
        loop = self._running()
        run = _Run(loop)
        loop.call_soon_threadsafe(run.start, source)
        return Stream(builder, run=run, on_end=on_end, engine=self)

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Runs `coroutine` on the engine's thread and waits for its result.

        Raises what it raises, DeadlineError after `timeout_s`, InputError after `close` or in a forked process.
        """
        try:
            loop = self._running()
        except InputError:
            coroutine.close()
            raise
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            finished = _wait(future, timeout_s)
        except BaseException:
            future.cancel()
            raise
        if not finished:
            future.cancel()
            raise DeadlineError(_("Not done within {seconds:g} s").format(seconds=timeout_s))
        if error := future.exception():
            raise _portable(error)
        return future.result()

    def warm(self, function: Callable[[], object]) -> None:
        """Runs `function` on the engine's thread in the background; whatever it raises is dropped."""

        def quietly() -> None:
            with contextlib.suppress(Exception):
                function()

        self._running().call_soon_threadsafe(quietly)

    def close(self) -> None:
        """Cancels what runs and ends the thread; a closed engine starts nothing any more. May be called twice."""
        with self._lock:
            self._closed = True
        self._close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if os.getpid() != self._pid:
                raise InputError(
                    _("This process was forked from one that asks models, and cannot share its connections"),
                    hint=_("Make a new Client in the forked process."),
                )
            if self._closed:
                raise InputError(_("This client was closed"), hint=_("Make a new Client."))
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run_loop, args=(self._loop,), name="wcode-engine", daemon=True)
                thread.start()
                # Not a bound method: an engine that nobody holds any more must end, and so must one at exit.
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


def _stop_loop(loop: asyncio.AbstractEventLoop, thread: threading.Thread, pid: int) -> None:
    # The loop of a forked process is a copy that shares the parent's file descriptors: leave it alone.
    if os.getpid() == pid and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(2)


def _wait(future: Future[Any], timeout_s: float | None) -> bool:
    """Whether `future` was done in time. KeyboardInterrupt comes through within a slice."""
    done = threading.Event()
    future.add_done_callback(lambda _future: done.set())
    ends_at = None if timeout_s is None else time.monotonic() + timeout_s
    while not done.wait(_slice(ends_at)):
        if ends_at is not None and time.monotonic() >= ends_at:
            return False
    return True


def _slice(ends_at: float | None) -> float:
    return _SLICE_S if ends_at is None else max(0.0, min(_SLICE_S, ends_at - time.monotonic()))


class _End(NamedTuple):
    """The last item of a mailbox: the source is through, by itself, with an error, or cancelled."""

    error: WcodeError | None
    cancelled: bool


class _Mailbox:
    """What has arrived and was not consumed yet: events with their arrival time, and at last an _End.

    Items are appended by the engine's thread and taken one by one by the consumer: an interrupt at any point of the
    consumer loses nothing that is still in the box.
    """

    def __init__(self) -> None:
        self.items: deque[tuple[float, Event | _End]] = deque()
        self._changed = threading.Condition()
        self._wakers: list[Callable[[], object]] = []

    def put(self, items: list[tuple[float, Event | _End]]) -> None:
        with self._changed:
            self.items.extend(items)
            self._wake()

    def wake(self) -> None:
        """Lets every waiting consumer look again."""
        with self._changed:
            self._wake()

    def _wake(self) -> None:
        self._changed.notify_all()
        wakers, self._wakers = self._wakers, []
        for waker in wakers:
            # The loop of an async consumer may be closed by now.
            with contextlib.suppress(RuntimeError):
                waker()

    def wait(self, timeout_s: float) -> None:
        """Waits until something arrives, or `wake`, at most `timeout_s`."""
        with self._changed:
            if not self.items:
                self._changed.wait(timeout_s)

    async def wait_async(self) -> None:
        """The same for a task of any event loop, without a limit."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        with self._changed:
            if self.items:
                return
            self._wakers.append(lambda: loop.call_soon_threadsafe(wake))
        await woken


class _Run:
    """One source being read on the engine's thread. It knows nothing of its Stream, which may be dropped any time."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.mailbox = _Mailbox()
        self.ended = threading.Event()
        self.started_at = time.perf_counter()
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._cancelled = False
        self._pid = os.getpid()

    def start(self, source: AsyncIterator[list[Event]]) -> None:
        """On the engine's thread."""
        assert self._loop is not None
        self._task = self._loop.create_task(self._read(source))
        self._task.add_done_callback(self._end)

    async def _read(self, source: AsyncIterator[list[Event]]) -> None:
        try:
            async for batch in source:
                at = time.perf_counter() - self.started_at
                self.mailbox.put([(at, event) for event in batch])
        finally:
            if (aclose := getattr(source, "aclose", None)) is not None:
                await aclose()

    def _end(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        end = _End(None if error is None else _portable(error), task.cancelled())
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


class Stream:
    """One answer as it arrives. Iterate it, plainly or with `async for`; `reply` holds the Reply once it has ended.

    A Stream is consumed once, by one consumer. Leaving the loop early, leaving its `with` block, or dropping it
    cancels the answer: the connection closes.
    """

    error: WcodeError | None
    """What ended the answer, where it did not end well; None before the end too."""
    reply: Reply | None
    """The answer, once it has ended, however it ended."""

    def __init__(
        self,
        builder: ReplyBuilder,
        *,
        run: _Run,
        on_end: Callable[[Reply], Reply] | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.error = None
        self.reply = None
        self._builder = builder
        self._run = run
        self._on_end = on_end
        # An engine that nobody holds ends: while an answer is consumed, somebody does.
        self._engine = engine
        self._folding = threading.RLock()
        self._unread: deque[Event] = deque()
        self._finishes: list[Finish] = []
        weakref.finalize(self, run.cancel).atexit = False

    @classmethod
    def of(cls, reply: Reply) -> Stream:
        """A recorded answer as a stream that has already ended: its events in few pieces, and its error again."""
        request = reply.request or Request(model=reply.model, messages=())
        stream = cls(ReplyBuilder(request), run=_Run(None))
        stream.reply = reply
        stream.error = _error_again(reply)
        stream._unread.extend(_events_again(reply))
        return stream

    def get(self, timeout_s: float | None = None) -> list[Event] | None:
        """The next events, all that have arrived; [] when none did within `timeout_s`; None when the answer ended.

        Never raises the answer's error: see `error`. KeyboardInterrupt comes through within 0.1 s.
        """
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            if events := self._take():
                return events
            if self.reply is not None:
                return None
            if ends_at is not None and time.monotonic() >= ends_at:
                return []
            self._run.mailbox.wait(_slice(ends_at))

    def cancel(self) -> None:
        """Ends the answer from any thread and returns at once; the connection closes."""
        self._run.cancel()

    def interrupt(self) -> Reply:
        """Ends the answer and gives what had arrived, `ended` "interrupted"; the Reply itself if it had ended before.

        Waits at most a quarter of a second for the connection to close.
        """
        if self.reply is None:
            self._run.cancel()
            self._run.ended.wait(_CLOSING_S)
            self._unread.extend(self._take())
        if self.reply is None:
            self._finish(_End(None, cancelled=True), time.perf_counter() - self._run.started_at)
        assert self.reply is not None
        return self.reply

    def snapshot(self) -> Reply:
        """The answer as it stands now; the final Reply once it has ended."""
        with self._folding:
            return self.reply or self._builder.reply(total_s=time.perf_counter() - self._run.started_at)

    def result(self) -> Reply:
        """Waits for the end. Raises the WcodeError that ended the answer; it keeps the Reply in `reply`."""
        with self._interruptible():
            while self.get() is not None:
                pass
        return self._outcome()

    async def aresult(self) -> Reply:
        """`result` for the caller's own event loop."""
        async for _event in self:
            pass
        return self._outcome()

    def close(self) -> None:
        """Ends the answer if it has not ended."""
        self.interrupt()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        """The events as they arrive. Raises the WcodeError that ended the answer, with `reply`."""
        with self._interruptible():
            while (events := self.get()) is not None:
                yield from events
        self._outcome()

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Event:
        with self._interruptible():
            while not self._unread:
                self._unread.extend(self._take())
                if self._unread:
                    break
                if self.reply is not None:
                    self._outcome()
                    raise StopAsyncIteration
                await self._run.mailbox.wait_async()
        return self._unread.popleft()

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Whoever stops consuming in here, by Ctrl-C, by `break` or as a cancelled task, stops the answer."""
        try:
            yield
        except (KeyboardInterrupt, GeneratorExit, asyncio.CancelledError):
            self.interrupt()
            raise

    def _outcome(self) -> Reply:
        assert self.reply is not None
        if self.error is not None:
            # Raised more than once, it would collect the frames of every raise.
            raise self.error.with_traceback(None)
        return self.reply

    def _take(self) -> list[Event]:
        """Folds what has arrived; the folded events, may be empty. Ends the stream at the mailbox's end."""
        with self._folding:
            taken = list(self._unread)
            self._unread.clear()
            items = self._run.mailbox.items
            while items and self.reply is None:
                at_s, item = items.popleft()
                if isinstance(item, _End):
                    self._finish(item, at_s)
                else:
                    self._fold(item, at_s)
                    taken.append(item)
            return taken

    def _fold(self, event: Event, at_s: float) -> None:
        if isinstance(event, Finish):
            self._finishes.append(event)
        self._builder.apply(event, at_s)

    def _finish(self, end: _End, total_s: float) -> None:
        with self._folding:
            ended, self.error = self._verdict(end)
            reply = self._builder.reply(ended=ended, error=self.error, total_s=total_s)
            # Set before on_end: an interrupt in there must not end the stream a second time.
            self.reply = reply
            try:
                self.reply = self._on_end(reply) if self._on_end else reply
            except Exception as error:
                self.error = self.error or _portable(error)
            if self.error is not None:
                self.error.reply = self.reply
        self._run.mailbox.wake()

    def _verdict(self, end: _End) -> tuple[Ended | None, WcodeError | None]:
        """How the answer ended, None where the finish reason says it, and the error to raise for it."""
        if end.cancelled:
            return "interrupted", AnswerInterrupted(_("Interrupted"), hint=_("What had arrived is kept."))
        if end.error is not None:
            late = isinstance(end.error, (AnswerError, DeadlineError)) and self._builder.has_answer
            return ("cut" if late else "failed"), end.error
        reason = next((finish.reason for finish in self._finishes if finish.choice == 0), None)
        if reason in _BAD_FINISHES:
            return None, _BAD_FINISHES[reason]()
        return None, None


_BAD_FINISHES: dict[str | None, Callable[[], WcodeError]] = {
    "content_filter": lambda: AnswerCut(
        _("The provider's content filter ended the answer"), hint=_("What had arrived is kept; change the prompt.")
    ),
    "error": lambda: ServerFault(_("The provider ended the answer with an error")),
}


def _portable(error: BaseException) -> WcodeError:
    """`error` fit to cross threads: of our tree, without frames and without what it was raised from."""
    portable = error if isinstance(error, WcodeError) else _bug(error)
    portable.__cause__ = portable.__context__ = None
    return portable.with_traceback(None)


def _bug(error: BaseException) -> WcodeError:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({PurePath(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return WcodeError(
        _("Unexpected {error}{where}").format(error=errors.one_line(repr(error)), where=where),
        hint=_("This is a bug in wcode_jupyter, please report it."),
    )


def _error_again(reply: Reply) -> WcodeError | None:
    """The error that ended a recorded answer, of the class that it had."""
    fault: Fault | None = reply.fault
    if fault is None:
        return None
    cls = getattr(errors, fault.kind, WcodeError) if fault.kind in errors.__all__ else WcodeError
    error: WcodeError = cls(fault.what, hint=fault.hint)
    if isinstance(error, ServerError):
        error.status, error.code = fault.status, fault.code
    error.reply = reply
    return error


def _events_again(reply: Reply) -> Iterator[Event]:
    """Events that fold to `reply`."""
    yield Started(id=reply.id, model=reply.model, system_fingerprint=reply.system_fingerprint)
    yield from (Notice(text) for text in reply.notices)
    for number, choice in enumerate(reply.choices):
        for part in choice.reasoning:
            yield ReasoningDelta(part.text, number, part.field, part.signature)
        if choice.text:
            yield TextDelta(choice.text, number)
        if choice.refusal:
            yield RefusalDelta(choice.refusal, number)
        for index, call in enumerate(choice.tool_calls):
            yield ToolCallDelta(index, call.id, call.name, call.arguments, number)
        if choice.tokens:
            yield LogprobDelta(choice.tokens, number)
        if choice.finish_reason is not None:
            yield Finish(choice.finish_reason, choice.native_finish_reason, number)
    if reply.raw:
        yield Extra(reply.raw)
    if reply.usage is not None:
        yield reply.usage
