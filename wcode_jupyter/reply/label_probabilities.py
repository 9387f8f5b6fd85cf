"""Probability of each label of a closed set, from the log probabilities of an answer's tokens.

Labels may be cut into tokens in many ways, within characters too, and one may begin as another does. So texts are
compared, not tokens: at each place the text so far with each listed token counts for a label where it can become no
other one. What could still become several, and what the server does not list, belongs to no label: `unlisted`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence

from msgspec import Struct

from .events import TokenLogprob

__all__ = ["LabelProbabilities", "label_probabilities"]

_BEFORE = " \t\r\n\"'`*_“‘「"
_AFTER = re.compile(r"[^\w].*", re.DOTALL)


class LabelProbabilities(Struct, frozen=True):
    """Probabilities that add up to 1 with `unlisted`."""

    labels: Mapping[Hashable, float]
    unlisted: float
    """Of other texts, of texts that may still become several labels, and of tokens that the server does not list."""


def label_probabilities(
    tokens: Sequence[TokenLogprob], labels: Sequence[Hashable], field: str | None = None
) -> LabelProbabilities | None:
    """The probability of each label; None without log probabilities, or where the field does not occur.

    `field`: of an answer in JSON, whose value is meant; what comes before it counts as given.
    """
    names = {label: _normal(str(label).lower() if isinstance(label, bool) else str(label)) for label in labels}
    found = dict.fromkeys(labels, 0.0)
    path, said, reached = 1.0, b"", False
    for token in tokens:
        for other in token.top:
            value = _value(said + _bytes(other), field)
            if other.token != token.token and value is not None and (label := _only(value, names)) is not None:
                found[label] += path * min(1.0, math.exp(other.logprob))
        said += _bytes(token)
        value = _value(said, field)
        if value is None:
            continue
        reached = True
        path *= min(1.0, math.exp(token.logprob))
        if (label := _only(value, names)) is not None:
            found[label] += path
            break
    else:
        whole = _normal(_value(said, field) or "")
        for label in (label for label, name in names.items() if name == whole):
            found[label] += path
    if not reached:
        return None
    total = math.fsum(found.values())
    scale = max(total, 1.0)  # rounded by the server, they may add up to a little more
    return LabelProbabilities({label: value / scale for label, value in found.items()}, max(0.0, 1 - total))


def _bytes(token: TokenLogprob) -> bytes:
    return token.token.encode("utf-8", "replace") if token.bytes is None else bytes(token.bytes)


def _value(said: bytes, field: str | None) -> str | None:
    """What was said of the value so far; None before it begins."""
    text = said.decode("utf-8", "ignore")  # a fragment of a character at the end says nothing yet
    if field is None:
        return text
    match = re.search(rf'"{re.escape(field)}"\s*:\s*"?', text)
    return None if match is None else text[match.end() :].split('"')[0]


def _normal(text: str) -> str:
    return " ".join(text.lstrip(_BEFORE).casefold().split())


def _only(value: str, names: Mapping[Hashable, str]) -> Hashable | None:
    """The label that a text is, or can only become; None for none and for several."""
    text = _normal(value)
    if not text:
        return None
    possible = [label for label, name in names.items() if name.startswith(text) or _ends(text, name)]
    return possible[0] if len(possible) == 1 else None


def _ends(text: str, name: str) -> bool:
    """Whether `text` is `name`, followed by what is no letter: "positive." is positive, "positively" is not."""
    return text.startswith(name) and bool(_AFTER.fullmatch(text[len(name) :]))
