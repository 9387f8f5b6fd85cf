"""One job on its way to an answer: what to ask now, what came so far, and what is kept of it in the end.

With a schema an answer that does not fit is asked for again where that is wanted (see `session.attempts`). What never
fits is a failed reply with its text and the reason.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ..errors import AnswerInvalid, AnswerMalformed, WcodeError
from ..prompt.schema import Schema, parse
from ..reply import Reply, fault_of
from ..session import Call
from .plan import Plan, Task
from .runfile import GOOD, RunLine

__all__ = ["Question", "fitted", "typed"]

_NOTHING = Decimal(0)


class Question:
    """The question of one task. Raises InputError: it cannot be sent."""

    def __init__(self, plan: Plan, task: Task) -> None:
        self.job = task.job
        self._call = plan.call(task)
        self._schema = plan.schema
        self._attempts = plan.attempts(self._call)
        self._came: list[Reply] = []
        self._booked = Decimal(0)
        self.error: WcodeError | None = None
        """What ended the last answer; whoever asks says it."""

    @property
    def call(self) -> Call:
        """What to ask now."""
        return self._call if self._attempts is None else self._attempts.call

    def take(self, reply: Reply, booked: Decimal = _NOTHING) -> RunLine | None:
        """The line to keep after `reply` came; None: ask `call`, which is another one now.

        `booked`: RMB that stand for it beside its known cost.
        """
        reply = sound(reply)
        self._came.append(reply)
        self._booked += booked
        if self._attempts is None or reply.ended not in GOOD:
            return self._line(reply)
        try:
            fitting = self._attempts.judge(reply)
        except AnswerInvalid as error:
            return self._line(_unfit(reply, error))
        return None if fitting is None else self._line(fitting)

    def settle(self) -> RunLine:
        """The line to keep when the question that `take` wanted cannot be asked any more."""
        return self._line(fitted(self._came[-1], self._schema))

    def _line(self, reply: Reply) -> RunLine:
        came = tuple(self._came)
        return RunLine(self.job, reply, () if came == (reply,) else came, self._booked)


def sound(reply: Reply) -> Reply:
    """`reply`; a failed one where there is doubt that it is an answer: a run must not count it."""
    if reply.ended not in GOOD or not reply.doubt:
        return reply
    return _unfit(reply, AnswerMalformed(reply.doubt))


def fitted(reply: Reply, schema: Schema | None) -> Reply:
    """`reply` with `parsed` as `schema` reads it; a failed one where it does not fit."""
    if schema is None or reply.ended not in GOOD:
        return reply
    try:
        return parse(reply, schema)
    except AnswerInvalid as error:
        return _unfit(reply, error)


def typed(line: RunLine, schema: Schema | None) -> RunLine:
    """`line` with its reply as `schema` reads it."""
    return line if schema is None else msgspec.structs.replace(line, reply=fitted(line.reply, schema))


def _unfit(reply: Reply, error: WcodeError) -> Reply:
    return msgspec.structs.replace(reply, ended="failed", fault=fault_of(error))
