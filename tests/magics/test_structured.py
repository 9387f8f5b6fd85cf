"""`%%wcode --schema` in a real kernel, and partial JSON while it arrives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault_server import HOLD, FaultServer, chat, delta, status, stream
from tests.kernels import Kernel
from tests.tool_server import calls

pytestmark = pytest.mark.kernel

SETUP = """
from dataclasses import dataclass
@dataclass
class Person:
    name: str
    age: int
def helper(): pass
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with Kernel(tmp_path_factory.mktemp("schema")) as kernel:
        kernel.run("%load_ext wcode_jupyter")
        kernel.run(SETUP)
        yield kernel


@pytest.fixture
def server(shared: Kernel) -> Iterator[FaultServer]:
    with FaultServer(chat('{"name": "Ada",', ' "age": 36}')) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server


def test_the_typed_object_is_bound_and_the_answer_shown_as_json(shared: Kernel, server: FaultServer) -> None:
    """`reply.parsed` is the notebook's own type; the one output is folded, highlighted JSON."""
    done = shared.run("%%wcode --schema Person -o who\nWho?", answers=())
    assert [output["output_type"] for output in done.outputs] == ["display_data"]
    assert '<b>"name"</b>' in done.outputs[0]["data"]["text/html"]
    assert shared.run("print(who.parsed, type(who.parsed) is Person)").text == "Person(name='Ada', age=36) True\n"
    sent = server.requests[0].json["response_format"]["json_schema"]
    assert sent["schema"]["required"] == ["name", "age"]


def test_the_anthropic_form_gives_the_same(shared: Kernel, server: FaultServer) -> None:
    """The schema goes out as a tool; the typed object and the shown JSON are those of the other form."""
    server.script(calls("anthropic", ("Person", {"name": "Ada", "age": 36})))
    shared.run(f"%wcode set anthropic_base_url={server.origin}")
    done = shared.run("%%wcode --schema Person --protocol anthropic -o who\nWho?", answers=())
    shared.run("%wcode unset anthropic_base_url")
    assert '<b>"name"</b>' in done.outputs[0]["data"]["text/html"]
    assert shared.run("print(who.parsed)").text == "Person(name='Ada', age=36)\n"
    assert server.requests[0].json["tool_choice"]["name"] == "Person"


@pytest.mark.parametrize("answers", [None, ()], ids=["headless", "watched"])
def test_a_second_attempt_replaces_the_first_and_says_so(
    shared: Kernel, server: FaultServer, answers: tuple[str, ...] | None
) -> None:
    """One output at the end, live and headless; its notices tell why it was asked again."""
    server.script(chat('{"name": "Ada", ', '"age": "old"}'), chat('{"name": "Ada", "age": 36}'))
    done = shared.run("%%wcode --schema Person --retries-schema 1 -o who\nWho?", answers=answers)
    assert done.status == "ok"
    assert [output["output_type"] for output in done.outputs] == ["display_data"]
    assert "Retried" in done.outputs[0]["data"]["text/html"]
    assert shared.run("print(who.parsed.age)").text == "36\n"
    assert len(server.requests) == 2


def test_nothing_of_the_first_attempt_stays_where_the_second_fails(shared: Kernel, server: FaultServer) -> None:
    """The error stands alone: pieces of an answer that was given up would look like the answer."""
    server.script(chat('{"name": "Ada", ', '"age": "old"}', pause_s=0.2), status(400, "too long"))
    done = shared.run("%%wcode --schema Person --retries-schema 1\nWho?", answers=())
    assert done.error == "BadRequest"
    assert [output["output_type"] for output in done.outputs] == ["error"]


def test_a_violation_fails_the_cell_and_keeps_the_text(shared: Kernel, server: FaultServer) -> None:
    """The answer is shown and bound, then one line says what does not fit."""
    server.script(chat('{"name": "Ada", "age": "old"}'))
    done = shared.run("%%wcode --schema Person -o who\nWho?")
    assert done.error == "AnswerInvalid"
    assert "$.age" in done.outputs[-1]["traceback"][0]
    assert shared.run("print(who.text)").text == '{"name": "Ada", "age": "old"}\n'


def test_an_answer_cut_at_max_tokens_says_so(shared: Kernel, server: FaultServer) -> None:
    """Half a JSON text: the error names max_tokens and nothing is asked again."""
    server.script(chat('{"name": "Ad', reason="length"))
    done = shared.run("%%wcode --schema Person --retries-schema 2 -o who\nWho?")
    assert done.error == "AnswerInvalid"
    assert "max_tokens" in done.outputs[-1]["traceback"][0]
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("--schema Persn", "InputError", "Did you mean Person"),
        ("--schema helper", "InputError", "cannot be used as a schema"),
        ("--schema 'a b c'", "InputError", "Not a schema"),
        ("--retries-schema 2", "OptionError", "needs --schema"),
        ("--schema Person --retries-schema many", "OptionError", "0…10"),
        ("--schema Person --response-format json_object", "OptionError", "use only one of them"),
        ("--schema Person --protocol anthropic --reasoning low", "ParameterError", "Set reasoning none"),
    ],
)
def test_bad_schemas_are_one_line_and_send_nothing(
    shared: Kernel, server: FaultServer, line: str, error: str, words: str
) -> None:
    """Each mistake is caught before anything leaves the machine."""
    shared.run(f"%wcode set anthropic_base_url={server.origin}")
    done = shared.run(f"%%wcode {line}\nWho?")
    shared.run("%wcode unset anthropic_base_url")
    assert done.error == error
    assert words in done.outputs[-1]["traceback"][0]
    assert server.requests == []


def test_partial_json_is_shown_pretty_while_it_arrives(shared: Kernel, server: FaultServer) -> None:
    """What has arrived is indented as JSON before the answer is whole."""
    server.script(stream(delta('{"name": "Ada", "tags": ["x", "y'), HOLD))
    cell = shared.start("%%wcode --schema 'name, tags list[str]'\nWho?", answers=())
    seen = cell.wait_for(lambda message: '  "name": "Ada"' in str(message.content))
    assert '    "y' in str(seen.content)
    shared.interrupt()
    cell.finish()
