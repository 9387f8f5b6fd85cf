"""The panel at work: what its buttons do, what it shows, and what it never holds."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ipywidgets.widgets.widget import _instances

from tests.fault_server import HOLD, FaultServer, chat, delta, echo_key, reasoning, status, stream
from wcode_jupyter.request.parameters import PARAMETERS

from .conftest import KEY, Bench, everything, run, shown, wait
from .test_state import VALUES


def test_there_is_a_control_for_each_parameter(bench: Bench) -> None:
    """All 21, each under its name, and none is set."""
    panel = bench.panel("Hi", model="glm-5")
    assert {row.name for row in PARAMETERS} <= panel.parameters.fields.keys()
    assert panel.state.parameters == {}
    assert panel.code.text == "%%wcode glm-5\nHi"


@pytest.mark.parametrize("name", VALUES)
def test_each_control_holds_its_value(bench: Bench, name: str) -> None:
    """A value that is put into a control is the value that the control gives, and the cell says it."""
    panel = bench.panel("JSON", model="glm-5", logprobs=True)
    values = {"model": "glm-5", "logprobs": True, name: VALUES[name]}
    panel.load(values)
    assert panel.state.values == values
    assert panel.check.call is not None
    assert panel.check.call.request.parameters[name] == VALUES[name]


def test_all_at_once_give_the_same_request(bench: Bench) -> None:
    """The panel with all 21 set, and its cell, have one fingerprint."""
    panel = bench.panel("JSON")
    panel.load({"model": "glm-5", **VALUES})
    direct = bench.client.prepare("JSON", model="glm-5", **VALUES)
    assert panel.check.call is not None
    assert panel.check.call.fingerprint == direct.fingerprint


def test_moving_a_control_switches_it_on(bench: Bench) -> None:
    """A parameter is unset until its switch is on or its control is moved; off again, it is as it was."""
    panel = bench.panel("Hi", model="glm-5")
    field = panel.parameters.fields["temperature"]
    number, slider = field.control.fields
    slider.value = 0.3
    assert (field.value, number.value) == (0.3, 0.3)
    assert "--temperature 0.3" in panel.code.text
    field.switch.value = False
    assert field.value is None
    assert (number.value, slider.value) == (1.0, 1.0)
    field.switch.value = True
    assert panel.state.parameters == {"temperature": 1.0}


@pytest.mark.parametrize(
    ("name", "value", "step"),
    [("min_p", 0.005, 0.01), ("temperature", 0.333, 0.33), ("top_p", 0.995, 1.0), ("top_a", 0.001, 0.0)],
)
def test_a_number_finer_than_its_slider(bench: Bench, name: str, value: float, step: float) -> None:
    """It is sent to the last digit, though the page rounds the slider's position and sends that back."""
    panel = bench.panel("Hi", model="glm-5")
    panel.code.box.value = f"%%wcode glm-5 --{name.replace('_', '-')} {value}\nHi"
    number, slider = panel.parameters.fields[name].control.fields
    assert slider.value == step
    slider.set_trait("value", step + 1e-12)  # as it comes back from the page
    assert panel.state.parameters == {name: value}
    assert (number.value, f" {value}\n" in panel.code.text) == (value, True)
    slider.value = 0.5  # the user's own
    assert panel.state.parameters == {name: 0.5}


def test_a_value_out_of_range_is_marked(bench: Bench) -> None:
    """The control says why, Run is off, and both go once it is put right."""
    panel = bench.panel("Hi", model="glm-5")
    assert not panel.run_button.disabled
    number, slider = panel.parameters.fields["temperature"].control.fields
    number.value = 3.0
    assert panel.run_button.disabled
    assert "0…2" in shown(panel.parameters.fields["temperature"].widget)
    assert "wcode-bad" in shown(panel.parameters.fields["temperature"].widget)
    assert slider.value == 2.0
    number.value = 1.5
    assert not panel.run_button.disabled
    assert "wcode-bad" not in shown(panel.parameters.fields["temperature"].widget)


