"""A study as a web page that runs: a JupyterLite folder with notebook, answers, Pyodide and every wheel.

Any static web server serves it; the reader's browser runs the notebook strictly from the recorded answers, without a
key, an installation or a request to anywhere else.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec
from msgspec import Struct

from .. import extras
from ..characters import escape
from ..errors import InputError
from ..language import _
from ..local.fetch import environment
from . import wheels
from .package import check_itself
from .wheels import PyodidePython, Wheel

__all__ = ["Contents", "Parts", "Site", "build"]

_KERNEL = "@jupyterlite/pyodide-kernel-extension"
_WIDGETS = "@jupyter-widgets/jupyterlab-manager"
_CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_LOCK = "pyodide-lock.json"
_KERNEL_NEEDS = ("micropip", "piplite", "ipykernel", "comm", "pyodide-kernel", "jedi", "ipython")
"""What the kernel installs when it starts; all of it is in the folder."""
_TIMEOUT_S = 600


class Contents(Struct, frozen=True):
    """What the site shows: the notebook, its answers and its data, all below one folder."""

    notebook: Path
    answers: tuple[Path, ...] = ()
    data: tuple[Path, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """Environment variables of settings that the notebook has from outside."""


class Parts(Struct, frozen=True):
    """What the site is made of. `pyodide`: a folder or archive of the release; None: from the npm registry.

    `wheels`: folders with wheels to use first. `packages`, `without`: distributions beside those that are imported;
    `optional` ones are left out where the browser has no wheel of them.
    """

    pyodide: Path | None = None
    wheels: tuple[Path, ...] = ()
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


class Site(Struct, frozen=True):
    """What was built: the wheels in it, and optional packages that are not."""

    wheels: tuple[Wheel, ...]
    left_out: tuple[str, ...]


class _Info(Struct, frozen=True):
    abi_version: str
    arch: str
    python: str


class _Lock(Struct, frozen=True):
    info: _Info


def build(target: Path, contents: Contents, parts: Parts, cache: Path, *, language: str = "en") -> Site:
    """Writes the site into the empty folder `target`. Raises InputError."""
    for path in contents.answers:
        check_itself(path)
    extras.load("jupyterlite_core", extra="site", package="jupyterlite-core")
    with tempfile.TemporaryDirectory(prefix="wcode-site-") as name:
        lite = Path(name, "lite")
        runtime = lite / "static" / "pyodide"
        runtime.mkdir(parents=True)
        _copy_core(_pyodide(parts.pyodide, cache), runtime)
        python = _target(runtime)
        found = _wheels(contents, parts, python, runtime, cache)
        _write_lock(runtime, found)
        _copy_contents(contents, lite / "files")
        _write_config(lite, contents, found, python, language)
        _copy_extensions(lite / "extensions")
        _lite(lite, target)
    (target / "index.html").write_text(_front(contents.notebook.name), encoding="utf-8")
    without = [name for name in parts.optional if name not in {wheel.name for wheel in found}]
    return Site(tuple(found), tuple(without))


# -- Pyodide ------------------------------------------------------------------------------------------------------


def _pyodide(given: Path | None, cache: Path) -> Path:
    """The folder of Pyodide's own files."""
    if given is None:
        given = _from_npm(cache)
    if given.is_dir():
        return _with_core(given)
    unpacked = Path(cache, given.name.partition(".t")[0] + "-unpacked")
    if not unpacked.is_dir():
        try:
            with tarfile.open(given) as archive:
                archive.extractall(unpacked, filter="data")
        except (OSError, tarfile.TarError) as error:
            shutil.rmtree(unpacked, ignore_errors=True)
            raise InputError(
                _("{path} is not a Pyodide release: {error}").format(path=given.name, error=error)
            ) from None
    return _with_core(unpacked)


def _with_core(folder: Path) -> Path:
    for one in (folder, folder / "package", folder / "pyodide"):
        if all((one / name).is_file() for name in (*_CORE, _LOCK)):
            return one
    raise InputError(
        _("{path} is not a Pyodide release: {name} is missing").format(path=folder.name, name=_CORE[0]),
        hint=_("This kernel needs Pyodide {version}.").format(version=_version()),
    )


