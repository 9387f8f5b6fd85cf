"""Fields of answers: what an answer says by name, as the labels that statistics compare.

An answer that was asked for as JSON has the fields of its object (`json` where it is no object); any other has one
field, its text. A name may lead into nested objects: `person.age`. Labels are compared by `statistics.values.label`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping

from msgspec import Struct

from ..errors import InputError, WcodeError
from ..language import _
from ..reply import Reply
from ..request.messages import json_value
from ..request.parameters import did_you_mean
from ..statistics.values import label
from .plan import Job
from .runfile import RunLine

__all__ = ["TEXT", "FieldValue", "answers", "fields", "is_structured", "only_field", "stated_probability"]

TEXT = "text"
"""Name of the one field of an answer that is no JSON."""


class FieldValue(Struct, frozen=True, gc=False):
    """One field of one answer; `value` is None where the answer failed or lacks the field."""

    job: Job
    value: object
    label: Hashable | None
    text: str
    good: bool
    probability: float | None
    """See `stated_probability`."""


def is_structured(reply: Reply) -> bool:
    """Whether the answer was asked for as JSON."""
    return reply.request is not None and "response_format" in reply.request.parameters


def fields(reply: Reply) -> dict[str, object]:
    """The fields of a whole answer; none where it was to be JSON and is not."""
    if not is_structured(reply):
        return {TEXT: _text(reply.text)}
    try:
        value = reply.json()
    except WcodeError:
        return {}
    return value if isinstance(value, dict) else {"json": value}


def _text(text: str) -> object:
    """A text that is a JSON object or list counts by its value: how a server lays it out makes no difference."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return json_value(text)
        except (ValueError, RecursionError):
            pass
    return text


def answers(lines: Iterable[RunLine], field: str | None = None) -> list[FieldValue]:
    """The field of each answer, in order. `field` None: the only field there is.

    Raises InputError: no such field, or a choice to be made.
    """
    found = [(line, fields(line.reply) if line.good else {}) for line in lines]
    names = list(dict.fromkeys(name for _line, known in found for name in known))
    if field is None:
        if len(names) > 1:
            raise InputError(
                _("The answers have several fields"),
                hint=_("Choose one with field=: {names}").format(names=", ".join(names)),
            )
        field = names[0] if names else TEXT
    read = [(line, _inside(known, field)) for line, known in found]
    if names and all(value is None for _line, value in read) and not _is_known(field, names):
        hint = did_you_mean(field, names) or _("The fields are {names}.").format(names=", ".join(names))
        raise InputError(_("The answers have no field {name}").format(name=field), hint=hint)
    return [
        FieldValue(line.job, value, label(value), line.reply.text, line.good, stated_probability(line.reply))
        for line, value in read
    ]


def only_field(lines: Iterable[RunLine]) -> str:
    """The name of the only field of the answers; empty where no answer is whole."""
    return next((name for line in lines if line.good for name in fields(line.reply)), "")


def _is_known(field: str, names: list[str]) -> bool:
    return field in names or field.partition(".")[0] in names


def _inside(known: Mapping[str, object], field: str) -> object:
    """The value at a name, or at a path of names between dots."""
    if field in known:
        return known[field]
    place: object = known
    for part in _parts(field):
        if not isinstance(place, Mapping) or part not in place:
            return None
        place = place[part]
    return place


def _parts(field: str) -> Iterator[str]:
    yield from field.split(".")


def stated_probability(reply: Reply) -> float | None:
    """Probability of a whole text by its tokens' log probabilities; None without them, or for structured answers,
    whose braces and names would count, too.
    """
    tokens = reply.choices[0].tokens if reply.choices else ()
    if not tokens or is_structured(reply):
        return None
    return min(1.0, math.exp(math.fsum(token.logprob for token in tokens)))
