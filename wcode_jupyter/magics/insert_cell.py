"""A cell with `--insert`: the code of its answer goes into a new cell below, which nobody runs but the user."""

from __future__ import annotations

from ..characters import visible
from ..language import _
from ..reply import Reply
from ..shell import Shell

__all__ = ["code_of", "insert_code"]

_PYTHON = ("", "python", "py", "python3", "ipython")


def insert_code(shell: Shell, reply: Reply) -> None:
    """Puts the code of `reply` into a new cell below; says so where it has none."""
    if not (source := code_of(reply)):
        print(_("The answer has no code block to insert."))
        return
    # Runners without a frontend ignore this: the code is in reply.code too.
    shell.set_next_input(source, replace=False)


def code_of(reply: Reply) -> str:
    """The Python blocks of `reply`, or, where it has none, all its blocks; a blank line between them.

    Unseen characters are signs: the cell reads as it runs.
    """
    blocks = reply.code
    chosen = [block for block in blocks if block.language.lower() in _PYTHON] or blocks
    return visible("\n\n".join(block.source.rstrip("\n") for block in chosen))
