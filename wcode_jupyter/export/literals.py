"""How each language writes a text and a JSON body in its source: one rule per language, all of them here.

The body reaches a program in one of two ways, both exact. Python, JavaScript, Ruby and PHP write it in their own
literals and encode it with their own JSON encoder. The others carry the JSON text in the most readable literal they
have that is exact. What makes that easy: in the JSON text that `json_text` gives, every character that is not
printable is a `\\uXXXX` escape, so no line break, direction mark or separator stands raw in a source file; every line
begins with white space, a digit, a letter or one of `{}[]"-`; and three quotation marks never follow each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from msgspec import Struct

__all__ = ["LITERALS", "Literal", "json_text", "literal", "python_literal", "text_literal"]

Body = Mapping[str, object]


class Literal(Struct, frozen=True):
    """How one language spells. Both functions give source text."""

    text: Callable[[str], str]
    """A text as an expression."""
    body: Callable[[Body], str]
    """A body: the language's own object where it has a literal for it, else an expression for the JSON text."""


def text_literal(language: str, text: str) -> str:
    """`text` as an expression of `language`, a key of LITERALS."""
    return LITERALS[language].text(text)


def literal(language: str, body: Body) -> str:
    """`body` as an expression of `language`: what the language's template of a program expects in its place."""
    return LITERALS[language].body(body)


# --- JSON text ---------------------------------------------------------------------------------------------------


