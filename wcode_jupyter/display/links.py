"""Bare addresses as links: `https://…`, `http://…` and `mailto:…` in running text.

markdown-it's own rule searches the rest of the text at each address; this one looks at each character once.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline

__all__ = ["LONGEST", "link_plugin"]

LONGEST = 2_000
"""Characters of an address; a longer run of them is text."""

_REFUSED = "wcode_refused"

_SCHEME = re.compile(r"(?:^|[^A-Za-z0-9+.-])(https?|mailto)\Z", re.IGNORECASE)
# Full-width punctuation, and the marks that Chinese shares with other languages, belong to the sentence.
_ADDRESS = re.compile(r"""://[^\W_][^\s<>"`|—…‘-‟\u3000-\u303f\uff00-\uffef]{0,2000}+""")
_MAILBOX = re.compile(r":[\w.+-]{1,64}@\w[\w.-]{1,253}+")
# What belongs to the sentence around it.
_AFTER = ".,;:!?'*_~"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def link_plugin(md: MarkdownIt) -> None:
    """Adds bare addresses to a parser."""
    md.inline.ruler.push("bare_address", _rule)


def _rule(state: StateInline, silent: bool) -> bool:
    if state.linkLevel or state.src[state.pos] != ":":
        return False
    scheme = _SCHEME.search(state.pending[-8:])
    if scheme is None:
        return False
    refused = state.env.get(_REFUSED)
    if refused is not None and refused[0] is state.src and state.pos < refused[1]:
        return False
    form = _MAILBOX if scheme[1].lower() == "mailto" else _ADDRESS
    found = form.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if len(found[0]) > LONGEST:
        # What begins inside this run is no address either: it is not looked at again.
        state.env[_REFUSED] = (state.src, found.end())
        return False
    rest = _trimmed(found[0])
    url = state.md.normalizeLink(scheme[1] + rest)
    if not state.md.validateLink(url):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[1])]
        opening = state.push("link_open", "a", 1)
        opening.attrs = {"href": url}
        opening.markup, opening.info = "linkify", "auto"
        state.push("text", "", 0).content = state.md.normalizeLinkText(scheme[1] + rest)
        state.push("link_close", "a", -1)
    state.pos += len(rest)
    return True


def _trimmed(address: str) -> str:
    """Without the stops of the sentence, and without a bracket that was opened before the address."""
    counts = {bracket: address.count(bracket) for pair in _PAIRS.items() for bracket in pair}
    end = len(address)
    while (last := address[end - 1]) in _AFTER or (last in _PAIRS and counts[last] > counts[_PAIRS[last]]):
        if last in counts:
            counts[last] -= 1
        end -= 1
    return address[:end]