def test_wrong_json_is_marked(bench: Bench) -> None:
    """What is typed stays, with the reason."""
    panel = bench.panel("Hi", model="glm-5")
    editor = panel.parameters.fields["tools"].control.fields[0]
    editor.value = '[{"type": '
    assert "not valid JSON" in shown(panel.parameters.fields["tools"].widget)
    assert panel.run_button.disabled
    assert panel.state.values["tools"] == '[{"type": '


def test_stop_texts(bench: Bench) -> None:
    """Added one by one, `\\n` for a line end; the last one taken away, the control asks for one."""
    panel = bench.panel("Hi", model="glm-5")
    field = panel.parameters.fields["stop"]
    field.control.add("END")
    field.control.add("END")
    field.control.add(r"a\n ")
    assert panel.state.parameters == {"stop": ["END", "a\n "]}
    for tag in field.control.widget.children[1].children:
        tag.click()
    assert "no stop sequence" in shown(field.widget)
    field.switch.value = False
    assert panel.state.parameters == {}
    assert not panel.run_button.disabled


def test_what_the_page_does_not_list_is_marked(bench: Bench) -> None:
    """Not hidden: it can be sent."""
    panel = bench.panel("Hi", model="qwen3.6-plus")
    assert "not listed" in shown(panel.parameters.fields["reasoning"].widget)
    panel.picker.field.value = "glm-5"
    assert "not listed" not in shown(panel.parameters.fields["reasoning"].widget)


def test_run(bench: Bench, server: FaultServer) -> None:
    """The answer is shown, rendered, with tokens and cost, and kept in the variable; the request is what was set."""
    panel = bench.panel("Hi {{name}}", "answer", model="glm-5", temperature=0.2)
    assert panel.run_button.disabled  # {{name}} is missing
    assert "is missing" in everything(panel)
    bench.shell.user_ns["name"] = "Ada"
    bench.shell.ran_a_cell()
    assert "str, 3 characters" in everything(panel)
    run(panel)
    assert str(bench.shell.user_ns["answer"]) == "Hello *world*"
    assert "<em>world</em>" in shown(panel.answer.widget)
    assert "9→6 tokens · " in shown(panel.answer.widget)
    assert "¥0.000309" in shown(panel.answer.widget)
    body = server.requests[0].json
    assert (body["temperature"], body["messages"]) == (0.2, [{"role": "user", "content": "Hi Ada"}])
    assert not panel.run_button.disabled
    assert panel.stop_button.disabled


