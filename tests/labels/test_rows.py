"""Which row a label belongs to, also after rows were moved, changed or written by other tools."""

from __future__ import annotations

import datetime

from wcode_jupyter.labels.mark import Mark
from wcode_jupyter.labels.rows import RowIndex, RowMatch, RowOf, digests, key_of


def seen(row: int | str, text: str) -> Mark:
    return Mark(field="label", row=row, coder="A", value="x", content=digests({"text": text}))


ROWS = [RowOf(0, {"text": "a", "n": 1}), RowOf(1, {"text": "b", "n": 2}), RowOf(2, {"text": "b", "n": 3})]


def test_a_label_belongs_to_the_row_of_its_key_with_the_same_content() -> None:
    """Columns that the coder did not see may differ."""
    assert RowIndex(ROWS).place(seen(1, "b")) == RowMatch(1)


def test_a_row_that_was_moved_is_found_by_its_content() -> None:
    """Its number is another one now; two rows with the same content cannot be told apart, and get nothing."""
    assert RowIndex(ROWS).place(seen(2, "a")) == RowMatch(0)
    assert RowIndex(ROWS).place(seen(0, "b")) == RowMatch(None, changed=True)


def test_a_row_that_has_changed_is_told() -> None:
    """Key there, content gone: changed; neither there: not of these rows."""
    assert RowIndex(ROWS).place(seen(0, "A")) == RowMatch(None, changed=True)
    assert RowIndex(ROWS).place(seen(9, "z")) == RowMatch(None)


def test_keys_of_a_csv_file_are_texts() -> None:
    """ "1" is row 1 where no row has the text for its key, and not where one has."""
    assert RowIndex(ROWS).place(Mark(field="", row="1", coder="A", value="x")) == RowMatch(1)
    rows = [RowOf("1", {}), RowOf(1, {})]
    assert RowIndex(rows).place(Mark(field="", row="1", coder="A", value="x")) == RowMatch(0)
    assert RowIndex(rows).place(Mark(field="", row=1, coder="A", value="x")) == RowMatch(1)


def test_a_key_that_is_there_twice_is_no_key() -> None:
    """Which of the rows is meant cannot be told."""
    rows = [RowOf("k", {"text": "a"}), RowOf("k", {"text": "b"})]
    assert RowIndex(rows).place(seen("k", "b")) == RowMatch(1)
    assert RowIndex(rows).place(seen("k", "c")) == RowMatch(None)


def test_any_key_can_be_held() -> None:
    """Dates and tuples by their JSON."""
    assert key_of(datetime.date(2026, 1, 2)) == '"2026-01-02"'
    assert key_of(("a", 1)) == '["a",1]'
    assert key_of(7) == 7
