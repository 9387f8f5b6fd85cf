"""Promises of the parameter table: the 21 rows of the gateway's pages, and checks that let nothing wrong through."""

from __future__ import annotations

import contextlib
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.errors import ParameterError
from wcode_jupyter.request.parameters import (
    EFFORTS,
    GROUPS,
    PARAMETERS,
    Option,
    check,
    check_row,
    conflicts,
    did_you_mean,
    find,
    parse,
)

# Protocol reference, section 5.1, in the order of the pages: name, type, low, high, page default.
TABLE = [
    ("reasoning", "object", None, None, None),
    ("temperature", "float", 0, 2, "1.0"),
    ("top_p", "float", 0, 1, "1.0"),
    ("top_k", "int", 0, None, "0"),
    ("frequency_penalty", "float", -2, 2, "0"),
    ("presence_penalty", "float", -2, 2, "0"),
    ("repetition_penalty", "float", 0, 2, "1.0"),
    ("min_p", "float", 0, 1, "0"),
    ("top_a", "float", 0, 1, "0"),
    ("seed", "int", -9223372036854775808, 9223372036854775807, None),
    ("max_tokens", "int", 1, None, None),
    ("logit_bias", "object", None, None, None),
    ("logprobs", "bool", None, None, None),
    ("top_logprobs", "int", 0, 20, None),
    ("response_format", "object", None, None, None),
    ("structured_outputs", "bool", None, None, None),
    ("stop", "strings", None, None, None),
    ("tools", "objects", None, None, None),
    ("tool_choice", "tool_choice", None, None, None),
    ("parallel_tool_calls", "bool", None, None, "true"),
    ("verbosity", "choice", None, None, "medium"),
]


def test_the_rows_are_those_of_the_pages() -> None:
    """21 rows, in the order of the pages, with their types, ranges and page defaults."""
    assert [(p.name, p.kind, p.low, p.high, p.page_default) for p in PARAMETERS] == TABLE


def test_the_words_that_rows_allow() -> None:
    """Enumerations are those of the pages."""
    assert find("verbosity").choices == ("low", "medium", "high")
    assert find("tool_choice").choices == ("none", "auto", "required")
    assert EFFORTS == {"xhigh": 95, "high": 80, "medium": 50, "low": 20, "minimal": 10, "none": 0}
    assert find("reasoning").choices == ("xhigh", "high", "medium", "low", "minimal", "none")


def test_ten_rows_and_verbosity_and_formats_have_no_anthropic_name() -> None:
    """The Anthropic form has no word for these (protocol reference, section 4.2)."""
    assert {p.name for p in PARAMETERS if p.anthropic is None} == {
        "frequency_penalty",
        "presence_penalty",
        "repetition_penalty",
        "min_p",
        "top_a",
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "structured_outputs",
        "response_format",
        "verbosity",
    }


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.name)
def test_every_row_can_be_shown(parameter) -> None:
    """Each row has a help text, a known group, a readable range and an option with dashes."""
    assert parameter.help.endswith(".")
    assert parameter.group in GROUPS
    assert parameter.range
    assert parameter.option == "--" + parameter.name.replace("_", "-")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("temperature", "0…2"),
        ("frequency_penalty", "-2…2"),
        ("max_tokens", "≥ 1"),
        ("verbosity", "low|medium|high"),
        ("top_logprobs", "0…20"),
    ],
)
def test_ranges_read_well(name: str, shown: str) -> None:
    """A range is a few characters."""
    assert find(name).range == shown


SCHEMA = {"type": "json_schema", "json_schema": {"name": "thing_1-a", "strict": True, "schema": {"type": "object"}}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "f"}}

