"""Asking every recorded request again, and what is said of the difference."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.fault_server import FaultServer, Received, Script, chat
from wcode_jupyter import Client
from wcode_jupyter.errors import AnswerCut, AnswerInterrupted, KeyMissing, RateLimited, WcodeError
from wcode_jupyter.prompt.schema import schema
from wcode_jupyter.reply import Choice, ErrorInfo, Reply
from wcode_jupyter.reply.events import Usage
from wcode_jupyter.request.messages import Image, Message, Request, ToolCall
from wcode_jupyter.store import Record, to_frame
from wcode_jupyter.study.audit import AuditRow, audit, estimate, similarity


def request(prompt: str = "What is 2 + 2?") -> Request:
    return Request(model="z-ai/glm-5", messages=(Message("system", "Be brief."), Message("user", prompt)))


def reply(text: str = "4", prompt: str = "What is 2 + 2?", **changes: object) -> Reply:
    fields = {"request": request(prompt), "choices": (Choice(text),), "model": "z-ai/glm-5"} | changes
    return Reply(**fields)  # type: ignore[arg-type]


def answers(*now: Reply | WcodeError) -> Callable[[Request], Reply]:
    """An `ask` that gives or raises these, one a call."""
    left = list(now)

    def ask(_request: Request) -> Reply:
        found = left.pop(0)
        if isinstance(found, WcodeError):
            raise found
        return found

    return ask


def test_row_holds_then_and_now() -> None:
    """Text, model, fingerprint, tokens and cost of both sides stand side by side."""
    then = reply("four", model="glm-5-a", system_fingerprint="fp1", usage=Usage(9, 6), cost=Decimal("0.1"))
    now = reply("4", model="glm-5-b", system_fingerprint="fp2", usage=Usage(9, 1), cost=Decimal("0.05"))
    assert list(audit([then], answers(now))) == [
        AuditRow(
            number=1,
            model="z-ai/glm-5",
            prompt="What is 2 + 2?",
            outcome="different",
            similarity=0.0,
            text_then="four",
            text_now="4",
            answered_then="glm-5-a",
            answered_now="glm-5-b",
            fingerprint_then="fp1",
            fingerprint_now="fp2",
            input_tokens_then=9,
            input_tokens_now=9,
            output_tokens_then=6,
            output_tokens_now=1,
            cost_then_cny=Decimal("0.1"),
            cost_now_cny=Decimal("0.05"),
        )
    ]


def test_same_means_same_text_and_same_tool_calls() -> None:
    """Ids of tool calls are new each time and do not count; arguments do."""

    def calls(identity: str, arguments: str) -> Reply:
        return reply(choices=(Choice(tool_calls=(ToolCall(identity, "add", arguments),)),))

    then = [reply("4"), calls("a", "{}"), calls("a", "{}")]
    rows = audit(then, answers(reply("4"), calls("b", "{}"), calls("b", '{"x": 1}')))
    assert [row.outcome for row in rows] == ["same", "same", "different"]


def test_failure_is_a_row_and_the_audit_goes_on() -> None:
    """One refused question does not end the audit; what had arrived of a cut answer counts."""
    part = reply("4", usage=Usage(9, 1), ended="cut")
    rows = list(audit([reply()] * 3, answers(RateLimited("Too many"), AnswerCut("Lost", reply=part), reply())))
    assert [row.outcome for row in rows] == ["failed", "failed", "same"]
    assert rows[0].error is not None
    assert rows[0].error.startswith("Too many")
    assert (rows[0].similarity, rows[0].answered_now, rows[0].text_then) == (None, None, "4")
    assert rows[1].output_tokens_now == 1


def test_recorded_failure_that_fails_alike_is_the_same() -> None:
    """A record may hold failures on purpose."""
    then = reply("", ended="failed", fault=ErrorInfo(kind="RateLimited", what="Too many"))
    rows = audit([then, then], answers(RateLimited("Too many now"), reply("4")))
    assert [row.outcome for row in rows] == ["same", "different"]


@pytest.mark.parametrize("error", [KeyMissing("No key"), AnswerInterrupted("Stopped")])
def test_what_would_stop_every_question_stops_the_audit(error: WcodeError) -> None:
    """Without a key, or at the user's wish, nothing more is asked."""
    with pytest.raises(type(error)):
        list(audit([reply()], answers(error)))


