"""Labels made elsewhere, recognised by what is in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.labels.labels import Labels


def test_a_csv_file(tmp_path: Path) -> None:
    """Row, label and coder columns by their usual names; empty cells are no labels."""
    path = tmp_path / "l.csv"
    path.write_text("\ufeffid,label,annotator\n1,pos,A\n1,neg,B\n2,,A\n3, neg ,A\n", encoding="utf-8")
    labels = Labels.read(path)
    assert labels.coders == ["A", "B"]
    assert labels.values == {"3": "neg"}
    assert labels.disputed == ["1"]


def test_columns_by_name(tmp_path: Path) -> None:
    """A column that is missing is named, with those that there are."""
    path = tmp_path / "l.tsv"
    path.write_text("nr\tjudgement\n1\tpos\n", encoding="utf-8")
    assert Labels.read(path, row="nr", value="judgement", coder="Wang").values == {"1": "pos"}
    assert Labels.read(path, row="nr", value="judgement", coder="Wang").coders == ["Wang"]
    with pytest.raises(InputError, match="no column judgment"):
        Labels.read(path, row="nr", value="judgment")
    with pytest.raises(InputError, match=r"Pass row= with one of nr, judgement\."):
        Labels.read(path)


def test_potato(tmp_path: Path) -> None:
    """`annotated_instances.jsonl`: the chosen option of the scheme, a written text, the user as coder."""
    shown = {"displayed_text": "…"}
    first = {"s": {"pos": "1"}, "why": {"text_box": "good"}}
    lines = [
        shown | {"user_id": "u1", "instance_id": "1", "label_annotations": first},
        shown | {"user_id": "u2", "instance_id": "1", "label_annotations": {"s": {"neg": "true", "pos": False}}},
    ]
    path = tmp_path / "annotated_instances.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n")
    labels = Labels.read(path, "s")
    assert labels.coders == ["u1", "u2"]
    assert labels.disputed == ["1"]
    assert Labels.read(lines[:1], "why").values == {"1": "good"}
    with pytest.raises(InputError, match="several fields: s, why"):
        Labels.read(path)
    several = [{"id": "1", "label_annotations": {"s": {"pos": "1", "neg": "1"}}}]
    with pytest.raises(InputError, match="Row 1 has several labels: pos, neg"):
        Labels.read(several)


def test_label_studio(tmp_path: Path) -> None:
    """The JSON export: choices, ratings and numbers of a tag, by annotator, cancelled ones left out."""

    def annotation(name: str, value: dict[str, object], who: object = 7, **more: object) -> dict[str, object]:
        result = {"from_name": name, "to_name": "text", "type": "choices", "value": value}
        return {"completed_by": who, "result": [result], "was_cancelled": False, "lead_time": 4.288} | more

    tasks = [
        {"id": 1, "data": {"text": "a", "row": "k1"}, "annotations": [
            annotation("s", {"choices": ["pos"]}), annotation("s", {"choices": ["neg"]}, {"id": 8, "email": "b@x"})]},
        {"id": 2, "data": {"text": "b"}, "annotations": [
            annotation("s", {"choices": ["pos"]}), annotation("s", {"choices": ["neg"]}, 9, was_cancelled=True)]},
        {"id": 3, "data": {"text": "c"}, "annotations": [annotation("s", {"rating": 4})]},
    ]  # fmt: skip
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks))
    labels = Labels.read(path)
    assert labels.coders == ["7", "b@x"]
    assert labels.values == {2: "pos", 3: 4}
    assert labels.disputed == ["k1"]
    assert labels.rows()[1].coders["7"].seconds == 4.288


def test_a_dict_and_frames() -> None:
    """By row key; missing values are none."""
    pandas = pytest.importorskip("pandas")
    assert Labels.read({1: "pos", 2: None}).values == {1: "pos"}
    assert Labels.read(pandas.Series(["pos", None], index=[5, 6])).values == {5: "pos"}
    frame = pandas.DataFrame({"row": [1, 2], "label": [1.0, float("nan")]})
    assert Labels.read(frame).values == {1: 1.0}


def test_twice_the_same_row() -> None:
    """Which of two labels of one coder holds cannot be told."""
    with pytest.raises(InputError, match="A labels row 1 twice"):
        Labels.read([{"row": 1, "label": "pos"}, {"row": 1, "label": "neg"}])


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.json", b"[1, 2]", "expected JSON objects"),
        ("a.jsonl", b'{"row": 1, "label": "x"}\n{"row"', "line 2"),
        ("a.jsonl", b"", "There are no labels in a.jsonl"),
        ("a.csv", b"\xff\xfe\x00", "Cannot read labels from a.csv"),
        ("a.jsonl", b"[" * 100_000, "Cannot read labels from a.jsonl"),
        ("a.csv", b"row,label\n1,\n", "No row has a label"),
    ],
)
def test_files_that_hold_no_labels(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    """One clear line, whatever is in them."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=why):
        Labels.read(tmp_path / name)


def test_a_labels_file(tmp_path: Path) -> None:
    """Of several fields one is chosen."""
    path = tmp_path / "n.labels.jsonl"
    path.write_text('{"field":"a","row":1,"coder":"A","value":"x"}\n{"field":"b","row":1,"coder":"A","value":"y"}\n')
    assert Labels.read(path, "b").values == {1: "y"}
    with pytest.raises(InputError, match=r"no labels of the field ''\. It has: a, b\."):
        Labels.read(path)
