"""Wheels for a kernel in a browser: what a notebook imports, and all that needs, for Pyodide's Python.

Each package is taken in the version that is installed here, so that outputs stay the same; in the newest one where that
version has no wheel for the browser. Folders of the user come first, then the package index, by `pip download`.
"""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.parser import BytesHeaderParser
from importlib import metadata as installed
from pathlib import Path

from msgspec import Struct

from .. import extras
from ..errors import InputError
from ..language import _
from ..version import __version__

__all__ = ["STARTUP", "Target", "Wheel", "contents_wheel", "gather", "imported", "own_wheel", "wheel_of"]

NEEDS = (
    "filelock", "httpx", "ipython", "ipywidgets", "markdown-it-py[linkify]", "msgspec", "platformdirs", "pygments",
    "rich", "tqdm",
)  # fmt: skip
"""What this package needs, as pyproject.toml says."""
_TIME = (2020, 1, 1, 0, 0, 0)
_PIP_TIMEOUT_S = 600
_CONTENTS = "wcode_study"
STARTUP = f"{_CONTENTS}/startup.py"
"""Where the wheel of the contents has the file that IPython runs first: it goes into the folder of the notebook."""
_START = """import os

os.chdir(os.path.join(os.path.dirname(os.environ["PYTHONSTARTUP"]), "files"))
del os
"""


