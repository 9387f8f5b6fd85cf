"""What ends a run, whatever came before; and what slows it down."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wcode_jupyter import Client
from wcode_jupyter.batch.refusals import Refusals
from wcode_jupyter.errors import BadRequest, Forbidden, KeyRejected, NotFound, PaymentRequired, RateLimited, ServerError

from .strict_server import StrictServer

ClientOf = Callable[..., Client]
ROWS = [{"word": f"w{number}"} for number in range(200)]


def _late(status: int) -> Callable[[str], int | None]:
    """Rows from the sixth on are refused."""
    return lambda prompt: status if int(prompt.rpartition("w")[2]) >= 5 else None


@pytest.mark.parametrize(("status", "most"), [(401, 1), (402, 1), (403, 5), (404, 5), (500, 10)])
def test_a_refusal_of_every_row_stops_after_good_answers_too(client_of: ClientOf, status: int, most: int) -> None:
    """Five answers, then nothing but refusals: the rest is left unasked, and `stopped` says why."""
    with StrictServer(fail=_late(status)) as server:
        with pytest.warns(UserWarning, match="Stopped"):
            replies = client_of(server, total_timeout=0.2).map("Say {{word}}", ROWS, concurrency=1)
        assert server.answered == 5
    assert len(replies.failed) == most
    assert str(status) in str(replies.stopped)


def test_a_long_wait_stops_and_says_until_when(client_of: ClientOf) -> None:
    """180 seconds are not waited, and nobody else is asked in them."""
    with StrictServer(fail=_late(429180)) as server:
        with pytest.warns(UserWarning, match=r"wait 180 s, until \d{4}-"):
            replies = client_of(server).map("Say {{word}}", ROWS, concurrency=1)
        assert (server.answered, len(replies)) == (5, 6)


@pytest.mark.parametrize("busy", [429, 503, 529])
def test_any_overload_slows_all(client_of: ClientOf, busy: int) -> None:
    """A server that takes three at once gets every row answered once."""
    with StrictServer(most=3, busy=busy, retry_after_s=0.02, delay_s=0.002) as server:
        replies = client_of(server).map("Say {{word}}", ROWS[:40], concurrency=16)
        assert server.refused > 0
        assert set(server.prompts.values()) == {1}
    assert [reply.ended for reply in replies] == ["complete"] * 40


def test_a_good_answer_begins_the_count_anew() -> None:
    """Four times 404, an answer, four times 404: the run goes on; the fifth in a row ends it."""
    refusals = Refusals(10)
    for _time in range(2):
        assert [refusals.failed(NotFound("no"), "no") for _row in range(4)] == [None] * 4
        refusals.good()
    assert [refusals.failed(Forbidden("no"), "no") is None for _row in range(5)] == [True] * 4 + [False]


def test_rows_that_are_refused_for_themselves_stop_nothing_after_a_good_one() -> None:
    """400 may be the row's own fault; ten from the start are not."""
    refusals, fresh = Refusals(10), Refusals(10)
    refusals.good()
    assert all(refusals.failed(BadRequest("no"), "no") is None for _row in range(50))
    assert [fresh.failed(BadRequest("no"), "no") is None for _row in range(10)] == [True] * 9 + [False]


@pytest.mark.parametrize("error", [KeyRejected("no"), PaymentRequired("no"), RateLimited("no", retry_after_s=121.0)])
def test_what_holds_for_every_row_ends_it_at_once(error: ServerError) -> None:
    """Key, balance and quota; a wait of more than two minutes."""
    refusals = Refusals(10)
    refusals.good()
    assert refusals.failed(error, "no") is not None
