"""One coder at work: presses, undo, skip, notes, going back, a new kernel, adjudication."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.labels.label_file import LabelFile
from wcode_jupyter.labels.labelling import LabelInput, LabelItem, Labelling
from wcode_jupyter.labels.labels import Labels
from wcode_jupyter.labels.mark import Draw, Kind

CHOICES = LabelInput("choice", ("neg", "pos"))


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def items(count: int = 4) -> list[LabelItem]:
    return [
        LabelItem(row, {"text": f"text {row}"}, answer="pos", draw=Draw("random", count, 10)) for row in range(count)
    ]


def work(
    path: Path, *, kind: Kind = "label", coder: str = "A", clock: Clock | None = None, count: int = 4
) -> Labelling:
    return Labelling(
        LabelFile(path), "label", coder, items(count), CHOICES, kind=kind, codebook="s-12345678",
        clock=clock or Clock(), now=lambda: datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "n.labels.jsonl"


def test_a_press_is_on_disk_before_the_next_item(path: Path) -> None:
    """Value, time, blindness, chance and codebook are in the file at once."""
    clock = Clock()
    one = work(path, clock=clock)
    clock.now_s += 2.5
    one.press("pos", "sure")
    (mark,) = LabelFile(path).marks()
    assert (mark.row, mark.coder, mark.value, mark.note) == (0, "A", "pos", "sure")
    assert (mark.seconds, mark.blind, mark.probability, mark.codebook) == (2.5, True, 0.4, "s-12345678")
    assert mark.at == "2026-12-01T00:00:00Z"
    assert (one.place, one.done) == (1, 1)


def test_a_new_kernel_goes_on_where_the_last_one_ended(path: Path) -> None:
    """At the first item without a label; all done, there is none in front."""
    first = work(path)
    first.press("pos")
    first.skip()
    second = work(path)
    assert (second.place, second.done) == (2, 2)
    second.press("neg")
    second.press("neg")
    assert second.item is None
    assert work(path).item is None
    assert work(path, coder="B").place == 0


def test_undo_restores_what_was_there(path: Path) -> None:
    """A first label is taken back, a changed one becomes what it was; nothing leaves the file."""
    one = work(path)
    one.press("pos")
    one.undo()
    assert (one.place, one.mark, one.can_undo) == (0, None, False)
    assert Labels(one.file, "label").rows() == []
    one.press("pos")
    one.back()
    one.press("neg")
    one.undo()
    assert Labels(one.file, "label").values == {0: "pos"}
    assert len(one.file.marks()) == 5
    assert work(path).place == 1


def test_a_skipped_item_comes_again(path: Path) -> None:
    """Going back, it can be labelled after all."""
    one = work(path)
    one.skip("unclear")
    assert Labels(one.file, "label").rows()[0].is_skipped
    one.back()
    one.press("pos")
    assert Labels(one.file, "label").values == {0: "pos"}
    assert one.place == 1


def test_back_and_forward(path: Path) -> None:
    """Through labelled items and others, and not beyond the ends."""
    one = work(path)
    one.back()
    assert one.place == 0
    for place in (1, 2, 3, 0):
        one.forward()
        assert one.place == place
    one.press("pos")
    one.back()
    assert one.mark is not None
    assert one.mark.value == "pos"


def test_a_note_is_added_later(path: Path) -> None:
    """The label stays."""
    one = work(path)
    one.press("pos")
    one.back()
    one.note("irony")
    (row,) = Labels(one.file, "label").rows()
    assert (row.coders["A"].value, row.coders["A"].note) == ("pos", "irony")


def test_blind_until_revealed(path: Path) -> None:
    """The file says it of each label; what was seen once stays seen."""
    one = work(path)
    one.press("pos")
    one.reveal()
    assert one.is_revealed
    one.press("pos")
    one.press("neg")
    one.back()
    one.back()
    one.press("neg")
    marks = LabelFile(path).marks()
    assert [mark.blind for mark in marks] == [True, False, True, False]


def test_only_labels_that_there_are(path: Path) -> None:
    """Nothing is written for another value."""
    one = work(path)
    with pytest.raises(InputError, match="'neutral' is not one of the labels"):
        one.press("neutral")
    assert LabelFile(path).marks() == ()


def test_numbers_and_texts() -> None:
    """Read within their limits; infinity and NaN are none."""
    number = LabelInput("integer", low=0, high=100)
    assert number.read(" 7 ") == 7
    for text in ("101", "x", "1.5", ""):
        with pytest.raises(InputError):
            number.read(text)
    with pytest.raises(InputError, match="out of range"):
        LabelInput("number").read("inf")
    with pytest.raises(InputError, match="out of range"):
        LabelInput("number").read("nan")
    assert LabelInput("number", low=-1).read("-0.5") == -0.5
    assert LabelInput("text").read(" a b ") == "a b"


def test_a_row_that_changed_is_labelled_again(path: Path) -> None:
    """Its old label is not taken for the new text."""
    work(path).press("pos")
    changed = [LabelItem(0, {"text": "new"}), *items()[1:]]
    again = Labelling(LabelFile(path), "label", "A", changed, CHOICES)
    assert (again.place, again.done) == (0, 0)


def test_adjudication_writes_gold(path: Path) -> None:
    """Beside the labels of the coders, whoever decides; undo takes the decision back, not the label."""
    work(path).press("pos")
    work(path, coder="B").press("neg")
    judge = work(path, kind="gold", count=1)
    judge.press("neg")
    labels = Labels(LabelFile(path), "label")
    assert labels.gold == {0: "neg"}
    assert labels.rows()[0].coders["A"].value == "pos"
    judge.undo()
    assert labels.gold == {}
    assert labels.disputed == [0]


def test_time_left() -> None:
    """From three labels on: the median of 2, 3 and 9 s for each of the 7 that are left."""
    clock = Clock()
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        one = work(Path(folder) / "n.labels.jsonl", clock=clock, count=10)
        for seconds in (2, 9, 3):
            assert one.seconds_left is None
            clock.now_s += seconds
            one.press("pos")
        assert one.seconds_left == 21