GOOD = [
    ("reasoning", "high", {"effort": "high"}),
    ("reasoning", "none", {"effort": "none"}),
    ("reasoning", {"effort": "xhigh", "exclude": True}, {"effort": "xhigh", "exclude": True}),
    ("reasoning", {"max_tokens": 2000}, {"max_tokens": 2000}),
    ("temperature", 0, 0.0),
    ("temperature", 2.0, 2.0),
    ("temperature", Decimal("0.5"), 0.5),
    ("temperature", np.float32(0.5), 0.5),
    ("top_p", 1, 1.0),
    ("top_k", 0, 0),
    ("top_k", 40.0, 40),
    ("top_k", np.int64(40), 40),
    ("frequency_penalty", -2, -2.0),
    ("presence_penalty", 2, 2.0),
    ("repetition_penalty", 0, 0.0),
    ("min_p", 0.05, 0.05),
    ("top_a", 1, 1.0),
    ("seed", -(2**63), -(2**63)),
    ("seed", 2**63 - 1, 2**63 - 1),
    ("max_tokens", 1, 1),
    ("logit_bias", {"50256": -100, "1": 0.5}, {"50256": -100, "1": 0.5}),
    ("logit_bias", {50256: 100}, {"50256": 100}),
    ("logit_bias", {}, {}),
    ("logprobs", True, True),
    ("top_logprobs", 20, 20),
    ("response_format", "json_object", {"type": "json_object"}),
    ("response_format", {"type": "text"}, {"type": "text"}),
    ("response_format", SCHEMA, SCHEMA),
    ("structured_outputs", False, False),
    ("stop", "END", ["END"]),
    ("stop", ["a", "", "b"], ["a", "b"]),
    ("stop", ("a",), ["a"]),
    ("tools", [TOOL], [TOOL]),
    ("tools", [{"type": "web_search"}], [{"type": "web_search"}]),
    ("tool_choice", "required", "required"),
    ("tool_choice", NAMED, NAMED),
    ("parallel_tool_calls", False, False),
    ("verbosity", "low", "low"),
]


@pytest.mark.parametrize(("name", "value", "expected"), GOOD)
def test_a_good_value_goes_to_the_wire(name: str, value: object, expected: object) -> None:
    """Values in range pass, boundaries included, as plain JSON of the row's type; shorthands are spelled out."""
    checked = check(name, value)
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_is_finite_even_without_a_range(value: float) -> None:
    """Rows without bounds (the settings have some) refuse NaN and infinity as well."""
    with pytest.raises(ParameterError):
        check_row(Option(name="idle_timeout", kind="float", help="Seconds."), value)


def test_every_row_has_good_and_bad_samples() -> None:
    """No row escapes the two lists."""
    names = {p.name for p in PARAMETERS}
    assert {name for name, _value, _expected in GOOD} == names
    assert {name for name, _value in BAD} == names


DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]

BAD = [
    ("reasoning", "extreme"),
    ("reasoning", {"effort": "extreme"}),
    ("reasoning", {"effort": ["high"]}),
    ("reasoning", 5),
    ("temperature", 2.01),
    ("temperature", -0.01),
    ("temperature", math.nan),
    ("temperature", math.inf),
    ("temperature", True),
    ("temperature", np.True_),
    ("temperature", "0.5"),
    ("temperature", None),
    ("temperature", 10**400),
    ("temperature", 1j),
    ("temperature", np.array([0.1, 0.2])),
    ("top_p", 1.5),
    ("top_k", -1),
    ("top_k", 1.5),
    ("top_k", False),
    ("top_k", np.array([1, 2])),
    ("frequency_penalty", -2.1),
    ("presence_penalty", 2.1),
    ("repetition_penalty", -0.1),
    ("min_p", 1.1),
    ("top_a", -0.1),
    ("seed", 2**63),
    ("seed", -(2**63) - 1),
    ("seed", 1e300),
    ("seed", math.nan),
    ("max_tokens", 0),
    ("max_tokens", True),
    ("max_tokens", np.True_),
    ("max_tokens", "100"),
    ("logit_bias", {"hello": 1}),
    ("logit_bias", {"٣": 1}),
    ("logit_bias", {"1": 101}),
    ("logit_bias", {"1": -101}),
    ("logit_bias", {"1": True}),
    ("logit_bias", {"1": math.nan}),
    ("logit_bias", [1]),
    ("logprobs", 1),
    ("logprobs", "yes"),
    ("top_logprobs", 21),
    ("top_logprobs", True),
    ("response_format", "xml"),
    ("response_format", {"type": "xml"}),
    ("response_format", {"type": ["text"]}),
    ("response_format", {}),
    ("response_format", {"type": "json_schema"}),
    ("response_format", {"type": "json_schema", "json_schema": {"schema": {}}}),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "has space", "schema": {}}}),
    ("response_format", {"type": "json_schema", "json_schema": {"name": "x" * 65, "schema": {}}}),
    ("structured_outputs", {"json": {}}),
    ("stop", ""),
    ("stop", []),
    ("stop", [1]),
    ("stop", None),
    ("stop", ["\ud800"]),
    ("tools", {"type": "function"}),
    ("tools", ["f"]),
    ("tools", [{"type": "function"}]),
    ("tools", [{"type": "function", "function": {"name": 5}}]),
    ("tools", [{"type": "x", "y": math.nan}]),
    ("tools", [{"type": "x", "y": b"bytes"}]),
    ("tools", [{"type": "x", "y": DEEP}]),
    ("tools", [{"type": "x", "y": object()}]),
    ("tool_choice", "f"),
    ("tool_choice", ["auto"]),
    ("parallel_tool_calls", 0),
    ("verbosity", "loud"),
    ("verbosity", ["high"]),
    ("verbosity", 1),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}-{index}" for index, (name, _value) in enumerate(BAD)])
