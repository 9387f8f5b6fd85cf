"""Python functions as tools: what a model is told of them, what it may call them with, and what it gets back.

A tool's schema comes from the function's signature, its description from the docstring. Arguments are checked against
the annotations before the function runs, so a parameter without one is refused when the tool is made. What a tool
returns reaches the model as text or JSON; what it raises reaches it as `Error: …`.

Texts for the model are English whatever the user's language: they are part of the next request, which must be the same
everywhere.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import inspect
import re
import warnings
from collections.abc import Callable, Coroutine, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NotRequired, TypeVar

import msgspec
from msgspec import Struct

from .. import extras, threads
from ..errors import InputError, one_line
from ..in_place import InPlaceLoop
from ..language import _
from ..request.messages import ToolCall
from ..request.parameters import did_you_mean
from . import template

__all__ = ["LONGEST_RESULT", "Tool", "ToolFault", "find_tools", "has_functions", "run", "tool", "tool_of", "tools_of"]

F = TypeVar("F", bound=Callable[..., Any])

LONGEST_RESULT = 100_000
"""Characters of a result that a model gets; of a longer one it gets so many, and is told."""

_MARK = "__wcode_tool__"
# The names that OpenAI's reference allows for a function.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def tool(function: F) -> F:
    """Marks a function as a tool that a model may run without asking the user: `@wcode_jupyter.tool`."""
    setattr(function, _MARK, True)
    return function


class ToolFault(Exception):
    """What the model is told instead of a result."""


class Tool(Struct, frozen=True):
    """A function that a model may call."""

    name: str
    function: Callable[..., Any]
    description: str
    parameters: dict[str, Any]
    """JSON Schema of the arguments."""
    check: Callable[[Any], dict[str, Any]]
    """Arguments as plain JSON to arguments as annotated. Raises ToolFault."""
    trusted: bool = False
    """Runs without asking the user."""

    @property
    def spec(self) -> dict[str, Any]:
        """The tool as the request's `tools` want it."""
        described = {"description": self.description} if self.description else {}
        return {"type": "function", "function": {"name": self.name, **described, "parameters": self.parameters}}

    def arguments(self, call: ToolCall) -> dict[str, Any]:
        """What to call the function with. Raises ToolFault: not JSON, not what the signature takes."""
        try:
            value = call.parsed()
        except (ValueError, RecursionError) as error:
            raise ToolFault(f"the arguments are not JSON: {error}") from None
        if not isinstance(value, dict):
            raise ToolFault("the arguments are not a JSON object")
        return self.check(value)


def has_functions(value: Any) -> bool:
    """Whether `tools` holds Python functions, not the JSON objects of the request."""
    return isinstance(value, (list, tuple)) and any(callable(item) or isinstance(item, Tool) for item in value)


