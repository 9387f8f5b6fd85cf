"""Saved answers where the page takes things out: GitHub drops styles and classes, Colab and VS Code have other colours.

What those front ends do is imitated from their documentation, not run.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.folding import fold
from wcode_jupyter.display.answer import bundle
from wcode_jupyter.display.style import STYLE
from wcode_jupyter.reply.events import ReasoningDelta, TextDelta
from wcode_jupyter.table import LongText, Table

TEXT = (
    "# Title\n\nSome *words* with $x^2$ and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    "```python\nx = 1  # note\n```\n"
)
# The tags of GitHub's sanitiser that our outputs use; `style` and `script` go with what is in them.
KEPT = frozenset(
    "a b blockquote br code del details div em h1 h2 h3 h4 h5 h6 hr i ins li ol p pre s small span strong summary "  # noqa: SIM905
    "table tbody td th thead tr ul".split()
)
# Background and text of a page that defines none of the variables of JupyterLab or VS Code.
PAGES = {"light": ("ffffff", "212121"), "Colab dark": ("383838", "d5d5d5"), "VS Code dark": ("1e1e1e", "cccccc")}


class Sanitised(HTMLParser):
    """What a reader sees on GitHub: no style, no class, no unknown tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self._dropped = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._dropped += tag in ("style", "script")
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._dropped -= tag in ("style", "script")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._dropped else data


def test_an_answer_loses_nothing_on_github() -> None:
    """Every word is there without styles: reasoning folded, table, code, the formula as its source, the status line."""
    html = bundle(fold(ReasoningDelta("Because."), TextDelta(TEXT)))[0]["text/html"]
    seen = Sanitised(html)
    assert set(seen.tags) - {"style"} <= KEPT
    words = " ".join(seen.text.split())
    for part in ("Reasoning", "Because.", "Title", "Some words with", "x^2", "code", "x = 1 # note", "complete"):
        assert part in words
    assert {"details", "table", "pre", "h1", "em"} <= set(seen.tags)
    assert "wcode-" not in words


def test_a_table_loses_nothing_on_github() -> None:
    """Folded rows and cells are `details`, which GitHub keeps; cells are aligned without a style."""
    html = Table(("id", "text"), tuple((n, LongText("word " * 50)) for n in range(12)), "note", most=10)._repr_html_()
    seen = Sanitised(html)
    assert set(seen.tags) - {"style"} <= KEPT
    assert seen.text.count("word " * 49) == 12
    assert html.count("<tr align=left>") == seen.tags.count("tr")


def _luminance(colour: tuple[float, ...]) -> float:
    """WCAG 2.2, relative luminance of an sRGB colour."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("page", PAGES)
def test_quiet_text_reads_on_any_page(page: str) -> None:
    """Status line and reasoning: contrast of at least 4.5 (WCAG 2.2, 1.4.3), also where no theme gives a colour."""
    found = re.search(r"--wcode-quiet:var\(--jp-ui-font-color2,color-mix\(in srgb,currentColor (\d+)%,#0000\)\)", STYLE)
    assert found is not None
    share = int(found[1]) / 100
    back, text = ([int(colour[i : i + 2], 16) for i in (0, 2, 4)] for colour in PAGES[page])
    mixed = tuple(share * t + (1 - share) * b for t, b in zip(text, back, strict=True))
    lighter, darker = sorted((_luminance(mixed), _luminance(tuple(back))), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5
