"""Unseen characters: which become signs, and which a script or an emoji needs."""

from __future__ import annotations

import ast
import re
import unicodedata
from pathlib import Path

import pytest

import wcode_jupyter
from wcode_jupyter.characters import blanks, escape, spaced, visible


def test_every_control_and_format_character_has_a_sign() -> None:
    """Alone, no character of the categories control, format, separator of lines and surrogate stays as it is."""
    unseen = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    # Shown by fonts: signs of numbers and verses, and marks that fonts of ancient scripts place.
    seen = re.compile(
        "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3]"
    )
    left = [
        hex(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in unseen
        and chr(code) not in "\t\n"
        and visible(chr(code)) == chr(code)
        and not seen.match(chr(code))
    ]
    assert left == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b]52;c;eA==\x07", "a␛]52;c;eA==␇"),
        ("\x9b31m", "⟨9B⟩31m"),
        ("one\r\ntwo\rthree\ttab\n", "one\ntwo␍three\ttab\n"),
        ("ad\u202emin", "ad⟨U+202E⟩min"),
        ("pass\u200bword", "pass⟨U+200B⟩word"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("x\u2060y\ufeffz\u00adw\u3164", "x⟨U+2060⟩y⟨U+FEFF⟩z⟨U+00AD⟩w⟨U+3164⟩"),
        ("a\ufe0fb\U000e0100", "a⟨U+FE0F⟩b⟨U+E0100⟩"),
        ("😀\U000e0068\U000e0069", "😀⟨U+E0068⟩⟨U+E0069⟩"),
        ("😀\ufe0f\ufe0e\ufe0f", "😀\ufe0f⟨U+FE0E⟩⟨U+FE0F⟩"),
        ("half \ud83d", "half ⟨U+D83D⟩"),
    ],
)
def test_what_hides_is_shown(text: str, expected: str) -> None:
    """Escapes, carriage returns, direction marks, zero width, fillers, selectors and tags out of their place."""
    assert visible(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "plain text, 中文，日本語 한국어 ñ é",
        "👩\u200d🔬 👨\u200d👩\u200d👧\u200d👦 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈",
        "1\ufe0f\u20e3 ©\ufe0f ☎\ufe0e",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",  # Persian
        "क्\u200dष  ക്\u200d",  # Devanagari, Malayalam
        "ស្រី\u200bស្អាត",  # Khmer words
        "葛\U000e0100",  # a variant of a character
        "👍🏽 🇨🇳",
    ],
)
def test_what_a_script_or_an_emoji_needs_stays(text: str) -> None:
    """Joiners, selectors, flags and word breaks in their place."""
    assert visible(text) == text
    assert escape(text) == text


def test_markup_is_text() -> None:
    """HTML's own characters and unseen ones in one go."""
    assert escape('<b title="\u202e">') == "&lt;b title=&quot;⟨U+202E⟩&quot;&gt;"
    assert escape('"', quote=False) == '"'


def test_blanks_are_drawn_or_counted() -> None:
    """A single blank is a blank; more of them cannot push text out of sight."""
    assert blanks("a b  c") == "a b␠␠c"
    assert blanks("a" + " " * 17 + "b") == "a⟨17 × ␠⟩b"
    assert blanks("a\u2800b\u3000\u00a0c") == "a␠b␠␠c"


def test_a_line_of_spaced_text_has_no_unseen_character() -> None:
    """Blanks in their place; what an emoji needs stays."""
    assert spaced("a\x1b\u202e\nb\u200bc 👩\u200d🔬") == "a   b c 👩\u200d🔬"


def test_html_is_escaped_by_one_function() -> None:
    """No module but `characters` escapes HTML itself; a whole page of the model's goes into its frame unchanged."""
    package = Path(wcode_jupyter.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            imports = isinstance(node, ast.ImportFrom) and node.module == "html"
            if imports or (isinstance(node, ast.Attribute) and ast.unparse(node) == "html.escape"):
                found.add(path.relative_to(package).as_posix())
    assert found == {"characters.py", "display/formats.py"}
