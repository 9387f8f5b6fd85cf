"""`%%wcode` in a real kernel against a server that misbehaves on demand, as a notebook would use it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fault_server import (
    HOLD,
    FaultServer,
    body,
    chat,
    data,
    delta,
    echo_key,
    finish,
    html,
    raw,
    reasoning,
    status,
    stream,
    usage,
    whole,
)
from tests.kernels import Execution, Kernel

pytestmark = pytest.mark.kernel

KEY = "sk-secret-0123456789abcdef"


def only_output(done: Execution) -> dict[str, Any]:
    """The one output of a cell; fails when there are more or none."""
    assert [output["output_type"] for output in done.outputs] == ["display_data"]
    output: dict[str, Any] = done.outputs[0]
    return output


def test_an_answer_is_shown_as_one_output_and_bound(shared: Kernel, server: FaultServer) -> None:
    """The cell ends with one output, whose source is the answer, and `-o` holds the Reply."""
    server.script(stream(delta("Hel"), delta("**lo**"), finish(), usage(9, 6)))
    done = shared.run("%%wcode -o answer\nhi", answers=())
    output = only_output(done)
    assert output["data"]["text/plain"] == "Hel**lo**"
    assert "<strong>lo</strong>" in output["data"]["text/html"]
    assert output["metadata"]["wcode"]["usage"]["output_tokens"] == 6
    assert shared.run("print(answer, answer.ended, answer.usage.input_tokens)").text == "Hel**lo** complete 9\n"


def test_only_what_was_set_reaches_the_wire(shared: Kernel, server: FaultServer) -> None:
    """The body holds the options of the line, the text as typed, and the two streaming fields."""
    shared.run('%%wcode --temperature 0.2 --stop END --extra-body \'{"user": "me"}\'\n{"a": {x}} $HOME %s\n')
    assert server.wait().json == {
        "model": "m",
        "messages": [{"role": "user", "content": '{"a": {x}} $HOME %s'}],
        "temperature": 0.2,
        "stop": ["END"],
        "user": "me",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_references_come_from_the_notebook(shared: Kernel, server: FaultServer) -> None:
    """`{{name}}` inserts a variable once; braces inside its value are left alone; `--raw` leaves all."""
    shared.run("inner = 'never'\nname = '{{inner}} {x}'")
    shared.run("%%wcode\nsay {{name}}")
    shared.run("%%wcode --raw\nsay {{name}}")
    texts = [server.wait(n).json["messages"][0]["content"] for n in (1, 2)]
    assert texts == ["say {{inner}} {x}", "say {{name}}"]


def test_an_undefined_reference_stops_the_cell_before_anything_is_sent(shared: Kernel, server: FaultServer) -> None:
    """The error proposes the variable that was meant."""
    shared.run("question = 1")
    done = shared.run("%%wcode\n{{qestion}}")
    assert done.error == "UndefinedReference"
    assert "question" in done.text
    assert server.requests == []


def test_a_dry_run_sends_nothing(shared: Kernel, server: FaultServer) -> None:
    """The exact body, its fingerprint, the endpoint and an estimate are shown."""
    text = shared.run("%%wcode glm-5 --dry-run --max-tokens 500\nhi").text
    shown, facts = text.split("\n\n", 1)
    assert json.loads(shown)["max_tokens"] == 500
    for word in ("fingerprint", f"{server.base_url}/chat/completions", "¥0.017500"):
        assert word in facts
    assert server.requests == []


def test_text_appears_before_the_answer_is_finished(shared: Kernel, server: FaultServer) -> None:
    """A reader sees the first words while the server still holds the rest."""
    server.script(stream(delta("First words. "), HOLD))
    cell = shared.start("%%wcode\nhi", answers=())
    cell.wait_for(lambda message: "First words" in json.dumps(message.content))
    shared.interrupt()
    cell.finish()


def test_interrupt_keeps_the_text_closes_the_connection_and_the_next_cell_works(
    shared: Kernel, server: FaultServer
) -> None:
    """The stop button on a silent stream: one line, within 0.3 s and a margin for a loaded machine."""
    server.script(stream(delta("Begun"), HOLD), chat("next"))
    cell = shared.start("%%wcode -o part\nhi", answers=())
    cell.wait_for(lambda message: "Begun" in json.dumps(message.content))
    shared.interrupt()
    assert server.requests[0].closed.wait(1)
    done = cell.finish()
    assert done.error == "AnswerInterrupted"
    assert len(done.outputs[-1]["traceback"]) == 1
    assert shared.run("print(part.text, part.ended)").text == "Begun interrupted\n"
    assert shared.run("%%wcode\nhi").status == "ok"


def test_headless_and_captured_cells_have_exactly_one_display(shared: Kernel, server: FaultServer) -> None:
    """Runners that ignore updates save the same final output."""
    server.script(stream(reasoning("hm"), *[delta(f"word{n} ") for n in range(50)], finish()))
    headless = shared.run("%%wcode\nhi")
    assert [message.type for message in headless.messages if message.type not in ("status", "execute_input")] == [
        "display_data"
    ]
    captured = shared.run("%%capture seen\n%%wcode\nhi", answers=())
    assert captured.outputs == []
    assert shared.run("print(len(seen.outputs), seen.outputs[0].data['text/plain'][:5])").text == "1 word0\n"


def test_live_and_headless_runs_save_the_same_data(shared: Kernel, server: FaultServer) -> None:
    """What JupyterLab saves and what nbclient saves differ in figures of time only."""
    server.script(stream(reasoning("hm"), delta("# T\n\n* a\n* b\n\ntext"), finish()))
    live = only_output(shared.run("%%wcode -q\nhi", answers=()))["data"]
    headless = only_output(shared.run("%%wcode -q\nhi"))["data"]
    assert live == headless


BAD_SERVERS = [
    (status(401, "bad key", code="invalid_api_key"), "KeyRejected", "bad key"),
    (status(402, "余额不足"), "PaymentRequired", "余额不足"),
    (status(429, "account in arrears", code="1113"), "PaymentRequired", "arrears"),
    (status(404, "no such model"), "NotFound", "no such model"),
    (status(400, "bad parameter"), "BadRequest", "bad parameter"),
    (html("Sign in"), "NotTheApi", "Sign in"),
    (body(b'{"error": {"message": "quota", "code": 402}}'), "PaymentRequired", "quota"),
    (
        stream(data({"error": {"code": 502, "message": "Provider disconnected"}})),
        "ServerFault",
        "Provider disconnected",
    ),
    (stream(delta("half"), data({"error": {"code": 502, "message": "gone"}})), "ServerFault", "gone"),
    (raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: " + b"[" * 100_000 + b"\n\n"), "Answer", ""),
]


@pytest.mark.parametrize(("script", "error", "words"), BAD_SERVERS)
def test_a_server_that_refuses_fails_the_cell_with_one_line(
    shared: Kernel, server: FaultServer, script: Any, error: str, words: str
) -> None:
    """The cell's status is error, the traceback is one line, and it carries the server's own words."""
    server.script(script)
    done = shared.run("%%wcode\nhi")
    assert done.status == "error"
    assert done.error is not None
    assert done.error.startswith(error)
    assert len(done.outputs[-1]["traceback"]) == 1
    assert words in done.outputs[-1]["traceback"][0]
    assert "\n" not in done.outputs[-1]["traceback"][0]


def test_a_cut_answer_is_kept_and_fails_the_cell(shared: Kernel, server: FaultServer) -> None:
    """The connection ends in the middle of a character: what arrived is bound and marked."""
    broken = data({"choices": [{"index": 0, "delta": {"content": "好"}}]})[:-8]
    server.script(stream(delta("kept "), broken))
    done = shared.run("%%wcode -o part\nhi")
    assert done.error == "AnswerCut"
    assert shared.run("print(part.text, part.ended)").text == "kept  cut\n"


def test_a_whole_json_answer_instead_of_a_stream_is_read(shared: Kernel, server: FaultServer) -> None:
    """Some gateways ignore `stream`."""
    server.script(whole("All at once"))
    assert only_output(shared.run("%%wcode\nhi"))["data"]["text/plain"] == "All at once"


def test_a_retry_before_the_first_word_is_said(shared: Kernel, server: FaultServer) -> None:
    """503, then an answer: the cell succeeds and the reply tells of the retry."""
    server.script(status(503, "busy"), chat("there"))
    assert shared.run("%%wcode -o answer\nhi").status == "ok"
    assert "retrying" in shared.run("print(answer.notices)").text
    assert len(server.requests) == 2


def test_the_key_is_in_nothing_that_the_kernel_publishes(shared: Kernel, server: FaultServer) -> None:
    """Typed hidden, echoed by the server: not in errors, verbose tracebacks, displays, settings or variables."""
    origin = server.base_url.removesuffix("/v1")
    shared.run(f"%wcode key set {origin}", answers=[KEY])
    server.script(echo_key)
    seen = [
        shared.run("%%wcode -o answer\nhi", answers=()),
        shared.run("%xmode Verbose"),
        shared.run("%%wcode -o answer\nhi"),
        shared.run("import sys, traceback\nprint(''.join(traceback.TracebackException.from_exception(\n"
                   "    sys.last_value, capture_locals=True).format()))"),
        shared.run("print(answer.to_dict(), repr(answer))"),
        shared.run("%xmode Context"),
        shared.run("%wcode settings"),
        shared.run("%wcode key status"),
        shared.run("%wcode doctor"),
    ]  # fmt: skip
    shared.run(f"%wcode key forget {origin}")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    published = json.dumps([message.content for done in seen for message in done.messages])
    assert "KeyRejected" in published
    assert KEY not in published


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("%%wcode --nope 1\nhi", "OptionError"),
        ("%%wcode --temperature 3\nhi", "ParameterError"),
        ("%%wcode --temperature NaN\nhi", "ParameterError"),
        ("%%wcode --seed true\nhi", "ParameterError"),
        ("%%wcode --top-logprobs 3\nhi", "ParameterError"),
        ("%%wcode glm-5 --max-tokens 200001\nhi", "ParameterError"),
        ("%%wcode\n  \n", "InputError"),
        ("%wcode nope", "OptionError"),
        ("%wcode set temperature=9", "ParameterError"),
        ("%wcode set nope=1", "ParameterError"),
        ("%wcode set seed=1 seed=2", "OptionError"),
        ("%wcode unset temperature", "OptionError"),
        ("%wcode last one", "OptionError"),
        ("%wcode settings --all", "OptionError"),
        ("%wcode params glm-5 step", "OptionError"),
        ("%wcode models --vision", "OptionError"),
        ("%wcode key set --keyrin", "OptionError"),
        ("%wcode key status https://a.example/v1 b", "OptionError"),
        ("%wcode local stop now", "OptionError"),
        ("%wcode key nope", "OptionError"),
        ("%wcode local nope", "OptionError"),
        ("%wcode local start no-such-file.gguf", "LocalModelError"),
    ],
)
def test_bad_input_is_one_line_and_sends_nothing(shared: Kernel, server: FaultServer, code: str, error: str) -> None:
    """Each mistake is caught before anything leaves the machine."""
    done = shared.run(code)
    assert done.error == error
    assert len(done.outputs[-1]["traceback"]) == 1
    assert server.requests == []


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("%%wcode glm-5", "The prompt goes below the %%wcode line"),
        ("%%wcode glm-5 What is it?", "%wcode ask -m MODEL TEXT"),
        ("%wcode glm-5 What is the capital of France?", "%wcode ask -m glm-5 What is the capital of France?"),
        ("%wcode glm-5 hello there", "Did you mean %wcode ask -m glm-5 hello there?"),
        ("%wcode tell me a joke", "%wcode ask tell me a joke"),
        ("%wcode modls?", "Did you mean models?"),
        ("# a question\n%%wcode glm-5\nWhat isn't it?", "%%wcode is not the first line"),
        ("for x in range(3):\n    pass\n%%wcode glm-5\nHi", "%%wcode is not the first line"),
        ("%matplotlib inline\n%%wcode glm-5 --seed 1\nHi", "%%wcode is not the first line"),
    ],
)
def test_the_commonest_slips(shared: Kernel, server: FaultServer, code: str, says: str) -> None:
    """The advice names what was meant, and nothing is sent."""
    done = shared.run(code)
    assert done.error in ("OptionError", "InputError")
    assert says in done.text
    assert server.requests == []


def test_what_is_no_slip(shared: Kernel) -> None:
    """A cell magic around the cell, the name in a string, and help are read as before."""
    assert shared.run("%%capture\n%%wcode glm-5 --dry-run\nHi").status == "ok"
    assert shared.run('text = """\n%%wcode glm-5\n%wcode what?\n"""\nprint(len(text))').text.strip() == "28"
    assert shared.run("%%wcode -h").status == "ok"


def test_a_variable_between_single_braces(shared: Kernel) -> None:
    """One notice; not for LaTeX's arguments, nor for what is no value."""
    shared.run("city, n, f = 'Paris', 2, len")
    code = "%%wcode glm-5 --dry-run\nWhat is {city}? {city} {n} {f} {nothing} $\\frac{n}{n} x^{n} x_{n}$ {{city}}"
    text = shared.run(code).text
    assert text.count("was sent unchanged") == 1
    assert "{city}, {n} was sent unchanged" in text


