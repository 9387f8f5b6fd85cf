"""From the words of a magic line to values: one table of cell options, and the rows of settings and parameters.

A line is split like a shell's (see `spelling`); a word that begins with `#` starts a comment. Nothing is expanded.
Options are never abbreviated silently; an unknown one gets a did-you-mean.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

from ..errors import OptionError, ParameterError
from ..language import N_, _
from ..prompt.template import expand
from ..request.cell_syntax import WORD, is_split_path, unquote
from ..request.parameters import OMITTED, Option, did_you_mean, find, parse
from ..request.settings import ROWS, find_row

__all__ = [
    "CELL_OPTIONS",
    "OUTPUT_REPLY",
    "OUTPUT_RESULT",
    "OUTPUT_ROWS",
    "SHORT",
    "CellLine",
    "CellOption",
    "check_variable",
    "parse_assignments",
    "parse_cell_line",
    "split_words",
]

Arity: TypeAlias = Literal["flag", "value", "append", "optional"]


class CellOption(Struct, frozen=True, kw_only=True):
    """An option that belongs to the cell alone; settings and parameters have options of their own."""

    name: str
    help: str
    short: str = ""
    metavar: str = ""
    arity: Arity = "value"

    @property
    def option(self) -> str:
        """The long form: `--dry-run`."""
        return "--" + self.name.replace("_", "-")


# `-o`, by what is stored; the cell and the commands share them.
OUTPUT_REPLY = CellOption(name="output", short="-o", metavar="NAME", help=N_("Store the Reply in this variable."))
OUTPUT_RESULT = CellOption(name="output", short="-o", metavar="NAME", help=N_("Store the result in this variable."))
OUTPUT_ROWS = CellOption(
    name="output", short="-o", metavar="NAME", help=N_("Store the rows as a DataFrame in this variable.")
)

CELL_OPTIONS: tuple[CellOption, ...] = (
    OUTPUT_REPLY,
    CellOption(
        name="param",
        short="-p",
        metavar="NAME=JSON",
        arity="append",
        help=N_("Set a parameter by its name in the request."),
    ),
    CellOption(
        name="without",
        metavar="NAME",
        arity="append",
        help=N_("Do not send this inherited parameter in this cell. Short form: --no-temperature and so on."),
    ),
    CellOption(name="extra_body", metavar="JSON", help=N_("Additional request fields, sent unchanged.")),
    CellOption(name="preset", metavar="NAME", help=N_("Use the values saved under this name (%wcode preset).")),
    CellOption(
        name="image",
        metavar="NAME|FILE|URL",
        arity="append",
        help=N_("Attach an image: a figure or array variable, a file, or a URL."),
    ),
    CellOption(name="resize", metavar="PIXELS", help=N_("Scale images down to this longest side, in pixels.")),
    CellOption(
        name="allow_outside", arity="flag", help=N_("Allow --image to read files outside the notebook's folder.")
    ),
    CellOption(
        name="above",
        metavar="N|all",
        help=N_("Send the last N cells that were run before this one first. Secrets are withheld."),
    ),
    CellOption(name="outputs", arity="flag", help=N_("With --above: send the text output of these cells too.")),
    CellOption(
        name="schema",
        metavar="NAME|FIELDS",
        help=N_("Structured output: a variable (type or JSON Schema), list[NAME], or 'name, age int'."),
    ),
    CellOption(
        name="retries_schema", metavar="N", help=N_("Retry up to N times if the answer does not match the schema.")
    ),
    CellOption(name="chat", metavar="NAME", help=N_("Continue this chat: its earlier turns are sent first.")),
    CellOption(name="trim", metavar="oldest", help=N_("If the chat exceeds the context, drop the oldest turns.")),
    CellOption(
        name="keep_failed", arity="flag", help=N_("In a chat: also send turns that failed or were interrupted.")
    ),
    CellOption(
        name="each",
        metavar="VARIABLE",
        help=N_("Send the prompt once per row of this DataFrame or list; {{name}} is a column of the row."),
    ),
    CellOption(
        name="prompts",
        metavar="VARIABLE",
        help=N_("Send each prompt of this dict by name; {{prompt}} in the cell is the prompt's text."),
    ),
    CellOption(
        name="few_shot",
        metavar="VARIABLE",
        help=N_("Send examples before the prompt: rows with its columns and a column answer."),
    ),
    CellOption(
        name="shots",
        metavar="N,N",
        help=N_("With --few-shot: number of examples; several numbers are compared. Default: all."),
    ),
    CellOption(
        name="options",
        metavar="VARIABLE|TEXT,TEXT",
        help=N_("Options that replace {{options}} in the cell."),
    ),
    CellOption(
        name="orders",
        metavar="N",
        help=N_("With --options: number of different orders, shuffled; each is compared. Default: 1."),
    ),
    CellOption(
        name="sweep",
        metavar="NAME=VALUE,VALUE",
        arity="append",
        help=N_("Send the prompt with each of these parameter values; several options: every combination."),
    ),
    CellOption(name="repeat", metavar="N", help=N_("Send the prompt N times.")),
    CellOption(name="seeds", arity="flag", help=N_("With --repeat: use a different seed each time.")),
    CellOption(
        name="score",
        metavar="FUNCTION",
        help=N_("Score each answer with f(reply, row): a number, a bool or a dict of these."),
    ),
    CellOption(name="key", metavar="COLUMN", help=N_("With --each: the column that identifies a row.")),
    CellOption(
        name="run_file",
        metavar="FILE",
        help=N_("With --each: the run file. Default: beside the notebook."),
    ),
    CellOption(
        name="engine",
        metavar="dask",
        help=N_("With --each: send the requests from a Dask cluster: a variable with its client, or dask."),
    ),
    CellOption(name="anew", arity="flag", help=N_("Ignore saved answers and send every request again.")),
    CellOption(name="stop_on_error", arity="flag", help=N_("With --each: stop at the first failed row.")),
    CellOption(name="yes", arity="flag", help=N_("Skip the confirmation for an expensive run (confirm_above_cny).")),
    CellOption(
        name="background",
        arity="flag",
        help=N_("Return at once; the answer streams on while other cells run. Using the variable waits for its end."),
    ),
    CellOption(
        name="insert", arity="flag", help=N_("Insert the code of the answer as a new cell below; it is not run.")
    ),
    CellOption(name="quiet", short="-q", arity="flag", help=N_("Hide waiting and status lines.")),
    CellOption(name="raw", arity="flag", help=N_("Send braces unchanged: no {{name}} placeholders.")),
    CellOption(name="dry_run", arity="flag", help=N_("Show the exact request and its likely cost; send nothing.")),
    CellOption(name="help", short="-h", arity="flag", help=N_("Show this help.")),
)

# A model is named so often that it has a short option like the cell's own.
SHORT: dict[str, str] = {option.short: option.name for option in CELL_OPTIONS if option.short} | {"-m": "model"}
"""Short option -> name."""
_CELL = {option.name: option for option in CELL_OPTIONS}


# What input methods and word processors make of -- and of quotes; no model's id has them.
_TYPOGRAPHIC = re.compile("^[—–−－]|[“”„‘’「」『』＂＇]")

# `--tools f,g` names functions; only its JSON form is the parameter of that name.
_FUNCTIONS = CellOption(name="tools", help="")


class CellLine(Struct, frozen=True, kw_only=True):
    """What a `%%wcode` line says. `values`: settings and parameters by name; the rest: the cell's own options."""

    values: dict[str, Any] = field(default_factory=dict)
    output: str | None = None
    extra_body: dict[str, object] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    """Other cell options by name: True for flags, text, or a list of texts."""
    rest: str = ""
    """Text after the options, as typed (`%wcode ask` only)."""

    def flag(self, name: str) -> bool:
        """Whether the flag `name` is given."""
        return bool(self.own.get(name))


