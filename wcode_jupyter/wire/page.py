"""Bodies that are not the API's: their characters, and what a web page says in a few words."""

from __future__ import annotations

import codecs
import html
import re

from ..errors import one_line
from ..language import _

__all__ = ["charset_of", "decoded", "page_words"]

_LONGEST = 300

_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_HEAD = 2048
"""Bytes in which a page names its characters."""


def charset_of(content_type: str) -> str:
    """The character set that a content type names; empty: none that is known."""
    found = _CHARSET.search(content_type)
    return _known(found[1]) if found else ""


def decoded(body: bytes, content_type: str = "") -> str:
    """The text of `body`: by its byte order mark, its content type or itself; else UTF-8, or GB 18030 where it is that.

    What cannot be read is U+FFFD.
    """
    meta = _META.search(body[:_HEAD])
    named = (
        next((name for mark, name in _MARKS if body.startswith(mark)), "")
        or charset_of(content_type)
        or (_known(meta[1].decode()) if meta else "")
    )
    for name in (named, "utf-8", "gb18030"):
        try:
            if name:
                # The body may end within a character, because only its beginning was read.
                return codecs.getincrementaldecoder(name)().decode(body)
        except ValueError:
            continue
    return body.decode(named or "utf-8", "replace")


def _known(name: str) -> str:
    try:
        b"x".decode(name, "replace")
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""


_WORDS = re.compile(r"<(title|h1)\b[^>]{0,200}>(.{0,2000}?)</\1", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.IGNORECASE | re.DOTALL)


def page_words(text: str) -> str:
    """The title and the first heading of a web page, else the beginning of its text, on one line."""
    found: dict[str, str] = {}
    for kind, words in _WORDS.findall(text):
        found.setdefault(kind.lower(), _seen(words))
    title, heading = found.get("title", ""), found.get("h1", "")
    if heading and heading.lower() in title.lower():
        heading = ""
    if title and title.lower() in heading.lower():
        title = ""
    said = ": ".join(words for words in (title, heading) if words) or _seen(text)
    return one_line(said, _LONGEST) or _("A web page without a title")


def _seen(text: str) -> str:
    """The text between the tags."""
    return " ".join(html.unescape(_UNSEEN.sub(" ", text)).split())
