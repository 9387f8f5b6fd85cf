"""`%wcode export site`: the study as a web page whose notebook runs in the reader's browser."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from ... import files
from ...errors import InputError, OptionError
from ...language import N_, _, language
from ...study.site import Contents, Parts, build
from ..line import CommandLine, parse_command
from ..options import CellOption
from .command import Context
from .package import study_files, study_settings

__all__ = ["SITE_OPTIONS", "export_site"]

SITE_OPTIONS = (
    CellOption(name="notebook", metavar="FILE", help=N_("The notebook, where the kernel does not know it.")),
    CellOption(name="data", metavar="FILE,FILE", help=N_("With site: data files that the notebook reads.")),
    CellOption(
        name="packages", metavar="NAME,NAME",
        help=N_("With site: packages beside those that the notebook imports."),
    ),
    CellOption(name="without", metavar="NAME,NAME", help=N_("With site: packages to leave out.")),
    CellOption(name="wheels", metavar="FOLDER", help=N_("With site: a folder with wheels to use first.")),
    CellOption(
        name="pyodide", metavar="PATH",
        help=N_("With site: folder or archive of a Pyodide release. Default: from the npm registry."),
    ),
    CellOption(name="force", arity="flag", help=N_("Overwrite an existing file.")),
)  # fmt: skip
_EXTRAS = {"pandas": "pandas", "narwhals": "narwhals", "matplotlib": "matplotlib", "PIL": "pillow",
           "jsonschema": "jsonschema"}  # fmt: skip
_MARK = "jupyter-lite.json"


def export_site(context: Context, rest: str) -> None:
    """Writes a folder that any static web server can serve. Raises InputError."""
    line = parse_command(rest, SITE_OPTIONS)
    if len(line.words) > 1:
        raise OptionError(_("Unexpected word {word}").format(word=line.words[-1]))
    target = files.named(line.words[0] if line.words else "site")
    notebook, answers = study_files(context, line.text("notebook"))
    if notebook is None:
        raise InputError(_("The notebook is not known"), hint=_("Save it, and use --notebook FILE."))
    settings = tuple(study_settings(context.client.session).items())
    contents = Contents(notebook, tuple(answers), tuple(_paths(line, "data")), settings)
    _check_secrets(context, contents)
    _make_room(target, force=line.flag("force"))
    parts = Parts(
        pyodide=next(iter(_paths(line, "pyodide")), None),
        wheels=tuple(_paths(line, "wheels")),
        packages=_names(line, "packages"),
        without=_names(line, "without"),
        optional=_optional(),
    )
    site = build(target, contents, parts, user_cache_path("wcode_jupyter") / "site", language=language())
    what = _("{path}: {notebook} with {count} packages.")
    print(what.format(path=target, notebook=notebook.name, count=len(site.wheels)))
    if site.left_out:
        print(_("Without, because the browser has no wheel of it: {names}").format(names=", ".join(site.left_out)))
    print(_("Run: {command}").format(command=f"python -m http.server --bind 127.0.0.1 --directory {target}"))


def _optional() -> tuple[str, ...]:
    """Packages that this one uses where they are installed: for tools and schemas, and what this kernel has loaded."""
    loaded = [name for module, name in _EXTRAS.items() if module in sys.modules]
    return ("pydantic", *loaded) if find_spec("pydantic") else tuple(loaded)


def _names(line: CommandLine, name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (line.text(name) or "").split(",") if part.strip())


def _paths(line: CommandLine, name: str) -> list[Path]:
    return [files.named(part).absolute() for part in _names(line, name)]


def _check_secrets(context: Context, contents: Contents) -> None:
    redact = context.client.session.keys.redact
    for path in (contents.notebook, *contents.answers, *contents.data):
        try:
            with files.reading(path) as file:
                text = file.read().decode("utf-8", "replace")
        except OSError as error:
            raise InputError(
                _("Cannot read {path}: {error}").format(path=path.name, error=error.strerror or error)
            ) from None
        if redact(text) != text:
            raise InputError(_("{name} contains a key of this session and is not packaged").format(name=path.name))


def _make_room(target: Path, *, force: bool) -> None:
    """Only an earlier site is overwritten, and nothing through a link."""
    if target.is_symlink():
        raise InputError(_("{path} is a link").format(path=target), hint=_("Choose a new folder."))
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (force and (target / _MARK).is_file()):
        hint = _("Use --force to overwrite it.") if (target / _MARK).is_file() else _("Choose a new folder.")
        raise InputError(_("{path} already exists").format(path=target), hint=hint)
    shutil.rmtree(target)
