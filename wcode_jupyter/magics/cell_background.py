"""A cell with `--background`: it returns at once, and its answer streams on in its output while other cells run.

Where nobody watches, or the output could not be updated after the cell has ended, the cell waits for the answer like
any other, so that a headless run saves the same output. A recorded answer is there at once anyway.
"""

from __future__ import annotations

from collections.abc import Callable

from ..client import Client
from ..client.background import BackgroundAnswer
from ..display import BackgroundView, CellView
from ..display.without_reasoning import WithoutReasoning
from ..errors import OptionError, WcodeError
from ..event_loop import Stream
from ..language import _
from ..reply import Reply
from ..session import Call
from ..shell import Shell
from .cell_schema import ask_alone, ask_until_it_fits, error_of
from .options import CellLine
from .prepared import Prepared

__all__ = ["Start", "check_background", "continue_in_background", "first"]

Start = Callable[[Call], Stream]
"""Sends a call, or finds its recorded answer."""

_NOT_IN_BACKGROUND = ("chat", "tools", "insert", "each", "prompts", "models", "sweep", "repeat")


def check_background(options: CellLine) -> None:
    """Raises OptionError for an option whose cell needs the end of the answer, or asks more than once."""
    if not options.flag("background"):
        return
    for name in _NOT_IN_BACKGROUND:
        if name in options.own:
            option = "-m, -m" if name == "models" else "--" + name
            raise OptionError(_("--background cannot be combined with {option}").format(option=option))


def first(stream: Stream, start: Start) -> Start:
    """Gives `stream`, which was started already, and starts each call after it."""
    started = [stream]
    return lambda call: started.pop() if started else start(call)


def continue_in_background(
    shell: Shell,
    client: Client,
    options: CellLine,
    prepared: Prepared,
    stream: Stream,
    view: Callable[[], BackgroundView],
) -> None:
    """Binds the answer of `stream`, which is under way, and returns; it is shown in what `view` makes for each try."""
    name = options.output
    answer = client.background.answer(name or "", stream)
    if name:
        shell.push({name: answer.pending})
    shown = _Shown(view, hide_reasoning=prepared.hide_reasoning)
    shown.announce(answer.pending.model)

    def on_end() -> None:
        # A Reply like that of any other cell, unless it did not end well or the variable means something else by now.
        if name and shown.error is None and shell.user_ns.get(name) is answer.pending:
            shell.user_ns[name] = answer.pending.reply

    start = first(stream, client.start)
    client.background.carry(answer, lambda one: _carried(one, client, prepared, start, shown), on_end)


class _Shown:
    """The views of an answer: one for each try at it, the first one made within the cell."""

    def __init__(self, view: Callable[[], BackgroundView], *, hide_reasoning: bool) -> None:
        self._make = view
        self._hide_reasoning = hide_reasoning
        self._current = view()
        self._fresh = True
        self.error: WcodeError | None = None

    def announce(self, model: str) -> None:
        self._current.begin(model)
        self._current.announce()

    def view(self) -> CellView:
        """The view of the next try."""
        if not self._fresh:
            self._current = self._make()
        self._fresh = False
        return WithoutReasoning(self._current) if self._hide_reasoning else self._current

    def fail(self, error: WcodeError) -> None:
        self.error = error
        self._current.fail(error)


def _carried(
    answer: BackgroundAnswer, client: Client, prepared: Prepared, start: Start, shown: _Shown
) -> tuple[Reply, WcodeError | None]:
    """Shows the answer to its end, with the error that its cell would have ended with."""
    try:
        reply, error = ask_until_it_fits(
            client, prepared, lambda call: ask_alone(lambda call: answer.follow(start(call)), call, shown.view)
        )
    except WcodeError as failure:  # a further try could not be sent
        reply, error = answer.stream.interrupt(), failure
    if (error := error_of(reply, error)) is not None:
        shown.fail(error)
    return reply, error
