"""`%wcode ask` and `%wcode last`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ...client import Client
from ...errors import InputError
from ...language import _
from ...reply import Reply
from .. import cell
from ..options import parse_cell_line

__all__ = ["Context", "ask", "last"]


class Context(Struct, frozen=True):
    """What a command works on: IPython's shell and the notebook's client."""

    shell: Any
    client: Client


def ask(context: Context, rest: str) -> None:
    """One question in one line."""
    options = parse_cell_line(rest, with_text=True)
    cell.ask(context.shell, context.client, options, options.rest)


def last(context: Context, rest: str) -> Reply:
    """The newest reply. Raises InputError when there is none yet."""
    if (reply := context.client.session.last) is None:
        raise InputError(_("No reply in this session yet"))
    return reply
