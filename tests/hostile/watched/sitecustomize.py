"""Python reads this at its start where its folder is on PYTHONPATH: what the process reaches for goes to a file.

One JSON line for each connection, name looked up and program started, into the file that WATCHED_BY names.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_EVENTS = {
    *("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"),
    *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "webbrowser.open"),
}
_LOG = os.open(os.environ["WATCHED_BY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def _is_of_jupyter(event: str, arguments: tuple[Any, ...]) -> bool:
    """Sockets in the file system, and what Python's own `platform` asks of the system."""
    if event.startswith("socket."):
        return event != "socket.getaddrinfo" and isinstance(arguments[1], (str, bytes))
    return event == "subprocess.Popen" and arguments[0] in ("uname", "lsb_release")


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS and not _is_of_jupyter(event, arguments):
        os.write(_LOG, json.dumps([event, repr(arguments[:2])]).encode() + b"\n")


sys.addaudithook(_watch)
