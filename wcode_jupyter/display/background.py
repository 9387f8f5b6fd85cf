"""Where an answer is shown that goes on after its cell has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..cell_outputs import running_cell
from ..errors import WcodeError
from ..language import _
from ..reply import Reply
from ..request.messages import Message
from ..shell import current_shell, is_captured, is_watched
from .own_outputs import OwnOutputs
from .progress import TokenPrice
from .silent import SilentView
from .views import CellView, keeps_order

__all__ = ["BackgroundView", "background_view"]


class BackgroundView(CellView, Protocol):
    """The view of an answer whose cell ends before it."""

    def announce(self) -> None:
        """Shows at once that the question is on its way."""

    def fail(self, error: WcodeError) -> None:
        """Shows, after `finish`, the error that the cell would have ended with."""


class UnseenView(SilentView):
    """For terminals, whose lines cannot be changed once a prompt stands below them: the variable has the answer."""

    def __init__(self, stop: str) -> None:
        self._stop = stop
        self._model = ""

    def begin(self, model: str) -> None:
        """Nothing to show."""
        self._model = model

    def announce(self) -> None:
        """One line: what runs, and how to stop it."""
        line = _("{model} answers in the background. Progress: %wcode running. Stop: {stop}")
        print(line.format(model=self._model, stop=self._stop))

    def finish(self, reply: Reply) -> None:
        """Nothing to show."""

    def abandon(self) -> None:
        """Nothing was shown."""

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """Nothing to show."""

    def fail(self, error: WcodeError) -> None:
        """The variable raises it."""


def background_view(
    format: str = "markdown", *, quiet: bool = False, price: TokenPrice | None = None, stop: str = ""
) -> Callable[[], BackgroundView] | None:
    """Makes the views of an answer's tries, all in one output of this cell; `stop` is the command that stops it.

    None where the answer has to be waited for: in headless and captured runs, and inside an Output widget, whose
    outputs cannot be changed after the cell has ended.
    """
    shell = current_shell()
    if shell is None or is_captured(shell) or not is_watched():
        return None
    if not hasattr(shell, "kernel"):
        return lambda: UnseenView(stop)
    outputs, request = running_cell(shell.display_pub)
    if outputs is not None and outputs.is_captured(request):
        return None
    from .notebook import NotebookView

    own = OwnOutputs(shell.display_pub, shared=True)
    return lambda: NotebookView(
        shell.display_pub, format, quiet=quiet, price=price, tells_progress=keeps_order(shell), own=own, stop=stop
    )
