"""`%wcode label` and `%wcode codebook`: human labels for a batch run, and what the coders are told."""

from __future__ import annotations

from pathlib import Path

from ...codebook import Codebook
from ...display.answer import wrap
from ...display.markdown import render
from ...errors import OptionError
from ...labels.labels import Labels
from ...labels.location import labels_path
from ...labels.mark import Sample
from ...language import N_, _
from ...session.account import AccountEntry, enter
from ...table import Table
from ..line import CommandLine, parse_command
from ..options import OUTPUT_RESULT, CellOption
from .command import Context
from .findings import bind, replies_of

__all__ = ["CODEBOOK_OPTIONS", "LABEL_OPTIONS", "SAMPLES", "run_codebook", "run_label"]

SAMPLES: tuple[Sample, ...] = ("random", "stratified", "uncertain")

LABEL_OPTIONS = (
    CellOption(name="field", metavar="NAME", help=N_("The field of structured answers.")),
    CellOption(name="number", short="-n", metavar="N", help=N_("Rows to label. Default: 200.")),
    CellOption(name="sample", metavar="SAMPLE", help=N_("random, stratified (by the model's label) or uncertain.")),
    CellOption(name="coder", metavar="NAME", help=N_("Name of the person who labels. Default: A.")),
    CellOption(name="codebook", metavar="VARIABLE|FILE", help=N_("The codebook: a variable or a TOML file.")),
    CellOption(name="columns", metavar="NAME,NAME", help=N_("Further columns of the rows to show.")),
    CellOption(name="file", metavar="FILE", help=N_("The labels file. Default: beside the notebook.")),
    CellOption(name="seed", metavar="N", help=N_("Seed of the sample. Default: 0.")),
    CellOption(name="adjudicate", arity="flag", help=N_("Decide the rows on which coders differ.")),
    CellOption(name="show_answers", arity="flag", help=N_("Show the model's answers; the labels are not blind.")),
    OUTPUT_RESULT,
)
CODEBOOK_OPTIONS = (
    CellOption(name="diff", metavar="FILE", help=N_("Show what a newer version says otherwise.")),
    CellOption(name="appendix", arity="flag", help=N_("As an appendix of the methods text.")),
    OUTPUT_RESULT,
)


def run_label(context: Context, rest: str) -> Labels | None:
    """Shows the label widget; gives the labels of the file, stored with `-o`. Raises OptionError, InputError."""
    line = parse_command(rest, LABEL_OPTIONS)
    if len(line.words) != 1:
        raise OptionError(_("Usage: %wcode {usage}").format(usage="label NAME [--field NAME] [-n N] [--coder NAME]"))
    replies = replies_of(context, line.words[0])
    sample = line.text("sample") or "random"
    chosen = next((name for name in SAMPLES if name == sample), None)
    if chosen is None:
        raise OptionError(
            _("--{name} {text}: use one of {words}").format(name="sample", text=sample, words=", ".join(SAMPLES))
        )
    labels = replies.label(
        line.text("field"), _count(line, "number", 200), chosen, line.text("coder") or "A",
        file=line.text("file") or labels_path(replies.path, context.client.notebook()),
        codebook=_codebook(context, line.text("codebook")),
        columns=[name for name in (line.text("columns") or "").split(",") if name],
        blind=not line.flag("show_answers"), adjudicate=line.flag("adjudicate"), seed=_count(line, "seed", 0),
    )  # fmt: skip
    bind(context, line, labels)
    return None if line.flag("output") else labels


def _count(line: CommandLine, name: str, default: int) -> int:
    text = line.text(name)
    if text is None:
        return default
    if not text.isdecimal():
        option = "-n" if name == "number" else f"--{name}"
        raise OptionError(_("{option} must be a whole number, got {text}").format(option=option, text=text))
    return int(text)


def _codebook(context: Context, name: str | None) -> Codebook | None:
    if name is None:
        return None
    value = context.shell.user_ns.get(name)
    return value if isinstance(value, Codebook) else Codebook.read(name)


class Appendix:
    """A codebook as it stands in the appendix of a paper; `str()` is its Markdown."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return wrap(render(self._text))


def run_codebook(context: Context, rest: str) -> Codebook | Table | Appendix:
    """Reads a codebook and shows it, its appendix, or its difference to a newer one. Raises OptionError, InputError."""
    line = parse_command(rest, CODEBOOK_OPTIONS)
    if len(line.words) != 1:
        raise OptionError(_("Usage: %wcode {usage}").format(usage="codebook FILE [--diff FILE|--appendix] [-o NAME]"))
    book = _codebook(context, line.words[0])
    assert book is not None
    bind(context, line, book)
    if (newer := _codebook(context, line.text("diff"))) is not None:
        return book.diff(newer)
    said = _("Labels follow the codebook {version}.").format(version=book.version)
    enter(context.client.session.findings, AccountEntry("instrument", said, Path(line.words[0]).name))
    return Appendix(book.appendix()) if line.flag("appendix") else book
