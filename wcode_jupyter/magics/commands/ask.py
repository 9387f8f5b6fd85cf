"""`%wcode ask` and `%wcode last`."""

from __future__ import annotations

from ...errors import InputError
from ...language import _
from ...reply import Reply
from ...shell import is_value_shown
from .. import cell
from ..options import parse_cell_line
from .command import Context

__all__ = ["ask", "last"]


def ask(context: Context, rest: str) -> Reply | None:
    """One question in one line; its reply, for `r = %wcode ask …`. None: it would be shown below its own answer."""
    options = parse_cell_line(rest, with_text=True, namespace=context.shell.user_ns)
    reply = cell.ask(context.shell, context.client, options, options.rest)
    return None if is_value_shown() else reply


def last(context: Context, rest: str) -> Reply:
    """The newest reply. Raises InputError when there is none yet."""
    if (reply := context.client.session.last) is None:
        raise InputError(_("No reply in this session yet"))
    return reply
