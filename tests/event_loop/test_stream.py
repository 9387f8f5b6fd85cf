"""Streams: consumed from any thread or loop, ended in one of five ways, and nothing that arrived is lost."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.fault_server import HOLD, FaultServer, delta, stream
from wcode_jupyter import errors
from wcode_jupyter.errors import (
    AnswerCut,
    AnswerInterrupted,
    AnswerMalformed,
    AnswerTooLarge,
    ConnectError,
    DeadlineError,
    KeyMissing,
    ReplayError,
    ServerFault,
    WcodeError,
)
from wcode_jupyter.event_loop import EventLoop, Stream
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply import Reply
from wcode_jupyter.reply.events import Event, Finish, TextDelta
from wcode_jupyter.transport import Transport, endpoint

from .sources import REQUEST, Silent, answer, builder, failing


def start(engine: EventLoop, silent: Silent) -> Stream:
    """A stream whose texts have arrived and which is silent now."""
    running = engine.start(silent.source(), builder())
    assert silent.reading.wait(2)
    return running


# --- consuming ------------------------------------------------------------------------------------------------------


def test_iterating_gives_the_events_and_keeps_the_reply(engine: EventLoop) -> None:
    """Events come in order; afterwards `reply` is the folded answer and there is no error."""
    running = engine.start(answer("Hel", "lo"), builder())
    assert list(running) == [TextDelta("Hel"), TextDelta("lo"), Finish("stop")]
    assert running.reply is not None
    assert (running.reply.text, running.reply.ended) == ("Hello", "complete")
    assert running.error is None


def test_result_waits_and_can_be_asked_again(engine: EventLoop) -> None:
    """`result` is the same Reply each time, and so is `interrupt` after the end."""
    running = engine.start(answer("Hello"), builder())
    reply = running.result()
    assert reply.text == "Hello"
    assert running.result() is reply
    assert running.interrupt() is reply
    assert list(running) == []


def test_get_gives_batches_then_nothing_then_the_end(engine: EventLoop) -> None:
    """Events that have arrived; [] when the time is up; None once the answer has ended."""
    silent = Silent("Hel", "lo")
    running = start(engine, silent)
    assert running.get() == [TextDelta("Hel"), TextDelta("lo")]
    assert running.get(timeout_s=0) == []
    began = time.monotonic()
    assert running.get(timeout_s=0.15) == []
    assert 0.14 <= time.monotonic() - began < 0.6
    running.cancel()
    assert running.get(timeout_s=2) is None
    assert running.get() is None


def test_times_are_those_of_arrival(engine: EventLoop) -> None:
    """A consumer that comes late does not make the first token late."""
    running = engine.start(answer("Hello"), builder())
    assert running._run.ended.wait(2)
    time.sleep(0.3)
    reply = running.result()
    assert reply.timing.first_token_s is not None
    assert reply.timing.first_token_s <= reply.timing.total_s < 0.3


def test_a_snapshot_shows_the_answer_so_far(engine: EventLoop) -> None:
    """What was consumed is in the snapshot while the answer still runs."""
    running = start(engine, Silent("Hel", "lo"))
    running.get()
    assert running.snapshot().text == "Hello"
    assert running.reply is None
    final = running.interrupt()
    assert running.snapshot() is final


def test_a_slow_consumer_loses_nothing(engine: EventLoop) -> None:
    """Ten thousand events wait until somebody takes them."""
    texts = [str(number) for number in range(10_000)]
    running = engine.start(answer(*texts), builder())
    assert running._run.ended.wait(10)
    assert running.result().text == "".join(texts)


# --- asynchronously -------------------------------------------------------------------------------------------------


def test_async_iteration_from_a_loop_of_the_users_own(engine: EventLoop) -> None:
    """Two answers side by side in one loop, and the loop is free while it waits."""
    gate = threading.Event()

    async def gated() -> AsyncIterator[list[Event]]:
        yield [TextDelta("a")]
        await asyncio.to_thread(gate.wait, 2)
        yield [TextDelta("b"), Finish("stop")]

    async def collect(running: Stream) -> list[object]:
        return [event async for event in running]

    async def main() -> list[list[object]]:
        waiting = asyncio.create_task(collect(engine.start(gated(), builder())))  # type: ignore[arg-type]
        quick = await collect(engine.start(answer("quick"), builder()))
        gate.set()
        return [quick, await waiting]

    quick, waited = asyncio.run(main())
    assert quick == [TextDelta("quick"), Finish("stop")]
    assert waited == [TextDelta("a"), TextDelta("b"), Finish("stop")]


def test_an_async_consumer_gets_the_error(engine: EventLoop) -> None:
    """`async for` and `aresult` raise what ended the answer, with the reply."""

    async def main() -> WcodeError:
        running = engine.start(failing(AnswerCut("cut"), "Hel"), builder())
        with pytest.raises(AnswerCut) as caught:
            await running.aresult()
        return caught.value

    error = asyncio.run(main())
    assert error.reply is not None
    assert error.reply.text == "Hel"


def test_a_cancelled_async_consumer_stops_the_answer(engine: EventLoop) -> None:
    """Cancelling the task that reads ends the answer and closes its connection; what had arrived is kept."""
    silent = Silent("Hel")
    running = start(engine, silent)

    async def main() -> None:
        async with asyncio.timeout(0.05):
            async for _event in running:
                pass

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert silent.closed.wait(2)
    assert running.reply is not None
    assert (running.reply.text, running.reply.ended) == ("Hel", "interrupted")


# --- interrupting ---------------------------------------------------------------------------------------------------


def test_interrupt_keeps_what_arrived_and_closes_the_source(engine: EventLoop) -> None:
    """Within 0.3 s also on a silent stream, with the events that nobody had consumed yet."""
    silent = Silent("Hel", "lo")
    running = start(engine, silent)
    began = time.monotonic()
    reply = running.interrupt()
    assert time.monotonic() - began < 0.3
    assert silent.closed.is_set()
    assert (reply.text, reply.ended) == ("Hello", "interrupted")
    assert type(running.error) is AnswerInterrupted
    assert running.error.reply is reply
    assert reply.fault is not None
    assert reply.fault.kind == "AnswerInterrupted"


def test_the_server_sees_the_connection_close(engine: EventLoop) -> None:
    """Through the real transport: the connection is closed at once, and the next answer works."""
    with FaultServer(stream(delta("Hel"), HOLD)) as server:
        transport = Transport(Keys(keyring=False))
        running = engine.start(transport.events(REQUEST, endpoint(server.base_url)), builder())
        while not running.snapshot().text:
            running.get(0.1)
        reply = running.interrupt()
        assert server.requests[0].closed.wait(0.3)
        assert reply.text == "Hel"
        engine.run(transport.aclose())


class Stubborn:
    """A source that takes its time to close: until `release`."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.closing = threading.Event()
        self.closed = threading.Event()

    async def source(self) -> AsyncIterator[list[Event]]:
        try:
            yield [TextDelta("Hel")]
            await asyncio.Event().wait()
        finally:
            self.closing.set()
            await self.release.wait()
            self.closed.set()


