"""`%wcode history` and `%wcode usage`: the log of all calls of this user."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import get_args

from ...display import view
from ...errors import OptionError
from ...figures import format_cost
from ...language import N_, _
from ...request.parameters import did_you_mean
from ...store import CallRow, UsageRow, to_frame
from ...store.log import Grouping
from ...table import LongText, Table
from ..line import CommandLine, parse_command
from ..options import OUTPUT_REPLY, OUTPUT_ROWS, CellOption
from .command import Context

__all__ = ["HISTORY_OPTIONS", "USAGE_OPTIONS", "history", "usage"]

_SHOWN = 60
"""Characters of a prompt or an answer that are seen at once."""
_ROWS = 10
"""Rows that are seen at once."""

_SINCE = CellOption(name="since", metavar="DATE", help=N_("Only calls since this date or time: 2026-11-22."))
_SEARCH = (
    CellOption(name="model", short="-m", metavar="TEXT", help=N_("Only models whose id contains this.")),
    _SINCE,
    CellOption(name="limit", metavar="N", help=N_("Maximum number of calls. Default: 50.")),
    OUTPUT_ROWS,
)
_SHOW = (OUTPUT_REPLY,)
_FORGET = (
    CellOption(name="before", metavar="DATE", help=N_("Delete calls before this date or time.")),
    CellOption(name="all", arity="flag", help=N_("Delete all calls.")),
)
HISTORY_OPTIONS = (*_SEARCH, *_FORGET)
USAGE_OPTIONS = (
    CellOption(name="by", metavar="model|day|both", help=N_("Grouping of the rows. Default: model.")),
    _SINCE,
    OUTPUT_ROWS,
)


def history(context: Context, rest: str) -> Table | None:
    """Calls that hold every word of `rest`; or `show ID`, `forget ID`."""
    word, _space, more = rest.partition(" ")
    return _HISTORY.get(word, _search)(context, more if word in _HISTORY else rest)


def _search(context: Context, rest: str) -> Table:
    line = parse_command(rest, _SEARCH)
    limit = _number(line.text("limit") or "50")
    rows = context.client.log.search(
        " ".join(line.words), model=line.text("model") or "", since=_time(line.text("since")), limit=limit
    )
    if name := line.text("output"):
        context.shell.push({name: to_frame(rows, CallRow)})
    more = _("The latest {count}; use --limit to see more.").format(count=limit) if len(rows) == limit else ""
    note = " ".join(filter(None, [more, _("Whole answers: %wcode history show ID.")]))
    return Table(
        columns=(_("id"), _("prompt"), _("answer"), _("model"), _("time"), _("ended"), _("tokens"), "¥", _("replayed")),
        rows=tuple(_call_cells(row) for row in rows),
        note=note if rows else _("Nothing found."),
        most=_ROWS,
    )


def _call_cells(row: CallRow) -> tuple[object, ...]:
    tokens = "" if row.input_tokens is None else f"{row.input_tokens}→{row.output_tokens}"
    return (
        row.id,
        LongText(row.prompt, shown=_SHOWN),
        LongText(row.text or row.error or "", shown=_SHOWN),
        row.model,
        f"{row.at.astimezone():%Y-%m-%d %H:%M}",
        row.ended,
        tokens,
        _short_cost(row.cost_cny),
        _("yes") if row.replayed else "",
    )


def _show(context: Context, rest: str) -> None:
    """Shows a call as its cell did, and binds the Reply."""
    line = parse_command(rest, _SHOW)
    if len(line.words) != 1:
        raise OptionError(_("%wcode history show needs one call id"), hint=_("See %wcode history."))
    reply = context.client.log.get(_number(line.words[0]))
    if name := line.text("output"):
        context.shell.push({name: reply})
    view(context.client.session.values()["format"].value).finish(reply)
    if reply.error:
        print(reply.error)


def _forget(context: Context, rest: str) -> None:
    line = parse_command(rest, _FORGET)
    said = [*line.words, *line.options]
    if len(said) != 1:
        raise OptionError(_("Choose what to delete: one id, --before DATE, or --all"))
    identity = _number(line.words[0]) if line.words else None
    count = context.client.log.forget(id=identity, before=_time(line.text("before")), all=line.flag("all"))
    print(_("Deleted {count} calls.").format(count=count))


_HISTORY: dict[str, Callable[[Context, str], Table | None]] = {"show": _show, "forget": _forget}


def usage(context: Context, rest: str) -> Table:
    """Calls, tokens and RMB by model, by day, or by both."""
    line = parse_command(rest, USAGE_OPTIONS)
    if line.words:
        raise OptionError(
            _("Unexpected word {word}").format(word=line.words[0]), hint=_("Use --by model, --by day or --by both.")
        )
    by = _grouping(line)
    rows = context.client.log.usage(by, since=_time(line.text("since")))
    if name := line.text("output"):
        context.shell.push({name: to_frame(rows, UsageRow)})
    heads = {"model": _("model"), "day": _("day")}
    groups = [name for name in heads if by in (name, "both")]
    return Table(
        columns=(
            *(heads[name] for name in groups),
            _("calls"),
            _("replayed"),
            _("failed"),
            _("input tokens"),
            _("output tokens"),
            "¥",
            _("with unknown price"),
        ),
        rows=tuple((*(getattr(row, name) for name in groups), *_usage_cells(row)) for row in rows),
        note=_total(rows),
        most=_ROWS,
    )


def _grouping(line: CommandLine) -> Grouping:
    word = line.text("by") or "model"
    for by in get_args(Grouping):
        if word == by:
            found: Grouping = by
            return found
    raise OptionError(
        _("--by {word}: expected model, day or both").format(word=word), hint=did_you_mean(word, get_args(Grouping))
    )


def _usage_cells(row: UsageRow) -> tuple[object, ...]:
    return (
        row.calls,
        row.replayed,
        row.failures,
        f"{row.input_tokens:,}",
        f"{row.output_tokens:,}",
        _short_cost(row.cost_cny),
        row.unpriced,
    )


def _total(rows: list[UsageRow]) -> str:
    cost = sum((row.cost_cny for row in rows if row.cost_cny is not None), Decimal(0))
    unpriced = sum(row.unpriced for row in rows)
    total = _("Total: {calls} calls, {input} input and {output} output tokens, ¥{cost}. Replays cost nothing.").format(
        calls=sum(row.calls for row in rows),
        input=f"{sum(row.input_tokens for row in rows):,}",
        output=f"{sum(row.output_tokens for row in rows):,}",
        cost=_cost(cost),
    )
    return " ".join([total, *([_("Calls with unknown price: {count}.").format(count=unpriced)] * bool(unpriced))])


def _short_cost(cost: Decimal | None) -> str:
    """To three digits, as in the status line; the frame of -o has all of them."""
    return "" if cost is None else format_cost(cost).removeprefix("¥")


def _cost(cost: Decimal | None) -> str:
    return "" if cost is None else f"{cost:f}"


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**63:
        raise OptionError(_("{text}: expected a number").format(text=text))
    return int(text)


def _time(text: str | None) -> datetime.datetime | datetime.date | None:
    """A day, or a time, local unless it names its zone; None for none. Raises OptionError."""
    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text) if len(text) <= 10 else datetime.datetime.fromisoformat(text)
    except ValueError:
        raise OptionError(_("{text}: expected a date or time like 2026-11-22").format(text=text)) from None
