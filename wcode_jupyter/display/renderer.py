"""The only writer of tags: what is not in its tables does not reach the page.

Every attribute is written here too, and none holds the model's text but an address with an allowed scheme. Few quotes
and few line ends, because each costs two to ten bytes in a saved notebook.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from markdown_it.renderer import RendererHTML

from ..characters import escape
from .highlight import highlight

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Renderer", "code_block", "is_allowed", "plain", "wrapped_code"]

_TAGS = frozenset(
    "p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr br em strong s sub sup table thead tbody tr th td".split()  # noqa: SIM905
)
_ALIGN = {"text-align:right": " align=right", "text-align:center": " align=center"}
_ALLOWED_LINK = re.compile(r"(?:https?://|mailto:)[^\s]", re.IGNORECASE)


def is_allowed(url: str) -> bool:
    """Whether a link may go there: http, https and mailto; nothing relative, which would be this Jupyter server."""
    return _ALLOWED_LINK.match(url) is not None


def code_block(source: str, language: str = "") -> str:
    """A block of code in colours."""
    return f"<pre><code>{highlight(source, language)}</code></pre>\n"


def wrapped_code(source: str, language: str = "") -> str:
    """The same, its long lines wrapped: nothing of it is out of sight to the right."""
    return code_block(source, language).replace("<pre>", '<pre style="white-space:pre-wrap;overflow-wrap:anywhere">', 1)


def plain(text: str) -> str:
    """Text as it is, line ends kept, long lines wrapped."""
    return f'<pre class="wcode-text">{escape(text, quote=False)}</pre>\n'


class Renderer(RendererHTML):
    """markdown-it's tokens as HTML. Methods are named after the token types they render."""

    def renderToken(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:  # noqa: N802
        """Any token that has no method of its own: its tag where that is a known one, else nothing."""
        token = tokens[idx]
        if token.hidden or token.tag not in _TAGS:
            return ""
        if token.nesting < 0:
            return f"</{token.tag}>" + ("\n" if token.block and not token.level else "")
        return f"<{token.tag}{_attributes(token)}>"

    def text(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """Text; quotes need no escape between tags."""
        return escape(tokens[idx].content, quote=False)

    def softbreak(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """A line end inside a paragraph reads as a space."""
        return " "

    def hardbreak(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """A line end that was meant."""
        return "<br>"

    def code_inline(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """Code in a line."""
        return f"<code>{escape(tokens[idx].content, quote=False)}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """A fenced block in colours; its info string chooses the language and is not shown."""
        return code_block(tokens[idx].content, next(iter(tokens[idx].info.split()), ""))

    def code_block(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """An indented block."""
        return code_block(tokens[idx].content)

    def link_open(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """A link that tells its target nothing and cannot reach back."""
        return _anchor(str(tokens[idx].attrGet("href") or ""))

    def link_close(self, tokens: Sequence[Token], idx: int, options: object, env: object) -> str:
        """The end of a link."""
        return "</a>"

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A link to the image: a fetch would tell a stranger that, and what, was read here."""
        token = tokens[idx]
        url = str(token.attrGet("src") or "")
        words = self.renderInlineAsText(token.children, options, env) if token.children else ""
        label = f"🖼 {escape(words or url)}"
        return label if _inside_link(tokens, idx) else f"{_anchor(url)}{label}</a>"


def _attributes(token: Token) -> str:
    start = token.attrGet("start")
    if token.tag == "ol" and isinstance(start, int):
        return f" start={start}"
    if token.tag in ("td", "th"):
        return _ALIGN.get(str(token.attrGet("style")), "")
    return ""


def _anchor(url: str) -> str:
    if not is_allowed(url):
        return "<a>"
    return f'<a href="{escape(url)}" target=_blank rel="noopener noreferrer nofollow">'


def _inside_link(tokens: Sequence[Token], index: int) -> bool:
    return sum({"link_open": 1, "link_close": -1}.get(token.type, 0) for token in tokens[:index]) > 0
