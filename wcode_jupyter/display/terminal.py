"""An answer in a terminal: streams through rich where somebody watches, plain text elsewhere."""

from __future__ import annotations

from typing import TextIO

from ..events import Event
from ..reply import Reply
from .status import mark, status_line

__all__ = ["TerminalView"]


class TerminalView:
    """Shows one answer in a terminal."""

    def __init__(self, out: TextIO, format: str = "markdown", *, quiet: bool = False) -> None:
        self._out = out
        self._format = format
        self._quiet = quiet

    def begin(self, model: str) -> None:
        """The question is on its way to `model`."""

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived."""

    def due_s(self) -> float:
        """Seconds until `tick` has something to do."""
        return 1.0

    def tick(self) -> None:
        """Shows what is due."""

    def finish(self, reply: Reply) -> None:
        """The answer as it ended."""
        lines = [reply.text, mark(reply), "" if self._quiet else status_line(reply)]
        self._out.write("".join(f"{line}\n" for line in lines if line))
