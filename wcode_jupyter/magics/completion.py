"""What Tab offers on a `%wcode` line and in a `%%wcode` cell: options, values, models, commands, `{{names}}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..batch.engines import ENGINES, is_engine
from ..batch.plan import SWEPT
from ..errors import InputError
from ..guide import topics
from ..request.messages import LOCAL
from ..request.parameters import PARAMETERS, Option
from ..request.settings import ROWS
from ..session import Session
from ..session.presets import Presets
from ..store import MODES
from .commands import COMMANDS
from .commands.again import AGAIN_OPTIONS, LINEAGE_OPTIONS
from .commands.audit import AUDIT_OPTIONS
from .commands.chats import CHATS_OPTIONS, CHATS_WORDS
from .commands.export import EXPORT_OPTIONS, EXPORT_WORDS, requests_in
from .commands.findings import FINDINGS, WORDS, replies_variables
from .commands.history import HISTORY_OPTIONS, USAGE_OPTIONS
from .commands.key import KEY_OPTIONS
from .commands.label import CODEBOOK_OPTIONS, LABEL_OPTIONS, SAMPLES
from .commands.methods import METHODS_OPTIONS
from .commands.package import PACKAGE_OPTIONS
from .commands.replay import REPLAY_OPTIONS
from .completion_facts import POPULAR, facts
from .options import CELL_OPTIONS

__all__ = ["candidates", "columns_of", "complete"]

_LINE = re.compile(r"^\s*(%%?)wcode[ \t]+(.*)$", re.DOTALL)
_REFERENCE = re.compile(r"\{\{[ \t]*(\w*)$")

# Second words of commands that have them.
_SUBWORDS = {
    "key": ("set", "forget", "status"),
    "local": ("start", "stop", "status"),
    "preset": ("save", "list", "delete"),
    "replay": MODES,
    "history": ("show", "forget"),
    "chats": CHATS_WORDS,
    "export": EXPORT_WORDS,
    "help": topics(),
}
_OPTIONS = {
    "key": KEY_OPTIONS,
    "replay": REPLAY_OPTIONS,
    "again": AGAIN_OPTIONS,
    "audit": AUDIT_OPTIONS,
    "lineage": LINEAGE_OPTIONS,
    "package": PACKAGE_OPTIONS,
    "methods": METHODS_OPTIONS,
    "history": HISTORY_OPTIONS,
    "usage": USAGE_OPTIONS,
    "chats": CHATS_OPTIONS,
    "export": EXPORT_OPTIONS,
    "label": LABEL_OPTIONS,
    "codebook": CODEBOOK_OPTIONS,
    **{finding.name: finding.options for finding in FINDINGS},
}
_OF_REPLIES = {"label", *(finding.name for finding in FINDINGS)}
"""Commands whose first word is a variable with the replies of a batch run."""
_SHORT = {"-m": "--model", "-o": "--output", "-p": "--param"}


def _are_rows(value: object) -> bool:
    is_rows = isinstance(value, Iterable) or _is_lazy(value)
    return is_rows and not isinstance(value, (str, bytes, Mapping, type))


def _is_lazy(value: object) -> bool:
    """Whether it is a frame that has to be computed, which only asking does."""
    return hasattr(type(value), "collect")


_VARIABLES: dict[str, Callable[[object], bool]] = {
    "schema": lambda value: True,
    "image": lambda value: True,
    "tools": callable,
    "score": callable,
    "each": _are_rows,
    "prompts": lambda value: isinstance(value, Mapping),
    "engine": is_engine,
}
"""Options that take a variable of the notebook, and which."""
_ARITIES = {option.name: option.arity for option in CELL_OPTIONS}
_OF_IPYTHON = frozenset(("In", "Out", "exit", "get_ipython", "open", "quit"))


def complete(context: Any, session: Session, namespace: Mapping[str, object]) -> dict[str, object]:
    """IPython's matcher result for a completion context."""
    from IPython.core.completer import SimpleCompletion

    before = context.line_with_cursor[: context.cursor_position]
    head = context.full_text.lstrip().partition("\n")[0]
    in_cell = head.startswith("%%wcode") and context.cursor_line > 0
    fragment, words = candidates(before, session, namespace, head=head if in_cell else None)
    found = [word for word in words if word.startswith(fragment)]
    return {
        "completions": [SimpleCompletion(text=word, type=facts(word, session, namespace)) for word in found],
        "matched_fragment": fragment,
        "ordered": True,
        "suppress": bool(found),
    }


