"""Sources of events for the engine's tests, and an engine of one's own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

from wcode_jupyter.reply.events import Event, Finish, TextDelta
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Request, to_messages

REQUEST = Request(model="m", messages=to_messages("hi"))


def builder() -> ReplyBuilder:
    return ReplyBuilder(REQUEST)


async def answer(*texts: str, reason: str = "stop") -> AsyncIterator[list[Event]]:
    """A good answer, a batch for each text."""
    for text in texts:
        yield [TextDelta(text)]
        await asyncio.sleep(0)
    yield [Finish(reason)]


async def failing(error: BaseException, *texts: str) -> AsyncIterator[list[Event]]:
    """The texts, then `error`."""
    for text in texts:
        yield [TextDelta(text)]
    raise error


class Silent:
    """Gives its texts and then nothing, until it is closed; `reading` and `closed` tell the test so."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.reading = threading.Event()
        self.closed = threading.Event()

    async def source(self) -> AsyncIterator[list[Event]]:
        try:
            for text in self.texts:
                yield [TextDelta(text)]
            self.reading.set()
            await asyncio.Event().wait()
        finally:
            self.closed.set()
