"""`%%wcode --background`: the cell returns at once, the answer streams on in its output while other cells run."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.fault_server import FaultServer, chat, data, delta, finish, status, stream, usage, whole
from tests.kernels import Execution, Kernel

pytestmark = pytest.mark.kernel


def wait_for_display(cell: Execution, kernel: Kernel, words: str) -> str:
    """The HTML of the cell's one output once it holds `words`."""
    while True:
        shown = cell.outputs[0]["data"].get("text/html", "") if cell.outputs else ""
        if words in shown:
            return str(shown)
        kernel.receive(30)


def test_other_cells_run_while_the_answer_streams_on_in_its_own_output(shared: Kernel, server: FaultServer) -> None:
    """The cell ends while the server holds the answer; its output grows, and is at the end what any cell shows."""
    first, rest = threading.Event(), threading.Event()
    server.script(stream(first, delta("First words. "), rest, delta("**Last** words."), finish(), usage(9, 6)))
    cell = shared.run("%%wcode --background -q -o answer\nhi", answers=())
    assert cell.status == "ok"
    assert len(cell.outputs) == 1
    assert shared.run("print(answer, end='') if answer.ended else print(answer.ended, repr(answer))").text == (
        "None PendingReply('m', running)\n"
    )
    first.set()
    wait_for_display(cell, shared, "First words.")
    assert shared.run("print(answer.reply.text)").text == "First words. \n"
    rest.set()
    assert shared.run("print(answer.wait().text)").text == "First words. **Last** words.\n"
    wait_for_display(cell, shared, "<strong>Last</strong>")
    server.script(stream(delta("First words. **Last** words."), finish(), usage(9, 6)))
    plain = shared.run("%%wcode -q -o other\nhi", answers=())
    assert cell.outputs[0]["data"] == plain.outputs[0]["data"]
    assert len(cell.outputs) == len(plain.outputs) == 1


def test_use_before_the_end_waits(shared: Kernel, server: FaultServer) -> None:
    """A member, `print` and a placeholder wait for the end; the variable then is a Reply like any other."""
    gate = threading.Event()
    server.script(stream(gate, delta("Hello"), finish()), whole("second"))
    shared.run("%%wcode --background -o answer\nhi", answers=())
    waiting = shared.start("%%wcode\nsay {{answer}}", answers=())
    gate.set()
    assert waiting.finish().status == "ok"
    assert server.wait(2).json["messages"][0]["content"] == "say Hello"
    assert shared.run("print(type(answer).__name__, answer.wait() is answer)").text == "Reply True\n"


def test_a_wait_has_a_limit_and_leaves_the_answer_alone(shared: Kernel, server: FaultServer) -> None:
    """DeadlineError after the given seconds, an interrupt at once; the answer goes on in both cases."""
    gate = threading.Event()
    server.script(stream(gate, delta("Hello"), finish()))
    shared.run("%%wcode --background -o answer\nhi", answers=())
    assert shared.run("answer.wait(0)").error == "DeadlineError"
    waiting = shared.start("print('on', flush=True); answer.wait()")
    waiting.wait_for(lambda message: message.type == "stream")
    shared.interrupt()
    assert waiting.finish().error == "KeyboardInterrupt"
    gate.set()
    assert shared.run("print(answer.wait())").text == "Hello\n"


def test_running_answers_are_listed_and_stopped_by_name(shared: Kernel, server: FaultServer) -> None:
    """`%wcode running` and `%wcode stop`; what arrived stays in the output, and in the variable under `.reply`."""
    server.script(stream(delta("Begun"), threading.Event(), finish()))
    cell = shared.run("%%wcode --background -o answer\nhi", answers=())
    wait_for_display(cell, shared, "Begun")
    shared.run("%%wcode --background\nanother", answers=())
    listed = shared.run("%wcode running").text
    assert "answer" in listed
    assert listed.count(" m ") == 2
    assert shared.run("%wcode stop anser").error == "InputError"
    assert "Stopped: answer." in shared.run("%wcode stop answer").text
    assert server.requests[0].closed.wait(5)
    used = shared.run("answer.text")
    assert used.error == "AnswerInterrupted"
    assert shared.run("print(answer.ended, answer.reply.text)").text == "interrupted Begun\n"
    assert "interrupted" in wait_for_display(cell, shared, "interrupted")
    assert "Stopped" in shared.run("%wcode stop").text
    assert server.requests[1].closed.wait(5)
    shared.run("import threading\n[t.join(9) for t in threading.enumerate() if t.name == 'wcode-background']")
    assert "Nothing is running." in shared.run("%wcode running").text


