"""Answers in the files of Inspect and Potato, read by Inspect itself where it is installed, and by our own labels."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wcode_jupyter.batch import Replies
from wcode_jupyter.labels.foreign import marks_from

from .test_evidence import answer, job, run


def scored() -> Replies:
    """Two rows, two models, two samples; one answer failed; a score that is 1 for pos."""
    found = run(
        (job(row, model, sample), answer("pos" if row else None if sample and model == "b" else "neg"))
        for row in range(2)
        for model in "ab"
        for sample in range(2)
    )
    return found.score(lambda reply, row: "pos" in reply.text)


def test_a_log_of_inspect(tmp_path: Path) -> None:
    """A sample for each answer with input, output, score, epoch and condition; the failed one says why."""
    log = json.loads(scored().save(tmp_path / "x.eval.json").read_text("utf-8"))
    assert (log["version"], log["status"], log["eval"]["model"]) == (2, "success", "multiple")
    assert (log["results"]["total_samples"], log["results"]["completed_samples"]) == (8, 7)
    first = log["samples"][0]
    assert (first["id"], first["epoch"], first["metadata"]["model"]) == ("k0 a", 1, "a")
    assert first["input"] == [{"role": "user", "content": "q"}]
    assert json.loads(first["output"]["choices"][0]["message"]["content"])["label"] == "neg"
    assert first["scores"] == {"score": {"value": 0.0, "answer": first["output"]["choices"][0]["message"]["content"]}}
    (failed,) = [sample for sample in log["samples"] if "error" in sample]
    assert (failed["id"], failed["epoch"]) == ("k0 b", 2)
    assert len({(sample["id"], sample["epoch"]) for sample in log["samples"]}) == 8


def test_inspect_reads_the_log(tmp_path: Path) -> None:
    """Its own reader takes the file, with every sample."""
    inspect = pytest.importorskip("inspect_ai.log")
    log = inspect.read_eval_log(str(scored().save(tmp_path / "x.eval.json")))
    assert log.status == "success"
    assert len(log.samples) == 8
    assert log.samples[-1].scores["score"].value == 1.0
    assert log.samples[0].epoch == 1


def test_annotations_of_potato(tmp_path: Path) -> None:
    """A line for each whole answer, its condition as the annotator; what we write we read."""
    path = scored().save(tmp_path / "x.potato.jsonl")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == 7
    assert lines[0]["instance_id"] == "k0"
    assert lines[0]["user_id"] == "a"
    assert lines[0]["label_annotations"]["label"] == {"neg": "true"}
    marks = marks_from(path, "label", None, None, "")
    assert {(mark.row, mark.coder, mark.value) for mark in marks} >= {("k0", "a", "neg"), ("k1", "b #2", "pos")}
