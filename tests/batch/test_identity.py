"""Rows and columns stay what they are, in the prompt, in the file and in the result; nothing secret is written down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wcode_jupyter import Client
from wcode_jupyter.batch import Replies
from wcode_jupyter.batch.rows import Rows, is_missing
from wcode_jupyter.errors import InputError

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
KEY = "sk-" + "a1B2c3D4e5F6g7H8i9J0kLmN"


def test_no_column_is_lost_whatever_it_is_called(client_of: ClientOf) -> None:
    """Names of results, of scores and of renamed columns: each value is somewhere."""
    row = {"t": "a", "text": "mine", "row_text": "KEEP", "score": 10, "score.f": 11, "row": 12, "model": 13}
    with StrictServer() as server:
        replies = client_of(server).map("Say {{t}}", [row, row]).score(lambda reply, columns: {"": 1, "f": 2})
        (first, _second) = replies.rows()
    assert {"a", "mine", "KEEP", 10, 11, 12, 13} <= set(first.values())
    assert (first["text"], first["score"], first["score.f"], first["t"]) == ("a", 1.0, 2.0, "a")
    assert first["row_row_text"] == "mine" or first["row_text"] == "mine"


def test_fields_of_a_schema_are_columns_under_their_own_names(client_of: ClientOf) -> None:
    """`label` beside `json.label`; a column of the user's of that name stays as it is."""
    with StrictServer(answer=lambda prompt: '{"label": "good", "gold": "x"}') as server:
        options: dict[str, Any] = {"schema": "label, gold"}
        frame = client_of(server).map("Judge {{t}}", [{"t": "a", "gold": "bad"}], **options).to_frame()
    assert frame[["label", "json.label", "gold", "json.gold"]].loc[0].tolist() == ["good", "good", "bad", "x"]


def test_a_frame_can_be_joined_to_its_result(client_of: ClientOf) -> None:
    """Labels and types come back: times as index, a category, a date."""
    index = pd.to_datetime(["2026-01-01", "2026-01-02"])
    days = pd.to_datetime(["2020-05-05", None])
    given = pd.DataFrame({"t": ["a", "b"], "kind": pd.Categorical(["x", "y"]), "day": days}, index=index)
    with StrictServer() as server:
        frame = client_of(server).map("Say {{t}}", given).to_frame()
    assert frame["kind"].dtype == given["kind"].dtype
    assert frame["day"].dtype == given["day"].dtype
    assert given.join(frame[["text"]])["text"].tolist() == ["a", "b"]
    assert frame["row"].tolist() == list(index)


@pytest.mark.parametrize("name", ["review text", "a-b", "1st", "class", "价格 (元)", "a.b"])
def test_braces_around_any_columns_name_are_that_column(client_of: ClientOf, name: str) -> None:
    """Identifiers or not."""
    with StrictServer() as server:
        client_of(server).map("Say {{" + name + "}} or {{ " + name + " }}", [{name: "x1"}, {name: {"k": 1}}])
        assert "Say x1 or x1" in server.prompts
        assert any('"k": 1' in prompt and "{{" not in prompt for prompt in server.prompts)


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("Say {{revew text}}", "not a column"),
        ("Say {{row.t}}", "not a column"),
        ("Say {t}", "two braces"),
        ("Say it", "every row asks the same"),
    ],
)
def test_what_looks_unintended_is_said_before_anything_is_paid(client_of: ClientOf, prompt: str, says: str) -> None:
    """As errors these warnings end the run: nothing was sent."""
    with StrictServer() as server:
        with pytest.raises(UserWarning, match=says):
            client_of(server).map(prompt, [{"t": "a", "review text": "b"}] * 3)
        assert server.arrivals == []