class _Words:
    """Iterates over the unquoted words of a line, each read only when it is asked for; `rest` is what is left."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._position = 0

    @property
    def rest(self) -> str:
        """The line from the next word on, as typed; empty at the end."""
        return self._line[self._position :].lstrip()

    def __iter__(self) -> _Words:
        return self

    def __next__(self) -> str:
        rest = self.rest
        if not rest or rest.startswith("#"):
            raise StopIteration
        word, length = _first_word(rest)
        self._position = len(self._line) - len(rest) + length
        return word

    def next_is_truth(self) -> bool:
        """Whether the next word is true or false, in any case, also between quotes."""
        return _TRUTH.match(self.rest) is not None


_TRUTH = re.compile(r"(['\"]?)(?:true|false)\1(?=\s|$)", re.IGNORECASE)


def _first_word(rest: str) -> tuple[str, int]:
    """The first word of `rest`, unquoted, and its length as typed. Raises OptionError: an unclosed quote."""
    match = WORD.match(rest)
    left = rest[match.end() :] if match else rest
    if left == "\\" or (match and is_split_path(match.group())):
        raise OptionError(
            _("A backslash ends this word: {text}").format(text=rest),
            hint=_("Put a Windows path in single quotes."),
        )
    if match is None or left[:1].strip():
        raise OptionError(
            _("A quote is not closed: {text}").format(text=rest),
            hint=_("Put text with spaces or quotes in single quotes."),
        )
    return unquote(match.group()), match.end()


def split_words(line: str) -> list[str]:
    """The unquoted words of `line`, up to a comment. Raises OptionError: an unclosed quote."""
    return list(_Words(line))


def parse_cell_line(line: str, *, with_text: bool = False, namespace: Mapping[str, object] | None = None) -> CellLine:
    """The values of a `%%wcode` line; `with_text`: of `%wcode ask`, where the options are followed by the prompt,
    after `--` also one that begins with a dash. `namespace` gives the variables that `{{name}}` in a value means.

    Raises OptionError, ParameterError and UndefinedReference.
    """
    return _LineParser(line, with_text, namespace).parse()


class _LineParser:
    """Reads one line, word by word."""

    def __init__(self, line: str, with_text: bool, namespace: Mapping[str, object] | None) -> None:
        self.words = _Words(line)
        self.namespace = namespace
        self.with_text = with_text
        self.values: dict[str, object] = {}
        self.own: dict[str, Any] = {}

    def parse(self) -> CellLine:
        # After the options of `%wcode ask` comes prose, which may hold any quote: it is never split.
        while not (self.with_text and not self.words.rest.startswith("-")) and (word := next(self.words, None)):
            if word == "--" and self.with_text:
                break
            if word.startswith("-") and len(word) > 1:
                self._option(word)
            else:
                self._model(word)
        for assignment in self.own.pop("param", []):
            self._set(*_assignment(assignment, find))
        for names in self.own.pop("without", []):
            for name in names.split(","):
                self._set(find_row(name).name, OMITTED)
        output = self.own.pop("output", None)
        if output is not None:
            check_variable(output)
        extra = self.own.pop("extra_body", None)
        return CellLine(
            values=self.values,
            output=output,
            extra_body={} if extra is None else _json_object(extra),
            own=self.own,
            rest=self.words.rest if self.with_text else "",
        )

    def _option(self, word: str) -> None:
        head, equals, text = word.partition("=")
        value = text if equals else None
        name = SHORT.get(head) or head.removeprefix("--").replace("-", "_")
        if head not in SHORT and not head.startswith("--"):
            raise _unknown_option(word)
        if name in _CELL:
            self._own(_CELL[name], value)
        elif name in ROWS:
            self._row(ROWS[name], value)
        elif name.startswith("no_") and name[3:] in ROWS and value is None:
            self._set(name[3:], False if ROWS[name[3:]].kind == "bool" else OMITTED)
        else:
            raise _unknown_option(head)

    def _own(self, option: CellOption, value: str | None) -> None:
        if option.arity == "flag":
            if value is not None or self.words.next_is_truth():
                raise OptionError(
                    _("{option} takes no value").format(option=option.option),
                    hint=_("Leave the option out, or put -- before a prompt that begins with this word."),
                )
            self.own[option.name] = True
        elif option.arity == "append":
            self.own.setdefault(option.name, []).append(self._inserted(self._value(option.option, value)))
        elif option.name in self.own:
            raise OptionError(_("{option} is set twice").format(option=option.option))
        else:
            self.own[option.name] = self._inserted(self._value(option.option, value))

    def _row(self, row: Option, value: str | None) -> None:
        if row.kind == "bool" and value is None and not self.words.next_is_truth():
            self._set(row.name, True)
            return
        text = self._value(row.option, value)
        if row.name != "system":  # a part of the prompt, where its references are replaced
            text = self._inserted(text)
        if row.name == "tools" and not text.lstrip().startswith(("[", "{")):
            self._own(_FUNCTIONS, text)
            return
        parsed = _parse_quoted(row, text)
        if row.name == "model" and "model" in self.values:
            # A second -m: the cell compares.
            self.own.setdefault("models", [self.values["model"]]).append(parsed)
        elif row.kind == "strings" and row.name in self.values:
            self.values[row.name] += parsed
        else:
            self._set(row.name, parsed)

    def _inserted(self, text: str) -> str:
        """`text` with its references replaced, in one pass: papermill's parameters reach every option."""
        return text if self.namespace is None or "{{" not in text else expand(text, self.namespace).text

    def _model(self, word: str) -> None:
        word = self._inserted(word)
        if _TYPOGRAPHIC.search(word):
            raise OptionError(
                _("Unexpected word {word}").format(word=word),
                hint=_("Options start with --; put text with spaces in ' or \"."),
            )
        name, equals, value = word.partition("=")
        if equals and name.replace("-", "_") in ROWS:
            raise OptionError(
                _("Unexpected word {word}").format(word=word),
                hint=_("Did you mean {word}?").format(word=f"{ROWS[name.replace('-', '_')].option} {value}"),
            )
        if "model" in self.values:
            raise OptionError(
                _("Unexpected word {word}: the model is already {model}").format(word=word, model=self.values["model"]),
                hint=_("The prompt goes below the %%wcode line, or in one line: %wcode ask -m MODEL TEXT."),
            )
        self._set("model", word)

    def _set(self, name: str, value: object) -> None:
        if name in self.values:
            raise OptionError(_("{option} is set twice").format(option=ROWS[name].option))
        self.values[name] = value

    def _value(self, option: str, value: str | None) -> str:
        if value is None and (value := next(self.words, None)) is None:
            raise OptionError(_("{option} needs a value").format(option=option))
        return value


