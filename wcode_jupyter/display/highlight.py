"""Colours of code: a few classes, each a family of Pygments tokens, so that saved outputs stay small."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..characters import escape

if TYPE_CHECKING:
    from pygments.lexer import Lexer

__all__ = ["CLASSES", "highlight"]

CLASSES: dict[str, str] = {
    "Comment": "c",
    "Keyword": "k",
    "Operator.Word": "k",
    "Literal.String": "s",
    "Literal.Number": "m",
    "Name.Function": "f",
    "Name.Class": "f",
    "Name.Builtin": "b",
    "Name.Tag": "k",
    "Name.Attribute": "f",
    "Name.Decorator": "b",
    "Name.Exception": "b",
    "Generic.Deleted": "d",
    "Generic.Inserted": "i",
    "Generic.Heading": "k",
}
"""Pygments token family -> class; all other tokens keep the text's colour."""

_ELEMENTS = {"": ("", ""), "k": ("<b>", "</b>"), "c": ("<i>", "</i>")}
"""Keywords and comments are the most frequent: short tags, which also read where styles are stripped."""

_LONGEST = 100_000
"""Characters of a block that are coloured: a lexer's regular expressions may be slow on text made to be slow."""


def highlight(source: str, language: str) -> str:
    """`source` as escaped HTML with elements around coloured tokens; plain where the language is unknown."""
    lexer = _lexer(language.lower()) if language and len(source) <= _LONGEST else None
    if lexer is None:
        return escape(source, quote=False)
    runs: list[tuple[str, list[str]]] = []
    for token, text in lexer.get_tokens(source):
        name = _class(token)
        if runs and (runs[-1][0] == name or text.isspace()):
            runs[-1][1].append(text)
        else:
            runs.append((name, [text]))
    return "".join(_span(name, "".join(texts)) for name, texts in runs)


def _span(name: str, text: str) -> str:
    escaped = escape(text, quote=False)
    before, after = _ELEMENTS.get(name) or (f"<span class={name}>", "</span>")
    return f"{before}{escaped}{after}"


@lru_cache(maxsize=512)
def _class(token: Any) -> str:
    while token is not None:
        if name := CLASSES.get(str(token).removeprefix("Token.")):
            return name
        token = token.parent
    return ""


@lru_cache(maxsize=32)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        # The text must come out as it went in: nothing stripped, no newline added.
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None