def test_a_bad_value_is_refused_by_name(name: str, value: object) -> None:
    """Wrong types, NaN, bool for int, and values out of range are one-line ParameterErrors naming the row."""
    with pytest.raises(ParameterError) as caught:
        check(name, value)
    assert caught.value.name == name
    assert caught.value.what.startswith(name)
    assert len(caught.value.what) < 300
    assert "\n" not in caught.value.what


@given(st.sampled_from(PARAMETERS), st.from_type(type).flatmap(st.from_type) | st.floats() | st.integers() | st.text())
def test_check_raises_nothing_else(parameter, value: object) -> None:
    """Whatever is given, the result is a checked value or a ParameterError."""
    with contextlib.suppress(ParameterError):
        check(parameter.name, value)


def test_what_was_checked_is_a_copy() -> None:
    """Changing a dict after it was checked does not change the request."""
    bias = {"1": 5}
    tools = [{"type": "function", "function": {"name": "f"}}]
    checked_bias, checked_tools = check("logit_bias", bias), check("tools", tools)
    bias["1"] = 99
    tools[0]["function"]["name"] = "g"  # type: ignore[index]
    assert checked_bias == {"1": 5}
    assert checked_tools[0]["function"]["name"] == "f"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("reasoning", "low", {"effort": "low"}),
        ("reasoning", '{"effort": "low"}', {"effort": "low"}),
        ("temperature", "0.2", 0.2),
        ("temperature", " 1 ", 1.0),
        ("top_p", "1e-1", 0.1),
        ("top_p", ".5", 0.5),
        ("top_p", "1.", 1.0),
        ("top_k", "+40", 40),
        ("top_k", "40", 40),
        ("frequency_penalty", "-0.5", -0.5),
        ("presence_penalty", "0", 0.0),
        ("repetition_penalty", "1.1", 1.1),
        ("min_p", "0", 0.0),
        ("top_a", "0.3", 0.3),
        ("seed", "-9223372036854775808", -(2**63)),
        ("max_tokens", "2000", 2000),
        ("logit_bias", '{"42": -1.5}', {"42": -1.5}),
        ("logprobs", "true", True),
        ("logprobs", "False", False),
        ("top_logprobs", "5", 5),
        ("response_format", "json_object", {"type": "json_object"}),
        ("structured_outputs", "TRUE", True),
        ("stop", "END", ["END"]),
        ("stop", "5", ["5"]),
        ("stop", "true", ["true"]),
        ("stop", "[END", ["[END"]),
        ("stop", r"\n\n", ["\n\n"]),
        ("stop", r"a\tb\u2028", ["a\tb\u2028"]),
        ("stop", r"\\n \boxed{", [r"\n \boxed{"]),
        ("stop", r'["\n"]', ["\n"]),
        ("stop", '"', ['"']),
        ("stop", '["a", "b"]', ["a", "b"]),
        ("tools", '[{"type": "function", "function": {"name": "f"}}]', [NAMED]),
        ("tool_choice", "auto", "auto"),
        ("tool_choice", '{"type": "function", "function": {"name": "f"}}', NAMED),
        ("parallel_tool_calls", "false", False),
        ("verbosity", "high", "high"),
    ],
)
def test_text_from_a_magic_line_is_read(name: str, text: str, expected: object) -> None:
    """JSON is read as JSON, a number as people write it, a bare word as a word, a stop text as itself."""
    assert parse(find(name), text) == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reasoning", "{effort: high}"),
        ("reasoning", "null"),
        ("temperature", "NaN"),
        ("temperature", "warm"),
        ("temperature", ""),
        ("temperature", "1e999"),
        ("temperature", "true"),
        ("top_k", "1.5"),
        ("top_k", ".5"),
        ("top_k", "true"),
        ("temperature", "."),
        ("temperature", "1_0"),
        ("seed", "9223372036854775808"),
        ("logprobs", "1"),
        ("logprobs", "maybe"),
        ("stop", ""),
        ("stop", "[1]"),
        ("stop", "[END]"),
        ("stop", "[a, b]"),
        ("tools", "[{"),
        ("tools", "[" * 100_000),
        ("verbosity", "null"),
        ("stop", "\ud800"),
    ],
)
def test_text_that_means_nothing_is_refused(name: str, text: str) -> None:
    """What cannot be read is a ParameterError, never a guess."""
    with pytest.raises(ParameterError):
        parse(find(name), text)


