"""How one question of a run is asked: a recorded answer, or the network; and what is kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import WcodeError
from ..event_loop import fold
from ..reply import Reply
from ..reply.events import Notice
from ..reply.reply_builder import ReplyBuilder
from ..session import Call
from ..store import Mode, Record
from ..transport import Endpoint, Transport

__all__ = ["RequestSender"]


class RequestSender:
    """What a run needs of its client.

    `reach` gives an endpoint its address and may take seconds; `record` opens the replay file of a call, `remember`
    adds an answer to it. `ended` hears of every answer, live or replayed, on the loop; `log` keeps it, on a thread of
    its own.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        reach: Callable[[Endpoint], Endpoint],
        record: Callable[[Call], Record | None],
        remember: Callable[[Reply, Call, Record], None],
        ended: Callable[[Reply], None],
        log: Callable[[Reply], None] | None = None,
        price: Any = None,
    ) -> None:
        self.transport = transport
        self.ended = ended
        self.log = log
        self._reach = reach
        self._record = record
        self._remember = remember
        self._price = price
        self._reached: dict[Endpoint, asyncio.Task[Endpoint]] = {}

    def lookup(self, call: Call) -> Reply | None:
        """The recorded answer; None: ask. Raises ReplayError where only recorded ones are wanted."""
        record = self._record(call)
        return None if record is None else record.lookup(call.request, call.fingerprint)

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
        record = self._record(call)
        return record is not None and record.holds(reply, keep_images=call.keep_images)

    def remember(self, call: Call, replies: Iterable[Reply]) -> None:
        """Records answers in this order. Raises ReplayError."""
        record = self._record(call)
        if record is not None:
            for reply in replies:
                self._remember(reply, call, record)


def resumes(mode: Mode) -> bool:
    """Whether answers of an earlier run count: neither where only recorded ones do, nor where all are asked anew."""
    return mode in ("off", "auto")