def find_tools(text: str, namespace: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools that `f,g` names among the variables of a notebook. Raises InputError with a did-you-mean."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in namespace:
            own = (other for other, value in namespace.items() if callable(value) and not hasattr(builtins, other))
            hint = did_you_mean(name, own)
            raise InputError(
                _("--tools {name}: function not found").format(name=name),
                hint=hint or _("Use functions of this notebook, or the JSON of the parameter: --tools '[…]'."),
            )
    return tools_of(namespace[name] for name in names)


def tools_of(functions: Iterable[Any]) -> tuple[Tool, ...]:
    """A Tool for each function. Raises InputError: none, no function, no annotation, a name that is there twice."""
    found = tuple(tool_of(function) for function in functions)
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(_("Duplicate tool name: {name}").format(name=twice[0]))
    if not found:
        raise InputError(_("No tools"), hint=_("Choose functions: --tools f,g"))
    return found


def tool_of(function: Any) -> Tool:
    """The Tool that `function` is. Raises InputError when it cannot be one: see the module."""
    if isinstance(function, Tool):
        return function
    if not callable(function) or isinstance(function, type):
        raise InputError(_("{value} is not a function").format(value=one_line(repr(function), 60)))
    name = getattr(function, "__name__", "")
    if not _NAME.fullmatch(name):
        raise InputError(
            _("{name} is not a valid tool name").format(name=name or one_line(repr(function), 60)),
            hint=_("Define a function with letters, digits and _ in its name, at most 64."),
        )
    parameters, check = _described(name, function)
    description = inspect.getdoc(function) or ""
    return Tool(name, function, description, parameters, check, bool(getattr(function, _MARK, False)))


def _described(name: str, function: Callable[..., Any]) -> tuple[dict[str, Any], Callable[[Any], dict[str, Any]]]:
    """JSON Schema and check of a function's arguments."""
    extras.load("pydantic", extra="schema")
    import pydantic
    import typing_extensions  # pydantic takes a TypedDict of `typing` from Python 3.12 on only
    from pydantic.json_schema import GenerateJsonSchema

    class Untitled(GenerateJsonSchema):
        """Without the titles that pydantic makes of names: they say nothing that the names do not."""

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

    signature = _parameters(name, function)
    fields = {
        each.name: each.annotation if each.default is each.empty else NotRequired[each.annotation] for each in signature
    }
    make: Any = typing_extensions.TypedDict  # of fields known at run time only
    arguments = make(name, fields)
    arguments.__pydantic_config__ = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on defaults that JSON cannot spell
            adapter: Any = pydantic.TypeAdapter(arguments)
            schema = adapter.json_schema(schema_generator=Untitled)
    except (pydantic.errors.PydanticUserError, TypeError, NameError) as error:
        raise InputError(
            _("Cannot use {name} as a tool: {error}").format(name=name, error=one_line(str(error), 120)),
            hint=_("Annotate its parameters with JSON types: str, int, float, bool, list, dict, dataclasses."),
        ) from None
    schema.pop("title", None)
    for each in signature:
        if each.default is not each.empty and _is_plain(each.default):
            schema["properties"][each.name].setdefault("default", each.default)

    def check(value: Any) -> dict[str, Any]:
        try:
            checked: dict[str, Any] = adapter.validate_json(msgspec.json.encode(value))
        except pydantic.ValidationError as error:
            faults = [f"{_place(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False)]
            raise ToolFault("; ".join(faults[:8])) from None
        return checked

    return schema, check


def _place(path: tuple[Any, ...]) -> str:
    return ".".join(map(str, path)) or "arguments"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and value == value)


def _parameters(name: str, function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        found = list(inspect.signature(function, eval_str=True).parameters.values())
    except (NameError, SyntaxError, TypeError, ValueError) as error:
        raise InputError(
            _("Cannot read the signature of {name}: {error}").format(name=name, error=one_line(str(error), 120))
        ) from None
    for each in found:
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD, each.POSITIONAL_ONLY):
            raise InputError(
                _("Cannot use {name} as a tool: {parameter} does not take a single named value").format(
                    name=name, parameter=each
                )
            )
        if each.annotation is each.empty:
            raise InputError(
                _("Cannot use {name} as a tool: its parameter {parameter} has no annotation").format(
                    name=name, parameter=each.name
                ),
                hint=_("Annotate it: {parameter}: str, or its actual type.").format(parameter=each.name),
            )
    return found


def run(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """Runs the function, to its end where it is async, and gives what the model is told.

    Raises ToolFault for what the function raises. KeyboardInterrupt comes through.
    """
    try:
        value = tool.function(**arguments)
        if inspect.iscoroutine(value):
            value = _awaited(value)
    except (Exception, SystemExit) as error:
        raise ToolFault(f"{type(error).__name__}: {error}".rstrip(": ")) from None
    text = _text(tool.name, value)
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]}\n(only the first {LONGEST_RESULT:,} of {len(text):,} characters)"


def _awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What `coroutine` gives, also where an event loop runs already, as in a notebook's main thread."""
    if not threads.are_there():
        with contextlib.closing(InPlaceLoop()) as loop:
            return loop.carry(coroutine).result()
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, coroutine).result()


def _text(name: str, value: Any) -> str:
    """A text as it is; tables as in `{{name}}`; all else as JSON. Raises ToolFault where it is neither."""
    if isinstance(value, str):
        return value
    from pydantic_core import PydanticSerializationError, to_json

    converter = next(row for row in template.CONVERTERS if row.matches(value))
    try:
        # JSON and whatever has no row of its own.
        if isinstance(value, (dict, list, tuple)) or converter is template.CONVERTERS[-1]:
            return to_json(value).decode()
        return converter.convert(value, name, template.InsertLimits()).text
    except (InputError, PydanticSerializationError, ValueError, RecursionError):
        raise ToolFault(
            f"{name} returned an object of type {type(value).__name__}, which is neither text nor JSON"
        ) from None
