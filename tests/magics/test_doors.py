"""Every parameter at, inside and outside its bounds through every door: what is sent, or that it is refused.

The bounds are those of the gateway's pages, written down by hand.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.panel.test_state import prepare
from wcode_jupyter import Client
from wcode_jupyter.errors import WcodeError
from wcode_jupyter.magics.options import parse_assignments, parse_cell_line
from wcode_jupyter.panel.state import State, check
from wcode_jupyter.request.parameters import PARAMETERS

_TOOL = {"type": "function", "function": {"name": "f"}}
_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}

GOOD: list[tuple[str, str, Any]] = [
    *(("reasoning", text, {"effort": text}) for text in ("xhigh", "high", "medium", "low", "minimal", "none")),
    ("reasoning", '{"effort": "low"}', {"effort": "low"}),
    ("temperature", "0", 0.0), ("temperature", "0.7", 0.7), ("temperature", "2", 2.0),
    ("top_p", "0", 0.0), ("top_p", "0.5", 0.5), ("top_p", "1", 1.0),
    ("top_k", "0", 0), ("top_k", "1", 1), ("top_k", "1000000", 1000000),
    ("frequency_penalty", "-2", -2.0), ("frequency_penalty", "0", 0.0), ("frequency_penalty", "2", 2.0),
    ("presence_penalty", "-2", -2.0), ("presence_penalty", "0.1", 0.1), ("presence_penalty", "2", 2.0),
    ("repetition_penalty", "0", 0.0), ("repetition_penalty", "1.1", 1.1), ("repetition_penalty", "2", 2.0),
    ("min_p", "0", 0.0), ("min_p", "0.05", 0.05), ("min_p", "1", 1.0),
    ("top_a", "0", 0.0), ("top_a", "0.1", 0.1), ("top_a", "1", 1.0),
    ("seed", "-9223372036854775808", -(2**63)), ("seed", "0", 0), ("seed", "9223372036854775807", 2**63 - 1),
    ("max_tokens", "1", 1), ("max_tokens", "4096", 4096),
    ("logit_bias", '{"1": -100, "2": 0, "3": 100}', {"1": -100, "2": 0, "3": 100}),
    ("logprobs", "true", True), ("logprobs", "false", False),
    ("top_logprobs", "0", 0), ("top_logprobs", "20", 20),
    ("response_format", "text", {"type": "text"}), ("response_format", "json_object", {"type": "json_object"}),
    ("response_format", json.dumps(_SCHEMA), _SCHEMA),
    ("structured_outputs", "true", True), ("structured_outputs", "false", False),
    ("stop", '["a", "b", "c", "d"]', ["a", "b", "c", "d"]), ("stop", "END", ["END"]),
    ("tools", json.dumps([_TOOL]), [_TOOL]),
    ("tool_choice", "none", "none"), ("tool_choice", "auto", "auto"), ("tool_choice", "required", "required"),
    ("tool_choice", json.dumps(_TOOL), _TOOL),
    ("parallel_tool_calls", "true", True), ("parallel_tool_calls", "false", False),
    ("verbosity", "low", "low"), ("verbosity", "medium", "medium"), ("verbosity", "high", "high"),
]  # fmt: skip
BAD: list[tuple[str, str]] = [
    ("reasoning", "ultra"), ("reasoning", "5"), ("reasoning", '{"effort": "ultra"}'), ("reasoning", "true"),
    ("temperature", "-0.01"), ("temperature", "2.01"), ("temperature", "warm"), ("temperature", "true"),
    ("top_p", "-0.01"), ("top_p", "1.01"), ("top_k", "-1"), ("top_k", "1.5"),
    ("frequency_penalty", "-2.01"), ("frequency_penalty", "2.01"),
    ("presence_penalty", "-2.01"), ("presence_penalty", "2.01"),
    ("repetition_penalty", "-0.01"), ("repetition_penalty", "2.01"),
    ("min_p", "-0.01"), ("min_p", "1.01"), ("top_a", "-0.01"), ("top_a", "1.01"),
    ("seed", "9223372036854775808"), ("seed", "-9223372036854775809"), ("seed", "1.5"),
    ("max_tokens", "0"), ("max_tokens", "-1"), ("max_tokens", "many"),
    ("logit_bias", '{"1": 100.5}'), ("logit_bias", '{"1": -101}'), ("logit_bias", '{"word": 1}'), ("logit_bias", "[1]"),
    ("logprobs", "maybe"), ("logprobs", "2"), ("top_logprobs", "-1"), ("top_logprobs", "21"),
    ("response_format", "xml"), ("response_format", '{"type": "xml"}'), ("structured_outputs", "1.5"),
    ("stop", "[1]"), ("tools", "{}"), ("tools", "[1]"), ("tool_choice", "sometimes"),
    ("parallel_tool_calls", "often"), ("verbosity", "loud"), ("verbosity", "3"),
]  # fmt: skip


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a server that is never asked."""
    with Client("http://127.0.0.1:9/v1", log=False) as made:
        yield made