def test_an_error_shows_in_the_output_of_its_cell_and_when_the_answer_is_used(
    shared: Kernel, server: FaultServer
) -> None:
    """The cell has ended well long ago; whoever uses the answer fails, so no cell goes on with half of it."""
    server.script(stream(delta("half"), data({"error": {"code": 502, "message": "gone"}})), status(401, "bad key"))
    cell = shared.run("%%wcode --background -o answer\nhi", answers=())
    assert "half" in wait_for_display(cell, shared, "ServerFault: ")
    assert cell.outputs[0]["data"]["text/plain"].startswith("half\n\nServerFault: ")
    assert shared.run("answer.text").error == "ServerFault"
    assert shared.run("print(answer.reply.text, answer.ended)").text == "half failed\n"
    cell = shared.run("%%wcode --background -o answer\nhi", answers=())
    assert 'class="wcode-answer' in wait_for_display(cell, shared, "KeyRejected")


def test_a_headless_run_waits_at_the_end_of_the_cell(shared: Kernel, server: FaultServer) -> None:
    """One display, as without the option; a failure fails the cell."""
    server.script(chat("Hello"), status(401, "bad key"))
    done = shared.run("%%wcode --background -q -o answer\nhi")
    assert [message.type for message in done.messages if message.type not in ("status", "execute_input")] == [
        "display_data"
    ]
    assert shared.run("print(type(answer).__name__, answer)").text == "Reply Hello\n"
    assert shared.run("%%wcode --background\nhi").error == "KeyRejected"


def test_a_recorded_answer_is_there_at_once(shared: Kernel, server: FaultServer, tmp_path: Path) -> None:
    """Replayed in a notebook that is watched: the same output, the variable a Reply, nothing sent."""
    server.script(chat("Hello"))
    shared.run(f"%wcode replay auto {tmp_path / 'x.replay.jsonl'}")
    live = shared.run("%%wcode --background -o answer\nhi", answers=())
    shared.run("answer.wait()")
    wait_for_display(live, shared, 'class="wcode-status"')
    shared.run(f"%wcode replay replay {tmp_path / 'x.replay.jsonl'}")
    again = shared.run("%%wcode --background -o answer\nhi", answers=())
    shared.run("%wcode replay off")
    assert shared.run("print(type(answer).__name__, answer.replayed)").text == "Reply True\n"
    assert again.outputs[0]["data"] == live.outputs[0]["data"]
    assert len(server.requests) == 1


def test_a_schema_is_judged_in_the_background(shared: Kernel, server: FaultServer) -> None:
    """A further try takes the place of the first in the same output."""
    server.script(whole("no json"), whole('{"age": 3}'))
    cell = shared.run("%%wcode --background --schema 'age int' --retries-schema 1 -o answer\nhi", answers=())
    assert shared.run("print(answer.parsed)").text == "Answer(age=3)\n"
    shown = wait_for_display(cell, shared, 'class="wcode-status"')
    assert "no json" not in shown
    assert len(cell.outputs) == 1


@pytest.mark.parametrize("option", ["--chat c", "--tools print", "--insert", "--repeat 2", "-m a -m b"])
def test_cells_that_need_the_end_of_the_answer_say_so(shared: Kernel, server: FaultServer, option: str) -> None:
    """An option that cannot work in the background is an error before anything is sent."""
    assert shared.run(f"%%wcode --background {option}\nhi", answers=()).error == "OptionError"
    assert server.requests == []


def test_the_end_of_the_kernel_stops_the_answer_and_logs_what_arrived(tmp_path: Path) -> None:
    """A shutdown while an answer streams: the connection is closed, the process ends, the log has the answer."""
    env = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_STATE_HOME": str(tmp_path / "state")}
    with FaultServer(stream(delta("Begun"), threading.Event())) as server:
        with Kernel(tmp_path, env=env) as kernel:
            kernel.run(f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}")
            cell = kernel.run("%%wcode --background -o answer\nhi", answers=())
            wait_for_display(cell, kernel, "Begun")
        assert server.requests[0].closed.wait(10)
    with Kernel(tmp_path, env=env) as kernel:
        kernel.run("%load_ext wcode_jupyter")
        kernel.run("%wcode history -o rows")
        assert kernel.run("print(list(rows.ended), list(rows.text))").text == "['interrupted'] ['Begun']\n"
