"""A run in pictures; the only module that imports matplotlib."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .. import extras
from ..errors import one_line
from ..language import _
from . import statistics
from .runfile import RunLine

__all__ = ["plot"]


def plot(replies: Sequence[tuple[RunLine, statistics.Scored]]) -> object:
    """Three axes: RMB and seconds of each reply (with scores: score against RMB and against seconds), and lengths."""
    figures = extras.load("matplotlib.figure", extra="plot")
    _show_figures()
    figure = figures.Figure(figsize=(12, 3.6), layout="constrained")
    axes = figure.subplots(1, 3)
    groups: dict[str, list[tuple[RunLine, statistics.Scored]]] = {}
    for line, scored in replies:
        if line.good:
            groups.setdefault(_label(line), []).append((line, scored))
    is_scored = any(scored.values for _line, scored in replies)
    for label, members in groups.items():
        costs = [float(line.cost or 0) for line, _scored in members]
        seconds = [line.reply.timing.total_s for line, _scored in members]
        if is_scored:
            scores = [next(iter(scored.values.values()), None) for _line, scored in members]
            axes[0].plot(costs, scores, "o", alpha=0.6, label=label)
            axes[1].plot(seconds, scores, "o", alpha=0.6, label=label)
        else:
            axes[0].hist(costs, alpha=0.6, label=label)
            axes[1].hist(seconds, alpha=0.6, label=label)
        axes[2].hist([len(line.reply.text) for line, _scored in members], alpha=0.6, label=label)
    heights = (_("score"), _("score"), _("replies")) if is_scored else (_("replies"),) * 3
    for axis, below, beside in zip(axes, (_("RMB"), _("seconds"), _("characters")), heights, strict=True):
        axis.set_xlabel(below)
        axis.set_ylabel(beside)
    if groups:
        for text in axes[0].legend().get_texts():
            text.set_parse_math(False)  # `$` of a model's name is no formula
    return figure


def _show_figures() -> None:
    """IPython shows a Figure as a picture only once it was told to."""
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.core.pylabtools import select_figure_formats

        if (shell := get_ipython()) is not None:
            select_figure_formats(shell, {"png"})  # type: ignore[no-untyped-call]


def _label(line: RunLine) -> str:
    return one_line(" ".join([line.job.model, *(f"{name}={value}" for name, value in line.job.values.items())]), 80)
