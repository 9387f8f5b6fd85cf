"""Python reads this at its start where its folder is on PYTHONPATH: no network at all, and no embedded model.

It makes any machine like one that has neither: every connection of Python's is refused, loopback included, and
`xllamacpp` cannot be imported. Jupyter's own sockets (ZeroMQ) do not pass through Python and go on working.
"""

from __future__ import annotations

import sys
from typing import Any

_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg")


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _NETWORK and not (event != "socket.getaddrinfo" and isinstance(arguments[1], (str, bytes))):
        raise PermissionError(f"this test has no network: {event} {arguments!r}")


sys.addaudithook(_guard)
# What Python takes for "there is no such module", in `import` and in `find_spec` alike.
sys.modules["xllamacpp"] = None  # type: ignore[assignment]