def option(name: str) -> str:
    return "--" + name.replace("_", "-")


def plain(text: str) -> Any:
    """The value as a Python program would write it."""
    try:
        return json.loads(text)
    except ValueError:
        return text


Door = Callable[[Client, str, str], Any]
DOORS: dict[str, Door] = {
    "cell": lambda _client, name, text: parse_cell_line(f"m {option(name)} {shlex.quote(text)}").values[name],
    "cell, with =": lambda _client, name, text: parse_cell_line(f"m {option(name)}={shlex.quote(text)}").values[name],
    "ask": lambda _client, name, text: parse_cell_line(
        f"{option(name)} {shlex.quote(text)} What is it?", with_text=True
    ).values[name],
    "-p": lambda _client, name, text: parse_cell_line(f"m -p {shlex.quote(f'{name}={text}')}").values[name],
    "set": lambda _client, name, text: parse_assignments(shlex.quote(f"{name}={text}"))[name],
    "Client": lambda client, name, text: client.prepare(
        "hi", model="m", **beside(name), **{name: plain(text)}
    ).request.parameters[name],
    "panel": lambda _client, name, text: in_panel(name, plain(text)),
}


def beside(name: str) -> dict[str, Any]:
    """What must be set with it."""
    return {"logprobs": True} if name == "top_logprobs" else {}


def in_panel(name: str, value: Any) -> Any:
    """What the panel would send, as it says it before it runs."""
    call = check(State(prompt="hi", values={"model": "m", **beside(name), name: value}), prepare).call
    if call is None:
        raise WcodeError("refused")
    return call.request.parameters[name]


@pytest.mark.parametrize("door", DOORS)
def test_what_is_within_the_bounds_is_sent_as_it_is(door: str, client: Client) -> None:
    """The same value by each door; a whole number where the page has a float is that float."""
    for name, text, wanted in GOOD:
        found = DOORS[door](client, name, text)
        found = list(found) if isinstance(found, tuple) else found
        assert (name, text, found) == (name, text, wanted)
        assert type(found) is type(wanted), (name, text)


@pytest.mark.parametrize("door", DOORS)
def test_what_is_outside_is_refused(door: str, client: Client) -> None:
    """In one line that names the parameter, before anything is sent."""
    for name, text in BAD:
        if door == "ask" and name in ("logprobs", "structured_outputs", "parallel_tool_calls"):
            continue  # the option stands alone, and the prompt begins with that word
        with pytest.raises(WcodeError) as caught:
            pytest.fail(f"{door}: {name} {text} gave {DOORS[door](client, name, text)!r}")
        assert "\n" not in str(caught.value)


def test_no_parameter_is_left_out() -> None:
    """All 21, within and outside."""
    names = {row.name for row in PARAMETERS}
    assert len(names) == 21
    assert {name for name, *_rest in GOOD} == {name for name, *_rest in BAD} == names
