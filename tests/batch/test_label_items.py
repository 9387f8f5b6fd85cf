"""Rows of a run as items to be labelled, and findings that take the labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.batch.test_evidence import answer, run
from wcode_jupyter.batch import Job, Replies
from wcode_jupyter.batch.label_items import label_input
from wcode_jupyter.errors import InputError
from wcode_jupyter.labels.label_file import LabelFile
from wcode_jupyter.labels.labelling import LabelInput, Labelling
from wcode_jupyter.labels.labels import Labels
from wcode_jupyter.labels.mark import Sample
from wcode_jupyter.labels.screen import Screen


def results(count: int = 60, sample: int = 1, text: str = "text {row}") -> Replies:
    """Every third row is `pos` to the model, the others `neg`."""
    return run(
        (
            Job(id=f"{row}.{one}", number=row, row=row, key=row, columns={"text": text.format(row=row)}, model="m",
                sample=one),
            answer("pos" if row % 3 == 0 else "neg"),
        )
        for row in range(count)
        for one in range(sample)
    )  # fmt: skip


class Shown:
    """A page that keeps what it is given."""

    def __init__(self) -> None:
        self.works: list[Labelling] = []

    def __call__(self, labelling: Labelling) -> None:
        self.works.append(labelling)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Shown:
    page = Shown()
    monkeypatch.setattr(Screen, "present", classmethod(lambda cls, make: page(make())))
    return page


def label_all(work: Labelling, count: int | None = None) -> None:
    """Labels as the truth says: `pos` where the row is even."""
    for _place in range(count or len(work.items)):
        assert work.item is not None
        assert isinstance(work.item.row, int)
        work.press("pos" if work.item.row % 2 == 0 else "neg")


def test_from_the_widget_to_the_corrected_estimate(shown: Shown, tmp_path: Path) -> None:
    """20 random labels of 60 rows: validation on 20 rows, and an estimate with chance 1/3 by hand."""
    replies, path = results(), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=20, file=path)
    (work,) = shown.works
    assert len(work.items) == 20
    assert work.answers == LabelInput("choice", ("neg", "neutral", "pos"))
    assert set(work.items[0].columns) == {"text"}
    label_all(work)
    assert len(labels) == 20
    right = sum((row % 3 == 0) == (row % 2 == 0) for row in labels.values if isinstance(row, int))
    assert replies.validate(labels, "label").result["all"].accuracy.value == right / 20  # type: ignore[index]
    by_hand = dict(labels.values)
    found = replies.estimate("label", "pos", labels=labels)
    assert found.result == replies.estimate("label", "pos", labels=by_hand, probability=20 / 60).result
    assert found.rows[2][2].value == sum(value == "pos" for value in by_hand.values()) / 20  # type: ignore[attr-defined]


def test_half_of_a_sample_has_half_the_chance(shown: Shown, tmp_path: Path) -> None:
    """10 of 20 drawn rows are labelled: the chance is 10/60, not 20/60."""
    replies, path = results(), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=20, file=path)
    label_all(shown.works[0], 10)
    expected = replies.estimate("label", "pos", labels=dict(labels.values), probability=10 / 60)
    assert replies.estimate("label", "pos", labels=labels).result == expected.result


@pytest.mark.parametrize("sample", ["uncertain", "random"])
def test_the_most_uncertain_rows_are_refused_for_an_estimate(shown: Shown, tmp_path: Path, sample: Sample) -> None:
    """They can validate, but they cannot stand for all rows."""
    replies, path = results(sample=2), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=10, sample=sample, file=path)
    label_all(shown.works[0])
    assert "agree with the truth" in replies.validate(labels, "label").sentence
    if sample == "random":
        replies.estimate("label", "pos", labels=labels)
    else:
        with pytest.raises(InputError, match="no known chance"):
            replies.estimate("label", "pos", labels=labels)


def test_a_stratified_sample(shown: Shown, tmp_path: Path) -> None:
    """Ten of each label of the model, with chances 10/20 and 10/40."""
    replies, path = results(), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=20, sample="stratified", file=path)
    draws = {(one.draw.stratum, one.draw.probability) for one in shown.works[0].items if one.draw}
    assert draws == {("pos", 0.5), ("neg", 0.25)}
    label_all(shown.works[0])
    chances = {row: 0.5 if row % 3 == 0 else 0.25 for row in range(60)}
    expected = replies.estimate("label", "pos", labels=dict(labels.values), probability=chances)
    assert replies.estimate("label", "pos", labels=labels).result == expected.result


def test_two_coders_and_adjudication(shown: Shown, tmp_path: Path) -> None:
    """The same rows in another order; only what differs is decided; then the gold values validate."""
    replies, path = results(), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=12, file=path)
    replies.label("label", n=12, coder="B", file=path)
    first, second = shown.works
    assert [one.row for one in first.items] != [one.row for one in second.items]
    assert {one.row for one in first.items} == {one.row for one in second.items}
    label_all(first)
    label_all(second)
    with pytest.raises(InputError, match="nothing to decide: the coders A, B agree"):
        replies.label("label", file=path, adjudicate=True)
    second.back()
    row = second.items[-1].row
    second.place = len(second.items) - 1
    second.press("neutral")
    with pytest.raises(InputError, match=r"The coders differ on 1 rows"):
        replies.validate(labels, "label")
    replies.label("label", coder="C", file=path, adjudicate=True)
    judge = shown.works[-1]
    assert [one.row for one in judge.items] == [row]
    assert set(judge.items[0].others) == {"A", "B"}
    judge.press("neg")
    assert labels.gold == {row: "neg"}
    assert replies.validate(labels, "label").result["all"].accuracy.n == 12  # type: ignore[index]


def test_labels_of_another_field_or_of_changed_rows(shown: Shown, tmp_path: Path) -> None:
    """A clear line; rows that changed are left out, with a note."""
    replies, path = results(), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=60, file=path)
    label_all(shown.works[0])
    with pytest.raises(InputError, match="labels are of the field label, the answers of reason"):
        replies.validate(labels, "reason")
    other = run(
        (line.job, line.reply) for line in [*results(50).lines(), *list(results(60, text="new {row}").lines())[50:]]
    )
    assert "10 labels belong to rows that have changed since" in repr(other.validate(labels, "label"))


def test_headless_the_file_is_read(tmp_path: Path) -> None:
    """Without a page nothing is shown, and the labels of the file are there."""
    path = tmp_path / "n.labels.jsonl"
    path.write_text('{"field":"label","row":3,"coder":"A","value":"pos"}\n')
    assert results().label("label", file=path).values == {3: "pos"}


@pytest.mark.parametrize(
    ("schema", "given", "expected"),
    [
        ({"enum": ["b", "a"]}, [], LabelInput("choice", ("b", "a"))),
        ({"type": "boolean"}, [], LabelInput("choice", (True, False))),
        ({"type": "integer", "minimum": 1, "maximum": 5}, [], LabelInput("choice", (1, 2, 3, 4, 5))),
        ({"type": "integer", "minimum": 0, "maximum": 100}, [], LabelInput("integer", low=0, high=100)),
        ({"type": "number", "minimum": -1}, [], LabelInput("number", low=-1)),
        ({}, ["Pos.", "neg", "pos", None], LabelInput("choice", ("neg", "Pos."))),
        ({}, [f"text {n}" for n in range(20)], LabelInput("text")),
        ({"type": "string"}, ["only one"] * 5, LabelInput("text")),
    ],
)
def test_how_a_label_is_given(schema: dict[str, Any], given: list[object], expected: LabelInput) -> None:
    """By the schema; without one by the answers there are."""
    assert label_input(schema, given, None, None) == expected


def test_values_that_were_asked_for() -> None:
    """They come before the schema's."""
    assert label_input({"enum": ["a"]}, [], None, ["x", "y"]) == LabelInput("choice", ("x", "y"))


def test_labels_file_of_another_kernel(shown: Shown, tmp_path: Path) -> None:
    """What another process has written is there at the next look."""
    replies, path = results(), tmp_path / "n.labels.jsonl"
    labels = replies.label("label", n=5, file=path)
    assert len(labels) == 0
    label_all(shown.works[0], 2)
    assert len(Labels(LabelFile(path), "label")) == len(labels) == 2
