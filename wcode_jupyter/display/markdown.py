"""Markdown of a model as HTML that is safe to show in a trusted notebook.

The text is untrusted. Raw HTML is shown as text; the only tags that come out are those written here and by
markdown-it's own renderer; links go to http, https and mailto; an image becomes a link, so nothing is fetched; no
attribute carries the model's text except an address. Formulas go to MathJax (see `formula`), everything else is marked
`mathjax_ignore` by whoever wraps the result, so that prices keep their dollars.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, TypeAlias

from .formula import STREAMING, formula_plugin
from .highlight import highlight

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

__all__ = ["Env", "parser", "render", "top_level"]

Env: TypeAlias = MutableMapping[str, Any]
"""markdown-it's environment: link definitions found so far, shared by the pieces of one text."""

_ALLOWED_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)


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


@cache
def parser() -> MarkdownIt:
    """The one parser: CommonMark, tables, strikethrough, bare addresses as links, formulas; no HTML."""
    from markdown_it import MarkdownIt

    md = MarkdownIt("commonmark", {"html": False, "linkify": True, "maxNesting": 100})
    md.enable(["table", "strikethrough", "linkify"])
    md.disable(["html_block", "html_inline"])
    md.linkify.set({"fuzzy_link": False, "fuzzy_email": False})  # type: ignore[union-attr]
    md.use(formula_plugin)
    md.validateLink = _is_allowed  # type: ignore[method-assign]
    for name, rule in _RENDER_RULES.items():
        md.add_render_rule(name, rule)
    return md


def _is_allowed(url: str) -> bool:
    return _ALLOWED_LINK.match(url) is not None


def _link_open(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Env) -> str:
    return _anchor(str(tokens[index].attrGet("href") or ""))


def _anchor(url: str) -> str:
    if not _is_allowed(url):
        return "<a>"
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer nofollow">'


def _image(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Env) -> str:
    token = tokens[index]
    url = str(token.attrGet("src") or "")
    words = self.renderInlineAsText(token.children, options, env) if token.children else ""
    label = f"🖼 {escape(words or url)}"
    return label if _inside_link(tokens, index) else f"{_anchor(url)}{label}</a>"


def _inside_link(tokens: Sequence[Token], index: int) -> bool:
    return sum({"link_open": 1, "link_close": -1}.get(token.type, 0) for token in tokens[:index]) > 0


def _fence(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Env) -> str:
    token = tokens[index]
    words = token.info.split()
    return f"<pre><code>{highlight(token.content, words[0] if words else '')}</code></pre>\n"


def _code_inline(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Env) -> str:
    return f"<code>{escape(tokens[index].content, quote=False)}</code>"


def _text(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Env) -> str:
    # Quotes need no escape between tags; markdown-it's own &quot; would triple them in the saved notebook.
    return escape(tokens[index].content, quote=False)


_RENDER_RULES: dict[str, Any] = {
    "link_open": _link_open,
    "image": _image,
    "fence": _fence,
    "code_block": _fence,
    "code_inline": _code_inline,
    "text": _text,
}
