"""Block quotes whose cost is linear: markdown-it's rule reads on to the next empty line for each quote.

A paragraph in a quote may go on without a `>` ("lazy continuation" in CommonMark); here for so many lines at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

__all__ = ["MOST_LAZY_LINES", "quote_plugin"]

MOST_LAZY_LINES = 50


def quote_plugin(md: MarkdownIt) -> None:
    """Bounds the rule of a parser."""
    md.block.ruler.at("blockquote", _rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def _rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    from markdown_it.rules_block import blockquote

    line = start
    while line < end and _is_quoted(state, line):
        line += 1
    return line > start and blockquote(state, start, min(end, line + MOST_LAZY_LINES), silent)


def _is_quoted(state: StateBlock, line: int) -> bool:
    at = state.bMarks[line] + state.tShift[line]
    return state.sCount[line] >= 0 and state.src[at : at + 1] == ">"