def test_run_waits_for_what_was_typed(bench: Bench, server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pressed just after a change, Run asks what the page then still holds back; a closed panel asks nothing."""
    monkeypatch.setattr("wcode_jupyter.panel.panel._SETTLE_S", 1.0)
    panel = bench.panel("", model="glm-5")
    panel.prompt.value = "What"
    panel.run_button.click()
    panel.prompt.value = "What is it?"
    until(lambda: server.requests)
    assert server.requests[0].json["messages"] == [{"role": "user", "content": "What is it?"}]
    wait(panel)
    panel.prompt.value = "More"
    panel.run_button.click()
    panel.close()
    time.sleep(1.2)
    assert len(server.requests) == 1


def test_a_deleted_variable_stops_the_run(bench: Bench) -> None:
    """The panel follows each cell: what it refers to may have gone."""
    bench.shell.user_ns["name"] = "Ada"
    panel = bench.panel("Hi {{name}}", model="glm-5")
    assert not panel.run_button.disabled
    del bench.shell.user_ns["name"]
    panel.run()  # pressed before the page knew
    assert panel.asked is None
    assert panel.run_button.disabled


def test_stop(bench: Bench, server: FaultServer) -> None:
    """Stop ends the answer within 0.3 s, closes the connection and keeps what arrived."""
    server.script(stream(reasoning("Hm."), delta("Once upon"), HOLD))
    panel = bench.panel("Hi", "answer", model="glm-5")
    panel.run()
    assert panel.run_button.disabled
    assert not panel.stop_button.disabled
    request = server.wait()
    until(lambda: "Once upon" in shown(panel.answer.widget))
    began = time.monotonic()
    panel.stop_button.click()
    wait(panel)
    assert time.monotonic() - began < 0.3
    assert request.closed.wait(2)
    answer = bench.shell.user_ns["answer"]
    assert (answer.text, answer.reasoning, answer.ended) == ("Once upon", "Hm.", "interrupted")
    assert "Once upon" in shown(panel.answer.widget)
    assert not panel.run_button.disabled


def test_two_panels_and_a_cell(bench: Bench, server: FaultServer) -> None:
    """While one panel waits for its answer, another one and the client get theirs."""
    server.script(stream(delta("slow"), HOLD), chat("quick"))
    slow, quick = bench.panel("1", model="glm-5"), bench.panel("2", model="glm-5")
    slow.run()
    server.wait()
    run(quick)
    assert "quick" in shown(quick.answer.widget)
    assert bench.client.ask("3", model="glm-5").text == "quick"
    assert slow.asked is not None
    slow.stop()
    wait(slow)
    assert "quick" not in shown(slow.answer.widget)


def test_reasoning_is_folded_and_stays_as_the_user_has_it(bench: Bench, server: FaultServer) -> None:
    """The accordion appears closed; opened by the user, it stays open through the next answer."""
    server.script(stream(reasoning("Think *hard*."), delta("4"), b"data: [DONE]\n\n"))
    panel = bench.panel("2+2", model="glm-5")
    run(panel)
    accordion = panel.answer.widget.children[1]
    assert "<em>hard</em>" in shown(accordion)
    assert accordion.selected_index is None
    accordion.selected_index = 0
    run(panel)
    assert accordion.selected_index == 0
    server.script(chat("no thoughts"))
    run(panel)
    assert shown(accordion) == ""


def test_an_error_is_one_line_and_no_answer(bench: Bench, server: FaultServer) -> None:
    """A refusal is shown with what to do, the variable holds no answer from before, and the panel goes on."""
    server.script(status(402, "no money"))
    panel = bench.panel("Hi", "answer", model="glm-5")
    run(panel)
    assert shown(panel.answer.widget).count("no money") == 1
    assert "wcode-bad" in shown(panel.answer.widget)
    assert bench.shell.user_ns["answer"].ended == "failed"
    server.script(chat("fine"))
    run(panel)
    assert "wcode-bad" not in shown(panel.answer.widget)


def test_no_key_in_any_widget(bench: Bench, server: FaultServer) -> None:
    """Not even when the server repeats it."""
    server.script(echo_key)
    panel = bench.panel("Hi", model="glm-5")
    panel.show()
    run(panel)
    assert server.requests[0].key == KEY
    published = str(bench.shell.display_pub.published)
    for part in (KEY, KEY[:16], KEY[-16:]):
        assert part not in everything(panel)
        assert part not in published


@pytest.mark.parametrize(
    "text",
    ["<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "[x](javascript:alert(1))", "<style>*{}</style>"],
)
def test_an_answer_cannot_run_anything(bench: Bench, server: FaultServer, text: str) -> None:
    """What a model writes is text, in the answer, in its reasoning and in an error."""
    server.script(stream(reasoning(text), delta(text), HOLD))
    panel = bench.panel(text, model=text)
    panel.show()
    panel.run()
    until(lambda: "alert" in shown(panel.answer.widget) or "*{}" in shown(panel.answer.widget))
    live = shown(panel.answer.widget)
    panel.stop()
    wait(panel)
    saved = bench.shell.display_pub.published[-1][0]["text/html"]
    for html in (live, shown(panel.answer.widget), panel.picker.facts, saved):
        assert "<img" not in html
        assert "<script" not in html
        assert 'href="javascript' not in html
        assert "<style>*" not in html


def test_the_session_moves_the_panel(bench: Bench) -> None:
    """`%wcode set` shows in the control with where it comes from, is sent, and is not written into the cell."""
    panel = bench.panel("Hi", model="glm-5")
    bench.client.session.set("temperature", 0.3)
    bench.client.session.set("model", "qwen3.6-plus")
    bench.shell.ran_a_cell()
    field = panel.parameters.fields["temperature"]
    assert [widget.value for widget in field.control.fields] == [0.3, 0.3]
    assert field.value is None
    assert "%wcode set" in shown(field.widget)
    assert panel.code.text == "%%wcode glm-5\nHi"
    assert panel.check.call is not None
    assert panel.check.call.request.parameters == {"temperature": 0.3}
    panel.picker.field.value = ""
    assert panel.check.call.request.model == "qwen3.6-plus"


def test_the_panel_moves_the_session(bench: Bench) -> None:
    """`Use as session defaults` gives the session what is set here; the request stays the same."""
    panel = bench.panel("Hi", model="glm-5", temperature=0.3, stop=["a\n"], system="Terse")
    before = panel.check.call
    panel.use_as_defaults()
    values = bench.client.session.values()
    assert {name: values[name].value for name in ("model", "temperature", "stop", "system")} == {
        "model": "glm-5", "temperature": 0.3, "stop": ["a\n"], "system": "Terse",
    }  # fmt: skip
    assert panel.code.text == "%%wcode\nHi"
    assert before is not None
    assert panel.check.call is not None
    assert panel.check.call.fingerprint == before.fingerprint


def test_what_the_panel_has_no_control_for_stays(bench: Bench) -> None:
    """Options of the line that opened it are kept in its cell."""
    from wcode_jupyter.panel.state import State

    panel = bench.panel()
    panel.state = State(
        prompt="x", values={"model": "glm-5", "max_cost": 1.0}, extra_body={"user": "me"}, own={"raw": True}
    )
    assert panel.code.text == """%%wcode glm-5 --max-cost 1 --raw --extra-body '{"user": "me"}'\nx"""


def test_what_has_no_control_survives_the_buttons(bench: Bench) -> None:
    """Unset all, a preset and the session's defaults change values that can be seen, and drop nothing else."""
    from wcode_jupyter.panel.state import State

    bench.presets.save("warm", {"temperature": 1.5})
    panel = bench.panel()
    rest = {"output": "a", "extra_body": {"user": "me"}, "own": {"raw": True}}
    panel.state = State(prompt="x", values={"model": "glm-5", "top_k": 3, "max_cost": 1.0}, **rest)
    panel.unset_all()
    assert panel.state == State(prompt="x", values={"model": "glm-5", "max_cost": 1.0}, **rest)
    panel.presets.menu.value = "warm"
    assert panel.state == State(prompt="x", values={"temperature": 1.5}, **rest)
    panel.use_as_defaults()
    assert panel.state == State(prompt="x", **rest)


def test_names_for_the_answer(bench: Bench) -> None:
    """A name that is none cannot be run; one that hides a builtin is warned of."""
    panel = bench.panel("", "1x", model="glm-5")
    fault = '<div class=\\"wcode-bad\\">-o 1x'
    assert fault not in everything(panel)  # nothing is asked yet
    panel.prompt.value = "Hi"
    assert panel.run_button.disabled
    assert fault in everything(panel)
    panel.into.value = "list"
    assert not panel.run_button.disabled
    assert "builtin" in everything(panel)


def test_presets(bench: Bench) -> None:
    """Saved from the panel, loaded into another one, deleted; what is wrong is said."""
    panel = bench.panel("Hi", model="glm-5", temperature=0.3, stop=["\n"])
    box = panel.presets
    box.name.value = "my preset"
    box.save()
    assert "letters, digits" in shown(box.widget)
    box.name.value = "mine"
    box.save()
    other = bench.panel("Other", top_k=3)
    other.presets.menu.value = "mine"
    assert other.state.values == {"model": "glm-5", "temperature": 0.3, "stop": ["\n"]}
    assert other.state.prompt == "Other"
    box.delete()
    assert bench.presets.names() == []
    box.delete()
    assert "Preset not found" in shown(box.widget)


def test_earlier_answers(bench: Bench, server: FaultServer) -> None:
    """Answers of the session, a cell's too, can be looked at again."""
    bench.client.ask("first request", model="glm-5")
    panel = bench.panel("second", model="glm-5")
    server.script(chat("later"))
    run(panel)
    labels = [label for label, _index in panel.earlier.options]
    assert labels[1:] == ["2. m: second", "1. m: first request"]
    panel.earlier.value = 0
    assert "<em>world</em>" in shown(panel.answer.widget)


def test_choosing_a_model(bench: Bench) -> None:
    """Words search, buttons filter by what a model can do, any id is allowed and its price unknown."""
    picker = bench.panel("Hi").picker
    assert len(picker.found) == 5  # the four of the pages, and local
    picker.field.value = "qwen"
    assert picker.found == ["qwen/qwen3-235b-a22b", "qwen3.6-plus"]
    assert "matches several models" in picker.facts
    picker.field.value = ""
    picker.filters["vision"].value = True
    assert picker.found == ["qwen3.6-plus"]
    picker.list.value = "qwen3.6-plus"
    assert picker.value == "qwen3.6-plus"
    for fact in ("1,024,000", "0.0021 → 0.0129", "256,000", "0.0085 → 0.05", "reasoning"):
        assert fact in picker.facts
    assert "No model" not in shown(picker.widget)
    picker.field.value = "some/model"
    assert "Not in the catalogue" in picker.facts
    assert "No model in the catalogue matches" in shown(picker.widget)
    assert picker.model().id == "some/model"


def test_the_cell_can_be_edited(bench: Bench) -> None:
    """What is written into the code box moves the panel; what cannot be read is said and changes nothing."""
    panel = bench.panel("Hi", model="glm-5", temperature=0.3)
    panel.code.box.value = "%%wcode qwen3.6-plus --top-p 0.5 -o x\nHello\nthere"
    assert panel.state.values == {"model": "qwen3.6-plus", "top_p": 0.5}
    assert (panel.prompt.value, panel.into.value, panel.picker.value) == ("Hello\nthere", "x", "qwen3.6-plus")
    for wrong in ("%%wcode --temprature 1\nHi", "print(1)", "%%wcode --repeat 2\nHi"):
        panel.code.box.value = wrong
        assert "wcode-bad" in shown(panel.code.widget)
        assert panel.state.values == {"model": "qwen3.6-plus", "top_p": 0.5}
    panel.code.box.value = "\n  %%wcode glm-5\nHi"  # as IPython reads a cell
    assert "wcode-bad" not in shown(panel.code.widget)
    assert panel.code.text == "%%wcode glm-5\nHi"


def test_a_refused_cell_stays_to_be_mended(bench: Bench) -> None:
    """What was typed, and why it is refused, stay while cells run, until the panel says something else."""
    panel = bench.panel("Hi", model="glm-5")
    panel.code.box.value = "%%wcode --temprature 1\nA long prompt"
    bench.shell.ran_a_cell()
    assert panel.code.text == "%%wcode --temprature 1\nA long prompt"
    assert "--temprature" in shown(panel.code.widget.children[-1])
    panel.prompt.value = "Hello"
    assert panel.code.text == "%%wcode glm-5\nHello"
    assert shown(panel.code.widget.children[-1]) == ""


def test_run_waits_for_the_code(bench: Bench, server: FaultServer) -> None:
    """While the code box holds what cannot be read, neither Run nor Insert uses the state that it does not show."""
    panel = bench.panel("old prompt", model="glm-5")
    panel.code.box.value = "%%wcode glm-5 --temprature 0.5\nnew prompt"
    assert panel.run_button.disabled
    assert "Run is disabled" in shown(panel.widget)
    panel.run()
    assert panel.asked is None
    bench.shell.ran_a_cell()
    assert panel.run_button.disabled
    panel.code.box.value = "%%wcode glm-5 --temperature 0.5\nnew prompt"
    assert not panel.run_button.disabled
    assert "Run is disabled" not in shown(panel.widget)
    run(panel)
    assert [request.json["messages"][0]["content"] for request in server.requests] == ["new prompt"]
    panel.code.box.value = "%%wcode glm-5 --temprature 1\nA"
    panel.code.form.value = "curl"  # shows the state again
    assert not panel.run_button.disabled


def test_a_variable_that_cannot_be_shown(bench: Bench) -> None:
    """What a variable raises is said, and the name of its type is only text."""
    odd = type("<img src=x>", (), {"__str__": lambda self: 1 / 0, "__repr__": lambda self: 1 / 0})
    bench.shell.user_ns["odd"] = odd()
    panel = bench.panel("Hi {{odd}}", model="glm-5")
    assert panel.run_button.disabled
    assert "ZeroDivisionError" in everything(panel)
    assert "<img" not in everything(panel)


def test_export(bench: Bench) -> None:
    """The state as a program, without the key."""
    panel = bench.panel("Hi", model="glm-5", temperature=0.3)
    panel.code.form.value = "curl"
    assert "curl" in panel.code.text
    assert '"temperature": 0.3' in panel.code.text or '"temperature":0.3' in panel.code.text
    assert KEY not in panel.code.text


def test_closed_in_mid_answer(bench: Bench, server: FaultServer) -> None:
    """The request ends, what arrived is in the variable, and no widget is left."""
    server.script(stream(delta("Once"), HOLD))
    before = set(_instances)
    panel = bench.panel("Hi", "answer", model="glm-5")
    panel.run()
    asked = panel.asked
    assert asked is not None
    request = server.wait()
    until(lambda: "Once" in shown(panel.answer.widget))
    panel.close()
    asked.thread.join(5)
    assert request.closed.wait(2)
    assert bench.shell.user_ns["answer"].text == "Once"
    assert set(_instances) <= before


def test_nothing_is_left_of_closed_panels(bench: Bench) -> None:
    """After 50 panels no widget, thread or callback is more than after the first."""
    panel = bench.panel("Hi", model="glm-5")
    run(panel)
    panel.close()
    before = (len(_instances), threading.active_count(), len(bench.shell.events.callbacks["post_run_cell"]))
    for _ in range(50):
        panel = bench.panel("Hi", model="glm-5")
        panel.show()
        panel.close()
        panel.close()
    assert (len(_instances), threading.active_count(), len(bench.shell.events.callbacks["post_run_cell"])) == before


def test_what_a_saved_notebook_keeps(bench: Bench) -> None:
    """The view, and a readable summary that follows the state: model, parameters, the cell, how the answer ended."""
    panel = bench.panel("<b>Hi</b>", model="glm-5", temperature=0.3)
    panel.show()
    (view, _first), (summary, update) = bench.shell.display_pub.published
    assert view["application/vnd.jupyter.widget-view+json"]["model_id"] == panel.widget.model_id
    assert view["text/plain"] == "wcode panel"
    assert not update
    assert "&lt;b&gt;Hi" in summary["text/html"]
    assert summary["text/plain"].splitlines()[:2] == ["wcode panel · z-ai/glm-5", "temperature = 0.3"]
    panel.prompt.value = "Hello"
    panel.flush()
    run(panel)
    summary, update = bench.shell.display_pub.published[-1]
    assert update
    assert summary["text/plain"].endswith("%%wcode glm-5 --temperature 0.3\nHello")
    assert "complete" in summary["text/plain"]


def until(condition: Any, timeout_s: float = 5) -> None:
    """Waits for what another thread shows."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
