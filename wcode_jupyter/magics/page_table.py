"""What the page needs of the tables, as plain data: JupyterLab's side bar works while the kernel is busy or absent.

`python -m tests.test_docs` writes it as `labextension/static/table.json`, and a test compares the two. Texts are
English, with the translation of each beside them; what the labextension itself says is listed here, so that the one
catalogue of texts holds it.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator

from ..catalogue import Catalogue, Model
from ..language import N_, Language, _, languages, speaking
from ..panel.parameters import tabs
from ..request.messages import LOCAL
from ..request.parameters import Option
from ..request.settings import ROWS
from .options import CELL_OPTIONS, SHORT, CellOption

__all__ = ["page_table"]

_EXACT = 2**53
"""Up to here JavaScript's numbers are exact integers; what lies beyond is sent as text."""

_COMMON = (
    "model", "system", "output", "chat", "schema", "image", "preset", "each", "repeat", "dry_run", "raw", "quiet",
)  # fmt: skip
"""What has a control in the first group: the model, the system prompt, and options that only a cell has."""

_CELL = N_("Cell")

_TEXTS = (
    # commands and the answer's bar
    N_("wcode: Open panel"),
    N_("wcode: Insert %%wcode cell"),
    N_("wcode: Open side bar"),
    N_("Copy"),
    N_("Copied"),
    N_("Insert cell below"),
    N_("Insert this code as a cell below"),
    N_("Answer"),
    N_("Code"),
    N_("Copy answer"),
    N_("Ask again"),
    N_("Continue"),
    N_("Fork chat"),
    N_("Compare"),
    N_("Run a copy of this cell below"),
    N_("Insert a cell that asks for the rest of the answer"),
    N_("Insert a cell that continues a copy of the chat"),
    N_("Insert a copy of this cell that asks a second model"),
    N_("Continue exactly where this answer stops:"),
    N_("The answer is being written"),
    N_("Continue exactly where your answer stopped."),
    N_("Follow"),
    N_("Scroll along until you scroll away"),
    # the side bar
    N_("wcode cell"),
    N_("Select a %%wcode cell to see and change its options here."),
    N_("Insert %%wcode cell"),
    N_("Run cell"),
    N_("{n} set"),
    N_("{n} of {total} models"),
    N_("Models"),
    N_("¥ / 1000 tokens"),
    N_("Explain"),
    N_("Show the meaning of each parameter"),
    N_("not set"),
    N_("not sent in this cell"),
    N_("page default {value}"),
    N_("Remove {name}"),
    N_("another {name}"),
    N_("model id, or a word to search for"),
    N_("JSON…"),
    N_("the slider of {name}"),
    # what is wrong with a line
    N_("Unknown option {word}"),
    N_("A quote is not closed: {text}"),
    N_("{option} needs a value"),
    N_("{option} is set twice"),
    N_("{option} takes no value"),
    N_("Unexpected word {word}"),
    N_("Unexpected word {word}: the model is already {model}"),
    N_("expected {range}"),
    N_("not valid JSON"),
    N_("not a whole number"),
    N_("no stop sequence"),
    N_("effort must be one of {choices}"),
    N_("type must be one of {choices}"),
    N_("{token} is not a token id"),
    N_("the bias of token {token} must be between -100 and 100"),
    N_("json_schema needs a name and a schema"),
    N_("the schema name may have at most 64 letters, digits, _ and -"),
    N_("each function tool needs a function with a name"),
    N_("not a variable name"),
    # a reference in a prompt
    N_("{name} is not defined"),
)


def page_table() -> dict[str, object]:
    """The rows, their groups, the cell's options, the models, and each text in each other language."""
    with speaking("en"):
        groups = {_CELL: list(_COMMON)} | {title: [row.name for row in rows] for title, rows in tabs().items()}
        table: dict[str, object] = {
            "groups": groups,
            "rows": [_row(row) for row in ROWS.values()],
            "cell": [_option(option) for option in CELL_OPTIONS],
            "short": dict(SHORT),
            "keywords": keyword.kwlist,
            "models": [*map(_model, Catalogue.load().values()), {"id": LOCAL, "name": _("embedded demo model")}],
        }
    texts = [*_TEXTS, *groups, *_strings(table)]
    return table | {name: _translated(texts, name) for name in languages() if name != "en"}


def _row(row: Option) -> dict[str, object]:
    default = getattr(row, "page_default", None)
    return {
        "name": row.name,
        "kind": row.kind,
        "low": _bound(row.low),
        "high": _bound(row.high),
        "choices": list(row.choices),
        "shorthand": getattr(row, "shorthand", None),
        "default": default,
        "range": row.range,
        "help": row.help,
    }


def _bound(value: float | None) -> float | str | None:
    return str(value) if value is not None and abs(value) >= _EXACT else value


def _option(option: CellOption) -> dict[str, object]:
    return {"name": option.name, "arity": option.arity, "metavar": option.metavar, "help": option.help}


def _model(model: Model) -> dict[str, object]:
    price = model.price(0)
    return {
        "id": model.id,
        "name": model.name,
        "context": model.context,
        "price": f"¥{price.input}→{price.output}" if price else "",
    }


def _strings(value: object) -> Iterator[str]:
    """All texts in `value`, the names of members left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def _translated(texts: Iterable[str], wish: Language) -> dict[str, str]:
    with speaking(wish):
        return {text: translation for text in texts if text and (translation := _(text)) != text}
