"""Functions as tools: schema, checked arguments, results, and what is refused."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest

from wcode_jupyter import tool
from wcode_jupyter.errors import InputError
from wcode_jupyter.prompt.tools import LONGEST_RESULT, ToolFault, find_tools, has_functions, run, tool_of, tools_of
from wcode_jupyter.request.messages import ToolCall

pydantic = pytest.importorskip("pydantic")


@dataclasses.dataclass
class Place:
    """Two numbers."""

    lat: float
    lon: float = 0.0


class Unit(enum.Enum):
    """Celsius or Fahrenheit."""

    C = "c"
    F = "f"


def weather(city: str, days: int = 3, unit: Literal["c", "f"] = "c") -> str:
    """The weather.

    In a city.
    """
    return f"{city} {days} {unit}"


def test_the_schema_comes_from_signature_and_docstring() -> None:
    """Name, description, types, defaults and what is required; nothing else may be given."""
    assert tool_of(weather).spec == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather.\n\nIn a city.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "days": {"type": "integer", "default": 3},
                    "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
        },
    }


def test_described_parameters_and_names_that_mean_something_elsewhere() -> None:
    """`Annotated` adds a description; `title`, `schema`, `self_` and `_x` are names like others."""

    def odd(title: Annotated[str, pydantic.Field(description="The name")], schema: int, copy: int, _x: int) -> None: ...

    properties = tool_of(odd).parameters["properties"]
    assert properties["title"] == {"type": "string", "description": "The name"}
    assert list(properties) == ["title", "schema", "copy", "_x"]


def test_arguments_become_what_is_annotated() -> None:
    """Numbers from texts, dataclasses and enums from JSON; what was left out is left to the function's default."""

    def go(place: Place, unit: Unit, when: list[int] | None = None) -> None: ...

    call = ToolCall("1", "go", '{"place": {"lat": "1.5"}, "unit": "f", "when": ["1", 2]}')
    assert tool_of(go).arguments(call) == {"place": Place(1.5), "unit": Unit.F, "when": [1, 2]}
    assert tool_of(weather).arguments(ToolCall("1", "weather", '{"city": "Bern"}')) == {"city": "Bern"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"city": 1}', "city: Input should be a valid string"),
        ('{"days": 1}', "city: Field required"),
        ('{"city": "x", "planet": "y"}', "planet: Extra inputs"),
        ('{"city": "x", "unit": "k"}', "unit: Input should be 'c' or 'f'"),
        ('["x"]', "not a JSON object"),
        ('{"city": ', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_wrong_arguments_are_named_before_the_function_runs(arguments: str, words: str) -> None:
    """The model is told which argument, and what is wrong with it."""
    with pytest.raises(ToolFault, match=words):
        tool_of(weather).arguments(ToolCall("1", "weather", arguments))


def bare(city) -> None: ...  # type: ignore[no-untyped-def]


def several(*cities: str) -> None: ...


def named(**cities: str) -> None: ...


def positional(city: str, /) -> None: ...


def unknown(city: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def strange(city: Callable[[object], threading_lock]) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def handle(city: functools.partial[int]) -> None: ...


def 天气(city: str) -> None: ...  # noqa: N802


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (bare, "its parameter city has no annotation. Annotate it: city: str"),
        (several, r"\*cities"),
        (named, r"\*\*cities"),
        (positional, "does not take a single named value"),
        (unknown, "Nowhere"),
        (strange, "threading_lock"),
        (handle, "Cannot use handle as a tool"),
        (天气, "is not a valid tool name"),
        (lambda: 1, "is not a valid tool name"),
        (functools.partial(weather, "x"), "is not a valid tool name"),
        (Place, "is not a function"),
        (3, "is not a function"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_the_reason(function: Any, words: str) -> None:
    """When the tool is made, before anything is sent."""
    with pytest.raises(InputError, match=words):
        tool_of(function)


def test_methods_are_tools_too() -> None:
    """`self` is no parameter of a bound method."""

    class Shop:
        def price(self, item: str) -> float:
            """RMB."""
            return 2.5

    made = tool_of(Shop().price)
    assert made.parameters["required"] == ["item"]
    assert run(made, {"item": "tea"}) == "2.5"


def returning(value: Any) -> str:
    """What the model is told of `value`."""

    def give() -> Any:
        return value

    return run(tool_of(give), {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (None, "null"),
        ([1, {"a": "é"}], '[1,{"a":"é"}]'),
        (Place(1.0), '{"lat":1.0,"lon":0.0}'),
        (Unit.C, '"c"'),
    ],
)
def test_results_are_text_or_json(value: Any, text: str) -> None:
    """Dataclasses and enums too."""
    assert returning(value) == text


def test_a_table_is_given_as_in_a_prompt() -> None:
    """A DataFrame is a Markdown table."""
    pandas = pytest.importorskip("pandas")
    assert returning(pandas.DataFrame({"a": [1]})) == "| a |\n| --- |\n| 1 |"


@pytest.mark.parametrize("value", [object(), b"bytes", weather, [object()], {"x": weather}])
def test_what_is_neither_text_nor_json_is_a_fault(value: Any) -> None:
    """The model and the user learn the type; no address of an object is sent."""
    with pytest.raises(ToolFault, match=r"give returned an object of type \w+, which is neither text nor JSON"):
        returning(value)


def test_a_long_result_is_cut_and_says_so() -> None:
    """The model knows that there was more."""
    text = returning("x" * (LONGEST_RESULT + 5))
    assert text.endswith("x\n(only the first 100,000 of 100,005 characters)")


def test_what_a_tool_raises_is_a_fault_and_an_interrupt_is_not() -> None:
    """Exceptions and exits are told; Ctrl-C is the user's."""

    def fail(how: str) -> None:
        raise {"value": ValueError("no"), "exit": SystemExit(1), "stop": KeyboardInterrupt(), "bare": ValueError()}[how]

    made = tool_of(fail)
    for how, words in {"value": "^ValueError: no$", "exit": "SystemExit: 1", "bare": "^ValueError$"}.items():
        with pytest.raises(ToolFault, match=words):
            run(made, {"how": how})
    with pytest.raises(KeyboardInterrupt):
        run(made, {"how": "stop"})


def test_an_async_function_is_run_to_its_end() -> None:
    """It needs no loop of the caller, and stands one that runs."""

    async def later(x: int) -> int:
        return x + 1

    assert run(tool_of(later), {"x": 1}) == "2"

    def disguised(x: int) -> Any:
        return later(x)

    async def in_a_loop() -> str:
        return run(tool_of(disguised), {"x": 2})

    assert asyncio.run(in_a_loop()) == "3"


def test_only_marked_functions_run_unasked() -> None:
    """`@tool` marks and changes nothing else."""

    @tool
    def marked() -> int:
        """One."""
        return 1

    assert marked() == 1
    assert tool_of(marked).trusted
    assert not tool_of(weather).trusted


def test_names_are_looked_up_in_the_notebook() -> None:
    """Unknown ones get a did-you-mean; the same name twice, or none, is refused."""
    assert [one.name for one in find_tools("weather", {"weather": weather})] == ["weather"]
    with pytest.raises(InputError, match="weather"):
        find_tools("wether", {"weather": weather})
    with pytest.raises(InputError) as caught:
        find_tools("opens", {"weather": weather, "open": open})
    assert "open?" not in caught.value.hint
    with pytest.raises(InputError, match="Duplicate tool name"):
        tools_of([weather, weather])
    with pytest.raises(InputError, match="No tools"):
        find_tools(",", {})


def test_functions_are_told_from_the_parameter() -> None:
    """JSON tools stay the parameter of that name."""
    assert has_functions([weather])
    assert not has_functions([tool_of(weather).spec])
    assert not has_functions('[{"type": "function"}]')
    assert not has_functions(None)