def test_unset_takes_all_back_or_nothing(shared: Kernel) -> None:
    """A name that is not set leaves the others as they were; a name set twice is no mistake."""
    shared.run("%wcode set temperature=0.5 seed=1")
    done = shared.run("%wcode unset temperature top_p")
    assert done.error == "OptionError"
    assert "top_p is not set" in done.text
    assert "temperature" in shared.run("%wcode settings").text
    assert shared.run("%wcode unset temperature seed seed").status == "ok"
    assert "temperature" not in shared.run("%wcode settings").text


def test_models_that_match_nothing_are_said_so(shared: Kernel) -> None:
    """No empty table without a word."""
    assert "No model here matches zzz." in shared.run("%wcode models zzz").text
    assert "No model" not in shared.run("%wcode models glm").text


def test_an_answer_that_ended_before_its_first_word_is_not_silent(shared: Kernel, server: FaultServer) -> None:
    """A token budget that hidden reasoning used up: the cell shows why there is no text."""
    server.script(stream(finish("length"), usage(9, 6)))
    done = shared.run("%%wcode -o answer\nhi", answers=())
    assert only_output(done)["data"]["text/plain"] == "— stopped at the token limit —"


def test_an_interrupt_before_there_is_an_answer_is_one_line(shared: Kernel) -> None:
    """The stop button while a command works: no wall of traceback."""
    table = "wcode_jupyter.magics.commands.models.Table"
    code = f"from unittest.mock import patch\nwith patch({table!r}, side_effect=KeyboardInterrupt):\n    %wcode models"
    done = shared.run(code)
    assert (done.error, done.text) == ("AnswerInterrupted", "AnswerInterrupted: Interrupted")


