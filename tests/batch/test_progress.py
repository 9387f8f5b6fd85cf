"""The line beside a run's bar: rate, time left, failed, in flight, tokens, money."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wcode_jupyter.batch.counts import RunProgress
from wcode_jupyter.batch.progress import postfix
from wcode_jupyter.figures import format_time


def progress(**values: object) -> RunProgress:
    whole = {"total": 100, "done": 0, "failed": 0, "kept": 0, "in_flight": 4, "output_tokens": 0,
             "cost_cny": Decimal(0), "seconds": 0.0, **values}  # fmt: skip
    return RunProgress(**whole)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "4 in flight"),
        (
            {"done": 30, "kept": 10, "failed": 2, "seconds": 8.0, "output_tokens": 400, "cost_cny": Decimal("0.04")},
            "2.5 rows/s · 28 s left · 2 failed · 4 in flight · 50 tokens/s · ¥0.0400 of about ¥0.180",
        ),
        ({"done": 1, "seconds": 20.0, "total": None}, "0.05 rows/s · 4 in flight"),
        ({"done": 50, "seconds": 2.0}, "25 rows/s · 2 s left · 4 in flight"),
    ],
)
def test_what_stands_beside_the_bar(values: dict[str, object], expected: str) -> None:
    """What is not known is left out: no `?it/s`."""
    assert postfix(progress(**values)) == expected


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.4, "59 s"), (60, "1:00 min"), (3599, "59:59 min"), (7500, "2:05 h")]
)
def test_times_are_short(seconds: float, text: str) -> None:
    """Seconds, minutes or hours."""
    assert format_time(seconds) == text
