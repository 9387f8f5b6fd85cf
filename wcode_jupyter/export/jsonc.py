"""Edits of a JSON file that keep the rest of it byte for byte: comments, order, layout, trailing commas.

`parse` reads JSON, JSON with comments and trailing commas (OpenCode), and of JSON5 (OpenClaw) what people write: bare
keys and single quotes. `merge` then changes only the spans where the file says something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from msgspec import Struct

from ..errors import InputError
from ..language import _

__all__ = ["is_empty", "merge", "merged", "parse", "parse_at"]

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/|\ufeff)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\n]|\\\r\n|\\.)*"|' + r"'(?:[^'\\\n]|\\\r\n|\\.)*'", re.DOTALL)
_WORD = re.compile(r"[\w$+.-]+")
# Of JSON5: a backslash at the end of a line, which goes with the line end; numbers like 0xFF, .5 and 5.
_CONTINUED = re.compile(r"(\\[^\r\n])|\\(?:\r\n|\r|\n)")
_HEX = re.compile(r"-?0[xX][0-9a-fA-F]+")
_POINTED = re.compile(r"-?(?:[0-9]+\.|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CONSTANTS = {"true": True, "false": False, "null": None}
_DEEPEST = 100


class _Node(Struct, kw_only=True):
    """A value and where it stands: text[start:end]. `members` are those of an object, `items` those of an array."""

    start: int
    end: int
    value: Any
    members: dict[str, _Node] | None = None
    items: list[_Node] | None = None
    comma: bool = False
    """Whether a comma follows the last member or item."""

    @property
    def children(self) -> list[_Node]:
        return list(self.members.values()) if self.members is not None else self.items or []


class _Edit(Struct, frozen=True):
    start: int
    end: int
    text: str


def is_empty(text: str) -> bool:
    """Whether `text` holds nothing but white space and comments."""
    return _skip(text, 0) == len(text)


def parse(text: str) -> object:
    """The value of a JSON text with comments and trailing commas. Raises InputError naming the line."""
    return _read(text).value


def parse_at(text: str, at: int) -> dict[str, object] | None:
    """The object that begins at `text[at]`, whatever follows it; None where none can be read there."""
    try:
        value = _value(text, at, 0).value
    except InputError:
        return None
    return value if isinstance(value, dict) else None


def merge(text: str, patch: Mapping[str, object]) -> str:
    """`text` with the members of `patch` in it, and nothing else changed. A text without a value counts as `{}`.

    Objects are merged member by member, lists of objects with an `id` item by item; other values are replaced.
    Raises InputError: not JSON, not an object, or a layout in which the change cannot be made safely.
    """
    if is_empty(text):
        comments = text.strip("\ufeff \t\r\n")
        return (comments and comments + "\n") + json.dumps(patch, ensure_ascii=False, indent=2) + "\n"
    root = _read(text)
    if root.members is None:
        raise InputError(_("The file holds no JSON object"))
    edits: list[_Edit] = []
    _merge_object(_Layout(text), root, patch, edits)
    result = text
    # From the end, so that places stay true; of two edits at one place the first one comes to stand first.
    edits.sort(key=lambda edit: edit.start)
    for edit in reversed(edits):
        result = result[: edit.start] + edit.text + result[edit.end :]
    if parse(result) != merged(root.value, patch):
        raise InputError(_("The file cannot be changed safely"), hint=_("Add the shown lines manually."))
    return result


def merged(old: Any, new: Any) -> object:
    """What `merge` means, for plain values."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {**old, **{key: merged(old[key], value) if key in old else value for key, value in new.items()}}
    if _by_id(old) and _by_id(new):
        rest = {item["id"]: item for item in new}
        kept = [merged(item, rest.pop(item["id"], item)) for item in old]
        return kept + list(rest.values())
    return new


def _by_id(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) and "id" in item for item in value)


# --- Reading -----------------------------------------------------------------------------------------------------


def _read(text: str) -> _Node:
    node = _value(text, _skip(text, 0), 0)
    end = _skip(text, node.end)
    if end != len(text):
        _refuse(text, end)
    return node


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _refuse(text: str, at: int) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    placeholder = text.split("\n")[line - 1].strip()
    if placeholder.startswith(("...", "…")):
        # What the API pages write where the rest of the file stands.
        raise InputError(
            _("Line {line} is a placeholder of the page: {text}").format(line=line, text=placeholder[:40]),
            hint=_("Delete the line from the file."),
        )
    raise InputError(
        _("The file is not JSON: line {line}").format(line=line),
        hint=_("Correct the file, or add the shown lines manually."),
    )


def _value(text: str, at: int, depth: int) -> _Node:
    if depth > _DEEPEST:
        _refuse(text, at)
    opening = text[at : at + 1]
    if opening == "{":
        return _object(text, at, depth)
    if opening == "[":
        return _array(text, at, depth)
    if string := _STRING.match(text, at):
        return _Node(start=at, end=string.end(), value=_string(text, string))
    if word := _WORD.match(text, at):
        return _Node(start=at, end=word.end(), value=_number_or_constant(text, word))
    _refuse(text, at)


