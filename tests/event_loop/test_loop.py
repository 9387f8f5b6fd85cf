"""The engine's thread: started when needed, ended with its owner, and nothing piles up on it."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
import weakref

import pytest

from tests.fault_server import HOLD, FaultServer, chat, delta, stream
from wcode_jupyter.errors import ConnectError, DeadlineError, InputError, WcodeError
from wcode_jupyter.event_loop import EventLoop
from wcode_jupyter.keys import Keys
from wcode_jupyter.transport import Transport, endpoint

from .sources import REQUEST, Silent, answer, builder


def engine_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "wcode-event-loop"]


def test_no_thread_before_the_first_use() -> None:
    """Making an Engine costs nothing; one daemon thread comes with the first use and goes with `close`."""
    before = len(engine_threads())
    engine = EventLoop()
    assert len(engine_threads()) == before
    engine.start(answer("a"), builder()).result()
    assert len(engine_threads()) == before + 1
    assert engine_threads()[-1].daemon
    engine.close()
    engine.close()
    assert len(engine_threads()) == before


def test_a_closed_engine_says_so() -> None:
    """After `close` nothing starts, and what ran is told."""
    engine = EventLoop()
    silent = Silent("Hel")
    running = engine.start(silent.source(), builder())
    assert silent.reading.wait(2)
    engine.close()
    assert silent.closed.is_set()
    reply = running.interrupt()
    assert (reply.text, reply.ended) == ("Hel", "interrupted")
    with pytest.raises(InputError, match="closed"):
        engine.start(answer("a"), builder())
    with pytest.raises(InputError, match="closed"):
        engine.run(asyncio.sleep(0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_is_told(engine: EventLoop) -> None:
    """The child of a fork has no engine thread: an error instead of a wait for ever; the parent works on."""
    engine.run(asyncio.sleep(0))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            engine.start(answer("a"), builder())
        except InputError as error:
            code = 0 if "forked" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert engine.start(answer("still here"), builder()).result().text == "still here"


def test_an_engine_that_nobody_holds_ends() -> None:
    """Dropping a client ends its thread; but not while one of its answers is being consumed."""
    engine = EventLoop()
    running = engine.start(answer("Hello"), builder())
    thread = engine_threads()[-1]
    gone = weakref.ref(engine)
    del engine
    gc.collect()
    assert gone() is not None
    assert running.result().text == "Hello"
    del running
    gc.collect()
    assert gone() is None
    thread.join(2)
    assert not thread.is_alive()


def test_run_gives_the_result_or_the_error(engine: EventLoop) -> None:
    """A coroutine's value, its own WcodeError, and anything else as a bug."""

    async def fail(error: Exception) -> None:
        raise error

    async def value() -> int:
        return 42

    assert engine.run(value()) == 42
    with pytest.raises(ConnectError):
        engine.run(fail(ConnectError("no")))
    with pytest.raises(WcodeError, match="ZeroDivisionError"):
        engine.run(fail(ZeroDivisionError()))


def test_run_ends_with_its_time(engine: EventLoop) -> None:
    """What takes too long is cancelled and a DeadlineError."""
    cancelled = threading.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    began = time.monotonic()
    with pytest.raises(DeadlineError, match=r"0\.1 s"):
        engine.run(slow(), timeout_s=0.1)
    assert time.monotonic() - began < 1
    assert cancelled.wait(2)


def test_warm_works_in_the_background(engine: EventLoop) -> None:
    """It returns at once, runs on the engine's thread, and a failure there harms nobody."""
    seen: list[str] = []
    done = threading.Event()
    gate = threading.Event()

    def slow() -> None:
        gate.wait(2)
        seen.append(threading.current_thread().name)
        done.set()
        raise OSError("dropped")

    engine.warm(slow)
    assert seen == []
    gate.set()
    assert done.wait(2)
    assert seen == ["wcode-event-loop"]
    assert engine.start(answer("a"), builder()).result().text == "a"


def test_200_streams_leave_nothing_behind(engine: EventLoop) -> None:
    """Half of them cancelled in mid answer: no thread, no task and no open connection more than before."""

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    with FaultServer(
        lambda request: stream(delta("Hel"), HOLD) if request.json["model"] == "m" else chat("ok")
    ) as server:
        transport = Transport(Keys(keyring=False))
        where = endpoint(server.base_url)
        engine.start(transport.events(REQUEST, where), builder()).interrupt()
        threads, running_tasks = threading.active_count(), engine.run(tasks())
        good = type(REQUEST)(model="good", messages=REQUEST.messages)
        for _round in range(10):
            streams = [
                engine.start(transport.events(request, where), builder())
                for request in (REQUEST, good)
                for _n in range(10)
            ]
            cancelled, finished = streams[:10], streams[10:]
            assert [running.result().text for running in finished] == ["ok"] * 10
            for running in cancelled:
                while not running.snapshot().text:
                    running.get(0.05)
            assert [running.interrupt().ended for running in cancelled] == ["interrupted"] * 10
        assert threading.active_count() == threads
        assert engine.run(tasks()) == running_tasks
        held = [request for request in server.requests if request.json["model"] == "m"]
        assert all(request.closed.wait(2) for request in held)
        engine.run(transport.aclose())
