"""What a literal says in its language is what was given: read back by decoders of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wcode_jupyter import wire
from wcode_jupyter.export.literals import LITERALS, json_text, literal, python_literal, text_literal
from wcode_jupyter.export.targets import TARGETS

from ..exporters.texts import HARD, request_of, texts
from . import decoders

CARRIERS = ("bash", "c", "csharp", "dart", "go", "java", "powershell", "rust", "swift")
each_carrier = pytest.mark.parametrize("language", CARRIERS)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def decoded(language: str, source: str) -> Any:
    decode: Callable[[str], str] = getattr(decoders, language)
    return json.loads(decode(source))


@each_carrier
def test_hard_texts(language: str) -> None:
    """A body with every hard text is read back unchanged from a literal that carries JSON text."""
    body = wire.encode(request_of(list(HARD)))
    assert decoded(language, literal(language, body)) == body


@each_carrier
@settings(max_examples=40, deadline=None)
@given(body=st.dictionaries(texts, json_values, max_size=4))
def test_any_json(language: str, body: dict[str, Any]) -> None:
    """Any JSON value is read back unchanged from a literal that carries JSON text."""
    assert decoded(language, literal(language, body)) == body


@given(value=json_values)
def test_python(value: Any) -> None:
    """Any JSON value is read back unchanged from a Python expression."""
    assert decoders.python(python_literal(value)) == value


@given(text=texts | st.sampled_from(HARD))
def test_powershell_text(text: str) -> None:
    """PowerShell's verbatim string holds any text, typographic apostrophes too."""
    assert decoders.powershell_text(text_literal("powershell", text)) == text


@given(value=json_values)
def test_json_text_is_printable(value: Any) -> None:
    """No line of JSON text holds an unprintable character raw, and the text is the value."""
    text = json_text(value)
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == value


@pytest.mark.parametrize(
    ("language", "text", "source"),
    [
        ("python", 'a"b\\c\n\u2028😀', r'"a\"b\\c\n\u2028😀"'),
        ("python", "\U000e0041", r'"\U000e0041"'),
        ("javascript", "\U000e0041`${x}", r'"\udb40\udc41`${x}"'),
        ("ruby", "#{x} #$y #@z # heading", r'"\#{x} \#$y \#@z # heading"'),
        ("php", "$x {$y}\u2028", r'"\$x {\$y}\u{2028}"'),
        ("dart", "it's $x", r"'it\'s \$x'"),
        ("c", "??=\x01" + "2", r'"?\?=\0012"'),
        ("c", "\u2028", r'"\342\200\250"'),
        ("java", "\x00é\u2028", r'"\000é\u2028"'),
        ("bash", "it's", r"'it'\''s'"),
        ("rust", "\u202e", r'"\u{202e}"'),
        ("swift", "\\(x)", r'"\\(x)"'),
        ("go", "\U0001d4b3\u200d", '"𝒳\\u200d"'),
        ("csharp", "{x}\t", r'"{x}\t"'),
    ],
)
def test_texts(language: str, text: str, source: str) -> None:
    """A text is spelled as the language's reference says."""
    assert text_literal(language, text) == source


def test_native_objects() -> None:
    """Python, Ruby, PHP and JavaScript get their own literals, readable line by line."""
    body = {"a": [True, None], "text": "one\ntwo", "empty": {}, "ids": {"0": 1}}
    assert literal("python", body) == (
        '{\n    "a": [\n        True,\n        None,\n    ],\n    "text": (\n        "one\\n"\n        "two"\n    ),\n'
        '    "empty": {},\n    "ids": {\n        "0": 1,\n    },\n}'
    )
    assert '"a" => [\n    true,\n    nil,\n  ],\n  "text" => "one\\n" \\\n    "two"' in literal("ruby", body)
    php = literal("php", body)
    assert '"empty" => (object) []' in php
    assert '"ids" => (object) [\n        "0" => 1,' in php
    assert literal("javascript", body).startswith('JSON.stringify({\n  "a": [\n    true,\n    null,\n  ],')


@pytest.mark.parametrize("body", [{"seed": 2**53}, {"__proto__": 1}, {"x": [{"__proto__": {}}]}])
def test_javascript_falls_back_to_json_text(body: dict[str, Any]) -> None:
    """What an object literal of JavaScript would change is carried as JSON text."""
    source = literal("javascript", body)
    assert json.loads(json.loads(source)) == body


def test_long_java_text_is_cut() -> None:
    """A body above the size of a Java constant, emoji too, becomes pieces that fit."""
    body = {"image": "data:image/png;base64," + "A" * 70_000, "emoji": "😀" * 40_000}
    source = literal("java", body)
    assert source.startswith("String.join(")
    assert decoded("java", source) == body


def test_each_program_has_a_row() -> None:
    """Every program's language is in the table, and every row serves a program."""
    used = {row.language for row in TARGETS.values() if row.kind == "program"}
    assert used == set(LITERALS)