def test_json_mode_without_the_word_json_is_sent_with_a_warning(shared: Kernel, server: FaultServer) -> None:
    """Many servers refuse it, some do not: the user is told."""
    done = shared.run("%%wcode --response-format json_object -o answer\nhi")
    assert done.status == "ok"
    assert "JSON" in shared.run("print(answer.notices)").text


def test_without_a_key_the_gateway_is_not_asked(shared: Kernel) -> None:
    """The error says where keys come from."""
    done = shared.run("%%wcode glm-5\nhi")
    assert done.error == "KeyMissing"
    assert "https://wcode.net/get-apikey" in done.text


def test_completion_offers_options_models_commands_and_names(shared: Kernel) -> None:
    """Tab completes as the tables say, dots and slashes included."""
    assert "--temperature" in shared.complete("%%wcode glm-5 --temp")
    assert "z-ai/glm-5" in shared.complete("%%wcode -m z")
    assert shared.complete("%%wcode --reasoning xh") == ["xhigh"]
    assert "doctor" in shared.complete("%wcode doc")
    assert "temperature=" in shared.complete("%wcode set temp")
    shared.run("a_long_name = 1")
    assert "a_long_name" in shared.complete("%%wcode\nsay {{a_lo")
    assert shared.complete("%%wcode --schema a_long") == ["a_long_name"]
    assert shared.complete("%%wcode --image=a_long") == ["a_long_name"]
    assert "z-ai/glm-5" not in shared.complete("%%wcode --system ")
    assert "z-ai/glm-5" in shared.complete("%%wcode --quiet z")


