"""The answers of a run as the explorer shows them."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InputError
from ..findings.exploration import ROW, SAMPLE, Exploration, ShownAnswer
from ..language import _
from .runfile import RunLine

__all__ = ["exploration"]


def exploration(lines: Iterable[RunLine]) -> Exploration:
    """All answers by row, model, swept values and sample. Raises InputError: there are none."""
    found = [_recorded(line) for line in lines]
    if not found:
        raise InputError(_("There are no answers to explore"))
    return Exploration(found)


def _recorded(line: RunLine) -> ShownAnswer:
    job, reply = line.job, line.reply
    levels = {ROW: job.row, "model": job.model, **{name: _level(value) for name, value in job.values.items()}}
    usage = reply.usage
    return ShownAnswer(
        levels={**levels, SAMPLE: job.sample},
        key=job.key,
        columns=job.columns,
        text=reply.text,
        fault="" if line.good else reply.error or reply.ended,
        input_tokens=None if usage is None else usage.input_tokens,
        output_tokens=None if usage is None else usage.output_tokens,
        cost="" if line.cost is None else f"¥{line.cost:f}",
    )


def _level(value: object) -> str | int | float | None:
    """What can be looked up: a list or an object of a sweep is its text."""
    return value if value is None or isinstance(value, (int, float)) else str(value)
