"""Stated probabilities against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import extras
from ..language import N_, _
from ..statistics.calibration import Calibration, calibrate
from .finding import Finding, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["calibration", "reliability_plot"]


def calibration(stated: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> Finding:
    """Reliability table, expected calibration error and Brier score. `result`: Calibration, for `reliability_plot`.

    Raises InputError: no rows, other lengths, values that are no probabilities.
    """
    found = calibrate(stated, right, bins=bins)
    rows = tuple((f"{part.low:.2g}–{part.high:.2g}", part.n, part.stated, part.observed) for part in found.bins)
    mean_stated = sum(stated) / len(stated)
    mean_right = sum(map(bool, right)) / len(right)
    sentence = _(
        "Stated {stated} on average, right {right}: expected calibration error {error}, Brier score {brier} (n = {n})."
    ).format(
        stated=figure(mean_stated), right=figure(mean_right), error=figure(found.expected_error),
        brier=figure(found.brier), n=found.n,
    )  # fmt: skip
    return Finding((N_("probability"), "n", N_("stated"), N_("observed")), rows, sentence, (), found)


def reliability_plot(found: Calibration) -> Figure:
    """Observed against stated, with intervals and the diagonal. Raises InputError without matplotlib."""
    figures = extras.load("matplotlib.figure", extra="plot")
    picture: Figure = figures.Figure(figsize=(4, 4), layout="constrained")
    axis = picture.subplots()
    axis.plot([0, 1], [0, 1], "--", color="gray")
    for part in found.bins:
        observed = part.observed
        if observed.low is not None and observed.high is not None:
            axis.plot([part.stated, part.stated], [observed.low, observed.high], color="C0")
    axis.plot(
        [part.stated for part in found.bins], [part.observed.value or 0.0 for part in found.bins], "o", color="C0"
    )
    axis.set_xlabel(_("stated"))
    axis.set_ylabel(_("observed"))
    return picture
