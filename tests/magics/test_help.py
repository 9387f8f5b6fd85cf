"""`%wcode help`: the summary, and the pages of the guide."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kernels import Kernel
from wcode_jupyter import guide
from wcode_jupyter.errors import OptionError
from wcode_jupyter.language import speaking


def test_a_page_is_shown_formatted_and_as_text(kernel: Kernel) -> None:
    """In a notebook a page has headings and tables, and a plain form for the terminal."""
    kernel.run("%load_ext wcode_jupyter")
    (output,) = kernel.run("%wcode help replay").outputs
    assert "<h1>Reproducible notebooks</h1>" in output["data"]["text/html"]
    assert output["data"]["text/plain"].startswith("# Reproducible notebooks\n")
    assert "%wcode help [TOPIC]" in kernel.run("%wcode help").text


def test_a_page_is_in_the_readers_language() -> None:
    """Chinese where Chinese is set."""
    with speaking("zh_CN"):
        assert guide.page("replay").startswith("# 可复现的笔记本\n")


def test_an_unknown_topic_gets_a_hint() -> None:
    """The near name, or all of them."""
    with pytest.raises(OptionError, match="no help on replays") as caught:
        guide.page("replays")
    assert "replay" in caught.value.hint
    with pytest.raises(OptionError) as caught:
        guide.page("zzz")
    assert all(topic in caught.value.hint for topic in guide.topics())


def test_every_topic_is_a_file_in_english() -> None:
    """The folder is the list."""
    folder = Path(guide.__file__).parent / "en"
    assert set(guide.topics()) == {path.stem for path in folder.iterdir()}
