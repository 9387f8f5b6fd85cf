"""Reasoning while it streams: a box of a few lines that follows, which one click folds.

Two outputs. The first is a line that is never sent again, so that what the reader did with it stays; the second is the
box below it, whose place in the page scrolls, not its content: that is replaced at each update and could not remember
how far it was scrolled. Of long reasoning the box holds the end only, so that an update costs no more than a
tail of the answer; the whole is there as soon as the answer begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..characters import escape
from ..language import _
from .answer import wrap
from .blocks import Piece, Splitter
from .formats import plain
from .markdown import Env, render
from .style import LIVE_STYLE

__all__ = ["LINES", "Thinking"]

LINES = 8
"""Lines of the box."""
_HELD = 6_000
"""Characters of HTML that the box holds at least, where there are as many."""
_LINE = 90
"""Characters of a line: a guess, for the height that the box had."""


class Thinking:
    """`publish(html, name, update)` shows one of two outputs; `name` is `head` or `box`."""

    def __init__(self, publish: Callable[[str, str, bool], None]) -> None:
        self._publish = publish
        self._splitter = Splitter()
        self._env: Env = {}
        self._done: deque[str] = deque()
        self._texts: list[str] = []
        self._shown = ""

    @property
    def text(self) -> str:
        """All that arrived."""
        return "".join(self._texts)

    @property
    def lines(self) -> int:
        """About how many lines the box has."""
        return min(LINES, sum(1 + len(line) // _LINE for line in self.text.strip().split("\n")))

    def show(self, text: str) -> None:
        """Takes new text and shows the end of all."""
        self._texts.append(text)
        self._done.extend(self._render(piece, self._env) for piece in self._splitter.feed(text))
        while len(self._done) > 1 and sum(map(len, self._done)) - len(self._done[0]) > _HELD:
            self._done.popleft()
        env = {"references": dict(self._env.get("references", {}))}
        inner = "".join(self._done) + self._render(self._splitter.preview, env, streaming=True)
        if not inner or inner == self._shown:
            return
        if not self._shown:
            head = f'<details open class="wcode-reasoning"><summary>{escape(_("Reasoning"))}</summary></details>'
            self._publish(LIVE_STYLE + wrap(head), "head", False)
        box = f'<div class="wcode-thoughts"><div class="wcode-reasoning">{inner}</div></div>'
        self._publish(wrap(box, style=False), "box", bool(self._shown))
        self._shown = inner

    @staticmethod
    def _render(piece: Piece, env: Env, *, streaming: bool = False) -> str:
        return plain(piece.source) if piece.plain else render(piece.source, env, streaming=streaming, start=piece.start)
