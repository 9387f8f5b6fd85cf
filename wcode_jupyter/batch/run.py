"""A run: takes jobs from the plan one by one, asks them at one pace within one budget, and keeps each answer at once.

It lives on the engine's loop; whoever started it waits, watches `progress`, or takes answers as they finish. A failed
answer is an answer: it stands in the result with its reason, and the next run of the same file asks it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from ..engine import Engine
from ..errors import InputError, RateLimited, RunError, WcodeError
from ..language import _
from ..messages import Request
from ..reply import Fault, Reply
from ..session import Call
from ..transport import Endpoint
from .asking import Asker, resumes
from .budget import Purse
from .pace import Limits, Pace
from .plan import Job, Plan, Task
from .replies import Replies
from .runfile import Line, Place, RunFile, header_of

__all__ = ["Progress", "Run"]

# Rows that need nothing are passed by the thousand: let others onto the loop between them.
_BREATH = 500


class Progress(Struct, frozen=True, kw_only=True):
    """Where a run stands."""

    total: int | None
    done: int
    """Answers there are, failed ones and those of earlier runs included."""
    failed: int
    kept: int
    """Answers of earlier runs, which were not asked again."""
    in_flight: int
    output_tokens: int
    cost_cny: Decimal
    """RMB that this run has spent so far."""
    seconds: float

    @property
    def asked(self) -> int:
        """Answers that this run asked for."""
        return self.done - self.kept

    @property
    def tokens_per_s(self) -> float:
        """Output tokens a second, all requests together."""
        return self.output_tokens / self.seconds if self.seconds else 0.0

    @property
    def projected_cny(self) -> Decimal | None:
        """RMB of the whole run if the rest costs what the answers so far did; None while that is unknown."""
        if self.total is None or not self.asked or not self.cost_cny:
            return None
        return self.cost_cny / self.asked * (self.total - self.kept)


class VariantProgress(Struct):
    """Where one model with one combination of swept values stands."""

    model: str
    values: dict[str, Any]
    done: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    cost_cny: Decimal = Decimal(0)


class Run:
    """One run, not started yet. `error` is what stopped it before its end, None for a whole one."""

    def __init__(
        self,
        plan: Plan,
        asker: Asker,
        limits: Limits,
        *,
        purse: Purse | None = None,
        file: RunFile | None = None,
    ) -> None:
        self.plan = plan
        self.error: WcodeError | None = None
        self._asker = asker
        self._limits = limits
        self._purse = purse or Purse(None)
        self._file = file or RunFile()
        self._engine: Engine | None = None
        self.notices: list[str] = []
        """What the user should know, a line each."""
        self._reset()

    def _reset(self) -> None:
        header = header_of(
            self.plan.fingerprint,
            "\n".join(message.text for message in self.plan.messages),
            [variant.model for variant in self.plan.variants],
            self.plan.variants[0].values,
        )
        self.header = header
        self.entries: dict[int, Place | Line] = {}
        self._known: dict[str, Place] = {}
        self._from_record: set[int] = set()
        self._finished: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._pace = Pace(self._limits)
        self._future: Future[None] | None = None
        self._main: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._ended = threading.Event()
        self._stopping = self._cancelled = self._opened = False
        self.variants: dict[tuple[str, str], VariantProgress] = {}
        """Where each model and swept value stands, in the order in which they come."""
        self._watched = False
        self._good = self._failed = self._kept = self._tokens = 0
        self._began = self._ended_at = 0.0
        self.error = None

    # -- for whoever started it ---------------------------------------------------------------------------------------

    def open(self, *, resume: bool | None = None) -> int:
        """Opens the run file and gives how many whole answers are in it. `resume` None: as the replay mode says.

        Raises RunError. Whoever does not `start` the run then, must `close` it.
        """
        resume = resumes(self.plan.calls[0].replay) if resume is None else resume
        self._known = self._file.open(self.header, resume=resume)
        self._opened = True
        self.notices += self._file.notices
        self._file.notices = []
        return sum(place.good for place in self._known.values())

    def close(self) -> None:
        """Lets go of the run file without a start."""
        self._file.close()

    def start(self, engine: Engine, *, watched: bool = False, resume: bool | None = None) -> None:
        """Begins. `watched`: `finished` will be iterated. Raises RunError: the run file."""
        self._engine = engine
        if not self._opened:
            self.open(resume=resume)
        self._watched = watched
        self._began = time.monotonic()
        try:
            self._future = engine.submit(self._whole())
        except BaseException:
            self._file.close()
            raise
        self._future.add_done_callback(lambda _future: self._ended.set())

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for the end; whether it came within `timeout_s`. KeyboardInterrupt comes through within 0.1 s."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._ended.is_set():
            left = 0.1 if until is None else min(0.1, until - time.monotonic())
            if left <= 0:
                return False
            self._ended.wait(left)
        if self._future is not None and not self._future.cancelled() and (bug := self._future.exception()):
            raise bug
        return True

    def finished(self) -> Iterator[tuple[Job, Reply]]:
        """Job and Reply in the order in which they finish, to the end of the run; started with `watched`."""
        try:
            while True:
                try:
                    number = self._finished.get(timeout=0.1)
                except queue.Empty:
                    if self._ended.is_set() and self._finished.empty():
                        break
                    continue
                if number is None:
                    break
                line = self.line(number)
                yield line.job, line.reply
        finally:
            self.cancel()
            self.wait()

    def cancel(self) -> None:
        """Interrupts: what is under way is cut and kept as it stands. From any thread; `wait` for the end."""
        self._cancelled = True
        if self._main is not None and not self._ended.is_set():
            with contextlib.suppress(RuntimeError):  # the engine was closed, and the run with it
                self._main.get_loop().call_soon_threadsafe(self._main.cancel)

    def progress(self) -> Progress:
        """Where the run stands; from any thread."""
        until = self._ended_at or time.monotonic()
        return Progress(
            total=self.plan.count,
            done=self._good + self._failed,
            failed=self._failed,
            kept=self._kept,
            in_flight=0 if self._ended.is_set() else self._pace.active,
            output_tokens=self._tokens,
            cost_cny=self._purse.spent,
            seconds=until - self._began,
        )

    @property
    def replies(self) -> Replies:
        """The answers there are, in the order of the jobs."""
        entries = [self.entries[number] for number in sorted(self.entries)]
        return Replies(self._file, entries, self.header, again=self._again, stopped=self.error)

    def line(self, number: int) -> Line:
        """The answer of job `number`."""
        entry = self.entries[number]
        return entry if isinstance(entry, Line) else self._file.read(entry)

    def _again(self) -> Replies:
        assert self._engine is not None
        self._reset()
        self._purse.spent = Decimal(0)
        self.start(self._engine, resume=True)
        self.wait()
        return self.replies

    # -- on the engine's loop -----------------------------------------------------------------------------------------

    async def _whole(self) -> None:
        self._main = asyncio.current_task()
        self._log = ThreadPoolExecutor(1, thread_name_prefix="wcode-run-log")
        try:
            if self._cancelled:
                raise asyncio.CancelledError
            await self._dispatch()
            await self._drained()
        except asyncio.CancelledError:
            for task in self._asking:
                task.cancel()
            await self._drained()
            self.error = RunError(
                _("Interrupted after {done} answers").format(done=self._good + self._failed),
                hint=_("They are kept; run it again for the rest."),
            )
        except WcodeError as error:
            await self._drained()
            self._stop(error)
        finally:
            try:
                await asyncio.to_thread(self._log.shutdown)
                await asyncio.to_thread(self._remember)
            except WcodeError as error:
                self._stop(error)
            finally:
                self._ended_at = time.monotonic()
                self._file.close()
                self._finished.put(None)

    async def _drained(self) -> None:
        if self._asking:
            await asyncio.gather(*self._asking, return_exceptions=True)

    async def _dispatch(self) -> None:
        passed = 0
        for task in self.plan:
            if self._stopping:
                return
            if (place := self._known.get(task.job.id)) is not None and place.good:
                self._keep(task.job, place)
                passed += 1
            elif task.error is not None:
                self._finish(task.job, _unsent(task, task.error))
                passed += 1
            else:
                passed = 0 if await self._one(task) else passed + 1
            if passed >= _BREATH:
                passed = 0
                # Through the log's own queue: recorded answers come faster than it writes.
                await asyncio.get_running_loop().run_in_executor(self._log, bool)

    async def _one(self, task: Task) -> bool:
        """Looks a job up, or sets it going; whether it was sent."""
        try:
            call = self.plan.call(task)
        except InputError as error:
            self._finish(task.job, _unsent(task, error))
            return False
        if (recorded := self._asker.lookup(call)) is not None:
            self._from_record.add(task.job.number)
            self._tell(recorded)
            self._finish(task.job, recorded)
            return False
        where = await self._asker.reach(call.endpoint)
        if (reserved := await self._reserved(call)) is None:
            return False
        expected = self._pace.expected(call.estimate.input_tokens, call.request.parameters.get("max_tokens"))
        started = await self._pace.enter(expected)
        if self._stopping:
            self._pace.leave()
            return False
        asking = asyncio.get_running_loop().create_task(self._ask(task, call, where, reserved, expected, started))
        self._asking.add(asking)
        asking.add_done_callback(self._through)
        return True

    def _through(self, task: asyncio.Task[None]) -> None:
        self._asking.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._stop(error if isinstance(error, WcodeError) else RunError(repr(error)))

    async def _reserved(self, call: Call) -> Decimal | None:
        """The RMB set aside for `call`; None: the budget ends here."""
        while True:
            verdict, reserved = self._purse.ask(call)
            if verdict == "go":
                return reserved
            if verdict == "stop":
                self._stop(
                    RunError(
                        _(
                            "The budget of ¥{limit} ends here: ¥{spent} are spent and one more answer may pass it"
                        ).format(limit=self._purse.limit, spent=self._purse.spent),
                        hint=_("What arrived is kept; raise max_cost and run it again for the rest."),
                    )
                )
                return None
            self._changed.clear()
            await self._changed.wait()
            if self._stopping:
                return None

    async def _ask(
        self, task: Task, call: Call, where: Endpoint, reserved: Decimal, expected: int, started: float
    ) -> None:
        while True:
            reply, error = await self._asker.ask(call, where)
            self._pace.leave()
            if not isinstance(error, RateLimited) or not self._pace.refused(started, error.retry_after_s):
                break
            started = await self._pace.enter(expected)
        self._purse.pay(call.request.model, reserved, reply.cost)
        if error is None:
            self._pace.answered(expected, reply.usage.total_tokens if reply.usage else None)
        self._tell(reply)
        if reply.ended != "interrupted" or reply.text or reply.reasoning:
            self._finish(task.job, reply)

    def _tell(self, reply: Reply) -> None:
        """The session and its log hear of an answer."""
        self._asker.ended(reply)
        if self._asker.log is not None:
            self._log.submit(self._asker.log, reply)

    # -- keeping ------------------------------------------------------------------------------------------------------

    def _keep(self, job: Job, place: Place) -> None:
        self._kept += 1
        self._good += 1
        self._enter(job.number, place)

    def _finish(self, job: Job, reply: Reply) -> None:
        """Writes an answer; from here on it is safe."""
        try:
            entry: Place | Line = self._file.append(job, reply)
        except RunError as error:
            entry = Line(job, reply)
            self._stop(error)
        good = reply.ended in ("complete", "length")
        self._count(job, reply, good)
        self._good += good
        self._failed += not good
        self._tokens += reply.usage.output_tokens if reply.usage else 0
        self._enter(job.number, entry)
        if not good and reply.ended != "interrupted":
            self._judge(job, reply)

    def _count(self, job: Job, reply: Reply, good: bool) -> None:
        variant = self.variants.setdefault((job.model, repr(job.values)), VariantProgress(job.model, job.values))
        variant.done += 1
        variant.failed += not good
        variant.seconds.append(reply.timing.total_s)
        variant.cost_cny += reply.cost or 0

    def _enter(self, number: int, entry: Place | Line) -> None:
        self.entries[number] = entry
        if self._watched:
            self._finished.put(number)

    def _judge(self, job: Job, reply: Reply) -> None:
        """Whether a failure ends the run."""
        if self._limits.stop_on_error:
            what = _("Row {number} failed: {error}").format(number=job.row + 1, error=reply.error)
            self._stop(RunError(what))
        elif not self._good and self._failed >= self._limits.give_up_after:
            what = _("Stopped: the first {count} answers all failed. The last: {error}")
            self._stop(RunError(what.format(count=self._failed, error=reply.error)))

    def _stop(self, error: WcodeError) -> None:
        """No further request; those under way are waited for."""
        self._stopping = True
        self._changed.set()
        if self.error is None:
            self.error = error

    def _remember(self) -> None:
        """Puts the answers into the replay file in the order of the jobs, which a replay asks in."""
        call = self.plan.calls[0]
        if call.replay not in ("auto", "record"):
            return
        numbers = sorted(self.entries.keys() - self._from_record)
        lines = (self.line(number) for number in numbers)
        self._asker.remember(call, (line.reply for line in lines if line.reply.fingerprint))


def _unsent(task: Task, error: WcodeError) -> Reply:
    """The reply of a job that was never sent."""
    request = task.template.request
    return Reply(
        request=Request(model=request.model, messages=task.messages, parameters=request.parameters),
        ended="failed",
        fault=Fault(type(error).__name__, error.what, error.hint),
        model=request.model,
    )