def _version() -> str:
    constants = extras.load("jupyterlite_pyodide_kernel.constants", extra="site", package="jupyterlite-pyodide-kernel")
    return str(constants.PYODIDE_VERSION)


def _from_npm(cache: Path) -> Path:
    """The release that the kernel asks for, packed by npm; kept for the next site."""
    version = _version()
    archive = cache / f"pyodide-{version}.tgz"
    if archive.is_file():
        return archive
    hint = _("Download Pyodide {version} and use its archive or folder: --pyodide PATH.").format(version=version)
    if (npm := shutil.which("npm")) is None:
        raise InputError(_("Downloading Pyodide needs npm"), hint=hint)
    cache.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, "pack", f"pyodide@{version}", "--silent", "--pack-destination", str(cache)],
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=environment(),
    )  # fmt: skip
    if done.returncode or not archive.is_file():
        raise InputError(_("Cannot download Pyodide {version}").format(version=version), hint=hint)
    return archive


def _copy_core(release: Path, runtime: Path) -> None:
    for name in (*_CORE, _LOCK):
        shutil.copyfile(release / name, runtime / name)


# -- wheels -------------------------------------------------------------------------------------------------------


def _wheels(contents: Contents, parts: Parts, target: PyodidePython, runtime: Path, cache: Path) -> list[Wheel]:
    """All wheels, copied beside Pyodide."""
    own, files = wheels.own_wheel(runtime), wheels.contents_wheel(runtime, _files(contents))
    given = [own.path, files.path, *_kernel_wheels()]
    for folder in (*parts.wheels, *([parts.pyodide] if parts.pyodide is not None else [])):
        given += [path for path in sorted(folder.glob("*.whl")) if _fits(path, target)] if folder.is_dir() else []
    without = set(parts.without)
    asked = wheels.imported(_sources(contents.notebook)) | set(parts.packages)
    roots = [own.name, files.name, *_KERNEL_NEEDS, *sorted(name for name in asked - without if name != own.name)]
    optional = [name for name in parts.optional if name not in without]
    found = wheels.gather(roots, target, cache / "wheels", given, optional)
    for wheel in found:
        if wheel.path.parent != runtime:
            shutil.copyfile(wheel.path, runtime / wheel.path.name)
    return found


def _target(runtime: Path) -> PyodidePython:
    """The Python of this release, as its list of packages says."""
    try:
        info = msgspec.json.decode((runtime / _LOCK).read_bytes(), type=_Lock).info
        return PyodidePython(".".join(info.python.split(".")[:2]), f"pyemscripten_{info.abi_version}_{info.arch}")
    except msgspec.DecodeError as error:
        raise InputError(_("{path} is not a Pyodide release: {error}").format(path=_LOCK, error=error)) from None


def _fits(path: Path, target: PyodidePython) -> bool:
    tag = path.stem.rsplit("-", 1)[-1]
    return tag in ("any", target.platform)


def _kernel_wheels() -> list[Path]:
    """The wheels that come with JupyterLite's kernel. One of two `widgetsnbextension` shims is for old ipywidgets."""
    folder = _labextension(_KERNEL) / "static" / "pypi"
    return [path for path in sorted(folder.glob("*.whl")) if not path.name.startswith("widgetsnbextension-3")]


def _sources(notebook: Path) -> list[str]:
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            _("{path} is not a notebook: {error}").format(path=notebook.name, error=type(error).__name__)
        ) from None


def _write_lock(runtime: Path, found: Sequence[Wheel]) -> None:
    """Pyodide's list of packages: those of the folder, and no others, so that it looks nowhere else."""
    lock = json.loads((runtime / _LOCK).read_text(encoding="utf-8"))
    lock["packages"] = {
        wheel.name: {
            "name": wheel.name,
            "version": wheel.version,
            "file_name": wheel.path.name,
            "install_dir": "site",
            "sha256": wheel.sha256,
            "package_type": "package",
            "imports": list(wheel.imports),
            "depends": [],
            "unvendored_tests": False,
        }
        for wheel in found
    }
    (runtime / _LOCK).write_text(json.dumps(lock, indent=1), encoding="utf-8")