@pytest.mark.filterwarnings("ignore:The prompt names no column")
def test_rows_of_a_set_are_asked_in_one_order(client_of: ClientOf) -> None:
    """Whatever the hashes of this process; a set in a prompt is a sorted list."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{value}}", {"c", "a", "b"})
        client_of(server).map("Tags {{tags}}", [{"tags": {"y", "x", "z"}}])
    assert [reply.text for reply in replies] == ["a", "b", "c"]
    assert 'Tags [\n  "x",\n  "y",\n  "z"\n]' in server.prompts


@pytest.mark.parametrize("value", [np.float32("nan"), np.datetime64("NaT"), np.timedelta64("NaT")])
def test_missing_values_of_numpy(value: object) -> None:
    """Not a number, not a time: no value."""
    assert is_missing(value)


@pytest.mark.parametrize("value", [np.float32(0), np.datetime64("2026-01-01"), np.array([float("nan")])])
def test_values_of_numpy_are_values(value: object) -> None:
    """Zero, a day; an array is asked for its own."""
    assert not is_missing(value)


def test_columns_are_those_of_all_rows(client_of: ClientOf) -> None:
    """A row without the column fails, and the others are asked."""
    with StrictServer() as server:
        replies = client_of(server).map("Say {{t}}", [{"a": 1}, {"a": 2, "t": "x"}])
    assert [reply.ended for reply in replies] == ["failed", "complete"]


@pytest.mark.parametrize("source", [pd.Index(["a", "b"]), pd.Series(["a", "b"]), range(2), {"a": 1, "b": 2}.keys()])
def test_whatever_can_be_iterated_is_rows(source: object) -> None:
    """An index of pandas too."""
    assert len(list(Rows(source))) == 2


def test_columns_that_are_one_text_stay_two() -> None:
    """1 and "1"."""
    assert Rows([{1: "x", "1": "y"}]).columns == ("1", "1_2")


def test_half_a_character_costs_no_answer(client_of: ClientOf, tmp_path: Path) -> None:
    """Wherever it stands in a row: every answer is kept, and the next run asks nothing."""
    rows = [{"t": f"t{n}", "meta": {"tags": ["\ud83d" if n == 3 else "x"], "\ud83d": 1}} for n in range(6)]
    with StrictServer() as server:
        for _time in range(2):
            replies = client_of(server).map("Q {{t}}", rows, run_file=tmp_path / "r")
        assert (server.answered, len(replies.failed)) == (6, 0)
    stream = ({"t": row["t"], "meta": row["meta"]} for row in rows)
    with StrictServer() as server:
        assert len(client_of(server).map("Q {{t}}", stream, run_file=tmp_path / "s").failed) == 0


def test_a_run_file_holds_no_credential(client_of: ClientOf, tmp_path: Path) -> None:
    """Neither the session's key nor what looks like one, in a column, in the prompt or in the answer."""
    file = tmp_path / "r.run.jsonl"
    with StrictServer(answer=lambda prompt: f"I saw {KEY}") as server:
        client = client_of(server, api_key="my-own-session-key-42")
        rows = [{"t": "a", "token": "my-own-session-key-42"}, {"t": KEY, "token": "x"}]
        replies = client.map("Q {{t}} my-own-session-key-42", rows, run_file=file)
        again = client.map("Q {{t}} my-own-session-key-42", rows, run_file=file)
        assert server.answered == 2
    text = file.read_text(encoding="utf-8")
    assert KEY not in text
    assert "my-own-session-key-42" not in text
    assert (len(replies), len(again), len(again.failed)) == (2, 2, 0)


def test_a_run_file_holds_only_the_columns_that_are_asked_about(client_of: ClientOf, tmp_path: Path) -> None:
    """The others come from the rows, as long as they are there."""
    rows = [{"t": "a", "big": "B" * 100_000}]
    with StrictServer() as server:
        replies = client_of(server).map("Q {{t}}", rows, run_file=tmp_path / "r.run.jsonl", repeat=3)
    assert (tmp_path / "r.run.jsonl").stat().st_size < 10_000
    assert replies.to_frame()["big"].str.len().tolist() == [100_000] * 3
    assert "big" not in Replies.load(tmp_path / "r.run.jsonl").to_frame().columns


def test_what_is_loaded_has_the_types_of_its_rows_again(client_of: ClientOf, tmp_path: Path) -> None:
    """Types, labels and parsed answers come back where the rows and the schema are given; other rows are refused."""
    frame = pd.DataFrame(
        {"t": ["a", "b"], "day": pd.to_datetime(["2026-01-01", "2026-01-02"]), "kind": pd.Categorical(["x", "y"])},
        index=pd.Index([7, 9], name="id"),
    )
    file = tmp_path / "r.run.jsonl"
    with StrictServer(answer=lambda prompt: '{"label": "good", "score": 3}') as server:
        options: dict[str, Any] = {"schema": "label, score int", "run_file": file}
        ran = client_of(server).map("Judge {{t}} of {{day}}", frame, **options)
        expected = ran.to_frame()
    loaded = Replies.load(file, rows=frame, schema="label, score int")
    pd.testing.assert_frame_equal(loaded.to_frame()[list(expected)], expected)
    assert loaded[1].parsed.score == 3
    with pytest.raises(InputError, match="Row 1 differs"):
        Replies.load(file, rows=frame.iloc[::-1])
    with pytest.raises(InputError, match="Row 2 differs"):
        Replies.load(file, rows=frame.iloc[:1])
