"""Executor and event loop that need no thread."""

from __future__ import annotations

import asyncio

import pytest

from wcode_jupyter.in_place import InPlace, InPlaceLoop


async def work(log: list[str]) -> int:
    """A task beside, a timer, a thread and a shielded error: what asyncio code does."""
    beside = asyncio.create_task(asyncio.sleep(0, "beside"))
    await asyncio.sleep(0.001)
    log.append(await beside)
    log.append(await asyncio.to_thread(str.upper, "thread"))
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 / 0)
    return 42


def test_a_coroutine_runs_to_its_end_at_once() -> None:
    """Its result is there when the call returns; an error and a cancellation are in the future."""
    loop, log = InPlaceLoop(), list[str]()
    assert loop.carry(work(log)).result(0) == 42
    assert log == ["beside", "THREAD"]

    async def fails() -> None:
        raise KeyError("x")

    async def cancelled() -> None:
        raise asyncio.CancelledError

    assert isinstance(loop.carry(fails()).exception(0), KeyError)
    assert loop.carry(cancelled()).cancelled()
    loop.close()


def test_the_loop_around_it_goes_on() -> None:
    """Inside a task of another loop, which is current again afterwards."""

    async def outer() -> tuple[int, bool]:
        task, own = asyncio.current_task(), InPlaceLoop()
        value = own.carry(work([])).result(0)
        own.close()
        return value, asyncio.current_task() is task and asyncio.get_running_loop() is not own

    assert asyncio.run(outer()) == (42, True)


def test_waiting_for_what_cannot_come_is_an_error() -> None:
    """A future that only a thread would set does not hang the page."""
    loop = InPlaceLoop()

    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    assert "only a thread" in str(loop.carry(waits()).exception(0))
    loop.close()


def test_the_executor_runs_at_once() -> None:
    """Results and errors are in the future."""
    with InPlace() as executor:
        assert executor.submit(pow, 2, 5).result(0) == 32
        assert isinstance(executor.submit(int, "x").exception(0), ValueError)
