"""Tables: words are never broken, wide tables scroll or become cards, long cells and many rows open on request."""

from __future__ import annotations

import re

import pytest
from rich.cells import cell_len

from wcode_jupyter import table as module
from wcode_jupyter.catalogue import Catalogue
from wcode_jupyter.magics.commands.models import models
from wcode_jupyter.table import LongText, Table

PROSE = "The quick brown fox jumps over the structured fence of reasoning again and again. " * 2


def in_terminal(monkeypatch: pytest.MonkeyPatch, table: Table, columns: int) -> list[str]:
    monkeypatch.setattr(module, "_terminal_columns", lambda: columns)
    return repr(table).splitlines()


@pytest.mark.parametrize("columns", [30, 45, 60, 80, 100, 200])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_no_line_is_too_long_and_no_word_is_broken(monkeypatch: pytest.MonkeyPatch, columns: int, count: int) -> None:
    """Whatever the width and the number of columns."""
    rows = [("z-ai/glm-5", "structured reasoning", "天空为何是蓝色的" * 4, "1", PROSE, "brown")[:count]] * 2
    table = Table(
        ("model", "capabilities", "提示词", "n", "meaning", "colour")[:count], tuple(rows), note="brown " * 20
    )
    lines = in_terminal(monkeypatch, table, columns)
    assert max(map(cell_len, lines)) <= columns
    found = set(re.findall(r"[\w/.-]+", "\n".join(lines)))
    whole = set(re.findall(r"[\w/.-]+", f"{table.columns} {rows} {table.note}"))
    assert {word for word in found - whole if word.isascii()} == set()


def test_a_narrow_terminal_shows_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first cell heads a block, a line for each other cell that is not empty; a single value has no name."""
    table = Table(("id", "capabilities", "context", "note"), (("m", "text", "200,000", ""), ("n", PROSE, "–", "x")))
    assert in_terminal(monkeypatch, table, 36)[:5] == ["m", "  capabilities  text", "  context       200,000", "", "n"]
    facts = Table(("fact", "value"), (("tools on its page", "https://example.com/a-long-address"),))
    assert in_terminal(monkeypatch, facts, 40) == ["tools on its page", "  https://example.com/a-long-address"]


def test_a_word_longer_than_the_terminal_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else can be done, and nothing of it is lost."""
    lines = in_terminal(monkeypatch, Table(("a", "b"), (("x", "y" * 50),)), 20)
    assert max(map(len, lines)) <= 20
    assert "".join(lines).count("y") == 50


def test_the_models_fit_into_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table that broke "capabi/lities"."""

    class Session:
        catalogue = Catalogue.load()

    class Client:
        session = Session

    class Context:
        client = Client

    lines = in_terminal(monkeypatch, models(Context, ""), 80)  # type: ignore[arg-type]
    assert max(map(cell_len, lines)) <= 80
    assert sum(line.startswith("  capabilities ") for line in lines) == len(list(Session.catalogue.search("")))


def test_long_cells_and_further_rows_open_on_request() -> None:
    """The first rows and characters are seen, the rest folded; nothing of it is markup; a frame has all of it."""
    text = "<b>one</b>\n" + "word " * 40
    table = Table(("answer",), tuple((LongText(text, shown=20),) for _row in range(12)), most=10)
    html = table._repr_html_()
    assert html.count("<summary>&lt;b&gt;one&lt;/b&gt; word wor…</summary>") == 12
    assert html.count("<div>&lt;b&gt;one&lt;/b&gt;\nword ") == 12
    assert "<b>" not in html
    shown, folded = html.split("<details><summary>2 more rows</summary>")
    assert (shown.count("<tr"), folded.count("<tr")) == (11, 3)
    assert table.to_frame().answer[0] == text
    assert "LongText" not in repr(table)


def test_a_short_cell_is_not_folded() -> None:
    """What fits on its line has nothing to open."""
    assert "<details>" not in Table(("a",), ((LongText("short"),),))._repr_html_()


def test_ids_stay_on_one_line_and_prose_gets_room() -> None:
    """Classes for cells that are never wrapped, and for columns that are never narrow."""
    html = Table(("model", "n", "meaning"), (("z-ai/glm-5", "a" * 30, PROSE),))._repr_html_()
    assert "<td class=n>z-ai/glm-5</td>" in html
    assert f"<td>{'a' * 30}</td>" in html
    assert "<td class=w>The quick" in html
