"""Conditions compared on the same rows, pair by pair, with p-values corrected for the number of pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

from ..errors import InputError
from ..language import N_, _
from ..statistics.comparison import Comparison, holm, rows_needed
from ..statistics.comparison import compare as compare_two
from .finding import Finding, figure, p_value

__all__ = ["compare"]

Scores = Sequence[Sequence[float]]
"""For each row the scores of its samples; none where it failed."""


def compare(scores: Mapping[str, Scores], *, detect: float = 0.05, span: tuple[float, float] | None = None) -> Finding:
    """Difference, test and effect size of each pair of conditions, on the rows that both have.

    `scores` by condition: 1 for right and 0 for wrong, or any numbers. `span`: the lowest and the highest score there
    can be, where that is known. `detect`: the difference for which the column `rows needed` says how many rows find it
    with 80 % power. `result`: a Comparison for each pair of names.
    Raises InputError: fewer than two conditions, or a pair without a common row.
    """
    if len(scores) < 2:
        raise InputError(
            _("Comparing needs at least two conditions, got {names}").format(names=", ".join(scores) or "–"),
            hint=_("Run the rows with several models, prompts or swept values."),
        )
    found = {(a, b): compare_two(scores[a], scores[b], span) for a, b in combinations(scores, 2)}
    adjusted = holm([one.p for one in found.values()])
    columns = (
        N_("first"), N_("second"), "n", N_("mean of first"), N_("mean of second"), N_("difference"), "p", "p (Holm)",
        N_("effect size"), N_("better"), N_("worse"), N_("rows needed"),
    )  # fmt: skip
    lines = tuple(
        (
            a, b, one.n, one.first, one.second, one.difference, _cell(one.p), _cell(corrected), one.effect,
            one.gained, one.lost, _needed(one, detect),
        )
        for ((a, b), one), corrected in zip(found.items(), adjusted, strict=True)
    )  # fmt: skip
    place, ((first, second), one) = min(
        enumerate(found.items()), key=lambda pair: 2.0 if (p := adjusted[pair[0]]) is None else p
    )
    sentence = _sentence(first, second, one, adjusted[place], len(found))
    notes = [
        _("{first} and {second}: {count} rows lack an answer on one side and are left out.").format(
            first=a, second=b, count=pair.missing
        )
        for (a, b), pair in found.items()
        if pair.missing
    ]
    notes.append(_("Rows needed: for a difference of {value} with 80 % power.").format(value=detect))
    return Finding(columns, lines, sentence, tuple(notes), found)


def _cell(p: float | None) -> str | None:
    return None if p is None else p_value(p)


def _sentence(first: str, second: str, one: Comparison, p: float | None, pairs: int) -> str:
    if p is None:
        return _("{first} and {second}: too few rows to tell a difference (n = {n}).").format(
            first=first, second=second, n=one.n
        )
    text = (
        N_("{second} differs from {first} by {difference} (n = {n}, {test}, p {p}, Holm for {pairs}).")
        if p < 0.05
        else N_(
            "No significant difference: {second} − {first} = {difference} (n = {n}, {test}, p {p}, Holm for {pairs})."
        )
    )
    return _(text).format(
        first=first,
        second=second,
        difference=figure(one.difference),
        n=one.n,
        test=_(one.test),
        p=p_value(p) if p < 0.001 else f"= {p_value(p)}",
        pairs=pairs,
    )


def _needed(one: Comparison, detect: float) -> int | None:
    """From the spread of the differences as seen; None where nothing differs."""
    if one.n < 2 or one.difference.value is None or one.variance <= 0:
        return None
    return rows_needed(detect, math.sqrt(one.variance))