def test_broken_json_is_called_so() -> None:
    """An object that does not parse is reported as JSON, not as a wrong type."""
    with pytest.raises(ParameterError, match=r"JSON"):
        parse(find("reasoning"), '{"effort": high}')


@pytest.mark.parametrize("name", ["top_p", "top-p", "--top-p", " top_p "])
def test_a_row_is_found_with_dashes_or_underscores(name: str) -> None:
    """Options and wire names are the same rows."""
    assert find(name).name == "top_p"


@pytest.mark.parametrize(
    ("typed", "meant"), [("temprature", "temperature"), ("max-token", "max_tokens"), ("Temperature", "temperature")]
)
def test_an_unknown_name_gets_a_did_you_mean(typed: str, meant: str) -> None:
    """A typo is answered with the row that was meant."""
    with pytest.raises(ParameterError) as caught:
        find(typed)
    assert meant in caught.value.hint


def test_a_name_like_no_other_gets_the_way_out() -> None:
    """Where nothing is near, the hint says how to list the rows and how to send other fields."""
    with pytest.raises(ParameterError) as caught:
        find("zzzz")
    assert "--extra-body" in caught.value.hint
    assert did_you_mean("zzzz", ["temperature"]) == ""


def test_top_logprobs_needs_logprobs() -> None:
    """The pair that every server refuses is an error before sending."""
    for parameters in ({"top_logprobs": 5}, {"top_logprobs": 5, "logprobs": False}):
        with pytest.raises(ParameterError) as caught:
            conflicts(parameters, prompt="x")
        assert caught.value.name == "top_logprobs"
    assert conflicts({"top_logprobs": 5, "logprobs": True}, prompt="x") == []


@pytest.mark.parametrize(
    ("parameters", "prompt", "word"),
    [
        ({"response_format": {"type": "json_object"}}, "a list please", "JSON"),
        ({"temperature": 0.1, "top_p": 0.9}, "", "top_p"),
        ({"tool_choice": "auto"}, "", "tool_choice"),
        ({"parallel_tool_calls": False}, "", "parallel_tool_calls"),
        ({"repetition_penalty": 0.0}, "", "repetition_penalty"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "", "4"),
        ({"structured_outputs": True}, "", "structured_outputs"),
    ],
)
def test_doubtful_combinations_are_warned_of(parameters, prompt: str, word: str) -> None:
    """One warning each, naming what is doubtful."""
    (warning,) = conflicts(parameters, prompt=prompt)
    assert word in warning


@pytest.mark.parametrize(
    ("parameters", "prompt"),
    [
        ({}, ""),
        ({"response_format": {"type": "json_object"}}, "as Json"),
        ({"response_format": {"type": "text"}}, ""),
        ({"temperature": 0.1}, ""),
        ({"top_p": 0.1}, ""),
        ({"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False}, ""),
        ({"stop": ["a", "b", "c", "d"]}, ""),
        ({"repetition_penalty": 1.1}, ""),
    ],
)
def test_ordinary_combinations_are_not(parameters, prompt: str) -> None:
    """No warning without a reason."""
    assert conflicts(parameters, prompt=prompt) == []
