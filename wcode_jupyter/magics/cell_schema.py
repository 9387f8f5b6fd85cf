"""The answer of a cell: shown while it arrives, with `--schema` judged at the end, and asked for again if need be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from ..client import Client
from ..display import CellView, pump
from ..display.views import DeferredFinish
from ..errors import AnswerInterrupted, AnswerInvalid, OptionError, WcodeError
from ..event_loop import Stream
from ..language import _, speaking
from ..prompt.schema import Schema, find_schema
from ..reply import Reply
from ..session import Call, Value
from ..session.attempts import Attempts, Judged
from .options import CellLine

__all__ = ["Answered", "ask_alone", "ask_until_it_fits", "error_of", "format_in", "retries_of", "schema_of"]


def schema_of(options: CellLine, namespace: Mapping[str, object]) -> Schema | None:
    """The Schema that `--schema` means; None without it. Raises InputError."""
    if (text := options.own.get("schema")) is None:
        if "retries_schema" in options.own:
            raise OptionError(_("--retries-schema needs --schema"))
        return None
    if "response_format" in options.values:
        raise OptionError(_("--schema sets response_format; use only one of them"))
    return find_schema(text, namespace)


def retries_of(options: CellLine) -> int:
    """How often to ask again. Raises OptionError."""
    text = str(options.own.get("retries_schema", "0"))
    if not text.isdecimal() or int(text) > 10:
        raise OptionError(_("--retries-schema must be 0…10, got {text}").format(text=text))
    return int(text)


def format_in(settings: Mapping[str, Value], *, has_schema: bool) -> str:
    """How the answer is shown: JSON where it has a schema and nothing else was set."""
    value = settings["format"]
    return "json" if value.source == "default" and has_schema else str(value.value)


class Shown(Protocol):
    """What a person has seen of an answer so far."""

    def finish(self, reply: Reply) -> None:
        """It is the answer: shows how it ended."""

    def abandon(self) -> None:
        """It is not the answer: nothing of it stays."""


class Answered(NamedTuple):
    """An answer that has ended, the error that ended it, and the view that does not know yet whether it stays."""

    reply: Reply
    error: WcodeError | None
    shown: Shown


def ask_alone(start: Callable[[Call], Stream], call: Call, view: Callable[[], CellView]) -> Answered:
    """One answer, which `start` sends for, shown while it arrives in the view that `view` makes."""
    stream = start(call)
    shown = view()
    reply = pump(stream, DeferredFinish(shown))
    return Answered(reply, stream.error, shown)


def ask_until_it_fits(
    client: Client, prepared: Judged, ask: Callable[[Call], Answered]
) -> tuple[Reply, WcodeError | None]:
    """The last reply, with `parsed` where it fits, and the error that ended it. Without a schema the first one fits."""
    call, schema = prepared.call, prepared.schema
    attempts = None if schema is None else Attempts(client.session, call, schema, prepared.retries)
    while True:
        answered = ask(call if attempts is None else attempts.call)
        fitting, error = _judged(attempts, answered.reply, answered.error)
        if fitting is not None:
            answered.shown.finish(fitting)
            return fitting, error
        answered.shown.abandon()


def _judged(
    attempts: Attempts | None, reply: Reply, error: WcodeError | None
) -> tuple[Reply | None, WcodeError | None]:
    """The reply to end with, None to ask again, and its error."""
    if attempts is None or error is not None:
        return reply, error
    try:
        return attempts.judge(reply), None
    except AnswerInvalid as invalid:
        return reply, invalid


def error_of(reply: Reply, error: WcodeError | None) -> WcodeError | None:
    """The error that the cell of `reply` ends with."""
    if reply.ended != "interrupted":
        return error
    with speaking(reply.language):
        return AnswerInterrupted(
            _("Interrupted after {count} characters").format(count=len(reply.text) + len(reply.reasoning)),
            hint=_("Everything received so far is kept."),
            reply=reply,
        )
