"""What a result becomes: wide, voted, saved for other programs."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from wcode_jupyter import Client
from wcode_jupyter.errors import InputError

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
ROWS = [{"t": "a"}, {"t": "b"}]


def test_rows_by_model(client_of: ClientOf) -> None:
    """A row for each row, a column for each model."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{t}}", ROWS, model=["m", "n"])
    assert replies.wide().to_dict("list") == {"m": ["a", "b"], "n": ["a", "b"]}
    assert replies.wide("row").index.tolist() == [0, 1]
    with pytest.raises(InputError, match="Column not found: tex"):
        replies.wide("tex")


def test_the_majority_and_its_ties(client_of: ClientOf) -> None:
    """Two of three; one and one is a tie, and what failed has no vote."""
    answers = iter(["yes", "no", " yes ", "left", "right", "?"])
    failed = iter([None] * 5 + [400])
    with StrictServer(answer=lambda prompt: next(answers), fail=lambda prompt: next(failed)) as server:
        found = client_of(server).map("Say {{t}}", ROWS, repeat=3, concurrency=1).majority()
    assert found.to_dict("list") == {
        "row": [0, 1], "model": ["m", "m"], "answer": ["yes", "left"], "votes": [2, 1], "n": [3, 2],
        "tie": [False, True],
    }  # fmt: skip


def test_a_result_for_other_programs(client_of: ClientOf, tmp_path: Path) -> None:
    """CSV, and Parquet where its package is installed: the table as it is."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{t}}", ROWS)
    saved = pd.read_csv(replies.save(tmp_path / "r.csv"))
    assert saved["text"].tolist() == ["a", "b"]
    pytest.importorskip("pyarrow", reason="Parquet needs it")
    assert pd.read_parquet(replies.save(tmp_path / "r.parquet"))["text"].tolist() == ["a", "b"]


def test_replies_are_not_pickled_and_say_so(client_of: ClientOf) -> None:
    """One line with what to do."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{t}}", ROWS)
    with pytest.raises(InputError, match=r"cannot be pickled.*\.save"):
        pickle.dumps(replies)


def test_failures_by_reason(client_of: ClientOf) -> None:
    """Counted, the most frequent first."""
    rows = [{"t": f"a{n}"} for n in range(3)] + [{"t": "ok"}]
    with StrictServer(fail=lambda prompt: 400 if "a" in prompt.split()[-1] else None) as server:
        table = client_of(server).map("Say {{t}}", rows).reasons()
    ((count, reason),) = table.rows
    assert count == 3
    assert "BadRequest 400" in str(reason)
