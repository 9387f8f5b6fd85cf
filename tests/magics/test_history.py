"""`%wcode history` and `%wcode usage` in a real kernel, over calls that its own cells made."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault_server import FaultServer, Received, Script, chat, status
from tests.kernels import Kernel

pytestmark = pytest.mark.kernel


def answer(request: Received) -> Script:
    """Fails for the model `broken`, else repeats the prompt."""
    if request.json["model"] == "broken":
        return status(400, "no")
    return chat(f"You said: {request.json['messages'][0]['content']}")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel whose user has asked five questions, one of them replayed and one refused."""
    with FaultServer(answer) as server, Kernel(tmp_path_factory.mktemp("history")) as kernel:
        for line in (
            "%load_ext wcode_jupyter",
            f"%wcode set base_url={server.base_url}",
            "%wcode ask -m z-ai/glm-5 Why is the sky blue?",
            "%wcode ask -m z-ai/glm-5 天空为何是蓝色的",
            "%wcode ask -m step --replay record Show me a table",
            "%wcode ask -m step --replay replay Show me a table",
            "%wcode ask -m broken hm",
            "%wcode ask -m step --no-log never seen",
            "%wcode ask -m step --no-log-content only figures",
        ):
            kernel.run(line)
        yield kernel


def rows(kernel: Kernel, line: str) -> list[str]:
    """The prompts that a search found, newest first."""
    kernel.run(f"%wcode history -o found {line}")
    return kernel.run("print(*found.prompt, sep='|')").text.removesuffix("\n").split("|")


def test_history_lists_every_call_newest_first(logged: Kernel) -> None:
    """Live, replayed and failed ones; what the log was told to leave out is not there."""
    assert rows(logged, "") == [
        "",
        "hm",
        "Show me a table",
        "Show me a table",
        "天空为何是蓝色的",
        "Why is the sky blue?",
    ]
    text = logged.run("%wcode history").text
    assert "BadRequest" not in text
    assert "never seen" not in text
    assert "only figures" not in text


def test_history_finds_words_models_and_days(logged: Kernel) -> None:
    """Every word must be there, in any case; Chinese words of one or two characters too."""
    assert rows(logged, "SKY blue") == ["Why is the sky blue?"]
    assert rows(logged, "蓝色") == ["天空为何是蓝色的"]
    assert rows(logged, "-m glm") == ["天空为何是蓝色的", "Why is the sky blue?"]
    assert rows(logged, "--limit 1 sky") == ["Why is the sky blue?"]
    tomorrow = datetime.date.today() + datetime.timedelta(days=1)
    assert "Nothing found." in logged.run(f"%wcode history --since {tomorrow}").text
    assert rows(logged, f"--since {tomorrow - datetime.timedelta(days=2)} blue") == ["Why is the sky blue?"]
    assert rows(logged, "-- show table") == ["Show me a table", "Show me a table"]


def test_show_brings_the_reply_back(logged: Kernel) -> None:
    """The answer is shown as its cell showed it, and `-o` holds the Reply with its request."""
    logged.run("%wcode history sky -o found")
    call = logged.run("print(found.id[0])").text.strip()
    done = logged.run(f"%wcode history show {call} -o reply")
    assert done.outputs[0]["data"]["text/plain"] == "You said: Why is the sky blue?"
    assert logged.run("print(reply.request.messages[0].text, reply.cost)").text == "Why is the sky blue? 0.000309\n"


