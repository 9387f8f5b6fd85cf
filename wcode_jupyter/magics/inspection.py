"""What Shift+Tab and the completion's documentation say inside a `%wcode` line and a `%%wcode` cell.

An option with its range and what it does, the value of a `{{name}}`, the facts of a model, a command with its usage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import InputError
from ..language import _
from ..request.messages import LOCAL
from ..request.settings import ROWS
from ..session import Session
from .commands import COMMANDS
from .completion import columns_of
from .completion_facts import model_facts, row_facts, variable_facts
from .options import CELL_OPTIONS, SHORT

__all__ = ["inspect"]

_CELL = {option.name: option for option in CELL_OPTIONS}
_COMMANDS = {command.name: command for command in COMMANDS}
_MAGIC = re.compile(r"\s*(%%?)wcode(?=\s|$)")
_REFERENCE = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*(?:\}\})?")
_VALUE_CHARACTERS = 400


def inspect(code: str, cursor: int, session: Session, namespace: Mapping[str, object]) -> str | None:
    """The documentation of what stands at `cursor` in `code`; empty where nothing is known.

    None where the place is not this package's, and on the magic's own name: IPython then answers as usual.
    """
    cursor = min(cursor, len(code))  # JupyterLab asks beyond the end for a word that Tab offers
    start = code.rfind("\n", 0, cursor) + 1
    line, column = code[start:].partition("\n")[0], cursor - start
    head = code.lstrip().partition("\n")[0]
    magic = _MAGIC.match(line)
    if not (is_cell := head.startswith("%%wcode") and _MAGIC.match(head) is not None) and magic is None:
        return None
    if name := next((found[1] for found in _REFERENCE.finditer(line) if found.start() < column <= found.end()), ""):
        return _variable(name, head, namespace)
    if is_cell and code[:start].strip():
        return ""
    if magic is None or column <= magic.end():
        return None
    return _word(line[magic.end() :], column - magic.end(), session, is_command=magic[1] == "%")


def _variable(name: str, head: str, namespace: Mapping[str, object]) -> str:
    columns = columns_of(head.split(), namespace)
    if name in columns or ("--each" in head and not columns and name not in namespace):
        return f"{name}: " + _("a column of the rows")
    return f"{name}: {variable_facts(namespace[name], _VALUE_CHARACTERS)}" if name in namespace else ""


def _word(rest: str, column: int, session: Session, *, is_command: bool) -> str:
    """The option, model or command at `column` of a line's `rest`; in a value, the option that it belongs to."""
    before = [found[0] for found in re.finditer(r"\S+", rest) if found.start() < column]
    for word in reversed(before[-2:]):
        if word.startswith("-"):
            return _option(word.partition("=")[0])
    word = before[-1] if before else ""
    if is_command and len(before) == 1:
        command = _COMMANDS.get(word)
        return f"%wcode {command.usage}\n\n{_(command.help)}" if command else ""
    if is_command and (name := word.partition("=")[0]) in ROWS:
        return _row(name)
    return _model(word, session)


def _option(option: str) -> str:
    name = SHORT.get(option) or option.removeprefix("--").replace("-", "_")
    if name in _CELL:
        own = _CELL[name]
        names = ", ".join(filter(None, (own.short, own.option)))
        return f"{names} {own.metavar}".rstrip() + f"\n\n{_(own.help)}"
    return _row(name) or _row(name.removeprefix("no_"))


def _row(name: str) -> str:
    return f"{ROWS[name].option}  {row_facts(ROWS[name])}\n\n{_(ROWS[name].help)}" if name in ROWS else ""


def _model(word: str, session: Session) -> str:
    try:
        model = session.catalogue.resolve(word)
    except InputError as error:
        return str(error)
    if model == LOCAL:
        return f"{LOCAL}: " + _("embedded demo model")
    if model not in session.catalogue:
        return ""
    known = session.catalogue.model(model)
    return f"{known.name or model} ({model})\n\n{model_facts(known)}"