def _object(text: str, start: int, depth: int) -> _Node:
    members: dict[str, _Node] = {}
    at, comma = _skip(text, start + 1), True
    while text[at : at + 1] != "}":
        key = _STRING.match(text, at) or _WORD.match(text, at)
        if key is None or not comma:
            _refuse(text, at)
        name = _string(text, key) if key[0][0] in "\"'" else key[0]
        at = _skip(text, key.end())
        if text[at : at + 1] != ":":
            _refuse(text, at)
        member = _value(text, _skip(text, at + 1), depth + 1)
        # Of two members of one name the last one counts, as for every JSON reader.
        members.pop(name, None)
        members[name] = member
        at, comma = _comma(text, member.end)
    value = {name: node.value for name, node in members.items()}
    return _Node(start=start, end=at + 1, value=value, members=members, comma=comma)


def _array(text: str, start: int, depth: int) -> _Node:
    items: list[_Node] = []
    at, comma = _skip(text, start + 1), True
    while text[at : at + 1] != "]":
        if not comma:
            _refuse(text, at)
        items.append(_value(text, at, depth + 1))
        at, comma = _comma(text, items[-1].end)
    return _Node(start=start, end=at + 1, value=[item.value for item in items], items=items, comma=comma)


def _comma(text: str, at: int) -> tuple[int, bool]:
    at = _skip(text, at)
    return (_skip(text, at + 1), True) if text[at : at + 1] == "," else (at, False)


def _string(text: str, match: re.Match[str]) -> str:
    literal = match[0]
    if literal[0] == "'":
        inner = re.sub(r"\\'|\"", lambda part: "'" if part[0] == "\\'" else '\\"', literal[1:-1])
        literal = f'"{inner}"'
    literal = _CONTINUED.sub(lambda part: part[1] or "", literal)
    try:
        value: str = json.loads(literal, strict=False)
    except ValueError:
        _refuse(text, match.start())
    return value


def _number_or_constant(text: str, match: re.Match[str]) -> object:
    if match[0] in _CONSTANTS:
        return _CONSTANTS[match[0]]
    word = match[0].removeprefix("+")
    if _HEX.fullmatch(word):
        return int(word, 16)
    if _POINTED.fullmatch(word):
        return float(word)
    try:
        return json.loads(word)
    except ValueError:
        _refuse(text, match.start())


# --- Writing -----------------------------------------------------------------------------------------------------


class _Layout:
    """How this file is laid out: its line end and the step of its indentation."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = "\r\n" if "\r\n" in text else "\n"
        first = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
        self.step = first[1] if first else "  "

    def indent(self, at: int) -> str:
        """The white space at the beginning of the line of `at`."""
        line = self.text[self.text.rfind("\n", 0, at) + 1 :]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def render(self, value: object, indent: str) -> str:
        return json.dumps(value, ensure_ascii=False, indent=self.step).replace("\n", self.newline + indent)


def _merge_object(layout: _Layout, node: _Node, patch: Mapping[str, object], edits: list[_Edit]) -> None:
    members = node.members or {}
    fresh = []
    for key, value in patch.items():
        if key in members:
            _merge_value(layout, members[key], value, edits)
        else:
            fresh.append((json.dumps(key, ensure_ascii=False) + ": ", value))
    _append(layout, node, fresh, edits)


def _merge_value(layout: _Layout, node: _Node, value: Any, edits: list[_Edit]) -> None:
    if merged(node.value, value) == node.value:
        return
    if node.members is not None and isinstance(value, Mapping):
        _merge_object(layout, node, value, edits)
    elif node.items is not None and _by_id(node.value) and _by_id(value):
        known = {item.value["id"]: item for item in node.items}
        for item in value:
            if item["id"] in known:
                _merge_value(layout, known[item["id"]], item, edits)
        _append(layout, node, [("", item) for item in value if item["id"] not in known], edits)
    else:
        edits.append(_Edit(node.start, node.end, layout.render(value, layout.indent(node.start))))


def _append(layout: _Layout, node: _Node, fresh: list[tuple[str, Any]], edits: list[_Edit]) -> None:
    """Adds members or items after the last one: behind its comments, before the closing bracket."""
    if not fresh:
        return
    text, outer = layout.text, layout.indent(node.start)
    children = node.children
    inner = layout.indent(children[0].start) if children and "\n" in text[node.start : children[0].start] else ""
    inner = inner if len(inner) > len(outer) else outer + layout.step
    if children and not node.comma:
        last = max(child.end for child in children)
        edits.append(_Edit(last, last, ","))
    closing = node.end - 1
    at = node.start + 1 + len(text[node.start + 1 : closing].rstrip())
    lines = [f"{layout.newline}{inner}{prefix}{layout.render(value, inner)}" for prefix, value in fresh]
    tail = "," if children and node.comma else ""
    tail += "" if "\n" in text[at:closing] else layout.newline + outer
    edits.append(_Edit(at, at, ",".join(lines) + tail))