# What other programs call them.
_ELSEWHERE = {
    "--effort": "reasoning", "--reasoning-effort": "reasoning", "--thinking": "reasoning",
    "--max-completion-tokens": "max_tokens", "--max-output-tokens": "max_tokens", "--stop-sequences": "stop",
}  # fmt: skip


def _unknown_option(word: str) -> OptionError:
    if known := _ELSEWHERE.get(word.replace("_", "-")):
        hint = _("Did you mean {word}?").format(word=ROWS[known].option)
        return OptionError(_("Unknown option {word}").format(word=word), hint=hint)
    names = [option.option for option in CELL_OPTIONS] + [row.option for row in ROWS.values()]
    hint = did_you_mean(word.replace("_", "-"), names) or _("%%wcode? lists the options.")
    return OptionError(_("Unknown option {word}").format(word=word), hint=hint)


def _parse_quoted(row: Option, text: str) -> Any:
    try:
        return parse(row, text)
    except ParameterError as error:
        if text.startswith(("{", "[")) and not error.hint:
            error.hint = _quoting_hint(text)
        raise


def _assignment(text: str, find: Callable[[str], Option]) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise OptionError(_("{text}: expected NAME=VALUE").format(text=text))
    row = find(name)
    return row.name, _parse_quoted(row, value)


