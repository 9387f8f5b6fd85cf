"""`%wcode replay`, `audit` and `methods` in a real kernel, and what a record that cannot be written does to a cell."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from filelock import FileLock

from tests.fault_server import HOLD, FaultServer, Received, Script, chat, delta, status, stream
from tests.kernels import Kernel

pytestmark = pytest.mark.kernel

KEY = "sk-7Qm2vXc9RtLw4ZpH8sKd"
CLIENT = "client = get_ipython().magics_manager.magics['line']['wcode'].magic.client"
"""Gets hold of the session's client in the kernel."""


@pytest.fixture
def server(shared: Kernel) -> Iterator[FaultServer]:
    """A server that the kernel's session asks by default, as the model `m`; replay is off afterwards."""
    with FaultServer(chat("Hello")) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server
        shared.run("%wcode replay off\n%wcode unset model base_url")
        shared.run("%wcode unset replay_file")  # an error where it is not set


@pytest.fixture
def file(shared: Kernel, request: pytest.FixtureRequest) -> Path:
    """A replay file of this test's own in the kernel's folder."""
    return shared.cwd / f"{request.node.name.partition('[')[0]}.jsonl"


def test_record_then_replay_asks_nothing(shared: Kernel, server: FaultServer, file: Path) -> None:
    """The second run of the same cell comes from the file, and says so on the Reply only."""
    server.script(chat("Hello"), chat("never"))
    assert shared.run(f"%wcode replay record {file.name}").text == f"Recording every answer in {file.name}.\n"
    live = shared.run("%%wcode -o reply\nhi")
    done = shared.run(f"%wcode replay replay {file.name}")
    assert done.text == f"Replaying from {file.name} only: no request is sent.\n"
    again = shared.run("%%wcode -o reply\nhi")
    assert again.outputs[0]["data"] == live.outputs[0]["data"]
    assert shared.run("print(reply.replayed)").text == "True\n"
    assert len(server.requests) == 1


def test_the_line_names_no_folder(shared: Kernel, server: FaultServer, tmp_path: Path) -> None:
    """The same output on every machine, wherever the file is."""
    done = shared.run(f"%wcode replay auto {tmp_path}/answers.jsonl")
    assert done.text == "Replaying from answers.jsonl; missing answers are requested and recorded.\n"
    assert shared.run("%wcode replay").text == done.text


def test_doctor_contacts_nobody_in_a_replay(shared: Kernel, server: FaultServer, file: Path) -> None:
    """Not even to see whether the server is there; the file that is replayed is named."""
    shared.run(f"%wcode replay record {file.name}")
    shared.run("%%wcode\nhi")
    shared.run(f"%wcode replay replay {file.name}")
    before = server.connections
    text = shared.run("%wcode doctor").text
    assert "not contacted: a replay uses no network" in text
    assert re.search(rf"replay file +{file.name}", text)
    assert server.connections == before


def test_a_notebook_that_changes_folders_keeps_its_file(shared: Kernel, server: FaultServer, file: Path) -> None:
    """A relative name means the folder in which the extension was loaded, for answers and for messages."""
    shared.run(f"import os\n%wcode replay auto {file.name}\n%wcode ask zero")
    shared.run("os.mkdir('data')\nos.chdir('data')\n%wcode ask one")
    assert (
        shared.run("%wcode replay").text == f"Replaying from {file.name}; missing answers are requested and recorded.\n"
    )
    shared.run("os.chdir('..')\n%wcode ask two")
    assert file.read_bytes().count(b"\n") == 3
    assert not list((shared.cwd / "data").iterdir())


def test_the_command_rewinds_to_the_first_sample(shared: Kernel, server: FaultServer, file: Path) -> None:
    """Without it a strict replay has no third answer; after it, the first comes again."""
    server.script(chat("one"), chat("two"))
    shared.run(f"%wcode replay record {file.name}\n%wcode ask -o a hi\n%wcode ask -o a hi")
    shared.run("%wcode replay replay")
    for text in ("one", "two"):
        shared.run("%%wcode -o a\nhi")
        assert shared.run("print(a)").text == f"{text}\n"
    done = shared.run("%%wcode\nhi")
    assert done.error == "ReplayError"
    assert "has 2 answers to this request" in done.text
    shared.run("%wcode replay replay\n%wcode ask -o a hi")
    assert shared.run("print(a)").text == "one\n"


