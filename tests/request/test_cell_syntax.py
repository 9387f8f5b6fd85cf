"""Spelling: what a line's words mean, and the line that says given values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.errors import OptionError
from wcode_jupyter.magics.options import parse_cell_line, split_words
from wcode_jupyter.request.cell_syntax import cell_line, escape, quote, unescape


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"$'a\nb'", ["a\nb"]),
        (r"x$'\u2028'y", ["x\u2028y"]),
        (r"$'it\'s \\ \x41'", ["it's \\ A"]),
        ("cost$ $5 '$x' \"$'y'\"", ["cost$", "$5", "$x", "$'y'"]),
        (r"a\ b 'c d'\''e' $'f'\''g'", ["a b", "c d'e", "f'g"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    """`$'…'` spells characters by name and number as in a shell; a dollar elsewhere is a dollar."""
    assert split_words(line) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"--system C:\Users\me\x", ["--system", r"C:\Users\me\x"]),
        (r"--image C:\Users\me\pic.png glm-5", ["--image", r"C:\Users\me\pic.png", "glm-5"]),
        (r"--run-file=D:\data\.run\_1.jsonl", [r"--run-file=D:\data\.run\_1.jsonl"]),
        (r"C:\数据\图.png .\out\a.md ..\b", [r"C:\数据\图.png", r".\out\a.md", r"..\b"]),
        (r"\\server\share\a.png", [r"\\server\share\a.png"]),
        (r"--image=\\nas01\d$\a.png", [r"--image=\\nas01\d$\a.png"]),
        (r'"C:\My Files\a.png" "\\srv\My Files\a"', [r"C:\My Files\a.png", r"\\srv\My Files\a"]),
        (r"'C:\My Files\'", ["C:\\My Files\\"]),
        (r"C:\\Users\\me", [r"C:\Users\me"]),
        (r"--stop \boxed \\n", ["--stop", r"\boxed", r"\n"]),
        (r"a\ b it\'s \# \$x", ["a b", "it's", "#", "$x"]),
    ],
)
def test_paths_of_windows(line: str, words: list[str]) -> None:
    """A path is read as typed, bare or quoted; a backslash escapes only what has a meaning of its own."""
    assert split_words(line) == words


@pytest.mark.parametrize(
    "line", ["C:\\", "--write C:\\out\\", "C:\\My\\ Files\\a", "--image=D:\\a\\ glm-5", "\\\\srv\\a\\ b"]
)
def test_a_folder_that_ends_in_a_backslash_is_refused(line: str) -> None:
    """It would take the next word with it; the hint is to quote it."""
    with pytest.raises(OptionError) as raised:
        split_words(line)
    assert "backslash" in raised.value.what
    assert raised.value.hint == "Put a Windows path in single quotes."


@given(st.text())
def test_any_text_is_one_word(text: str) -> None:
    """Any text, quoted, stays on one line of IPython's and reads back as itself."""
    word = quote(text)
    assert len(f"x{word}x".splitlines()) == 1
    assert split_words(f"a {word} b") == ["a", text, "b"]
    assert unescape(escape(text)) == text


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "%%wcode"),
        ({"temperature": 0.2, "model": "glm-5"}, "%%wcode glm-5 --temperature 0.2"),
        (
            {"temperature": 0.0, "top_p": 1.0, "frequency_penalty": -2.0},
            "%%wcode --temperature 0 --top-p 1 --frequency-penalty -2",
        ),
        ({"model": "-odd"}, "%%wcode --model=-odd"),
        ({"system": "It's 1\nor 2"}, r"%%wcode --system $'It\'s 1\nor 2'"),
        ({"reasoning": {"effort": "high"}}, "%%wcode --reasoning high"),
        ({"stop": ["END"]}, "%%wcode --stop END"),
        ({"stop": [r"\boxed"]}, r"%%wcode --stop '\boxed'"),
        ({"stop": [r"\n"]}, r"%%wcode --stop '\\n'"),
        ({"stop": ["a", "\n"]}, """%%wcode --stop '["a", "\\n"]'"""),
        ({"stop": ["[x]"]}, """%%wcode --stop '["[x]"]'"""),
        ({"logprobs": True, "parallel_tool_calls": False}, "%%wcode --logprobs --no-parallel-tool-calls"),
        ({"seed": 2**63 - 1}, "%%wcode --seed 9223372036854775807"),
    ],
)
def test_line(values: dict[str, Any], line: str) -> None:
    """A line reads as a person would write it, and reading it gives the values back."""
    assert cell_line(values) == line
    assert parse_cell_line(line.removeprefix("%%wcode")).values == values


def test_own_options() -> None:
    """The variable, further fields and flags of the cell come back too."""
    line = cell_line({}, output="a", extra_body={"user": "it's me"}, own={"raw": True, "quiet": True})
    read = parse_cell_line(line.removeprefix("%%wcode"))
    assert (read.output, read.extra_body, read.own) == ("a", {"user": "it's me"}, {"raw": True, "quiet": True})