def test_max_cost_skips_the_rest() -> None:
    """No question is asked that would pass the limit, and each that was skipped says so."""
    then = [reply(cost=Decimal("0.4"))] * 3
    rows = list(audit(then, answers(*[reply(cost=Decimal("0.5"))] * 3), max_cost=Decimal("0.9")))
    assert [row.outcome for row in rows] == ["same", "same", "skipped"]
    assert rows[2].error is not None
    assert "0.9 RMB" in rows[2].error


def test_what_cannot_be_asked_is_skipped_with_the_reason() -> None:
    """A request whose images are known by hash only has no bytes to send."""
    hashed = Request(model="m", messages=(Message("user", (Image("sha256:00;image/png;8"),)),))
    rows = list(audit([reply(request=hashed), reply(request=None)], answers()))
    assert rows[0].text_now is None
    assert [(row.outcome, row.error) for row in rows] == [
        ("skipped", "its images are recorded by hash only"),
        ("skipped", "the record contains no request"),
    ]


def test_rows_come_one_by_one() -> None:
    """A caller sees the first row before the second question is asked."""
    rows = audit([reply(), reply()], answers(reply()))
    assert next(rows).number == 1
    with pytest.raises(IndexError):
        next(rows)


def test_estimate() -> None:
    """The sum of the recorded costs; None when none is known."""
    assert estimate([reply(cost=Decimal("0.1")), reply(), reply(cost=Decimal("0.2"))]) == Decimal("0.3")
    assert estimate([reply()]) is None


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("", "", 1.0),
        ("yes", "no", 0.0),
        ("", "no", 0.0),
        # pairs: (^ a)(a b)(b c)(c $) and (^ a)(a b)(b d)(d $): two of four each
        ("a b c", "a b d", 0.5),
        ("a  b", "a b", 1.0),
        # pairs of characters: four of five each
        ("天空是蓝", "天空是蓝", 1.0),
        ("天空", "天地", 0.3333),
    ],
)
def test_similarity(a: str, b: str, expected: float) -> None:
    """Common pairs of neighbouring words or Chinese characters, counted by hand."""
    assert similarity(a, b) == expected


def test_similarity_of_long_texts_is_linear() -> None:
    """Two texts of 200,000 words that share none are compared at once."""
    assert similarity("x y " * 100_000, "z w " * 100_000) == 0.0


def test_frame() -> None:
    """The table as a DataFrame, a row a record."""
    pytest.importorskip("pandas")
    frame = to_frame(audit([reply(), reply()], answers(reply(), reply("5"))), AuditRow)
    assert list(frame["outcome"]) == ["same", "different"]


def test_unchanged_server_answers_the_same_with_schemas_and_tools(tmp_path: Path) -> None:
    """The audit sends the bytes that were sent: a server whose answer depends on each of them answers the same."""

    def echo(received: Received) -> Script:
        return chat(hashlib.sha256(received.body).hexdigest())

    def look_up(zeta: str, alpha: int = 1) -> str:
        """Looks something up."""
        return zeta * alpha

    path = tmp_path / "answers.jsonl"
    with (
        FaultServer(*[echo] * 8) as server,
        Client(server.base_url, "k" * 20, model="m", replay="auto", replay_file=str(path), log=False) as client,
    ):
        client.ask("plain", temperature=0)
        client.ask("categories", response_format=schema({"type": "object", "properties": PROPERTIES}).response_format)
        client.ask("tools", tools=[look_up], tools_confirm=False)
        client.ask("fields", extra_body={"zeta": {"b": 1, "a": 2}, "alpha": 1.5})
        replies = list(Record(path, "replay").replies())
        rows = list(audit(replies, lambda asked: client.start(client.session.repeat(asked)).result()))
        sent = [received.body for received in server.requests]
    assert [row.outcome for row in rows] == ["same"] * 4
    assert sent[:4] == sent[4:]


PROPERTIES = {"zeta": {"type": "string"}, "alpha": {"enum": ["never", "sometimes", "always"]}}
