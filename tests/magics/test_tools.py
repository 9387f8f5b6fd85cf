"""`%%wcode --tools f,g` in a real kernel: functions of the notebook, asked about, run, and shown in boxes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault_server import HOLD, FaultServer, chat, delta, stream
from tests.kernels import Kernel
from tests.tool_server import calls, results, said

pytestmark = pytest.mark.kernel

pytest.importorskip("pydantic")

FUNCTIONS = """
import threading, wcode_jupyter

@wcode_jupyter.tool
def add(a: int, b: int) -> int:
    "The sum."
    return a + b

def ask_me(a: int) -> str:
    "Twice."
    return f"<b>{2 * a}</b>"

@wcode_jupyter.tool
def wait() -> None:
    "Waits for ever."
    print("waiting")
    threading.Event().wait()

@wcode_jupyter.tool
async def wait_too() -> None:
    "Waits for ever."
    wait()

def bare(x): ...
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension and some functions for all tests of this module."""
    with Kernel(tmp_path_factory.mktemp("tools")) as kernel:
        assert kernel.run("%load_ext wcode_jupyter").status == "ok"
        assert kernel.run(FUNCTIONS).status == "ok"
        yield kernel


@pytest.fixture
def server(shared: Kernel) -> Iterator[FaultServer]:
    """A server that the kernel's session asks by default, as the model `m`."""
    with FaultServer(chat("Hello")) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server
        shared.run("%wcode unset model base_url")


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "headless"])
def test_a_loop_ends_as_one_output_with_its_steps_in_boxes(shared: Kernel, server: FaultServer, watched: bool) -> None:
    """Calls and results stand above the answer; what was said on the way too; the variable holds the transcript."""
    server.script(
        calls("openai", ("add", {"a": 2, "b": 3}), text="Let **me** add.", thought="hm"), said("openai", "It is *5*.")
    )
    done = shared.run("%%wcode --tools add -o answer\n2 + 3?", answers=() if watched else None)
    assert [output["output_type"] for output in done.outputs] == ["display_data"]
    data = done.outputs[0]["data"]
    assert data["text/plain"] == "It is *5*."
    html = data["text/html"]
    said_at, call_at, answer_at = (
        html.index(words)
        for words in ("<strong>me</strong>", "add({&quot;a&quot;: 2, &quot;b&quot;: 3}) → 5", "<em>5</em>")
    )
    assert said_at < call_at < answer_at
    assert done.outputs[0]["metadata"]["wcode"]["usage"]["input_tokens"] == 18
    assert shared.run("print([m.role for m in answer.transcript], answer.usage.total_tokens)").text == (
        "['assistant', 'tool'] 30\n"
    )
    assert shared.run("%wcode last").text == "Reply('m', complete, 'It is *5*.')"


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "headless"])
def test_a_loop_that_ends_in_a_schema(shared: Kernel, server: FaultServer, watched: bool) -> None:
    """One output, the steps above the JSON; of an attempt that does not fit nothing stays but a line that says so."""
    server.script(
        calls("openai", ("add", {"a": 2, "b": 3})),
        said("openai", '{"x": "five"}'),
        calls("openai", ("add", {"a": 3, "b": 2})),
        said("openai", '{"x": 5}'),
    )
    line = "%%wcode --tools add --schema 'x int' --retries-schema 1 -o answer"
    done = shared.run(f"{line}\n2 + 3?", answers=() if watched else None)
    assert [output["output_type"] for output in done.outputs] == ["display_data"]
    html = done.outputs[0]["data"]["text/html"]
    assert html.index("{&quot;a&quot;: 3, &quot;b&quot;: 2}") < html.index('<b>"x"</b>')
    assert "{&quot;a&quot;: 2, &quot;b&quot;: 3}" not in html
    assert "Retried" in html
    assert shared.run("print(answer.parsed)").text == "Answer(x=5)\n"


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "headless"])
def test_hidden_reasoning_is_hidden_in_the_steps_too(shared: Kernel, server: FaultServer, watched: bool) -> None:
    """The transcript of the reply keeps it."""
    server.script(calls("openai", ("add", {"a": 2, "b": 3}), thought="hm"), said("openai", "5"))
    cell = shared.start("%%wcode --tools add --hide-reasoning -o answer\n2 + 3?", answers=() if watched else None)
    done = cell.finish()
    assert "hm" not in str([message.content for message in cell.messages])
    assert "→ 5" in done.outputs[0]["data"]["text/html"]
    assert shared.run("print(answer.transcript[0].reasoning[0].text)").text == "hm\n"


def test_the_steps_stay_in_sight_while_the_answer_arrives(shared: Kernel, server: FaultServer) -> None:
    """Before the loop is through, the page shows the calls above the text."""
    server.script(calls("openai", ("add", {"a": 2, "b": 3})), stream(delta("It is "), HOLD))
    cell = shared.start("%%wcode --tools add\n2 + 3?", answers=())
    cell.wait_for(lambda message: "It is" in str(message.content.get("data", "")))
    shown = "".join(output["data"]["text/html"] for output in cell.outputs)
    assert shown.index("→ 5") < shown.index("It is")
    shared.interrupt()
    assert cell.finish().error == "AnswerInterrupted"
    assert "→ 5" in cell.outputs[0]["data"]["text/html"]


