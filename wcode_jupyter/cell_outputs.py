"""What has been put out in a cell, by whomever: prints, displays, widgets, threads. Known from the kernel's messages.

An answer may clear a cell only where it is certain that nothing else stands there. No part of Jupyter tells that, so
the messages are counted as they leave the kernel, from the message that says that a request is being worked on.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

__all__ = ["CellOutputs", "running_cell", "watch"]

_OUTPUTS = frozenset(("stream", "display_data", "execute_result", "error"))


class CellOutputs:
    """The outputs of the cells of one kernel."""

    def __init__(self) -> None:
        self.vacant: dict[str, str] = {}
        """Request -> display id of an output whose maker has no more use for it: the next answer takes its place."""
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}  # requests seen from their beginning -> outputs so far
        self._captured: dict[str, str] = {}  # comm of an Output widget -> the request whose outputs it takes

    def take(self, kind: str, request: str, content: Mapping[str, object]) -> None:
        """One message that leaves the kernel, on behalf of `request`."""
        with self._lock:
            if kind == "status":
                self._counts.pop(request, None)
                self.vacant.pop(request, None)
                if content.get("execution_state") == "busy":
                    self._counts[request] = 0
            elif kind == "clear_output" and request in self._counts:
                self._counts[request] = 0
            elif kind in _OUTPUTS and request in self._counts:
                self._counts[request] += 1
            elif kind in ("comm_msg", "comm_open"):
                self._take_widget(content)

    def _take_widget(self, content: Mapping[str, object]) -> None:
        """An Output widget says by its `msg_id` whose outputs it shows."""
        data = content.get("data")
        state = data.get("state") if isinstance(data, dict) else None
        comm = str(content.get("comm_id"))
        if isinstance(state, dict) and isinstance(captured := state.get("msg_id"), str):
            self._captured[comm] = captured
            if not captured:
                del self._captured[comm]

    def count(self, request: str) -> int | None:
        """Outputs of `request` so far, or since they were cleared; None where its beginning was not seen."""
        for stream in (sys.stdout, sys.stderr):
            # What was printed but not sent yet counts too.
            with contextlib.suppress(Exception):
                stream.flush()
        return self._counts.get(request)

    def is_captured(self, request: str) -> bool:
        """Whether an Output widget takes what `request` puts out."""
        return request in self._captured.values()


_watched: WeakKeyDictionary[object, CellOutputs] = WeakKeyDictionary()


def watch(session: Any) -> CellOutputs:
    """What is known of the cells of the kernel whose messages go through the Jupyter `session`; known from now on."""
    if (found := _watched.get(session)) is None:
        found = _watched[session] = CellOutputs()
        session.send = _counting(session.send, found)
    return found


def _counting(send: Any, outputs: CellOutputs) -> object:
    def counted(
        stream: object, msg_or_type: Any, content: Any = None, parent: Any = None, *args: Any, **others: object
    ) -> object:
        with contextlib.suppress(Exception):
            whole = msg_or_type if isinstance(msg_or_type, dict) else {}
            kind = whole["header"]["msg_type"] if whole else msg_or_type
            origin = whole.get("parent_header") if whole else parent
            origin = (origin or {}).get("header", origin) or {}
            outputs.take(kind, str(origin.get("msg_id", "")), (whole.get("content") if whole else content) or {})
        return send(stream, msg_or_type, content, parent, *args, **others)

    return counted


def running_cell(publisher: object) -> tuple[CellOutputs | None, str]:
    """What is known of the cell that runs, and its request's id; None where `publisher` is no kernel's."""
    session = getattr(publisher, "session", None)
    if session is None:
        return None, ""
    header = getattr(publisher, "parent_header", None) or {}
    return watch(session), str(header.get("msg_id", ""))
