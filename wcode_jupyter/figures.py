"""Figures for people: money and time to as many digits as say something."""

from __future__ import annotations

from decimal import Decimal

__all__ = ["format_cost", "format_time"]


def format_cost(cost: Decimal) -> str:
    """RMB to the fen, to three digits where it is less than a yuan: `¥12.35`, `¥0.00381`, `¥0`."""
    if not cost:
        return "¥0"
    return f"¥{cost:.{max(2, 2 - cost.adjusted())}f}"


def format_time(seconds: float) -> str:
    """A span of time: `40 s`, `3:20 min`, `2:05 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
