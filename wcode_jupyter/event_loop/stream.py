"""The consumer's side of an answer: iterate, wait, interrupt, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType

from ..errors import AnswerCut, AnswerError, AnswerInterrupted, DeadlineError, ServerFault, WcodeError, one_line
from ..language import _
from ..reply import Ended, Reply
from ..reply.events import Event, Finish
from ..reply.reply_builder import ReplyBuilder
from ..request.messages import Request
from .recorded import error_again, events_again
from .task import End, StreamTask, portable, slice_s

__all__ = ["Stream", "verdict"]

# How long an interrupt waits for the connection to close; it closes in any case.
_CLOSING_S = 0.25


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
        run: StreamTask,
        on_end: Callable[[Reply], Reply] | None = None,
        owner: object = None,
    ) -> None:
        self.error = None
        self.reply = None
        self._builder = builder
        self._run = run
        self._on_end = on_end
        # An event loop that nobody holds ends: while an answer is consumed, somebody does.
        self._owner = owner
        self._folding = threading.RLock()
        self._unread: deque[Event] = deque()
        self._finishes: list[Finish] = []
        weakref.finalize(self, run.cancel).atexit = False

    @classmethod
    def of(cls, reply: Reply) -> Stream:
        """A recorded answer as a stream that has already ended: its events in few pieces, and its error again."""
        request = reply.request or Request(model=reply.model, messages=())
        stream = cls(ReplyBuilder(request), run=StreamTask(None))
        stream.reply = reply
        stream.error = error_again(reply)
        stream._unread.extend(events_again(reply))
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
            self._run.mailbox.wait(slice_s(ends_at))

    def cancel(self) -> None:
        """Ends the answer from any thread and returns at once; the connection closes."""
        self._run.cancel()

    def interrupt(self) -> Reply:
        """Ends the answer and gives what had arrived, `ended` "interrupted"; the Reply itself if it had ended before.

        Waits at most a quarter of a second for the connection to close.
        """
        if self.reply is None:
            self._run.cancel()
            # Ctrl-C once more has nothing left to stop.
            with contextlib.suppress(KeyboardInterrupt):
                self._run.ended.wait(_CLOSING_S)
                self._unread.extend(self._take())
            with contextlib.suppress(KeyboardInterrupt):
                if self.reply is None:
                    self._finish(End(None, cancelled=True), time.perf_counter() - self._run.started_at)
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
                if isinstance(item, End):
                    self._finish(item, at_s)
                else:
                    self._fold(item, at_s)
                    taken.append(item)
            return taken

    def _fold(self, event: Event, at_s: float) -> None:
        if isinstance(event, Finish):
            self._finishes.append(event)
        self._builder.apply(event, at_s)

    def _finish(self, end: End, total_s: float) -> None:
        with self._folding:
            ended, self.error = self._verdict(end)
            reply = self._builder.reply(ended=ended, error=self.error, total_s=total_s)
            # Set before on_end: an interrupt in there must not end the stream a second time.
            self.reply = reply
            try:
                self.reply = self._on_end(reply) if self._on_end else reply
            except KeyboardInterrupt:
                # It may wait for a file. Views take Ctrl-C for their own: they must not call this a success.
                self.error = self.error or AnswerInterrupted(
                    _("Interrupted while the answer was being saved"),
                    hint=_("It may be missing in the replay file and in the log."),
                )
                raise
            except Exception as error:
                self.error = self.error or portable(error)
            finally:
                if self.error is not None:
                    self.error.reply = self.reply
                self._run.mailbox.close()

    def _verdict(self, end: End) -> tuple[Ended | None, WcodeError | None]:
        finish = next((finish for finish in reversed(self._finishes) if finish.choice == 0), None)
        return verdict(end, finish, has_answer=self._builder.has_answer)


def verdict(end: End, finish: Finish | None, *, has_answer: bool) -> tuple[Ended | None, WcodeError | None]:
    """How an answer ended, None where its finish reason says it, and the error to raise for it."""
    if end.cancelled:
        return "interrupted", AnswerInterrupted(_("Interrupted"), hint=_("Everything received so far is kept."))
    if end.error is not None:
        late = isinstance(end.error, (AnswerError, DeadlineError)) and has_answer
        return ("cut" if late else "failed"), end.error
    bad = None if finish is None else _BAD_FINISHES.get(finish.reason)
    return None, bad(one_line(finish.raw or "", 60)) if finish is not None and bad is not None else None


_BAD_FINISHES: dict[str, Callable[[str], WcodeError]] = {
    "content_filter": lambda _word: AnswerCut(
        _("The provider's content filter ended the answer"),
        hint=_("Everything received so far is kept. Change the prompt."),
    ),
    "error": lambda word: ServerFault(
        _("The provider ended the answer with an error: {word}").format(word=word)
        if word
        else _("The provider ended the answer with an error")
    ),
}
