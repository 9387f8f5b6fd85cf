"""The table of gateway dialects (`dialects/*.toml`): every row gives what is right, however its bytes are cut."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from wcode_jupyter.request.messages import Request

from .dialects import FOLDER, Row, cuts, rows
from .outcome import decoded, differences
from .stream_tools import request

ROWS = rows()

# Rows that are not right yet, by where they fail ("decoder" also over HTTP). Whoever mends one takes it out there.
LINES = (FOLDER / "failing.txt").read_text("utf-8").splitlines()
FAILING = {name: where for where, _, name in (line.partition(" ") for line in LINES)}


def asked(row: Row) -> Request:
    """The request that a row answers."""
    return Request(model="m", messages=request(row.form).messages, protocol=row.form, stream=row.stream)


def marked(*levels: str) -> list[object]:
    """The rows, those that are known to fail at one of these levels marked as such."""
    failing = pytest.mark.xfail(strict=True, reason="not mended yet")
    return [pytest.param(row, id=str(row), marks=[failing] * (FAILING.get(str(row)) in levels)) for row in ROWS]


def test_the_table_is_large_and_every_row_has_a_public_source() -> None:
    """At least 60 rows, both forms, each with a name of its own and the repository (mostly the issue) it comes from."""
    assert len(ROWS) >= 60
    assert {row.form for row in ROWS} == {"openai", "anthropic"}
    assert [name for name, count in Counter(map(str, ROWS)).items() if count > 1] == []
    assert [row.source for row in ROWS if not re.fullmatch(r"[\w.-]+/[\w.-]+(#\d+)?", row.source)] == []
    assert set(FAILING) <= set(map(str, ROWS))


@pytest.mark.parametrize("row", marked("decoder"))
def test_a_row_whole(row: Row) -> None:
    """All bytes at once."""
    assert differences(decoded(asked(row), [row.bytes]), row.results) == []


@pytest.mark.parametrize("row", marked("decoder"))
def test_a_row_byte_by_byte(row: Row) -> None:
    """One byte at a time."""
    data = row.bytes
    assert differences(decoded(asked(row), [data[at : at + 1] for at in range(len(data))]), row.results) == []


@pytest.mark.parametrize("row", marked("decoder"))
def test_a_row_at_every_cut(row: Row) -> None:
    """In two pieces, cut anywhere: always the same reply as whole, and that is right."""
    for pieces in cuts(row.bytes):
        assert differences(decoded(asked(row), pieces), row.results) == [], pieces[0][-40:]
