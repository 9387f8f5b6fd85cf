"""Where an answer is shown, and the pump that carries it there from the engine's thread."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from ..reply import Reply
from ..reply.events import Event
from ..request.messages import Message

if TYPE_CHECKING:
    from ..event_loop import Stream

from ..shell import Shell, current_shell, is_captured, is_watched
from .progress import TokenPrice
from .silent import SilentView

__all__ = ["CellView", "DeferredFinish", "HeadlessView", "View", "keeps_order", "pump", "view"]


class View(Protocol):
    """One answer on its way to a person. Called from one thread only."""

    def begin(self, model: str) -> None:
        """The question is on its way to `model`."""

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived; may be empty."""

    def due_s(self) -> float:
        """Seconds until `tick` has something to do; 0 for at once."""

    def tick(self) -> None:
        """Shows what is due."""

    def hurry(self) -> None:
        """The user has interrupted: what is shown from now on is shown at once."""

    def finish(self, reply: Reply) -> None:
        """Shows the answer as it ended; nothing may follow."""


class CellView(View, Protocol):
    """The view of a cell, which may ask again."""

    def abandon(self) -> None:
        """What was shown is not the answer, which another view will show; nothing may follow."""

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """Steps of a tool loop that stand above the answer; those before message number `since` were shown already."""


class DeferredFinish:
    """A view whose end is shown once it is known what the answer is good for."""

    def __init__(self, shown: CellView) -> None:
        self.begin, self.feed, self.due_s, self.tick = shown.begin, shown.feed, shown.due_s, shown.tick
        self.hurry = shown.hurry

    def finish(self, reply: Reply) -> None:
        """Not yet."""


class HeadlessView(SilentView):
    """One output at the end: for captured cells and runs without a reader."""

    def __init__(self, publisher: Any, format: str = "markdown", *, quiet: bool = False) -> None:
        self._publisher = publisher
        self._format = format
        self._quiet = quiet

    def finish(self, reply: Reply) -> None:
        """The one output."""
        from .answer import final_bundle

        data, metadata = final_bundle(reply, self._format, quiet=self._quiet, hurried=self.hurried)
        if data:
            self._publisher.publish(data, metadata)

    def abandon(self) -> None:
        """Nothing was shown."""

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """Nothing to show yet."""


def view(format: str = "markdown", *, quiet: bool = False, price: TokenPrice | None = None) -> CellView:
    """The view for where we are: a notebook somebody watches, a captured or headless run, or a terminal."""
    shell = current_shell()
    if shell is None or (not hasattr(shell, "kernel") and not is_captured(shell)):
        return _terminal(format, quiet)
    if not is_watched():
        return HeadlessView(shell.display_pub, format, quiet=quiet)
    from .notebook import NotebookView

    return NotebookView(shell.display_pub, format, quiet=quiet, price=price, tells_progress=keeps_order(shell))


def keeps_order(shell: Shell) -> bool:
    """Whether the page is JupyterLab's or Notebook's, where our stylesheet may put one output below all others."""
    return "__vsc_ipynb_file__" not in getattr(shell, "user_ns", ()) and "google.colab" not in sys.modules


def _terminal(format: str, quiet: bool) -> CellView:
    from .terminal import PlainView, TerminalView

    if sys.stdout is not None and sys.stdout.isatty():
        return TerminalView(sys.stdout, format, quiet=quiet)
    return PlainView(sys.stdout, quiet=quiet)


def pump(stream: Stream, view: View) -> Reply:
    """Shows an answer from its first token to its end and returns it, however it ended.

    Ctrl-C, or the notebook's stop button, cancels the answer; what had arrived is shown and returned. The caller raises
    `stream.error`.
    """
    reply = stream.reply
    try:
        if reply is None:
            view.begin(stream.snapshot().model)
            _carry(stream, view)
    except KeyboardInterrupt:
        stream.interrupt()
        view.hurry()
    except BaseException:
        stream.cancel()
        raise
    reply = stream.reply or stream.snapshot()
    view.finish(reply)
    return reply


def _carry(stream: Stream, view: View) -> None:
    while (events := stream.get(view.due_s())) is not None:
        view.feed(events)
        view.tick()
