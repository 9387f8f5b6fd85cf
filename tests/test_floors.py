"""The house rules, read from the source: a module imports only lower floors or siblings in its own folder.

`FLOORS` is the one place that says where a module stands; a module without a floor fails here.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = "wcode_jupyter"
ROOT = Path(__file__).resolve().parents[1] / PACKAGE

# Room -> floor. A room is a folder of the package, or a module in its top folder (ground and door).
FLOORS = {
    "cell_outputs": 0,
    "characters": 0,
    "errors": 0,
    "files": 0,
    "extras": 0,
    "figures": 0,
    "in_place": 0,
    "language": 0,
    "lazy": 0,
    "session_name": 0,
    "shell": 0,
    "slips": 0,
    "table": 0,
    "threads": 0,
    "typed": 0,
    "version": 0,
    "keys": 1,
    "redaction": 0,
    "strict": 1,
    "request": 1,
    "codebook": 2,
    "guide": 2,
    "statistics": 1,
    "findings": 2,
    "reply": 2,
    "testing": 2,
    "catalogue": 3,
    "wire": 3,
    "prompt": 4,
    "store": 4,
    "transport": 4,
    "event_loop": 5,
    "session": 5,
    "labels": 5,
    "batch": 6,
    "display": 6,
    "export": 6,
    "local": 6,
    "client": 7,
    "study": 8,
    "panel": 9,
    "magics": 10,
    "extension": 11,
    "__main__": 11,
    "": 12,  # the package's own __init__: it may name everything, lazily
}

# Foreign package -> where it may be imported. `display` may show a widget; IPython is in the doors and where something
# is shown.
ONLY_IN = {
    "httpx": {"transport"},
    "aiohttp": {"transport"},
    "ipywidgets": {"panel", "display"},
    "anywidget": {"panel", "display"},
    "IPython": {name for name, floor in FLOORS.items() if floor >= 6},
    "ipykernel": {name for name, floor in FLOORS.items() if floor >= 6},
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
LIGHT = {name for name, floor in FLOORS.items() if floor <= 3} | {"session", "prompt", "client", "extension", ""}
LOADED_ALREADY = {("extension", "IPython")}

# What is imported inside functions, and why: what its import costs (CPU of a fresh process, measured on two slow cores)
# and who need not pay that. Everything else is imported at the top of its module.
LATE = {
    "IPython": "78 ms; a script with Client has no notebook",
    "comm": "13 ms; only a front end that saves asks for it",
    "filelock": "39 ms; only what writes files",
    "keyring": "73 ms; only where no key is in the environment",
    "markdown_it": "41 ms; only where an answer is formatted",
    "numpy": "101 ms; optional",
    "pandas": "356 ms; optional",
    "platformdirs": "10 ms; only what writes files",
    "pydantic": "46 ms; optional",
    "pydantic_core": "with pydantic",
    "pygments": "4 ms; only where code is coloured",
    "rich": "38 ms; only in a terminal",
    "tqdm": "75 ms; only where something takes long",
    "typing_extensions": "11 ms; only with pydantic",
    "xllamacpp": "32 ms and the engine of the demo model; only in its own process",
    "wcode_jupyter.batch": "75 ms; only runs",
    "wcode_jupyter.batch.engines": "with batch",
    "wcode_jupyter.batch.estimate": "with batch",
    "wcode_jupyter.batch.plot": "matplotlib; only a plot",
    "wcode_jupyter.batch.progress": "tqdm and ipywidgets; only a run that somebody watches",
    "wcode_jupyter.display.answer": "markdown_it and pygments, 45 ms; only where an answer is shown in a page",
    "wcode_jupyter.display.east_asian": "as display.answer",
    "wcode_jupyter.display.notebook": "as display.answer",
    "wcode_jupyter.display.terminal": "rich, 38 ms; only in a terminal",
    "wcode_jupyter.errors": "%load_ext loads four modules; the rest comes with the first cell",
    "wcode_jupyter.export": "99 ms; only an export",
    "wcode_jupyter.extension": "83 ms; `import wcode_jupyter` in a script needs no magics",
    "wcode_jupyter.language": "as errors",
    "wcode_jupyter.local": "only the demo model",
    "wcode_jupyter.magics.commands": "as errors",
    "wcode_jupyter.magics.commands.doctor": "only `%wcode doctor`",
    "wcode_jupyter.magics.commands.panel": "ipywidgets, 134 ms; only panels",
    "wcode_jupyter.magics.completion": "as errors",
    "wcode_jupyter.magics.inspection": "as errors",
    "wcode_jupyter.magics.manual": "as errors",
    "wcode_jupyter.magics.wcode": "352 ms; as errors",
    "wcode_jupyter.panel.label_panel": "ipywidgets; only labelling",
    "wcode_jupyter.panel.explorer": "ipywidgets; only exploring",
    "wcode_jupyter.panel.panel": "ipywidgets; only panels",
    "wcode_jupyter.panel.state": "ipywidgets; only panels",
    "wcode_jupyter.panel.summary": "ipywidgets; only panels",
    "wcode_jupyter.request.parameters": "as errors",
    "wcode_jupyter.request.settings": "as errors",
    "wcode_jupyter.testing.stand_in": "81 ms; pytest loads our plugin for every suite, used or not",
    "wcode_jupyter.transport.connection": "httpx, 116 ms; only once a request is sent",
    "wcode_jupyter.transport.fast": "aiohttp, 214 ms; only runs with the extra fast",
}


class Import(NamedTuple):
    """One import statement: who, what (a dotted name), where, and when it runs: at load, in a function, or never."""

    room: str
    target: str
    place: str
    at_load: bool
    in_function: bool


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


def is_module(dotted: str) -> bool:
    """Whether a dotted name is a module of the package."""
    path = ROOT.parent.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()


def imports_of(dotted: str, path: Path) -> Iterator[Import]:
    """All imports of a module, those inside functions and for type checkers only included."""
    package = dotted if path.name == "__init__.py" else dotted.rpartition(".")[0]
    yield from _walk(ast.parse(path.read_text(encoding="utf-8")), dotted, package, at_load=True, in_function=False)


def _walk(node: ast.AST, dotted: str, package: str, *, at_load: bool, in_function: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        place = f"{dotted}:{getattr(child, 'lineno', 0)}"
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(room_of(dotted), alias.name, place, at_load, in_function)
        elif isinstance(child, ast.ImportFrom):
            base = package.rsplit(".", child.level - 1)[0] + "." if child.level else ""
            source = (base + (child.module or "")).rstrip(".")
            # `from .. import wire` and `from ..prompt import template` name modules, `from .errors import X` does not.
            names = [f"{source}.{alias.name}" for alias in child.names]
            for name in dict.fromkeys(name if is_module(name) else source for name in names):
                yield Import(room_of(dotted), name, place, at_load, in_function)
        else:
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            typing = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from _walk(
                child,
                dotted,
                package,
                at_load=at_load and not function and not typing,
                in_function=in_function or function,
            )


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
    if room == found.room or FLOORS.get(room, 99) < FLOORS[found.room] or are_siblings(room, found.room):
        return ""
    return f"{found.room} may not import {room}"


def test_every_module_has_a_floor() -> None:
    """Who adds a module says in FLOORS where it stands."""
    assert {room_of(dotted) for dotted in modules()} <= FLOORS.keys()


def test_the_map_shows_every_room_on_its_floor() -> None:
    """wcode_jupyter/README.md names each room once, with the floor that it has here."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)(?:\.py|/)` \| .+ \|$", text, re.MULTILINE)
    rooms = {room_of(dotted) for dotted in modules()} - {""}
    assert sorted((room, int(floor)) for floor, room in rows) == sorted((room, FLOORS[room]) for room in rooms)


