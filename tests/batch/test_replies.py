"""The result: a list, a frame, a file, a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wcode_jupyter import Client
from wcode_jupyter.batch import Replies
from wcode_jupyter.errors import InputError, RunError

from .strict_server import StrictServer

ROWS = [{"text": f"w{number}", "n": number} for number in range(4)]


@pytest.fixture
def replies(client_of: Callable[..., Client]) -> Iterator[Replies]:
    """Four rows at two temperatures; the third row failed at both."""
    with StrictServer(fail=lambda prompt: 400 if prompt.endswith("w2") else None) as server:
        yield client_of(server).map("Say {{text}}", ROWS, model="z-ai/glm-5", sweep={"temperature": [0, 1]})


def test_a_list_that_slices_to_replies(replies: Replies) -> None:
    """Indexes give Reply, slices and `failed` give Replies."""
    assert (len(replies), replies[-1].text, repr(replies)) == (8, "w3", "Replies(8, failed=2)")
    assert [reply.text for reply in replies[6:]] == ["w3", "w3"]
    assert [line.job.key for line in replies.failed.lines()] == [2, 2]
    assert replies.job(1).label == "z-ai/glm-5 temperature=1.0"


def test_the_frame_is_tidy(replies: Replies) -> None:
    """A row for each reply; a column of the rows that has a name of ours is prefixed."""
    frame = replies.to_frame()
    assert list(frame.columns) == [
        "row", "row_text", "n", "model", "answered", "temperature", "sample", "text", "reasoning", "input_tokens",
        "output_tokens", "reasoning_tokens", "cost_cny", "first_token_s", "total_s", "ended", "error",
    ]  # fmt: skip
    assert frame["row_text"].tolist() == ["w0", "w0", "w1", "w1", "w2", "w2", "w3", "w3"]
    assert frame["ended"].value_counts().to_dict() == {"complete": 6, "failed": 2}
    # 9 input tokens at ¥0.011 a thousand and 6 output tokens at ¥0.035.
    assert frame["cost_cny"].dropna().unique().tolist() == [0.000309]


def test_parsed_fields_become_columns(client_of: Callable[..., Client]) -> None:
    """An answer asked for as JSON is spread over columns of its own."""
    with StrictServer(answer=lambda prompt: '{"label": "good", "sure": true}') as server:
        found = client_of(server).map("JSON {{value}}", ["a"], response_format="json_object").to_frame()
    assert (found["json.label"][0], bool(found["json.sure"][0])) == ("good", True)


def test_save_and_load(replies: Replies, tmp_path: Path) -> None:
    """What was saved comes back equal, jobs included; a loaded result cannot be asked again."""
    loaded = Replies.load(replies.save(tmp_path / "kept.run.jsonl"))
    assert list(loaded) == list(replies)
    assert [line.job for line in loaded.lines()] == [line.job for line in replies.lines()]
    with pytest.raises(InputError, match="loaded from a file"):
        loaded.retry()


@pytest.mark.parametrize(("name", "content"), [("missing", None), ("other", b"{}\n"), ("binary", b"\xff\x00")])
def test_what_is_no_run_file_cannot_be_loaded(tmp_path: Path, name: str, content: bytes | None) -> None:
    """One line with the file's name."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(RunError, match=name):
        Replies.load(tmp_path / name)


def test_the_table_is_text_only(client_of: Callable[..., Client]) -> None:
    """Markup of a model is inert in the tables too."""
    with StrictServer(answer=lambda prompt: "<script>alert(1)</script>") as server:
        found = client_of(server).map("Say {{value}}", ["x"])
    assert "<script" not in found._repr_html_()
    assert "<script" in repr(found.table())


def test_the_plot_has_scores_against_cost_and_time(replies: Replies) -> None:
    """With scores three axes with what they say on them; without, distributions."""
    figure = replies.score(lambda reply, row: row["n"]).plot()
    assert [(axis.get_xlabel(), axis.get_ylabel()) for axis in figure.axes] == [
        ("RMB", "score"), ("seconds", "score"), ("characters", "replies"),
    ]  # fmt: skip
    assert len(figure.axes[0].lines) == 2
    assert replies.plot().axes[0].get_ylabel() == "replies"


def test_replies_cost_what_they_cost(replies: Replies) -> None:
    """Six answers of ¥0.000309."""
    assert str(replies.cost) == "0.001854"
