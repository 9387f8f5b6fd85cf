"""The request parameters of the gateway's pages, one row each, and their checks.

The rows drive magic options, `%wcode set`, help, completion, panel widgets, the Anthropic mapping, exporters and the
README's table: there is no second list. Nothing here has an effect unless the user sets it; page defaults are shown,
never sent.

Source: the API pages of wcode.net (section "可选参数"), read in the order of the pages.
"""

from __future__ import annotations

import difflib
import enum
import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from ..errors import ParameterError
from ..language import N_, _

__all__ = [
    "EFFORTS",
    "GROUPS",
    "OMITTED",
    "PARAMETERS",
    "Group",
    "Kind",
    "Omitted",
    "Option",
    "Parameter",
    "check",
    "check_row",
    "conflicts",
    "did_you_mean",
    "find",
    "line_ends",
    "parse",
]


class Omitted(enum.Enum):
    """The type of `OMITTED`."""

    OMITTED = "omitted"


OMITTED = Omitted.OMITTED
"""In the place of a value: a cell sends no such parameter, whatever session, configuration and model say."""

Kind: TypeAlias = Literal["float", "int", "bool", "choice", "text", "object", "strings", "objects", "tool_choice"]
Group: TypeAlias = Literal["sampling", "length", "reasoning", "output", "tools"]

GROUPS: dict[Group, str] = {
    "sampling": N_("Sampling"),
    "length": N_("Length"),
    "reasoning": N_("Reasoning"),
    "output": N_("Output"),
    "tools": N_("Tools"),
}

EFFORTS: dict[str, int] = {"xhigh": 95, "high": 80, "medium": 50, "low": 20, "minimal": 10, "none": 0}
"""Reasoning effort -> percent of `max_tokens` that the pages name for it."""


class Option(Struct, frozen=True, kw_only=True):
    """What can be set: a request parameter, or a setting of the session. With dashes, `name` is the magic option."""

    name: str
    kind: Kind
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The magic option: `--top-p`."""
        return "--" + self.name.replace("_", "-")

    @property
    def range(self) -> str:
        """The allowed values in a few characters, for help and errors: `0…2`, `low|medium|high`, `JSON object`."""
        if self.choices:
            return "|".join(self.choices)
        if self.low is not None and self.high is not None:
            return f"{self.low:g}…{self.high:g}" if abs(self.low) < 2**62 else _("a 64-bit integer")
        if self.low is not None:
            return f"≥ {self.low:g}"
        return _(_KIND_NAMES[self.kind])


class Parameter(Option, frozen=True, kw_only=True):
    """A request parameter: `name` is the wire name and the Python keyword too."""

    group: Group
    page_default: str | None = None
    """The page's "default", a hint only: it is never sent."""
    shorthand: str | None = None
    """For objects: the key that a bare word fills in (`high` -> `{"effort": "high"}`)."""
    anthropic: str | None = None
    """Name in the Anthropic form, None where it has no equivalent."""
    advanced: bool = False
    """Listed on the pages but rarely right to send: hidden from the panel's first view."""


_KIND_NAMES: dict[Kind, str] = {
    "float": N_("a number"),
    "int": N_("an integer"),
    "bool": N_("true or false"),
    "choice": N_("one of a set"),
    "text": N_("a string"),
    "object": N_("a JSON object"),
    "strings": N_("a string or a JSON list of strings"),
    "objects": N_("a JSON list of objects"),
    "tool_choice": N_("none, auto, required or a JSON object"),
}

PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        name="reasoning", kind="object", group="reasoning", choices=tuple(EFFORTS), shorthand="effort",
        anthropic="thinking",
        help=N_("Amount of reasoning before the answer; none turns reasoning off where the model allows it."),
    ),
    Parameter(
        name="temperature", kind="float", group="sampling", low=0, high=2, page_default="1.0", anthropic="temperature",
        help=N_("Randomness of the answer: lower is more predictable. Set this or top_p, not both."),
    ),
    Parameter(
        name="top_p", kind="float", group="sampling", low=0, high=1, page_default="1.0", anthropic="top_p",
        help=N_("Sample only from the most likely tokens whose probabilities add up to this."),
    ),
    Parameter(
        name="top_k", kind="int", group="sampling", low=0, page_default="0", anthropic="top_k",
        help=N_("Sample only from the N most likely tokens; 0 is off, 1 always takes the most likely one."),
    ),
    Parameter(
        name="frequency_penalty", kind="float", group="sampling", low=-2, high=2, page_default="0",
        help=N_("Penalty that grows with how often a token has occurred; negative encourages repetition."),
    ),
    Parameter(
        name="presence_penalty", kind="float", group="sampling", low=-2, high=2, page_default="0",
        help=N_("Penalty for tokens that have occurred at all; negative encourages repetition."),
    ),
    Parameter(
        name="repetition_penalty", kind="float", group="sampling", low=0, high=2, page_default="1.0",
        help=N_("Penalty on repeated tokens by their probability; above 1 repeats less. Some servers "
"reject 0."),
    ),
    Parameter(
        name="min_p", kind="float", group="sampling", low=0, high=1, page_default="0",
        help=N_("Drop tokens whose probability is below this share of the most likely token's."),
    ),
    Parameter(
        name="top_a", kind="float", group="sampling", low=0, high=1, page_default="0",
        help=N_("Keep only tokens that are likely enough compared with the most likely one: a dynamic "
"top_p."),
    ),
    Parameter(
        name="seed", kind="int", group="sampling", low=-(2**63), high=2**63 - 1,
        help=N_("Seed for repeatable sampling; not every model guarantees it."),
    ),
    Parameter(
        name="max_tokens", kind="int", group="length", low=1, anthropic="max_tokens",
        help=N_("Maximum output tokens, including reasoning."),
    ),
    Parameter(
        name="logit_bias", kind="object", group="sampling",
        help=N_("Token id -> bias from -100 to 100; ids belong to this model's tokenizer."),
    ),
    Parameter(
        name="logprobs", kind="bool", group="output",
        help=N_("Return the log probability of each token of the answer."),
    ),
    Parameter(
        name="top_logprobs", kind="int", group="output", low=0, high=20,
        help=N_("Return the N most likely tokens at each position; needs logprobs."),
    ),
    Parameter(
        name="response_format", kind="object", group="output", choices=("text", "json_object"), shorthand="type",
        help=N_("Output format: text, json_object (mention JSON in the prompt), or an object with a "
"json_schema."),
    ),
    Parameter(
        name="structured_outputs", kind="bool", group="output", advanced=True,
        help=N_("Documented as a parameter, but really a model capability; use response_format."),
    ),
    Parameter(
        name="stop", kind="strings", group="length", anthropic="stop_sequences",
        help=N_("Stop sequences: the answer ends at any of these strings; repeat the option or pass a JSON "
"list."),
    ),
    Parameter(
        name="tools", kind="objects", group="tools", anthropic="tools",
        help=N_("Tools the model may call: functions of the notebook by name (f,g), or JSON in the OpenAI "
"format."),
    ),
    Parameter(
        name="tool_choice", kind="tool_choice", group="tools", choices=("none", "auto", "required"),
        anthropic="tool_choice",
        help=N_("Whether the model may, must or must not call a tool, or which one."),
    ),
    Parameter(
        name="parallel_tool_calls", kind="bool", group="tools", page_default="true", anthropic="tool_choice",
        help=N_("Allow several tool calls at once."),
    ),
    Parameter(
        name="verbosity", kind="choice", group="length", choices=("low", "medium", "high"), page_default="medium",
        help=N_("Length and detail of the answer."),
    ),
)  # fmt: skip

