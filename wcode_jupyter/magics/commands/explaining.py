"""`%wcode explain` and `%wcode fix`: the last exception of the notebook, and what a model says of it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ...errors import AnswerMalformed
from ...explain import difference, explain_prompt, fix_prompt, last_failure
from ...language import _
from .. import cell
from ..options import parse_cell_line
from .asking import Context

__all__ = ["explain", "fix"]


def explain(context: Context, rest: str) -> None:
    """Streams an explanation; `rest` are options of the cell. Raises WcodeError."""
    _ask(context, rest, explain_prompt(last_failure(context.shell, context.client.session.keys.redact)))


def fix(context: Context, rest: str) -> Any:
    """Asks for the corrected cell and gives the difference; `--insert` puts it into a new cell, which is never run."""
    words = rest.split()
    insert = "--insert" in words
    failed = last_failure(context.shell, context.client.session.keys.redact)
    _ask(context, " ".join(word for word in words if word != "--insert") if insert else rest, fix_prompt(failed))
    reply = context.client.session.last
    if reply is None or not reply.code:
        raise AnswerMalformed(_("The answer holds no code block"), hint=_("Run it again."), reply=reply)
    corrected = reply.code[0].source.rstrip("\n")
    if insert:
        context.shell.set_next_input(corrected, replace=False)
    return Difference(difference(failed.cell, corrected))


def _ask(context: Context, rest: str, prompt: str) -> None:
    options = parse_cell_line(rest)
    # What stands in braces is the user's code, not a reference.
    cell.ask(context.shell, context.client, replace(options, own={**options.own, "raw": True}), prompt)


class Difference:
    """A unified diff, in colours where there are any."""

    def __init__(self, text: str) -> None:
        self._text = text or _("The proposed cell is the same.")

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        from ...display.answer import wrap
        from ...display.renderer import code_block

        return wrap(code_block(self._text, "diff"))
