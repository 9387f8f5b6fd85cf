"""What a run may cost, before it is sent: some rows from everywhere counted, the rest taken to be like them."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from ..errors import WcodeError
from ..language import _
from .plan import Plan

__all__ = ["RunEstimate", "estimate"]

_ROWS = 200
_SHORT_OUTPUT, _ASSUMED_OUTPUT = 50, 500
"""Tokens of an answer, where max_tokens says nothing and none was seen: of a short one, and of a long one."""
_SPREAD = Decimal("1.5")
"""How much longer, or shorter, than those that were seen the answers may be on the average."""


class RunEstimate(Struct, frozen=True, kw_only=True):
    """Of a whole run. Tokens are a rough count without the model's tokenizer."""

    requests: int | None
    """None: the rows cannot be counted."""
    input_tokens: int | None
    cny: Decimal | None
    """RMB for input and long answers: as long as max_tokens allows; None without count or without any price."""
    least_cny: Decimal | None = None
    """RMB for input and short answers."""
    assumed_output: int | None = None
    """Output tokens that an answer was taken to have where no max_tokens is set."""
    unpriced: tuple[str, ...] = ()
    """Models of unknown price, which `cny` does not hold."""

    def __str__(self) -> str:
        if self.requests is None:
            return _("as many requests as there are rows, of unknown number")
        parts = [
            _("{count} requests, about {tokens} input tokens").format(count=self.requests, tokens=self.input_tokens)
        ]
        if self.cny is not None:
            least = self.least_cny
            parts.append(f"¥{self.cny:.4f}" if least in (None, self.cny) else f"¥{least:.4f} – ¥{self.cny:.4f}")
        if self.cny is not None and self.assumed_output:
            parts.append(_("if an answer takes up to {count} tokens").format(count=self.assumed_output))
        if self.unpriced:
            parts.append(_("price unknown: {models}").format(models=", ".join(self.unpriced)))
        return " · ".join(parts)


def estimate(plan: Plan, kept: int = 0) -> RunEstimate:
    """What `plan` may cost; `kept` of its answers are there already. Rows from an iterator are left alone."""
    count = None if plan.count is None else max(0, plan.count - kept)
    if count is None or plan.rows.once:
        return RunEstimate(requests=count, input_tokens=None, cny=None)
    tokens, cost, least, seen = 0, Decimal(0), Decimal(0), 0
    unpriced: dict[str, None] = {}
    assumed = False
    for task in plan.sample(_ROWS):
        seen += 1
        if task.error is not None:
            continue
        try:
            call = plan.call(task)
        except WcodeError:
            continue
        tokens += call.estimate.input_tokens
        if call.estimate.input_cny is None:
            unpriced[call.request.model] = None
            continue
        output, shortest = call.estimate.output_cny, plan.price(call, _SHORT_OUTPUT)
        if (usual := plan.usual_output(call)) is not None:
            longest = plan.price(call, round(usual * _SPREAD))
            output = longest if output is None else min(output, longest)
            shortest = plan.price(call, round(usual / _SPREAD))
        elif output is None:
            assumed = True
            output = plan.price(call, _ASSUMED_OUTPUT)
        cost += call.estimate.input_cny + output
        least += call.estimate.input_cny + min(output, shortest)
    share = Decimal(count) / max(1, seen)
    priced = len(unpriced) < len({variant.model for variant in plan.variants})
    return RunEstimate(
        requests=count,
        input_tokens=round(tokens * share),
        cny=cost * share if priced else None,
        least_cny=least * share if priced else None,
        assumed_output=_ASSUMED_OUTPUT if assumed else None,
        unpriced=tuple(unpriced),
    )
