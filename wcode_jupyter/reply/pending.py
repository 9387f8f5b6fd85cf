"""A reply that is still under way: what `-o` binds while an answer streams in the background.

Whoever uses it before the end waits for the end. An answer that did not end well raises its error when it is used, so
that no cell goes on with half of it unnoticed; `reply` keeps what arrived.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..errors import DeadlineError, WcodeError
from ..language import _
from .reply import Ended, Reply

__all__ = ["PendingReply"]

# A wait on a lock cannot be interrupted on Windows: wait in slices.
_SLICE_S = 0.1
_MEMBERS = frozenset(name for name in dir(Reply) if not name.startswith("_"))


class PendingReply:
    """The answer that `so_far` gives the present state of, and `stop` ends. Safe to use from several threads."""

    def __init__(self, model: str, *, so_far: Callable[[], Reply], stop: Callable[[], None]) -> None:
        self.model = model
        """The model that was asked."""
        self.stop = stop
        """Ends the answer and returns at once; what arrived is kept."""
        self._so_far = so_far
        self._settled = threading.Event()
        self._reply: Reply | None = None
        self._error: WcodeError | None = None

    @property
    def ended(self) -> Ended | None:
        """How the answer ended; None while it is under way."""
        return None if self._reply is None else self._reply.ended

    @property
    def reply(self) -> Reply:
        """What has arrived so far, at the end all of it, however it ended."""
        return self._reply or self._so_far()

    def settle(self, reply: Reply, error: WcodeError | None) -> None:
        """The answer has ended: every wait is over."""
        self._reply, self._error = reply, error
        self._settled.set()

    def wait(self, timeout_s: float | None = None) -> Reply:
        """The Reply, once it has ended. Raises the WcodeError that ended it, DeadlineError after `timeout_s`."""
        ends_at = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._settled.wait(_SLICE_S if ends_at is None else min(_SLICE_S, ends_at - time.monotonic())):
            if ends_at is not None and time.monotonic() >= ends_at:
                raise DeadlineError(_("Not finished within {seconds:g} s").format(seconds=timeout_s))
        assert self._reply is not None
        if self._error is not None:
            # Raised more than once, it would collect the frames of every raise.
            raise self._error.with_traceback(None)
        return self._reply

    def __getattr__(self, name: str) -> object:
        # Only what a Reply has: front ends ask every object for `_repr_html_` and the like, and must not wait.
        if name not in _MEMBERS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.wait(), name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_MEMBERS})

    def __str__(self) -> str:
        return str(self.wait())

    def __repr__(self) -> str:
        return f"PendingReply({self.model!r}, {self.ended or 'running'})"