class Target(Struct, frozen=True):
    """The Python of a Pyodide release: its version, as 3.14, and the platform tag of its wheels."""

    python: str
    platform: str

    @property
    def markers(self) -> dict[str, str]:
        """The environment in which requirements are read."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": "wasm32",
            "platform_python_implementation": "CPython",
            "platform_system": "Emscripten",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "emscripten",
        }


class Wheel(Struct, frozen=True):
    """A wheel file and what it says of itself. `imports`: its top modules."""

    path: Path
    name: str
    version: str
    requires: tuple[str, ...]
    imports: tuple[str, ...]
    sha256: str


class _Missing(Exception):
    """There is no wheel for a requirement."""


def wheel_of(path: Path) -> Wheel:
    """What a wheel says of itself. Raises InputError: it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            about = next(name for name in names if name.endswith(".dist-info/METADATA") and name.count("/") == 1)
            head = BytesHeaderParser().parsebytes(archive.read(about))
    except (OSError, zipfile.BadZipFile, StopIteration) as error:
        raise InputError(_("{path} is not a wheel: {error}").format(path=path.name, error=error)) from None
    tops = {name.partition("/")[0] for name in names}
    imports = {top.partition(".")[0] for top in tops if "." not in top or top.endswith((".py", ".so"))}
    requires = tuple(str(line) for line in head.get_all("Requires-Dist", ()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Wheel(path, _canonical(head["Name"]), head["Version"], requires, tuple(sorted(imports)), digest)


def _canonical(name: str) -> str:
    return str(extras.load("packaging.utils", extra="site").canonicalize_name(name))


def imported(sources: Iterable[str]) -> set[str]:
    """The installed distributions whose modules these cells import; the standard library apart."""
    known = installed.packages_distributions()
    modules = {module for source in sources for module in _modules(source)} - set(sys.stdlib_module_names)
    return {_canonical(name) for module in modules for name in known.get(module, ())}


def _modules(source: str) -> Iterator[str]:
    # Magics and shell lines are not Python; what is below a cell magic is read as far as it is.
    lines = ["pass" if line.lstrip().startswith(("%", "!", "?")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def own_wheel(folder: Path) -> Wheel:
    """This package as a wheel, from the files that run here: it is pure Python."""
    package = Path(__file__).parents[1]
    found = (path for path in sorted(package.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    files = {f"{package.name}/{path.relative_to(package).as_posix()}": path for path in found}
    return _packed(folder, package.name, __version__, files, requires=NEEDS)


def contents_wheel(folder: Path, files: Mapping[str, Path]) -> Wheel:
    """Notebook, answers and data as a wheel: so they are in the browser's Python before the first cell runs."""
    placed: dict[str, Path | str] = {f"{_CONTENTS}/files/{name}": path for name, path in files.items()}
    return _packed(folder, _CONTENTS, "1", {**placed, f"{_CONTENTS}/__init__.py": "", STARTUP: _START})


def _packed(
    folder: Path, name: str, version: str, files: Mapping[str, Path | str], requires: Iterable[str] = ()
) -> Wheel:
    needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
    info = f"{name}-{version}.dist-info"
    about = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: wcode_jupyter\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, content in files.items():
            data = content.encode() if isinstance(content, str) else content.read_bytes()
            archive.writestr(zipfile.ZipInfo(place, _TIME), data, zipfile.ZIP_DEFLATED)
        for place, text in about.items():
            archive.writestr(zipfile.ZipInfo(f"{info}/{place}", _TIME), text, zipfile.ZIP_DEFLATED)
    return wheel_of(path)


def gather(roots: Sequence[str], target: Target, store: Path, given: Iterable[Path] = ()) -> list[Wheel]:
    """Wheels of `roots` and all that they need. `given`: wheels to use first; `store` keeps the downloaded ones.

    Raises InputError: a package has no wheel for the browser.
    """
    own = {wheel.name: wheel for wheel in map(wheel_of, given)}
    newest: set[str] = set()
    while True:
        found = dict[str, Wheel]()
        because = dict[str, str]()
        try:
            _walk(roots, target, store, own, newest, found, because)
            return [found[name] for name in sorted(found)]
        except _Missing as error:
            name = str(error)
            parent = because.get(name, "")
            # A version that is installed here may need another that the browser has no wheel of.
            if not parent or parent in newest or parent in own:
                raise InputError(
                    _("No wheel of {name} for the browser ({platform})").format(name=name, platform=target.platform),
                    hint=_("Add a folder with one: --wheels FOLDER. To leave it out: --without {name}.").format(
                        name=name
                    ),
                ) from None
            newest.add(parent)


def _walk(
    roots: Sequence[str],
    target: Target,
    store: Path,
    own: dict[str, Wheel],
    newest: set[str],
    found: dict[str, Wheel],
    because: dict[str, str],
) -> None:
    parse = extras.load("packaging.requirements", extra="site").Requirement
    level = [parse(root) for root in roots]
    seen: set[tuple[str, str]] = set()
    while level:
        wanted = {_canonical(each.name): each for each in level}
        new = {name: each for name, each in wanted.items() if name not in found}
        found.update({name: own[name] for name in new if name in own})
        rest = {name: each for name, each in new.items() if name not in own}
        found.update(_downloaded(rest, target, store, newest))
        following = []
        for each in level:
            name = _canonical(each.name)
            if not each.specifier.contains(found[name].version, prereleases=True):
                raise _Missing(name)
            for extra in ("", *each.extras):
                if (name, extra) in seen:
                    continue
                seen.add((name, extra))
                environment = {**target.markers, "extra": extra}
                for need in map(parse, found[name].requires):
                    if need.marker is None and extra:
                        continue
                    if need.marker is None or need.marker.evaluate(environment):
                        because.setdefault(_canonical(need.name), name)
                        following.append(need)
        level = following


def _downloaded(wanted: dict[str, object], target: Target, store: Path, newest: set[str]) -> dict[str, Wheel]:
    """One wheel for each; first all at once, then one by one to see which is missing."""
    if not wanted:
        return {}
    lines = {name: _line(name, each, newest) for name, each in wanted.items()}
    try:
        return _pip(lines, target, store)
    except _Missing:
        pass
    found: dict[str, Wheel] = {}
    for name, each in wanted.items():
        try:
            found |= _pip({name: lines[name]}, target, store)
        except _Missing:
            if lines[name] == str(each):
                raise
            found |= _pip({name: f"{name}{getattr(each, 'specifier', '')}"}, target, store)
    return found


def _line(name: str, each: object, newest: set[str]) -> str:
    """The version that is installed here where it fits, so that outputs stay the same."""
    specifier = getattr(each, "specifier", "")
    if name not in newest:
        try:
            version = installed.version(name)
        except installed.PackageNotFoundError:
            pass
        else:
            if not str(specifier) or specifier.contains(version, prereleases=True):
                return f"{name}=={version}"
    return f"{name}{specifier}"


def _pip(lines: dict[str, str], target: Target, store: Path) -> dict[str, Wheel]:
    """Raises _Missing with the name, where there is one only."""
    number = target.python.replace(".", "")
    fits = ["--platform", target.platform, "--python-version", number, "--implementation", "cp"]
    fits += ["--abi", f"cp{number}", "--abi", "abi3", "--abi", "none"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    store.mkdir(parents=True, exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in store.glob("*.whl")}
    done = subprocess.run(
        [*command, "--only-binary", ":all:", *fits, "--dest", str(store), *lines.values()],
        capture_output=True,
        text=True,
        timeout=_PIP_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise InputError(_("Downloading wheels needs pip"), hint=_("Install it: python -m ensurepip"))
        raise _Missing(next(iter(lines)))
    return _chosen(lines, store, before)


def _chosen(lines: dict[str, str], store: Path, before: dict[Path, int]) -> dict[str, Wheel]:
    """Of each name the wheel that the line means; where several are in the store, the one that came last."""
    parse = extras.load("packaging.requirements", extra="site").Requirement
    found: dict[str, Wheel] = {}
    for path in sorted(store.glob("*.whl"), key=lambda path: (path not in before, path.stat().st_mtime_ns)):
        name = _canonical(path.name.partition("-")[0])
        if name in lines and parse(lines[name]).specifier.contains(path.name.split("-")[1], prereleases=True):
            found[name] = wheel_of(path)
    if left := lines.keys() - found.keys():
        raise _Missing(next(iter(left)))
    return found
