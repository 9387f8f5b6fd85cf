"""`%wcode explain` and `%wcode fix` in a real kernel: what is sent of a failed cell, and what is proposed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault_server import FaultServer, chat, status
from tests.kernels import Kernel

pytestmark = pytest.mark.kernel

KEY = "sk-secret-0123456789abcdef"


@pytest.fixture
def server(shared: Kernel) -> Iterator[FaultServer]:
    """A server that the kernel's session asks by default, as the model `m`."""
    with FaultServer(chat("Because.")) as server:
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server
        shared.run("%wcode unset model base_url")


def sent(server: FaultServer, number: int = 1) -> str:
    """The prompt of request `number`."""
    text = server.wait(number).json["messages"][-1]["content"]
    assert isinstance(text, str)
    return text


def test_nothing_is_sent_before_a_cell_has_failed(kernel: Kernel) -> None:
    """A fresh notebook has nothing to explain."""
    kernel.run("%load_ext wcode_jupyter")
    assert "No cell has failed yet" in kernel.run("%wcode explain").text


def test_the_cell_the_error_and_the_versions_are_sent(shared: Kernel, server: FaultServer) -> None:
    """Source as typed, the lines it went through, no variable and no folder of this machine."""
    shared.run("def halve(x):\n    hidden = 'value of a variable'\n    return {{1: 2}}[x] if False else 1 / x")
    shared.run("%%time\nimport json\nresult = halve(0)  # {{braces}}")
    done = shared.run("%wcode explain --temperature 0 -o why")
    assert done.outputs[0]["data"]["text/plain"] == "Because."
    text = sent(server)
    assert server.requests[0].json["temperature"] == 0
    for words in (
        "def halve(x):",
        "%%time\nimport json\nresult = halve(0)  # {{braces}}",
        "notebook cell, line 3, in halve: return {{1: 2}}[x] if False else 1 / x",
        "ZeroDivisionError: division by zero",
        "Versions: Python 3.",
        "IPython ",
        "Answer in English.",
    ):
        assert words in text
    assert text.index("def halve(x):") < text.index("%%time")
    assert "ipykernel_" not in text
    assert "/" not in text.split("The error:")[1].replace("1 / x", "")
    assert shared.run("print(why)").text == "Because.\n"


def test_a_library_is_named_from_its_package_on(shared: Kernel, server: FaultServer) -> None:
    """Its version too; the folders above are nobody's business."""
    shared.run("import msgspec.structs, httpx\nhttpx.Client().get('nothing')")
    shared.run("%wcode explain")
    assert "httpx/_client.py, line" in sent(server)
    assert "httpx 0." in sent(server)
    assert "site-packages" not in sent(server)


def test_a_syntax_error_and_a_chain_are_explained_too(shared: Kernel, server: FaultServer) -> None:
    """The line that Python could not read; the exception that led to another."""
    shared.run("x = (1,\ny = 2")
    shared.run("%wcode explain")
    assert "x = (1,\ny = 2" in sent(server)
    assert "SyntaxError: " in sent(server)
    shared.run("try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e")
    shared.run("%wcode explain")
    text = sent(server, 2)
    assert text.index("KeyError: 'a'") < text.index("which led to:") < text.index("ValueError: b")


def test_keys_and_the_environment_stay_here(shared: Kernel, server: FaultServer) -> None:
    """The session's key, a value of the environment in the message, a credential in the cell."""
    origin = server.base_url.removesuffix("/v1")
    shared.run(f"%wcode key set {origin}", answers=[KEY])
    shared.run("import os\nos.environ['MY_PASSWORD'] = 'correct horse battery'")
    shared.run(f"raise ValueError('{KEY} ' + os.environ['MY_PASSWORD'])")
    shared.run("%wcode explain")
    assert KEY not in sent(server)
    assert "correct horse" not in sent(server)
    assert "[MY_PASSWORD]" in sent(server)
    shared.run("token = 'a token of mine'\nraise ValueError(token)")
    shared.run("%wcode explain")
    assert "token = '[token]'" in sent(server, 2)
    assert "a token of mine" not in sent(server, 2)
    shared.run("k = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'\nraise ValueError")
    done = shared.run("%wcode explain")
    assert "seems to contain a GitHub token" in done.text
    assert len(server.requests) == 2
    shared.run(f"%wcode key forget {origin}")


def test_values_of_secret_variables_stay_here(shared: Kernel, server: FaultServer) -> None:
    """Those of the notebook whose names speak of secrets, in source and message; a loop's `key` says what it is."""
    shared.run("db_password = 'hunter2'\nAPI_TOKEN_2 = 'tok-abc'\nkey = 'column'\ntoken = 'word'")
    shared.run("raise KeyError(f'{key}: no login with hunter2, {API_TOKEN_2} ({token})')")
    shared.run("%wcode explain")
    assert "hunter2" not in sent(server)
    assert "tok-abc" not in sent(server)
    assert "column: no login with [db_password], [API_TOKEN_2] (word)" in sent(server)