def test_interrupt_does_not_wait_for_a_source_that_will_not_end(engine: EventLoop) -> None:
    """A source that is slow to close holds the user up for a quarter of a second at most."""
    stubborn = Stubborn()
    running = engine.start(stubborn.source(), builder())
    running.get()
    began = time.monotonic()
    reply = running.interrupt()
    assert time.monotonic() - began < 0.6
    assert (reply.text, reply.ended) == ("Hel", "interrupted")
    engine.warm(stubborn.release.set)
    assert stubborn.closed.wait(2)
    assert running.reply is reply


def test_a_second_interrupt_does_not_break_off_the_closing(engine: EventLoop) -> None:
    """Pressing Stop twice still closes the connection properly."""
    stubborn = Stubborn()
    running = engine.start(stubborn.source(), builder())
    running.get()
    running.cancel()
    assert stubborn.closing.wait(2)
    running.cancel()
    engine.run(asyncio.sleep(0))
    engine.warm(stubborn.release.set)
    assert stubborn.closed.wait(2)


def test_an_interrupt_from_another_thread_releases_an_async_consumer(engine: EventLoop) -> None:
    """Also when the source itself does not end."""
    stubborn = Stubborn()
    running = engine.start(stubborn.source(), builder())

    async def main() -> None:
        await anext(running)
        waiting = asyncio.ensure_future(anext(running))
        await asyncio.sleep(0)
        await asyncio.to_thread(running.interrupt)
        with pytest.raises(AnswerInterrupted):
            await asyncio.wait_for(waiting, 2)

    asyncio.run(main())
    engine.warm(stubborn.release.set)


def test_an_interrupt_after_the_end_changes_nothing(engine: EventLoop) -> None:
    """An answer that was complete before the interrupt, though not consumed, stays complete."""
    running = engine.start(answer("Hello"), builder())
    assert running._run.ended.wait(2)
    reply = running.interrupt()
    assert (reply.text, reply.ended) == ("Hello", "complete")
    assert running.error is None


