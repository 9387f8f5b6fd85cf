"""The codebook: one file for prompt, schema, coders and appendix, with versions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from wcode_jupyter.codebook import Codebook, CodebookLabel, codebook_version
from wcode_jupyter.errors import InputError
from wcode_jupyter.guide import page
from wcode_jupyter.prompt.schema import schema
from wcode_jupyter.prompt.template import expand

TEXT = """
name = "sentiment"
unit = "one review"
instructions = "Judge the product, not the delivery."

[[labels]]
name = "positive"
definition = "Content with it."
boundary = ["Irony counts as what is meant."]
examples = ["Works as promised."]

[[labels]]
name = "negative"
definition = "Not content."
"""


@pytest.fixture
def book(tmp_path: Path) -> Codebook:
    path = tmp_path / "sentiment.toml"
    path.write_text(TEXT, encoding="utf-8")
    return Codebook.read(path)


def test_the_part_of_the_prompt(book: Codebook) -> None:
    """Written out here in full; a Chinese codebook has Chinese headings, whatever the session speaks."""
    assert str(book) == (
        "Judge the product, not the delivery.\nUnit: one review\nLabels:\n- positive: Content with it.\n"
        "  Boundary case: Irony counts as what is meant.\n  Example: Works as promised.\n- negative: Not content."
    )
    assert "单位: one review\n标签:" in str(replace(book, language="zh_CN"))
    assert expand("{{book}}\n\nText", {"book": book}).text == f"{book}\n\nText"


def test_the_schema(book: Codebook) -> None:
    """Label, and the quote before it where one is asked for; its name is the version of the codebook."""
    made = schema(replace(book, quote=True))
    assert made.body["properties"] == {
        "quote": {"type": "string"}, "label": {"type": "string", "enum": ["positive", "negative"]}
    }  # fmt: skip
    assert made.body["required"] == ["quote", "label"]
    assert made.read({"quote": "q", "label": "positive"}) == {"quote": "q", "label": "positive"}
    for wrong in ({"quote": "q", "label": "neutral"}, {"label": "positive"}, [], {"quote": 1, "label": "positive"}):
        with pytest.raises(ValueError, match=r"at `\$\."):
            made.read(wrong)
    sent = {"response_format": schema(book).response_format}
    assert codebook_version(sent) == book.version
    assert codebook_version({"response_format": {"json_schema": {"name": "Answer"}}}) == ""


def test_versions(book: Codebook) -> None:
    """A digest of the content: the same after saving and reading, another one after any change."""
    assert book.version.startswith("sentiment-")
    assert len(book.version) == len("sentiment-") + 8
    assert replace(book, unit="one sentence").version != book.version


def test_it_is_written_as_it_was_read(book: Codebook, tmp_path: Path) -> None:
    """Quotes, line ends and other scripts included."""
    odd = replace(book, instructions='A "quote",\na \\ and 中文 \x7f', labels=(*book.labels, CodebookLabel("中")))
    assert Codebook.read(odd.save(tmp_path / "b.toml")) == odd


def test_difference_of_two(book: Codebook) -> None:
    """Part, before, after; nothing else."""
    newer = replace(book, unit="one sentence", labels=(*book.labels, CodebookLabel("neutral", "No opinion.")))
    found = book.diff(newer)
    assert found.columns == ("part", book.version, newer.version)
    assert found.rows == (
        ("unit", "one review", "one sentence"),
        ("neutral: definition", "", "No opinion."),
        ("neutral: boundary", "", ""),
        ("neutral: examples", "", ""),
    )
    assert book.diff(book).note == "No difference."


def test_appendix(book: Codebook) -> None:
    """Markdown with version and a table whose cells cannot break it."""
    text = replace(book, labels=(CodebookLabel("a|b", "x\ny"), CodebookLabel("c"))).appendix()
    assert "## Codebook sentiment" in text
    assert "| a\\|b | x y |  |  |" in text
    assert f"Version {book.version}." in book.appendix()


@pytest.mark.parametrize("text", re.findall(r"^```toml\n(.*?)^```", page("labels"), re.DOTALL | re.MULTILINE))
def test_the_codebooks_of_the_guide(tmp_path: Path, text: str) -> None:
    """Each of them can be read and gives a schema."""
    path = tmp_path / "book.toml"
    path.write_text(text, encoding="utf-8")
    book = Codebook.read(path)
    assert schema(book).body["required"][-1] == book.field


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = ", "Cannot read the codebook b.toml"),
        ('name = "x"', "labels"),
        ('name = "x"\n[[labels]]\nname = "a"', "at least two labels"),
        ('name = "x"\n[[labels]]\nname = "a"\n[[labels]]\nname = "a"', "label a twice"),
        ('name = "../x"\n[[labels]]\nname = "a"\n[[labels]]\nname = "b"', "consist of letters"),
        ('name = "x"\nlables = 1\n[[labels]]\nname = "a"\n[[labels]]\nname = "b"', "lables"),
        ('name = "x"\n[[labels]]\nname = "a"\nexamples = "one"\n[[labels]]\nname = "b"', "examples"),
    ],
)
def test_a_file_that_is_no_codebook(tmp_path: Path, text: str, why: str) -> None:
    """One clear line that names the fault."""
    path = tmp_path / "b.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=why):
        Codebook.read(path)
