"""Colours of code: a few classes, each a family of Pygments tokens, so that saved outputs stay small."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from ..characters import escape
from . import scanner

if TYPE_CHECKING:
    from pygments.lexer import Lexer

__all__ = ["CLASSES", "LANGUAGES", "LONGEST", "highlight"]

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

LONGEST = 20_000
"""Characters of a block that are coloured."""

# Fence word -> Pygments lexer. Only lexers whose cost was measured to grow with the text, whatever it is: a model
# chooses the language, and many of Pygments' expressions are square on text made for it. `scanner` has the others.
_LEXERS = {
    **dict.fromkeys(("python", "py", "python3", "ipython", "ipython3"), "python"),
    **dict.fromkeys(("bash", "sh", "shell", "zsh", "console"), "bash"),
    **dict.fromkeys(("json", "jsonc", "json5"), "json"),
    **{name: name for name in ("sql", "toml", "php", "r", "ruby")},
    "rb": "ruby",
}
LANGUAGES = frozenset((*_LEXERS, *scanner.LANGUAGES))
"""What is coloured; anything else is plain."""


def highlight(source: str, language: str) -> str:
    """`source` as escaped HTML with elements around coloured tokens; plain where the language is unknown."""
    runs: list[tuple[str, list[str]]] = []
    for name, text in _tokens(source, language.lower()):
        if runs and (runs[-1][0] == name or text.isspace()):
            runs[-1][1].append(text)
        else:
            runs.append((name, [text]))
    return "".join(_span(name, "".join(texts)) for name, texts in runs)


def _tokens(source: str, language: str) -> Iterable[tuple[str, str]]:
    if len(source) > LONGEST:
        return [("", source)]
    if language in scanner.LANGUAGES:
        return scanner.scan(source, language)
    if language in _LEXERS:
        return ((_class(token), text) for token, text in _lexer(_LEXERS[language]).get_tokens(source))
    return [("", source)]


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


@cache
def _lexer(name: str) -> Lexer:
    from pygments.lexers import get_lexer_by_name

    # The text must come out as it went in: nothing stripped, no newline added.
    lexer: Lexer = get_lexer_by_name(name, stripnl=False, ensurenl=False)
    return lexer
