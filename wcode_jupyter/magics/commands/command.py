"""A `%wcode` command, and what it works on."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ...client import Client
from ...shell import Shell
from ..line import check_no_more, parse_command

__all__ = ["Command", "Context"]


class Context(Struct, frozen=True):
    """What a command works on: IPython's shell and the notebook's client."""

    shell: Shell
    client: Client


class Command(Struct, frozen=True):
    """One `%wcode` word. `run(context, rest)` gets the rest of the line; what it returns is the cell's value."""

    name: str
    usage: str
    help: str
    run: Callable[[Context, str], object]

    def __call__(self, context: Context, rest: str) -> object:
        """Runs it. Raises WcodeError, also for anything behind a command that stands alone."""
        if self.usage == self.name:
            check_no_more(parse_command(rest, ()).words)
        return self.run(context, rest)