def test_a_cell_has_a_mode_of_its_own(shared: Kernel, server: FaultServer, file: Path) -> None:
    """`--replay MODE` and `--replay-file FILE` hold for one cell only."""
    option = f"--replay-file {file.name}"
    shared.run(f"%%wcode --replay record {option}\nhi")
    shared.run(f"%%wcode --replay replay {option}\nhi")
    assert len(server.requests) == 1
    missed = shared.run(f"%%wcode --replay replay {option} --temperature 1\nhi")
    assert "temperature: recorded nothing, now 1.0" in missed.text
    shared.run("%%wcode\nhi")
    assert len(server.requests) == 2
    assert file.read_bytes().count(b"\n") == 1


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("%wcode replay recrod", "OptionError", "record"),
        ("%wcode replay record a b", "OptionError", "b"),
        ("%wcode replay record --keep-image", "OptionError", "--keep-images"),
        ("%wcode replay record --keep-images=1", "OptionError", "takes no value"),
        ("%wcode replay --keep-images", "OptionError", "--keep-images needs a mode"),
        ("%wcode replay record .", "ReplayError", "'.' is not a valid replay file name"),
        ("%wcode ask --replay auto --replay-file / hi", "ReplayError", "'/' is not a valid replay file name"),
        ("%wcode methods .", "ReplayError", "'.' is not a valid replay file name"),
        ("%wcode replay record missing/folder.jsonl", "ReplayError", "Folder not found: missing"),
        ("%wcode audit missing.jsonl --yes", "ReplayError", "missing.jsonl"),
        ("%wcode audit empty.jsonl --yes", "InputError", "empty.jsonl contains no answers"),
        ("%wcode audit empty.jsonl --max-cost much", "OptionError", "an amount in RMB"),
        ("%wcode audit empty.jsonl --max-cost", "OptionError", "needs a value"),
        ("%wcode audit empty.jsonl -o 1x", "OptionError", "not a variable name"),
        ("%wcode methods missing.jsonl", "ReplayError", "missing.jsonl"),
    ],
)
def test_a_bad_line_is_one_line_and_changes_nothing(
    shared: Kernel, server: FaultServer, line: str, error: str, words: str
) -> None:
    """The error says what is wrong with the words or the file; the mode stays as it was."""
    (shared.cwd / "broken.jsonl").write_text("{]\n")
    (shared.cwd / "newer.jsonl").write_text('{"v": 99, "fingerprint": "x"}\n')
    (shared.cwd / "empty.jsonl").write_text("")
    done = shared.run(line)
    assert done.error == error
    assert len(done.outputs[-1]["traceback"]) == 1
    assert words in done.text
    assert "off" in shared.run("%wcode replay").text
    assert server.requests == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%wcode replay replay missing.jsonl", "Replay file not found: missing.jsonl"),
        ("%wcode replay replay newer.jsonl", "This was written by a newer version of wcode_jupyter"),
        ("%wcode replay replay ~nobody-of-this-name/a", "Replay file not found: ~nobody"),
        ("%wcode replay replay a b", "Unexpected word b"),
        ("%wcode replay replay --keep-image", "--keep-images"),
        ("%wcode replay repaly", "Did you mean replay?"),
        ("%wcode replay auto broken.jsonl", "broken.jsonl, line 1: This is not JSON"),
        ("%wcode set replay=strict", "strict"),
        ("%wcode set model=m replay=replay=x", "replay"),
        ("%config Wcode.replay = 'strict'", "strict"),
    ],
)
@pytest.mark.parametrize("before", ["off", "record before.jsonl"])
def test_a_failed_switch_to_a_stricter_mode_leaves_nothing_able_to_send(
    shared: Kernel, server: FaultServer, before: str, line: str, words: str
) -> None:
    """No cell, no call from Python and no run over rows asks anything until a switch succeeds."""
    shared.run(CLIENT)
    (shared.cwd / "broken.jsonl").write_text("{]\n")
    (shared.cwd / "newer.jsonl").write_text('{"v": 99, "fingerprint": "x"}\n')
    if not line.startswith("%config"):  # it comes after %wcode set, also when it is right
        shared.run(f"%wcode replay {before}")
    else:
        shared.run("%wcode unset replay")
    done = shared.run(line)
    assert done.status == ("ok" if line.startswith("%config") else "error")  # IPython logs what %config raises
    assert words in done.text
    for cell in ("%%wcode\nhi", "client.ask('hi')", "%%wcode --each ['a']\n{{value}}"):
        assert shared.run(cell).status == "error"
    assert server.requests == []
    if line.startswith("%config"):
        shared.run("get_ipython().config.Wcode.pop('replay')")
    shared.run("%wcode replay off")
    assert shared.run("%%wcode\nhi").status == "ok"
    assert len(server.requests) == 1


