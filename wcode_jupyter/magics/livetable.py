"""What is seen of a run while it runs: a line for each model and swept value, and the first answers."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from ..display.own_outputs import new_id
from ..language import _
from ..table import Table

if TYPE_CHECKING:
    from ..batch import BatchRun
    from ..display.own_outputs import OwnOutputs

__all__ = ["LiveTable"]


_ANSWERS = 5
"""Answers that are shown while others are still on their way."""


class LiveTable:
    """A line for each model and swept value where there are several, and the first answers; in a notebook only."""

    def __init__(self, own: OwnOutputs | None, run: BatchRun) -> None:
        """`own` None: not in a notebook."""
        self._own = own
        self._run = run
        self._display_id = ""
        self._shown = ""

    def show(self) -> None:
        """Brings it up to date."""
        if self._own is None:
            return

        html = self._html()
        if html == self._shown:
            return
        self._display_id, self._shown = self._display_id or new_id(), html
        self._own.show(html, self._display_id)

    def _html(self) -> str:
        from ..batch import answers_table

        lines = self._run.first(_ANSWERS)
        first = answers_table(lines, self._run.counts.done)._repr_html_() if lines else ""
        return (self._variants()._repr_html_() if len(self._run.plan.variants) > 1 else "") + first

    def _variants(self) -> Table:
        counted = self._run.counts.variants
        keys = [(variant.model, repr(variant.values)) for variant in self._run.plan.variants]
        rows = tuple(
            (
                " ".join([found.model, *(f"{name}={value}" for name, value in found.values.items())]),
                found.done,
                found.failed,
                f"{statistics.median(found.seconds[-1000:]):.2f}",
                f"{found.cost_cny:.6f}" if found.cost_cny else "",
            )
            for found in (counted[key] for key in keys if key in counted)
        )
        return Table((_("model"), _("done"), _("failed"), _("median s"), "¥"), rows)