# -- JupyterLite --------------------------------------------------------------------------------------------------


def _files(contents: Contents) -> dict[str, Path]:
    """Each file by its place beside the notebook."""
    home = contents.notebook.parent
    paths = (contents.notebook, *contents.answers, *contents.data)
    return {path.relative_to(home).as_posix() if path.is_relative_to(home) else path.name: path for path in paths}


def _copy_contents(contents: Contents, folder: Path) -> None:
    """What the file browser shows. The kernel has its own copy: JupyterLite reads no `.jsonl` file that it serves."""
    for name, path in _files(contents).items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _write_config(lite: Path, contents: Contents, found: Sequence[Wheel], target: PyodidePython, language: str) -> None:
    replays = [path.name for path in contents.answers if path.name.endswith(".replay.jsonl")]
    environment = {
        **dict(contents.settings),
        "HOME": "/home/pyodide",
        "JPY_SESSION_NAME": contents.notebook.name,
        "PYTHONSTARTUP": f"/lib/python{target.python}/site-packages/{wheels.STARTUP}",
        "WCODE_REPLAY": "replay",
        "WCODE_LANG": language,
        **({"WCODE_REPLAY_FILE": replays[0]} if replays else {}),
    }
    kernel = {
        "disablePyPIFallback": True,
        "loadPyodideOptions": {"packages": [wheel.name for wheel in found], "env": environment},
    }
    _write_json(lite / "jupyter-lite.json", {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": contents.notebook.stem,
            "litePluginSettings": {f"{_KERNEL}:kernel": kernel},
        },
    })  # fmt: skip
    _write_json(lite / "jupyter_lite_config.json", {
        "LiteBuildConfig": {
            "contents": ["files"],
            "ignore_sys_prefix": ["federated_extensions"],
            "no_sourcemaps": True,
            "apps": ["lab", "notebooks", "tree"],
        },
        "FederatedExtensionAddon": {"extra_labextensions_path": [str(lite / "extensions")]},
    })  # fmt: skip


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _copy_extensions(folder: Path) -> None:
    """The extensions that the notebook needs, and not whatever else is installed here."""
    for name in (_KERNEL, _WIDGETS):
        shutil.copytree(_labextension(name), folder / name)
    shutil.copytree(Path(__file__).parents[1] / "labextension", folder / "wcode_jupyter")


def _labextension(name: str) -> Path:
    """Where an installed extension of JupyterLab is."""
    paths = extras.load("jupyter_core.paths", extra="site", package="jupyter-core")
    for place in paths.jupyter_path("labextensions"):
        if (folder := Path(place, name)).is_dir():
            return folder
    raise InputError(
        _("The JupyterLab extension {name} is not installed").format(name=name),
        hint=_("Install it: {command}").format(command='pip install "wcode_jupyter[site]"'),
    )


def _lite(lite: Path, target: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "jupyterlite_core", "build", "--lite-dir", str(lite), "--output-dir", str(target)],
        cwd=lite, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False, env=environment(),
    )  # fmt: skip
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise InputError(_("JupyterLite could not build the site: {error}").format(error=lines[-1] if lines else ""))


def _front(notebook: str) -> str:
    """The first page: it leads to the notebook. JupyterLite's other pages read their configuration from it."""
    address = f"lab/index.html?path={quote(notebook)}"
    name, link = escape(notebook), escape(address)
    return (
        f'<!doctype html><html><head><meta charset="utf-8"><title>{name}</title>'
        '<script id="jupyter-config-data" type="application/json" data-jupyter-lite-root=".">{}</script>'
        f'<meta http-equiv="refresh" content="0; url={link}"></head>'
        f'<body><a href="{link}">{name}</a></body></html>\n'
    )