def test_an_answer_that_holds_a_key_is_shown_and_bound_and_fails_the_cell(
    shared: Kernel, server: FaultServer, file: Path
) -> None:
    """Nothing of it is written; `--allow-secrets` writes it."""
    shared.run(f"%wcode replay record {file.name}")
    done = shared.run(f"%%wcode -o reply\nmy key is {KEY}")
    assert [output["output_type"] for output in done.outputs] == ["display_data", "error"]
    assert done.outputs[0]["data"]["text/plain"] == "Hello"
    assert done.outputs[1]["traceback"] == [
        "ReplayError: Not recorded: the prompt seems to contain an API key (sk-…). "
        "Remove it, or allow it with %wcode replay record --allow-secrets."
    ]
    assert shared.run("print(reply, reply.ended)").text == "Hello complete\n"
    assert not file.exists()
    shared.run(f"%wcode replay record --allow-secrets\n%wcode ask my key is {KEY}")
    assert KEY in file.read_text()
    shared.run("%wcode replay record")
    assert shared.run(f"%%wcode\nmy other key is {KEY}").error == "ReplayError"


def test_the_key_in_use_is_never_recorded(shared: Kernel, server: FaultServer, file: Path) -> None:
    """Also one that looks like a word, in the prompt of a plain client; the answer is on the error."""
    key = "correct-horse-battery-staple"
    shared.run("from wcode_jupyter import Client, WcodeError")
    done = shared.run(
        f"with Client({server.base_url!r}, {key!r}, model='m', replay='record', replay_file={file.name!r}) as client:\n"
        f"    try:\n        client.ask('it is {key}')\n"
        "    except WcodeError as error:\n        print(error.reply, error.what)"
    )
    assert done.text == "Hello Not recorded: the prompt seems to contain a key of this session\n"
    assert not file.exists()


def test_a_full_disk_fails_the_cell_after_its_answer(shared: Kernel, server: FaultServer, file: Path) -> None:
    """The reply is shown and bound; the file is as it was before."""
    shared.run(f"%wcode replay record {file.name}\n%wcode ask first")
    before = file.read_bytes()
    shared.run("get_ipython().history_manager.enabled = False")  # the limit would hit it too
    limit = "import resource; _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
    shared.run(limit + f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 10}, hard))\n%wcode set log=false")
    done = shared.run("%%wcode -o reply\nsecond")
    shared.run("resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))\n%wcode unset log")
    assert done.error == "ReplayError"
    assert [output["output_type"] for output in done.outputs] == ["display_data", "error"]
    assert "Cannot write" in done.outputs[1]["traceback"][0]
    assert "File too large" in done.outputs[1]["traceback"][0]
    assert shared.run("print(reply)").text == "Hello\n"
    assert file.read_bytes() == before


