"""What stands beside each word that Tab offers: the range of an option, the price of a model, what a variable holds.

Front ends show it where they show the kind of a completion, so it is a few words.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..catalogue import Model
from ..errors import one_line
from ..keys import Secret
from ..language import _
from ..panel.references import describe
from ..request.messages import LOCAL
from ..request.parameters import Option
from ..request.settings import ROWS
from ..session import Session
from .commands import COMMANDS
from .options import CELL_OPTIONS

__all__ = ["POPULAR", "facts", "model_facts", "row_facts", "variable_facts"]

POPULAR = (
    "model", "output", "temperature", "max_tokens", "system", "reasoning", "chat", "schema", "image", "tools", "each",
    "dry_run", "stop", "top_p", "seed",
)  # fmt: skip
"""Options by name that are offered before all others, the commonest first."""

_PLAIN = (str, int, float, bool, type(None))
_CELL = {option.option: option.metavar for option in CELL_OPTIONS}
_COMMANDS = {command.name: command for command in COMMANDS}


def facts(word: str, session: Session, namespace: Mapping[str, object]) -> str:
    """A few words on `word`; `param` where there is nothing to say."""
    name = word.strip("-=").removeprefix("no-").replace("-", "_")
    if word in _CELL:
        return _CELL[word] or _("flag")
    if name in ROWS and (word.startswith("--") or word.endswith("=")):
        return row_facts(ROWS[name])
    if word == LOCAL:
        return _("embedded demo model")
    if word in session.catalogue:
        return model_facts(session.catalogue.model(word))
    if word in _COMMANDS:
        return one_line(_(_COMMANDS[word].help), 60)
    return variable_facts(namespace[word]) if word in namespace else "param"


def row_facts(row: Option) -> str:
    """Range and page default."""
    default = getattr(row, "page_default", None)
    return row.range + (" · " + _("page default {value}").format(value=default) if default else "")


def model_facts(model: Model) -> str:
    """Price and context."""
    price = model.price(0)
    parts = [
        f"¥{price.input}→{price.output}/1k" if price else "",
        f"{model.context // 1000:,}k" if model.context else "",
    ]
    return " · ".join(part for part in parts if part) or _("model")


def variable_facts(value: object, length: int = 40) -> str:
    """Type and size, and for plain values the value, up to `length` characters; never a key."""
    if isinstance(value, _PLAIN) and not isinstance(value, Secret):
        return f"{type(value).__name__} {one_line(repr(value), length)}"
    return describe(value)
