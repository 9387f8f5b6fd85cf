"""`%wcode explain` and `%wcode fix`: the last exception of the notebook, and what a model says of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from msgspec.structs import replace

from ...characters import visible
from ...display.answer import wrap
from ...display.renderer import code_block
from ...errors import AnswerMalformed, OptionError, WcodeError
from ...language import _
from ...reply import Reply
from ...shell import is_watched
from .. import cell
from ..explain import Failed, difference, explain_prompt, fix_prompt, last_failure
from ..options import parse_cell_line
from .command import Context

__all__ = ["explain", "fix"]


def explain(context: Context, rest: str) -> None:
    """Streams an explanation; `rest` are options of the cell. Raises WcodeError."""
    with _last_failure(context) as failed:
        _ask(context, rest, explain_prompt(failed))


def fix(context: Context, rest: str) -> object:
    """Asks for the corrected cell and gives the difference; `--insert` puts it into a new cell, which is never run."""
    words = rest.split()
    insert = "--insert" in words
    if "--background" in words:
        raise OptionError(_("--background cannot be combined with {option}").format(option="%wcode fix"))
    with _last_failure(context) as failed:
        line = " ".join(word for word in words if word != "--insert") if insert else rest
        if (reply := _ask(context, line, fix_prompt(failed))) is None:
            return None
        corrected = _corrected(reply)
    if insert:
        context.shell.set_next_input(corrected, replace=False)
    return Difference(difference(failed.cell, corrected))


@contextlib.contextmanager
def _last_failure(context: Context) -> Iterator[Failed]:
    """The last exception of the notebook, which stays the last one where asking about it fails."""
    failed = last_failure(context.shell, context.client.session.keys.redact)
    try:
        yield failed
    except WcodeError as error:
        error.about = failed
        raise


def _corrected(reply: Reply) -> str:
    """The cell that the answer proposes. Raises AnswerMalformed: there is none, or only its beginning."""
    if not reply.code:
        raise AnswerMalformed(_("The answer contains no code block"), hint=_("Run it again."), reply=reply)
    if reply.ended == "length":
        hint = _("The answer was cut at max_tokens. Raise it.")
        raise AnswerMalformed(_("The proposed cell is not complete"), hint=hint, reply=reply)
    return visible(reply.code[0].source.rstrip("\n"))  # what the difference shows is what would run


def _ask(context: Context, rest: str, prompt: str) -> Reply | None:
    options = parse_cell_line(rest)
    if not options.flag("dry_run") and not _agreed(context, prompt):
        print(_("No request was sent."))
        return None
    # What stands in braces is the user's code, not a reference.
    return cell.ask(context.shell, context.client, replace(options, own={**options.own, "raw": True}), prompt)


def _agreed(context: Context, prompt: str) -> bool:
    """Whether it may be sent: once in a session the user sees all of it first, where a person is there to see it."""
    session = context.client.session
    sends_nothing = session.strict or session.values()["replay"].value == "replay"
    if sends_nothing or session.knows_what_explain_sends or not is_watched():
        return True
    print(_("What is sent (shown once in a session):"))
    print(visible(prompt))
    answer = input(_("Send it? [y/N] ")).strip().lower()
    session.knows_what_explain_sends = answer in ("y", "yes", "是")
    return session.knows_what_explain_sends


class Difference:
    """A unified diff, in colours where there are any."""

    def __init__(self, text: str) -> None:
        self._text = visible(text) or _("The proposed cell is the same.")

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        # With a newline: the lexer takes no line for one of a diff that has no end.
        return wrap(code_block(self._text + "\n", "diff"))
