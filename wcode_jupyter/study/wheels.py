"""Wheels for a kernel in a browser: what a notebook imports, and all that needs, for Pyodide's Python.

Each package is taken in the version that is installed here, so that outputs stay the same; in the newest one where that
version has no wheel for the browser. Folders of the user come first, then the package index, by `pip download`.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.parser import BytesHeaderParser
from importlib import metadata as installed
from pathlib import Path

from msgspec import Struct

from .. import extras
from ..errors import InputError, one_line
from ..language import _
from ..local.fetch import environment
from ..version import __version__

__all__ = ["STARTUP", "PyodidePython", "Wheel", "contents_wheel", "gather", "imported", "own_wheel", "wheel_of"]

NEEDS = (
    "filelock", "httpx", "ipython", "ipywidgets", "markdown-it-py[linkify]", "msgspec", "platformdirs", "pygments",
    "rich", "tqdm",
)  # fmt: skip
"""What this package needs, as pyproject.toml says."""
_TIME = (2020, 1, 1, 0, 0, 0)
_PIP_TIMEOUT_S = 600
# -P: the notebook's folder may hold a pip.py.
_PIP = (sys.executable, "-P", "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
_CONTENTS = "wcode_study"
STARTUP = f"{_CONTENTS}/startup.py"
"""Where the wheel of the contents has the file that IPython runs first: it goes into the folder of the notebook."""
_START = """import os

os.chdir(os.path.join(os.path.dirname(os.environ["PYTHONSTARTUP"]), "files"))


def _like_ipykernel(shell):
    # This kernel names errors by their repr, and every other one by their name.
    def show(kind, error, lines):
        shell._last_traceback = {"ename": kind.__name__, "evalue": str(error), "traceback": lines}

    shell._showtraceback = show


