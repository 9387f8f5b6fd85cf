"""An answer that nobody watches: folded on the loop that reads it, which is cheapest for many at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from ..errors import WcodeError
from ..reply import Reply
from ..reply.events import Event, Finish
from ..reply.reply_builder import ReplyBuilder
from .stream import verdict
from .task import End, portable

__all__ = ["fold"]


async def fold(source: AsyncIterator[list[Event]], builder: ReplyBuilder) -> tuple[Reply, WcodeError | None]:
    """The Reply, however the answer ended, and the error that ended it. Cancelled, it gives what had arrived."""
    started = time.perf_counter()
    finish: Finish | None = None
    end = End(None, cancelled=False)
    try:
        async for batch in source:
            at_s = time.perf_counter() - started
            for event in batch:
                if isinstance(event, Finish) and event.choice == 0:
                    finish = event
                builder.apply(event, at_s)
    except asyncio.CancelledError:
        end = End(None, cancelled=True)
    except Exception as error:
        end = End(portable(error), cancelled=False)
    finally:
        if (aclose := getattr(source, "aclose", None)) is not None:
            await aclose()
    ended, trouble = verdict(end, finish, has_answer=builder.has_answer)
    reply = builder.reply(ended=ended, error=trouble, total_s=time.perf_counter() - started)
    if trouble is not None:
        trouble.reply = reply
    return reply, trouble
