"""Markdown between Chinese, Japanese and Korean characters, which put no spaces around a word.

CommonMark decides by spaces and punctuation whether `**` opens or closes, so that `**注意：**请` stays as typed
(commonmark-spec #650). Here the amendment of markdown-cjk-friendly holds: full-width punctuation counts as a letter,
and such a character outside of the delimiter as a space. A line end between two such characters is no space either (CSS
Text 3, segment break transformation).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

__all__ = ["east_asian_plugin"]


def east_asian_plugin(md: MarkdownIt) -> None:
    """Changes how a parser reads delimiters and line ends."""
    inline = _Inline()
    vars(inline).update(vars(md.inline))
    md.inline = inline
    md.core.ruler.push("east_asian_line_ends", _join_lines)


class _Inline(ParserInline):
    """markdown-it's parser with our state."""

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        """Whether the run of delimiters at `start` can open and close."""
        scanned = super().scanDelims(start, canSplitWord)
        before, after = self._before(start), self.src[start + scanned.length : start + scanned.length + 1] or " "
        if not (_is_east_asian(before) or _is_east_asian(after)):
            return scanned
        left, right = _flanks(before, after), _flanks(after, before)
        # An underscore splits no word: 文件_2024_终稿 stays; punctuation on either side of it is no word.
        splits = canSplitWord or _is_punctuation(before) or _is_punctuation(after)
        return Scanned(left and (splits or not right), right and (splits or not left), scanned.length)

    def _before(self, at: int) -> str:
        """The character before `at`, variation selectors passed over."""
        while at > 0 and unicodedata.name(self.src[at - 1], "").startswith("VARIATION SELECTOR"):
            at -= 1
        return self.src[at - 1] if at > 0 else " "


def _flanks(outside: str, inside: str) -> bool:
    """Whether a run between the two belongs to what is `inside`."""
    if _is_space(inside):
        return False
    return (
        not _is_narrow_punctuation(inside)
        or _is_space(outside)
        or _is_narrow_punctuation(outside)
        or _is_east_asian(outside)
    )


def _is_east_asian(character: str) -> bool:
    """Wide, full-width and half-width characters; no emoji, which stand in any text."""
    number = ord(character)
    return (
        number >= 0x1100
        and not (0x2000 <= number < 0x2E80 or 0x1F000 <= number < 0x1F200 or 0x1F300 <= number < 0x20000)
        and unicodedata.east_asian_width(character) in "WFH"
    )


def _is_punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _is_narrow_punctuation(character: str) -> bool:
    return _is_punctuation(character) and not _is_east_asian(character)


def _is_space(character: str) -> bool:
    return isWhiteSpace(ord(character))


def _join_lines(state: StateCore) -> None:
    """Takes out the line ends that would be read as spaces between two such characters."""
    for token in state.tokens:
        if token.children and any(child.type == "softbreak" for child in token.children):
            token.children = list(_joined(token.children))


def _joined(tokens: Sequence[Token]) -> Iterator[Token]:
    for index, token in enumerate(tokens):
        before, after = range(index - 1, -1, -1), range(index + 1, len(tokens))
        if token.type != "softbreak" or not _needs_no_space(
            _character(tokens, before, -1), _character(tokens, after, 0)
        ):
            yield token


# Quotes, dashes and dots that Chinese shares with other languages: wide where their neighbour is.
_SHARED = "“”‘’…—·"


def _needs_no_space(before: str, after: str) -> bool:
    sides = (_is_wide(before), _is_wide(after))
    return all(sides) or (any(sides) and (before in _SHARED or after in _SHARED))


def _is_wide(character: str) -> bool:
    """Korean has spaces between its words."""
    return _is_east_asian(character) and not unicodedata.name(character, "").startswith("HANGUL")


def _character(tokens: Sequence[Token], places: Iterable[int], at: int) -> str:
    """The character at `at` of the first token in `places` that has text, markup passed over; else a space."""
    found = (tokens[place].content for place in places if tokens[place].nesting == 0 and tokens[place].content)
    return next(found, " ")[at]
