"""The account equals the bill: a server that bills every answer it begins, and a run that must never pass its budget.

glm-5 costs ¥0.011 for 1,000 tokens of input and ¥0.035 for 1,000 of output.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from wcode_jupyter import Client
from wcode_jupyter.errors import AnswerCut, InputError

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
ROWS = [{"word": f"w{number}"} for number in range(40)]
MODEL = "z-ai/glm-5"
ONE = Decimal("0.000309")
"""RMB of an answer with 9 tokens of input and 6 of output."""


def bill(server: StrictServer) -> Decimal:
    return (server.billed[0] * Decimal("0.011") + server.billed[1] * Decimal("0.035")) / 1000


@pytest.mark.parametrize("usage", [None, (0, 0)])
def test_an_answer_of_unknown_cost_keeps_what_it_set_aside(client_of: ClientOf, usage: tuple[int, int] | None) -> None:
    """A server without usage, or with zeros: the budget ends the run all the same; the account is above the bill."""
    with StrictServer(usage=lambda prompt: usage) as server:
        with pytest.warns(UserWarning, match="budget"):
            replies = client_of(server).map("Say {{word}}", ROWS, model=MODEL, max_cost=0.005, max_tokens=6)
        assert 0 < server.answered < 40
        assert ONE * server.answered <= replies.cost <= Decimal("0.005")


def test_single_questions_keep_to_the_sessions_budget(client_of: ClientOf) -> None:
    """Nobody says what they cost: the third may pass the budget and is not asked."""
    with StrictServer(usage=lambda prompt: None) as server:
        client = client_of(server, max_cost=0.0008, max_tokens=6, model=MODEL)
        client.ask("Say a")
        client.ask("Say b")
        with pytest.raises(InputError, match="budget"):
            client.ask("Say c")
        assert server.answered == 2
        assert bill(server) <= client.session.spent_cny <= Decimal("0.0008")


def test_a_cut_answer_counts_for_what_it_may_have_cost(client_of: ClientOf) -> None:
    """Its usage never came; it was billed."""
    with StrictServer(cut=lambda prompt: True) as server:
        client = client_of(server, max_tokens=6, model=MODEL)
        with pytest.raises(AnswerCut):
            client.ask("Say a")
        assert bill(server) <= client.session.spent_cny < 2 * bill(server)


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_refusal_costs_nothing(client_of: ClientOf, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server did not take it up."""
    monkeypatch.setattr("wcode_jupyter.batch.limiter.AdaptiveLimiter.PATIENCE", 0)
    with StrictServer(fail=lambda prompt: status) as server:
        client = client_of(server, max_tokens=6, model=MODEL)
        with pytest.warns(UserWarning, match="Stopped"):
            replies = client.map("Say {{word}}", ROWS[:12])
    assert (client.session.spent_cny, replies.cost) == (0, 0)


def test_every_answer_that_was_asked_again_counts(client_of: ClientOf, tmp_path: Path) -> None:
    """Half of the answers are no JSON; the run is repeated on its file: cost and account are the bill of them all."""
    numbers = iter(range(10**6))
    with StrictServer(answer=lambda prompt: "{}" if next(numbers) % 2 else "no") as server:
        client = client_of(server, model=MODEL, max_tokens=6, concurrency=1)
        options: dict[str, Any] = {"schema": {"type": "object", "properties": {"a": {"type": "string"}}}}
        for _time in range(4):
            replies = client.map("Say {{word}}", ROWS[:7], run_file=tmp_path / "r.run.jsonl", **options)
        assert server.answered > 7
        assert len(replies.failed) == 0
        assert replies.cost == client.session.spent_cny == bill(server)
        again = client_of(server, model=MODEL, max_tokens=6)
        kept = again.map("Say {{word}}", ROWS[:7], run_file=tmp_path / "r.run.jsonl", **options)
        assert (kept.cost, again.session.spent_cny) == (bill(server), 0)


def test_what_a_run_file_has_cost_counts_for_the_run_that_continues_it(client_of: ClientOf, tmp_path: Path) -> None:
    """¥0.001 is for the file: three answers in the first run, none in the second, nor in a retry."""
    options: dict[str, Any] = {
        "model": MODEL, "max_cost": 0.001, "max_tokens": 6, "run_file": tmp_path / "r.run.jsonl",
    }  # fmt: skip
    with StrictServer() as server:
        for _time in range(2):
            with pytest.warns(UserWarning, match="budget"):
                replies = client_of(server).map("Say {{word}}", ROWS, **options)
        with pytest.warns(UserWarning, match="budget"):
            replies = replies.retry()
        assert server.answered == 3
    assert replies.cost == 3 * ONE


def test_two_runs_at_once_share_the_sessions_budget(client_of: ClientOf) -> None:
    """Both are stopped before the two together pass it."""
    with StrictServer(delay_s=0.01) as server:
        client = client_of(server, model=MODEL, max_tokens=6, max_cost=0.005)
        threads = [threading.Thread(target=_carried, args=(client, word), daemon=True) for word in ("One", "Two")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert 10 <= server.answered <= 16
        assert client.session.spent_cny == bill(server) <= Decimal("0.005")


def _carried(client: Client, word: str) -> None:
    run = client.run(word + " {{word}}", ROWS)
    run.start(client.event_loop)
    run.carry_through()


def test_replayed_answers_cost_nothing(client_of: ClientOf, tmp_path: Path) -> None:
    """They were paid when they were recorded."""
    options: dict[str, Any] = {"model": MODEL, "replay_file": str(tmp_path / "n.replay.jsonl")}
    with StrictServer() as server:
        client_of(server).ask("Say a", replay="record", **options)
        again = client_of(server, max_cost=0.001)
        assert again.ask("Say a", replay="replay", **options).replayed
        assert again.session.spent_cny == 0


def test_a_model_without_a_price_is_said_with_the_answer(client_of: ClientOf) -> None:
    """A budget that cannot hold is said to whoever asks once, too."""
    with StrictServer() as server:
        reply = client_of(server, max_cost=1).ask("Say a")
    assert any("The price of m is unknown" in notice for notice in reply.notices)
