"""Where the spread of the answers comes from: rows, wordings, models, swept values, samples."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..language import N_, _
from ..statistics.intervals import Estimate
from ..statistics.variance import Observation, flips, variance_shares
from .finding import Finding, figure, percent

__all__ = ["spread"]


def spread(cells: Sequence[Observation], names: Sequence[str]) -> Finding:
    """Variance shares with intervals, and beside each factor the share of rows whose label flips with it.

    `names`: the factors of `Cell.levels`. Raises InputError: no complete row, or no spread.
    """
    found = variance_shares(cells, names)
    rows: list[tuple[object, ...]] = [(_("rows"), found.rows, None)]
    changes: dict[str, Estimate | None] = {}
    for place, name in enumerate(names):
        try:
            changes[name] = flips(cells, place)
        except InputError:
            changes[name] = None
        rows.append((name, found.factors[name], changes[name]))
    rows.append((_("samples") if found.repeated else _("rest"), found.rest, None))
    most = max(names, key=lambda name: found.factors[name].value or 0) if names else ""
    sentence = (
        _("{name} makes up {share} of the variance; the rows themselves {rows} (n = {n} rows).").format(
            name=most, share=figure(found.factors[most]), rows=percent(found.rows.value), n=found.n
        )
        if most
        else _("The rows themselves make up {rows} of the variance (n = {n} rows).").format(
            rows=percent(found.rows.value), n=found.n
        )
    )
    notes = []
    if found.missing:
        notes.append(_("{count} rows lack an answer of some combination and are left out.").format(count=found.missing))
    if not found.repeated:
        notes.append(_("Without repeated samples the shares of the factors include chance."))
    return Finding(
        (N_("source"), N_("share of variance"), N_("rows that flip")), tuple(rows), sentence, tuple(notes), found
    )
