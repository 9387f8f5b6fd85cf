"""Markdown of a model as HTML that is safe to show in a trusted notebook.

The text is untrusted. Raw HTML is shown as text; the only tags that come out are those written here and by
markdown-it's own renderer; links go to http, https and mailto; an image becomes a link, so nothing is fetched; no
attribute carries the model's text except an address. Formulas go to MathJax (see `formula`), everything else is marked
`mathjax_ignore` by whoever wraps the result, so that prices keep their dollars.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from .formula import STREAMING, formula_plugin
from .renderer import Renderer, is_allowed

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Env", "parser", "render", "top_level"]

Env: TypeAlias = MutableMapping[str, Any]
"""markdown-it's environment: link definitions found so far, shared by the pieces of one text."""


def render(text: str, env: Env | None = None, *, streaming: bool = False, start: int | None = None) -> str:
    """`text` as HTML, no wrapper.

    `env` carries link definitions from piece to piece. `streaming`: more is to come. `start`: number of the first item
    where the text begins inside an ordered list.
    """
    env = {} if env is None else env
    env[STREAMING] = streaming
    tokens = parser().parse(text, env)
    if start is not None and tokens and tokens[0].type == "ordered_list_open":
        tokens[0].attrs["start"] = start
    return str(parser().renderer.render(tokens, parser().options, env))


def top_level(text: str) -> list[Token]:
    """The block tokens of unfinished `text`, inline content not parsed; `\\n` is the only line end in `text`."""
    tokens: list[Token] = []
    parser().block.parse(text, parser(), {STREAMING: True}, tokens)
    return tokens


MAX_NESTING = 40
"""Levels of blocks and of inline markup, a list counting two; what is deeper is only in the output's plain text. Bounds
recursion, and the search for the end of each of a thousand opening brackets."""


@cache
def parser() -> MarkdownIt:
    """The one parser: CommonMark, tables, strikethrough, bare addresses as links, formulas; no HTML."""
    from markdown_it import MarkdownIt

    md = MarkdownIt("commonmark", {"html": False, "linkify": True, "maxNesting": MAX_NESTING}, renderer_cls=Renderer)
    md.enable(["table", "strikethrough", "linkify"])
    md.disable(["html_block", "html_inline"])
    md.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # type: ignore[union-attr]
    md.use(formula_plugin)
    md.validateLink = is_allowed  # type: ignore[method-assign]
    return md
