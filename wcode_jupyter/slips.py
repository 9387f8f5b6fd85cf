"""Cells that IPython reads otherwise than their author, rewritten as the call that is meant or that says what is wrong.

IPython takes a line that ends with `?` for a request for help, refuses a cell magic without a body with words of its
own, and finds no magic where a cell magic is not the first line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shell import Shell

__all__ = ["Slips"]

_CELL = re.compile(r"%%wcode(?:[ \t]|$)")
# What is pasted below it is no Python.
_IMPORT = re.compile(r"%wcode[ \t]+import[ \t]*\n")
_ASKED = re.compile(r"[ \t]*%wcode[ \t]+(\S.*\?)[ \t]*$")


class Slips:
    """A transformer of cells for `shell.input_transformers_cleanup`."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def __call__(self, lines: list[str]) -> list[str]:
        """`lines` as they are meant; unchanged where no `wcode` magic is misread."""
        if not any("%wcode" in line for line in lines):
            return lines
        if _IMPORT.fullmatch(lines[0]) and len(lines) > 1:
            return [f"get_ipython().run_cell_magic('wcode', 'import', {''.join(lines[1:])!r})\n"]
        if lines[0].startswith("%%"):
            return _without_body(lines)
        if self._is_misplaced(lines):
            return ["get_ipython().find_cell_magic('wcode').misplaced()\n"]
        return lines if _has_long_strings(lines) else [_kept_question_mark(line) for line in lines]

    def _is_misplaced(self, lines: list[str]) -> bool:
        """Whether a `%%wcode` line stands below code or comments, and not inside of a string."""
        first = next((number for number, line in enumerate(lines) if _CELL.match(line)), 0)
        above = "".join(lines[:first]) + "\n\n"
        return first > 0 and self._shell.check_complete(above)[0] == "complete"


def _without_body(lines: list[str]) -> list[str]:
    if not _CELL.match(lines[0]) or len(lines) > 1:
        return lines
    rest = lines[0].partition("%%wcode")[2].strip()
    return [f"get_ipython().run_cell_magic('wcode', {rest!r}, '\\n')\n"]


def _has_long_strings(lines: list[str]) -> bool:
    return any(quotes in line for line in lines for quotes in ('"""', "'''"))


def _kept_question_mark(line: str) -> str:
    if (asked := _ASKED.match(line)) is None:
        return line
    return f"get_ipython().run_line_magic('wcode', {asked[1]!r})\n"
