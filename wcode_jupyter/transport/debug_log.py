"""The debug logs of httpx and what lies below it: they quote the server's lines, which may repeat a key.

The filter changes only records that are written while a request of ours is under way: other users of the same
libraries in this process have their own logs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar

__all__ = ["install", "redacting"]

redacting: ContextVar[Callable[[str], str] | None] = ContextVar("wcode_redacting", default=None)
"""What takes the keys out of the records of the request under way; set where the request begins, in its own task."""

# A filter of a logger does not see the records of those below it: each is named.
_LOGGERS = (
    *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")),
    *("httpx", "aiohttp.client", "aiohttp.internal", "asyncio"),
)


class _Masking(logging.Filter):
    """Lets every record pass, without a key."""

    def filter(self, record: logging.LogRecord) -> bool:
        redact = redacting.get()
        if redact is not None and (clean := redact(text := record.getMessage())) != text:
            record.msg, record.args = clean, ()
        return True


_MASKING = _Masking()


def install() -> None:
    """Puts the filter on the loggers; once is enough, and twice is the same."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_MASKING)
