"""What somebody sees while many answers arrive: columns, bar and table; and that one output stays."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.fault_server import HOLD, FaultServer, Received, Script, chat, delta, finish, status, stream, usage
from tests.kernels import Kernel, Message

from .strict_server import StrictServer

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension for all tests of this module."""
    with Kernel(tmp_path_factory.mktemp("live")) as kernel:
        assert kernel.run("%load_ext wcode_jupyter").status == "ok"
        assert kernel.run("rows = [{'word': f'w{n}'} for n in range(6)]").status == "ok"
        yield kernel


def html_of(message: Message) -> str:
    return str(message.content.get("data", {}).get("text/html", ""))


def test_columns_stream_side_by_side(shared: Kernel) -> None:
    """Both answers are seen growing in one table before either is through; then one output takes its place."""
    gates = {"alpha": threading.Event(), "beta": threading.Event()}

    def answer(request: object) -> object:
        model = request.json["model"]  # type: ignore[attr-defined]
        return stream(delta(f"begin **{model}**"), gates[model], delta(f" end of {model}"), finish(), usage())

    with FaultServer(answer) as server:  # type: ignore[arg-type]
        shared.run(f"%wcode set base_url={server.base_url}")
        cell = shared.start("%%wcode -m alpha -m beta -o both\nhi", answers=())
        cell.wait_for(
            lambda message: "<strong>alpha</strong>" in html_of(message) and "<strong>beta</strong>" in html_of(message)
        )
        gates["beta"].set()
        cell.wait_for(lambda message: "end of beta" in html_of(message) and "end of alpha" not in html_of(message))
        gates["alpha"].set()
        done = cell.finish()
    assert [output["output_type"] for output in done.outputs] == ["display_data"]
    assert "end of alpha" in done.outputs[0]["data"]["text/plain"]


def test_stop_keeps_both_columns(shared: Kernel) -> None:
    """The stop button ends all of them at once; what had arrived is shown and bound."""
    with FaultServer(stream(delta("half of it"), HOLD)) as server:
        shared.run(f"%wcode set base_url={server.base_url}")
        cell = shared.start("%%wcode -m alpha -m beta -o both\nhi", answers=())
        cell.wait_for(lambda message: html_of(message).count("half of it") == 2)
        shared.interrupt()
        done = cell.finish(5)
        assert all(request.closed.wait(2) for request in server.requests)
    assert done.error == "AnswerInterrupted"
    assert shared.run("print([(reply.text, reply.ended) for reply in both])").text == (
        "[('half of it', 'interrupted'), ('half of it', 'interrupted')]\n"
    )


def test_one_column_fails_and_the_other_stands(shared: Kernel) -> None:
    """An unknown model costs its own column."""

    def answer(request: Received) -> Script:
        return status(404) if request.json["model"] == "beta" else chat("hi")

    with FaultServer(answer) as server:
        shared.run(f"%wcode set base_url={server.base_url}")
        done = shared.run("%%wcode -m alpha -m beta -o both\nSay hi", answers=())
    assert done.status == "ok"
    text = done.outputs[-1]["data"]["text/plain"]
    assert "── alpha ──\nhi" in text
    assert "404" in text


def test_a_run_shows_bar_and_table_and_one_output_stays(shared: Kernel) -> None:
    """While it runs a table counts for each model; at the end one output is left."""
    gate = threading.Event()
    with StrictServer(delay_s=lambda prompt: 0.0 if prompt[-1] in "012" else 0.6) as server:
        shared.run(f"%wcode set base_url={server.base_url}")
        cell = shared.start("%%wcode -m alpha -m beta --each rows -o results\nSay {{word}}", answers=())
        cell.wait_for(lambda message: "<th" in html_of(message) and "median s" in html_of(message))
        gate.set()
        done = cell.finish()
    assert done.status == "ok"
    assert [output["output_type"] for output in done.outputs] == ["display_data"], done.outputs
    assert "median s" not in done.outputs[0]["data"]["text/html"]
    bars = [message for message in done.messages if message.type == "comm_open"]
    assert bars, "tqdm shows its bar as a widget"


def test_the_first_answers_are_seen_while_others_are_on_their_way(shared: Kernel) -> None:
    """What the first rows gave can be judged before the rest is paid for."""
    gate = threading.Event()

    def answer(request: Received) -> Script:
        word = str(request.json["messages"][-1]["content"]).split()[-1]
        pieces = (delta(f"answer {word}"), finish(), usage())
        return stream(*pieces) if word in ("w0", "w1") else stream(gate, *pieces)

    with FaultServer(answer) as server:
        shared.run(f"%wcode set base_url={server.base_url}")
        cell = shared.start("%%wcode alpha --each rows -o results\nGive {{word}}", answers=())
        cell.wait_for(lambda message: "answer w0" in html_of(message) and "answer w1" in html_of(message))
        assert not gate.is_set()
        gate.set()
        done = cell.finish()
    (output,) = done.outputs
    assert "answer w5" in output["data"]["text/html"]


def test_nobody_watching_gets_nothing_but_the_output(shared: Kernel) -> None:
    """nbclient and papermill see one display and no other message of content."""
    with StrictServer(delay_s=0.05) as server:
        shared.run(f"%wcode set base_url={server.base_url}")
        done = shared.run("%%wcode -m alpha -m beta --each rows -o results\nQuiet {{word}}")
    kinds = [message.type for message in done.messages if message.type not in ("status", "execute_input")]
    assert kinds == ["display_data"]
