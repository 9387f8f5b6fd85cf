"""Answers that seem whole and are no result: a run does not count them as good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault_server import DONE, FaultServer, Received, Script, delta, finish, reasoning, stream, usage
from wcode_jupyter import Client
from wcode_jupyter.batch import Replies

ANSWERS = {
    "good": stream(delta("fine"), finish("stop"), usage(), DONE),
    "tired": stream(delta("half"), finish("tired"), usage(), DONE),
    "empty": stream(delta(""), finish("stop"), usage(), DONE),
    "thought": stream(reasoning("hm"), finish("stop"), usage(), DONE),
    "kept": stream(delta("Yes"), finish("END_TURN"), usage(), DONE),
}
WHY = ["", "Unknown finish reason: tired", "The answer is empty.", "Only reasoning came, no answer.", ""]
ENDED = ["complete", "failed", "failed", "failed", "complete"]


def by_row(request: Received) -> Script:
    """The answer that the prompt names."""
    return ANSWERS[request.json["messages"][0]["content"].split()[-1]]


def faults(replies: Replies) -> list[str]:
    return [(reply.error or "").removesuffix(".") for reply in replies]


def test_rows_in_doubt_are_failed_and_asked_again(client_of: Callable[..., Client], tmp_path: Path) -> None:
    """An unknown finish word, an empty answer, reasoning alone: failed, with the reason, the text and the cost of it.

    A second run with the same file sends those rows alone; good ones are never asked twice.
    """
    file = tmp_path / "a.run.jsonl"
    with FaultServer(by_row) as server:
        client = client_of(server)
        replies = client.map("Say {{value}}", list(ANSWERS), run_file=file, concurrency=1)
        assert [reply.ended for reply in replies] == ENDED
        assert faults(replies) == [why.removesuffix(".") for why in WHY]
        assert [reply.text for reply in replies] == ["fine", "half", "", "", "Yes"]
        assert [reply.usage.output_tokens for reply in replies if reply.usage] == [6] * 5
        assert len(replies.failed) == 3
        assert len(server.requests) == 5
        again = client.map("Say {{value}}", list(ANSWERS), run_file=file, concurrency=1)
        assert [reply.ended for reply in again] == ENDED
        assert len(server.requests) == 8


def test_a_score_is_not_given_to_an_answer_in_doubt(client_of: Callable[..., Client]) -> None:
    """Figures are made of good rows."""
    with FaultServer(by_row) as server:
        replies = client_of(server).map("Say {{value}}", list(ANSWERS), concurrency=1, score=lambda reply, row: 1)
    frame = replies.to_frame()
    assert frame["score"].notna().tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("word", ["tired", "MODEL_SPECIFIC_9"])
def test_a_single_question_keeps_the_answer_and_says_it(client_of: Callable[..., Client], word: str) -> None:
    """Outside of runs a person reads the answer: it is whole, and the word is told."""
    with FaultServer(stream(delta("half"), finish(word), usage(), DONE)) as server:
        reply = client_of(server).ask("hi")
    assert (reply.text, reply.ended, reply.finish_reason) == ("half", "complete", word)
    assert word in reply.doubt
    assert any(word in notice for notice in reply.notices)
