"""The Anthropic form end to end, against servers that nobody here wrote: llama.cpp and the mock `llmock`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fault_server import FaultServer, body
from tests.kernels import Kernel
from wcode_jupyter import Client
from wcode_jupyter.errors import AnswerCut, InputError, KeyMissing, ParameterError, RateLimited, ServerFault
from wcode_jupyter.session import Session

needs_model = pytest.mark.skipif(
    importlib.util.find_spec("xllamacpp") is None,
    reason='the engine is not installed: pip install "wcode_jupyter[local]"',
)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


STREAM = """
from wcode_jupyter import Client
with Client() as client:
    events = list(client.stream("Count to five.", model="local", protocol="anthropic", max_tokens=12))
print(sum(hasattr(event, "text") for event in events))
"""

# -- llama.cpp's /v1/messages -----------------------------------------------------------------------------------------


@needs_model
@pytest.mark.model
@pytest.mark.kernel
def test_a_cell_asks_llama_cpp_in_the_anthropic_form(kernel: Kernel) -> None:
    """`%%wcode local --protocol anthropic` streams; what the form has no name for is named; usage and end come."""
    kernel.run("%load_ext wcode_jupyter")
    done = kernel.run(
        "%%wcode local --protocol anthropic --max-tokens 12 --temperature 0 --min-p 0.1 --seed 3 -o answer\nSay hello.",
        answers=(),
        timeout_s=120,
    )
    assert done.status == "ok", done.text
    text = kernel.run("print(answer.ended, answer.usage.output_tokens, answer.request.protocol, answer.model)").text
    assert text.split()[0] in ("complete", "length")
    assert int(text.split()[1]) > 0
    assert text.split()[2:] == ["anthropic", "local"]
    notices = kernel.run("print(*answer.notices, sep='\\n')").text
    assert "min_p has no equivalent in the Anthropic format and is not sent" in notices
    assert "seed has no equivalent" in notices
    assert "min_p has no equivalent" in done.outputs[0]["data"]["text/html"]
    deltas = kernel.run(STREAM, timeout_s=120)
    assert int(deltas.text) > 2


def test_a_dry_run_shows_the_max_tokens_that_nobody_set(kernel: Kernel) -> None:
    """The one value that the form does not allow to leave out is visible before anything is sent."""
    kernel.run("%load_ext wcode_jupyter")
    text = kernel.run("%%wcode glm-5 --protocol anthropic --dry-run --logprobs\nhi").text
    assert '"max_tokens": 128000' in text
    assert "https://wcode.net/api/anthropic/v1/messages" in text
    assert "logprobs has no equivalent" in text


# -- the mock ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mock() -> Iterator[Any]:
    """The PyPI package `llmock`: a server of ten providers' forms with faults on demand."""
    testing = pytest.importorskip("llmock.testing", reason="llmock is not installed")
    with testing.LLMockServer() as server:
        yield server


@pytest.fixture
def client(mock: Any) -> Iterator[Client]:
    mock.state.reset()
    session = Session(
        overrides={"protocol": "anthropic", "anthropic_base_url": mock.base_url("anthropic"), "log": False}
    )
    with Client(session=session) as client:
        session.keys.set(mock.url, "sk-for-the-mock-only")
        yield client


def test_the_mock_streams_and_answers_whole(mock: Any, client: Client) -> None:
    """The same text and usage, streamed in pieces or as one body."""
    events = list(client.stream("What is a llama?", model="claude-sonnet-4-6", max_tokens=200))
    streamed = client.session.last
    whole = client.ask("What is a llama?", model="claude-sonnet-4-6", max_tokens=200, stream=False)
    assert streamed is not None
    assert len([event for event in events if hasattr(event, "text")]) > 1
    assert streamed.text == whole.text != ""
    assert (streamed.ended, whole.ended) == ("complete", "complete")
    assert streamed.usage.output_tokens > 0


def test_the_mock_calls_an_offered_tool(mock: Any, client: Client) -> None:
    """`tool_use` blocks become the same ToolCalls as in the OpenAI form."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"type": "function", "function": {"name": "weather", "description": "Weather", "parameters": parameters}}
    reply = client.ask("Weather in Paris?", model="claude-sonnet-4-6", tools=[tool], max_tokens=200)
    assert [call.name for call in reply.tool_calls] == ["weather"]
    assert set(reply.tool_calls[0].parsed()) == {"city"}
    assert reply.finish_reason == "tool_calls"


@pytest.mark.parametrize("stream", [True, False])
def test_the_mock_answers_a_schema(mock: Any, client: Client, stream: bool) -> None:
    """A schema is the tool that must be called; the answer is its input, read as the type."""
    reply = client.ask("An animal?", model="claude-sonnet-4-6", schema="name, legs int", stream=stream, max_tokens=200)
    assert isinstance(reply.parsed.name, str)
    assert isinstance(reply.parsed.legs, int)
    assert (reply.finish_reason, reply.tool_calls, reply.notices) == ("stop", (), ())


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"type": "stream_fault", "kind": "disconnect", "after_chunks": 6}, AnswerCut),
        ({"type": "stream_fault", "kind": "truncate", "after_chunks": 6}, AnswerCut),
        ({"type": "fail", "status": 529, "times": None}, ServerFault),
        ({"type": "fail", "status": 429, "retry_after": 0, "times": None}, RateLimited),
    ],
    ids=lambda value: str(value.get("kind", value.get("status"))) if isinstance(value, dict) else "",
)
def test_the_mocks_faults_are_errors_of_ours(mock: Any, client: Client, behaviour: Any, error: type) -> None:
    """A stream that breaks or ends early is never an answer; what had arrived is kept."""
    scenarios = pytest.importorskip("llmock.scenarios")
    mock.state.scenarios.add(scenarios.behavior_from_dict(behaviour))
    with pytest.raises(error) as caught:
        client.ask("Tell me a long story.", model="claude-sonnet-4-6", max_tokens=200)
    if error is AnswerCut:
        assert caught.value.reply.text


# -- Anthropic's own variables ----------------------------------------------------------------------------------------

ANSWER = body(
    '{"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],'
    ' "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 1}}'
)


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_anthropics_variables_are_read_when_the_user_asks_for_it(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Base URL and key together; one credential, the pinned version."""
    with FaultServer(ANSWER) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin)
        monkeypatch.setenv(variable, "sk-from-the-environment")
        with Client(anthropic_environment=True, log=False) as client:
            assert client.ask("hi", model="m", protocol="anthropic").text == "hi"
        received = server.requests[0]
    assert received.path == "/v1/messages"
    assert received.key == "sk-from-the-environment"
    assert received.headers["anthropic-version"] == "2023-06-01"
    assert "x-api-key" not in received.headers


