"""Cutting a growing Markdown text into finished blocks."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wcode_jupyter.display.blocks import Lines, Piece, Splitter
from wcode_jupyter.display.markdown import render

CONFORMANCE = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"

EXCEPTIONS = {
    "cmark-gfm extensions 12": "a link definition below the paragraph that uses it: the final output renders the whole",
}
"""Examples whose pieces render differently from the whole, with the reason."""


def split(chunks: Iterable[str]) -> list[Piece]:
    splitter = Splitter()
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    return [*pieces, splitter.tail] if splitter.tail else pieces


def rendered(pieces: Iterable[Piece]) -> str:
    env: dict[str, Any] = {}
    return "".join(render(piece.source, env, start=piece.start) for piece in pieces)


def _examples() -> Iterator[tuple[str, str]]:
    for example in json.loads((CONFORMANCE / "commonmark-0.31.2.json").read_text()):
        yield f"commonmark {example['number']}", example["markdown"].replace("→", "\t")
    for group, examples in json.loads((CONFORMANCE / "cmark-gfm.json").read_text()).items():
        for number, example in enumerate(examples):
            yield f"cmark-gfm {group} {number}", example["markdown"]


@pytest.mark.skipif(not CONFORMANCE.is_dir(), reason="the conformance data are not beside the project")
def test_the_pieces_of_every_example_of_the_specifications_render_as_the_whole():
    """Fed character by character, the pieces of an example render to what the whole example renders to."""
    examples = dict(_examples())
    assert len(examples) == 1372
    different = {name for name, text in examples.items() if rendered(split(text)) != render(text)}
    assert different == set(EXCEPTIONS)


@pytest.mark.skipif(not CONFORMANCE.is_dir(), reason="the conformance data are not beside the project")
def test_the_pieces_of_joined_examples_render_as_the_whole():
    """Two neighbouring examples in one text, a blank line between them or none, also render the same in pieces."""
    texts = [text for name, text in _examples() if name.startswith("commonmark") and "]:" not in text]
    for between in ("", "\n"):
        for first, second in itertools.pairwise(texts):
            text = first + between + second
            assert rendered(split(text.splitlines(keepends=True))) == render(text), text


@pytest.mark.parametrize(
    "text",
    [
        "Text:\n$$\na\n+ b\n= c\n- d\n$$\nafter\n",
        "\\[\na\n\n# not math\n",
        "\\begin{align}\n- a &= b\n\\end{align}\n\nafter\n",
        "$$ a $$ and text\n\n- x\n",
        "para\n$$\nnever closed\n\n- x\n\n$$\n",
    ],
)
def test_formulas_are_not_cut(text):
    """Lines of an unclosed formula that look like lists or headings do not begin blocks."""
    assert rendered(split(text)) == render(text)


def test_a_block_is_finished_when_the_next_one_has_begun():
    """A paragraph comes out at the first complete line of what follows, no earlier."""
    splitter = Splitter()
    assert splitter.feed("one\n") == []
    assert splitter.feed("\n") == []
    assert splitter.feed("two") == []
    assert splitter.feed("\n") == [Piece("one\n\n")]
    assert splitter.tail == Piece("two\n")


def test_a_half_typed_marker_is_not_shown():
    """A last line of which only a marker is there would flash as a heading of the line above: it waits."""
    splitter = Splitter()
    splitter.feed("text\n-")
    assert splitter.preview == Piece("text\n")
    assert splitter.tail == Piece("text\n-")
    splitter.feed(" item")
    assert splitter.preview == Piece("text\n- item")


def test_line_ends_cut_between_two_deltas():
    """CR LF is one line end wherever it is cut."""
    assert split(["a\r", "\n\r", "\nb\r\n"]) == split(["a\n\nb\n"])


def test_a_long_fence_is_committed_in_pieces_that_are_fences():
    """A fence of 20 KB comes out in pieces of about 2 KB, each closed, and its lines are all there, once."""
    lines = [f"x_{number} = {number}\n" for number in range(1500)]
    pieces = split(["````python\n", *lines, "````\n", "after " * 60 + "\n"])
    assert len(pieces) >= 9
    assert all(piece.source.startswith("````python\n") for piece in pieces[:-1])
    assert max(len(piece.source) for piece in pieces) < 2_200
    body = "".join("".join(piece.source.splitlines(keepends=True)[1:-1]) for piece in pieces[:-1])
    assert body == "".join(lines)


def test_a_long_list_is_cut_at_items_and_keeps_its_numbers():
    """Items that all say `1.` are numbered on where the list is cut."""
    pieces = split(f"1. item number {number} with some words\n" for number in range(1, 301))
    assert len(pieces) > 3
    starts = [piece.start for piece in pieces]
    assert starts[0] is None
    assert starts[1] == 1 + pieces[0].source.count("\n")
    assert starts[2] == starts[1] + pieces[1].source.count("\n")
    assert f"<ol start={starts[1]}>" in rendered(pieces[:2])


def test_a_long_table_is_cut_at_rows_under_the_same_head():
    """Every piece of a long table is a table with the head."""
    rows = [f"| row {number} | some words that make it long |\n" for number in range(200)]
    pieces = split(["| a | b |\n", "|---|--:|\n", *rows])
    assert len(pieces) > 3
    assert all(render(piece.source).startswith("<table><thead><tr><th>a</th>") for piece in pieces)
    assert sum(render(piece.source).count("<td>row ") for piece in pieces) == 200


@pytest.mark.parametrize(
    "unit",
    [
        "a line without end ",
        "字",
        "> quoted line\n",
        "    code line\n",
        "- a\n\n  b\n\n",
        "x\n",
        "a\n\n",
        "- ",
        "* *a\n",
        "$$\nx\n",
    ],
)
def test_no_shape_grows_the_tail_without_end(unit):
    """Whatever repeats, the tail stays small and nothing is lost."""
    text = unit * (16_000 // len(unit))
    splitter = Splitter()
    pieces: list[Piece] = []
    for start in range(0, len(text), 40):
        pieces += splitter.feed(text[start : start + 40])
        assert len(splitter.tail.source) < 8_200
    assert "".join(piece.source for piece in [*pieces, splitter.tail]) == text


def test_a_block_too_deep_to_cut_goes_on_as_plain_text():
    """Code of 20 KB inside one list item is shown as it is, and Markdown resumes at the margin."""
    pieces = split(["- item:\n\n  ```python\n", *["  x = 1\n"] * 2500, "  ```\n", "\n", "**after**\n", "\n", "end\n"])
    assert pieces[1].plain
    assert [piece.source for piece in pieces if not piece.plain][-2:] == ["**after**\n\n", "end\n"]
    assert max(len(piece.source) for piece in pieces) < 8_200


def test_plain_lines_are_committed_in_pieces():
    """Text that is not Markdown comes out in whole lines and loses nothing."""
    lines = Lines()
    pieces = [piece for _ in range(500) for piece in lines.feed("some line\n")]
    assert all(piece.plain and piece.source.endswith("\n") for piece in pieces)
    assert "".join(piece.source for piece in [*pieces, lines.tail]) == "some line\n" * 500
