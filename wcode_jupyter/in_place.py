"""Executor and event loop for a kernel without threads: what they are given runs to its end where the caller is.

The loop has no network, so it carries what needs none: answers that are recorded. The caller's own loop, in a browser
the page's, is set aside meanwhile, as asyncio's page "Extending" describes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from contextvars import Context
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, Unpack

__all__ = ["InPlace", "InPlaceLoop"]

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class InPlace(Executor):
    """Runs what it is given at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """A future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class _NoNetwork:
    """What asyncio's loop asks for arrived bytes: none ever arrive."""

    def select(self, timeout: float | None) -> list[object]:
        """Waits until the next timer is due."""
        if timeout is None:
            raise RuntimeError("waiting for something that only a thread could bring")
        time.sleep(timeout)
        return []

    def close(self) -> None:
        """Nothing is open."""


class InPlaceLoop(asyncio.BaseEventLoop):
    """A loop that runs inside a call, and everything that asks for a thread with it."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _NoNetwork()

    def carry(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs `coroutine` to its end; its result or error as a future that is done."""
        future: Future[T] = Future()
        outer = asyncio._get_running_loop()
        task = asyncio.current_task(outer) if outer is not None else None
        if outer is not None and task is not None:
            asyncio.tasks._leave_task(outer, task)
        asyncio._set_running_loop(None)
        try:
            future.set_result(self.run_until_complete(coroutine))
        except asyncio.CancelledError:
            future.cancel()
        except Exception as error:
            future.set_exception(error)
        finally:
            asyncio._set_running_loop(outer)
            if outer is not None and task is not None:
                asyncio.tasks._enter_task(outer, task)
        return future

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Runs it now."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """There is no other thread to be safe from."""
        return self.call_soon(callback, *args, context=context)

    def _process_events(self, event_list: list[object]) -> None:
        """None arrive."""

    def _write_to_self(self) -> None:
        """Nothing waits for bytes, so nothing needs to be woken."""
