"""How is a `%%wcode` line spelled: words and their quoting, and the line that says given values.

Words are a shell's: quotes group, a backslash escapes, nothing is expanded. But a backslash before a letter or a digit
is one, as in the path of a file on Windows: nobody has to escape those. A line ends where IPython ends it, so what
cannot stand on one line is written in the shell's `$'…'`: `\\n` is a line end there, `\\u2028` a character by number.
Reading what `cell_line` writes gives the values back.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from .parameters import Option, line_ends
from .settings import ROWS

__all__ = ["WORD", "cell_line", "escape", "is_split_path", "quote", "unescape", "unquote"]

_ANSI = r"\$'(?:[^'\\]|\\.)*'"
WORD = re.compile(rf"""(?:{_ANSI}|[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
"""A word as typed: everything between white space, with quoted spans kept whole."""

_SPAN = re.compile(rf"""({_ANSI})|((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^"'\\$]|\$(?!'))+)""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "0": "\0"}
_SHORT = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


# `\\server\share`, also behind `--option=` and a quote
_SHARE = re.compile(r"""^((?:--[\w-]+=)?"?)\\\\(?=\w[\w.$-]*\\\w)""")
_ESCAPED = re.compile(r""""(?:[^"\\]|\\.)*"|'[^']*'|\\.""", re.DOTALL)
_SPLIT_PATH = re.compile(r"""^(?:--[\w-]+=)?(?:[A-Za-z]:\\|\\\\\w)[^\s"']*\\\s""")


def unquote(word: str) -> str:
    """The text that a `WORD` means."""
    word = _SHARE.sub(lambda found: found[1] + r"\\\\", word)
    return "".join(
        unescape(span[1][2:-1]) if span[1] else "".join(shlex.split(_ESCAPED.sub(_doubled, span[2])))
        for span in _SPAN.finditer(word)
    )


def _doubled(found: re.Match[str]) -> str:
    """A quoted span as it is, and a backslash that escapes nothing doubled."""
    text = found[0]
    return "\\" + text if text[0] == "\\" and (text[1].isalnum() or text[1] in "_.") else text


def is_split_path(word: str) -> bool:
    """Whether a bare Windows path in `word` has a backslash before white space: an escape, or the end of a folder?"""
    return _SPLIT_PATH.match(word) is not None


def quote(text: str) -> str:
    """`text` as one word of a line: bare where it can be, else in single quotes; `$'…'` where it would end the line."""
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + escape(text).replace("'", r"\'") + "'"


def escape(text: str) -> str:
    """`text` on one line, backslashes doubled and what cannot be seen by name or number: `\\n`, `\\u2028`."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if character == "\\":
        return r"\\"
    if character.isprintable():
        return character
    number = ord(character)
    return _SHORT.get(character) or (f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}")


def unescape(text: str) -> str:
    """The inverse of `escape`; a backslash before any other character stands for that character."""
    return _ESCAPE.sub(lambda found: _meant(*found.groups()), text)


def _meant(x: str | None, u: str | None, long: str | None, other: str | None) -> str:
    if number := x or u or long:
        return chr(int(number, 16)) if int(number, 16) < 0x110000 else "\ufffd"
    return _NAMED.get(other or "", other or "")


def cell_line(
    values: Mapping[str, Any],
    *,
    output: str = "",
    extra_body: Mapping[str, object] | None = None,
    own: Mapping[str, object] | None = None,
) -> str:
    """The `%%wcode` line that says checked `values` of settings and parameters, and the cell's own options.

    The model comes first, then the settings and parameters in the order of the tables.
    """
    words = ["%%wcode"]
    if model := values.get("model"):
        words.append(quote(model) if not model.startswith("-") else "--model=" + quote(model))
    for name in ROWS:
        if name in values and name != "model":
            words += _words(ROWS[name], values[name])
    for name, value in (own or {}).items():
        words += _own_words("--" + name.replace("_", "-"), value)
    if extra_body:
        words += ["--extra-body", quote(_json(extra_body))]
    if output:
        words += ["-o", quote(output)]
    return " ".join(words)


def _own_words(option: str, value: Any) -> list[str]:
    if value is True:
        return [option]
    return [word for text in (value if isinstance(value, list) else [value]) for word in (option, quote(text))]


def _words(row: Option, value: object) -> list[str]:
    if isinstance(value, bool):
        return [row.option if value else "--no-" + row.option[2:]]
    return [row.option, quote(_text(row, value))]


def _text(row: Option, value: Any) -> str:
    """The text that `parameters.parse` reads as `value`, the shortest there is."""
    if isinstance(value, str):
        return value
    shorthand = getattr(row, "shorthand", None)
    if shorthand and isinstance(value, dict) and list(value) == [shorthand] and value[shorthand] in row.choices:
        return str(value[shorthand])
    if row.kind == "strings" and len(value) == 1 and not value[0].lstrip().startswith("["):
        text = str(value[0])
        return text if line_ends(text) == text else text.replace("\\", r"\\")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))  # 0 reads better than 0.0, and reads as the same value
    return _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
