"""Past one machine: requests of a run are sent by the workers of a Dask cluster (extra `dask`).

Plan, pace, budget and run file stay where the run was started, so the limits hold over all workers together and every
answer comes back into the one file. What travels is a request and its endpoint; the key never does: a worker finds it
as any program does, in its own environment or keyring.

On each worker sits a Sender, a Dask actor: it takes any number of requests at once, whatever threads the worker has,
and an answer that is through stays nowhere in the cluster. (A Dask task does: when its worker dies, Dask sends requests
again whose answers have long arrived, and nobody counts those.) What a dead worker had under way is asked again by
another one, and the result holds each row once.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from .. import extras
from ..errors import InputError, RunError, WcodeError, one_line
from ..event_loop import EventLoop, fold
from ..keys import Keys
from ..language import _
from ..reply import Reply, fault_of
from ..reply.events import Notice
from ..reply.reply_builder import ReplyBuilder
from ..request.messages import Request
from ..session import Call
from ..session.keeping import Keeper
from ..transport import Deadlines, Endpoint, Transport
from .sender import Price, RequestSender

__all__ = ["ClusterSender", "find_cluster"]

_CONNECTIONS = 1024
_TRIES = 10
"""How many workers may die with a request before it counts as failed."""
_LOOK_EVERY_S = 5.0
"""How often a run looks for workers that have joined."""
_WORKER_WITHIN_S = 60.0
"""How long a run waits for the first worker, or the first after all have died."""
_SETTLED_S = 0.5
"""A dead worker's connections close one by one; until the server has seen it, its requests count for the limits."""
_GONE_SEEN_WITHIN_S = 1.0
"""How often a request looks whether its worker is still there."""
_PARTIAL_WITHIN_S = 2.0
"""How long an interrupted run waits for what had arrived at the workers."""


def find_cluster(engine: object) -> object:
    """The Dask client that `engine` is, else the current one. Raises InputError: there is none."""
    distributed = extras.load("distributed", extra="dask", package="Dask")
    if isinstance(engine, distributed.Client):
        return engine
    try:
        return distributed.default_client()
    except ValueError:
        raise InputError(
            _("There is no Dask client"), hint=_("Connect first: from dask.distributed import Client; Client(…)")
        ) from None


class ClusterSender(RequestSender):
    """A RequestSender whose requests are sent by the workers of `cluster`."""

    def __init__(
        self,
        cluster: object,
        transport: Transport,
        keeper: Keeper,
        *,
        reach: Callable[[Endpoint], Endpoint],
        price: Price,
    ) -> None:
        super().__init__(transport, keeper, reach=reach, price=price)
        self._seats = _Seats(cluster)

    @classmethod
    def at(
        cls,
        engine: object,
        transport: Transport,
        keeper: Keeper,
        *,
        reach: Callable[[Endpoint], Endpoint],
        price: Price,
    ) -> ClusterSender:
        """The sender for a Dask client, or for the current one. Raises InputError."""
        return cls(find_cluster(engine), transport, keeper, reach=reach, price=price)

    def _checked(self, where: Endpoint) -> Endpoint:
        # Whether there is a key is for the workers to say.
        return self._reach(where)

    async def ask(self, call: Call, where: Endpoint) -> tuple[Reply, WcodeError | None]:
        """As the RequestSender's, elsewhere. A request that no worker carries through is a failed reply.

        Raises RunError: there is no worker.
        """
        try:
            reply, error = await self._elsewhere(call, where)
        except asyncio.CancelledError:
            reply, error = Reply(request=call.request, ended="interrupted", model=call.request.model), None
        except RunError:
            raise
        except Exception as raised:
            error = RunError(_("No worker completed the request: {error}").format(error=one_line(repr(raised))))
            reply = Reply(request=call.request, ended="failed", fault=fault_of(error), model=call.request.model)
        cost = self._price(call.request.model, reply.usage) if reply.usage else None
        return msgspec.structs.replace(reply, cost=cost, fingerprint=call.fingerprint), error

    async def _elsewhere(self, call: Call, where: Endpoint) -> tuple[Reply, WcodeError | None]:
        for tried in itertools.count(1):
            seat = await self._seats.free()
            try:
                reply, error = await seat.ask(call.request, where, call.deadlines, call.fingerprint, call.warnings)
            except _WorkerLost as lost:
                self._seats.drop(seat)
                if tried == _TRIES:
                    raise lost.error from None
                await asyncio.sleep(_SETTLED_S)
                continue
            if tried > 1:
                lost_attempts = tried - 1 + reply.raw.get("lost_attempts", 0)
                reply = msgspec.structs.replace(reply, raw={**reply.raw, "lost_attempts": lost_attempts})
            return reply, error
        raise AssertionError


