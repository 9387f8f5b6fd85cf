"""Package of a study: one archive with all that a reader needs to open it, check it and run it again.

Notebook, replay file, run files and labels; the account, the checklist and the prompts; catalogue with prices; the
exact versions of all installed packages; hashes of the data; a manifest of SHA-256 sums; RO-Crate metadata. The same
study gives the same bytes, its time aside.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata as installed
from pathlib import Path

import msgspec

from .. import files as safe
from ..catalogue import Catalogue
from ..errors import InputError
from ..language import _, language
from ..request.settings import SETTINGS
from ..table import Table
from . import checklist, crate, report
from .methods import Study

__all__ = ["ASKING", "MANIFEST", "STUDY", "check_itself", "pack"]

MANIFEST = "manifest-sha256.txt"
STUDY = "study.json"
"""What is in the package: notebook, replay file, versions, hashes of the data."""
_ASKING = (
    "model", "exact_model", "system", "protocol", "stream", "format", "hide_reasoning", "max_steps", "tools_replay",
    "force",
)  # fmt: skip
ASKING = tuple(row for row in SETTINGS if row.name in _ASKING)
"""Settings that change what is asked or shown. Those that the notebook does not set itself travel with the study."""
_TIME = (2020, 1, 1, 0, 0, 0)


def pack(
    target: Path,
    notebook: Path | None,
    answers: Iterable[Path],
    study: Study,
    catalogue: Catalogue,
    *,
    data: Iterable[Path] = (),
    settings: Mapping[str, str] | None = None,
    maker: crate.Maker | None = None,
    is_secret: Callable[[str], bool] = lambda text: False,
) -> list[str]:
    """Writes the archive; the names of its files. Raises InputError: a file is missing, or holds a key in use.

    `settings`: environment variables of the settings in `ASKING` that the notebook has from outside.
    """
    made = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    answers = list(answers)
    for path in answers:
        check_itself(path)
    files = {path.name: _read(path) for path in (*([notebook] if notebook else []), *answers)}
    files["methods.md"] = report.to_markdown(study).encode()
    files["checklist.md"] = _markdown(checklist.to_table(study)).encode()
    files["models.json"] = _models(study, catalogue)
    files["requirements.txt"] = _environment().encode()
    files[STUDY] = _study(notebook, answers, data, settings or {})
    files["README.md"] = _readme(target.name).encode()
    for name, content in files.items():
        if is_secret(content.decode("utf-8", "replace")):
            raise InputError(_("{name} contains a key of this session and is not packaged").format(name=name))
    files[MANIFEST] = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())
    ).encode()
    files[crate.METADATA] = crate.metadata(target.stem, files, study, maker or crate.Maker(), made)
    try:
        safe.write(target, _zipped(files))
    except OSError as error:
        raise InputError(
            _("Cannot write {path}: {error}").format(path=target.name, error=error.strerror or error)
        ) from None
    return list(files)


def check_itself(path: Path) -> None:
    """Raises InputError for a link: what a sender's link leads to would be published under its name."""
    if path.is_symlink():
        raise InputError(
            _("{path} is a link and is not packaged").format(path=path.name),
            hint=_("Replace the link by the file itself."),
        )


def _read(path: Path) -> bytes:
    try:
        with safe.reading(path) as file:
            return file.read()
    except OSError as error:
        raise InputError(
            _("Cannot read {path}: {error}").format(path=path.name, error=error.strerror or error)
        ) from None


def _zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _TIME), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _markdown(table: Table) -> str:
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join([*lines, "", table.note, ""])


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def _models(study: Study, catalogue: Catalogue) -> bytes:
    rows = {row.model: catalogue.model(row.model) for row in study.rows}
    return msgspec.json.format(msgspec.json.encode(rows), indent=2) + b"\n"


def _environment() -> str:
    """All installed distributions with their exact versions, as pip reads them."""
    found = {(dist.metadata["Name"] or "").lower(): dist.version for dist in installed.distributions()}
    lines = [f"{name}=={version}" for name, version in sorted(found.items()) if name]
    return "\n".join([f"# Python {platform.python_version()}", *lines, ""])


def _study(notebook: Path | None, answers: list[Path], data: Iterable[Path], settings: Mapping[str, str]) -> bytes:
    value = {
        "wcode_study": 1,
        "notebook": notebook.name if notebook else None,
        "answers": [path.name for path in answers],
        "python": platform.python_version(),
        "settings": dict(settings),
        "language": language(),
        "data_sha256": {path.name: hashlib.sha256(_read(path)).hexdigest() for path in data},
    }
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _readme(name: str) -> str:
    return f"""# {name}

1. Check: `python -m wcode_jupyter check {name}` runs the notebook from its recorded answers, without a key or a
   network, and says whether it gives the saved outputs.
2. Read: `methods.md` is the account of the models, `checklist.md` the reporting checklist, `models.json` the prices.
3. Run again: install `requirements.txt`, open the notebook, and use `%wcode audit` to send the requests again.
"""
