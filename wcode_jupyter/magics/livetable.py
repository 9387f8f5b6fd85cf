"""A table of the models and swept values that a run asks, kept up to date while it runs."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from ..language import _
from ..shell import is_watched
from ..table import Table

if TYPE_CHECKING:
    from ..batch import BatchRun

__all__ = ["LiveTable"]


class LiveTable:
    """A line for each model and swept value while the run runs, in a notebook and only where there are several."""

    def __init__(self, shell: Any, run: BatchRun) -> None:
        self._publisher = shell.display_pub if hasattr(shell, "kernel") else None
        self._run = run
        self._display_id = ""
        self._shown = ""

    def show(self) -> None:
        """Brings it up to date."""
        if self._publisher is None or len(self._run.plan.variants) < 2:
            return
        from ..display.notebook import new_id

        html = self._table()._repr_html_()
        if html == self._shown:
            return
        update = bool(self._display_id)
        self._display_id, self._shown = self._display_id or new_id(), html
        self._publisher.publish({"text/html": html}, {}, transient={"display_id": self._display_id}, update=update)

    def _table(self) -> Table:
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

    def clear(self) -> None:
        """The final output takes its place, and that of the bar."""
        if self._publisher is not None and is_watched():
            self._publisher.clear_output(wait=True)
