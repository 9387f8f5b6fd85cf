"""How one question of a run is asked: a recorded answer, or the network; and what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal

from ..errors import WcodeError
from ..event_loop import fold
from ..reply import Reply
from ..reply.events import Notice, Usage
from ..reply.reply_builder import ReplyBuilder
from ..session import Call
from ..session.keeping import Keeper
from ..store import Mode
from ..transport import Endpoint, Transport

__all__ = ["Price", "RequestSender"]

Price = Callable[[str, Usage], Decimal | None]
"""RMB that an answer of a model cost; None: unknown."""


class RequestSender:
    """Sends the requests of a run.

    `reach` gives an endpoint its address and may take seconds; `keeper` looks recorded answers up and keeps new ones;
    `price` is what an answer cost, in RMB.
    """

    def __init__(
        self,
        transport: Transport,
        keeper: Keeper,
        *,
        reach: Callable[[Endpoint], Endpoint],
        price: Price,
    ) -> None:
        self.transport = transport
        self.keeper = keeper
        self._reach = reach
        self._price = price
        self._reached: dict[Endpoint, asyncio.Task[Endpoint]] = {}

    def lookup(self, call: Call) -> Reply | None:
        """The recorded answer; None: ask. Raises ReplayError where only recorded ones are wanted."""
        return self.keeper.recorded(call, self.keeper.record(call))

    async def reach(self, where: Endpoint) -> Endpoint:
        """The address to ask. Raises InputError (no key), LocalModelError: then nothing can be asked at all."""
        if where not in self._reached:
            self._reached[where] = asyncio.ensure_future(asyncio.to_thread(self._checked, where))
        return await self._reached[where]

    def _checked(self, where: Endpoint) -> Endpoint:
        found = self._reach(where)
        self.transport.check(found)
        return found

    async def ask(self, call: Call, where: Endpoint) -> tuple[Reply, WcodeError | None]:
        """The answer, however it ended, and the error that ended it. Cancelled, it gives what had arrived."""
        builder = ReplyBuilder(call.request, fingerprint=call.fingerprint, price=self._price)
        for warning in call.warnings:
            builder.apply(Notice(warning))
        return await fold(self.transport.events(call.request, where, call.deadlines), builder)

    def holds(self, call: Call, reply: Reply) -> bool:
        """Whether the replay file of `call` holds this very reply."""
        record = self.keeper.record(call)
        return record is not None and record.holds(reply, keep_images=call.keep_images)


def resumes(mode: Mode) -> bool:
    """Whether answers of an earlier run count: neither where only recorded ones do, nor where all are asked anew."""
    return mode in ("off", "auto")
