r"""Mathematics in Markdown: finds formulas so that Markdown leaves them alone, and hands them to MathJax.

Delimiters are those that models write: `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and amsmath's `\begin{align}…\end{align}`.
A display formula has no blank line, as in LaTeX. `$` follows Pandoc: no space inside the dollars, no digit after the
closing one, so "$5 and $10" is money. Formulas with macros that reach outside of mathematics (links, classes, styles,
definitions that would change the rest of the page) are shown as their source.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..characters import escape
from ..reply.fences import STREAMING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

__all__ = ["formula_plugin"]

_MOST_LINES = 200
"""Lines of a display formula: bounds the search for its end."""

# A formula in a line has at most 4,000 characters. What it may hold ends at the next dollar, so that text full of
# dollars stays linear; the ends of the other two are looked up.
_MOST_CHARACTERS = 4_000
_DOLLARS = re.compile(
    r"\$\$(?P<display>[^$]{1,4000}+)\$\$|\$(?P<dollar>(?![\s$])(?:\\.|[^$\\]){1,4000}+(?<!\s))\$(?!\d)", re.DOTALL
)
_BRACKETS = {r"\(": ("paren", r"\)"), r"\[": ("bracket", r"\]")}
_INLINE_DELIMITERS = {
    "display": (r"\[", r"\]"),
    "dollar": (r"\(", r"\)"),
    "paren": (r"\(", r"\)"),
    "bracket": (r"\[", r"\]"),
    "matrix": (r"\(", r"\)"),
    # MathJax reads these outside of delimiters only.
    "environment": ("", ""),
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
    found = _inline_formula(state)
    if found is None:
        return False
    kind, content, end = found
    # 5$ and 6$ are prices too.
    if kind == "dollar" and state.pos and state.src[state.pos - 1].isdigit():
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = content.strip()
        token.markup = kind
    state.pos = end
    return True


def _inline_formula(state: StateInline) -> tuple[str, str, int] | None:
    """(kind, content, end) of the formula that begins here."""
    if state.src[state.pos] == "$":
        match = _DOLLARS.match(state.src, state.pos, state.posMax)
        return match and (match.lastgroup or "", match[match.lastgroup or 0], match.end())
    if environment := _ENVIRONMENT.match(state.src, state.pos, state.posMax):
        return _inline_environment(state, environment[1])
    if (row := _BRACKETS.get(state.src[state.pos : state.pos + 2])) is None:
        return None
    kind, closing = row
    start = state.pos + 2
    end = _next(state.env, state.src, closing, start + 1)
    if not start < end <= min(state.posMax - 2, start + _MOST_CHARACTERS):
        return None
    return kind, state.src[start:end], end + 2


def _inline_environment(state: StateInline, name: str) -> tuple[str, str, int] | None:
    closing = rf"\end{{{name}}}"
    found = _next(state.env, state.src, closing, state.pos)
    end = found + len(closing)
    if found < 0 or end > min(state.posMax, state.pos + _MOST_CHARACTERS):
        return None
    return "matrix" if name.endswith(("matrix", "cases")) else "environment", state.src[state.pos : end], end


_FOUND = "wcode_found"


def _next(env: Any, text: str, words: str, start: int) -> int:
    """Where `words` stand next in `text` from `start` on; -1 for nowhere.

    Asked again and again for the same text it searches each part of it once.
    """
    known = env.setdefault(_FOUND, {}).get(words)
    if known is not None and known[0] is text and known[1] <= start and (known[2] < 0 or start <= known[2]):
        return int(known[2])
    found = text.find(words, start)
    env[_FOUND][words] = (text, start, found)
    return found


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
    begin = state.bMarks[start] + state.tShift[start] + (0 if environment else 2)
    at = _next(state.env, state.src, closing, begin)
    last = bisect.bisect_left(state.eMarks, at) if at >= 0 else end
    stop = _stop(state, start, end)
    if last >= stop:
        return stop == end and end - start <= _MOST_LINES and _open_formula(state, start, end, silent)
    # Text after a closing delimiter: an inline formula, not a block.
    if last - start > _MOST_LINES or state.src[at + len(closing) : state.eMarks[last]].strip():
        return False
    if not silent:
        skip = 0 if environment else 2
        body = "\n".join(_line(state, line) for line in range(start, last + 1))[skip:].rstrip()
        _push(
            state,
            start,
            last + 1,
            (body if environment else body[: -len(closing)]).strip(),
            "environment" if environment else "display",
        )
    state.line = last + 1
    return True


def _stop(state: StateBlock, start: int, end: int) -> int:
    """The first line after `start` that ends any formula: empty, or outside of the block around it; at most `end`."""
    key = f"{_FOUND} {state.blkIndent}"
    known = state.env.get(key)
    if known is not None and known[0] is state.src and known[1] == (state.level, end) and known[2] <= start < known[3]:
        return int(known[3])
    line = start + 1
    while line < end and not (state.isEmpty(line) or state.sCount[line] < state.blkIndent):
        line += 1
    state.env[key] = (state.src, (state.level, end), start, line)
    return line


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


def _render_inline(_self: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    token = tokens[index]
    before, after = _INLINE_DELIMITERS[token.markup]
    if _FORBIDDEN.search(token.content):
        return f"<code>{escape(token.content)}</code>"
    return f'<span class="{_PROCESS}">{before}{escape(token.content)}{after}</span>'


def _render_block(_self: object, tokens: Sequence[Token], index: int, _options: object, _env: object) -> str:
    token = tokens[index]
    if token.markup == "open" or _FORBIDDEN.search(token.content):
        return f"<pre>{escape(token.content)}</pre>\n"
    content = escape(token.content)
    if token.markup == "display":
        content = rf"\[{content}\]"
    return f'<div class="{_PROCESS}">{content}</div>\n'
