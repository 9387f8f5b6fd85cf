"""Markdown of a model as HTML that is safe to show in a trusted notebook.

The text is untrusted. Raw HTML is shown as text; the only tags that come out are those written here and by
markdown-it's own renderer; links go to http, https and mailto; an image becomes a link, so nothing is fetched; no
attribute carries the model's text except an address. Formulas go to MathJax (see `formula`), everything else is marked
`mathjax_ignore` by whoever wraps the result, so that prices keep their dollars.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from ..characters import escape
from ..language import _
from ..reply.fences import STREAMING, fence_plugin
from .formula import formula_plugin
from .github import github_plugin
from .links import link_plugin
from .quotes import quote_plugin
from .renderer import Renderer, is_allowed, plain

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["Env", "is_affordable", "parser", "quickly", "render", "top_level"]

Env: TypeAlias = MutableMapping[str, Any]
"""markdown-it's environment: link definitions found so far, shared by the pieces of one text."""


def render(text: str, env: Env | None = None, *, streaming: bool = False, start: int | None = None) -> str:
    """`text` as HTML, no wrapper.

    `env` carries link definitions from piece to piece. `streaming`: more is to come. `start`: number of the first item
    where the text begins inside an ordered list.
    """
    if not is_affordable(text):
        note = _("Long text, shown without formatting: {count} characters.").format(count=len(text))
        return f'<div class="wcode-mark">{escape(note)}</div>\n{plain(text)}'
    env = {} if env is None else env
    env[STREAMING] = streaming
    tokens = parser().parse(text, env)
    if start is not None and tokens and tokens[0].type == "ordered_list_open":
        tokens[0].attrs["start"] = start
    return str(parser().renderer.render(tokens, parser().options, env))


_MOST = 300_000
"""Characters that are formatted."""
_BRACKET = 10
"""What an opening bracket counts: the search for the end of a link is the dearest step."""


_QUICK = 10_000
_most: ContextVar[int] = ContextVar("wcode_most_formatted", default=_MOST)


@contextmanager
def quickly() -> Iterator[None]:
    """Inside, only short texts are formatted: the user has interrupted, and waits."""
    token = _most.set(_QUICK)
    try:
        yield
    finally:
        _most.reset(token)


def is_affordable(text: str) -> bool:
    """Whether formatting it costs seconds at most, whatever it is: in characters, so that it is the same everywhere."""
    return len(text) + (_BRACKET - 1) * text.count("[") <= _most.get()


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
    """The one parser: CommonMark, tables, strikethrough, bare addresses as links, formulas, task lists; no HTML."""
    from markdown_it import MarkdownIt

    from .east_asian import east_asian_plugin

    md = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}, renderer_cls=Renderer)
    md.enable(["table", "strikethrough"])
    md.disable(["html_block", "html_inline"])
    md.use(formula_plugin)
    md.use(link_plugin)
    md.use(quote_plugin)
    md.use(fence_plugin)
    md.use(github_plugin)
    md.use(east_asian_plugin)
    md.validateLink = is_allowed  # type: ignore[method-assign]
    return md
