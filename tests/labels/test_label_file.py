"""The labels file: every press on disk, and a file that is never trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.labels.presses import kills
from wcode_jupyter.errors import InputError
from wcode_jupyter.labels.label_file import LabelFile
from wcode_jupyter.labels.mark import Draw, Mark


def mark(row: int = 0, value: str = "pos") -> Mark:
    return Mark(field="label", row=row, coder="A", value=value)


def test_a_mark_comes_back_as_it_was(tmp_path: Path) -> None:
    """All fields, also through a second object as another kernel has it; without a file there are no marks."""
    path = tmp_path / "n.labels.jsonl"
    file = LabelFile(path)
    assert file.marks() == ()
    written = Mark(
        field="label", row="k1", coder="王", value=True, note='"a"\nb', content={"text": "0123456789ab"}, seconds=1.5,
        blind=True, draw=Draw("random", 20, 40), probability=0.5, codebook="s-12345678", at="2026-12-01T00:00:00Z",
    )  # fmt: skip
    file.append(written)
    file.append(mark(2))
    assert LabelFile(path).marks() == (written, mark(2))
    LabelFile(path).append(mark(3))
    assert file.marks() == (written, mark(2), mark(3))
    assert [json.loads(line)["field"] for line in path.read_text().splitlines()] == ["label"] * 3


def test_a_line_that_was_cut_off_is_replaced(tmp_path: Path) -> None:
    """What a power cut left of a line is no mark; the next one is whole, and nothing before is touched."""
    path = tmp_path / "n.labels.jsonl"
    file = LabelFile(path)
    file.append(mark(0))
    with path.open("ab") as end:
        end.write(b'{"field":"label","row":1,"cod')
    assert file.marks() == (mark(0),)
    file.append(mark(2))
    assert file.marks() == (mark(0), mark(2))


def test_a_last_line_without_its_end_counts(tmp_path: Path) -> None:
    """An editor leaves the last line end out: that mark holds, and the next one gets a line of its own."""
    path = tmp_path / "n.labels.jsonl"
    file = LabelFile(path)
    file.append(mark(0))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    file.append(mark(1))
    assert file.marks() == (mark(0), mark(1))


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b'{"field": "label"}',
        b'{"field": "label", "row": 1, "coder": "A"}',
        b'{"field": "label", "row": {"a": 1}, "coder": "A", "value": "x"}',
        b'{"field": "label", "row": 1, "coder": "A", "value": {"__class__": "os.system"}}',
        b'{"field": "label", "row": 1, "coder": "A", "value": "x", "draw": {"kind": "random", "drawn": 5, "of": 2}}',
        b'{"field": "label", "row": 1, "coder": "A", "value": ' + b"[" * 200_000,
        b"\xff\xfe",
    ],
)
def test_a_line_that_is_no_mark_is_one_clear_line(tmp_path: Path, line: bytes) -> None:
    """File, line and what to do; no value of it chooses a path or a type."""
    path = tmp_path / "n.labels.jsonl"
    file = LabelFile(path)
    file.append(mark(0))
    with path.open("ab") as end:
        end.write(line + b"\n")
    with pytest.raises(InputError, match=r"Cannot read n\.labels\.jsonl, line 2: ") as found:
        file.marks()
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 300


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """A labels file that leads elsewhere is refused, and what it leads to stays as it was."""
    other = tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "n.labels.jsonl").symlink_to(other)
    with pytest.raises(InputError, match="Cannot use the labels file"):
        LabelFile(tmp_path / "n.labels.jsonl").append(mark())
    assert other.read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL")
def test_no_press_is_lost_when_the_kernel_is_killed(tmp_path: Path) -> None:
    """Killed after 7 and after 60 presses that were confirmed: all of them are in the file, once."""
    assert kills(tmp_path, [7, 60]) == 0
