"""`%wcode help`: all options and commands, or a page of the guide."""

from __future__ import annotations

import re

from ...display.answer import wrap
from ...display.markdown import render
from ...guide import page
from ..line import parse_command
from ..manual import manual
from .command import Command, Context

__all__ = ["GuidePage", "show_help"]

_MARK = re.compile(r"<!-- /?\w+ -->\n?")


class GuidePage:
    """A page of the guide, formatted in the notebook and in the terminal."""

    def __init__(self, text: str) -> None:
        self.text = _MARK.sub("", text)

    def __repr__(self) -> str:
        return self.text.rstrip("\n")

    def _repr_html_(self) -> str:
        return wrap(render(self.text))


def show_help(commands: tuple[Command, ...], context: Context, rest: str) -> GuidePage | None:
    """The page that `rest` names; without one, prints all options and commands. Raises OptionError."""
    words = parse_command(rest, ()).words
    if words:
        return GuidePage(page(" ".join(words).lower()))
    print(manual(commands))
    return None
