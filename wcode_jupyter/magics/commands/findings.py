"""Findings by `%wcode`: `%wcode agreement results --field label` and its relatives, one row each in `FINDINGS`.

Each works on a variable that holds the replies of a run and gives what the method of the same name gives; that enters
the account of the study, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

import msgspec
from msgspec import Struct

from ...errors import OptionError
from ...findings.finding import Finding
from ...labels.labels import Labels
from ...language import N_, _
from ...request.parameters import did_you_mean
from ...session.account import AccountEntry, enter
from ...statistics.agreement import Level
from ...statistics.intervals import Failed
from ...statistics.values import label, number
from ..line import CommandLine, parse_command
from ..options import OUTPUT_RESULT, CellOption
from .command import Command, Context

if TYPE_CHECKING:
    from ...batch import Replies
    from ...batch.evidence import Truth

__all__ = ["COMMANDS_OF_FINDINGS", "FINDINGS", "LEVELS", "WORDS", "bind", "replies_of", "replies_variables"]

_FIELD = CellOption(name="field", metavar="NAME", help=N_("The field of structured answers."))
_TRUTH = CellOption(
    name="truth", metavar="COLUMN|VARIABLE", help=N_("A column of the rows, or a variable: labels, a dict.")
)
_BETWEEN = CellOption(name="between", metavar="FACTOR", help=N_("sample, model, prompt or a swept name."))
_FAILED = CellOption(name="failed", metavar="RULE", help=N_("Failed rows: out, wrong or bounds."))
_LEVEL = CellOption(name="level", metavar="LEVEL", help=N_("nominal, ordinal, interval or ratio."))
_VALUE = CellOption(name="value", metavar="LABEL", help=N_("The label whose share is meant."))
_DETECT = CellOption(name="detect", metavar="X", help=N_("Difference for the column of rows needed. Default: 0.05."))
_LABELS = CellOption(
    name="labels", metavar="VARIABLE|COLUMN", help=N_("Human labels: a variable, or a column of the rows.")
)
_CHANCE = CellOption(
    name="probability", metavar="P|COLUMN", help=N_("Chance of a row to be labelled, where the labels do not know it.")
)
_BEYOND = CellOption(name="beyond", arity="flag", help=N_("For the population that the rows were drawn from."))
_BINS = CellOption(name="bins", metavar="N", help=N_("Number of bins. Default: 10."))
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")

WORDS: Mapping[str, tuple[str, ...]] = {
    "failed": ("out", "wrong", "bounds"),
    "level": LEVELS,
}
"""Options with fixed values."""


class FindingCommand(Struct, frozen=True):
    """A finding: its options, and how it is computed from the replies and the line."""

    name: str
    usage: str
    help: str
    options: tuple[CellOption, ...]
    compute: Callable[[Replies, CommandLine, Context], Finding | Replies]
    words: int = 1
    """How many words it takes: the variable first."""

    def __call__(self, context: Context, rest: str) -> Finding | Replies:
        """The result, stored and noted in the account. Raises OptionError, InputError."""
        line = parse_command(rest, self.options)
        if not 1 <= len(line.words) <= self.words:
            raise OptionError(_("Usage: %wcode {usage}").format(usage=self.usage))
        for name, words in WORDS.items():
            if (text := line.text(name)) is not None and text not in words:
                raise OptionError(
                    _("--{name} {text}: use one of {words}").format(name=name, text=text, words=", ".join(words))
                )
        labels = context.shell.user_ns.get(line.words[0])
        if self.name == "agreement" and isinstance(labels, Labels):
            return _of_coders(labels, line, context)
        replies = replies_of(context, line.words[0])
        replies.enter_findings_in(context.client.session.findings)
        found = self.compute(replies, line, context)
        bind(context, line, found)
        return found


def _of_coders(labels: Labels, line: CommandLine, context: Context) -> Finding:
    found = labels.agreement(_level(line))
    for kind, text in (("labels", labels.sentence), ("agreement", found.sentence)):
        enter(context.client.session.findings, AccountEntry(kind, text, "%wcode agreement"))
    bind(context, line, found)
    return found


def replies_of(context: Context, name: str) -> Replies:
    """The replies in the variable `name`. Raises OptionError."""
    from ...batch import Replies

    value = context.shell.user_ns.get(name)
    if not isinstance(value, Replies):
        names = replies_variables(context.shell.user_ns)
        raise OptionError(
            _("{name} is not a variable with the replies of a batch run").format(name=name),
            hint=did_you_mean(name, names)
            or (
                _("Use one of {names}.").format(names=", ".join(names))
                if names
                else _("Run %%wcode --each ROWS -o results first.")
            ),
        )
    return value


def replies_variables(namespace: Mapping[str, object]) -> list[str]:
    """Names of the variables that hold replies, found without loading what runs them."""
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_")
        and type(value).__name__ == "Replies"
        and type(value).__module__.startswith("wcode_jupyter.")
    ]


def bind(context: Context, line: CommandLine, value: object) -> None:
    """Stores `value` in the variable of `-o`."""
    if name := line.text("output"):
        context.shell.push({name: value})


def _truth(replies: Replies, line: CommandLine, context: Context, name: str = "truth") -> Truth:
    """A column of the rows by its name, else a variable. Raises OptionError."""
    text = line.text(name)
    if text is None:
        raise OptionError(_("--{name} is missing").format(name=name), hint=_("Use a column of the rows or a variable."))
    if any(text in job.columns for job in replies.evidence(line.text("field")).rows.values()):
        return text
    value = cast("Truth | None", context.shell.user_ns.get(text))  # checked where it is used
    if value is None:
        raise OptionError(
            _("{name} is neither a column of the rows nor a variable").format(name=text),
            hint=did_you_mean(text, [*context.shell.user_ns]),
        )
    return value


def _number(line: CommandLine, name: str, default: float) -> float:
    text = line.text(name)
    found = default if text is None else number(text)
    if found is None or found <= 0:
        raise OptionError(_("--{name} must be a number above 0, got {text}").format(name=name, text=text))
    return found


def _value(replies: Replies, line: CommandLine) -> object:
    """The label that was typed: a text, or the number or boolean that the answers have."""
    text = line.text("value")
    if text is None:
        return None
    given = {answer.label for answer in replies.evidence(line.text("field")).answers}
    try:
        value = msgspec.json.decode(text, type=bool | int | float)
    except msgspec.DecodeError:
        return text
    return value if label(value) in given and label(text) not in given else text


def _failed(line: CommandLine) -> Failed:
    text = line.text("failed")
    return "wrong" if text == "wrong" else "bounds" if text == "bounds" else "out"


def _level(line: CommandLine) -> Level:
    return next((level for level in LEVELS if level == line.text("level")), "nominal")


def _agreement(replies: Replies, line: CommandLine, context: Context) -> Finding:
    return replies.agreement(line.text("field"), line.text("between"), _level(line))


def _validate(replies: Replies, line: CommandLine, context: Context) -> Finding:
    return replies.validate(_truth(replies, line, context), line.text("field"), _failed(line))


def _compare(replies: Replies, line: CommandLine, context: Context) -> Finding:
    factor = line.words[1] if len(line.words) > 1 else "model"
    truth = _truth(replies, line, context) if line.flag("truth") else None
    return replies.compare(
        factor, line.text("field"), truth, value=_value(replies, line), failed=_failed(line),
        detect=_number(line, "detect", 0.05),
    )  # fmt: skip


def _estimate(replies: Replies, line: CommandLine, context: Context) -> Finding:
    chance = line.text("probability")
    probability = None if chance is None else found if (found := number(chance)) is not None else _truth(
        replies, line, context, "probability"
    )  # fmt: skip
    return replies.estimate(
        line.text("field"), _value(replies, line), labels=_truth(replies, line, context, "labels"),
        probability=probability, beyond=line.flag("beyond"),
    )  # fmt: skip


def _calibration(replies: Replies, line: CommandLine, context: Context) -> Finding:
    return replies.calibration(_truth(replies, line, context), line.text("field"), bins=int(_number(line, "bins", 10)))


def _disagreements(replies: Replies, line: CommandLine, context: Context) -> Finding:
    return replies.disagreements(line.text("field"), line.text("between"))


def _uncertain(replies: Replies, line: CommandLine, context: Context) -> Replies:
    text = line.words[1] if len(line.words) > 1 else "50"
    if not text.isdecimal() or not int(text):
        raise OptionError(_("Usage: %wcode {usage}").format(usage="uncertain NAME [N] [--field NAME] [-o NAME]"))
    return replies.uncertain(int(text), line.text("field"))


def _variance(replies: Replies, line: CommandLine, context: Context) -> Finding:
    return replies.variance(line.text("field"))


FINDINGS: tuple[FindingCommand, ...] = (
    FindingCommand("agreement", "agreement NAME [--field NAME] [--between FACTOR] [--level LEVEL] [-o NAME]",
                   N_("Agreement between samples, models, prompts or swept values of a batch run, or between coders."),
                   (_FIELD, _BETWEEN, _LEVEL, OUTPUT_RESULT), _agreement),
    FindingCommand("validate", "validate NAME --truth COLUMN|VARIABLE [--field NAME] [--failed RULE] [-o NAME]",
                   N_("Accuracy, precision, recall and F1 against a column or human labels."),
                   (_TRUTH, _FIELD, _FAILED, OUTPUT_RESULT), _validate),
    FindingCommand("compare", "compare NAME [FACTOR] [--field NAME] [--truth COLUMN|VARIABLE|--value LABEL] [-o NAME]",
                   N_("Models, prompts or swept values on the same rows, with corrected p-values."),
                   (_FIELD, _TRUTH, _VALUE, _FAILED, _DETECT, OUTPUT_RESULT), _compare, 2),
    FindingCommand("estimate", "estimate NAME --labels VARIABLE [--field NAME] [--value LABEL] [-o NAME]",
                   N_("Share of a label over all rows, corrected by human labels."),
                   (_LABELS, _FIELD, _VALUE, _CHANCE, _BEYOND, OUTPUT_RESULT), _estimate),
    FindingCommand("calibration", "calibration NAME --truth COLUMN|VARIABLE [--field NAME] [--bins N] [-o NAME]",
                   N_("Stated probabilities against the truth."),
                   (_TRUTH, _FIELD, _BINS, OUTPUT_RESULT), _calibration),
    FindingCommand("disagreements", "disagreements NAME [--field NAME] [--between FACTOR] [-o NAME]",
                   N_("Rows on which answers differ, the least certain first."),
                   (_FIELD, _BETWEEN, OUTPUT_RESULT), _disagreements),
    FindingCommand("uncertain", "uncertain NAME [N] [--field NAME] [-o NAME]",
                   N_("Replies of the N rows whose answers are least certain."),
                   (_FIELD, OUTPUT_RESULT), _uncertain, 2),
    FindingCommand("variance", "variance NAME [--field NAME] [-o NAME]",
                   N_("Shares of rows, prompts, models and samples in the variance; rows that flip."),
                   (_FIELD, OUTPUT_RESULT), _variance),
)  # fmt: skip

COMMANDS_OF_FINDINGS = tuple(Command(one.name, one.usage, one.help, one) for one in FINDINGS)
