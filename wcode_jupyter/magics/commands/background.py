"""`%wcode running` and `%wcode stop`: the answers that stream on in the background."""

from __future__ import annotations

import time

from ...client.background import BackgroundAnswer
from ...errors import OptionError
from ...language import _
from ...session import rough_tokens
from ...table import Table
from ..line import parse_command
from .command import Context

__all__ = ["run_running", "run_stop"]


def run_running(context: Context, rest: str) -> Table:
    """The answers under way."""
    running = context.client.background.running()
    return Table(
        columns=(_("name"), _("model"), _("tokens so far"), _("seconds")),
        rows=tuple(_cells(answer) for answer in running),
        note=_("Stop one with %wcode stop NAME, all with %wcode stop.") if running else _("Nothing is running."),
    )


def _cells(answer: BackgroundAnswer) -> tuple[str, ...]:
    reply = answer.pending.reply
    tokens = rough_tokens(reply.reasoning) + rough_tokens(reply.text)
    return (answer.name, reply.model, f"{tokens:,.0f}", f"{time.monotonic() - answer.started_at:.0f}")


def run_stop(context: Context, rest: str) -> None:
    """Stops the answers called NAME, or all. Raises InputError: there is no such answer."""
    words = parse_command(rest, ()).words
    if len(words) > 1:
        raise OptionError(_("Unexpected word {word}").format(word=words[1]), hint=_("%wcode help shows the usage."))
    stopped = context.client.background.stop(*words)
    if not stopped:
        print(_("Nothing is running."))
    for answer in stopped:
        print(_("Stopped: {name}. Everything received so far is kept.").format(name=answer.name))
