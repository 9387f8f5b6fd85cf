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
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from decimal import Decimal

import msgspec
from msgspec import Struct

from ..errors import InputError, RunError, WcodeError
from ..event_loop import EventLoop
from ..language import _, language, speaking
from ..reply import Reply, fault_of
from ..request.messages import Request
from ..session import Call
from ..session.account import AccountEntry, enter
from ..session.ledger import booked
from ..transport import Endpoint
from ..transport.refusal import is_overload
from .addresses import any_order
from .budget import Budget
from .counts import Counts, RunProgress
from .job_state import Question, typed
from .limiter import AdaptiveLimiter, RunLimits
from .neighbours import Neighbours
from .plan import Job, Plan, Task
from .refusals import Refusals
from .replies import Replies
from .run_log import RunLog, name_of
from .runfile import Entry, Kept, LineEntry, RunFile, RunLine, header_of
from .sender import RequestSender, resumes

__all__ = ["BatchRun"]

# Rows that need nothing are passed by the thousand: let others onto the loop between them.
_BREATH = 500
_HELD = 20_000
"""Jobs of a run whose answers stay in memory, so that nobody waits for the tables."""
_FIRST = 20
"""Jobs at the beginning whose answers stay in memory of every run, to be looked at while it runs."""
_LOOKED_AT = 20_000
"""Jobs whose answers are looked for before the run begins, so that it can say what it will cost."""


class _Turn(Struct):
    """Leave to send one request."""

    reserved: Decimal
    """RMB set aside for it."""
    expected: int
    """Tokens that it was taken to need."""
    started: float


