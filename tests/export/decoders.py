"""How each language reads a literal, written from its reference and knowing nothing of how ours are made.

Each takes source text that begins with a literal and gives the text it means; a literal ends at the first place where
the language ends it, so an escape that is missing shows as a wrong text or a broken JSON.
"""

from __future__ import annotations

import ast
import re

QUOTES = "['\u2018\u2019\u201a\u201b]"


def python(source: str) -> object:
    return ast.literal_eval(source)


def go(source: str) -> str:
    """Go specification, "Raw string literals": up to the next back quote; carriage returns are dropped."""
    assert source[0] == "`"
    return source[1 : source.index("`", 1)].replace("\r", "")


def rust(source: str) -> str:
    """Rust reference, "Raw string literals": up to a quote followed by as many number signs as at the start."""
    opening = re.match(r'r(#*)"', source)
    assert opening is not None
    return source[opening.end() : source.index('"' + opening[1], opening.end())]


def swift(source: str) -> str:
    """The Swift book, "String literals": extended delimiters; an escape needs as many number signs."""
    opening = re.match(r'(#+)"""\n', source)
    assert opening is not None
    end = source.index('"""' + opening[1], opening.end())
    inner = source[opening.end() : end]
    assert "\\" + opening[1] not in inner
    lines = inner.split("\n")
    indent = lines.pop()
    assert not indent.strip()
    assert all(line.startswith(indent) or not line for line in lines)
    return "\n".join(line[len(indent) :] for line in lines)


def dart(source: str) -> str:
    """Dart specification, "Strings": a raw multi-line string ends at the next three quotes."""
    assert source.startswith("r'''")
    return source[4 : source.index("'''", 4)]


def csharp(source: str) -> str:
    """C# specification 6.4.5.6: in a verbatim literal two quotes are one, one quote ends it."""
    literal = re.match('@"((?:[^"]|"")*)"(?!")', source)
    assert literal is not None
    return literal[1].replace('""', '"')


def powershell(source: str) -> str:
    """about_Quoting_Rules: a here-string ends at a line that begins with any apostrophe and @."""
    assert source.startswith("@'\n")
    end = re.search(rf"\n{QUOTES}@", source)
    assert end is not None
    return source[3 : end.start()]


def powershell_text(source: str) -> str:
    """about_Quoting_Rules: any of the apostrophes ends a verbatim string; two of them are one."""
    literal = re.match(rf"{QUOTES}((?:{QUOTES}{{2}}|(?!{QUOTES}).)*){QUOTES}(?!{QUOTES})", source, re.DOTALL)
    assert literal is not None
    return re.sub(rf"({QUOTES}){QUOTES}", r"\1", literal[1])


def bash(source: str) -> str:
    """POSIX 2.7.4: a quoted here-document ends at the first line that is the delimiter alone."""
    return source[: re.search(r"^JSON$", source + "\nJSON\n", re.MULTILINE).start()]  # type: ignore[union-attr]


def java(source: str) -> str:
    """JLS 3.10.6 and 3.10.7: a text block, or String.join of string literals."""
    if source.startswith('"""'):
        content = source[source.index("\n") + 1 :]
        end = re.match(r'(?:[^"\\]|\\.|"(?!""))*', content, re.DOTALL)
        assert end is not None
        lines = end[0].split("\n")
        common = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        return _java_escapes("\n".join(line[common:].rstrip() for line in lines))
    assert source.startswith('String.join("",')
    literals = re.findall(r'"((?:[^"\\\n]|\\.)*)"', source[len('String.join("",') :])
    assert all(len(_java_escapes(literal).encode("utf-16-be")) // 2 * 3 < 65_536 for literal in literals)
    return "".join(map(_java_escapes, literals))


def _java_escapes(text: str) -> str:
    # JLS 3.3: \\u after an even number of backslashes is a Unicode escape, before anything else is read.
    text = re.sub(r"(?<!\\)((?:\\\\)*)\\u+([0-9a-f]{4})", lambda m: m[1] + chr(int(m[2], 16)), text)
    short = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'", "b": "\b", "f": "\f", "s": " "}

    def one(match: re.Match[str]) -> str:
        escape = match[1]
        return chr(int(escape, 8)) if escape[0].isdigit() else short[escape]

    text = re.sub(r"\\([0-3]?[0-7]{1,2}|.)", one, text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def c(source: str) -> str:
    """C99 5.1.1.2: trigraphs first, then escapes of each literal, then adjacent literals are joined."""
    trigraphs = {"=": "#", "(": "[", "/": "\\", ")": "]", "'": "^", "<": "{", "!": "|", ">": "}", "-": "~"}
    source = re.sub(r"\?\?([=(/)'<!>-])", lambda match: trigraphs[match[1]], source)
    short = {"n": b"\n", "t": b"\t", "r": b"\r", '"': b'"', "\\": b"\\", "?": b"?"}
    result = b""
    for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', source):
        for octal, escape, plain in re.findall(r"\\([0-7]{1,3})|\\(.)|([^\\]+)", literal):
            result += bytes([int(octal, 8)]) if octal else short[escape] if escape else plain.encode()
    return result.decode()