def test_stop_while_another_kernel_holds_the_file_fails_the_cell(
    shared: Kernel, server: FaultServer, file: Path
) -> None:
    """The answer is shown and bound, and the error says that it may not be in the file, where it is not."""
    shared.run(f"%wcode replay record {file.name}\n{CLIENT}\nkeeper, add = client.keeper, client.keeper.add")
    shared.run("keeper.add = lambda *parts: (print('recording'), add(*parts))")
    with FileLock(file.with_name(f".{file.name}.lock")):
        cell = shared.start("%%wcode -o reply\nhi")
        cell.wait_for(lambda message: message.content.get("text") == "recording\n")
        time.sleep(0.5)  # from there into the lock
        shared.interrupt()
        done = cell.finish()
    shared.run("keeper.add = add")
    assert done.error == "AnswerInterrupted"
    assert done.outputs[-1]["traceback"] == [
        "AnswerInterrupted: Interrupted while the answer was being saved. "
        "It may be missing in the replay file and in the log."
    ]
    assert shared.run("print(reply, reply.ended)").text == "Hello complete\n"
    assert not file.exists()


def test_a_torn_line_is_said_once_and_names_no_folder(shared: Kernel, server: FaultServer, file: Path) -> None:
    """One line beside the outputs, the same on every machine: left out in a replay, moved aside where one records."""
    shared.run(f"%wcode replay record {file.name}\n%wcode ask one\n%wcode ask two")
    file.write_bytes(file.read_bytes()[:-20])
    torn = len(file.read_bytes().splitlines()[1])
    done = shared.run(f"%wcode replay replay {file}\n%wcode ask one")
    assert done.outputs[1] == {
        "output_type": "stream",
        "name": "stderr",
        "text": f"{file.name} ends in an incomplete record ({torn} bytes), which is left out\n",
    }
    shared.run("%wcode replay auto")
    assert not file.with_name(f"{file.name}.torn").exists()
    done = shared.run("%wcode ask two")
    assert f"{file.name} ended in an incomplete record ({torn} bytes), now in {file.name}.torn" in str(done.outputs)
    assert "stderr" not in str(shared.run("%wcode ask three").outputs)


def test_images_are_kept_when_asked_for(shared: Kernel, server: FaultServer, file: Path) -> None:
    """By hash unless `--keep-images`; the next command without it takes it back."""
    ask = (
        "from wcode_jupyter.request.messages import Image, Message, Text\n"
        f"{CLIENT}\n"
        "_ = client.ask([Message('user', (Text({text!r}), Image('data:image/png;base64,iVBORw0KGgo=')))])"
    )
    for words, count in ((f"record {file.name} --keep-images", 1), ("record", 1)):
        shared.run(f"%wcode replay {words}")
        assert shared.run(ask.format(text=words)).status == "ok"
        assert file.read_text().count("iVBORw0KGgo=") == count
    assert file.read_text().count("sha256:4c4b6a3b") == 1


def test_vs_code_tells_where_the_notebook_is(shared: Kernel, server: FaultServer) -> None:
    """The sidecar stands beside the notebook that VS Code's variable names."""
    shared.run("__vsc_ipynb_file__ = 'study.ipynb'")
    assert shared.run("%wcode replay record").text == "Recording every answer in study.replay.jsonl.\n"
    shared.run("%wcode ask hi\ndel __vsc_ipynb_file__")
    assert (shared.cwd / "study.replay.jsonl").exists()


def test_keep_reuses_the_answer_of_an_unchanged_cell(shared: Kernel, server: FaultServer, file: Path) -> None:
    """The second run of the cell sends nothing and says so in its status line; --anew sends it."""
    server.script(chat("one"), chat("two"), chat("three"))
    shared.run(f"%wcode set replay_file={file.name}")
    first = shared.run("%%wcode --keep\nhi")
    again = shared.run("%%wcode --keep -o reply\nhi")
    assert "kept answer of 20" in again.outputs[0]["data"]["text/html"]
    assert "kept answer" not in first.outputs[0]["data"]["text/html"]
    assert shared.run("print(reply.text, reply.kept)").text == "one True\n"
    assert len(server.requests) == 1
    shared.run("%wcode set keep=true")
    shared.run("%%wcode --anew -o reply\nhi")
    assert shared.run("print(reply.text, reply.kept)").text == "two False\n"
    shared.run("%%wcode -o reply\nhi")
    assert shared.run("print(reply.text, reply.kept)").text == "two True\n"
    shared.run("%wcode unset keep")
    shared.run("%%wcode -o reply\nhi")
    assert shared.run("print(reply.text, reply.kept)").text == "three False\n"


