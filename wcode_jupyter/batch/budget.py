"""How much: a run starts a request only while it cannot take the run past its budget."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from ..session import Call, Estimate

__all__ = ["Budget"]

Verdict = Literal["go", "wait", "stop"]


class Budget:
    """What a run may still spend, in RMB; None is without limit.

    A request reserves what it costs at most: its estimate where `max_tokens` is set, else twice the dearest of its
    model so far. Nothing is known before the first answer of a model, so that one is asked alone.
    """

    def __init__(self, limit: Decimal | None) -> None:
        self.limit = limit
        self.spent = Decimal(0)
        self._reserved = Decimal(0)
        self._dearest: dict[str, Decimal] = {}

    def reserve(self, call: Call) -> tuple[Verdict, Decimal]:
        """Whether `call` may start, and what it reserves if so; `wait`: when others are through, ask again."""
        if self.limit is None or not _has_price(call.estimate):
            return "go", Decimal(0)
        left = self.limit - self.spent - self._reserved
        needs = self._most(call)
        if needs is None:
            # Alone, and only when there is something left.
            if self._reserved:
                return "wait", Decimal(0)
            needs = left
        if needs > left or left <= 0:
            return ("wait" if self._reserved else "stop"), Decimal(0)
        self._reserved += needs
        return "go", needs

    def _most(self, call: Call) -> Decimal | None:
        estimate = call.estimate
        if estimate.input_cny is not None and estimate.output_cny is not None:
            return estimate.input_cny + estimate.output_cny
        dearest = self._dearest.get(call.request.model)
        return None if dearest is None else 2 * dearest

    def settle(self, model: str, reserved: Decimal, cost: Decimal | None) -> None:
        """A request is through and cost `cost`."""
        self._reserved -= reserved
        if cost is not None:
            self.spent += cost
            self._dearest[model] = max(cost, self._dearest.get(model, cost))


def _has_price(estimate: Estimate) -> bool:
    return estimate.input_cny is not None
