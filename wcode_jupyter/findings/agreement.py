"""Agreement of samples, models, prompts or coders on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

from ..errors import InputError
from ..language import N_, _
from ..statistics.agreement import (
    Level,
    Ratings,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    percent_agreement,
)
from ..statistics.intervals import Estimate
from ..statistics.values import label
from .finding import Finding, figure, percent

__all__ = ["agreement"]


def agreement(
    groups: Mapping[str, Ratings], *, level: Level = "nominal", order: Sequence[object] | None = None
) -> Finding:
    """Percent agreement, kappa (Cohen's for two raters, else Fleiss') and Krippendorff's alpha of each group.

    A group holds, for each row, one label per rater; None is missing. `order`: labels from lowest to highest, for
    `level="ordinal"`. Raises InputError: no row of any group has two labels.
    """
    places = None if order is None else [found for found in map(label, order) if found is not None]
    notes: list[str] = []
    lines, figures = [], {}
    for name, rows in groups.items():
        found = _line(rows, level, places, notes)
        figures[name] = found
        lines.append((name, max((len(row) for row in rows), default=0), found[0].n, *found))
    if not lines:
        raise InputError(_("No row has two answers to compare"))
    first = lines[0][3]
    sentence = _("Raters agree on {share} of the pairs (n = {n} rows), alpha = {alpha}.").format(
        share=percent(first.value), n=first.n, alpha=figure(figures[lines[0][0]][2])
    )
    if len(lines) > 1:
        sentence = f"{lines[0][0]}: {sentence}"
    columns = (N_("condition"), N_("raters"), "n", N_("percent agreement"), "kappa", "alpha")
    return Finding(columns, tuple(lines), sentence, tuple(dict.fromkeys(notes)), figures)


def _line(
    rows: Ratings, level: Level, order: Sequence[Hashable] | None, notes: list[str]
) -> tuple[Estimate, Estimate | None, Estimate | None]:
    raters = max((len(row) for row in rows), default=0)

    def kappa() -> Estimate:
        if raters == 2:
            return cohen_kappa([row[0] for row in rows], [row[1] for row in rows])
        return fleiss_kappa(rows)

    return (
        percent_agreement(rows),
        _or_note(kappa, notes),
        _or_note(lambda: krippendorff_alpha(rows, level, order), notes),
    )


def _or_note(compute: Callable[[], Estimate], notes: list[str]) -> Estimate | None:
    """A figure beside others that hold: where it cannot be computed there is a dash, and a note says why."""
    try:
        return compute()
    except InputError as error:
        notes.append(f"{error.what}.")
        return None
