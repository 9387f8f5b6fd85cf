"""The house rules, read from the source: a module imports only lower floors or siblings in its own folder.

`FLOORS` is the one place that says where a module stands; a module without a floor fails here.
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "wcode_jupyter"
ROOT = Path(__file__).resolve().parents[1] / PACKAGE

# Module or folder, relative to the package -> floor. A folder stands for all that is in it.
FLOORS = {
    "errors": 0,
    "events": 0,
    "language": 0,
    "version": 0,
    "parameters": 1,
    "messages": 1,
    "catalogue": 1,
    "table": 1,
    "settings": 1,
    "spelling": 2,
    "presets": 3,
    "wire": 2,
    "reply": 2,
    "builder": 3,
    "logprobs": 2,
    "keys": 2,
    "transport": 3,
    "store": 3,
    "methods": 3,
    "engine": 4,
    "session": 4,
    "template": 4,
    "schema": 4,
    "images": 4,
    "chats": 4,
    "tools": 4,
    "display": 5,
    "export": 5,
    "local": 5,
    "batch": 5,
    "audit": 5,
    "explain": 5,
    "client": 6,
    "conversation": 6,
    "toolloop": 6,
    "question": 6,
    "panel": 7,
    "magics": 8,
    "extension": 9,
    "": 10,  # the package's own __init__: it may name everything, lazily
}

# Foreign package -> where it may be imported. `display` may show a widget, IPython is on floors 5 to 7.
ONLY_IN = {
    "httpx": {"transport"},
    "aiohttp": {"transport"},
    "ipywidgets": {"panel", "display"},
    "anywidget": {"panel", "display"},
    "IPython": {name for name, floor in FLOORS.items() if floor >= 5},
    "ipykernel": {name for name, floor in FLOORS.items() if floor >= 5},
}

# Too heavy to come with a plain import of the package or its magics: only inside the functions that use them.
HEAVY = (
    "httpx",
    "IPython",
    "ipywidgets",
    "pandas",
    "numpy",
    "rich",
    "pygments",
    "markdown_it",
    "xllamacpp",
    "pydantic",
)


# The rooms whose modules load with the package; the others are themselves imported only when used. `extension` runs
# inside IPython, which is then loaded already.
LIGHT = {name for name, floor in FLOORS.items() if floor <= 2} | {"session", "template", "client", "extension", ""}
LOADED_ALREADY = {("extension", "IPython")}

# The exceptions, inside a function each: (who, what). A reply is what the user holds, so `reply.export("go")` stands
# there; nothing of `export` is loaded before it is called, and nothing else in reply.py knows of it.
CLIMBS = {("reply", "export")}


class Import(NamedTuple):
    """One import statement: who, what (a dotted name), where, and whether it runs when the module is loaded."""

    room: str
    target: str
    place: str
    at_load: bool


def room_of(dotted: str) -> str:
    """`wcode_jupyter.wire.sse` -> `wire`: the part of the house that a module belongs to."""
    return [*dotted.split("."), ""][1]


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(dotted: str, path: Path) -> Iterator[Import]:
    """All imports of a module except those for type checkers only."""
    package = dotted if path.name == "__init__.py" else dotted.rpartition(".")[0]
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")), dotted, package, at_load=True)


def _walk(node: ast.AST, dotted: str, package: str, *, at_load: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        place = f"{dotted}:{getattr(child, 'lineno', 0)}"
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(room_of(dotted), alias.name, place, at_load)
        elif isinstance(child, ast.ImportFrom):
            base = package.rsplit(".", child.level - 1)[0] + "." if child.level else ""
            source = (base + (child.module or "")).rstrip(".")
            # `from . import errors` names modules, `from .errors import X` names what is in one.
            for name in [source] if child.module else [f"{source}.{alias.name}" for alias in child.names]:
                yield Import(room_of(dotted), name, place, at_load)
        else:
            in_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            yield from _walk(child, dotted, package, at_load=at_load and not in_function)


ALL = [found for dotted, path in modules().items() for found in imports_of(dotted, path)]


def are_siblings(room: str, other: str) -> bool:
    """Whether two rooms are single modules of one floor; folders of one floor know nothing of each other."""
    return FLOORS.get(room) == FLOORS[other] and not (ROOT / room).is_dir() and not (ROOT / other).is_dir()


def wrong(found: Import) -> str:
    """Why an import breaks the house rules; empty when it does not."""
    top = found.target.split(".")[0]
    if top != PACKAGE:
        allowed = ONLY_IN.get(top)
        return "" if allowed is None or found.room in allowed else f"{top} may not be imported here"
    room = room_of(found.target)
    if (found.room, room) in CLIMBS and not found.at_load:
        return ""
    if room == found.room or FLOORS.get(room, 99) < FLOORS[found.room] or are_siblings(room, found.room):
        return ""
    return f"{found.room} may not import {room}"


def test_every_module_has_a_floor() -> None:
    """Who adds a module says in FLOORS where it stands."""
    assert {room_of(dotted) for dotted in modules()} <= FLOORS.keys()


def test_no_import_climbs_the_stairs() -> None:
    """Only lower floors and siblings; httpx, ipywidgets and IPython only in their rooms."""
    faults = [f"{found.place}: {why}" for found in ALL if found.room in FLOORS and (why := wrong(found))]
    assert faults == []


def test_heavy_packages_are_imported_inside_functions() -> None:
    """What a plain `import wcode_jupyter` or `%load_ext` reaches loads none of the heavy packages."""
    faults = [
        f"{found.place}: {found.target} at load"
        for found in ALL
        if found.at_load
        and found.room in LIGHT
        and (top := found.target.split(".")[0]) in HEAVY
        and (found.room, top) not in LOADED_ALREADY
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from .reply import Reply", "wire may not import reply"),
        ("from ..reply import Reply", "wire may not import reply"),
        ("from .. import engine", "wire may not import engine"),
        ("import wcode_jupyter.client", "wire may not import client"),
        ("def f():\n    from ..client import Client", "wire may not import client"),
        ("try:\n    import httpx\nexcept ImportError:\n    pass", "httpx may not be imported here"),
        ("import httpx._models as m", "httpx may not be imported here"),
        ("from IPython.display import display", "IPython may not be imported here"),
        ("from ..errors import WcodeError", ""),
        ("from .sse import feed", ""),
        ("if TYPE_CHECKING:\n    from ..client import Client", ""),
        ("import json, msgspec", ""),
        ("def f():\n    from ..export import export", "wire may not import export"),
    ],
)
def test_the_rules_see_what_they_should(source: str, expected: str, tmp_path: Path) -> None:
    """The reader of imports finds each kind of statement, or this file would promise nothing."""
    path = tmp_path / "sample.py"
    path.write_text(source, encoding="utf-8")
    dotted = f"{PACKAGE}.wire.sample" if "from .reply" not in source else f"{PACKAGE}.wire"
    found = list(imports_of(dotted, path))
    assert [why for one in found if (why := wrong(one))] == ([expected] if expected else [])


@pytest.mark.parametrize("dotted", sorted(modules()))
def test_all_exports_exist(dotted: str) -> None:
    """`__all__` of a module names only what is there."""
    if dotted.split(".")[-1].startswith("_") or "__main__" in dotted:
        pytest.skip("not a public module")
    module = importlib.import_module(dotted)
    missing = [name for name in getattr(module, "__all__", []) if not hasattr(module, name)]
    assert missing == []
    assert dotted in sys.modules