def json_text(value: object, *, avoid: str = "", indent: int | None = 2) -> str:
    """`value` as JSON text on several lines; what is not printable, and any character of `avoid`, is escaped.

    Only characters that stand nowhere outside JSON strings may be avoided (a backtick, an apostrophe).
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    return "\n".join(_escape(line, _utf16, avoid) for line in text.split("\n"))


def _escape(text: str, escape: Callable[[str], str], avoid: str = "") -> str:
    if text.isprintable() and not any(character in text for character in avoid):
        return text
    return "".join(c if c.isprintable() and c not in avoid else escape(c) for c in text)


def _utf16(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _braced(character: str) -> str:
    return f"\\u{{{ord(character):x}}}"


def _long(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _octal(character: str) -> str:
    # Three digits always: an escape in C takes as many digits as it finds.
    return "".join(f"\\{byte:03o}" for byte in character.encode())


# --- Quoted text -------------------------------------------------------------------------------------------------

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _quoted(text: str, *, quote: str = '"', special: str = "", escape: Callable[[str], str]) -> str:
    """`text` between quotes: a backslash before the backslash, the quote and each character of `special`."""
    marked = {c: f"\\{c}" for c in "\\" + quote + special} | _SHORT
    return quote + "".join(marked.get(c) or (c if c.isprintable() else escape(c)) for c in text) + quote


_python = partial(_quoted, escape=_long)
_javascript = partial(_quoted, escape=_utf16)
_go = partial(_quoted, escape=_long)
_rust = partial(_quoted, escape=_braced)
_swift = partial(_quoted, escape=_braced)
_php = partial(_quoted, special="$", escape=_braced)
_dart = partial(_quoted, quote="'", special="$", escape=_braced)
_csharp = partial(_quoted, escape=_utf16)


def _ruby(text: str) -> str:
    # "#" interpolates only before these three; elsewhere (a Markdown heading) it stays as it is.
    return re.sub(r"#(?=[{$@])", r"\\#", _quoted(text, escape=_braced))


def _c(text: str) -> str:
    # "??" can begin a trigraph; "\?" is a plain question mark.
    return re.sub(r"(?<=\?)\?", r"\\?", _quoted(text, escape=_octal))


def _java(text: str) -> str:
    # Java reads \uXXXX before it reads literals: \u000a would be a line break in the source.
    return _quoted(text, escape=lambda c: _octal(c) if c < "\x80" else _utf16(c))


def _bash(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _powershell(text: str) -> str:
    # PowerShell takes the typographic quotes for apostrophes too.
    return "'" + re.sub("(['‘’‚‛])", r"\1\1", text) + "'"


# --- JSON text in a literal --------------------------------------------------------------------------------------


def _here_document(body: Body) -> str:
    # Between <<'JSON' and JSON nothing is expanded, and no line of JSON text is the word JSON.
    return json_text(body)


def _go_body(body: Body) -> str:
    return f"`{json_text(body, avoid='`')}`"


def _rust_body(body: Body) -> str:
    text = json_text(body)
    hashes = "#" * (1 + _longest_run(r'"(#*)', text))
    return f'r{hashes}"{text}"{hashes}'


def _swift_body(body: Body) -> str:
    text = json_text(body)
    hashes = "#" * (1 + _longest_run(r'["\\](#*)', text))
    return f'{hashes}"""\n{text}\n"""{hashes}'


def _longest_run(pattern: str, text: str) -> int:
    return max(map(len, re.findall(pattern, text)), default=0)


def _dart_body(body: Body) -> str:
    # A raw literal has no escapes, so the third apostrophe of a row is escaped in the JSON text.
    return "r'''\n" + json_text(body).replace("'''", "''\\u0027") + "\n'''"


def _csharp_body(body: Body) -> str:
    return '@"' + json_text(body).replace('"', '""') + '"'


def _powershell_body(body: Body) -> str:
    return "@'\n" + json_text(body) + "\n'@"


def _c_body(body: Body) -> str:
    return "\n".join("  " + _c(line + "\n") for line in json_text(body).split("\n"))


def _java_body(body: Body) -> str:
    text = json_text(body)
    if len(text.encode()) < _JAVA_LIMIT:
        return '"""\n' + text.replace("\\", "\\\\") + '"""'
    pieces = ",\n".join("      " + _java(piece) for piece in _pieces(text, _JAVA_LIMIT // 4))
    return f'String.join("",\n{pieces})'


# A string constant of a class file holds at most 65,535 bytes, in a spelling where an emoji takes 6 and UTF-8 takes 4.
_JAVA_LIMIT = 40_000


def _pieces(text: str, size: int) -> Iterator[str]:
    for start in range(0, len(text), size):
        yield text[start : start + size]


# --- The language's own objects ----------------------------------------------------------------------------------


class _Native(Struct, frozen=True):
    """The signs of a language whose literals can say all of JSON."""

    text: Callable[[str], str]
    constants: tuple[str, str, str] = ("null", "true", "false")
    braces: str = "{}"
    arrow: str = ": "
    concatenation: tuple[str, str, str] = ("", " +", "")
    """Before, between and after the lines of a text that has several."""


_PYTHON = _Native(_python, ("None", "True", "False"), concatenation=("(", "", ")"))
_JAVASCRIPT = _Native(_javascript)
_RUBY = _Native(_ruby, ("nil", "true", "false"), arrow=" => ", concatenation=("", " \\", ""))
_PHP = _Native(_php, braces="[]", arrow=" => ", concatenation=("", " .", ""))


def _native(value: object, signs: _Native, indent: str = "", step: str = "    ") -> str:
    """`value` as source text; lines after the first begin with `indent`."""
    inner = indent + step
    if isinstance(value, Mapping):
        # PHP has one type for lists and maps: what it would take for a list is cast.
        cast = "(object) " if signs is _PHP and list(value) == [str(i) for i in range(len(value))] else ""
        items = [f"{signs.text(key)}{signs.arrow}{_native(item, signs, inner, step)}" for key, item in value.items()]
        return cast + _block(items, signs.braces, indent, inner)
    if isinstance(value, (list, tuple)):
        return _block([_native(item, signs, inner, step) for item in value], "[]", indent, inner)
    if isinstance(value, str):
        return _lines(value, signs, indent, inner)
    for constant, name in zip((None, True, False), signs.constants, strict=True):
        if value is constant:
            return name
    return repr(value)


def _block(items: list[str], braces: str, indent: str, inner: str) -> str:
    if not items:
        return braces
    return f"{braces[0]}\n" + "".join(f"{inner}{item},\n" for item in items) + f"{indent}{braces[1]}"


def _lines(text: str, signs: _Native, indent: str, inner: str) -> str:
    """A text of several lines as one literal for each, so that it can be read."""
    lines = re.findall(r".*\n|.+", text)
    if len(lines) < 2:
        return signs.text(text)
    before, between, after = signs.concatenation
    opening, closing = (f"{before}\n{inner}", f"\n{indent}{after}") if before else ("", "")
    return opening + f"{between}\n{inner}".join(map(signs.text, lines)) + closing


def _python_body(body: Body) -> str:
    return _native(body, _PYTHON)


def python_literal(value: object, indent: str = "") -> str:
    """Any JSON value as a Python expression; lines after the first begin with `indent`."""
    return _native(value, _PYTHON, indent)


def _ruby_body(body: Body) -> str:
    return f"JSON.generate({_native(body, _RUBY, step='  ')})"


def _javascript_body(body: Body) -> str:
    if not all(_javascript_keeps(leaf) for leaf in _leaves(body)):
        return _javascript(json_text(body, indent=None))
    return f"JSON.stringify({_native(body, _JAVASCRIPT, step='  ')})"


def _javascript_keeps(leaf: Any) -> bool:
    """Whether an object literal says the same: integers are exact to 53 bits, and the key __proto__ is no key."""
    return leaf != "__proto__" and not (_is_integer(leaf) and abs(leaf) >= 2**53)


def _php_body(body: Body) -> str:
    if any(_is_integer(leaf) and abs(leaf) >= 2**63 for leaf in _leaves(body)):
        return _php(json_text(body, indent=None))
    flags = "JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION"
    return f"json_encode({_native(body, _PHP)}, {flags})"


def _is_integer(leaf: Any) -> bool:
    return isinstance(leaf, int) and not isinstance(leaf, bool)


def _leaves(value: object) -> Iterator[Any]:
    """Every key, text, number and constant of `value`."""
    if isinstance(value, Mapping):
        yield from value
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


LITERALS: dict[str, Literal] = {
    "bash": Literal(_bash, _here_document),
    "c": Literal(_c, _c_body),
    "csharp": Literal(_csharp, _csharp_body),
    "dart": Literal(_dart, _dart_body),
    "go": Literal(_go, _go_body),
    "java": Literal(_java, _java_body),
    "javascript": Literal(_javascript, _javascript_body),
    "php": Literal(_php, _php_body),
    "powershell": Literal(_powershell, _powershell_body),
    "python": Literal(_python, _python_body),
    "ruby": Literal(_ruby, _ruby_body),
    "rust": Literal(_rust, _rust_body),
    "swift": Literal(_swift, _swift_body),
}