def candidates(
    before: str, session: Session, namespace: Mapping[str, object], *, head: str | None = None
) -> tuple[str, list[str]]:
    """(the fragment to complete, all words that may stand there) for the text before the cursor.

    `head` is the first line of the cell when the cursor is below it.
    """
    if head is not None:
        if reference := _REFERENCE.search(before):
            return reference[1], list(dict.fromkeys([*columns_of(head.split(), namespace), *_public(namespace)]))
        return "", []
    if not (line := _LINE.match(before)):
        return "", []
    *words, fragment = re.split(r"\s+", line[2])
    if line[1] == "%":
        if not words:
            return fragment, [command.name for command in COMMANDS]
        command, *words = words
        if command not in ("ask", "explain", "fix", "panel"):
            if command == "export" and words and (values := _export_values(words[-1], session, namespace)):
                return fragment, values
            if fragment.startswith("-"):
                return fragment, [option.option for option in _OPTIONS.get(command, ())]
            if command in _OF_REPLIES:
                return fragment, _of_replies(words, namespace)
            return fragment, _after_command(command, words, session)
    option, equals, value = fragment.partition("=")
    if fragment.startswith("-") and equals:
        return value, _values(option, words, session, namespace)
    if words and _takes_value(words[-1]):
        return fragment, _values(words[-1], words, session, namespace)
    if fragment.startswith("-"):
        return fragment, _options()
    return fragment, _models(session) if not any(word in words for word in _models(session)) else []


def _after_command(command: str, words: list[str], session: Session) -> list[str]:
    if command in ("models", "params", "setup"):
        return _models(session)
    if command == "set":
        return [f"{name}=" for name in ROWS]
    if command == "unset":
        return list(ROWS)
    if command == "preset" and len(words) == 1:
        return _presets()
    if command == "chats" and len(words) == 1:
        return [chat.name for chat in session.chats.all()]
    return list(_SUBWORDS.get(command, ())) if not words else []


def _of_replies(words: list[str], namespace: Mapping[str, Any]) -> list[str]:
    """The variable first; behind an option what it takes: fixed words, labels, columns of the rows, fields, factors."""
    if not words:
        return replies_variables(namespace)
    option = words[-1].removeprefix("--")
    if option in WORDS:
        return list(WORDS[option])
    if option == "sample":
        return list(SAMPLES)
    if option == "codebook":
        return _public(namespace, lambda value: type(value).__name__ == "Codebook")
    if option in ("truth", "labels"):
        return _public(namespace, lambda value: type(value).__name__ == "Labels")
    return []


def _export_values(option: str, session: Session, namespace: Mapping[str, Any]) -> list[str]:
    return requests_in(namespace) if option == "--from" else _values(option, [], session, namespace)


def _options() -> list[str]:
    rows = [row.option for row in ROWS.values()]
    negated = [f"--no-{row.option[2:]}" for row in ROWS.values() if row.kind == "bool"]
    popular = ["--" + name.replace("_", "-") for name in POPULAR]
    return list(dict.fromkeys([*popular, *rows, *(option.option for option in CELL_OPTIONS), *negated]))


def _name(option: str) -> str:
    return _SHORT.get(option, option).removeprefix("--").replace("-", "_")


def _takes_value(word: str) -> bool:
    """Whether `word` is an option whose value follows."""
    name = _name(word)
    if not word.startswith("-") or "=" in word:
        return False
    return _ARITIES[name] != "flag" if name in _ARITIES else name in ROWS


def _values(option: str, words: list[str], session: Session, namespace: Mapping[str, object]) -> list[str]:
    """Words that may follow `option` on a line of `words`; empty when any text may, or none."""
    name = _name(option)
    if not option.startswith("-"):
        return []
    if name == "model":
        return _models(session)
    if name in _VARIABLES:
        found = _public(namespace, _VARIABLES[name])
        return [*(engine.name for engine in ENGINES), *found] if name == "engine" else found
    if name == "key":
        return columns_of(words, namespace)
    if name == "sweep":
        return [f"{swept}=" for swept in sorted(SWEPT)]
    if name == "chat":
        return [chat.name for chat in session.chats.all()]
    if name == "preset":
        return _presets()
    if name == "param":
        return [f"{parameter.name}=" for parameter in PARAMETERS]
    if name == "without":
        return [parameter.name for parameter in PARAMETERS]
    if name in ROWS and ROWS[name].kind == "bool":
        return ["true", "false"]
    return _fitting(ROWS[name]) if name in ROWS else []


def _fitting(row: Option) -> list[str]:
    """The choices of `row`, in their order; for a number what the pages name as default, and the ends of its range."""
    if row.kind not in ("int", "float"):
        return list(row.choices)
    named = (getattr(row, "page_default", None), row.low, row.high)
    return list(
        dict.fromkeys(f"{value:g}" if isinstance(value, float) else str(value) for value in named if value is not None)
    )


def _presets() -> list[str]:
    try:
        return Presets().names()
    except InputError:  # the file cannot be read: said when a preset is used
        return []


def _public(namespace: Mapping[str, object], fits: Callable[[object], bool] = lambda value: True) -> list[str]:
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_") and name not in _OF_IPYTHON and fits(value)
    ]


def columns_of(words: list[str], namespace: Mapping[str, Any]) -> list[str]:
    """The columns of the rows that `--each` names among `words`, where looking neither computes nor uses them up."""
    line = " ".join(words).replace("--each=", "--each ").split()
    name = line[line.index("--each") + 1] if "--each" in line[:-1] else ""
    rows: object = namespace.get(name)
    if isinstance(rows, (list, tuple)) and rows and isinstance(rows[0], Mapping):
        return [str(column) for column in rows[0]]
    return [] if _is_lazy(rows) else [str(column) for column in getattr(rows, "columns", ())]


def _models(session: Session) -> list[str]:
    return [*session.catalogue, LOCAL]
