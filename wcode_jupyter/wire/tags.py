"""Reasoning that a server leaves inside the text: `<think>…</think>` at its start, across any number of pieces.

A tag later in the text is prose. White space, also of no width, before the opening tag belongs to it; blocks may follow
each other; a block is closed by the closing tag of any of the names, in any case. Some templates have opened the tag
before the answer, so that only the closing one arrives: alone on its line it ends what was reasoning all along.
"""

from __future__ import annotations

import re

__all__ = ["CLOSING", "MARKS", "MOVED", "InlineTags"]

CLOSING = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
"""Opening tag -> its closing tag, in small letters."""

MOVED = "moved"
"""In the place of a tag: all text before was reasoning."""

MARKS = re.compile("[<[◁]")
"""What tags begin with."""
_BLANKS = " \t\r\n\f\v\ufeff\u200b\u200c\u200d\u2060\u00a0\u3000"
_OPEN = re.compile("|".join(map(re.escape, CLOSING)), re.IGNORECASE)
_CLOSE = re.compile("|".join(map(re.escape, CLOSING.values())), re.IGNORECASE)
_LONGEST = max(map(len, CLOSING.values()))

# More white space than this at the start is an answer that starts with white space.
_MOST_BLANKS = 1000
_MOST_QUOTED = 20
# A tag that is spoken of stands apart, or in quotes.
_BEFORE_QUOTED = " \t\"'(:,“‘「『（：，"


class InlineTags:
    """Splits the pieces of one text into reasoning and answer."""

    def __init__(self, *, opened: bool = False) -> None:
        """`opened`: the text begins inside the reasoning."""
        self.seen = False
        """Whether reasoning has come, in a tag or, told by the owner, in a field of its own."""
        self.answering = False
        """Whether the answer has begun."""
        self.plain = False
        """Whether a piece without any of the `MARKS` is answer as it is."""
        self._closed = False
        self._opened = opened
        self._tag = ""
        self._held = ""
        self._quoted = 0
        self.passed: list[str] = []
        """The answer so far; whoever finds it `plain` and does not feed a piece adds it here."""

    def feed(self, text: str) -> list[tuple[str, str]]:
        """`(tag, piece)` pairs, tag `""` for the answer; may be empty while it is undecided what `text` is."""
        text, self._held = self._held + text, ""
        pieces: list[tuple[str, str]] = []
        while text:
            text = self._answer(text, pieces) if self.answering else self._begin(text, pieces)
        self.plain = self.answering and not self._held
        return pieces

    def finish(self) -> list[tuple[str, str]]:
        """What was still undecided."""
        text, self._held = self._held, ""
        if self._tag or not text:
            return [(self._tag, text)] if text else []
        if self.seen:
            return [] if _CLOSE.fullmatch(text.strip(_BLANKS)) else [("", text)]
        if not (found := _CLOSE.search(text)) or not self._ends_reasoning(text[: found.start()], text[found.end() :]):
            return [("", text)]
        pieces = [("", text[: found.start()]), (MOVED, "moved"), ("", text[found.end() :].lstrip(_BLANKS))]
        return [(tag, piece) for tag, piece in pieces if piece]

    def _begin(self, text: str, pieces: list[tuple[str, str]]) -> str:
        """Takes from `text` what belongs before the answer; what is left of it."""
        if self._tag:
            return self._reasoning(text, pieces)
        start = text.lstrip(_BLANKS)
        if found := _OPEN.match(start):
            self._tag, self.seen, self._opened = found[0].lower(), True, False
            return start[found.end() :]
        if self.seen and (found := _CLOSE.match(start)):
            self._closed = True
            return start[found.end() :]  # the field held the reasoning, and the text only its end
        if len(text) <= _MOST_BLANKS and _could_begin(start, closing=self.seen):
            self._held = text
        elif self._opened:
            self._tag, self.seen, self._opened = "<think>", True, False
            return text
        else:
            self.answering = True
            return start if self._closed else text  # the blank lines behind a tag belong to it
        return ""

    def _reasoning(self, text: str, pieces: list[tuple[str, str]]) -> str:
        if found := _CLOSE.search(text):
            if before := text[: found.start()]:
                pieces.append((self._tag, before))
            self._tag, self._closed = "", True
            return text[found.end() :]
        cut = len(text) - _overlap(text)
        self._held = text[cut:]
        if cut:
            pieces.append((self._tag, text[:cut]))
        return ""

    def _answer(self, text: str, pieces: list[tuple[str, str]]) -> str:
        found = None if self.seen else _CLOSE.search(text)
        if found is None or len(text) - found.end() < 2:
            # What follows the tag decides what it is.
            cut = (len(text) - _overlap(text) * (not self.seen)) if found is None else found.start()
            self._pass(text[:cut], pieces)
            self._held = text[cut:]
            return ""
        before, after = text[: found.start()], text[found.end() :]
        if self._ends_reasoning(before, after):
            if before:
                pieces.append(("", before))
            pieces.append((MOVED, ""))
            self.passed.clear()
            self.seen, self.answering, self._closed = True, False, True
            return after
        self._quoted += 1
        # A text about tags: it is not read anew for each of them.
        self.seen = self.seen or self._quoted >= _MOST_QUOTED
        self._pass(text[: found.end()], pieces)
        return after

    def _ends_reasoning(self, text: str, after: str) -> bool:
        """Whether a closing tag between the two is one that a template has opened, and not one that is spoken of."""
        before = "".join(self.passed) + text
        line = before.rpartition("\n")[2]
        if _OPEN.search(before) or before.count("```") % 2 or line.count("`") % 2:
            return False
        if not line.strip() or after.startswith(("\n\n", "\r\n")):
            return True
        return line[-1] not in _BEFORE_QUOTED

    def _pass(self, text: str, pieces: list[tuple[str, str]]) -> None:
        if text:
            self.passed.append(text)
            pieces.append(("", text))


def _could_begin(start: str, *, closing: bool) -> bool:
    """Whether `start` may become a tag that opens, or, with `closing`, one that closes."""
    tags = [*CLOSING, *CLOSING.values()] if closing else CLOSING
    return any(tag.startswith(start.lower()) for tag in tags)


def _overlap(text: str) -> int:
    """Length of the longest end of `text` that could be the beginning of a closing tag."""
    end = text[-_LONGEST:].lower()
    at = max(end.rfind(mark) for mark in "<[◁")
    return len(end) - at if at >= 0 and any(tag.startswith(end[at:]) for tag in CLOSING.values()) else 0