def test_an_interrupt_from_another_thread_releases_the_consumer(engine: EventLoop) -> None:
    """A Stop button: who waits in `get` is told that the answer has ended."""
    silent = Silent("Hel")
    running = start(engine, silent)
    running.get()
    ended: list[object] = []
    consumer = threading.Thread(target=lambda: ended.append(running.get()))
    consumer.start()
    reply = running.interrupt()
    consumer.join(2)
    assert ended == [None]
    assert reply.text == "Hel"


@pytest.fixture
def ctrl_c() -> Iterator[list[float]]:
    """Sends SIGINT to the main thread in 0.2 s; the time of sending is appended."""
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    timer = threading.Timer(0.2, send)
    timer.start()
    yield sent
    timer.join()


def test_ctrl_c_comes_through_a_waiting_get(engine: EventLoop, ctrl_c: list[float]) -> None:
    """`get` on a silent stream raises KeyboardInterrupt within 0.1 s, and the stream can still be interrupted."""
    running = start(engine, Silent("Hel"))
    running.get()
    with pytest.raises(KeyboardInterrupt):
        running.get()
    assert time.monotonic() - ctrl_c[0] < 0.25
    assert running.reply is None
    assert running.interrupt().text == "Hel"


@pytest.mark.parametrize("consume", [list, Stream.result], ids=["for", "result"])
def test_ctrl_c_in_a_script_stops_the_answer(engine: EventLoop, ctrl_c: list[float], consume: object) -> None:
    """In a plain loop KeyboardInterrupt ends the answer, which is kept, and goes on to the script."""
    silent = Silent("Hel")
    running = start(engine, silent)
    with pytest.raises(KeyboardInterrupt):
        consume(running)  # type: ignore[operator]
    assert silent.closed.wait(2)
    assert running.reply is not None
    assert (running.reply.text, running.reply.ended) == ("Hel", "interrupted")


def test_leaving_the_loop_stops_the_answer(engine: EventLoop) -> None:
    """`break` closes the connection, and what had arrived is kept."""
    silent = Silent("Hel", "lo")
    running = start(engine, silent)
    for _event in running:
        break
    assert silent.closed.wait(2)
    assert running.reply is not None
    assert (running.reply.text, running.reply.ended) == ("Hello", "interrupted")


def test_leaving_the_with_block_stops_the_answer(engine: EventLoop) -> None:
    """A Stream is a context manager, for plain and for async code."""
    for asynchronous in (False, True):
        silent = Silent("Hel")
        running = start(engine, silent)

        async def use(running: Stream) -> None:
            async with running:
                await anext(running)

        if asynchronous:
            asyncio.run(use(running))
        else:
            with running:
                next(iter(running))
        assert silent.closed.wait(2)
        assert running.reply is not None


def test_a_dropped_stream_is_cancelled(engine: EventLoop) -> None:
    """Nobody holds it any more: the connection closes."""
    silent = Silent("Hel")
    running = start(engine, silent)
    del running
    gc.collect()
    assert silent.closed.wait(2)


# --- how it ended ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "texts", "ended"),
    [
        (AnswerCut("cut"), ("Hel",), "cut"),
        (AnswerMalformed("odd"), ("Hel",), "cut"),
        (AnswerTooLarge("big"), ("Hel",), "cut"),
        (DeadlineError("late"), ("Hel",), "cut"),
        (AnswerCut("cut"), (), "failed"),
        (DeadlineError("late"), (), "failed"),
        (ConnectError("none"), (), "failed"),
        (KeyMissing("none"), (), "failed"),
        (ServerFault("gone", status=502), (), "failed"),
        (ServerFault("gone", status=502), ("Hel",), "failed"),
    ],
)
def test_an_error_ends_the_answer_as_cut_or_failed(
    engine: EventLoop, error: WcodeError, texts: tuple[str, ...], ended: str
) -> None:
    """Cut: text had come and the transport lost the rest. Failed: the server said so, or nothing had come."""
    running = engine.start(failing(error, *texts), builder())
    with pytest.raises(type(error)) as caught:
        running.result()
    assert caught.value is running.error
    reply = running.reply
    assert reply is not None
    assert (reply.text, reply.ended) == ("".join(texts), ended)
    assert caught.value.reply is reply
    assert reply.fault is not None
    assert reply.fault.kind == type(error).__name__
    with pytest.raises(type(error)):
        list(running)


