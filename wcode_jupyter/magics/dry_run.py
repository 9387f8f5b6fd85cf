"""What a dry run shows of a call."""

from __future__ import annotations

import msgspec

from .. import wire
from ..language import _
from ..prompt.images import abridged
from ..session import Call, CostEstimate

__all__ = ["describe_call"]


def describe_call(call: Call) -> str:
    """What `--dry-run` shows: the exact body as JSON, images abridged; fingerprint, endpoint, cost and warnings."""
    body = msgspec.json.format(msgspec.json.encode(abridged(wire.encode(call.request))), indent=2).decode()
    facts = {
        _("endpoint"): call.endpoint.url or _("the embedded model's server"),
        _("fingerprint"): call.fingerprint,
        _("estimate"): _estimate(call.estimate),
        **{_("warning") + (f" {n}" if n > 1 else ""): text for n, text in enumerate(call.warnings, 1)},
        _("sent"): _("nothing (dry run)"),
    }
    return "\n".join([body, "", *(f"{name}: {value}" for name, value in facts.items())])


def _estimate(estimate: CostEstimate) -> str:
    tokens = _("about {count} input tokens").format(count=estimate.input_tokens)
    if estimate.input_cny is None:
        return _("{tokens}, price unknown").format(tokens=tokens)
    parts = [tokens, f"¥{estimate.input_cny:.6f}"]
    if estimate.output_cny is None:
        parts.append(_("plus the output"))
    else:
        parts.append(_("plus at most ¥{cost} for the output").format(cost=f"{estimate.output_cny:.6f}"))
    return " ".join(parts)
