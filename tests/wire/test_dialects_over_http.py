"""The table of gateway dialects, played by a server: the transport gives what is right, in small pieces and slowly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from wcode_jupyter.event_loop.fold import fold
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply.events import Event
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Request
from wcode_jupyter.testing import Raw, Received, StandIn
from wcode_jupyter.transport import Deadlines, Transport, endpoint

from .dialects import Row, rows
from .outcome import Outcome, differences
from .stream_tools import request
from .test_dialects import marked

ROWS = {str(row): row for row in rows()}
SIZE, PACE_S = 40, 0.002
AT_ONCE = 24


def played(received: Received) -> Raw:
    """The row that the model's name names, in small pieces."""
    row = ROWS[received.model]
    return Raw(_pieces(row), content_type=row.type)


def _pieces(row: Row) -> Iterator[bytes]:
    for piece in row.sent:
        if isinstance(piece, bytes):
            for start in range(0, len(piece), SIZE):
                time.sleep(PACE_S)  # the pace is what is tested
                yield piece[start : start + SIZE]
        elif row.slow:
            time.sleep(piece)


async def _ask(transport: Transport, server: StandIn, row: Row) -> Outcome:
    asked = Request(model=str(row), messages=request().messages, protocol=row.form, stream=row.stream)
    base_url = server.base_url if row.form == "openai" else server.anthropic_base_url
    events = transport.events(asked, endpoint(base_url, row.form), Deadlines(idle_s=20))
    return await fold(_unread(events), ReplyBuilder(asked))


async def _unread(events: AsyncIterator[list[Event]]) -> AsyncIterator[list[Event]]:
    async for batch in events:
        yield batch


async def _ask_all(server: StandIn) -> dict[str, Outcome]:
    async def at_once(_seconds: float) -> None:
        """No wait between attempts takes any time."""

    keys = Keys(keyring=False, environment=())
    keys.set(endpoint(server.base_url).origin, server.key)
    transport = Transport(keys, sleep=at_once)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: Row) -> Outcome:
        async with gate:
            return await _ask(transport, server, row)

    try:
        # The slow ones first: their pauses pass while the others are asked.
        order = sorted(ROWS.values(), key=lambda row: not row.slow)
        return dict(zip(map(str, order), await asyncio.gather(*map(one, order)), strict=True))
    finally:
        await transport.aclose()


@pytest.fixture(scope="module")
def answers() -> tuple[dict[str, Outcome], list[str]]:
    """What came of each row, and the models of all requests."""
    with StandIn(played) as server:
        outcomes = asyncio.run(_ask_all(server))
        return outcomes, [received.model for received in server.requests]


@pytest.mark.parametrize("row", marked("decoder", "http"))
def test_a_row_over_http(row: Row, answers: tuple[dict[str, Outcome], list[str]]) -> None:
    """The same reply as without a network, as many requests as are right, and the pauses of a slow row cost nothing."""
    outcomes, models = answers
    assert differences(outcomes[str(row)], row.results) == []
    if row.requests is not None:
        assert models.count(str(row)) == row.requests
