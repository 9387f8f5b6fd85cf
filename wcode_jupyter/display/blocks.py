"""Cuts a growing Markdown text into finished blocks, so that only its unfinished tail is rendered again.

A block is finished when the next top-level block has begun on a complete line: nothing that follows can change it, and
rendering the pieces one by one gives what rendering the whole gives. Blocks that grow without end are cut inside, at a
place that looks nearly right (a line of code, an item of a list, a row of a table, the end of a sentence): cost stays
linear, and the final output renders the whole anyway.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from .markdown import top_level

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["Lines", "Piece", "Splitter"]

LIMIT = 2_000
"""Characters of a block after which it is cut inside."""
LONG_LIMIT = 4_000
"""The same for prose and quotes, where a cut shows."""


class Piece(Struct, frozen=True):
    """A part of the text that renders by itself."""

    source: str
    start: int | None = None
    """Number of the first item, where the piece continues an ordered list."""
    plain: bool = False
    """Show the source as it is: a part of a block too large and too deep to be cut."""

    def __bool__(self) -> bool:
        return bool(self.source)


# A line that can begin a block right below a paragraph; everything else only continues it.
_OPENER = re.compile(r" {0,3}(?:[#>*+\-`~|$\\=_:<\[]|\d{1,9}[.)])|.*\|")
# The last line while it is being typed: a marker alone would flash as a heading, a rule or a list.
_MARKER_ONLY = re.compile(r"[\s\-=*_+#>`~|:$\\]*(?:\d{1,9}[.)]?)?\s*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SENTENCE_END = re.compile(r"(?:[.!?…]\s|[。！？；])")


class Splitter:
    """Feed text as it arrives; finished pieces come out once, the rest is `tail`."""

    def __init__(self) -> None:
        self._text = ""
        self._start: int | None = None
        self._plain = False
        self._seen = 0
        """Characters of `_text` whose lines have been looked at."""
        self._kind = ""
        self._long = LIMIT
        """Characters from which the next attempt to cut inside is worth its parsing."""
        self._carriage_return = False

    @property
    def tail(self) -> Piece:
        """What is not finished yet; with the pieces given so far it makes up the whole text."""
        return Piece(self._text, self._start, self._plain)

    @property
    def preview(self) -> Piece:
        """The tail as one would like to see it now: without a last line of which only a marker has arrived."""
        complete, newline, partial = self._text.rpartition("\n")
        hide = not self._plain and _MARKER_ONLY.fullmatch(partial)
        return Piece(complete + newline if hide else self._text, self._start, self._plain)

    def feed(self, text: str) -> list[Piece]:
        """Takes the next text, cut anywhere; gives the pieces that it finished, in order, often none."""
        self._text += self._normal(text)
        pieces: list[Piece] = []
        if not self._plain:
            self._cut_finished(pieces)
        while (self._plain or len(self._text) > self._long) and self._cut_long(pieces):
            pass
        if len(self._text) > self._long:
            self._long = len(self._text) + LIMIT // 8
        return [piece for piece in pieces if piece]

    def _normal(self, text: str) -> str:
        # As CommonMark reads it. CR LF may be cut between two deltas.
        if self._carriage_return:
            text = "\r" + text
        self._carriage_return = text.endswith("\r")
        if self._carriage_return:
            text = text[:-1]
        return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")

    def _cut_finished(self, pieces: list[Piece]) -> None:
        end = self._text.rfind("\n") + 1
        # An eighth of the tail must be new: parsing it again at each line would cost its square.
        if end - self._seen <= self._seen // 8:
            return
        begins = self._may_begin_block(end)
        self._seen = end
        if not begins:
            return
        blocks = [token for token in top_level(self._text[:end]) if token.level == 0 and token.nesting >= 0]
        if not blocks:
            return
        self._kind = "open fence" if _is_open_fence(blocks[-1]) else blocks[-1].type
        line = _first_open_line(blocks, self._text)
        self._commit(_offset(self._text, line), pieces)

    def _may_begin_block(self, end: int) -> bool:
        """Whether the lines that became complete can begin a block: saves parsing while a paragraph or code grows."""
        new = self._text[self._seen : end].split("\n")[:-1]
        if self._kind == "open fence":
            return self._fence_may_close(new)
        if self._kind != "paragraph_open":
            return True
        before_is_blank = self._text[: self._seen].endswith("\n\n")
        return before_is_blank or any(not line.strip() or _OPENER.match(line) for line in new)

    def _fence_may_close(self, lines: list[str]) -> bool:
        opening = _FENCE.match(self._text)
        return opening is None or any(line.lstrip().startswith(opening[1]) for line in lines)

    def _commit(self, end: int, pieces: list[Piece], *, closing: str = "", opening: str = "") -> bool:
        """Gives out the text before `end`, with `closing` behind it; the tail is what follows, behind `opening`."""
        if end <= 0:
            return False
        pieces.append(Piece(self._text[:end] + closing, self._start, self._plain))
        self._text = opening + self._text[end:]
        self._seen = self._text.rfind("\n") + 1
        self._start = None
        self._long = LIMIT
        return True

    def shorten(self) -> list[Piece]:
        """Cuts inside the tail's one block now, though it is not long: for text that renders to many times its size."""
        pieces: list[Piece] = []
        if not self._plain:
            kind, tokens = self._last_block()
            _CUTS.get(kind, _Cut.nowhere)(self, tokens, pieces)
        return pieces

    def _last_block(self) -> tuple[str, list[Token]]:
        """The kind of the tail's last block, and the tokens of its complete lines."""
        tokens = top_level(self._text[: self._text.rfind("\n") + 1])
        blocks = [token for token in tokens if token.level == 0 and token.nesting >= 0]
        return blocks[-1].type if blocks else "paragraph_open", tokens

    def _cut_long(self, pieces: list[Piece]) -> bool:
        """Cuts inside the tail's one block when that has grown too long; False when nothing was cut."""
        if self._plain:
            return self._cut_plain(pieces)
        kind, tokens = self._last_block()
        if len(self._text) <= (LONG_LIMIT if kind in ("paragraph_open", "blockquote_open") else LIMIT):
            return False
        if _CUTS.get(kind, _Cut.nowhere)(self, tokens, pieces):
            return True
        end = self._text.rfind("\n") + 1
        if len(self._text) > 2 * LONG_LIMIT and end:
            self._commit(end, pieces)
            self._plain = True
            return True
        return False

    def _cut_plain(self, pieces: list[Piece]) -> bool:
        # Back to Markdown at the first line that stands at the margin after a blank one.
        if match := re.search(r"\n[ \t]*\n(?=\S)", self._text):
            self._commit(match.end(), pieces)
            self._plain, self._kind, self._seen = False, "", 0
            self._cut_finished(pieces)
            return True
        end = self._text.rfind("\n") + 1
        if end > LIMIT:
            self._commit(end, pieces)
        return False


