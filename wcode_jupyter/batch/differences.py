"""Two answers compared word by word; shows in a notebook and in a terminal."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from msgspec import Struct

from ..characters import escape, visible
from ..language import _

__all__ = ["Differences"]

# A word, a Chinese character, a run of white space, or a single sign.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|\s+|[^\w\s]")
# Comparing takes up to the square of this; longer texts are compared by lines.
_WORDS = 4000
# Of a text that is in both this much is shown between two changes, and beside one.
_BETWEEN, _BESIDE = 30, 12


class Differences(Struct, frozen=True):
    """What is in `first` and not in `second`, and the other way round. `names` say what the two are."""

    first: str
    second: str
    names: tuple[str, str] = ("", "")

    def pieces(self) -> Iterator[tuple[str, str]]:
        """`("=", text)` in both, `("-", text)` only in the first, `("+", text)` only in the second; in order."""
        one, other = _split(self.first), _split(self.second)
        if max(len(one), len(other)) > _WORDS:
            one, other = self.first.splitlines(keepends=True), self.second.splitlines(keepends=True)
        for tag, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
            if tag == "equal":
                yield "=", "".join(one[a:b])
                continue
            if b > a:
                yield "-", "".join(one[a:b])
            if d > c:
                yield "+", "".join(other[c:d])

    @property
    def ratio(self) -> float:
        """Share of the text that is the same: 1 for equal texts."""
        same = sum(len(text) for kind, text in self.pieces() if kind == "=")
        total = len(self.first) + len(self.second)
        return 2 * same / total if total else 1.0

    @property
    def changes(self) -> str:
        """What went and what came, with at most a few words in between."""
        marks = {"-": "[-{}-]", "+": "{{+{}+}}"}
        pieces = list(self.pieces())
        texts = [
            marks[kind].format(text) if kind in marks else _near(text, first=not n, last=n == len(pieces) - 1)
            for n, (kind, text) in enumerate(pieces)
        ]
        return visible("".join(texts))

    def __str__(self) -> str:
        marks = {"=": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}
        return "".join(marks[kind].format(visible(text)) for kind, text in self.pieces())

    def __repr__(self) -> str:
        one, other = map(visible, self.names)
        return f"--- {one}\n+++ {other}\n{self}"

    def _repr_html_(self) -> str:
        tags = {"=": "span", "-": "del", "+": "ins"}
        body = "".join(f"<{tags[kind]}>{escape(text)}</{tags[kind]}>" for kind, text in self.pieces())
        names = " → ".join(escape(name) for name in self.names)
        same = _("{percent:.0f} % the same").format(percent=100 * self.ratio)
        return (
            f'<div class="mathjax_ignore"><div><b>{names}</b> · {escape(same)}</div>'
            f'<div style="white-space:pre-wrap">{body}</div></div>'
        )


def _near(text: str, *, first: bool, last: bool) -> str:
    """Of a text that is in both what stands beside a change."""
    if len(text) <= _BETWEEN:
        return text
    return ("" if first else text[:_BESIDE]) + "…" + ("" if last else text[-_BESIDE:])


def _split(text: str) -> list[str]:
    return _WORD.findall(text)
