"""Literals of Swift, PHP and Rust as plain data: what the samples of the API pages write in their own notation.

Read, never run: brackets with `:` or `=>` are objects, without them lists; `json!(…)`, `array(…)` and plain parentheses
stand around values. Anything else, a variable or a call, ends the reading without a result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..typed import decode

__all__ = ["objects"]

_MOST = 50
"""Places that are tried: a sample has one body."""
_DEEPEST = 50
_START = re.compile(r"[\[{(]\s*(?:\"\w+\"|'\w+')\s*(?::|=>)")
_TOKEN = re.compile(
    r"(?P<skipped>\s+|//[^\n]*|/\*.*?\*/|#[^\n]*)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<word>json!|array\b|NSNull\(\)|[A-Za-z_]\w*)"
    r"|(?P<mark>=>|[\[\]{}(),:])",
    re.DOTALL,
)
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_WORDS = {"true": True, "false": False, "null": None, "nil": None, "NSNull()": None}
_AROUND = ("json!", "array")


class _Unreadable(Exception):
    """Not a literal."""


def objects(text: str) -> Iterator[dict[str, object]]:
    """The objects that begin anywhere in `text`, from the first on; may be none."""
    for number, start in enumerate(_START.finditer(text)):
        if number == _MOST:
            return
        try:
            value = _Reader(text, start.start()).value(0)
        except _Unreadable:
            continue
        if isinstance(value, dict):
            yield value


class _Reader:
    """Tokens of `text` from `position` on."""

    def __init__(self, text: str, position: int) -> None:
        self._text = text
        self._position = position
        self._next()

    def _next(self) -> None:
        while (found := _TOKEN.match(self._text, self._position)) is not None:
            self._position = found.end()
            self._kind, self._token = str(found.lastgroup), found[0]
            if self._kind != "skipped":
                return
        self._kind, self._token = "end", ""

    def _is(self, *marks: str) -> bool:
        return self._kind == "mark" and self._token in marks

    def value(self, depth: int) -> object:
        """The value that begins here. Raises _Unreadable."""
        if depth > _DEEPEST:
            raise _Unreadable
        kind, token = self._kind, self._token
        if kind == "mark" and token in _CLOSING:
            self._next()
            return self._items(_CLOSING[token], depth)
        self._next()
        if kind == "text":
            return _string(token)
        if kind == "number":
            return decode(token.encode(), float if set(token) & set(".eE") else int)
        if kind == "word" and token in _WORDS:
            return _WORDS[token]
        if kind == "word" and token in _AROUND:
            return self.value(depth + 1)
        raise _Unreadable

    def _items(self, closing: str, depth: int) -> object:
        """What stands between brackets: an object, a list, or one value in parentheses."""
        pairs: dict[str, object] = {}
        items: list[object] = []
        is_object = closing == "}"
        while not self._is(closing):
            if self._is(":") and not items:  # `[:]`, Swift's empty object
                is_object = True
                self._next()
                continue
            item = self.value(depth + 1)
            if self._is(":", "=>"):
                self._next()
                if not isinstance(item, str):
                    raise _Unreadable
                pairs[item] = self.value(depth + 1)
            else:
                items.append(item)
            if self._is(","):
                self._next()
            elif not self._is(closing):
                raise _Unreadable
        self._next()
        if pairs and items:
            raise _Unreadable
        if closing == ")" and len(items) == 1 and not isinstance(items[0], str):
            return items[0]
        return pairs if pairs or is_object else items


_ESCAPE = re.compile(r"\\(u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|.)", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "f": "\f"}


def _string(token: str) -> str:
    """The text of a string: between single quotes PHP knows two escapes only."""
    inner = token[1:-1]
    if token[0] == "'":
        return re.sub(r"\\([\\'])", r"\1", inner)
    return _ESCAPE.sub(_unescaped, inner)


def _unescaped(match: re.Match[str]) -> str:
    if code := match[2] or match[3]:
        try:
            return chr(int(code, 16))
        except ValueError:
            raise _Unreadable from None
    return _CONTROLS.get(match[1], match[1])
