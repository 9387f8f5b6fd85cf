"""How much: a run starts a request only while it cannot take the run, or its session, past the budget."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from ..session import Call
from ..session.ledger import Ledger

__all__ = ["Budget"]

Verdict = Literal["go", "wait", "stop"]


class Budget:
    """What a run may still spend, in RMB; None is without limit.

    `limit` is the run's own, `session_limit` that of the `ledger` which all runs and cells of a session share. A
    request sets aside what it costs at most (see `Estimate.most_cny`) until it is known what it did cost.
    """

    def __init__(
        self, limit: Decimal | None, *, ledger: Ledger | None = None, session_limit: Decimal | None = None
    ) -> None:
        self.limit = limit
        self.spent = Decimal(0)
        """By this run."""
        self.earlier = Decimal(0)
        """By the runs before, which this one continues."""
        self.session = ledger or Ledger()
        self.session_limit = session_limit
        self._reserved = Decimal(0)

    def reserve(self, call: Call) -> tuple[Verdict, Decimal]:
        """Whether `call` may start, and what it sets aside if so; `wait`: when others are through, ask again."""
        most = self.session.most(call.request.model, call.estimate.most_cny)
        if most is None:
            return "go", Decimal(0)
        spent = self.spent + self.earlier
        if self.limit is not None and (spent >= self.limit or spent + self._reserved + most > self.limit):
            return ("wait" if self._reserved and spent < self.limit else "stop"), most
        if not self.session.reserve(most, self.session_limit):
            assert self.session_limit is not None
            waits = self.session.reserved and self.session.spent < self.session_limit
            return ("wait" if waits else "stop"), most
        self._reserved += most
        return "go", most

    def settle(self, reserved: Decimal, cost: Decimal, model: str = "") -> None:
        """A request is through: it had set `reserved` aside, and `cost` is booked for it."""
        self._reserved -= reserved
        self.spent += cost
        self.session.settle(reserved, cost, model)

    @property
    def ends_at(self) -> tuple[Decimal, Decimal]:
        """The limit that is nearer, and what is spent of it."""
        pairs = [
            (limit, spent)
            for limit, spent in (
                (self.limit, self.spent + self.earlier),
                (self.session_limit, self.session.spent),
            )
            if limit is not None
        ]
        return min(pairs, key=lambda pair: pair[0] - pair[1])
