"""A request found in a text: a curl command, a JSON body, or a snippet of Python, JavaScript and their like.

The way back from `export`, and from the samples of the API pages. Nothing of the text is run: a command is split as a
shell splits it, Python is parsed, and of other languages only the body is read: as JSON, between quotes, or in their
own notation (`foreign`).
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from ..errors import InputError
from ..language import _
from ..request.forms import FORMS
from . import foreign, jsonc

__all__ = ["Found", "find_request"]


class Found(Struct, kw_only=True):
    """A body and what stood beside it. `secret` is the key, to be forgotten: never show it."""

    body: dict[str, Any]
    url: str = ""
    secret: str = ""
    lost: list[str] = field(default_factory=list)
    """What could not be carried, a sentence each."""

    def __repr__(self) -> str:
        return f"Found({self.url!r})"


_URL = re.compile(r"https?://[^\s'\"`,)]+")
_KEY = re.compile(
    r"(?:Bearer\s+|x-api-key['\"]?\s*[:=]>?\s*['\"]?|api_?key\s*[=:]\s*['\"])([^\s'\"`,]+)", re.IGNORECASE
)
_PATHS = tuple(form.path for form in FORMS.values())
_PLACEHOLDERS = ("API_KEY", "<API_KEY>", "YOUR_API_KEY")


def find_request(text: str) -> Found:
    """The request that `text` sends. Raises InputError: there is none that can be read."""
    for read in (_from_curl, _from_json, _from_python, _from_any):
        if (found := read(text)) is not None and "messages" in found.body:
            key = _KEY.search(text)
            found.secret = key[1] if key and key[1] not in _PLACEHOLDERS and "$" not in key[1] else ""
            return found
    raise InputError(
        _("No request was found in the text"),
        hint=_("Paste a curl command, a JSON body, or a Python or JavaScript snippet below the line, or pass a file."),
    )


_DATA = ("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json")
_WITH_VALUE = ("-H", "--header", "-X", "--request", "-o", "--output", "-m", "--max-time", "-u", "--user", "-A")


def _from_curl(text: str) -> Found | None:
    if (start := re.search(r"^\s*(?:\$\s*)?(?=curl\s)", text, re.MULTILINE)) is None:
        return None
    command = text[start.end() :]
    try:
        words = shlex.split(re.sub(r"\\\r?\n", " ", command))
    except ValueError:
        raise InputError(_("A quote of the curl command is not closed")) from None
    url, data = "", list[str]()
    left = iter(words[1:])
    for word in left:
        name, equals, value = word.partition("=")
        if word in _DATA or (equals and name in _DATA):
            data.append(value if equals and name in _DATA else next(left, ""))
        elif word == "--url":
            url = next(left, "")
        elif word in _WITH_VALUE:
            next(left, "")
        elif _URL.match(word):
            url = word
    if len(data) == 1 and data[0].startswith("@"):
        raise InputError(_("The body is in a file: {name}").format(name=data[0][1:]), hint=_("%wcode import FILE"))
    body = _object(data[0]) if data else None
    return None if body is None else Found(body=body, url=url)


def _from_json(text: str) -> Found | None:
    body = _object(text) if text.lstrip().startswith(("{", "//", "/*")) else None
    return None if body is None else Found(body=body)


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = jsonc.parse(text)
    except InputError:
        return None
    return value if isinstance(value, dict) else None


# -- Python -----------------------------------------------------------------------------------------------------------


def _from_python(text: str) -> Found | None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    names: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _literal(node.value, names)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    url = next((value for call in calls if isinstance(value := _keywords(call, names).get("base_url"), str)), "")
    for call in calls:
        given = _keywords(call, names)
        if "messages" in given:
            lost = [name for name, value in given.items() if value is _UNKNOWN]
            body = {name: value for name, value in given.items() if value is not _UNKNOWN}
            body |= body.pop("extra_body", {})
            return Found(body=body, url=url, lost=[_("{name} is not a plain value").format(name=name) for name in lost])
        sent = given.get("json", given.get("data"))
        sent = _object(sent) if isinstance(sent, str) else sent
        if isinstance(sent, Mapping) and "messages" in sent:
            where = next((value for arg in call.args if isinstance(value := _literal(arg, names), str)), "")
            return Found(body=dict(sent), url=where or str(given.get("url", "")))
    bodies = [value for value in names.values() if isinstance(value, Mapping) and "messages" in value]
    found_url = next((value for value in names.values() if isinstance(value, str) and _URL.fullmatch(value)), "")
    return Found(body=dict(bodies[0]), url=found_url) if bodies else None


_UNKNOWN = object()


def _keywords(call: ast.Call, names: Mapping[str, object]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for keyword in call.keywords:
        value = _literal(keyword.value, names)
        if keyword.arg is not None:
            given[keyword.arg] = value
        elif isinstance(value, Mapping):
            given |= value
    return given


def _literal(node: ast.expr, names: Mapping[str, object]) -> object:
    """The value of a literal, of a name for one, or of `json.dumps` of one; `_UNKNOWN` for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id, _UNKNOWN)
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.dumps" and node.args:
        return _literal(node.args[0], names)
    if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
        pairs = [
            (_literal(key, names), _literal(value, names))
            for key, value in zip(node.keys, node.values, strict=True)
            if key
        ]
        return _UNKNOWN if any(_UNKNOWN in pair for pair in pairs) else dict(pairs)
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_literal(item, names) for item in node.elts]
        return _UNKNOWN if _UNKNOWN in items else items
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNKNOWN


# -- other languages --------------------------------------------------------------------------------------------------


def _from_any(text: str) -> Found | None:
    urls = _URL.findall(text)
    # Comments of the samples name the page of the keys.
    url = next((url for url in urls if url.endswith(_PATHS)), next((url for url in urls if "/api" in url), ""))
    for body in (*_bodies(text), *foreign.objects(text)):
        if "messages" in body:
            # The Rust sample of the pages writes `( … )` for the list.
            messages = body["messages"]
            return Found(body=body | {"messages": [messages] if isinstance(messages, dict) else messages}, url=url)
    return None


def _bodies(text: str) -> Iterator[dict[str, object]]:
    for match in re.finditer(r"\{", text):
        if text[match.start() : match.start() + 2] == "{\\":
            continue
        if (value := jsonc.parse_at(text, match.start())) is not None:
            yield value
    # A body between double quotes, its own quotes escaped.
    for match in re.finditer(r'"(?:[^"\\\n]|\\.)*"', text):
        if "messages" in match[0] and match[0].startswith('"{'):
            try:
                value = _object(json.loads(match[0]))
            except ValueError:
                continue
            if value is not None:
                yield value
