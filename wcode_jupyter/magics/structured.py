"""A cell with `--schema`: its answer is shown while it arrives, judged at the end, and asked for again if need be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..client import Client
from ..display import CellView, pump
from ..display.views import Undecided
from ..errors import AnswerInvalid, OptionError, WcodeError
from ..language import _
from ..reply import Reply
from ..schema import Attempts, Schema, find_schema
from ..session import Call
from .options import CellLine

__all__ = ["ask_until_it_fits", "format_of", "retries_of", "schema_of"]


def schema_of(options: CellLine, namespace: Mapping[str, Any]) -> Schema | None:
    """The Schema that `--schema` means; None without it. Raises InputError."""
    if (text := options.own.get("schema")) is None:
        if "retries_schema" in options.own:
            raise OptionError(_("--retries-schema needs --schema"))
        return None
    if "response_format" in options.values:
        raise OptionError(_("--schema sets response_format: give one of the two"))
    return find_schema(text, namespace)


def retries_of(options: CellLine) -> int:
    """How often to ask again. Raises OptionError."""
    text = str(options.own.get("retries_schema", "0"))
    if not text.isdecimal() or int(text) > 10:
        raise OptionError(_("--retries-schema {text}: expected 0…10").format(text=text))
    return int(text)


def format_of(client: Client, options: CellLine) -> str:
    """How the answer is shown: JSON where it has a schema and nobody says otherwise."""
    value = client.session.values(options.values)["format"]
    return "json" if value.source == "default" and options.own.get("schema") else str(value.value)


def ask_until_it_fits(
    client: Client, call: Call, wanted: Schema, retries: int, view: Callable[[], CellView]
) -> tuple[Reply, WcodeError | None]:
    """The last reply, with `parsed` where it fits, and the error that ended it. `view` makes the view of an attempt."""
    attempts = Attempts(client.session, call, wanted, retries)
    while True:
        stream = client.start(attempts.call)
        shown = view()
        reply = pump(stream, Undecided(shown))
        fitting, error = _judged(attempts, reply, stream.error)
        if fitting is not None:
            shown.finish(fitting)
            return fitting, error
        shown.abandon()


def _judged(attempts: Attempts, reply: Reply, error: WcodeError | None) -> tuple[Reply | None, WcodeError | None]:
    """The reply to end with, None to ask again, and its error."""
    if error is not None:
        return reply, error
    try:
        return attempts.judge(reply), None
    except AnswerInvalid as invalid:
        return reply, invalid