class BatchRun:
    """One run, not started yet. `error` is what stopped it before its end, None for a whole one."""

    def __init__(
        self,
        plan: Plan,
        sender: RequestSender,
        limits: RunLimits,
        *,
        budget: Budget | None = None,
        file: RunFile | None = None,
    ) -> None:
        self.plan = plan
        self.error: WcodeError | None = None
        self._sender = sender
        self._limits = limits
        self._budget = budget or Budget(None)
        self._file = file or RunFile()
        self._engine: EventLoop | None = None
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
        self.entries: dict[int, Entry] = {}
        self._moved = False
        self._held: dict[int, RunLine] = {}
        """Answers of this run, where they are few enough to stay in memory."""
        self._known: dict[str, LineEntry] = {}
        self._others: Neighbours | None = None
        self._earlier: set[int] = set()
        self._finished: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._limiter = AdaptiveLimiter(self._limits)
        self._refusals = Refusals(self._limits.give_up_after)
        self._future: Future[None] | None = None
        self._main: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()
        self._fresh: list[tuple[RunLine, bool]] = []
        """Answers, and whether they were sent, that are not written yet."""
        self._changed = asyncio.Event()
        self._ended = threading.Event()
        self._stopping = self._cancelled = self._opened = False
        self.counts = Counts()
        """What there is so far."""
        self._watched = False
        self._began = self._ended_at = 0.0
        self.error = None

    # -- for whoever started it ---------------------------------------------------------------------------------------

    def open(self, *, resume: bool | None = None) -> int:
        """Opens the run file and gives how many whole answers are in it. `resume` None: as the replay mode says.

        Raises RunError. Whoever does not `start` the run then, must `close` it.
        """
        resume = resumes(self.plan.calls[0].replay) if resume is None else resume
        self._known = self._file.open(self.header, resume=resume)
        if not self._file.temporary:
            self._others = Neighbours(self._file.path, self._file.generation)
        self._opened = True
        self.notices += self._file.notices
        self._file.notices = []
        self._budget.earlier, self._budget.spent = self._file.paid, Decimal(0)
        return self._answered_already()

    def _answered_already(self) -> int:
        """Whole answers that are there; those in other files too, where looking costs little."""
        count = self.plan.count
        if count is None or count > _LOOKED_AT or self._file.temporary:
            return sum(place.good for place in self._known.values())
        ids = [task.job.id for task in self.plan]
        return sum(self._is_answered(id_) for id_ in ids)

    def _is_answered(self, id_: str) -> bool:
        if (place := self._place(id_)) is not None:
            return place.good
        return self._others is not None and self._others.has(id_)

    def _place(self, id_: str) -> LineEntry | None:
        """Where the answer of this id stands in the run's own file."""
        place = self._known.get(id_)
        return place if place is not None or ":" not in id_ else self._known.get(any_order(id_))

    def close(self) -> None:
        """Lets go of the run file without a start."""
        self._file.close()

    def start(self, engine: EventLoop, *, watched: bool = False, resume: bool | None = None) -> None:
        """Begins. `watched`: `finished` will be iterated. Raises RunError: the run file."""
        self._engine = engine
        if said := self.plan.examples_said:
            name = _("this session") if self._file.temporary else self._file.path.name
            enter(self.plan.account, AccountEntry("shots", said, name))
        if not self._opened:
            self.open(resume=resume)
        self._watched = watched
        self._began = time.monotonic()
        try:
            self._future = engine.submit(self._in_one_language())
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

    def carry_through(self, watch: Callable[[], object] | None = None) -> None:
        """Waits for the end, by `watch` where something is shown meanwhile; what that raises ends the run."""
        with self.ending():
            self.wait() if watch is None else watch()

    @contextlib.contextmanager
    def ending(self) -> Iterator[None]:
        """Whatever is raised inside ends the run: an interrupt may come as soon as it was started."""
        try:
            yield
        except BaseException:
            if self._future is not None:
                self.cancel()
                self.wait()
            raise

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

    def progress(self) -> RunProgress:
        """Where the run stands; from any thread."""
        until = self._ended_at or time.monotonic()
        return RunProgress(
            total=self.plan.count,
            done=self.counts.done,
            failed=self.counts.failed,
            kept=len(self._earlier),
            in_flight=0 if self._ended.is_set() else self._limiter.active,
            output_tokens=self.counts.output_tokens,
            cost_cny=self._budget.spent,
            seconds=until - self._began,
        )

    @property
    def replies(self) -> Replies:
        """The answers there are, in the order of the jobs."""
        entries = [self.entries[number] for number in sorted(self.entries)]
        return Replies(
            self._file, entries, self.header, again=self._again, stopped=self.error, schema=self.plan.schema,
            source=self.plan.rows, held={id(self.entries[number]): line for number, line in self._held.items()},
            account=self.plan.account,
        )  # fmt: skip

    def first(self, most: int) -> list[RunLine]:
        """The first answers of this run in the order of the jobs, while it runs too; from any thread."""
        found = (self._held.get(number) for number in sorted(self._held.copy())[:most])
        return [line for line in found if line is not None]

    def line(self, number: int) -> RunLine:
        """The answer of job `number`."""
        return self._read(self.entries[number])

    def _read(self, entry: Entry) -> RunLine:
        return typed(self._file.line(entry), self.plan.schema)

    def _again(self) -> Replies:
        assert self._engine is not None
        self.plan.rows.check_readable()
        self._reset()
        with self.ending():
            self.start(self._engine, resume=True)
            self.wait()
        if self.error is not None:
            warnings.warn(str(self.error), stacklevel=4)
        return self.replies

    # -- on the engine's loop -----------------------------------------------------------------------------------------

    async def _in_one_language(self) -> None:
        # Else the environment would be asked for it at every answer.
        with speaking(language()):
            await self._whole()

    async def _whole(self) -> None:
        self._main = asyncio.current_task()
        self._log = RunLog(self._sender.keeper, self.plan.calls[0], name_of(self._file, self.header.fingerprint))
        self._log.begin(self._file)
        loop, ledger = asyncio.get_running_loop(), self._budget.session

        def changed() -> None:
            loop.call_soon_threadsafe(self._changed.set)

        if self._budget.session_limit is not None:
            ledger.listeners.append(changed)
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
                _("Interrupted after {done} answers").format(done=self.counts.done),
                hint=_("The answers are kept. Run the cell again for the rest."),
            )
        except WcodeError as error:
            await self._drained()
            self._stop(error)
        finally:
            try:
                self._write_fresh()
                await self._log.close()
                await asyncio.to_thread(self._remember)
                self._note_jobs()
            except WcodeError as error:
                self._stop(error)
            finally:
                if changed in ledger.listeners:
                    ledger.listeners.remove(changed)
                self._ended_at = time.monotonic()
                self._file.close()
                self._finished.put(None)

    async def _drained(self) -> None:
        if self._asking:
            await asyncio.gather(*self._asking, return_exceptions=True)
        self._write_fresh()

    async def _dispatch(self) -> None:
        passed = 0
        for task in self.plan:
            if self._stopping:
                return
            if (place := self._place(task.job.id)) is not None and self._holds(place):
                self._keep(task.job, place)
                passed += 1
            elif place is None and (line := self._borrowed(task.job)) is not None:
                self._earlier.add(task.job.number)
                self._finish(line, sent=False)
                passed += 1
            elif task.error is not None:
                self._pass(task, task.error)
                passed += 1
            else:
                passed = 0 if await self._one(task) else passed + 1
            if passed >= _BREATH:
                passed = 0
                await self._log.catch_up()

    def _borrowed(self, job: Job) -> RunLine | None:
        """The answer that another run has paid for, as a line of this one."""
        line = None if self._others is None else self._others.find(job.id)
        if line is None or not typed(line, self.plan.schema).good:
            return None
        return msgspec.structs.replace(line, job=job, borrowed=True)

    def _holds(self, place: LineEntry) -> bool:
        """Whether the answer at `place` need not be asked again. A type may ask for more now than it did before."""
        return place.good and (self.plan.schema is None or self._read(place).good)

    async def _one(self, task: Task) -> bool:
        """Looks a job up, or sets it going; whether it was sent."""
        try:
            question = Question(self.plan, task)
        except InputError as error:
            self._pass(task, error)
            return False
        while (recorded := self._sender.lookup(question.call)) is not None:
            self._sender.keeper.count(recorded)
            if (line := question.take(recorded)) is not None:
                self._finish(line)
                return False
        where = await self._sender.reach(question.call.endpoint)
        if (turn := await self._turn(question.call)) is None:
            return False
        self._asking.add(asyncio.get_running_loop().create_task(self._through(question, where, turn)))
        return True

    async def _through(self, question: Question, where: Endpoint, turn: _Turn) -> None:
        try:
            await self._ask(question, where, turn)
        except Exception as error:
            self._stop(error if isinstance(error, WcodeError) else RunError(repr(error)))
        finally:
            task = asyncio.current_task()
            assert task is not None
            self._asking.discard(task)
            self._changed.set()

    async def _turn(self, call: Call) -> _Turn | None:
        """Waits until `call` may be sent; None: the run ends before."""
        if (reserved := await self._reserved(call)) is None:
            return None
        expected = self._limiter.expected(call.estimate.input_tokens, call.request.parameters.get("max_tokens"))
        try:
            turn = _Turn(reserved, expected, await self._limiter.enter(expected))
        except BaseException:
            self._budget.settle(reserved, Decimal(0))
            raise
        # A disk that is full must be known before anything else is paid.
        self._write_fresh()
        if self._stopping:
            self._limiter.leave()
            self._budget.settle(reserved, Decimal(0))
            return None
        return turn

    async def _reserved(self, call: Call) -> Decimal | None:
        """The RMB set aside for `call`; None: the budget ends here."""
        while not self._stopping:
            verdict, reserved = self._budget.reserve(call)
            if verdict == "go":
                return reserved
            if verdict == "stop":
                self._stop(self._over_budget(reserved))
                return None
            self._changed.clear()
            await self._changed.wait()
        return None

    def _over_budget(self, most: Decimal) -> RunError:
        limit, spent = self._budget.ends_at
        what = _("Stopped at the budget: ¥{spent} of ¥{limit} spent; the next answer could cost ¥{most}")
        return RunError(
            what.format(limit=f"{limit:f}", spent=f"{spent:f}", most=f"{most:f}"),
            hint=_(
                "The answers so far are kept. Raise max_cost or lower max_tokens, and run the cell again for the rest."
            ),
        )

    async def _ask(self, question: Question, where: Endpoint, turn: _Turn) -> None:
        """Asks until there is an answer to keep."""
        line = question.take(*await self._answered(question, where, turn))
        while line is None:
            line = await self._another(question, where)
        came = line.booked or any(reply.text or reply.reasoning for reply in line.answers)
        if line.reply.ended != "interrupted" or came:
            self._finish(line)
        else:
            self._log.add(line.answers)
        if line.good:
            self._refusals.good()
        elif line.reply.ended != "interrupted":
            stop = self._refusals.failed(question.error, line.reply.error or line.reply.ended)
            if stop is not None:
                self._stop(stop)

    async def _another(self, question: Question, where: Endpoint) -> RunLine | None:
        """Asks once more after an answer that did not fit; where the run ends before, that one is kept."""
        try:
            turn = await self._turn(question.call)
        except asyncio.CancelledError:
            turn = None
        return question.settle() if turn is None else question.take(*await self._answered(question, where, turn))

    async def _answered(self, question: Question, where: Endpoint, turn: _Turn) -> tuple[Reply, Decimal]:
        """One answer, however it ended, and RMB booked beside its known cost. A refusal for overload is asked again."""
        call = question.call
        while True:
            reply, error = await self._sender.ask(call, where)
            self._limiter.leave()
            question.error = error
            if not is_overload(error):
                break
            if not self._limiter.refused(turn.started, getattr(error, "retry_after_s", None)) or self._stopping:
                break
            turn.started = await self._limiter.enter(turn.expected)
        cost = booked(reply, call.estimate.most_cny)
        self._budget.settle(turn.reserved, cost, call.request.model)
        self._changed.set()
        if error is None:
            self._limiter.answered(turn.expected, reply.usage.total_tokens if reply.usage else None)
        self._sender.keeper.count(reply)
        return reply, max(Decimal(0), cost - (reply.cost or 0))

    # -- keeping ------------------------------------------------------------------------------------------------------

    def _keep(self, job: Job, place: LineEntry) -> None:
        self._earlier.add(job.number)
        self.counts.good += 1
        moved = place.number != job.number or place.key != job.key
        self._moved = self._moved or moved
        self._enter(job.number, Kept(place, msgspec.structs.replace(job, columns={})) if moved else place)

    def _finish(self, line: RunLine, *, sent: bool = True) -> None:
        """Takes an answer, to be written with all others that the loop reads in this turn."""
        if not self._fresh:
            asyncio.get_running_loop().call_soon(self._write_fresh)
        self._fresh.append((line, sent))
        if self._limits.stop_on_error and not line.good and line.reply.ended != "interrupted":
            what = _("Row {number} failed: {error}").format(number=line.job.row + 1, error=line.reply.error)
            self._stop(RunError(what))

    def _write_fresh(self) -> None:
        """Writes what was taken; from here on it is safe."""
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, []
        for (line, sent), entry in zip(fresh, self._written([line for line, _sent in fresh]), strict=True):
            self.counts.add(line, sent=sent)
            few = len(self._held) < _HELD and (self.plan.count or 0) <= _HELD
            if few or line.job.number < _FIRST:
                self._held[line.job.number] = line
            self._enter(line.job.number, entry)
            if sent:
                self._log.add(line.answers, entry.end if isinstance(entry, LineEntry) else None)

    def _written(self, lines: list[RunLine]) -> Sequence[Entry]:
        """Where `lines` stand in the file now; those that cannot be written are kept as they are."""
        try:
            return self._file.append_all(lines)
        except RunError as error:
            if len(lines) > 1:
                return [entry for line in lines for entry in self._written([line])]
            error.hint = _("The result holds the answers so far. Free some disk space and run the cell again.")
            self._stop(error)
            return lines

    def _pass(self, task: Task, error: WcodeError) -> None:
        """A job that cannot be sent. It costs nothing, and says nothing of the rows after it."""
        self._finish(RunLine(task.job, _unsent(task, error)), sent=False)

    def _enter(self, number: int, entry: Entry) -> None:
        self.entries[number] = entry
        if self._watched:
            self._finished.put(number)

    def _stop(self, error: WcodeError) -> None:
        """No further request; those under way are waited for."""
        self._stopping = True
        self._changed.set()
        if self.error is None:
            self.error = error

    def _note_jobs(self) -> None:
        """Where answers were moved, or are for other runs: which ones are of this run, and in which order."""
        if self._file.temporary or self._cancelled or self.error is not None:
            return  # it does not know all jobs: a note of some would hide the answers of the others
        used = sum(isinstance(entry, (LineEntry, Kept)) for entry in self.entries.values())
        if self._moved or self._file.noted or used < self._file.count:
            self._file.append_jobs(self._file.line(self.entries[number]).job for number in sorted(self.entries))

    def _remember(self) -> None:
        """Puts the answers into the replay file in the order of the jobs, which a replay asks in."""
        call = self.plan.calls[0]
        if call.replay in ("auto", "record"):
            self._sender.keeper.add_all(self._to_remember(call), call)

    def _to_remember(self, call: Call) -> Iterator[Reply]:
        for number in sorted(self.entries):
            line = self.line(number)
            if line.redacted:
                self.notices.append(
                    _("Row {number} contains a credential and is not recorded").format(number=line.job.row + 1)
                )
                continue
            for reply in line.answers:
                # What an earlier run asked may have been recorded then.
                if reply.fingerprint and not (number in self._earlier and self._sender.holds(call, reply)):
                    yield reply


def _unsent(task: Task, error: WcodeError) -> Reply:
    """The reply of a job that was never sent."""
    request = task.template.request
    return Reply(
        request=Request(model=request.model, messages=task.messages, parameters=request.parameters),
        ended="failed",
        fault=fault_of(error),
        model=request.model,
    )