def test_characters_that_the_model_wrote_as_numbers_can_be_read(shared: Kernel, server: FaultServer) -> None:
    """Many servers escape all but ASCII; half a character is shown as one that is missing."""
    server.script(calls("openai", ("ask_me", r'{"a": "\u4f2f\ud83d"}')), said("openai", "ok"))
    html = shared.run("%%wcode --tools ask_me --no-tools-confirm\nhi").outputs[0]["data"]["text/html"]
    assert "ask_me({&quot;a&quot;: &quot;伯\ufffd&quot;}) → Error: a: " in html


def test_what_tools_return_is_text_on_the_page(shared: Kernel, server: FaultServer) -> None:
    """HTML of a result or of arguments is shown, not rendered."""
    server.script(calls("openai", ("ask_me", {"a": 1})), said("openai", "ok"))
    html = shared.run("%%wcode --tools ask_me --no-tools-confirm\nhi").outputs[0]["data"]["text/html"]
    assert "&lt;b&gt;2&lt;/b&gt;" in html
    assert "<b>2</b>" not in html


def test_the_user_is_asked_before_an_unmarked_function_runs(shared: Kernel, server: FaultServer) -> None:
    """A refusal goes to the model."""
    server.script(calls("openai", ("ask_me", {"a": 1})), calls("openai", ("ask_me", {"a": 2})), said("openai", "ok"))
    done = shared.run("%%wcode --tools ask_me\nhi", answers=["n", "y"])
    assert done.status == "ok"
    assert results("openai", server.wait(3).json) == ["Error: the user does not allow this call", "<b>4</b>"]


def test_headless_an_unmarked_function_is_an_error_that_says_how(shared: Kernel, server: FaultServer) -> None:
    """Nothing is sent."""
    done = shared.run("%%wcode --tools ask_me,add\nhi")
    assert done.error == "InputError"
    assert "ask_me: this tool needs confirmation" in done.text
    assert "@wcode_jupyter.tool" in done.text
    assert server.requests == []


@pytest.mark.parametrize("wanted", [("wait",), ("wait", "wait_too")], ids=["one", "parallel"])
def test_the_stop_button_ends_the_loop_in_a_running_tool(
    shared: Kernel, server: FaultServer, wanted: tuple[str, ...]
) -> None:
    """At once, for a call in this thread and for parallel ones; the steps are kept."""
    server.script(calls("openai", *((name, {}) for name in wanted), text="Wait."))
    cell = shared.start("%%wcode --tools wait,wait_too -o answer\nhi", answers=())
    cell.wait_for(lambda message: "waiting" in str(message.content.get("text", "")))
    shared.interrupt()
    assert cell.finish(10).error == "AnswerInterrupted"
    assert len(server.requests) == 1
    assert shared.run("print(answer.ended, answer.transcript[-1].text)").text == (
        "interrupted Error: the user interrupted this call\n"
    )


def test_steps_without_end_fail_the_cell(shared: Kernel, server: FaultServer) -> None:
    """As many requests as allowed, then one line."""
    server.script(calls("openai", ("add", {"a": 1, "b": 1})))
    done = shared.run("%%wcode --tools add --max-steps 2 -o answer\nhi")
    assert done.error == "ToolStepsExceeded"
    assert len(server.requests) == 2
    assert "→ 2" in done.outputs[0]["data"]["text/html"]


def test_the_parameter_in_json_stays_what_it_was(shared: Kernel, server: FaultServer) -> None:
    """JSON is sent as it is, and its calls are the reply's."""
    server.script(calls("openai", ("far", {"x": 1})))
    tools = '[{"type": "function", "function": {"name": "far"}}]'
    shared.run(f"%%wcode --tools '{tools}' -o answer\nhi")
    assert server.wait().json["tools"][0]["function"]["name"] == "far"
    assert shared.run("print(answer.tool_calls[0].name, answer.transcript)").text == "far ()\n"


def test_the_exact_request_can_be_seen_first(shared: Kernel, server: FaultServer) -> None:
    """`--dry-run` shows the schema that the function has, and runs nothing."""
    text = shared.run("%%wcode --tools add --dry-run\nhi").text
    assert '"description": "The sum."' in text
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--tools bare", "its parameter x has no annotation"),
        ("--tools ad", "add"),
        ("--tools nothing_like_it", "function not found"),
        ("--tools add,add", "Duplicate tool name: add"),
        ("--tools threading", "is not a function"),
        ("--tools add --schema 'x int' --protocol anthropic", "sends a schema as a tool"),
        ("--tools add --max-steps 0", "max_steps"),
        ("--tools '[1]'", "tools"),
        ("""--tools add --tools '[{"type": "x"}]'""", "set twice"),
    ],
)
def test_bad_input_is_one_line_and_sends_nothing(shared: Kernel, server: FaultServer, options: str, words: str) -> None:
    """Each mistake is named before anything leaves the machine."""
    done = shared.run(f"%%wcode {options}\nhi")
    assert done.status == "error"
    assert len(done.outputs[-1]["traceback"]) == 1
    assert words in done.text
    assert server.requests == []
