r"""Mathematics in Markdown: finds formulas so that Markdown leaves them alone, and hands them to MathJax.

Delimiters are those that models write: `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and amsmath's `\begin{align}…\end{align}`.
A display formula has no blank line, as in LaTeX. `$` follows Pandoc: no space inside the dollars, no digit after the
closing one, so "$5 and $10" is money. Formulas with macros that reach outside of mathematics (links, classes, styles,
definitions that would change the rest of the page) are shown as their source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..characters import escape

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["STREAMING", "formula_plugin"]

STREAMING = "wcode_streaming"
"""Key of markdown-it's `env`: the text is not finished, so a formula at its end may still be open."""

_MOST_LINES = 200
"""Lines of a display formula: bounds the search for its end."""

# A formula in a line has at most 4,000 characters: bounds the search for a closing delimiter, so that text full of
# dollars stays linear.
_INLINE = re.compile(
    r"""\$\$(?P<display>[^$]{1,4000}?)\$\$
      | \$(?P<dollar>(?![\s$])(?:\\.|[^$\\]){1,4000}(?<!\s))\$(?!\d)
      | \\\((?P<paren>.{1,4000}?)\\\)
      | \\\[(?P<bracket>.{1,4000}?)\\\]""",
    re.VERBOSE | re.DOTALL,
)
_INLINE_DELIMITERS = {
    "display": (r"\[", r"\]"),
    "dollar": (r"\(", r"\)"),
    "paren": (r"\(", r"\)"),
    "bracket": (r"\[", r"\]"),
}

_ENVIRONMENT = re.compile(
    r"\\begin\{((?:equation|multline|gather|align|alignat|flalign|eqnarray|[pbBvV]?matrix|cases)\*?)\}"
)

_FORBIDDEN = re.compile(
    r"""\\(?:href|url|class|cssId|style|data|html\w*|require|unicode|mmlToken|bbox|includegraphics|input|csname
        |[gex]?def|let|futurelet|global|(?:re)?newcommand|providecommand|newenvironment|renewenvironment
        |Newextarrow|DeclareMathOperator|enclose|toggle|mathtip|texttip|begingroup|special)(?![A-Za-z])""",
    re.VERBOSE,
)

_PROCESS = "mathjax_process tex2jax_process"
"""MathJax 3 and 4, and MathJax 2 in nbconvert's pages."""


def formula_plugin(md: MarkdownIt) -> None:
    """Adds formulas to a parser."""
    md.inline.ruler.before("escape", "formula", _inline_rule)
    md.block.ruler.before("fence", "formula_block", _block_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    md.add_render_rule("formula", _render_inline)
    md.add_render_rule("formula_block", _render_block)


def _inline_rule(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    match = _INLINE.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    kind = match.lastgroup or ""
    # 5$ and 6$ are prices too.
    if kind == "dollar" and state.pos and state.src[state.pos - 1].isdigit():
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = match[kind].strip()
        token.markup = kind
    state.pos = match.end()
    return True


def _closing(first_line: str) -> tuple[str, bool] | None:
    """The delimiter that closes a display formula opened by this line, and whether it is an environment."""
    if first_line.startswith("$$"):
        return "$$", False
    if first_line.startswith(r"\["):
        return r"\]", False
    if match := _ENVIRONMENT.match(first_line):
        return rf"\end{{{match[1]}}}", True
    return None


def _block_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    first = _line(state, start)
    found = _closing(first)
    if found is None:
        return False
    closing, environment = found
    skip = 0 if environment else 2
    lines = [first[skip:]]
    line = start
    while not lines[-1].rstrip().endswith(closing):
        # Text after a closing delimiter: an inline formula, not a block.
        if closing in lines[-1]:
            return False
        line += 1
        if line >= end:
            return _open_formula(state, start, line, silent)
        if state.isEmpty(line) or state.sCount[line] < state.blkIndent or line - start > _MOST_LINES:
            return False
        lines.append(_line(state, line))
    if not silent:
        body = "\n".join(lines).rstrip()
        if not environment:
            body = body[: -len(closing)]
            if closing in body:
                return False
        _push(state, start, line + 1, body.strip(), "environment" if environment else "display")
    state.line = line + 1
    return True


def _open_formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """The text ended inside the formula: while it streams this is a formula, at the end it was none."""
    if not state.env.get(STREAMING):
        return False
    if not silent:
        _push(state, start, end, "\n".join(_line(state, line) for line in range(start, end)), "open")
        state.line = end
    return True


def _push(state: StateBlock, start: int, end: int, content: str, markup: str) -> None:
    token = state.push("formula_block", "", 0)
    token.block = True
    token.map = [start, end]
    token.content = content
    token.markup = markup


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _render_inline(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    before, after = _INLINE_DELIMITERS[token.markup]
    if _FORBIDDEN.search(token.content):
        return f"<code>{escape(token.content)}</code>"
    return f'<span class="{_PROCESS}">{before}{escape(token.content)}{after}</span>'


def _render_block(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    token = tokens[index]
    if token.markup == "open" or _FORBIDDEN.search(token.content):
        return f"<pre>{escape(token.content)}</pre>\n"
    content = escape(token.content)
    if token.markup == "display":
        content = rf"\[{content}\]"
    return f'<div class="{_PROCESS}">{content}</div>\n'
