"""What do my braces mean: `{{name}}` puts the notebook variable `name` into the text, in one pass.

A reference is one bare identifier between exactly two braces on each side, spaces allowed: `{{name}}`, `{{ name }}`.
Everything else stays as it was typed: single braces, attributes, calls, indexes, format specs, Jinja, JSON, BibTeX
titles of several words, three or more braces (`{{{x}}}`), Python's keywords and `__dunder__` names. What is inserted
is never scanned again, so no variable can reach another one.

Where LaTeX or BibTeX means two braces around one word (`\\frac{{a}}{{b}}`, `{{Title}}`) the word is a reference, and an
error unless it is defined: the error says that `--raw` sends all braces as typed.
"""

from __future__ import annotations

import json
import keyword
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from msgspec import Struct

from ..errors import InputError, UndefinedReference, WcodeError, one_line
from ..keys import Secret
from ..language import _
from ..reply import PendingReply, Reply
from ..request.messages import Part, Text
from ..request.parameters import did_you_mean
from .images import kind_of, picture

__all__ = [
    "CONVERTERS",
    "Converter",
    "Expansion",
    "InsertLimits",
    "Inserted",
    "aliased",
    "expand",
    "references",
    "unmatched",
]

# Runs of braces are taken whole, so that `{{{x}}}` is seen as three and not as two with one beside them; the
# look-behind keeps a text of nothing but braces linear.
_BRACES = re.compile(r"(?<!\{)(\{{2,})[ \t]*([^\W\d]\w*)[ \t]*(\}{2,})")
# One brace on each side, as in Python's format strings; not where LaTeX has its arguments.
_SINGLE = re.compile(r"(?<![\\{}^_$\w])\{[ \t]*([^\W\d]\w*)[ \t]*\}(?!\})")
_LISTS = (range, deque, KeysView, ValuesView)
"""What lists its items and has no better text."""
_CODE = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+>")


class InsertLimits(Struct, frozen=True):
    """How much of a table or an array is inserted."""

    rows: int = 50
    columns: int = 20
    cell: int = 200
    """Characters."""
    items: int = 1000
    """Numbers of an array."""


_LIMITS = InsertLimits()


class Inserted(Struct, frozen=True):
    """What stands in the place of one reference."""

    text: str = ""
    parts: tuple[Part, ...] = ()
    """Parts that are not text (images), in the place of `text`."""
    note: str = ""
    """What was left out, for the user; empty when nothing was."""
    block: bool = False
    """Whether `text` must stand on lines of its own, as a table does."""


class Converter(Struct, frozen=True):
    """A row of `CONVERTERS`. `convert(value, name, limits)` raises InputError when `name` must not be inserted."""

    matches: Callable[[object], bool]
    convert: Callable[[Any, str, InsertLimits], Inserted]


class Expansion(Struct, frozen=True):
    """A text with its references replaced."""

    text: str
    names: tuple[str, ...] = ()
    """The variables used, each once, in the order of the text."""
    parts: tuple[Part, ...] = ()
    """The same as parts in their order when images are among them, else empty."""
    notes: tuple[str, ...] = ()
    """What was left out or looks unintended, for the status line."""

    @property
    def content(self) -> str | tuple[Part, ...]:
        """What a Message takes: `parts` when there are images, else `text`."""
        return self.parts or self.text


def references(text: str) -> tuple[str, ...]:
    """The names that `expand` would look up, each once, in the order of the text."""
    return tuple(dict.fromkeys(found[2] for found in _BRACES.finditer(text) if _is_reference(found)))


