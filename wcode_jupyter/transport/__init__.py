"""How does it travel: the one way out of the package, and the only folder that imports httpx.

    endpoint     where to, and how long to wait (plain data)
    refusal      what a status or an error body means: the error to raise, and whether to try again
    fault        how an attempt failed, as a value
    exchange     one request: attempts, retries before the first delta, the end of the stream
    fast         the same for many connections at once, over aiohttp, where that is installed
    proxies      which proxy leads to a server, and the variable that names it
    connection   httpx, imported at the first request: clients, the key as a header, httpx's exceptions as ours

Rules of this folder. The key enters here and nowhere above: as a header, for its own origin, never over plain http
except to this machine. Redirects are not followed. No exception of httpx, and no frame that has seen one, leaves: our
error is made of what it says, outside of the `except` that caught it; server text is redacted first. After the first
piece of an answer nothing is retried.
"""

from __future__ import annotations

from .endpoint import Deadlines, Endpoint, endpoint
from .exchange import Transport

__all__ = ["Deadlines", "Endpoint", "Transport", "endpoint"]
