"""What a cell makes of an answer: reasoning shown or hidden, code inserted, several choices, the formats."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.fault_server import DONE, FaultServer, chat, data, delta, finish, reasoning, stream, usage
from tests.kernels import Kernel
from wcode_jupyter.magics.insert_cell import code_of
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.request.parameters import EFFORTS
from wcode_jupyter.session import Session
from wcode_jupyter.wire import encode

pytestmark = pytest.mark.kernel

THOUGHT = stream(reasoning("Let me think about secrets."), delta("Four."), finish(), usage(), DONE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with Kernel(tmp_path_factory.mktemp("answers")) as kernel:
        kernel.run("%load_ext wcode_jupyter")
        yield kernel


@pytest.fixture
def server(shared: Kernel) -> Iterator[FaultServer]:
    with FaultServer(THOUGHT) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url} log=false")
        yield server


# -- reasoning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answers", [None, ()], ids=["headless", "watched"])
def test_reasoning_is_hidden_on_request_and_kept(
    shared: Kernel, server: FaultServer, answers: tuple[str, ...] | None
) -> None:
    """Nothing of it is published, at no moment; the reply has it. Without the option it is in a closed box."""
    done = shared.run("%%wcode --hide-reasoning -o answer\n2+2?", answers=answers)
    assert "secrets" not in json.dumps([message.content for message in done.messages])
    assert done.outputs[0]["data"]["text/plain"] == "Four."
    assert shared.run("print(answer.reasoning)").text == "Let me think about secrets.\n"
    shown = shared.run("%%wcode\n2+2?", answers=answers).outputs[0]["data"]["text/html"]
    assert "<details class=" in shown
    assert "secrets" in shown


@pytest.mark.parametrize("option", ["", "--hide-reasoning"])
def test_a_budget_that_went_to_thinking_is_said(shared: Kernel, server: FaultServer, option: str) -> None:
    """No text came: the reason stands where the answer would, and with it what the model thought."""
    server.script(stream(reasoning("Hm, hm."), finish("length"), usage(), DONE))
    done = shared.run(f"%%wcode {option} --max-tokens 20 -o answer\n2+2?")
    html = done.outputs[0]["data"]["text/html"]
    assert "reasoning used the whole token limit" in html
    assert "Hm, hm." in html
    assert shared.run("print(answer.ended, answer.budget_went_to_thinking)").text == "length True\n"


@pytest.mark.parametrize("effort", EFFORTS)
def test_every_effort_reaches_the_wire_in_both_forms(effort: str) -> None:
    """`reasoning: {effort}`; in the Anthropic form the share of max_tokens that the pages name, or disabled."""
    session = Session(overrides={"model": "z-ai/glm-5", "max_tokens": 20_000})
    assert encode(session.prepare("hi", {"reasoning": effort}).request)["reasoning"] == {"effort": effort}
    body = encode(session.prepare("hi", {"reasoning": effort, "protocol": "anthropic"}).request)
    share = {"xhigh": 19_000, "high": 16_000, "medium": 10_000, "low": 4_000, "minimal": 2_000}
    expected = {"type": "enabled", "budget_tokens": share[effort]} if effort != "none" else {"type": "disabled"}
    assert body["thinking"] == expected


def test_reasoning_on_the_model_that_does_not_list_it_is_sent_with_a_warning() -> None:
    """Only qwen3.6-plus leaves it out; its own example answer reasons."""
    session = Session()
    call = session.prepare("hi", {"model": "qwen3.6-plus", "reasoning": "high"})
    assert any("reasoning" in warning and "qwen3.6-plus" in warning for warning in call.warnings)
    assert encode(call.request)["reasoning"] == {"effort": "high"}
    assert session.prepare("hi", {"model": "glm-5", "reasoning": "high"}).warnings == ()


# -- code -------------------------------------------------------------------------------------------------------------


def test_inserted_code_is_a_new_cell_that_nobody_ran(shared: Kernel, server: FaultServer) -> None:
    """The frontend is asked for one new cell; the code is on the reply for those who have none."""
    server.script(chat("Try\n```python\nran = True\n```\nor\n```python\nprint(ran)\n```\n"))
    cell = shared.start("%%wcode --format code --insert -o answer\ncode?", answers=())
    done = cell.finish()
    assert done.reply is not None
    inserted = [payload for payload in done.reply["payload"] if payload["source"] == "set_next_input"]
    assert [(payload["text"], payload["replace"]) for payload in inserted] == [("ran = True\n\nprint(ran)", False)]
    assert shared.run("print('ran' in globals(), len(answer.code))").text == "False 2\n"


def test_an_answer_without_code_inserts_nothing(shared: Kernel, server: FaultServer) -> None:
    """And says so."""
    done = shared.run("%%wcode --insert\ncode?")
    assert done.reply is not None
    assert done.reply["payload"] == []
    assert "no code block to insert" in done.text


def test_python_comes_first() -> None:
    """Blocks in other languages are inserted only where there is no Python."""
    both = "```bash\nls\n```\n```py\nx = 1\n```"
    assert code_of(Reply(choices=(Choice(text=both),))) == "x = 1"
    assert code_of(Reply(choices=(Choice(text="```bash\nls\n```"),))) == "ls"
    assert code_of(Reply(choices=(Choice(text="none"),))) == ""


@pytest.mark.parametrize("option", ["--image rows", "--insert", "--resize 100", "--allow-outside"])
def test_options_of_one_answer_are_refused_for_many(shared: Kernel, server: FaultServer, option: str) -> None:
    """Nothing is dropped in silence: an image of its own for each row goes in as `{{column}}`."""
    shared.run("rows = [{'a': 1}]")
    done = shared.run(f"%%wcode --each rows {option}\n{{{{a}}}}")
    assert done.error == "OptionError"
    assert option.split()[0] in done.outputs[-1]["traceback"][0]
    assert server.requests == []


# -- several answers, formats -----------------------------------------------------------------------------------------


def test_several_choices_are_all_shown_and_kept(shared: Kernel, server: FaultServer) -> None:
    """`n` = 2, streamed interleaved: both texts are whole, in the output and on the reply."""

    def piece(index: int, text: str) -> bytes:
        return data({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": None}]})

    ends = [data({"choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]}) for index in (0, 1)]
    server.script(stream(piece(1, "two-"), piece(0, "one-"), piece(1, "B"), piece(0, "A"), *ends, DONE))
    done = shared.run("%%wcode --extra-body '{\"n\": 2}' -o answer\nhi", answers=())
    assert server.requests[0].json["n"] == 2
    assert shared.run("print([choice.text for choice in answer.choices])").text == "['one-A', 'two-B']\n"
    html = done.outputs[0]["data"]["text/html"]
    for words in ("Answer 1 of 2", "one-A", "Answer 2 of 2", "two-B"):
        assert words in html
    assert done.outputs[0]["data"]["text/plain"] == "one-A\n\ntwo-B"


@pytest.mark.parametrize(
    ("format", "text", "expected", "absent"),
    [
        ("json", '{"a": [1, 2]}', '<b>"a"</b>', ""),
        ("code", "Prose\n```python\nx = 1\n```", "<pre><code>", "Prose"),
        ("latex", r"\frac{a}{b}", r"\frac{a}{b}", ""),
        ("text", "**not bold**", "**not bold**", "<strong>"),
    ],
)
def test_formats(shared: Kernel, server: FaultServer, format: str, text: str, expected: str, absent: str) -> None:
    """Each shows the answer in its way; the plain text beside it is the answer itself."""
    server.script(chat(text))
    shown = shared.run(f"%%wcode -q --format {format}\nhi", answers=()).outputs[0]["data"]
    html = shown["text/html"].partition("</style>")[2]
    assert expected in html
    assert not absent or absent not in html
    assert shown["text/plain"] == text
