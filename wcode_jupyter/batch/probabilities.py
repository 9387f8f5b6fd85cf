"""Probability of each label by row and condition: by log probabilities where there are any, else by repeats."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence

from ..errors import InputError
from ..findings.finding import Finding, figure
from ..language import N_, _
from ..reply.label_probabilities import label_probabilities
from ..statistics.values import distinct
from ..statistics.values import label as normal_label
from .fields import FieldValue
from .runfile import RunLine

__all__ = ["probabilities"]


def probabilities(
    lines: Sequence[RunLine], answers: Sequence[FieldValue], labels: Sequence[object] | None, field: str | None
) -> Finding:
    """A line for each row and condition with the probability of each label, and what belongs to none.

    `labels`: the closed set; None: those that were given. `field`: of answers in JSON. Raises InputError: one answer
    for each row, and no log probabilities.
    """
    known = list(distinct((answer.label for answer in answers), labels)) if labels is None else list(labels)
    groups: dict[tuple[int, str], list[tuple[RunLine, FieldValue]]] = {}
    for line, answer in zip(lines, answers, strict=True):
        groups.setdefault((line.job.row, _condition(line)), []).append((line, answer))
    several = len({condition for _row, condition in groups}) > 1
    rows = []
    for (_row, condition), found in groups.items():
        shares, unlisted, source = _shares(found, known, field)
        rows.append((found[0][0].job.key, *([condition] if several else []), *shares, unlisted, source))
    if all(row[-1] is None for row in rows):
        raise InputError(
            _("The answers state no probabilities"), hint=_("Repeat each row, or ask for log probabilities.")
        )
    columns = (N_("row"), *([N_("condition")] if several else []), *map(str, known), N_("unlisted"), N_("from"))
    sure = [max(values) for row in rows if (values := [v for v in row[-2 - len(known) : -2] if isinstance(v, float)])]
    sentence = _("The likeliest label has a probability of {mean} on average (n = {n}).").format(
        mean=figure(math.fsum(sure) / len(sure)), n=len(sure)
    )
    return Finding(columns, tuple(rows), sentence)


def _condition(line: RunLine) -> str:
    return " ".join([line.job.model, *(f"{name}={value}" for name, value in line.job.values.items())])


def _shares(
    found: Sequence[tuple[RunLine, FieldValue]], labels: Sequence[object], field: str | None
) -> tuple[list[float | None], float | None, str | None]:
    """Of each label, of none of them, and what they come from; the mean over the samples."""
    keys = [label for label in labels if isinstance(label, Hashable)]
    stated = [
        one
        for line, _answer in found
        if line.good and line.reply.choices
        and (one := label_probabilities(line.reply.choices[0].tokens, keys, field)) is not None
    ]  # fmt: skip
    if stated:
        means: list[float | None] = [_mean(one.labels[label] for one in stated) for label in keys]
        return means, _mean(one.unlisted for one in stated), _("log probabilities")
    given = [answer.label for _line, answer in found if answer.label is not None]
    if len(found) < 2 or not given:
        return [None] * len(keys), None, None
    shares: list[float | None] = [given.count(normal_label(label)) / len(given) for label in keys]
    return shares, None, _("{n} samples").format(n=len(given))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)
