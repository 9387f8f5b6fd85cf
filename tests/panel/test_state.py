"""The panel's state: the cell it shows sends what the panel sends."""

from __future__ import annotations

from typing import Any

import pytest

from wcode_jupyter import wire
from wcode_jupyter.magics.options import parse_cell_line
from wcode_jupyter.magics.prepared import Prepared
from wcode_jupyter.panel.state import State, check
from wcode_jupyter.request.parameters import PARAMETERS
from wcode_jupyter.session import Session

TOOL = {"type": "function", "function": {"name": "look", "description": "It's 'quoted' \n", "parameters": {}}}
# A value for each of the 21, with the characters that are hard to carry on one line.
VALUES: dict[str, Any] = {
    "reasoning": {"effort": "low", "note": 'a "b" \\ \u2028'},
    "temperature": 0.1 + 0.2,
    "top_p": 1e-7,
    "top_k": 0,
    "frequency_penalty": -2.0,
    "presence_penalty": -0.5,
    "repetition_penalty": 1.05,
    "min_p": 0.0,
    "top_a": 1.0,
    "seed": -(2**63),
    "max_tokens": 123456,
    "logit_bias": {"15": -100, "7": 0.5},
    "logprobs": True,
    "top_logprobs": 20,
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"enum": [None, "'"]}}},
    "structured_outputs": False,
    "stop": ["\n\n", "it's", "[", " # ", "停"],
    "tools": [TOOL],
    "tool_choice": {"type": "function", "function": {"name": "look"}},
    "parallel_tool_calls": False,
    "verbosity": "low",
}


def prepare(line: str, text: str) -> Prepared:
    """As the magic reads a cell, without a notebook around it."""
    options = parse_cell_line(line)
    call = Session().prepare(text.removesuffix("\n"), options.values, extra_body=options.extra_body)
    return Prepared(call=call, schema=None, retries=0, tools=(), format="markdown", hide_reasoning=False, quiet=False)


def test_there_is_a_value_for_each_parameter() -> None:
    """The round trip below covers all 21."""
    assert VALUES.keys() == {parameter.name for parameter in PARAMETERS}


@pytest.mark.parametrize("name", [*VALUES, "all"])
def test_the_cell_sends_the_same_request(name: str) -> None:
    """Each parameter, and all at once, has the same fingerprint from the panel and from its cell."""
    values = VALUES if name == "all" else {name: VALUES[name]}
    if name == "top_logprobs":
        values = {"logprobs": True, **values}
    prompt = "Say it's\n  JSON %%wcode --x\n\n"
    direct = Session().prepare(prompt, {"model": "glm-5", "system": "Be\nterse 'now'", **values})
    state = State(prompt=prompt, values={"model": "glm-5", "system": "Be\nterse 'now'", **values})
    line, _newline, body = state.cell.partition("\n")
    # IPython ends a cell with one line end if it has none.
    body = body if body.endswith("\n") else body + "\n"
    assert prepare(line.removeprefix("%%wcode"), body).call.fingerprint == direct.fingerprint
    checked = check(state, prepare)
    assert checked.call is not None
    assert checked.call.fingerprint == direct.fingerprint == wire.fingerprint(direct.request)


def test_a_state_that_nobody_set_sends_nothing_but_the_prompt() -> None:
    """Unset means not sent."""
    checked = check(State(prompt="Hi", values={"model": "glm-5"}), prepare)
    assert checked.call is not None
    assert checked.call.request.parameters == {}


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"temperature": 3.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"seed": "1e"}, "seed"),
        ({"tools": '[{"a"'}, "tools"),
        ({"stop": []}, "stop"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"model": "glm-5", "max_tokens": 200_001}, "max_tokens"),
    ],
)
def test_a_bad_value_is_marked(values: dict[str, Any], name: str) -> None:
    """What cannot be sent is named with the reason, and nothing can be run."""
    checked = check(State(prompt="Hi", values={"model": "glm-5", **values}), prepare)
    assert checked.call is None
    assert list(checked.errors) == [name]
    assert checked.reason


def test_all_bad_values_are_marked() -> None:
    """Not only the first one."""
    checked = check(State(prompt="Hi", values={"temperature": 3.0, "top_k": -1}), prepare)
    assert set(checked.errors) == {"temperature", "top_k"}


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State(prompt=" \n"), "prompt"),
        (State(prompt="Hi", values={"model": "glm-5"}, output="1x"), "1x"),
        (State(prompt="Hi", values={"model": "qwen"}), "qwen"),
    ],
)
def test_why_it_cannot_be_run(state: State, word: str) -> None:
    """An empty prompt, a name that is none and an ambiguous model say so in one line."""
    checked = check(state, prepare)
    assert checked.call is None
    assert word in checked.reason
    assert "\n" not in checked.reason


def test_conflicts_belong_to_their_parameters() -> None:
    """A warning stands at each parameter that it names, and the state can be run."""
    values = {"model": "glm-5", "temperature": 0.1, "top_p": 0.5, "response_format": {"type": "json_object"}}
    checked = check(State(prompt="Hi", values=values), prepare)
    assert checked.call is not None
    assert len(checked.warnings) == 2
    assert [len(checked.warnings_of(name)) for name in ("temperature", "top_p", "top_k", "top")] == [1, 1, 0, 0]
