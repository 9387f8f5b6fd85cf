"""`%wcode methods`: the account of a study for its paper."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from msgspec import Struct

from ...characters import visible
from ...display.answer import wrap
from ...display.markdown import render
from ...errors import OptionError
from ...language import N_, _
from ...store import named_path
from ...study import checklist, report
from ...study.methods import Study, study
from ...table import Table
from ..line import parse_command
from ..options import CellOption
from .command import Context

__all__ = ["METHODS_OPTIONS", "MethodsText", "run_files", "run_methods"]

METHODS_OPTIONS = (
    CellOption(name="text", arity="flag", help=N_("As plain text, one figure per line.")),
    CellOption(name="latex", arity="flag", help=N_("As LaTeX.")),
    CellOption(name="bibtex", arity="flag", help=N_("BibTeX entries for the models.")),
    CellOption(name="json", arity="flag", help=N_("As JSON.")),
    CellOption(name="trace", arity="flag", help=N_("Every figure with its source files and lines.")),
    CellOption(name="checklist", arity="flag", help=N_("The checklist of llm-guidelines.org, filled from facts.")),
    CellOption(name="tripod", arity="flag", help=N_("The items of TRIPOD-LLM on the model, filled from facts.")),
)


class MethodsText(Struct, frozen=True):
    """The account of a study as it is shown; `str()` is its Markdown."""

    study: Study

    def __str__(self) -> str:
        # Read as text: what escapes for Markdown stays, what would change a terminal is made visible.
        return visible(report.to_markdown(self.study))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # Rendered here: text/markdown in a trusted output would run the HTML of a model id that a server made up.

        return wrap(render(str(self)))


def run_methods(context: Context, rest: str) -> MethodsText | Table | None:
    """The account of the named files; without one, of this session with its replay file and run files."""
    line = parse_command(rest, METHODS_OPTIONS)
    chosen = [option.name for option in METHODS_OPTIONS if line.flag(option.name)]
    if len(chosen) > 1:
        raise OptionError(_("Choose one of {options}").format(options=", ".join(f"--{name}" for name in chosen)))
    found = _study(context, [named_path(word) for word in line.words])
    match chosen:
        case []:
            return MethodsText(found)
        case ["json"]:
            print(_json(found))
        case ["trace"]:
            return found.trace()
        case ["checklist"]:
            return checklist.to_table(found)
        case ["tripod"]:
            return checklist.to_table(found, checklist.TRIPOD)
        case [name]:
            print(visible(report.FORMATS[name](found)), end="")
    return None


def _study(context: Context, files: list[Path]) -> Study:
    session = context.client.session
    if files:
        return study(files, session.catalogue, findings=session.findings)
    path = context.client.replay_path
    files = [path] if path.is_file() else []
    return study([*files, *run_files(path)], session.catalogue, session=session.account, findings=session.findings)


def run_files(replay_file: Path) -> list[Path]:
    """The run files of the notebook whose replay file this is, by name; may be empty."""
    stem = replay_file.name.removesuffix(".replay.jsonl").removesuffix("-replay.jsonl")
    return sorted(
        path for path in replay_file.parent.glob("*.run.jsonl") if path.name.startswith(f"{stem}.") and path.is_file()
    )


def _json(found: Study) -> str:
    value = {
        **msgspec.to_builtins(found.account),
        "sources": msgspec.to_builtins(found.sources),
        "runs": msgspec.to_builtins(found.runs),
        "findings": msgspec.to_builtins(found.findings),
    }
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
