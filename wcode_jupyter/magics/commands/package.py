"""`%wcode package`: the study as one archive."""

from __future__ import annotations

import os
from pathlib import Path

from ... import files
from ...errors import InputError, OptionError
from ...language import N_, _
from ...session import Session
from ...session.account import AccountEntry
from ...study.crate import Maker
from ...study.methods import study
from ...study.package import ASKING, pack
from ..line import parse_command
from ..options import CellOption
from .command import Context
from .methods import run_files

__all__ = ["PACKAGE_OPTIONS", "run_package", "study_files", "study_settings"]

PACKAGE_OPTIONS = (
    CellOption(name="notebook", metavar="FILE", help=N_("The notebook, where the kernel does not know it.")),
    CellOption(name="data", metavar="FILE,FILE", help=N_("Data files: their hashes are packaged, not the files.")),
    CellOption(name="author", metavar="NAME", help=N_("Author of the study.")),
    CellOption(name="affiliation", metavar="NAME", help=N_("Organization of the author.")),
    CellOption(name="affiliation_url", metavar="URL", help=N_("Web address of the organization.")),
    CellOption(name="license", metavar="SPDX", help=N_("Licence of the package, as CC-BY-4.0.")),
    CellOption(name="force", arity="flag", help=N_("Overwrite an existing file.")),
)


def run_package(context: Context, rest: str) -> None:
    """Packs notebook, answers, account, checklist, prices and versions into a zip archive."""
    line = parse_command(rest, PACKAGE_OPTIONS)
    if len(line.words) != 1 or not line.words[0].endswith(".zip"):
        raise OptionError(_("%wcode package needs the name of a .zip file"))
    target = files.named(line.words[0])
    if target.exists() and not line.flag("force"):
        raise InputError(_("{path} already exists").format(path=target.name), hint=_("Use --force to overwrite it."))
    notebook, answers = study_files(context, line.text("notebook"))
    session = context.client.session
    runs = [path for path in answers if path.name.endswith(".jsonl") and ".labels." not in path.name]
    given = {name: line.text(name) for name in ("author", "affiliation", "affiliation_url", "license")}
    redact = session.keys.redact
    names = pack(
        target,
        notebook,
        answers,
        study(runs, session.catalogue, findings=session.findings),
        session.catalogue,
        settings=study_settings(session),
        data=[files.named(name) for name in (line.text("data") or "").split(",") if name],
        maker=Maker(**{name: text for name, text in given.items() if text}),
        is_secret=lambda text: redact(text) != text,
    )
    session.findings.append(AccountEntry("package", _("The study is packaged."), target.name))
    print(_("{count} files in {path}.").format(count=len(names), path=target.name))


def study_settings(session: Session) -> dict[str, str]:
    """Environment variables for the settings that the notebook has from outside: configuration or environment."""
    values = session.values()
    outside = [row for row in ASKING if row.name in values and values[row.name].source in ("%config", row.environment)]
    return {row.environment: _text(values[row.name].value) for row in outside}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def study_files(context: Context, named: str | None) -> tuple[Path | None, list[Path]]:
    """The notebook, and the files with its answers and labels. Raises InputError: there is no `named`."""
    replay = context.client.replay_path
    answers = [*([replay] if replay.is_file() else []), *run_files(replay)]
    answers += sorted(replay.parent.glob(f"{replay.name.partition('.')[0]}*.labels.*"))
    return _notebook(context, named, replay), answers


def _notebook(context: Context, named: str | None, replay: Path) -> Path | None:
    """The notebook as it was saved last: named, known to the kernel, or of the replay file's name."""
    known = named or context.client.notebook() or os.environ.get("JPY_SESSION_NAME")
    path = files.named(known) if known else replay.with_name(replay.name.replace(".replay.jsonl", ".ipynb"))
    path = path if path.is_file() else replay.with_name(path.name)
    if named and not path.is_file():
        raise InputError(_("Notebook not found: {path}").format(path=named))
    return path if path.is_file() and path.suffix == ".ipynb" else None
