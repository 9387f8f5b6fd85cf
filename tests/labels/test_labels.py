"""What the coders say: final values, agreement, gold, and values at the rows of a run."""

from __future__ import annotations

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.labels.labels import GOLD, Labels
from wcode_jupyter.labels.mark import Draw, Kind, Mark, Value
from wcode_jupyter.labels.rows import RowOf, digests


def mark(row: int, coder: str, value: Value | None, kind: Kind = "label", draw: Draw | None = None) -> Mark:
    return Mark(field="label", row=row, coder=coder, value=value, kind=kind, draw=draw, blind=True, seconds=2.0)


TWO = [
    mark(0, "A", "pos"), mark(0, "B", "Pos."), mark(1, "A", "pos"), mark(1, "B", "neg"), mark(2, "A", "neg"),
    mark(3, "A", None, "skip"),
]  # fmt: skip
"""Row 0: both agree (one spelling apart), row 1: they differ, row 2: one coder, row 3: skipped."""
ROWS = [RowOf(row, {"text": str(row)}) for row in range(4)]


def test_final_values() -> None:
    """What all coders of a row say; the row in dispute and the skipped one have none."""
    labels = Labels(TWO, "label")
    assert labels.values == {0: "pos", 2: "neg"}
    assert labels.disputed == [1]
    assert labels.coders == ["A", "B"]
    assert len(labels) == 3
    assert "3 rows with a label; 1 in dispute, 0 decided." in repr(labels)


def test_gold_decides_and_can_be_taken_back() -> None:
    """The last decision holds; a cleared one is none, and labels are not touched by it."""
    decided = [*TWO, mark(1, "A", "neg", "gold"), mark(1, "C", "pos", "gold")]
    labels = Labels(decided, "label")
    assert labels.values == {0: "pos", 1: "pos", 2: "neg"}
    assert labels.gold == {1: "pos"}
    assert labels.disputed == []
    back = Labels([*decided, mark(1, "C", GOLD, "clear"), mark(1, "A", GOLD, "clear")], "label")
    assert back.gold == {}
    assert back.disputed == [1]


def test_the_last_press_of_a_coder_holds() -> None:
    """Changed, skipped after all, taken back."""
    presses = [mark(0, "A", "pos"), mark(0, "A", "neg")]
    assert Labels(presses, "label").values == {0: "neg"}
    assert Labels([*presses, mark(0, "A", None, "skip")], "label").values == {}
    assert Labels([*presses, mark(0, "A", None, "clear")], "label").rows() == []


def test_agreement_between_coders() -> None:
    """One of two common rows agrees; a single coder has nobody to agree with."""
    found = Labels(TWO, "label").agreement()
    assert found.rows[0][3].value == 0.5  # type: ignore[attr-defined]
    assert found.rows[0][3].n == 2  # type: ignore[attr-defined]
    assert [row[0] for row in Labels(TWO, "label").disagreements().rows] == [1]
    with pytest.raises(InputError, match="needs two coders, got A"):
        Labels(TWO, "label").where(coder="A").agreement()


def test_to_frame() -> None:
    """A line per row: a column for each coder, gold, final value, seconds of both."""
    pytest.importorskip("pandas")
    frame = Labels([*TWO, mark(1, "C", "pos", "gold")], "label").to_frame()
    assert frame["row"].tolist() == [0, 1, 2, 3]
    given = frame.astype(object).where(frame.notna(), None)
    assert given["B"].tolist() == ["Pos.", "neg", None, None]
    assert given["value"].tolist() == ["pos", "pos", "neg", None]
    assert given["gold"].tolist() == [None, "pos", None, None]
    assert frame["seconds"].tolist() == [4.0, 6.0, 2.0, 2.0]


def test_at_the_rows_of_a_run() -> None:
    """A dispute is refused with what to do; one coder's labels have their places, skipped rows are counted."""
    with pytest.raises(InputError, match=r'differ on 1 rows \(1, …\)\. Decide with .*coder="A"'):
        Labels(TWO, "label").placed(ROWS)
    placed = Labels(TWO, "label").where(coder="A").placed(ROWS)
    assert placed.values == ["pos", "pos", "neg", None]
    assert (placed.changed, placed.skipped) == (0, 1)


def test_values_that_the_answers_cannot_have() -> None:
    """Row and value, and what may be meant."""
    with pytest.raises(InputError, match="Row 0 has the label 'postive'"):
        Labels([mark(0, "A", "postive")], "label").placed(ROWS, ["positive", "negative"])


def test_labels_of_rows_that_changed_or_are_not_there() -> None:
    """Counted where others hold; where none holds there is no number."""
    changed = Mark(field="label", row=0, coder="A", value="pos", content=digests({"text": "before"}))
    placed = Labels([changed, mark(2, "A", "neg")], "label").placed(ROWS)
    assert placed.values == [None, None, "neg", None]
    assert placed.changed == 1
    with pytest.raises(InputError, match="rows that have changed since"):
        Labels([changed], "label").placed(ROWS)
    with pytest.raises(InputError, match="No label belongs to a row of this run"):
        Labels([mark(9, "A", "neg")], "label").placed(ROWS)
    with pytest.raises(InputError, match="no labels yet"):
        Labels([], "label").placed(ROWS)


def test_chances_are_those_of_the_labelled_rows() -> None:
    """2 of the 4 rows are labelled by now, whatever was drawn: 1/2. By stratum: 1 of 3 and 1 of 1."""
    random = [mark(row, "A", "pos", draw=Draw("random", 3, 4)) for row in (1, 2)]
    assert Labels(random, "label").placed(ROWS).chances() == [1.0, 0.5, 0.5, 1.0]
    strata = [
        mark(0, "A", "x", draw=Draw("stratified", 2, 3, "a")),
        mark(3, "A", "y", draw=Draw("stratified", 1, 1, "b")),
    ]
    assert Labels(strata, "label").placed(ROWS).chances() == [1 / 3, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("draws", "why"),
    [
        ([Draw("uncertain", 2, 4), Draw("uncertain", 2, 4)], "no known chance"),
        ([Draw("random", 2, 4), None], "no known chance"),
        ([Draw("random", 2, 3), Draw("random", 2, 3)], "drawn from 3 rows, but there are 4"),
        ([Draw("random", 2, 4), Draw("random", 2, 8)], r"different rows \(4 and 8\)"),
        ([Draw("random", 2, 4), Draw("stratified", 2, 4, "")], "random and from stratified"),
        ([Draw("stratified", 1, 2, "a"), Draw("stratified", 1, 2, "a")], "drawn from 2 rows"),
    ],
)  # fmt: skip
def test_unknown_chances_are_refused(draws: list[Draw | None], why: str) -> None:
    """The most uncertain rows, labels of elsewhere, other rows, a stratum without a label."""
    marks = [mark(row, "A", "pos", draw=one) for row, one in enumerate(draws)]
    with pytest.raises(InputError, match=why):
        Labels(marks, "label").placed(ROWS).chances()


def test_where_without_a_match() -> None:
    """What was asked for is named."""
    with pytest.raises(InputError, match="No labels with coder=Z"):
        Labels(TWO, "label").where(coder="Z")
    assert Labels(TWO, "label").where(blind=True).values == {0: "pos", 2: "neg"}
