"""What was paid, and what may still be: the money of one session.

A request sets aside what it costs at most before it is sent; when it is through, what it did cost takes the place of
that. Where nobody says what it cost, all of it stays booked: unknown is not zero.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

from ..reply import Reply

__all__ = ["LOST_ATTEMPTS", "Ledger", "booked"]

LOST_ATTEMPTS = "lost_attempts"
"""Field of `Reply.raw`: how many attempts the transport sent that were not answered."""
_TAKEN_UP = frozenset(("RunError",))
"""Faults that come from elsewhere than the transport, which counts what it lost."""


class Ledger:
    """RMB of a session: `spent`, and `reserved` for what is under way. From any thread."""

    def __init__(self) -> None:
        self.spent = Decimal(0)
        self.reserved = Decimal(0)
        self.listeners: list[Callable[[], None]] = []
        """Called when a request is through, on the thread where that happens."""
        self._mutex = threading.Lock()
        self._factors: dict[str, Decimal] = {}

    def most(self, model: str, estimated: Decimal | None) -> Decimal | None:
        """RMB that a request costs at most, where answers of its model have cost more than was `estimated` too."""
        return None if estimated is None else estimated * self._factors.get(model, 1)

    def reserve(self, amount: Decimal, limit: Decimal | None) -> bool:
        """Sets `amount` aside where `limit` leaves room for it; None is no limit."""
        with self._mutex:
            if limit is not None and (self.spent + self.reserved + amount > limit or self.spent >= limit):
                return False
            self.reserved += amount
            return True

    def settle(self, reserved: Decimal, cost: Decimal, model: str = "") -> None:
        """A request is through: it had set `reserved` aside, and `cost` is booked for it."""
        with self._mutex:
            if 0 < reserved < cost:
                self._factors[model] = self._factors.get(model, Decimal(1)) * cost / reserved
            self.reserved -= reserved
            self.spent += cost
            listeners = tuple(self.listeners)
        for listener in listeners:
            listener()


def booked(reply: Reply, most: Decimal | None) -> Decimal:
    """RMB to book for an answer that could cost `most`: what it cost, and all of `most` where that is not known.

    A usage that counts nothing, or that came before the end (Anthropic's first one), says nothing of the bill. Nothing
    is booked for a replayed answer, for a refusal, and where no price is known. Attempts that were cut before the
    answer came, and asked again by the transport, are booked whole.
    """
    if reply.replayed:
        return Decimal(0)
    lost = int(reply.raw.get(LOST_ATTEMPTS, 0)) * (most or Decimal(0))
    known: Decimal | None = reply.cost if reply.usage is not None and reply.usage.total_tokens > 0 else None
    if known is not None and (most is None or reply.finish_reason is not None):
        return known + lost
    if most is None:
        return Decimal(0)
    return lost if known is None and _is_free(reply) else max(known or Decimal(0), most) + lost


def _is_free(reply: Reply) -> bool:
    """Whether the last attempt costs nothing of its own: refused, never sent, or among the lost ones already."""
    arrived = any(choice.text or choice.reasoning or choice.tool_calls for choice in reply.choices)
    return reply.ended == "failed" and reply.fault is not None and not arrived and reply.fault.kind not in _TAKEN_UP
