"""How fast: one pace for all workers of a run.

At most `concurrency` requests are under way; starts are evenly spaced for `rpm` and `tpm`. When the server refuses one
for it has too much to do (429, 503, 529, overload), all pause together for as long as it asks, and go on with half as
many at once; each answer then lets a little more through, until the full number is reached again. Such a refusal is no
failure: the request is asked again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from msgspec import Struct

from ..transport.refusal import LONGEST_WAIT_S, delay_s

__all__ = ["AdaptiveLimiter", "RunLimits"]


class RunLimits(Struct, frozen=True, kw_only=True):
    """What a run may do. None is without limit."""

    concurrency: int = 16
    rpm: float | None = None
    """Requests a minute."""
    tpm: float | None = None
    """Tokens a minute, input and output."""
    stop_on_error: bool = False
    give_up_after: int = 10
    """The run stops when this many answers failed in a row: see `refusals`."""


class AdaptiveLimiter:
    """The pace of one run, on one event loop. `sleep` waits; a test gives one that does not."""

    PATIENCE = 10
    """Pauses in a row, without one answer between them, after which a refusal counts as a failure."""

    def __init__(self, limits: RunLimits, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._most = limits.concurrency
        self._rpm = limits.rpm
        self._tpm = limits.tpm
        self._sleep = sleep
        self._allowed = float(limits.concurrency)
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._start_at = 0.0
        self._tokens_at = 0.0
        self._paused_until = 0.0
        self._pauses = 0
        self._tokens_seen = 0.0
        self._answers = 0

    @property
    def active(self) -> int:
        """Requests under way."""
        return self._active

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return max(1, int(self._allowed))

    async def enter(self, tokens: int = 0) -> float:
        """Waits for a turn to send a request of about `tokens`; gives the time at which it starts."""
        while self._active >= self.allowed:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise
        self._active += 1
        try:
            while (wait_s := self._wait_s(tokens)) > 0:
                await self._sleep(wait_s)
        except BaseException:
            self.leave()
            raise
        return self._now()

    def leave(self) -> None:
        """A request is through."""
        self._active -= 1
        self._wake()

    def answered(self, expected: int, tokens: int | None) -> None:
        """An answer came: `tokens` is what it took, where the server says so."""
        self._pauses = 0
        self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
        if tokens is not None:
            self._answers += 1
            self._tokens_seen += (tokens - self._tokens_seen) / self._answers
            if self._tpm:
                self._tokens_at += (tokens - max(expected, 0)) * 60 / self._tpm
        self._wake()

    def expected(self, input_tokens: int, max_tokens: int | None) -> int:
        """How many tokens a request will take, by what answers took so far, else by what it may take."""
        if self._answers:
            return round(self._tokens_seen)
        return input_tokens + (max_tokens or input_tokens)

    def refused(self, started_at: float, after_s: float | None) -> bool:
        """The server has too much to do for a request that started at `started_at`; whether to ask it again.

        Requests that had started before the pause began slow nobody down a second time.
        """
        if after_s is not None and after_s > LONGEST_WAIT_S:
            return False
        now = self._now()
        if started_at < self._paused_until:
            # Sent before the pause, refused with the others: only a longer wish of the server counts.
            self._paused_until = max(self._paused_until, now + (after_s or 0.0))
            return True
        self._pauses += 1
        if self._pauses > self.PATIENCE:
            return False
        self._paused_until = now + (delay_s(self._pauses - 1) if after_s is None else after_s)
        self._allowed = max(1.0, self._allowed / 2)
        return True

    def _wait_s(self, tokens: int) -> float:
        """Seconds until the next start; 0 books it."""
        now = self._now()
        due = max(self._paused_until, self._start_at if self._rpm else 0.0, self._tokens_at if self._tpm else 0.0)
        if due > now:
            return due - now
        if self._rpm:
            self._start_at = max(now, self._start_at) + 60 / self._rpm
        if self._tpm:
            self._tokens_at = max(now, self._tokens_at) + tokens * 60 / self._tpm
        return 0.0

    def _wake(self) -> None:
        for _turn in range(self.allowed - self._active):
            while self._waiting:
                turn = self._waiting.popleft()
                if not turn.done():
                    turn.set_result(None)
                    break

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