class _WorkerLost(Exception):
    """The worker died, or left, with the request."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class _Seat:
    """The Sender of one worker, seen from here."""

    _numbers = itertools.count()

    def __init__(self, cluster: object, address: str, placed: Any, sender: object) -> None:
        self.address = address
        self.under_way = 0
        self._cluster = cluster
        self._placed = placed
        """Dask's future of the Sender: the worker keeps it as long as this one is held."""
        self._sender = sender

    async def ask(self, *parts: object) -> tuple[Reply, WcodeError | None]:
        """`send` on the worker. Cancelled, it gives what had arrived there. Raises _WorkerLost."""
        number = next(self._numbers)
        self.under_way += 1
        answer: asyncio.Future[tuple[Reply, WcodeError | None]]
        answer = asyncio.ensure_future(_on_dask(self._cluster, self._called("send", number, *parts)))
        try:
            return await self._awaited(answer)
        except asyncio.CancelledError:
            self._called("cancel", number)
            await asyncio.wait({answer}, timeout=_PARTIAL_WITHIN_S)
            if not answer.done():
                raise
            return await answer
        except Exception as error:
            if isinstance(error, OSError) or self._gone:
                raise _WorkerLost(error) from None
            raise
        finally:
            answer.cancel()
            self.under_way -= 1

    async def _awaited(
        self, answer: asyncio.Future[tuple[Reply, WcodeError | None]]
    ) -> tuple[Reply, WcodeError | None]:
        """The answer, which Dask itself may await for ever when the worker is gone. Raises OSError then."""
        while not answer.done():
            await asyncio.wait({answer}, timeout=_GONE_SEEN_WITHIN_S)
            if self._gone and not answer.done():
                raise OSError(_("Lost the connection to worker {address}").format(address=self.address))
        return await answer

    @property
    def _gone(self) -> bool:
        return bool(self._placed.status != "finished")

    def _called(self, method: str, *arguments: object) -> object:
        return getattr(self._sender, method)(*arguments)


class _Seats:
    """A seat for each worker of a cluster: those that are there, and those that join."""

    def __init__(self, cluster: Any) -> None:
        self._cluster = cluster
        self._seats: dict[str, _Seat] = {}
        self._looking = asyncio.Lock()
        self._look_at = 0.0

    async def free(self) -> _Seat:
        """The seat with the fewest requests under way. Raises RunError: no worker comes, or none can send."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _WORKER_WITHIN_S
        while not self._seats or (loop.time() >= self._look_at and not self._looking.locked()):
            async with self._looking:
                # Somebody else may have looked meanwhile.
                if not self._seats or loop.time() >= self._look_at:
                    self._look_at = loop.time() + _LOOK_EVERY_S
                    await self._look(until - loop.time())
        return min(self._seats.values(), key=lambda seat: seat.under_way)

    def drop(self, seat: _Seat) -> None:
        """Its worker is gone; another one may have taken its place."""
        self._seats.pop(seat.address, None)
        self._look_at = 0.0

    async def _look(self, patience_s: float) -> None:
        addresses = await asyncio.to_thread(self._workers)
        for address in addresses - self._seats.keys():
            if (seat := await asyncio.to_thread(self._placed, address)) is not None:
                self._seats[address] = seat
        if not self._seats:
            if patience_s <= 0:
                raise RunError(_("The Dask cluster has no worker"))
            await asyncio.sleep(0.2)

    def _workers(self) -> set[str]:
        return set(self._cluster.nthreads())

    def _placed(self, address: str) -> _Seat | None:
        """A seat at the worker `address`; None: it is gone. Raises RunError: it cannot send."""
        placed = self._cluster.submit(Sender, actor=True, workers=[address], allow_other_workers=False, pure=False)
        until = time.monotonic() + _WORKER_WITHIN_S
        while True:
            try:
                return _Seat(self._cluster, address, placed, placed.result(timeout=1.0))
            except Exception as error:
                # A worker that dies now would be waited for: Dask does not give its Sender to another one.
                if address not in self._workers():
                    return None
                if not isinstance(error, TimeoutError) or time.monotonic() > until:
                    why = one_line(f"{type(error).__name__}: {error}")
                    raise RunError(
                        _("The worker {address} cannot send requests: {error}").format(address=address, error=why),
                        hint=_("Install wcode_jupyter on the workers, in the same version."),
                    ) from None


async def _on_dask(cluster: Any, awaitable: Any) -> Any:
    """The result of something that can only be awaited on Dask's loop, which is not this one."""

    async def awaited() -> object:
        return await awaitable

    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited(), cluster.loop.asyncio_loop))


# -- on a worker -----------------------------------------------------------------------------------------------------


@cache
def _worker() -> tuple[EventLoop, Transport]:
    """One event loop for all Senders of a worker's process, with the keys of its environment."""
    return EventLoop(), Transport(Keys(), connections=_CONNECTIONS, retry_refused=False, fast=True)


class Sender:
    """Sends requests from a worker; never raises what a server did."""

    def __init__(self) -> None:
        self._under_way: dict[int, asyncio.Task[object]] = {}

    async def send(
        self,
        number: int,
        request: Request,
        where: Endpoint,
        deadlines: Deadlines,
        fingerprint: str,
        warnings: tuple[str, ...],
    ) -> tuple[Reply, WcodeError | None]:
        """The answer, however it ended, and the error that ended it. `number` is what `cancel` knows it by."""
        loop, transport = _worker()
        builder = ReplyBuilder(request, fingerprint=fingerprint)
        for warning in warnings:
            builder.apply(Notice(warning))

        async def ask() -> tuple[Reply, WcodeError | None]:
            task = asyncio.current_task()
            assert task is not None
            self._under_way[number] = task
            try:
                return await fold(transport.events(request, where, deadlines), builder)
            finally:
                del self._under_way[number]

        reply, error = await asyncio.wrap_future(loop.submit(ask()))
        if error is not None:
            error.reply = None
        return reply, error

    async def cancel(self, number: int) -> None:
        """Ends a request: `send` gives what had arrived."""
        if task := self._under_way.get(number):
            with contextlib.suppress(RuntimeError):  # the loop ended, and the request with it
                task.get_loop().call_soon_threadsafe(task.cancel)
