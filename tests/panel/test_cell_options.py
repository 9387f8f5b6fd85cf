"""What a panel shares with a cell beyond parameters: images, a schema, functions of the notebook, and a chat."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.fault_server import FaultServer, chat
from tests.tool_server import calls, results, said
from wcode_jupyter import tool
from wcode_jupyter.magics.options import CELL_OPTIONS
from wcode_jupyter.panel.panel import Panel

from .conftest import Bench, run, shown, wait

CELL = "%%wcode glm-5 --image red --image 'C:\\new' --schema 'name, age int' --chat plan --tools f,g\nHi"


def test_the_cell_and_the_controls_say_the_same(bench: Bench) -> None:
    """Typed as a cell, the options stand in the controls, which give the same cell; their words are the cell's own."""
    panel = bench.panel()
    panel.code.box.value = CELL
    fields = panel.parameters.fields
    assert fields["image"].value == ["red", "C:\\new"]
    assert fields["schema"].value == "name, age int"
    assert fields["chat"].value == "plan"
    assert fields["tools"].value == "f,g"
    panel.refresh()
    assert panel.state.own == {
        "image": ["red", "C:\\new"], "schema": "name, age int", "chat": "plan", "tools": "f,g",
    }  # fmt: skip
    for name in ("image", "schema", "tools"):
        fields[name].switch.value = False
    assert panel.code.text == "%%wcode glm-5 --chat plan\nHi"
    help_of = {option.name: option.help for option in CELL_OPTIONS}
    assert all(fields[name].row.help == help_of[name] for name in ("image", "schema", "chat"))


def test_what_is_wrong_is_said(bench: Bench) -> None:
    """A function or an image that is not there: Run waits, with the reason."""
    panel = bench.panel("Hi", model="glm-5")
    panel.parameters.fields["tools"].control.fields[0].value = "f"
    assert panel.run_button.disabled
    assert "--tools f: function not found" in panel.check.reason
    bench.shell.user_ns.update(f=tool(adder()))
    bench.shell.ran_a_cell()
    assert not panel.run_button.disabled


def test_an_image_is_sent(bench: Bench, server: FaultServer) -> None:
    """A picture of the notebook, by its name, behind the text."""
    image = pytest.importorskip("PIL.Image").new("RGB", (2, 2), "red")
    bench.shell.user_ns["red"] = image
    panel = bench.panel("What is it?", model="qwen3.6-plus")
    panel.parameters.fields["image"].control.add("red")
    run(panel)
    text, picture = server.requests[0].json["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")


def test_an_answer_that_does_not_fit_is_asked_for_again(bench: Bench, server: FaultServer) -> None:
    """With a schema the reply holds the value; the last answer that does not fit is shown with the reason."""
    server.script(chat("no JSON"), chat('{"name": "Ada", "age": 36}'), chat("none"))
    panel = bench.panel(output="answer")
    panel.code.box.value = "%%wcode glm-5 --schema 'name, age int' --retries-schema 1 -o answer\nWho?"
    run(panel)
    assert bench.shell.user_ns["answer"].parsed.age == 36
    assert len(server.requests) == 2
    assert server.requests[0].json["response_format"]["type"] == "json_schema"
    panel.code.box.value = "%%wcode glm-5 --schema 'name, age int' -o answer\nWho?"
    run(panel)
    assert "wcode-bad" in shown(panel.answer.widget)
    assert bench.shell.user_ns["answer"].text == "none"


def test_a_chat_goes_on(bench: Bench, server: FaultServer) -> None:
    """Each Run is a turn of the chat that cells continue."""
    server.script(chat("Elbe"), chat("1,094 km"))
    panel = bench.panel("Name a river.", model="glm-5")
    panel.parameters.fields["chat"].control.fields[0].value = "plan"
    run(panel)
    panel.prompt.value = "How long is it?"
    run(panel)
    assert [message["content"] for message in server.requests[1].json["messages"]] == [
        "Name a river.", "Elbe", "How long is it?",
    ]  # fmt: skip
    assert len(bench.client.chat("plan").chat.turns) == 2


def adder() -> Callable[..., Any]:
    """A function of the notebook, not marked."""

    def add(a: int, b: int) -> int:
        """The sum."""
        return a + b

    return add


def panel_with(bench: Bench, server: FaultServer, function: Callable[..., Any]) -> Panel:
    server.script(calls("openai", ("add", {"a": 1, "b": 2})), said("openai", "It is 3."))
    bench.shell.user_ns["add"] = function
    panel = bench.panel()
    panel.code.box.value = "%%wcode glm-5 --tools add -o answer\n1 + 2?"
    return panel


def test_a_marked_function_is_called(bench: Bench, server: FaultServer) -> None:
    """Its result goes back to the model; the steps stand above the answer."""
    panel = panel_with(bench, server, tool(adder()))
    run(panel)
    assert results("openai", server.requests[1].json) == ["3"]
    words = shown(panel.answer.widget)
    assert words.index("add(") < words.index("It is 3.")


def pressed(panel: Panel, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> str:
    """Runs the panel and calls `act` once it asks; gives what it asked."""
    asked = threading.Event()
    ask = panel.answer.consent._decided.wait
    monkeypatch.setattr(panel.answer.consent._decided, "wait", lambda: (asked.set(), ask()))
    panel.run()
    assert asked.wait(10)
    question = shown(panel.answer.consent.widget)
    act()
    wait(panel)
    assert shown(panel.answer.consent.widget) == ""
    return question


@pytest.mark.parametrize(("allowed", "told"), [(True, "3"), (False, "Error: the user does not allow this call")])
def test_other_functions_ask(
    bench: Bench, server: FaultServer, monkeypatch: pytest.MonkeyPatch, allowed: bool, told: str
) -> None:
    """The whole call and two buttons; the model is told of a refusal."""
    panel = panel_with(bench, server, adder())
    question = pressed(panel, monkeypatch, lambda: panel.answer.consent.decide(allowed))
    assert "add(a=1, b=2)" in question
    assert results("openai", server.requests[1].json) == [told]


def test_stop_ends_a_question(bench: Bench, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function does not run, the request ends, and the panel is ready again."""
    panel = panel_with(bench, server, adder())
    pressed(panel, monkeypatch, panel.stop)
    assert bench.shell.user_ns["answer"].ended == "interrupted"
    assert not panel.run_button.disabled
