"""Colours by a single scan, for languages whose Pygments lexers read the same text again and again.

Each language is one regular expression of alternatives that never give a character back: what is not closed is taken
to the end of its line or text. So the cost is that of the text, whatever a model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

__all__ = ["LANGUAGES", "scan"]

_WORDS = (
    "abstract as assert async await bool boolean break byte case catch char class const constexpr continue crate data "
    "def default defer delegate delete do double dyn else enum event export extends extern false final finally float "
    "fn for foreach from func function get go goto guard if impl implements import in init inline instanceof int "
    "interface internal is let long loop match mod module mut namespace native new nil null nullptr object operator "
    "override package private protected pub public readonly record ref return sealed self short signed sizeof static "
    "struct super switch synchronized template this throw throws trait true try type typedef typename typeof union "
    "unsafe unsigned use using val var virtual void volatile when where while with yield"
)

_STRING = r"""(?P<s>"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?)"""
_NUMBER = r"(?P<m>\b\d[\w.]*+)"
_C = rf"""
    (?P<c>//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)
    |{_STRING[:-1]}|`(?:[^`\\]|\\.)*+`?)
    |{_NUMBER}
    |(?P<k>\b(?:{"|".join(_WORDS.split())})\b)
    |(?P<f>\b[A-Za-z_$][\w$]*+(?=\())
    |(?P<b>@\w++|^[ \t]*+\#[ \t]*+\w++)
    |\w++
"""
_MARKUP = r"""
    (?P<c><!--(?:[^-]|-(?!->))*+(?:-->)?)
    |(?P<k></?[A-Za-z][\w:.-]*+|/?>)
    |(?P<s>(?<==)"[^"\n]*+"?|(?<==)'[^'\n]*+'?)
    |(?P<f>(?<![\w:.-])[A-Za-z_][\w:.-]*+(?==))
    |(?P<b>&\#?\w{1,32};)
    |[\w:.-]++
"""
_SETTINGS = rf"""
    (?P<c>(?:^|(?<=\s))[\#;][^\n]*+)
    |(?P<k>^[ \t]*+(?:-[ \t]++)?[\w./-]++(?=[ \t]?[:=])|^\[[^\]\n]*+\]?)
    |{_STRING}
    |{_NUMBER}
    |(?P<b>[&*!]\w++|\b(?:true|false|null|yes|no)\b)
    |\w++
"""
_CSS = rf"""
    (?P<c>/\*(?:[^*]|\*(?!/))*+(?:\*/)?)
    |{_STRING}
    |(?P<b>@[\w-]++|\#[0-9a-fA-F]{{3,8}}\b)
    |(?P<f>[a-z-]++(?=:))
    |(?P<m>\b\d[\w.%]*+)
    |[\w-]++
"""
_DIFF = r"""
    (?P<k>^(?:@@|diff\b|index\b|---|\+\+\+)[^\n]*+)
    |(?P<d>^-[^\n]*+)
    |(?P<i>^\+[^\n]*+)
    |[^\n]++
"""


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE | re.MULTILINE | re.DOTALL)


_FORMS = {
    _C: "c h cpp c++ cc hpp java javascript js jsx mjs typescript ts tsx csharp c# cs go golang rust rs kotlin kt "
    "swift scala dart groovy objective-c objc proto protobuf glsl cuda arduino zig",
    _MARKUP: "html htm xml svg xhtml vue",
    _SETTINGS: "yaml yml ini cfg conf properties dockerfile docker",
    _CSS: "css scss less",
    _DIFF: "diff patch udiff",
}
LANGUAGES = {name: form for form, names in _FORMS.items() for name in names.split()}
"""Language, as fences name it -> the expression of its form, not compiled."""


def scan(source: str, language: str) -> Iterator[tuple[str, str]]:
    """(class or empty, text) of the whole `source`, in order."""
    pattern = _compiled(LANGUAGES[language])
    end = 0
    for match in pattern.finditer(source):
        if name := match.lastgroup:
            if match.start() > end:
                yield "", source[end : match.start()]
            yield name, match[0]
            end = match.end()
    if end < len(source):
        yield "", source[end:]