class _Cut:
    """Where a block of each kind may be cut inside: commit what is before and leave a tail that renders by itself."""

    @staticmethod
    def nowhere(_splitter: Splitter, _tokens: list[Token], _pieces: list[Piece]) -> bool:
        return False

    @staticmethod
    def lines(splitter: Splitter, _tokens: list[Token], pieces: list[Piece]) -> bool:
        return splitter._commit(_last_line(splitter._text), pieces)

    @staticmethod
    def fence(splitter: Splitter, tokens: list[Token], pieces: list[Piece]) -> bool:
        text = splitter._text
        end, body = _last_line(text), _offset(text, 1)
        return end > body and splitter._commit(end, pieces, closing=tokens[0].markup + "\n", opening=text[:body])

    @staticmethod
    def rows(splitter: Splitter, _tokens: list[Token], pieces: list[Piece]) -> bool:
        text = splitter._text
        end, body = _last_line(text), _offset(text, 2)
        return end > body and splitter._commit(end, pieces, opening=text[:body])

    @staticmethod
    def items(splitter: Splitter, tokens: list[Token], pieces: list[Piece]) -> bool:
        items = [token for token in tokens if token.type == "list_item_open" and token.level == 1]
        if len(items) < 2 or items[-1].map is None:
            return False
        start = None
        if tokens[0].type == "ordered_list_open":
            first = splitter._start if splitter._start is not None else int(tokens[0].attrGet("start") or 1)
            start = first + len(items) - 1
        splitter._commit(_offset(splitter._text, items[-1].map[0]), pieces)
        splitter._start = start
        return True

    @staticmethod
    def sentences(splitter: Splitter, tokens: list[Token], pieces: list[Piece]) -> bool:
        if _Cut.lines(splitter, tokens, pieces):
            return True
        ends = [match.end() for match in _SENTENCE_END.finditer(splitter._text)]
        # Text without sentences or spaces is cut anywhere: it is a run of one character, or data.
        end = ends[-1] if ends else splitter._text.rfind(" ") + 1 or len(splitter._text) - 1
        return splitter._commit(end, pieces)


_CUTS = {
    "fence": _Cut.fence,
    "code_block": _Cut.lines,
    "bullet_list_open": _Cut.items,
    "ordered_list_open": _Cut.items,
    "table_open": _Cut.rows,
    "blockquote_open": _Cut.lines,
    "paragraph_open": _Cut.sentences,
}


def _is_open_fence(token: Token) -> bool:
    """Whether a fence has no closing line yet: then its lines are its opening one and its content."""
    lines = token.map[1] - token.map[0] if token.map else 0
    return token.type == "fence" and lines == 1 + token.content.count("\n")


def _first_open_line(blocks: list[Token], text: str) -> int:
    """The line up to which everything is finished: where the last block begins, or 0."""
    last = blocks[-1]
    line = last.map[0] if last.map else 0
    if last.type == "formula_block" and last.markup == "open":
        # Without its closing delimiter this will have been text, perhaps of the paragraph above.
        return _first_open_line(blocks[:-1], text) if len(blocks) > 1 else 0
    above = blocks[-2].map[1] if len(blocks) > 1 and blocks[-2].map else 0
    if line > above and text.split("\n", line)[line - 1].strip():
        # Link definitions leave no token; a title may still turn the paragraph below into a part of them.
        return _first_open_line(blocks[:-1], text) if len(blocks) > 1 else 0
    return line


def _last_line(text: str) -> int:
    """The position where the last complete line begins: it stays in the tail, so that the tail is never empty."""
    return text.rfind("\n", 0, text.rfind("\n")) + 1 if "\n" in text else 0


def _offset(text: str, line: int) -> int:
    """The position where line number `line` begins."""
    position = 0
    for _ in range(line):
        position = text.index("\n", position) + 1
    return position


class Lines:
    """The same for text that is not Markdown: whole lines, a few thousand characters at a time."""

    def __init__(self) -> None:
        self._text = ""

    @property
    def tail(self) -> Piece:
        """What is not committed yet."""
        return Piece(self._text, plain=True)

    preview = tail

    def shorten(self) -> list[Piece]:
        """Text renders to its own size."""
        return []

    def feed(self, text: str) -> list[Piece]:
        """Takes the next text; gives the lines that are complete once there are enough of them."""
        self._text += text
        if len(self._text) <= LIMIT:
            return []
        end = self._text.rfind("\n") + 1 or (len(self._text) if len(self._text) > LONG_LIMIT else 0)
        piece, self._text = Piece(self._text[:end], plain=True), self._text[end:]
        return [piece] if piece else []
