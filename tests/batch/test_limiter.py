"""The pace without a network and without waiting: a clock that jumps."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from wcode_jupyter.batch import AdaptiveLimiter, Budget, Limits
from wcode_jupyter.session import Session


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(AdaptiveLimiter, "_now", staticmethod(lambda: clock.now))
    return clock


def test_a_refusal_halves_and_answers_grow_again(clock: Clock) -> None:
    """16 at once, refused: 8; after enough answers 16 again, never more."""
    limiter = AdaptiveLimiter(Limits(concurrency=16), sleep=clock.sleep)
    assert limiter.refused(clock.now, None)
    assert limiter.allowed == 8
    for _answer in range(300):
        limiter.answered(0, 15)
    assert limiter.allowed == 16


def test_all_pause_as_long_as_the_server_asks(clock: Clock) -> None:
    """After a 429 with Retry-After 7 nobody starts for 7 s."""

    async def main() -> float:
        limiter = AdaptiveLimiter(Limits(concurrency=4), sleep=clock.sleep)
        started = await limiter.enter()
        limiter.leave()
        limiter.refused(started, 7.0)
        return await limiter.enter() - started

    assert asyncio.run(main()) == pytest.approx(7.0)


def test_refusals_of_one_moment_slow_down_once(clock: Clock) -> None:
    """Sixteen requests refused together halve the number once, not sixteen times."""
    limiter = AdaptiveLimiter(Limits(concurrency=16), sleep=clock.sleep)
    for _request in range(16):
        assert limiter.refused(100.0, 1.0)
    assert limiter.allowed == 8


def test_a_wish_of_more_than_two_minutes_is_a_failure(clock: Clock) -> None:
    """Nobody waits that long without being told."""
    assert not AdaptiveLimiter(Limits()).refused(clock.now, 121.0)


@pytest.mark.parametrize(("limits", "seconds"), [({"rpm": 60}, 9.0), ({"tpm": 600}, 9.0), ({}, 0.0)])
def test_ten_starts_take_what_the_limits_say(clock: Clock, limits: dict[str, Any], seconds: float) -> None:
    """60 requests, or 600 tokens at 10 a request, a minute: one a second."""

    async def main() -> float:
        limiter = AdaptiveLimiter(Limits(**limits), sleep=clock.sleep)
        starts = []
        for _request in range(10):
            starts.append(await limiter.enter(10))
            limiter.leave()
            limiter.answered(10, 10)
        return starts[-1] - starts[0]

    assert asyncio.run(main()) == pytest.approx(seconds)


def test_a_purse_lets_nothing_through_that_may_pass_the_limit() -> None:
    """Two requests of ¥0.01 at most fit into ¥0.025; the third waits for the others, and is then refused or let go."""
    session = Session(overrides={"model": "z-ai/glm-5", "max_tokens": 285})
    call = session.prepare("hi")
    most = (call.estimate.input_cny or 0) + (call.estimate.output_cny or 0)
    assert Decimal("0.0099") < most < Decimal("0.0101")
    budget = Budget(Decimal("0.025"))
    first = budget.reserve(call)
    assert (first, budget.reserve(call)[0], budget.reserve(call)[0]) == (("go", most), "go", "wait")
    budget.settle("z-ai/glm-5", most, Decimal("0.0099"))
    assert budget.reserve(call)[0] == "wait"
    budget.settle("z-ai/glm-5", most, Decimal("0.0099"))
    assert budget.reserve(call)[0] == "stop"


def test_a_purse_asks_the_first_alone_when_nothing_is_known() -> None:
    """Without max_tokens the first answer shows what one costs."""
    call = Session(overrides={"model": "z-ai/glm-5"}).prepare("hi")
    budget = Budget(Decimal(1))
    verdict, reserved = budget.reserve(call)
    assert (verdict, budget.reserve(call)[0]) == ("go", "wait")
    budget.settle("z-ai/glm-5", reserved, Decimal("0.1"))
    assert [budget.reserve(call)[0] for _request in range(5)] == ["go", "go", "go", "go", "wait"]