_like_ipykernel(get_ipython())
del os, _like_ipykernel
"""


class PyodidePython(Struct, frozen=True):
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

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


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


def gather(
    roots: Sequence[str], target: PyodidePython, store: Path, given: Iterable[Path] = (), optional: Sequence[str] = ()
) -> list[Wheel]:
    """Wheels of `roots` and all that they need. `given`: wheels to use first; `store` keeps the downloaded ones.

    An `optional` package that has no wheel for the browser is left out. Raises InputError: one of `roots` has none.
    """
    own = {wheel.name: wheel for wheel in map(wheel_of, given)}
    try:
        return _gathered([*roots, *optional], target, store, own)
    except _Missing:
        pass
    taken = list(roots)
    for name in optional:
        with contextlib.suppress(_Missing):
            _gathered([*roots, name], target, store, own)
            taken.append(name)
    try:
        return _gathered(taken, target, store, own)
    except _Missing as error:
        what = _("No wheel of {name} for the browser ({platform})")
        hint = _("Add a folder with one: --wheels FOLDER. To leave it out: --without {name}.")
        raise InputError(
            what.format(name=error.name, platform=target.platform), hint=hint.format(name=error.name)
        ) from None


def _gathered(roots: Sequence[str], target: PyodidePython, store: Path, own: dict[str, Wheel]) -> list[Wheel]:
    search = _Search(target, store, own)
    while True:
        try:
            found = search.walk(roots)
            return [found[name] for name in sorted(found)]
        except _Missing as error:
            # A version that is installed here may need another that the browser has no wheel of.
            if not search.takes_newest(search.because.get(error.name, "")):
                raise


class _Search:
    """One look for wheels. `own`: those of the user. `because`: the package that first asked for another."""

    def __init__(self, target: PyodidePython, store: Path, own: dict[str, Wheel]) -> None:
        self.because: dict[str, str] = {}
        self._target = target
        self._store = store
        self._own = own
        self._newest: set[str] = set()

    def takes_newest(self, name: str) -> bool:
        """Whether the next walk takes another version of this package than the one that is installed here."""
        if not name or name in self._newest or name in self._own:
            return False
        self._newest.add(name)
        return True

    def walk(self, roots: Sequence[str]) -> dict[str, Wheel]:
        """By name; level by level, so that each level is one download. Raises _Missing."""
        found: dict[str, Wheel] = {}
        seen: set[tuple[str, str]] = set()
        level = [_Need.of(root) for root in roots]
        while level:
            new = {need.name: need for need in level if need.name not in found}
            found |= {name: self._own[name] for name in new if name in self._own}
            found |= self._downloaded({name: need for name, need in new.items() if name not in self._own})
            following = []
            for need in level:
                if not need.takes(found[need.name].version):
                    raise _Missing(need.name)
                for extra in ("", *need.extras):
                    if (need.name, extra) not in seen:
                        seen.add((need.name, extra))
                        following += self._needs_of(found[need.name], extra)
            level = following
        return found

    def _needs_of(self, wheel: Wheel, extra: str) -> list[_Need]:
        needs = [need for need in map(_Need.of, wheel.requires) if need.holds({**self._target.markers, "extra": extra})]
        for need in needs:
            self.because.setdefault(need.name, wheel.name)
        return needs

    def _downloaded(self, wanted: dict[str, _Need]) -> dict[str, Wheel]:
        """One wheel for each; first all at once, then one by one to see which is missing."""
        pinned = {name: need if name in self._newest else need.as_installed() for name, need in wanted.items()}
        found = {name: wheel for name, need in pinned.items() if (wheel := self._kept(need)) is not None}
        left = {name: need for name, need in pinned.items() if name not in found}
        try:
            return found | self._pip(left)
        except _Missing:
            pass
        for name, need in left.items():
            try:
                found |= self._pip({name: need})
            except _Missing:
                if need is wanted[name]:
                    raise
                found |= self._pip({name: wanted[name]})
        return found

    def _kept(self, need: _Need) -> Wheel | None:
        """The wheel of an exact version that an earlier site has brought."""
        version = need.specifier.removeprefix("==")
        if version == need.specifier:
            return None
        paths = sorted(self._store.glob(f"*-{version}-*.whl"))
        fitting = [path for path in paths if path.name.endswith(("-any.whl", f"-{self._target.platform}.whl"))]
        return next((wheel_of(path) for path in fitting if _canonical(path.name.partition("-")[0]) == need.name), None)

    def _pip(self, wanted: dict[str, _Need]) -> dict[str, Wheel]:
        """Raises _Missing with the name, where there is one only."""
        if not wanted:
            return {}
        number = self._target.python.replace(".", "")
        fits = ["--platform", self._target.platform, "--python-version", number, "--implementation", "cp"]
        fits += ["--abi", f"cp{number}", "--abi", "abi3", "--abi", "none", "--only-binary", ":all:", "--no-deps"]
        lines = [need.line for need in wanted.values()]
        self._store.mkdir(parents=True, exist_ok=True)
        # A folder of its own: the store may hold other versions, and pip does not say which one it took.
        with tempfile.TemporaryDirectory(dir=self._store) as folder:
            done = subprocess.run(
                [*_PIP, "--find-links", str(self._store), *fits, "--dest", folder, *lines],
                capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False, env=environment(),
            )  # fmt: skip
            if "No module named pip" in done.stderr:
                raise InputError(_("Downloading wheels needs pip"), hint=_("Install it: python -m ensurepip"))
            if done.returncode:
                raise _Missing(next(iter(wanted)))
            kept = [path.replace(self._store / path.name) for path in Path(folder).glob("*.whl")]
        found = {wheel.name: wheel for wheel in map(wheel_of, kept)}
        if left := wanted.keys() - found.keys():
            raise _Missing(next(iter(left)))
        return found


class _Need(Struct, frozen=True):
    """A requirement. `specifier`: "" for any version."""

    name: str
    extras: tuple[str, ...]
    specifier: str
    marker: str

    @classmethod
    def of(cls, line: str) -> _Need:
        """As a wheel's metadata or a user writes it. Raises InputError: it is none."""
        requirements = extras.load("packaging.requirements", extra="site")
        try:
            read = requirements.Requirement(line)
        except requirements.InvalidRequirement as error:
            raise InputError(_("Not a requirement: {line}").format(line=one_line(f"{line}: {error}"))) from None
        return cls(_canonical(read.name), tuple(sorted(read.extras)), str(read.specifier), str(read.marker or ""))

    @property
    def line(self) -> str:
        """For pip."""
        return f"{self.name}{self.specifier}"

    def takes(self, version: str) -> bool:
        """Whether this version will do."""
        specifiers = extras.load("packaging.specifiers", extra="site")
        return bool(specifiers.SpecifierSet(self.specifier).contains(version, prereleases=True))

    def holds(self, environment: Mapping[str, str]) -> bool:
        """Whether it is needed there. One without a marker belongs to the package itself, not to its extras."""
        if not self.marker:
            return not environment["extra"]
        return bool(extras.load("packaging.markers", extra="site").Marker(self.marker).evaluate(dict(environment)))

    def as_installed(self) -> _Need:
        """In the version that is installed here, where that will do, so that outputs stay the same."""
        try:
            version = installed.version(self.name)
        except installed.PackageNotFoundError:
            return self
        return _Need(self.name, self.extras, f"=={version}", "") if self.takes(version) else self
