"""Texts without the secrets that they repeat: whole, in part, or encoded."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable, Collection, Iterator

__all__ = ["MASK", "RECOGNISABLE", "Redactor"]

MASK = "•••"
# A run of this many characters of a key is treated as the key: servers echo its beginning or its end.
RECOGNISABLE = 12
# Shorter "keys" are the words that servers without keys want ("x", "none"): no secret, and common in any text.
_SHORTEST_SECRET = 4


class Redactor:
    """Replaces `values` in texts. What it takes to find them is worked out once; it lists them to nobody."""

    __slots__ = ("_redact", "_spellings", "_values")
    _redact: Callable[[str], str]
    _spellings: Callable[[], tuple[str, ...]]
    _values: Callable[[], tuple[str, ...]]

    def __init__(self, values: Collection[str]) -> None:
        found = dict.fromkeys(spelling for value in sorted(set(values)) for spelling in _spellings(value))
        spellings = [spelling for spelling in found if len(spelling) >= _SHORTEST_SECRET]
        # In closures, so that a debugger that lists attributes does not list the values.
        own = tuple(values)
        self._values = lambda: own
        self._spellings = lambda: tuple(sorted(spellings))
        self._redact = _redaction(spellings)

    def is_of(self, values: tuple[str, ...]) -> bool:
        """Whether these are its values."""
        return self._values() == values

    def redact(self, text: str) -> str:
        """`text` with every value replaced: whole, in part (12 characters or more), or encoded."""
        return self._redact(text)

    def spellings(self) -> tuple[str, ...]:
        """Every spelling under which a value could arrive: for whoever reads text in pieces. Handle with care."""
        return self._spellings()


def _redaction(spellings: list[str]) -> Callable[[str], str]:
    if not spellings:
        return lambda text: text
    halves = tuple(dict.fromkeys(half for spelling in spellings for half in _halves(spelling)))
    least = min(RECOGNISABLE, *map(len, spellings))

    def redact(text: str) -> str:
        if len(text) < least:
            return text
        folded = _folded(text)
        for half in halves:
            if half in folded:
                break
        else:
            return text
        for spelling in spellings:
            text = _masked(text, spelling)
        return text

    return redact


def _spellings(value: str) -> Iterator[str]:
    yield value
    if (quoted := urllib.parse.quote(value, safe="")) != value:
        yield quoted
    # Base64 shifts with what stands before it; its first and last group may mix with the neighbours, so they are left.
    for shift in range(3):
        core = base64.b64encode(b"\0" * shift + value.encode()).decode().rstrip("=")[4 if shift else 0 : -1]
        yield from {core, core.replace("+", "-").replace("/", "_")}


def _halves(spelling: str) -> Iterator[str]:
    """Pieces one of which stands in every text that holds a recognisable part of `spelling`, in small letters.

    Every run of as many characters as are recognisable holds a whole half of that at a multiple of half: mostly none
    is there, and `in` is fast.
    """
    half = min(len(spelling), RECOGNISABLE) // 2
    return (spelling[start : start + half].lower() for start in range(0, len(spelling) - half + 1, half))


def _masked(text: str, spelling: str) -> str:
    """`text` without any run of characters that is a recognisable part of `spelling`, upper or lower case."""
    size = min(len(spelling), RECOGNISABLE)
    folded = _folded(text)
    pieces = {spelling[start : start + size].lower() for start in range(len(spelling) - size + 1)}
    result: list[str] = []
    clean_from = position = 0
    while position <= len(folded) - size:
        if folded[position : position + size] not in pieces:
            position += 1
            continue
        end = position + size
        while folded[end - size + 1 : end + 1] in pieces:
            end += 1
        result += [text[clean_from:position], MASK]
        clean_from = position = end
    return "".join(result) + text[clean_from:]


def _folded(text: str) -> str:
    """`text` in lower case, of the same length: of one letter (İ) str.lower() makes two."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)
