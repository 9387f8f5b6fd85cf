"""The tool loop against a model that nobody here wrote: the mock `llmock`, in both protocols."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from wcode_jupyter import Client, tool
from wcode_jupyter.session import Session

testing = pytest.importorskip("llmock.testing", reason="llmock is not installed")
scenarios = pytest.importorskip("llmock.scenarios", reason="llmock is not installed")
pytest.importorskip("pydantic")

MODELS = {"openai": "gpt-4o", "anthropic": "claude-sonnet-4-6"}


@tool
def get_weather(city: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> dict[str, Any]:
    """The weather in a city."""
    return {"city": city, "unit": unit, "degrees": 21}


@tool
async def get_time(city: str) -> str:
    """The time in a city."""
    return "12:00"


@pytest.fixture(scope="module")
def mock() -> Iterator[Any]:
    """The PyPI package `llmock`: it calls a tool that is offered, and answers once a result is the last message."""
    with testing.LLMockServer() as server:
        yield server


@pytest.fixture(params=["openai", "anthropic"])
def client(mock: Any, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of the mock in each protocol."""
    mock.state.reset()
    session = Session(
        overrides={
            "protocol": request.param,
            "model": MODELS[request.param],
            "base_url": mock.base_url("openai"),
            "anthropic_base_url": mock.base_url("anthropic"),
            "max_tokens": 200,
            "log": False,
        }
    )
    session.keys.set(mock.url, "sk-for-the-mock-only")
    with Client(session=session) as client:
        yield client


def names(reply: Any) -> list[list[str]]:
    """The functions called in each step."""
    return [[call.name for call in message.tool_calls] for message in reply.transcript if message.role == "assistant"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_loop_runs_to_its_answer(client: Client, stream: bool) -> None:
    """It calls the fitting tool with arguments of the schema, takes the result, and answers in text."""
    reply = client.ask("What is the weather?", tools=[get_weather, get_time], stream=stream)
    assert names(reply) == [["get_weather"]]
    assert '"degrees":21' in reply.transcript[1].text
    assert reply.text
    assert (reply.ended, reply.tool_calls) == ("complete", ())


def test_a_forced_call_is_not_forced_for_ever(client: Client) -> None:
    """With `required` the mock calls at every step that still says so."""
    reply = client.ask("What is the weather?", tools=[get_weather], tool_choice="required", max_steps=3)
    assert names(reply) == [["get_weather"]]
    assert reply.text


def test_parallel_calls_and_several_steps(client: Client, mock: Any) -> None:
    """Two at once, then a third, then the answer; every result is accepted under its id."""
    call = scenarios.ToolCall
    for wanted in (
        (call("get_weather", {"city": "Bern"}), call("get_time", {"city": "Bern"})),
        (call("get_time", {"city": "Oslo"}),),
    ):
        mock.state.scenarios.add(scenarios.Reply(tool_calls=wanted))
    mock.state.scenarios.add(scenarios.Reply(text="Done."))
    reply = client.ask("Compare.", tools=[get_weather, get_time])
    assert names(reply) == [["get_weather", "get_time"], ["get_time"]]
    assert [message.text for message in reply.transcript if message.role == "tool"] == [
        '{"city":"Bern","unit":"celsius","degrees":21}',
        "12:00",
        "12:00",
    ]
    assert reply.text == "Done."


@pytest.mark.parametrize(
    ("kind", "words"), [("unknown_tool", "there is no tool"), ("malformed_arguments", "the arguments are not")]
)
def test_its_broken_calls_go_back_to_it(client: Client, mock: Any, kind: str, words: str) -> None:
    """A tool that was never offered, and arguments that are no JSON: the loop goes on to an answer."""
    mock.state.scenarios.add(scenarios.ToolFault(kind))
    reply = client.ask("What is the weather?", tools=[get_weather])
    assert words in reply.transcript[1].text
    assert reply.ended == "complete"
    assert reply.text
