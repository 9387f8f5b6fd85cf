"""Share or mean of a label over all rows: corrected by human labels, of the model alone, of the humans alone."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from ..language import N_, _
from ..statistics.correction import corrected
from ..statistics.values import label, number
from .finding import Finding, figure

__all__ = ["estimate"]


def estimate(
    model: Sequence[object],
    human: Sequence[object],
    probability: float | Sequence[float | None],
    *,
    value: object = None,
    beyond: bool = False,
) -> Finding:
    """The share of `value`, or with `value` None the mean of numeric labels, over all rows.

    `model`: the model's label of each row; `human`: a human's, None where the row was not labelled; `probability`: the
    known chance of a row to be in the human sample. `beyond`: for the population that the rows were drawn from,
    instead of these rows. `result`: Corrected. Raises InputError (see `statistics.correction.corrected`).
    """
    given, said = _indicator(model, value), _indicator(human, value)
    if value is not None and not any(given) and not any(said):
        raise InputError(
            _("Neither the model nor a human gives the label {value}").format(value=value),
            hint=_("Check its spelling, or choose another value."),
        )
    found = corrected(given, said, probability, beyond=beyond)
    rows = (
        (N_("corrected"), found.labelled, found.corrected),
        (N_("model alone"), found.rows - found.missing, found.naive),
        (N_("humans alone"), found.labelled, found.human),
    )
    what = _("mean") if value is None else _("share of {value}").format(value=value)
    sentence = _(
        "Corrected {what}: {corrected} over {rows} rows, from {labelled} human labels; the model alone says {naive}."
    )
    notes = [_("The interval of the model alone ignores its errors.")]
    if found.missing:
        notes.append(
            _(
                "{count} rows have no answer of the model; they count as its commonest label and are corrected alike."
            ).format(count=found.missing)
        )
    return Finding(
        (N_("estimate"), N_("labels"), N_("value")),
        tuple((_(name), n, one) for name, n, one in rows),
        sentence.format(
            what=what,
            corrected=figure(found.corrected),
            rows=found.rows,
            labelled=found.labelled,
            naive=figure(found.naive),
        ),
        tuple(notes),
        found,
    )


def _indicator(values: Sequence[object], value: object) -> list[float | None]:
    if value is None:
        return [_numeric(one) for one in values]
    wanted = label(value)
    return [None if (found := label(one)) is None else float(found == wanted) for one in values]


def _numeric(value: object) -> float | None:
    if label(value) is None:
        return None
    found = number(value)
    if found is None:
        raise InputError(
            _("A mean needs numbers, got {value}").format(value=repr(value)),
            hint=_("Pass value= for the share of one label."),
        )
    return found