def test_what_is_sent_is_shown_once_and_asked_for(kernel: Kernel) -> None:
    """Where a person is there: all of it first, and nothing leaves without a yes; the second time it is known."""
    with FaultServer(chat("Because.")) as server:
        kernel.run(f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}")
        kernel.run("1 / 0  # \u202e")
        done = kernel.run("%wcode explain", answers=["n"])
        assert "1 / 0  # ⟨U+202E⟩" in done.text
        assert "ZeroDivisionError: division by zero" in done.text
        assert done.text.endswith("No request was sent.\n")
        assert server.requests == []
        assert "No request was sent" in kernel.run("%wcode fix", answers=[""]).text
        shown = kernel.run("%wcode explain", answers=["y"]).text
        text = sent(server)
        assert text.replace("\u202e", "⟨U+202E⟩") in shown
        kernel.run("2 / 0")
        assert "2 / 0" not in kernel.run("%wcode explain", answers=[]).text
        assert "2 / 0" in sent(server, 2)


def test_an_error_of_our_own_is_not_explained(shared: Kernel, server: FaultServer) -> None:
    """It says by itself what to do, however often one asks."""
    shared.run("%%wcode --nope\nhi")
    first = shared.run("%wcode explain").text
    assert first == "InputError: The last error comes from wcode_jupyter itself: Unknown option --nope"
    assert shared.run("%wcode explain").text == first
    assert server.requests == []


@pytest.mark.parametrize("command", ["explain", "fix"])
def test_a_failed_explanation_can_be_asked_for_again(shared: Kernel, server: FaultServer, command: str) -> None:
    """A wrong option, a refusal of the server, an answer of no use: the cell's own exception is still the last one."""
    shared.run("one = 1\none / 0")
    assert shared.run(f"%wcode {command} --nope").error == "OptionError"
    server.script(status(400, "no"), chat("Because."))
    assert shared.run(f"%wcode {command}").error == "BadRequest"
    for _time in range(2):
        shared.run(f"%wcode {command}")
    assert [("one / 0" in sent(server, number)) for number in (1, 2, 3)] == [True] * 3
    shared.run("two = 2\ntwo / 0")
    shared.run(f"%wcode {command}")
    assert "two / 0" in sent(server, 4)


def test_a_group_of_exceptions_and_notes_are_told(shared: Kernel, server: FaultServer) -> None:
    """What a group holds is where the fault is."""
    shared.run("error = ExceptionGroup('two', [ValueError('a'), KeyError('b')])\nerror.add_note('think')\nraise error")
    shared.run("%wcode explain")
    lines = ["ExceptionGroup: two (2 sub-exceptions)", "note: think"]
    lines += ["exception 1 of 2:", "ValueError: a", "exception 2 of 2:", "KeyError: 'b'"]
    assert "\n".join(lines) in sent(server)


def test_a_dry_run_of_fix_proposes_nothing(shared: Kernel, server: FaultServer) -> None:
    """Least of all the code of an earlier answer."""
    server.script(chat("```python\nother = 1\n```"))
    shared.run("%%wcode\nsome code")
    shared.run("1 / 0")
    done = shared.run("%wcode fix --insert --dry-run")
    assert "sent: nothing (dry run)" in done.text
    assert "other" not in done.text
    assert done.reply is not None
    assert done.reply["payload"] == []


def test_a_proposal_that_was_cut_is_none(shared: Kernel, server: FaultServer) -> None:
    """Half a cell would delete the rest of it."""
    shared.run("1 / 0\nrest = 1")
    server.script(chat("```python\n1 / 2\nrest = 1\n```"))
    changed = shared.run("%wcode fix").outputs[-1]["data"]["text/html"]
    assert "<span class=i>+1 / 2" in changed
    server.script(chat("```python\n1 / 2\n", reason="length"))
    done = shared.run("%wcode fix --insert")
    assert done.error == "AnswerMalformed"
    assert "Raise it" in done.text
    assert done.reply is not None
    assert done.reply["payload"] == []


def test_a_deep_recursion_is_shortened(shared: Kernel, server: FaultServer) -> None:
    """A thousand frames say no more than twenty."""
    shared.run("def f(n):\n    return f(n + 1)\nf(0)")
    shared.run("%wcode explain")
    assert "frames left out" in sent(server)
    assert sent(server).count("notebook cell, line") < 25


def test_fix_shows_the_difference_and_runs_nothing(shared: Kernel, server: FaultServer) -> None:
    """The proposal is a diff; only `--insert` makes a cell of it."""
    shared.run("a = 1\nb = a / 0\nc = 3")
    server.script(chat("Here:\n\n```python\na = 1\nb = a / 2\nc = 3\n```\n"))
    done = shared.run("%wcode fix")
    difference = done.outputs[-1]["data"]
    assert difference["text/plain"] == "@@ -1,3 +1,3 @@\n a = 1\n-b = a / 0\n+b = a / 2\n c = 3"
    assert "wcode-answer" in difference["text/html"]
    assert done.reply is not None
    assert done.reply["payload"] == []
    done = shared.run("%wcode fix --insert --seed 1")
    assert done.reply is not None
    assert [(item["source"], item["text"], item["replace"]) for item in done.reply["payload"]] == [
        ("set_next_input", "a = 1\nb = a / 2\nc = 3", False)
    ]
    assert server.requests[1].json["seed"] == 1
    assert shared.run("print('c' in globals(), 'b' in globals())").text == "False False\n"


def test_a_proposal_without_code_or_without_change_says_so(shared: Kernel, server: FaultServer) -> None:
    """No empty diff, and no prose as a cell."""
    shared.run("1 / 0")
    server.script(chat("You divide by zero."), chat("```python\n1 / 0\n```"))
    assert shared.run("%wcode fix --insert").error == "AnswerMalformed"
    assert "The proposed cell is the same." in shared.run("%wcode fix").text
