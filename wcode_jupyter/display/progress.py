"""How far an answer is, in one line: what the model does, tokens, speed, RMB so far, how to stop it.

Tokens are a rough count of what arrived, for the server says how many there were only at the end.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from ..figures import format_cost
from ..language import _
from ..session import rough_tokens
from .status import short_model

__all__ = ["AnswerProgress", "TokenPrice"]


class TokenPrice(Struct, frozen=True):
    """What an answer costs, in RMB."""

    input_cny: Decimal
    """Of the whole prompt."""
    token_cny: Decimal
    """Of one output token."""


class AnswerProgress:
    """Counts one answer."""

    def __init__(self, price: TokenPrice | None = None, *, stop: str = "") -> None:
        """`stop`: the command that stops the answer; empty where the notebook's stop button does."""
        self._price = price
        self._stop = stop
        self._tokens = 0.0
        self._first_s: float | None = None

    def receive(self, text: str, now_s: float) -> None:
        """`text` of the answer or its reasoning arrived."""
        if self._first_s is None:
            self._first_s = now_s
        self._tokens += rough_tokens(text)

    def line(self, model: str, now_s: float) -> str:
        """One line of plain text."""
        seconds = now_s - self._first_s if self._first_s is not None else 0.0
        parts = [
            _("{model} is writing").format(model=short_model(model)),
            _("about {n} tokens").format(n=f"{self._tokens:,.0f}"),
            _("{n} tokens/s").format(n=f"{self._tokens / seconds:.0f}") if seconds >= 1 else "",
            f"≈ {format_cost(self.spent_cny)}" if self.spent_cny is not None else "",
            _("stop: {command}").format(command=self._stop) if self._stop else _("stop: ■ or I, I"),
        ]
        return " · ".join(part for part in parts if part)

    @property
    def spent_cny(self) -> Decimal | None:
        """About what is spent by now; None where the price is unknown."""
        return None if self._price is None else self._price.input_cny + round(self._tokens) * self._price.token_cny
