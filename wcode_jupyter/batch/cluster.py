"""Past one machine: requests of a run are sent by the workers of a Dask cluster (extra `dask`).

Plan, pace, budget and run file stay where the run was started, so the limits hold over all workers together and every
answer comes back into the one file. What travels is a request and its endpoint; the key never does: a worker finds it
as any program does, in its own environment or keyring. A request is one Dask task and takes a worker's thread while it
is under way: give the workers as many threads as requests (`threads_per_worker=32`). A worker that dies costs nothing:
Dask gives its requests to another one, and the result holds each row once.
"""

from __future__ import annotations

import asyncio
import importlib
from functools import cache
from typing import Any

import msgspec

from ..engine import Engine, fold
from ..errors import InputError, RunError, WcodeError, one_line
from ..events import Notice
from ..keys import Keys
from ..language import _
from ..messages import Request
from ..reply import Fault, Reply, ReplyBuilder
from ..session import Call
from ..transport import Deadlines, Endpoint, Transport
from .asking import Asker

__all__ = ["ClusterAsker", "find_cluster"]

_CONNECTIONS = 1024
_TRIES = 10
"""How often Dask starts a request again whose worker died."""


def find_cluster(engine: Any) -> Any:
    """The Dask client that `engine` is, or the current one where it is the word `dask`. Raises InputError."""
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise InputError(_("This needs Dask"), hint='pip install "wcode_jupyter[dask]"') from None
    if isinstance(engine, distributed.Client):
        return engine
    if engine != "dask":
        raise InputError(_("An engine is a dask.distributed Client, or the word dask for the current one"))
    try:
        return distributed.default_client()
    except ValueError:
        raise InputError(
            _("There is no Dask client"), hint=_("Connect first: from dask.distributed import Client; Client(…)")
        ) from None


class ClusterAsker(Asker):
    """An Asker whose requests are sent by the workers of `cluster`."""

    def __init__(self, cluster: Any, transport: Transport, **parts: Any) -> None:
        super().__init__(transport, **parts)
        self._cluster = cluster

    def _checked(self, where: Endpoint) -> Endpoint:
        # Whether there is a key is for the workers to say.
        return self._reach(where)

    async def ask(self, call: Call, where: Endpoint) -> tuple[Reply, WcodeError | None]:
        """As the Asker's, elsewhere. A request that no worker carries through is a failed reply."""
        future = self._cluster.submit(
            send, call.request, where, call.deadlines, call.fingerprint, call.warnings, pure=False, retries=_TRIES
        )
        try:
            reply, error = await _done(future)
        except asyncio.CancelledError:
            future.cancel()
            reply, error = Reply(request=call.request, ended="interrupted", model=call.request.model), None
        except Exception as raised:
            error = RunError(_("No worker carried it through: {error}").format(error=one_line(repr(raised))))
            fault = Fault("RunError", error.what)
            reply = Reply(request=call.request, ended="failed", fault=fault, model=call.request.model)
        cost = self._price(call.request.model, reply.usage) if self._price and reply.usage else None
        return msgspec.structs.replace(reply, cost=cost, fingerprint=call.fingerprint), error


async def _done(future: Any) -> Any:
    """The result of a Dask future, awaited on this loop, which is not Dask's."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def wake(_future: Any) -> None:
        loop.call_soon_threadsafe(lambda: None if ended.done() else ended.set_result(None))

    future.add_done_callback(wake)
    await ended
    # It is done: fetching the small result does not hold up the loop for longer than the way to the worker.
    return await asyncio.to_thread(future.result)


# -- on a worker -----------------------------------------------------------------------------------------------------


@cache
def _worker() -> tuple[Engine, Transport]:
    """One engine for all requests of a worker's process, with the keys of its environment."""
    return Engine(), Transport(Keys(), connections=_CONNECTIONS, retry_refused=False, fast=True)


def send(
    request: Request, where: Endpoint, deadlines: Deadlines, fingerprint: str, warnings: tuple[str, ...]
) -> tuple[Reply, WcodeError | None]:
    """Sends one request from a worker and waits for its end; never raises what a server did."""
    engine, transport = _worker()
    builder = ReplyBuilder(request, fingerprint=fingerprint)
    for warning in warnings:
        builder.apply(Notice(warning))

    async def ask() -> tuple[Reply, WcodeError | None]:
        return await fold(transport.events(request, where, deadlines), builder)

    reply, error = engine.run(ask())
    if error is not None:
        error.reply = None
    return reply, error