def test_completion_begins_with_what_is_used_most(shared: Kernel) -> None:
    """Popular options first, efforts from high to low, and where a number is due, its default and its ends."""
    assert shared.complete("%%wcode --")[:4] == ["--model", "--output", "--temperature", "--max-tokens"]
    assert len(set(shared.complete("%%wcode --"))) == len(shared.complete("%%wcode --")) > 60
    assert shared.complete("%%wcode --reasoning ")[:3] == ["xhigh", "high", "medium"]
    assert shared.complete("%%wcode --temperature ") == ["1.0", "0", "2"]
    assert shared.complete("%%wcode --top-p=")[0] == "1.0"


def test_help_is_generated_from_the_table(shared: Kernel) -> None:
    """`%%wcode -h` and `%wcode help` show every option with its range."""
    text = shared.run("%wcode help").text
    assert shared.run("%wcode explain --help").text == shared.run("%wcode ask -h").text == text
    for words in ("--repetition-penalty", "0…2", "-o, --output NAME", "%wcode doctor", "WCODE_"):
        assert words in text


def test_a_question_in_one_line_keeps_its_question_mark(shared: Kernel, server: FaultServer) -> None:
    """IPython would take a line that ends with `?` for a request for help."""
    shared.run("%wcode ask --seed 1 What's up?")
    assert server.wait().json["messages"][0]["content"] == "What's up?"