def test_anthropics_variables_are_left_alone_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither their address nor their key is used; a base URL of ours wins over theirs."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://wcode.net/api/anthropic")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "sk-from-the-environment")
    session = Session()
    assert session.values()["anthropic_base_url"].source == "default"
    assert session.keys.find("https://wcode.net") is None
    with Client(log=False) as client, pytest.raises(KeyMissing):
        client.ask("hi", model="glm-5", protocol="anthropic")
    session = Session(overrides={"anthropic_environment": True, "anthropic_base_url": "https://other.test"})
    assert session.values()["anthropic_base_url"].value == "https://other.test"
    monkeypatch.delenv("ANTHROPIC_BASE_URL")
    found = Session(overrides={"anthropic_environment": True}).values()["anthropic_base_url"]
    assert (found.value, found.source) == ("https://api.anthropic.com", "ANTHROPIC_BASE_URL")


def test_what_the_form_refuses_is_refused_before_it_is_sent() -> None:
    """A temperature above 1, and no room to think in."""
    session = Session(overrides={"protocol": "anthropic", "model": "m"})
    with pytest.raises(ParameterError, match="0…1"):
        session.prepare("hi", {"temperature": 1.5})
    with pytest.raises(ParameterError, match="leaves no room"):
        session.prepare("hi", {"reasoning": "high", "max_tokens": 1024})


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_the_three_variables_of_the_pages_are_enough(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Server, key and model of the pages' set-up; the demo model stays out of it."""
    with FaultServer(ANSWER) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.origin + "/api/anthropic")
        monkeypatch.setenv(variable, "sk-of-the-pages")
        monkeypatch.setenv("ANTHROPIC_MODEL", "z-ai/glm-5")
        with Client(log=False) as client:
            reply = client.ask("hi", protocol="anthropic", anthropic_environment=True)
        request = server.requests[0]
    assert (request.path, request.json["model"]) == ("/api/anthropic/v1/messages", "z-ai/glm-5")
    assert request.key == "sk-of-the-pages"
    assert reply.text == "hi"


def test_what_is_missing_of_the_variables_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo model does not answer for a model that was not named."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://wcode.net/api/anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-pages")
    session = Session(overrides={"anthropic_environment": True, "protocol": "anthropic"})
    with pytest.raises(InputError, match=r"No model selected\. Set ANTHROPIC_MODEL"):
        session.prepare("hi")
    assert session.keys.source(session.server.origin) == "ANTHROPIC_API_KEY"


@pytest.mark.parametrize(
    "path", ["/api/anthropic", "/api/anthropic/", "/api/anthropic/v1", "/api/anthropic/v1/messages"]
)
def test_the_server_as_users_of_the_sdk_write_it(path: str) -> None:
    """`Client(base_url=…, protocol="anthropic")`, in every usual spelling; the key is that server's."""
    with FaultServer(ANSWER) as server:
        for at_the_call in (False, True):
            form: dict[str, Any] = {"protocol": "anthropic"}
            with Client(server.origin + path, "sk-x-123456", log=False, **({} if at_the_call else form)) as client:
                client.ask("hi", model="glm-5", **(form if at_the_call else {}))
            request = server.requests[-1]
            assert request.path == "/api/anthropic/v1/messages"
            assert request.key == "sk-x-123456"


def test_the_address_of_the_other_form_is_refused() -> None:
    """It leads to an address that nobody meant."""
    session = Session()
    for name, url, protocol in (
        ("anthropic_base_url", "https://wcode.net/api/gpt/v1/chat/completions", "anthropic"),
        ("base_url", "https://wcode.net/api/anthropic/v1/messages", "openai"),
    ):
        with pytest.raises(InputError, match="This is the address of the"):
            session.prepare("hi", {"model": "glm-5", name: url, "protocol": protocol})


def test_a_missing_key_names_the_setting_of_the_server() -> None:
    """The key that was given may be meant for another server."""
    with Client("https://other.test/v1", "sk-x-123456") as client, pytest.raises(KeyMissing) as caught:
        client.ask("hi", model="glm-5", protocol="anthropic")
    assert "anthropic_base_url" in caught.value.hint
