"""Reasoning that a server leaves inside the text: `<think>…</think>` at its very start, across any number of pieces.

A tag later in the text is prose. White space before the opening tag belongs to it. Some templates have opened the tag
before the answer, so that only the closing one arrives: whoever knows that of a model says so.
"""

from __future__ import annotations

__all__ = ["TAGS", "InlineTags"]

TAGS = ("<think>", "<thinking>")

# More white space than this at the start is an answer that starts with white space.
_MOST_BLANKS = 1000


class InlineTags:
    """Splits the pieces of one text into reasoning and answer."""

    def __init__(self, *, opened: bool = False) -> None:
        """`opened`: the text begins inside the reasoning."""
        self._opened = opened
        self.settled = False
        """Whether all that follows is answer."""
        self._tag = ""
        self._held = ""

    def feed(self, text: str) -> list[tuple[str, str]]:
        """`(tag, piece)` pairs, tag `""` for the answer; may be empty while it is undecided what `text` is."""
        text, self._held = self._held + text, ""
        if not self._tag:
            start = text.lstrip()
            self._tag = next((tag for tag in TAGS if start.startswith(tag)), "")
            if self._tag:
                text = start[len(self._tag) :]
            elif len(text) <= _MOST_BLANKS and any(tag.startswith(start) for tag in TAGS):
                self._held = text
                return []
            elif self._opened:
                self._tag = TAGS[0]
            else:
                return self._answer(text)
        return self._reasoning(text)

    def finish(self) -> list[tuple[str, str]]:
        """What was still undecided."""
        text, self._held = self._held, ""
        return [(self._tag, text)] if text else []

    def _answer(self, text: str) -> list[tuple[str, str]]:
        self.settled = True
        return [("", text)] if text else []

    def _reasoning(self, text: str) -> list[tuple[str, str]]:
        tag = self._tag
        closing = "</" + tag[1:]
        before, found, after = text.partition(closing)
        if found:
            return ([(tag, before)] if before else []) + self._answer(after)
        cut = len(text) - _overlap(text, closing)
        self._held = text[cut:]
        return [(tag, text[:cut])] if cut else []


def _overlap(text: str, tag: str) -> int:
    """Length of the longest end of `text` that could be the beginning of `tag`."""
    start = text.rfind("<")
    return len(text) - start if start >= 0 and tag.startswith(text[start:]) else 0
