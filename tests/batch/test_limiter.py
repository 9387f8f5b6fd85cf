"""The pace without a network and without waiting: a clock that jumps."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from wcode_jupyter.batch import AdaptiveLimiter, Budget, RunLimits
from wcode_jupyter.session import Call, Session
from wcode_jupyter.session.ledger import Ledger


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
    limiter = AdaptiveLimiter(RunLimits(concurrency=16), sleep=clock.sleep)
    assert limiter.refused(clock.now, None)
    assert limiter.allowed == 8
    for _answer in range(300):
        limiter.answered(0, 15)
    assert limiter.allowed == 16


def test_all_pause_as_long_as_the_server_asks(clock: Clock) -> None:
    """After a 429 with Retry-After 7 nobody starts for 7 s."""

    async def main() -> float:
        limiter = AdaptiveLimiter(RunLimits(concurrency=4), sleep=clock.sleep)
        started = await limiter.enter()
        limiter.leave()
        limiter.refused(started, 7.0)
        return await limiter.enter() - started

    assert asyncio.run(main()) == pytest.approx(7.0)


def test_refusals_of_one_moment_slow_down_once(clock: Clock) -> None:
    """Sixteen requests refused together halve the number once, not sixteen times."""
    limiter = AdaptiveLimiter(RunLimits(concurrency=16), sleep=clock.sleep)
    for _request in range(16):
        assert limiter.refused(100.0, 1.0)
    assert limiter.allowed == 8


def test_a_wish_of_more_than_two_minutes_is_a_failure(clock: Clock) -> None:
    """Nobody waits that long without being told."""
    assert not AdaptiveLimiter(RunLimits()).refused(clock.now, 121.0)


@pytest.mark.parametrize(("limits", "seconds"), [({"rpm": 60}, 9.0), ({"tpm": 600}, 9.0), ({}, 0.0)])
def test_ten_starts_take_what_the_limits_say(clock: Clock, limits: dict[str, Any], seconds: float) -> None:
    """60 requests, or 600 tokens at 10 a request, a minute: one a second."""

    async def main() -> float:
        limiter = AdaptiveLimiter(RunLimits(**limits), sleep=clock.sleep)
        starts = []
        for _request in range(10):
            starts.append(await limiter.enter(10))
            limiter.leave()
            limiter.answered(10, 10)
        return starts[-1] - starts[0]

    assert asyncio.run(main()) == pytest.approx(seconds)


def _call(**values: Any) -> Call:
    return Session(overrides={"model": "z-ai/glm-5", **values}).prepare("hi")


def test_a_budget_lets_nothing_through_that_may_pass_the_limit() -> None:
    """Two requests of ¥0.01 at most fit into ¥0.025; the third waits for the others, and is then refused or let go."""
    call = _call(max_tokens=285)
    most = call.estimate.most_cny
    assert most is not None
    assert Decimal("0.0099") < most < Decimal("0.0101")
    budget = Budget(Decimal("0.025"))
    assert [budget.reserve(call)[0] for _request in range(3)] == ["go", "go", "wait"]
    budget.settle(most, Decimal("0.0099"))
    assert budget.reserve(call)[0] == "wait"
    budget.settle(most, Decimal("0.0099"))
    assert budget.reserve(call)[0] == "stop"


def test_without_max_tokens_an_answer_may_be_as_long_as_the_model_allows() -> None:
    """What the page of the model says: glm-5 prices 1,000 tokens at ¥0.035, its longest answer costs that often."""
    call = _call()
    model = Session().catalogue.model("z-ai/glm-5")
    longest = min(limit for limit in (model.max_output, model.context) if limit)
    assert call.estimate.most_cny is not None
    assert abs(call.estimate.most_cny - longest * Decimal("0.035") / 1000) < Decimal("0.001")
    assert Budget(Decimal("0.1")).reserve(call)[0] == "stop"


def test_runs_share_the_budget_of_their_session() -> None:
    """What one has set aside is not there for the other; both wait for it, and neither passes the limit."""
    call = _call(max_tokens=285)
    ledger = Ledger()
    one, other = (Budget(None, ledger=ledger, session_limit=Decimal("0.015")) for _run in range(2))
    most = call.estimate.most_cny
    assert most is not None
    assert one.reserve(call) == ("go", most)
    assert other.reserve(call)[0] == "wait"
    one.settle(most, Decimal("0.01"))
    assert other.reserve(call)[0] == "stop"
    assert ledger.spent == Decimal("0.01")


def test_the_nearer_of_two_limits_ends_a_run() -> None:
    """A run's own budget never lets it past the session's, nor the other way round."""
    call = _call(max_tokens=285)
    for own, whole in (("0.001", "1"), ("1", "0.001")):
        budget = Budget(Decimal(own), ledger=Ledger(), session_limit=Decimal(whole))
        assert budget.reserve(call)[0] == "stop"
        assert budget.ends_at[0] == Decimal("0.001")


def test_a_budget_that_is_spent_exactly_is_spent() -> None:
    """Not one more answer, were it for nothing."""
    ledger = Ledger()
    ledger.settle(Decimal(0), Decimal("0.5"))
    assert not ledger.reserve(Decimal(0), Decimal("0.5"))
    assert ledger.reserve(Decimal(0), Decimal("0.6"))


def test_a_model_that_costs_more_than_was_thought_sets_more_aside_from_then_on() -> None:
    """The rough count was half of the bill: the next request of the model sets twice as much aside."""
    ledger = Ledger()
    ledger.settle(Decimal(1), Decimal(2), "m")
    assert (ledger.most("m", Decimal(1)), ledger.most("n", Decimal(1)), ledger.most("m", None)) == (2, 1, None)


def test_tokens_that_were_not_expected_delay_the_next_start(clock: Clock) -> None:
    """10 tokens expected, 40 taken, at 600 a minute: the next start is 4 s after the first, not 1 s."""

    async def main() -> float:
        limiter = AdaptiveLimiter(RunLimits(tpm=600), sleep=clock.sleep)
        first = await limiter.enter(10)
        limiter.leave()
        limiter.answered(10, 40)
        return await limiter.enter(10) - first

    assert asyncio.run(main()) == pytest.approx(4.0)


def test_a_cancelled_waiter_lets_the_next_one_in() -> None:
    """One is under way, two wait; the first of them is told to go and cancelled in that moment: the other one goes."""

    async def main() -> bool:
        limiter = AdaptiveLimiter(RunLimits(concurrency=1))
        await limiter.enter()
        first, second = (asyncio.ensure_future(limiter.enter()) for _waiter in range(2))
        await asyncio.sleep(0)
        limiter.leave()
        first.cancel()
        await asyncio.wait({second}, timeout=1)
        return second.done()

    assert asyncio.run(main())


def test_pauses_grow_as_the_transports_retries_do(clock: Clock) -> None:
    """One formula: half a second, doubled each time, up to a quarter less by chance."""

    async def entered(limiter: AdaptiveLimiter) -> None:
        await limiter.enter()
        limiter.leave()

    limiter = AdaptiveLimiter(RunLimits(), sleep=clock.sleep)
    for least, most in ((0.375, 0.5), (0.75, 1.0), (1.5, 2.0)):
        before = clock.now
        assert limiter.refused(before, None)
        asyncio.run(entered(limiter))
        assert least <= clock.now - before <= most
