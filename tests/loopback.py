"""A server of the tests' own on 127.0.0.1, with an event loop and a thread to itself."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

__all__ = ["LoopbackServer"]


class LoopbackServer:
    """A context manager: listening inside of it. A subclass opens its socket in `_listen` and serves on the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        """What answers now; cancelled at the end."""
        self.connections = 0
        """How many were ever opened."""
        self.port = 0

    @property
    def base_url(self) -> str:
        """What the client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(5)
        return self

    def __exit__(self, *exc_info: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        raise NotImplementedError

    async def _open(self) -> int:
        self._server = await self._listen()
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