# -- audit ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(shared: Kernel, server: FaultServer, file: Path) -> Path:
    """Three answers, two of them priced; the server then answers the first as before and the second otherwise."""
    shared.run(f"%wcode replay record {file.name}\n%wcode ask -m glm-5 same\n%wcode ask -m glm-5 other\n%wcode ask m")

    def answer(request: Received) -> Script:
        return {"same": chat("Hello"), "other": chat("Hello there")}.get(
            request.json["messages"][0]["content"], status(404, "no such model")
        )

    server.requests.clear()
    server.script(answer)  # type: ignore[arg-type]
    shared.run("%wcode replay off")
    return file


def test_an_audit_shows_what_drifted(shared: Kernel, server: FaultServer, recorded: Path) -> None:
    """Each question is asked again as it was; the table tells, the DataFrame has all columns; the file is untouched."""
    before = recorded.read_bytes()
    done = shared.run(f"%wcode audit {recorded.name} --yes -o rows")
    assert [request.json["messages"][0]["content"] for request in server.requests] == ["same", "other", "m"]
    assert "3 of 3: 1 same, 1 different, 1 failed" in done.text
    assert "no such model" in done.text
    assert shared.run("print(list(rows.outcome), rows.similarity[0], rows.answered_now[1])").text == (
        "['same', 'different', 'failed'] 1.0 m\n"
    )
    assert shared.run("print(rows.text_then[1], rows.text_now[1], sep='|')").text == "Hello|Hello there\n"
    assert recorded.read_bytes() == before
    assert "m" in shared.run("%wcode last").text


def test_an_audit_asks_first(shared: Kernel, server: FaultServer, recorded: Path) -> None:
    """The confirmation tells how many questions and their recorded cost; anything but yes asks nothing."""
    cost = (2 * (Decimal("0.0110") * 9 + Decimal("0.0350") * 6) / 1000).normalize()  # the page's price of z-ai/glm-5
    done = shared.start(f"%wcode audit {recorded.name} --max-cost 5", answers=["n"]).finish()
    assert done.text == "No request was sent.\n"
    assert server.requests == []
    nobody = shared.run(f"%wcode audit {recorded.name} --max-cost 5")
    assert nobody.error == "InputError"
    assert (
        f"3 requests, about ¥{cost:f} according to the recorded costs, 1 with unknown cost, at most ¥5" in nobody.text
    )
    assert shared.run(f"%wcode audit {recorded.name}", answers=["y"]).status == "ok"
    assert len(server.requests) == 3


def test_an_audit_stops_at_its_limit(shared: Kernel, server: FaultServer, recorded: Path) -> None:
    """What would pass --max-cost is not asked; a question of unknown cost is, and that is said."""
    done = shared.run(f"%wcode audit {recorded.name} --yes --max-cost 0.0001")
    assert [request.json["messages"][0]["content"] for request in server.requests] == ["m"]
    assert "1 failed, 2 skipped; with unknown cost, which --max-cost does not stop: 1" in done.text


def test_an_interrupted_audit_keeps_its_rows(shared: Kernel, server: FaultServer, recorded: Path) -> None:
    """The stop button during the second question: the first row is shown and bound, and the cell fails."""
    server.script(chat("Hello"), stream(delta("Hel"), HOLD))
    cell = shared.start(f"%wcode audit {recorded.name} --yes -o rows")
    server.wait(2)
    shared.interrupt()
    done = cell.finish()
    assert done.error == "AnswerInterrupted"
    assert "1 of 3: 1 same" in done.text
    assert done.outputs[-1]["traceback"] == [
        "AnswerInterrupted: Interrupted after 1 of 3 requests. Everything received so far is kept."
    ]
    assert shared.run("print(len(rows))").text == "1\n"