def parse_assignments(line: str) -> dict[str, object]:
    """`NAME=VALUE …` of `%wcode set`, for settings and parameters. Raises OptionError and ParameterError."""
    if not (words := split_words(line)):
        raise OptionError(_("Nothing to set"), hint=_("Example: %wcode set model=glm-5 temperature=0.2"))
    values: dict[str, object] = {}
    for word in words:
        name, value = _assignment(word, find_row)
        if name in values:
            raise OptionError(_("{option} is set twice").format(option=name))
        values[name] = value
    return values


def check_variable(name: str) -> None:
    """Raises OptionError unless `name`, given by `-o`, can be a variable."""

    if not name.isidentifier() or keyword.iskeyword(name):
        hint = _("Leave out the semicolon.") if name.endswith((";", "；")) else ""
        raise OptionError(_("-o {name}: not a variable name").format(name=name), hint=hint)


def _json(text: str) -> object:
    """The value of `text`; None where it is not JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _quoting_hint(text: str) -> str:
    """For the usual slip: JSON without quotes around it loses its own quotes to the line's splitting."""
    return _("Put JSON in single quotes.") if _json(text) is None else ""


def _json_object(text: str) -> dict[str, object]:
    value = _json(text)
    if not isinstance(value, dict):
        raise OptionError(_("--extra-body: not a JSON object"), hint=_quoting_hint(text))
    return value
