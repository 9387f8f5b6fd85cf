"""Fences inside a fence of Markdown: models show a document in ```` ```markdown ```` with code in fences as long.

CommonMark ends the outer block at the first bare fence, which is the end of the inner one. Here a fence with a language
opens an inner block, and a bare one closes the innermost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

__all__ = ["STREAMING", "fence_plugin"]

STREAMING = "wcode_streaming"
"""Key of markdown-it's `env`: the text is not finished, so what is open at its end may still be closed."""

_DOCUMENT = re.compile(r"(`{3,}|~{3,})[ \t]*(?:markdown|md)(?![\w.-])", re.IGNORECASE)


_DEEPEST = 10


def fence_plugin(md: MarkdownIt) -> None:
    """Adds inner fences to a parser."""
    md.block.ruler.at("fence", _rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    from markdown_it.rules_block import fence

    opening = None if state.is_code_block(start) else _DOCUMENT.match(_line(state, start))
    if opening is None:
        return fence(state, start, end, silent)
    last = _closing_line(state, start, end, opening[1])
    if last == end and not state.env.get(STREAMING):
        # One of the inner fences was no opening one.
        return fence(state, start, end, silent)
    if not silent:
        state.line = min(last + 1, end)
        token = state.push("fence", "code", 0)
        token.info = _line(state, start)[len(opening[1]) :]
        token.content = state.getLines(start + 1, last, state.sCount[start], True)
        token.markup = opening[1]
        token.map = [start, state.line]
    return True


def _closing_line(state: StateBlock, start: int, end: int, markup: str) -> int:
    """The line whose fence closes the block that begins at `start`; `end` where there is none."""
    fence = re.compile(rf"{markup}{markup[0]}*[ \t]*(\S?)")
    open_fences = 1  # of this document; one that nests deeper than a few is none
    for line in range(start + 1, end):
        if state.sCount[line] < state.blkIndent and not state.isEmpty(line):
            break
        if not state.is_code_block(line) and (found := fence.match(_line(state, line))):
            open_fences += 1 if found[1] else -1
            if open_fences in (0, _DEEPEST):
                return end if open_fences else line
    return end


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