@pytest.mark.parametrize(
    ("reason", "ended", "error"),
    [
        ("stop", "complete", None),
        ("length", "length", None),
        ("tool_calls", "complete", None),
        ("content_filter", "cut", AnswerCut),
        ("error", "failed", ServerFault),
        ("their_own_word", "complete", None),
    ],
)
def test_the_finish_reason_says_how_it_ended(
    engine: EventLoop, reason: str, ended: str, error: type[WcodeError] | None
) -> None:
    """A filter and a provider's error are failures although the stream ended well."""
    running = engine.start(answer("Hel", reason=reason), builder())
    while running.get() is not None:
        pass
    assert running.reply is not None
    assert running.reply.ended == ended
    assert (type(running.error) if running.error else None) is error
    if error is AnswerCut:
        assert "filter" in str(running.error)


def test_an_unexpected_exception_is_a_bug_report(engine: EventLoop) -> None:
    """Whatever a source raises, the consumer gets a WcodeError that says where; nothing hangs."""
    for oops in (ZeroDivisionError("oops"), RuntimeError(), GeneratorExit()):
        running = engine.start(failing(oops, "Hel"), builder())
        with pytest.raises(WcodeError) as caught:
            running.result()
        assert type(caught.value) is WcodeError
        assert type(oops).__name__ in str(caught.value)
        assert "sources.py:" in str(caught.value)
        assert "bug" in str(caught.value)
        assert running.reply is not None
        assert running.reply.text == "Hel"


def test_an_error_carries_no_frames_of_the_engine(engine: EventLoop) -> None:
    """The traceback begins at the consumer, without locals of the transport, however often it is raised."""

    async def leaky():  # type: ignore[no-untyped-def]
        secret = "hunter2"
        try:
            raise ValueError(secret)
        except ValueError as error:
            raise AnswerCut("cut") from error
        yield []

    running = engine.start(leaky(), builder())
    while running.get() is not None:
        pass
    assert running.error is not None
    assert running.error.__traceback__ is None
    for _time in range(3):
        with pytest.raises(AnswerCut) as caught:
            running.result()
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert "hunter2" not in "".join(trace.format())
        assert len(trace.stack) == 3


def test_on_end_is_called_once_with_the_reply(engine: EventLoop) -> None:
    """By the consumer, whoever ended the answer; what it returns is the reply."""
    seen: list[Reply] = []

    def on_end(reply: Reply) -> Reply:
        seen.append(reply)
        return Reply.from_dict({**reply.to_dict(), "notices": ["recorded"]})

    for source in (answer("a"), failing(AnswerCut("cut"), "a"), Silent("a").source()):
        running = engine.start(source, builder(), on_end=on_end)
        running.get()
        reply = running.interrupt()
        assert running.interrupt() is reply
        assert reply.notices == ("recorded",)
        if running.error:
            assert running.error.reply is reply
    assert len(seen) == 3


@pytest.mark.parametrize(("raised", "kind"), [(ReplayError("disk full"), ReplayError), (KeyError("x"), WcodeError)])
def test_an_error_in_on_end_is_raised_and_the_answer_kept(
    engine: EventLoop, raised: Exception, kind: type[WcodeError]
) -> None:
    """A record that cannot be written fails the call, but the paid answer is there."""

    def on_end(_reply: Reply) -> Reply:
        raise raised

    running = engine.start(answer("Hello"), builder(), on_end=on_end)
    with pytest.raises(kind) as caught:
        running.result()
    assert caught.value.reply is not None
    assert caught.value.reply.text == "Hello"


def test_ctrl_c_while_the_answer_is_being_kept_is_no_success(engine: EventLoop) -> None:
    """It reaches a script as it is, once; a view, which ends by `interrupt`, finds the whole answer and an error."""

    def on_end(_reply: Reply) -> Reply:
        raise KeyboardInterrupt

    running = engine.start(answer("Hello"), builder(), on_end=on_end)
    with pytest.raises(KeyboardInterrupt):
        running.result()
    assert running.interrupt().text == "Hello"
    assert isinstance(running.error, AnswerInterrupted)
    assert running.error.reply is running.reply


def test_ctrl_c_twice_still_ends_by_interrupt(engine: EventLoop) -> None:
    """The second one, while a stopped answer is being kept, does not escape into the cell: what arrived is there."""

    def on_end(_reply: Reply) -> Reply:
        raise KeyboardInterrupt

    running = engine.start(Silent("Hel").source(), builder(), on_end=on_end)
    running.get()
    reply = running.interrupt()
    assert (reply.text, reply.ended) == ("Hel", "interrupted")


def test_all_errors_have_a_way_out(engine: EventLoop) -> None:
    """Every class of the tree crosses the thread as itself."""
    for name in errors.__all__:
        cls = getattr(errors, name)
        if isinstance(cls, type) and issubclass(cls, WcodeError):
            with pytest.raises(cls) as caught:
                engine.start(failing(cls("what")), builder()).result()
            assert type(caught.value) is cls