_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the known word nearest to `word`, or an empty text."""
    # Without their dashes: these alone would make any two options alike.
    names, word = {name.lstrip("-"): name for name in known}, word.lstrip("-")
    longer = [name for name in names if len(word) > 2 and name.startswith(word)]
    near = longer if len(longer) == 1 else difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return _("Did you mean {word}?").format(word=names[near[0]]) if near else ""


def find(name: str) -> Parameter:
    """The row named `name`, with dashes or underscores. Raises ParameterError with a did-you-mean."""
    wanted = name.strip().lstrip("-").replace("-", "_")
    if wanted in _BY_NAME:
        return _BY_NAME[wanted]
    hint = did_you_mean(wanted, _BY_NAME) or _("%wcode params lists them. Send other fields with --extra-body.")
    raise ParameterError(_("Unknown parameter {name}").format(name=name), name=name, hint=hint)


# What people and Python write and JSON does not know: .5, 1., +1
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


def parse(row: Option, text: str) -> object:
    """The checked value that `text` means: JSON where it is JSON, else the bare word. Raises ParameterError."""
    if row.kind in ("text", "choice"):
        return check_row(row, text)
    value: object = text
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        if text.lstrip()[:1] in ("{", "[") and row.kind in ("object", "objects", "tool_choice"):
            raise _wrong(row, text, _("not valid JSON")) from None
        if row.kind in ("float", "int") and _NUMBER.fullmatch(text):
            value = float(text)
    if row.kind == "strings" and not isinstance(value, list):
        if text.startswith("[") and text.endswith("]"):
            raise _wrong(row, text, _("not valid JSON"))
        value = line_ends(text)
    if row.kind == "bool" and isinstance(value, str):
        value = {"true": True, "false": False}.get(value.lower(), value)
    return check_row(row, value)


_TYPED = re.compile(r"\\(?:([ntr\\])|u([0-9A-Fa-f]{4}))")
_LINE_ENDS = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}


def line_ends(text: str) -> str:
    r"""A stop text as typed on one line: `\n`, `\t`, `\r` and `\u2028` are characters, `\\` is a backslash.

    Any other backslash is one: `\boxed` is itself.
    """
    return _TYPED.sub(lambda found: _LINE_ENDS[found[1]] if found[1] else chr(int(found[2], 16)), text)


def check(name: str, value: object) -> object:
    """`value` of the parameter `name` as it goes to the wire, shorthand spelled out.

    Raises ParameterError: unknown name, wrong type, not finite, out of range.
    """
    return check_row(find(name), value)


def check_row(row: Option, value: object) -> object:
    """`value` checked against `row`. Raises ParameterError."""
    return _CHECKS[row.kind](row, value)


def _wrong(parameter: Option, value: object, why: str = "") -> ParameterError:
    what = _("{option} {value}: {why}").format(
        option=parameter.name,
        value=_short(value),
        why=why or _("expected {range}").format(range=parameter.range),
    )
    return ParameterError(what, name=parameter.name)


def _short(value: object) -> str:
    try:
        text = repr(value)
    except RecursionError:
        text = type(value).__name__
    return text if len(text) <= 60 else text[:59] + "…"


def _in_range(parameter: Option, value: float) -> bool:
    return (parameter.low is None or value >= parameter.low) and (parameter.high is None or value <= parameter.high)


_BOOLS = ("bool", "bool_")  # numpy 2, numpy 1


def _check_float(parameter: Option, value: object) -> float:
    # bool is an int to Python; numpy's scalars are numbers without being int or float, and its bool has __float__ too.
    if isinstance(value, (bool, str)) or not hasattr(value, "__float__") or type(value).__name__ in _BOOLS:
        raise _wrong(parameter, value)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise _wrong(parameter, value) from None
    if not math.isfinite(number) or not _in_range(parameter, number):
        raise _wrong(parameter, value)
    return number


def _check_int(parameter: Option, value: Any) -> int:
    fault = _wrong(parameter, value, _("not a whole number"))
    if isinstance(value, bool) or type(value).__name__ in _BOOLS:
        raise fault
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    try:
        number = operator.index(value)
    except TypeError:
        raise fault from None
    if not _in_range(parameter, number):
        raise _wrong(parameter, value)
    return number


def _check_bool(parameter: Option, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong(parameter, value)
    return value


def _check_choice(parameter: Option, value: object) -> str:
    if value not in parameter.choices:
        raise _wrong(parameter, value)
    return str(value)


def _json_copy(parameter: Option, value: object) -> Any:
    """A deep copy that is plain JSON: what the user changes later cannot change the request."""
    try:
        # Not msgspec, which turns NaN into null and bytes into base64 without a word.
        return json.loads(json.dumps(value, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise _wrong(parameter, value, _("not plain JSON")) from None


def _check_object(parameter: Parameter, value: object) -> dict[str, object]:
    if isinstance(value, str) and parameter.shorthand and value in parameter.choices:
        return {parameter.shorthand: value}
    if not isinstance(value, Mapping):
        raise _wrong(parameter, value)
    copy = _json_copy(parameter, dict(value))
    if problem := _OBJECT_RULES[parameter.name](copy):
        raise _wrong(parameter, value, problem)
    result: dict[str, object] = copy
    return result


def _reasoning_rule(value: dict[str, object]) -> str:
    if "effort" in value and value["effort"] not in tuple(EFFORTS):
        return _("effort must be one of {choices}").format(choices=", ".join(EFFORTS))
    return ""


def _logit_bias_rule(value: dict[str, object]) -> str:
    for token, bias in value.items():
        if not (token.isascii() and token.isdecimal()):
            return _("{token} is not a token id").format(token=_short(token))
        if isinstance(bias, bool) or not isinstance(bias, (int, float)) or not -100 <= bias <= 100:
            return _("the bias of token {token} must be between -100 and 100").format(token=token)
    return ""


def _response_format_rule(value: dict[str, object]) -> str:
    kinds = ("text", "json_object", "json_schema")
    if value.get("type") not in kinds:
        return _("type must be one of {choices}").format(choices=", ".join(kinds))
    if value["type"] == "json_schema":
        schema = value.get("json_schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict):
            return _("json_schema needs a name and a schema")
        name = schema.get("name")
        # The characters and the length that OpenAI's reference allows for a schema's name.
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            return _("the schema name may have at most 64 letters, digits, _ and -")
    return ""


_OBJECT_RULES: dict[str, Callable[[dict[str, object]], str]] = {
    "reasoning": _reasoning_rule,
    "logit_bias": _logit_bias_rule,
    "response_format": _response_format_rule,
}


def _check_strings(parameter: Option, value: object) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise _wrong(parameter, value)
    if not (kept := [text for text in texts if text]):
        raise _wrong(parameter, value, _("no stop sequence"))
    result: list[str] = _json_copy(parameter, kept)
    return result


def _check_objects(parameter: Option, value: object) -> list[dict[str, object]]:
    if any(callable(item) for item in (value if isinstance(value, (list, tuple)) else [value])):
        raise ParameterError(
            _("{option}: functions work only with ask and aask, as a list").format(option=parameter.name),
            name=parameter.name,
            hint=_("Use client.ask(…, tools=[f, g]). Elsewhere, pass the JSON of the tools."),
        )
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, Mapping) for item in value):
        raise _wrong(parameter, value)
    copy: list[dict[str, object]] = _json_copy(parameter, list(value))
    for tool in copy:
        function = tool.get("function")
        if tool.get("type") == "function" and not (
            isinstance(function, dict) and isinstance(function.get("name"), str)
        ):
            raise _wrong(parameter, value, _("each function tool needs a function with a name"))
    return copy


def _check_tool_choice(parameter: Parameter, value: object) -> str | dict[str, object]:
    if isinstance(value, str):
        return _check_choice(parameter, value)
    if not isinstance(value, Mapping):
        raise _wrong(parameter, value)
    result: dict[str, object] = _json_copy(parameter, dict(value))
    return result


def _check_text(row: Option, value: object) -> str:
    if isinstance(value, PurePath):  # where a file is meant
        return str(value)
    if not isinstance(value, str):
        raise _wrong(row, value)
    return value


# A row's kind decides which class of row it is: only parameters are objects.
_CHECKS: dict[Kind, Callable[[Any, object], object]] = {
    "text": _check_text,
    "float": _check_float,
    "int": _check_int,
    "bool": _check_bool,
    "choice": _check_choice,
    "object": _check_object,
    "strings": _check_strings,
    "objects": _check_objects,
    "tool_choice": _check_tool_choice,
}


def conflicts(parameters: Mapping[str, Any], *, prompt: str) -> list[str]:
    """What the checked `parameters` say against each other or the prompt: warnings, may be empty.

    `prompt` is the text of all messages. Raises ParameterError for the one pair that every server refuses:
    `top_logprobs` without `logprobs`.
    """
    if "top_logprobs" in parameters and not parameters.get("logprobs"):
        raise ParameterError(
            _("top_logprobs needs logprobs"), name="top_logprobs", hint=_("Add --logprobs or drop --top-logprobs.")
        )
    warnings = []
    if parameters.get("response_format", {}).get("type") == "json_object" and "json" not in prompt.lower():
        warnings.append(
            _("JSON mode without the word JSON in a message: many servers reject that. Ask for JSON in the prompt")
        )
    if "temperature" in parameters and "top_p" in parameters:
        warnings.append(_("temperature and top_p are both set; the pages advise to set only one"))
    if "tools" not in parameters:
        warnings += [
            _("{name} has no effect without tools").format(name=name)
            for name in ("tool_choice", "parallel_tool_calls")
            if name in parameters
        ]
    if parameters.get("repetition_penalty") == 0:
        warnings.append(_("repetition_penalty 0: some servers reject it"))
    if len(parameters.get("stop", ())) > 4:
        warnings.append(_("more than 4 stop sequences: OpenAI-compatible servers may reject them"))
    if "structured_outputs" in parameters:
        warnings.append(_("structured_outputs: some servers expect an object here; use response_format"))
    return warnings
