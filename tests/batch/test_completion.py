"""What Tab offers for a cell over many rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import polars as pl
import pytest

from wcode_jupyter.magics.completion import candidates
from wcode_jupyter.session import Session

_FRAME = pd.DataFrame({"word": ["a"], "名字": ["b"]})


def judge(reply: object, row: object) -> bool:
    """A score."""
    return True


NAMES: dict[str, Any] = {
    "frame": _FRAME,
    "polar": pl.DataFrame({"p": [1]}),
    "lazy": pl.LazyFrame({"z": [1]}),
    "records": [{"a": 1, "b": 2}],
    "stream": iter([{"a": 1}]),
    "judge": judge,
    "number": 7,
    "text": "no rows",
    "_hidden": [1],
    "In": [""],
}


def offered(before: str, head: str | None = None) -> list[str]:
    return candidates(before, Session(), NAMES, head=head)[1]


@pytest.mark.parametrize(
    "line", ["--logprobs ", "glm-5 --stream ", "--stream=", "--temperature 1 --parallel-tool-calls "]
)
def test_a_boolean_takes_true_or_false(line: str) -> None:
    """No model's id may follow that would be read as its value."""
    assert offered(f"%%wcode {line}") == ["true", "false"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--each ", ["frame", "polar", "lazy", "records", "stream"]),
        ("--each=", ["frame", "polar", "lazy", "records", "stream"]),
        ("--each frame --score ", ["judge"]),
        ("--each frame --key ", ["word", "名字"]),
        ("--each=polar --key=", ["p"]),
        ("--each records --key ", ["a", "b"]),
        ("--each lazy --key ", []),
        ("--each stream --key ", []),
        ("--key ", []),
        ("--each frame --engine ", ["dask"]),
        ("--each frame --repeat ", []),
    ],
)
def test_variables_that_fit_and_columns_of_the_frame(line: str, words: list[str]) -> None:
    """After `--each` what has rows, after `--score` what can be called, after `--key` the columns."""
    assert offered(f"%%wcode glm-5 {line}") == words


def test_parameters_to_sweep() -> None:
    """With the sign that follows."""
    assert "temperature=" in offered("%%wcode --sweep ")
    assert "model=" not in offered("%%wcode --sweep ")


def test_references_offer_columns_before_variables() -> None:
    """In the body of a cell over rows the columns of its frame come first."""
    assert offered("Say {{", "%%wcode --each frame -o x")[:3] == ["word", "名字", "frame"]
    assert "word" not in offered("Say {{", "%%wcode -o x")


def test_an_iterator_is_not_touched() -> None:
    """Tab must not take a row away."""
    offered("{{", "%%wcode --each stream")
    assert list(NAMES["stream"]) == [{"a": 1}]


def test_a_cluster_is_offered_by_its_variable() -> None:
    """A Dask client, and the word for the current one."""
    distributed = pytest.importorskip("distributed")
    client = object.__new__(distributed.Client)
    assert candidates("%%wcode --engine ", Session(), {**NAMES, "cluster": client})[1] == ["dask", "cluster"]