def test_usage_by_model_and_day(logged: Kernel) -> None:
    """Live calls with tokens and RMB; replays are counted apart."""
    logged.run("%wcode usage -o by_model")
    assert logged.run("print(by_model[['model', 'calls', 'replayed', 'failures']].values.tolist())").text == (
        "[['broken', 1, 0, 1], ['stepfun/step-3.5-flash', 2, 1, 0], ['z-ai/glm-5', 2, 0, 0]]\n"
    )
    assert logged.run("print(by_model.input_tokens.tolist(), by_model.cost_cny.tolist()[2])").text == (
        "[0, 18, 18] 0.000618\n"
    )
    text = logged.run("%wcode usage --by day").text
    assert str(datetime.date.today()) in text
    assert (
        "Total: 5 calls, 36 input and 24 output tokens, ¥0.0006816. Replays cost nothing. Calls with unknown price: 1."
    ) in text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("history --since yesterday", "expected a date or time"),
        ("history --limit many", "expected a number"),
        ("history --limit 99999999999999999999", "expected a number"),
        ("history show", "needs one call id"),
        ("history show one", "expected a number"),
        ("history show 999", "Call 999 is not in the log"),
        ("history forget", "Choose what to delete"),
        ("history forget 1 --all", "Choose what to delete"),
        ("history forget --before soon", "expected a date or time"),
        ("history --before 2026-01-01", "Unknown option --before"),
        ("usage day", "Unexpected word day. Use --by model, --by day or --by both."),
        ("usage --by week", "expected model, day or both"),
        ("usage --by day -o for", "not a variable name"),
    ],
)
def test_a_bad_line_is_one_line(logged: Kernel, line: str, words: str) -> None:
    """What is wrong is said, and nothing is forgotten."""
    done = logged.run(f"%wcode {line}")
    assert done.status == "error"
    assert len(done.outputs[-1]["traceback"]) == 1
    assert words in done.text
    assert len(rows(logged, "")) == 6


def test_a_log_that_cannot_be_written_costs_no_answer(tmp_path: Path) -> None:
    """The cell ends well, with a warning; `%wcode history` says why there is none."""
    (tmp_path / "data").write_text("a file where the folder should be")
    with (
        FaultServer(answer) as server,
        Kernel(tmp_path, {"XDG_DATA_HOME": str(tmp_path / "data")}) as kernel,
    ):
        kernel.run(f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url} model=m")
        done = kernel.run("%wcode ask -o reply hi")
        assert done.status == "ok"
        assert "The log of calls" in done.text
        assert kernel.run("print(reply)").text == "You said: hi\n"
        assert kernel.run("%wcode history").error == "LogError"


def test_the_days_to_keep_and_the_key_in_use(tmp_path: Path) -> None:
    """`%wcode set log_days` holds from then on, for calls that are logged already too; the session's key is masked."""
    key = "sk-history-0123456789abcdef"
    with FaultServer(answer) as server, Kernel(tmp_path) as kernel:
        kernel.run(f"%load_ext wcode_jupyter\nfrom wcode_jupyter import Client, store\nurl = {server.base_url!r}")
        kernel.run(f"%wcode set base_url={server.base_url} model=m\n%wcode ask now")
        kernel.run("import datetime as d\nlog = store.Log()\nold = log.get(1)")
        kernel.run("log.add(old, at=d.datetime.now(d.UTC) - d.timedelta(days=3)); log.close()")
        assert rows(kernel, "") == ["now", "now"]
        kernel.run("%wcode set log_days=2")
        assert rows(kernel, "") == ["now"]
        kernel.run(f"with Client(url, {key!r}, model='m') as client:\n    client.ask('it is {key}')")
        assert rows(kernel, "it") == ["it is •••"]


def test_forget(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One call, those before a day, or all."""
    with FaultServer(answer) as server, Kernel(tmp_path_factory.mktemp("forget")) as kernel:
        kernel.run(f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url} model=m")
        for text in ("one", "two", "three"):
            kernel.run(f"%wcode ask {text}")
        assert kernel.run("%wcode history forget 2").text == "Deleted 1 calls.\n"
        assert rows(kernel, "") == ["three", "one"]
        assert kernel.run("%wcode history forget --before 2020-01-01").text == "Deleted 0 calls.\n"
        assert kernel.run("%wcode history forget --all").text == "Deleted 2 calls.\n"
        assert "Nothing found." in kernel.run("%wcode history").text