SAME_NAME = {"Call", "Refusal"}
"""What the script of a mock server says is called as what it stands for."""


def test_no_class_name_stands_twice() -> None:
    """Whoever looks for a class finds one."""
    names = [
        node.name
        for path in modules().values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert {name for name in names if names.count(name) > 1 and not name.startswith("_")} == SAME_NAME


def test_no_import_climbs_the_stairs() -> None:
    """Only lower floors and siblings; httpx, ipywidgets and IPython only in their rooms."""
    faults = [f"{found.place}: {why}" for found in ALL if found.room in FLOORS and (why := wrong(found))]
    assert faults == []


def test_no_module_imports_itself_through_others() -> None:
    """No circle of imports, those inside functions and for type checkers counted."""
    known = modules()
    arrows: dict[str, set[str]] = {dotted: set() for dotted in known}
    for found in ALL:
        who = found.place.rpartition(":")[0]
        arrows[who] |= {found.target} & known.keys() - {who}
    while free := [who for who, targets in arrows.items() if not targets & arrows.keys()]:
        for who in free:
            del arrows[who]
    assert sorted(arrows) == []


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


def test_imports_inside_functions_have_a_reason() -> None:
    """Each stands in LATE with what it saves; LATE names nothing else."""
    late = {
        found.target if found.target.startswith(PACKAGE) else found.target.split(".")[0]
        for found in ALL
        if found.in_function
    }
    assert late == LATE.keys()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from .session import Session", "wire may not import session"),
        ("from ..session import Session", "wire may not import session"),
        ("from .. import display", "wire may not import display"),
        ("import wcode_jupyter.client", "wire may not import client"),
        ("def f():\n    from ..client import Client", "wire may not import client"),
        ("try:\n    import httpx\nexcept ImportError:\n    pass", "httpx may not be imported here"),
        ("import httpx._models as m", "httpx may not be imported here"),
        ("from IPython.display import display", "IPython may not be imported here"),
        ("from ..errors import WcodeError", ""),
        ("from .sse import feed", ""),
        ("if TYPE_CHECKING:\n    from ..client import Client", "wire may not import client"),
        ("import json, msgspec", ""),
        ("from ..store import Record", "wire may not import store"),
    ],
)
def test_the_rules_see_what_they_should(source: str, expected: str, tmp_path: Path) -> None:
    """The reader of imports finds each kind of statement, or this file would promise nothing."""
    path = tmp_path / "sample.py"
    path.write_text(source, encoding="utf-8")
    dotted = f"{PACKAGE}.wire.sample" if "from .session" not in source else f"{PACKAGE}.wire"
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