@pytest.fixture
def labelled(shared: Kernel, server: FaultServer, file: Path) -> Path:
    """Forty recorded labels; the server then changes those of every tenth text."""

    def answer(changed: str) -> Callable[[Received], Script]:
        def label(request: Received) -> Script:
            number = int(request.json["messages"][0]["content"].split()[-1])
            return chat(json.dumps({"label": changed if number % 10 == 0 else "yes"}))

        return label

    server.script(*[answer("yes")] * 40)
    shared.run(
        f"%wcode replay record {file.name}\n{CLIENT}\n"
        "client.map('Label {{value}}', range(1, 41), response_format={'type': 'json_object'}, progress=False)"
    )
    shared.run("%wcode replay off")
    server.requests.clear()
    server.script(*[answer("no")] * 200)
    return file


def test_an_audit_of_a_server_that_changed_ten_percent_finds_ten_percent(
    shared: Kernel, server: FaultServer, labelled: Path
) -> None:
    """The fields come first, with share and interval; --accept takes the new answers without asking again."""
    done = shared.run(f"%wcode audit {labelled.name} --yes")
    assert len(server.requests) == 40
    assert "10.0% [3.3%, 22.4%]" in done.text  # mid-p Clopper-Pearson, 4 of 40
    assert "no: +10.0%" in done.text
    assert "40 of 40: 36 same, 4 different" in done.text
    accepted = shared.run(f"%wcode audit {labelled.name} --accept")
    assert f"40 answers of {labelled.name} were replaced by the new ones.\n" in accepted.text
    assert len(server.requests) == 40
    assert labelled.read_text().count('"text": "{\\"label\\": \\"no\\"}"') == 4
    again = shared.run(f"%wcode audit {labelled.name} --yes")
    assert "0.0% [0.0%, 7.2%]" in again.text
    assert "40 of 40: 40 same" in again.text
    assert len(server.requests) == 80
    assert "sent again; changed answers: label 0.0%" in shared.run(f"%wcode methods {labelled.name}").text


def test_an_audit_goes_on_where_it_was_stopped(shared: Kernel, server: FaultServer, labelled: Path) -> None:
    """What was asked before a failure that stops it is not asked again; a sample asks only so many."""
    shared.run(f"%wcode audit {labelled.name} --yes --sample 10 --max-cost 1")
    assert len(server.requests) == 10
    (labelled.parent / f"{labelled.stem}.audit.jsonl").rename(labelled.parent / f"{labelled.stem}.audit-part.jsonl")
    done = shared.run(f"%wcode audit {labelled.name} --yes -o rows")
    assert len(server.requests) == 40
    assert shared.run("print(len(rows), list(rows.number) == list(range(1, 41)))").text == "40 True\n"
    assert done.status == "ok"


# -- methods --------------------------------------------------------------------------------------------------------


def test_methods_of_a_file_and_of_the_session(shared: Kernel, recorded: Path) -> None:
    """Markdown as text, a rendered table beside it; JSON on request."""
    output = shared.run(f"%wcode methods {recorded.name}").outputs[0]
    assert "Of 3 requests, 0 failed; 27 input and 18 output tokens were used." in output["data"]["text/plain"]
    assert "<table>" in output["data"]["text/html"]
    assert "text/markdown" not in output["data"]
    found = json.loads(shared.run(f"%wcode methods {recorded.name} --json").text)
    assert [row["n"] for row in found["rows"]] == [2, 1]
    assert "Of " in shared.run("text = %wcode methods\nprint(text)").text


def test_completion_knows_the_words_and_options(shared: Kernel) -> None:
    """Modes, sub-words and each command's own options."""
    assert shared.complete("%wcode replay re") == ["record", "replay"]
    assert shared.complete("%wcode replay record --") == ["--keep-images", "--allow-secrets"]
    assert shared.complete("%wcode audit --m") == ["--max-cost"]
    assert shared.complete("%wcode history f") == ["forget"]
    assert shared.complete("%wcode usage --b") == ["--by"]
