"""How sure was the model: the log probabilities of an answer's tokens, as rows and as coloured text.

A token may be a fragment of a character. Characters are rebuilt from the tokens' bytes where the server sends them:
`characters` gives the text that each token completes, and a coloured piece is as many tokens as make whole characters.
"""

from __future__ import annotations

import codecs
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from ..characters import escape
from ..errors import InputError
from ..language import _
from ..statistics.calibration import Entropy, entropy
from .events import TokenLogprob

__all__ = ["COLUMNS", "LogprobText", "characters", "label", "pieces", "rows"]

COLUMNS = ("token", "text", "bytes", "logprob", "probability", "entropy", "unlisted", "rank", "alternatives")


def characters(tokens: Iterable[TokenLogprob]) -> Iterator[str]:
    """The text that each token completes: empty for a fragment of a character that a later token completes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for token in tokens:
        # A server that sends no bytes sends whole characters.
        yield token.token if token.bytes is None else decoder.decode(bytes(token.bytes))


def rows(tokens: Sequence[TokenLogprob]) -> list[dict[str, object]]:
    """A row for each token, with the fields of `COLUMNS`.

    `entropy`: bits, over the listed alternatives; `unlisted`: the probability that these leave out. A log probability
    above 0 is none: its probability and the row's entropy are None.
    """
    return [_row(token, text) for token, text in zip(tokens, characters(tokens), strict=True)]


def _row(token: TokenLogprob, text: str) -> dict[str, object]:
    listed = token.top or (token,)
    uncertainty = _entropy([math.exp(other.logprob) for other in listed])
    return {
        "token": token.token,
        "text": text,
        "bytes": None if token.bytes is None else bytes(token.bytes),
        "logprob": token.logprob,
        "probability": _probability(token),
        "entropy": uncertainty and uncertainty.bits,
        "unlisted": uncertainty and uncertainty.unlisted,
        "rank": _rank(token),
        "alternatives": {label(other): _probability(other) for other in token.top},
    }


# Rounding of a certain token, not another thing than a probability.
_ABOVE_ONE = 1e-3


def _probability(token: TokenLogprob) -> float | None:
    return min(1.0, math.exp(token.logprob)) if token.logprob <= _ABOVE_ONE else None


def _entropy(probabilities: Sequence[float]) -> Entropy | None:
    """None where they are no probabilities: above 1, or more than 1 together."""
    try:
        return entropy([min(1.0, p) if p <= 1 + _ABOVE_ONE else p for p in probabilities])
    except InputError:
        return None


def label(token: TokenLogprob) -> str:
    """The token's text; its bytes, `\\xf0\\x9f`, where it is a fragment: all fragments have the same text, U+FFFD."""
    if token.bytes is None:
        return token.token
    try:
        return bytes(token.bytes).decode()
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in token.bytes)


def _rank(token: TokenLogprob) -> int:
    return 1 + sum(other.logprob > token.logprob for other in token.top)


def pieces(tokens: Iterable[TokenLogprob]) -> Iterator[tuple[str, tuple[TokenLogprob, ...]]]:
    """(text, its tokens) for each run of tokens that makes whole characters; a last fragment as U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    run: list[TokenLogprob] = []
    text = ""
    for token in tokens:
        run.append(token)
        text += token.token if token.bytes is None else decoder.decode(bytes(token.bytes))
        if not decoder.getstate()[0]:
            yield text, tuple(run)
            run, text = [], ""
    if run:
        yield text + decoder.decode(b"", final=True), tuple(run)


_LEVELS = ((0.9, ""), (0.7, "a"), (0.5, "b"), (0.2, "c"), (0.0, "d"))
"""Probability from which a piece has the class: paler is surer."""

# An alpha over the theme's own background keeps the text readable on light and dark; the least likely pieces are
# underlined too, for eyes that do not tell the colours apart.
_STYLE = (
    "<style>.wcode-logprobs{white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.7}"
    ".wcode-logprobs span{border-radius:2px}.wcode-logprobs .a{background:#e678001f}"
    ".wcode-logprobs .b{background:#e6780047}.wcode-logprobs .c{background:#e6780073}"
    ".wcode-logprobs .d{background:#e6780099;text-decoration:underline 2px}"
    ".wcode-logprobs p{font-size:.85em;margin:.8em 0 0;white-space:normal}</style>"
)


class LogprobText(Struct, frozen=True):
    """An answer whose pieces are coloured by probability, with the alternatives on hover, in a notebook."""

    tokens: tuple[TokenLogprob, ...]

    def _repr_html_(self) -> str:
        body = "".join(_span(text, run) for text, run in pieces(self.tokens))
        classes = "wcode-logprobs mathjax_ignore tex2jax_ignore"
        return f'{_STYLE}<div class="{classes}" dir="auto">{body}<p>{_legend()}</p></div>'

    def __repr__(self) -> str:
        least = min(self.tokens, key=lambda token: token.logprob)
        probability = min(1.0, math.exp(least.logprob))
        return f"<{len(self.tokens)} tokens, the least likely {label(least)!r} with {probability:.2f}>"


def _span(text: str, run: tuple[TokenLogprob, ...]) -> str:
    probability = math.exp(sum(token.logprob for token in run))
    level = next(name for least, name in _LEVELS if probability >= least)
    title = escape("\n".join(_told(token) for token in run))
    return f'<span{f" class={level}" if level else ""} title="{title}">{escape(text, quote=False)}</span>'


def _told(token: TokenLogprob) -> str:
    """`"Par" 0.93 · "Lyon" 0.02`: the token with its rank where it is not the likeliest, then the others."""
    rank = "" if (place := _rank(token)) == 1 else " " + _("(rank {n})").format(n=place)
    others = [other for other in token.top if not _is_same(other, token)]
    return " · ".join([_figure(token) + rank, *map(_figure, others)])


def _is_same(listed: TokenLogprob, token: TokenLogprob) -> bool:
    """Whether an alternative is the token itself.

    llama.cpp gives the whole character to the token that completes it, and lists that token as the fragment it is.
    """
    if listed.logprob == token.logprob and listed.bytes and token.bytes:
        return token.bytes[-len(listed.bytes) :] == listed.bytes
    return label(listed) == label(token)


def _figure(token: TokenLogprob) -> str:
    probability = _probability(token)
    return f"{json.dumps(label(token), ensure_ascii=False)} {'?' if probability is None else f'{probability:.2g}'}"


def _legend() -> str:
    bounds = [f"{least:g}–{above:g}" for (above, _n), (least, _name) in itertools.pairwise(_LEVELS)]
    marks = " ".join(
        f"<span class={name}> {bound} </span>" for bound, (_l, name) in zip(bounds, _LEVELS[1:], strict=True)
    )
    return escape(_("Probability:")) + f" 0.9–1 {marks}"