def aliased(text: str, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """`text` with references for names that are no identifiers (`{{review text}}`), and the name that each stands for.

    Names that are references by themselves are left as they are.
    """
    odd = sorted((name for name in names if name and references(_braced(name)) != (name,)), key=len, reverse=True)
    if not odd or "{{" not in text:
        return text, {}
    pattern = re.compile(r"(?<!\{)\{\{[ \t]*(" + "|".join(map(re.escape, odd)) + r")[ \t]*\}\}(?!\})")
    aliases = {name: f"column_{index}_of_the_rows" for index, name in enumerate(odd)}
    found = pattern.sub(lambda match: _braced(aliases[match[1]]), text)
    return found, {alias: name for name, alias in aliases.items() if _braced(alias) in found}


def unmatched(text: str, names: Iterable[str]) -> list[str]:
    """Notes on braces that look like a reference to one of `names` and are none: other spellings, one brace."""
    names = list(names)
    text, _aliases = aliased(text, names)
    notes = []
    for typed, inside in dict.fromkeys((found[0], found[1].strip()) for found in _ANYTHING.finditer(text)):
        if references(typed) or not inside or not any(character.isalpha() for character in inside):
            continue
        near = did_you_mean(inside.rpartition(".")[2], names)
        notes.append(
            f"{_('{typed} is sent unchanged: it is not a column').format(typed=typed)}. {near}".rstrip(". ") + "."
        )
    for typed, inside in dict.fromkeys((found[0], found[1].strip()) for found in _ONE_BRACE.finditer(text)):
        if inside in names:
            notes.append(_("{typed} was sent unchanged: a placeholder has two braces on each side").format(typed=typed))
    return notes


_ANYTHING = re.compile(r"(?<!\{)\{\{([^{}\n]{1,80})\}\}(?!\})")
_ONE_BRACE = re.compile(r"(?<!\{)\{([^{}\n]{1,80})\}(?!\})")


def expand(text: str, namespace: Mapping[str, object], *, limits: InsertLimits = _LIMITS) -> Expansion:
    """`text` with each `{{name}}` replaced by the variable of that name in `namespace`.

    Raises UndefinedReference naming all that are missing, InputError for a value that means nothing as text (an object
    shown as its address, bytes, a module) or must not leave (a key, the environment).
    """
    names = references(text)
    _refuse_undefined(names, namespace)
    inserted = {name: _convert(namespace[name], name, limits) for name in names}
    pieces = list(_pieces(text, inserted))
    parts = tuple(pieces) if any(not isinstance(piece, Text) for piece in pieces) else ()
    notes = [f"{_braced(name)}: {value.note}" for name, value in inserted.items() if value.note]
    return Expansion(
        text="".join(piece.text for piece in pieces if isinstance(piece, Text)),
        names=names,
        parts=parts,
        notes=(*notes, *_near_misses(text, namespace)),
    )


def _is_reference(found: re.Match[str]) -> bool:
    return len(found[1]) == len(found[3]) == 2 and _can_be_a_variable(found[2])


def _can_be_a_variable(name: str) -> bool:
    dunder = name.startswith("__") and name.endswith("__")
    return name.isidentifier() and not keyword.iskeyword(name) and not dunder


def _braced(name: str) -> str:
    return "{{" + name + "}}"


def _refuse_undefined(names: Sequence[str], namespace: Mapping[str, object]) -> None:
    if not (missing := [name for name in names if name not in namespace]):
        return
    public = [name for name in namespace if not name.startswith("_")]
    near = next((hint for name in missing if (hint := did_you_mean(name, public))), "")
    raise UndefinedReference(
        _("Variable not found: {names}").format(names=", ".join(map(_braced, missing))),
        hint=f"{near} {_('Use --raw to send braces unchanged.')}".strip(),
    )


def _near_misses(text: str, namespace: Mapping[str, object]) -> Iterator[str]:
    """Notes on variables that stand between braces but were not inserted, for want of exactly two."""
    typed = [found for found in _BRACES.finditer(text) if not _is_reference(found)]
    for whole in dict.fromkeys(found[0] for found in typed if found[2] in namespace and _can_be_a_variable(found[2])):
        yield _("{typed} was sent unchanged: a placeholder has two braces on each side").format(typed=whole)
    single = [found for found in _SINGLE.finditer(text) if found[1] in namespace and _is_a_value(found[1], namespace)]
    if names := dict.fromkeys(found[0] for found in single):
        yield _("{typed} was sent unchanged: a placeholder has two braces on each side").format(typed=", ".join(names))


def _is_a_value(name: str, namespace: Mapping[str, object]) -> bool:
    return _can_be_a_variable(name) and not name.startswith("_") and not isinstance(namespace[name], _CODE)


def _pieces(text: str, inserted: Mapping[str, Inserted]) -> Iterator[Part]:
    """The text between images, and the images; neighbouring text in one piece, never empty."""
    pending: list[str] = []
    position = 0
    for found in _BRACES.finditer(text):
        if not _is_reference(found):
            continue
        value = inserted[found[2]]
        pending.append(text[position : found.start()])
        position = found.end()
        if value.parts:
            yield from _joined(pending)
            yield from value.parts
            pending = []
        else:
            pending.append(_on_own_lines(value.text, text, found) if value.block else value.text)
    pending.append(text[position:])
    yield from _joined(pending)


def _joined(pending: Iterable[str]) -> Iterator[Part]:
    if joined := "".join(pending):
        yield Text(joined)


def _on_own_lines(block: str, text: str, found: re.Match[str]) -> str:
    before = "" if found.start() == 0 or text[found.start() - 1] == "\n" else "\n\n"
    after = "" if found.end() == len(text) or text[found.end()] == "\n" else "\n\n"
    return before + block + after


def _convert(value: object, name: str, limits: InsertLimits) -> Inserted:
    row = next(row for row in CONVERTERS if row.matches(value))
    try:
        return row.convert(value, name, limits)
    except WcodeError:
        raise
    except Exception as error:  # from the value's own code
        raise InputError(
            _("Cannot convert {name} to text: {error}").format(name=_braced(name), error=one_line(repr(error), 100)),
            hint=_("Insert a text derived from it."),
        ) from None


def _is(module: str, *types: str) -> Callable[[object], bool]:
    """Whether a value is one of `types` of the package `module`, or of a subclass: asked without importing it."""
    return lambda value: any(
        base.__name__ in types and (base.__module__ == module or base.__module__.startswith(module + "."))
        for base in type(value).__mro__
    )


def _secret(value: object, name: str, limits: InsertLimits) -> Inserted:
    raise InputError(
        _("{name} contains a key and is not sent").format(name=_braced(name)),
        hint=_("Insert another variable."),
    )


def _environment(value: object, name: str, limits: InsertLimits) -> Inserted:
    raise InputError(
        _("{name} contains the environment with its keys and is not sent").format(name=_braced(name)),
        hint=_("Store the values you need in separate variables."),
    )


def _meaningless(name: str, kind: str) -> InputError:
    return InputError(
        _("{name} is {kind} and has no useful text form").format(name=_braced(name), kind=kind),
        hint=_("Insert a text, number, list, dict or table derived from it."),
    )


def _no_text(value: object, name: str, limits: InsertLimits) -> Inserted:
    raise _meaningless(name, _a(value))


def _a(value: object) -> str:
    return _("an object of type {type}").format(type=type(value).__name__)


def _picture(value: object, name: str, limits: InsertLimits) -> Inserted:
    found = picture(value, _braced(name))
    return Inserted(parts=(found.image,), note=found.note)


def _bytes(value: Any, name: str, limits: InsertLimits) -> Inserted:
    if kind_of(bytes(value[:512])):
        return _picture(value, name, limits)
    raise InputError(
        _("{name} contains bytes, not text").format(name=_braced(name)), hint=_("Insert the result of its .decode().")
    )


def _text(value: object, name: str, limits: InsertLimits) -> Inserted:
    text = str(value)
    if _ADDRESS.search(text):
        raise _meaningless(name, _a(value))
    return Inserted(text)


def _string(value: object, name: str, limits: InsertLimits) -> Inserted:
    return Inserted(str(value))


def _reply(value: Reply, name: str, limits: InsertLimits) -> Inserted:
    note = "" if value.ended == "complete" else _("this answer is not complete ({ended})").format(ended=value.ended)
    return Inserted(value.text, note=note)


def _pending(value: PendingReply, name: str, limits: InsertLimits) -> Inserted:
    return _reply(value.wait(), name, limits)


def _json(value: object, name: str, limits: InsertLimits) -> Inserted:
    try:
        return Inserted(json.dumps(_plain(value, name, limits), ensure_ascii=False, indent=2))
    except RecursionError:
        raise _meaningless(name, _("a value that contains itself or is nested too deeply")) from None


def _plain(value: Any, name: str, limits: InsertLimits) -> object:
    """`value` as plain JSON, whatever JSON does not know as its own row of `CONVERTERS` says."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item, name, limits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, name, limits) for item in value]
    if isinstance(value, (set, frozenset)):
        # Their own order is another one in each process; of mixed types it is the order of what is sent.
        return sorted(
            (_plain(item, name, limits) for item in value), key=lambda item: (str(type(item)), json.dumps(item))
        )
    if isinstance(value, _LISTS):
        return [_plain(item, name, limits) for item in value]
    if _is("numpy", "generic")(value):
        return value.item()
    inserted = _convert(value, name, limits)
    if inserted.parts:
        raise _meaningless(name, _("a list or dict with an image in it"))
    return inserted.text


def _array(value: Any, name: str, limits: InsertLimits) -> Inserted:
    import numpy as np

    text = np.array2string(value, separator=", ", threshold=limits.items, max_line_width=120)
    if value.size <= limits.items:
        return Inserted(text)
    shape = "×".join(f"{length:,}" for length in value.shape)
    # English whatever the user's language: this line is part of the request, which must be the same everywhere.
    return Inserted(
        f"{text}\n(array of shape {shape}, only its edges are shown)",
        note=_("only the edges of the array of shape {shape} were inserted").format(shape=shape),
    )


def _pandas_frame(value: Any, name: str, limits: InsertLimits) -> Inserted:
    frame = value.to_frame() if not hasattr(value, "columns") else value
    shown = frame.iloc[: limits.rows, : limits.columns]
    # The index that pandas makes by itself (0, 1, 2, …) says nothing.
    with_index = type(frame.index).__name__ != "RangeIndex" or frame.index.name is not None
    header = [_label(label) for label in shown.columns]
    if with_index:
        header.insert(0, " / ".join("" if level is None else str(level) for level in frame.index.names))
    return _table(header, shown.itertuples(index=with_index, name=None), frame.shape, limits)


def _polars_frame(value: Any, name: str, limits: InsertLimits) -> Inserted:
    frame = value if hasattr(value, "columns") else value.to_frame()
    shown = frame[: limits.rows, : limits.columns]
    return _table(list(shown.columns), shown.iter_rows(), frame.shape, limits)


def _label(label: object) -> str:
    return " / ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _table(
    header: Sequence[str], rows: Iterable[Sequence[object]], shape: tuple[int, int], limits: InsertLimits
) -> Inserted:
    """A Markdown table of what is shown of a frame of `shape` (rows, columns), and a note of what is not."""
    if not header:
        return Inserted("(empty table)")  # in English too, being part of the request
    cells = [[_cell(value) for value in row] for row in ([*header], *rows)]
    cut = sum(len(cell) > limits.cell for row in cells for cell in row)
    lines = ["| " + " | ".join(_bounded(cell, limits.cell) for cell in row) + " |" for row in cells]
    lines.insert(1, "|" + " --- |" * len(header))
    left_out, note = _left_out(shape, limits, cut)
    return Inserted("\n".join(lines) + left_out, note=note, block=True)


def _cell(value: object) -> str:
    # An index of several levels is one tuple here.
    return _label(value)


def _bounded(cell: str, limit: int) -> str:
    short = cell if len(cell) <= limit else cell[: limit - 1] + "…"
    return "<br>".join(short.splitlines()).replace("|", "\\|")


def _left_out(shape: tuple[int, int], limits: InsertLimits, cut: int) -> tuple[str, str]:
    """The line below the table, for the model, and the note for the user; both empty when all is shown."""
    rows, columns = shape
    if rows <= limits.rows and columns <= limits.columns and not cut:
        return "", ""
    counts = {
        "rows": f"{min(rows, limits.rows):,}",
        "all_rows": f"{rows:,}",
        "columns": f"{min(columns, limits.columns):,}",
        "all_columns": f"{columns:,}",
        "cut": f"{cut:,}",
    }
    below = "{rows} of {all_rows} rows, {columns} of {all_columns} columns shown"
    note = _("{rows} of {all_rows} rows, {columns} of {all_columns} columns inserted")
    if cut:
        below += "; {cut} long cells cut"
        note += _("; {cut} long cells cut")
    # English whatever the user's language: this line is part of the request, which must be the same everywhere.
    return f"\n\n({below.format(**counts)})", note.format(**counts)


def _listed(value: Any, name: str, limits: InsertLimits) -> Inserted:
    return _json(list(value), name, limits)


def _collected(value: Any, name: str, limits: InsertLimits) -> Inserted:
    return _convert(value.collect(), name, limits)


def _native_frame(value: Any, name: str, limits: InsertLimits) -> Inserted:
    return _convert(value.to_native(), name, limits)


def _dumped(value: Any, name: str, limits: InsertLimits) -> Inserted:
    return _json(value.model_dump(mode="json"), name, limits)


CONVERTERS: tuple[Converter, ...] = (
    Converter(lambda value: isinstance(value, Secret), _secret),
    Converter(_is("os", "_Environ"), _environment),
    Converter(lambda value: isinstance(value, str), _string),
    Converter(lambda value: isinstance(value, Reply), _reply),
    Converter(lambda value: isinstance(value, PendingReply), _pending),
    Converter(lambda value: isinstance(value, (dict, list, tuple, set, frozenset, *_LISTS)), _json),
    Converter(lambda value: isinstance(value, (bytes, bytearray, memoryview)), _bytes),
    Converter(lambda value: isinstance(value, _CODE), _no_text),
    Converter(_is("pandas", "DataFrame", "Series"), _pandas_frame),
    Converter(_is("polars", "DataFrame", "Series"), _polars_frame),
    Converter(_is("polars", "LazyFrame"), _collected),
    Converter(_is("narwhals", "DataFrame", "LazyFrame", "Series"), _native_frame),
    Converter(_is("pandas", "Index"), _listed),
    Converter(_is("pydantic", "BaseModel"), _dumped),
    Converter(_is("numpy", "ndarray"), _array),
    Converter(_is("matplotlib", "Figure", "SubFigure", "Axes"), _picture),
    Converter(_is("PIL", "Image"), _picture),
    Converter(_is("IPython", "Image"), _picture),
    Converter(lambda value: True, _text),
)
"""Value -> how it is inserted: the first row that matches holds."""
