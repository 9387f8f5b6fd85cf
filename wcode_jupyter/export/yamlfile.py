"""Edits of a YAML file that keep the rest of it byte for byte: a list of mappings gets an item, or one is changed.

The lines are edited as text; PyYAML, which Jupyter installs, reads the file before and after, and what does not mean
exactly the intended change is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

from ..errors import InputError
from ..language import _

__all__ = ["find_item", "merge_item", "render_item"]

Item = Mapping[str, object]


def render_item(item: Item, indent: str = "") -> list[str]:
    """The lines of one item of a block sequence: scalars are spelled as JSON, which YAML reads."""
    lines = _render(item, indent + "  ")
    return [f"{indent}- {lines[0].lstrip()}", *lines[1:]]


def _render(mapping: Item, indent: str) -> list[str]:
    lines = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{key}:", *_render(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value, ensure_ascii=False)}")
    return lines


def find_item(text: str, same: Callable[[Item], bool], *, under: str = "") -> int | None:
    """The place of the first item in the list for which `same` holds; None where there is none.

    The list is below the key `under`, or the whole file when that is "". Raises InputError: PyYAML is missing, or the
    file is not YAML of this shape.
    """
    return _place(_items(_load(text), under), same)


def merge_item(
    text: str, item: Item, same: Callable[[Item], bool], *, under: str = "", fresh: Item | None = None
) -> str:
    """`text` with `item` in its list: see `find_item`.

    The first item for which `same` holds is changed field by field; where there is none, `fresh` (or `item`) is added
    at the end. Raises InputError: PyYAML is missing, the file is not YAML of this shape, or the change cannot be made
    safely.
    """
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    old = _load(text)
    items = _items(old, under)
    place = _place(items, same)
    if place is None:
        item = fresh or item
        wanted = [*items, dict(item)]
    else:
        wanted = [*items[:place], _merged(items[place], item), *items[place + 1 :]]
    if wanted == items:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    # Not splitlines(): a text may hold one of the other characters that it takes for a line end.
    plain = text.removeprefix(mark).replace("\r\n", "\n").removesuffix("\n")
    lines = _edited(plain.split("\n") if plain else [], item, place, under)
    result = mark + newline.join(lines) + newline
    if not _means(result, {**(old or {}), under: wanted} if under else wanted):
        raise InputError(_("The file cannot be changed safely"), hint=_("Add the shown lines manually."))
    return result


def _items(content: Any, under: str) -> list[object]:
    items = content if not under else (content or {}).get(under) if isinstance(content or {}, Mapping) else ...
    if not isinstance(items, (list, type(None))):
        raise InputError(_("The file is not the list that the tool reads"), hint=_("Add the shown lines manually."))
    return items or []


def _place(items: list[object], same: Callable[[Item], bool]) -> int | None:
    return next((place for place, item in enumerate(items) if isinstance(item, Mapping) and same(item)), None)


def _means(text: str, value: object) -> bool:
    try:
        return bool(_load(text) == value)
    except InputError:
        return False


def _load(text: str) -> Any:
    if find_spec("yaml") is None:
        raise InputError(
            _("Changing a YAML file needs PyYAML"), hint=_("Run pip install pyyaml, or add the lines manually.")
        )
    yaml: Any = import_module("yaml")

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            _("The file is not YAML: line {line}").format(line=mark.line + 1 if mark else "?"),
            hint=_("Correct the file, or add the shown lines manually."),
        ) from None


def _merged(old: Any, new: object) -> object:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}
    return new


def _edited(lines: list[str], item: Item, place: int | None, under: str) -> list[str]:
    if under:
        # An empty list that is written out becomes the head of a block.
        lines = [re.sub(rf"^({re.escape(under)}:)\s*(?:\[\s*\]|null|~)(?=\s*(?:#|$))", r"\1", line) for line in lines]
    start, end = _block(lines, under)
    starts = [i for i in range(start, end) if re.match(r"\s*- ", lines[i])]
    indent = lines[starts[0]][: _width(lines[starts[0]])] if starts else ("  " if under else "")
    starts = [i for i in starts if lines[i].startswith(indent + "- ")]
    if place is not None and place < len(starts):
        begin, stop = [*pairwise([*starts, end])][place]
        stop = _content_end(lines, begin, stop)
        # The dash stands where the item's own fields would have two more spaces.
        fields = [lines[begin].replace("- ", "  ", 1), *lines[begin + 1 : stop]]
        _merge_fields(fields, item, 0, _width(fields[0]))
        fields[0] = f"{indent}- {fields[0].lstrip()}"
        return [*lines[:begin], *fields, *lines[stop:]]
    if under and start > len(lines):
        return [*lines, f"{under}:", *render_item(item, indent)]
    end = _content_end(lines, start, end)
    return [*lines[:end], *render_item(item, indent), *lines[end:]]


def _block(lines: list[str], under: str) -> tuple[int, int]:
    """The lines of the list; a start behind the last line when the file has no key `under`."""
    if not under:
        return 0, len(lines)
    for index, line in enumerate(lines):
        if re.match(rf"{re.escape(under)}:\s*(#.*)?$", line):
            stop = (i for i in range(index + 1, len(lines)) if re.match(r"[^\s#-]", lines[i]))
            return index + 1, next(stop, len(lines))
    return len(lines) + 1, len(lines)


def _content_end(lines: list[str], start: int, end: int) -> int:
    while end > start and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _scalar(line: str, name: str) -> object:
    field = re.match(rf" *{re.escape(name)}: +(\S.*)$", line)
    return _load(field[1]) if field else None


def _merge_fields(lines: list[str], patch: Item, start: int, indent: int) -> None:
    """Changes the fields that stand at `indent` from `start` on, and adds those that are missing behind them."""
    for key, value in patch.items():
        end = next((i for i in range(start, len(lines)) if lines[i].strip() and _width(lines[i]) < indent), len(lines))
        at = next((i for i in range(start, end) if re.match(rf" {{{indent}}}{re.escape(key)}:", lines[i])), None)
        if at is None:
            end = _content_end(lines, start, end)
            lines[end:end] = _render({key: value}, " " * indent)
        elif isinstance(value, Mapping):
            below = _width(lines[at + 1]) if at + 1 < len(lines) else 0
            _merge_fields(lines, value, at + 1, max(below, indent + 1))
        elif _scalar(lines[at], key) != value:
            comment = re.search(r"\s+#[^\"']*$", lines[at])
            lines[at] = _render({key: value}, " " * indent)[0] + (comment[0] if comment else "")
