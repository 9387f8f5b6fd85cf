"""The transport for many connections: the same promises as httpx's own."""

from __future__ import annotations

import asyncio
import socket
import time

import msgspec
import pytest

from tests.fault_server import (
    DROP,
    HOLD,
    RESET,
    FaultServer,
    chat,
    delta,
    gzip_bomb,
    html,
    raw,
    redirect,
    status,
    stream,
)
from wcode_jupyter.errors import (
    AnswerCut,
    AnswerTooLarge,
    ConnectError,
    DeadlineError,
    KeyRejected,
    NotTheApi,
    RateLimited,
    WcodeError,
)
from wcode_jupyter.reply.events import TextDelta
from wcode_jupyter.request.messages import Message, Request
from wcode_jupyter.transport import Deadlines, Transport, endpoint

from .asking import KEY, REQUEST, dressed, keys_for

pytestmark = pytest.mark.skipif(not Transport.can_be_fast(), reason="aiohttp (extra fast) is not installed")
QUICK = Deadlines(connect_s=1, write_s=1, idle_s=0.3)


async def _ask(base_url: str, times: int = 1, request: Request = REQUEST) -> tuple[list[str], WcodeError | None]:
    transport = Transport(keys_for(base_url), retries=0, retry_refused=False, fast=True, connections=4)
    texts = []
    try:
        for _time in range(times):
            pieces: list[str] = []
            texts.append(pieces)
            async for batch in transport.events(request, endpoint(base_url), QUICK):
                pieces += [event.text for event in batch if isinstance(event, TextDelta)]
    except WcodeError as error:
        return ["".join(pieces) for pieces in texts], error
    finally:
        await transport.aclose()
    return ["".join(pieces) for pieces in texts], None


def test_answers_come_over_one_connection() -> None:
    """A good answer is read whole, the key goes with it, and the connection is used again."""
    with FaultServer(chat("Hel", "lo")) as server:
        assert asyncio.run(_ask(server.base_url, 3)) == (["Hello"] * 3, None)
        assert (server.connections, server.requests[0].key) == (1, KEY)
        assert "cookie" not in server.requests[2].headers


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        (status(401), KeyRejected, ""),
        (status(429, headers={"Retry-After": "3"}), RateLimited, ""),
        (html(), NotTheApi, ""),
        (redirect("http://127.0.0.1:1/"), NotTheApi, ""),
        (DROP, ConnectError, ""),
        (raw(RESET), ConnectError, ""),
        (raw(b"nonsense\r\n\r\n"), ConnectError, ""),
        (raw(HOLD), DeadlineError, ""),
        (stream(delta("Hel"), HOLD), DeadlineError, "Hel"),
        (stream(delta("Hel"), cut=True), AnswerCut, "Hel"),
        (stream(delta("Hel"), RESET), AnswerCut, "Hel"),
        (gzip_bomb(), AnswerTooLarge, ""),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_bad_endings_are_the_same_errors(script: object, kind: type[WcodeError], text: str) -> None:
    """What goes wrong has the same class as over httpx's own connections, keeps what arrived and holds no key."""
    with FaultServer(script) as server:  # type: ignore[arg-type]
        texts, error = asyncio.run(_ask(server.base_url))
    assert (type(error), texts) == (kind, [text])
    assert error is not None
    assert KEY not in dressed(error)


@pytest.mark.parametrize("size", [100, 2**15, 2**16, 20_000_000])
def test_a_server_that_takes_nothing(size: int) -> None:
    """It accepts the connection and reads no byte: small and large requests end within the deadlines together."""
    large = msgspec.structs.replace(REQUEST, messages=(Message("user", "x" * size),))

    async def ask() -> tuple[WcodeError | None, float]:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            started = time.monotonic()
            _texts, error = await _ask(f"http://127.0.0.1:{deaf.getsockname()[1]}/v1", request=large)
            seconds = time.monotonic() - started
        await asyncio.sleep(0.05)  # what waits to be written goes with the server
        return error, seconds

    error, seconds = asyncio.run(ask())
    assert isinstance(error, DeadlineError)
    assert seconds < QUICK.connect_s + QUICK.write_s + QUICK.idle_s + 2


def test_nobody_listening() -> None:
    """A refused connection is said to be one."""
    texts, error = asyncio.run(_ask("http://127.0.0.1:9/v1"))
    assert isinstance(error, ConnectError)
    assert "refused the connection" in str(error)
    assert texts == [""]


def test_a_loop_that_ends_leaves_no_session(recwarn: pytest.WarningsRecorder) -> None:
    """Whoever forgets to close gets no warning from aiohttp at exit."""

    async def forget(base_url: str) -> None:
        transport = Transport(keys_for(base_url), fast=True)
        async for _batch in transport.events(REQUEST, endpoint(base_url), QUICK):
            pass

    with FaultServer(chat("x")) as server:
        asyncio.run(forget(server.base_url))
    assert [str(warning.message) for warning in recwarn] == []