def test_a_question_in_one_line_may_begin_with_a_dash(shared: Kernel, server: FaultServer) -> None:
    """`--` ends the options."""
    shared.run("%wcode ask --seed 1 -- -1 or 1?")
    assert server.wait().json["messages"][0]["content"] == "-1 or 1?"


def test_config_sets_defaults_and_refuses_bad_ones(shared: Kernel, server: FaultServer) -> None:
    """`%config Wcode.<name>` works before and after the first use, for settings and parameters."""
    shared.run("%config Wcode.temperature = 0.5")
    shared.run("%%wcode\nhi")
    assert server.wait().json["temperature"] == 0.5
    assert "0…2" in shared.run("%config Wcode.temperature = 7").text
    assert shared.run("%config Wcode.temperature = None").text == ""


def test_unloading_takes_everything_back(kernel: Kernel) -> None:
    """The magic, its completion and its threads are gone."""
    kernel.run("%load_ext wcode_jupyter")
    kernel.run("%wcode settings")
    kernel.run("%unload_ext wcode_jupyter")
    assert kernel.run("%wcode settings").status == "error"
    assert (
        kernel.run("import threading\nprint([t.name for t in threading.enumerate() if 'wcode' in t.name])").text
        == "[]\n"
    )


def test_a_server_that_does_not_know_the_model(shared: Kernel, server: FaultServer) -> None:
    """The error names the id that was sent and a known one like it."""
    server.script(status(404, "no such model"))
    done = shared.run("%%wcode glm-6\nhi")
    assert done.text.endswith("The model id sent was glm-6. Did you mean z-ai/glm-5?")
    assert "The model id sent was acme/x. Check it" in shared.run("%%wcode acme/x\nhi").text


def test_an_id_like_a_known_one_is_asked_about(shared: Kernel, server: FaultServer) -> None:
    """Nothing is sent before the answer; headless it is an error."""
    done = shared.run("%%wcode zhipu/glm-5\nhi")
    assert (done.error, server.requests) == ("ModelUnclear", [])
    shared.run("import builtins; _input, asked = builtins.input, []")
    for reply, sent in (("", "z-ai/glm-5"), ("n", "zhipu/glm-5")):
        shared.run(
            f"builtins.input = lambda text: asked.append(text) or {reply!r}\n"
            "get_ipython().kernel._allow_stdin = True\n"
            "get_ipython().run_cell_magic('wcode', 'zhipu/glm-5', 'hi')"
        )
        assert server.requests[-1].json["model"] == sent
    assert shared.run("builtins.input = _input; print(len(asked), asked[0])").text.strip() == (
        "2 zhipu/glm-5 is not a known model id. Use z-ai/glm-5 instead? [Y/n]"
    )
