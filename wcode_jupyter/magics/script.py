"""The cells that were run in this session, for a script: each question with the request that it became."""

from __future__ import annotations

import re

from ..errors import WcodeError
from ..export import RanCell
from ..request.messages import Request
from ..request.parameters import OMITTED, PARAMETERS
from ..session import Session
from ..shell import Shell
from .cell import with_preset
from .many import is_many
from .options import CellLine, parse_cell_line

__all__ = ["cells_of"]

_QUESTION = re.compile(r"%%wcode(?:[ \t]+([^\n]*))?\n(.*)|%wcode[ \t]+ask[ \t]+([^\n]*)", re.DOTALL)
_REFERENCE = re.compile(r"\{\{[ \t]*[^\W\d]\w*[ \t]*\}\}")


def cells_of(shell: Shell, session: Session) -> list[RanCell]:
    """The cells of this session in the order they were run, the one that runs now (the last) left out.

    What was sent is not kept beside the cell, so a question takes the first of the replies not yet taken that its words
    and options could have become; others are the panel's. One that finds none (it failed, or was a dry run) is kept
    as typed.
    """
    typed: list[str] = shell.history_manager.input_hist_raw
    failed = getattr(shell.history_manager, "exceptions", {})  # since IPython 9
    replies = [reply.request for reply in session.replies if reply.request is not None]
    cells = []
    for number, source in enumerate(typed[:-1]):
        question = _question(source)
        if question is None:
            cells.append(RanCell(source=source, failed=number in failed))
            continue
        options, text = question
        place = next((n for n, request in enumerate(replies) if _fits(session, options, text, request)), None)
        if place is None:
            cells.append(RanCell(source=source, failed=True))
            continue
        cells.append(RanCell(request=replies[place], name=options.output or ""))
        del replies[: place + 1]
    return cells


def _question(source: str) -> tuple[CellLine, str] | None:
    """Options and prompt of a cell that asks once; None for all others, and for one that could not be read."""
    match = _QUESTION.fullmatch(source.strip("\n"))
    if match is None:
        return None
    line, body, asked = match.groups()
    try:
        options = with_preset(parse_cell_line(line or "") if asked is None else parse_cell_line(asked, with_text=True))
    except WcodeError:
        return None
    if is_many(options) or options.flag("dry_run"):
        return None
    return options, options.rest if body is None else body


def _fits(session: Session, options: CellLine, text: str, request: Request) -> bool:
    """Whether a cell of these words may have become `request`: what references stood for is not known any more."""
    said = [message.text for message in request.messages if message.role == "user"]
    asked = {parameter.name for parameter in PARAMETERS} & options.values.keys()
    model = options.values.get("model")
    return (
        bool(said)
        and _may_become(text, said[-1])
        and all(request.parameters.get(name, OMITTED) == options.values[name] for name in asked)
        and (model is None or request.model in (session.catalogue.resolve(model), session.local_model))
    )


def _may_become(template: str, text: str) -> bool:
    """Whether `text` is `template` with something in the place of each reference."""
    first, *rest = _REFERENCE.split(template.strip())
    text = text.strip()
    if not rest or not text.startswith(first):
        return text == first
    place = len(first)
    for piece in rest[:-1]:
        if (found := text.find(piece, place)) < 0:
            return False
        place = found + len(piece)
    return text.endswith(rest[-1]) and place <= len(text) - len(rest[-1])
