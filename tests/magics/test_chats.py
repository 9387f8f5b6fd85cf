"""`%%wcode --chat` and `%wcode chats` in a real kernel."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest

from tests.fault_server import HOLD, FaultServer, chat, delta, stream
from tests.kernels import Kernel
from tests.prompt.test_images import PNG
from tests.tool_server import calls, said

pytestmark = pytest.mark.kernel


def contents(server: FaultServer, number: int) -> list[str]:
    """The texts of request `number`, from 1."""
    return [message["content"] for message in server.wait(number).json["messages"]]


def test_a_cell_continues_its_chat_and_no_other(shared: Kernel, server: FaultServer) -> None:
    """Two chats and a question without one: each sends what is its own; the system text stays, references filled in."""
    shared.run("who = 'a pirate'")
    shared.run("%%wcode --chat a --system 'You are {{who}}.'\n1")
    shared.run("%%wcode --chat b\n2")
    shared.run("%%wcode\n3")
    shared.run("who = 'somebody else'")
    shared.run("%%wcode --chat a\n4")
    assert contents(server, 2) == ["2"]
    assert contents(server, 3) == ["3"]
    assert contents(server, 4) == ["You are a pirate.", "1", "Hello", "4"]
    assert shared.run("%wcode chats").text.splitlines()[2].split() == ["a", "2", "18→12", "4"]
    assert shared.run("%wcode chats list").text == shared.run("%wcode chats").text


def test_the_system_text_of_a_chat_stands_before_that_of_the_session(shared: Kernel, server: FaultServer) -> None:
    """The session's is for new chats; the cell's wins over both."""
    shared.run("%%wcode --chat own --system A\n1")
    shared.run("%wcode set system=S")
    shared.run("%%wcode --chat own\n2")
    shared.run("%%wcode --chat new\n3")
    shared.run("%%wcode --chat own --system B\n4")
    shared.run("%wcode unset system")
    assert [contents(server, number)[0] for number in (1, 2, 3, 4)] == ["A", "A", "S", "B"]


def test_an_interrupted_cell_is_marked_in_its_chat(shared: Kernel, server: FaultServer) -> None:
    """The next cell does not send it, `--keep-failed` does."""
    server.script(stream(delta("par"), HOLD), chat("Hello"))
    cell = shared.start("%%wcode --chat stopped\n1", answers=())
    server.wait()
    cell.wait_for(lambda message: "par" in str(message.content.get("data", "")))
    shared.interrupt()
    assert cell.finish().error == "AnswerInterrupted"
    assert "interrupted" in shared.run("%wcode chats show stopped").text
    shared.run("%%wcode --chat stopped\n2")
    shared.run("%%wcode --chat stopped --keep-failed\n3")
    assert contents(server, 2) == ["2"]
    assert contents(server, 3) == ["1", "par", "2", "Hello", "3"]


def test_fork_undo_and_reset(shared: Kernel, server: FaultServer) -> None:
    """Each says what it did, and the next question goes out accordingly."""
    shared.run("%%wcode --chat base\n1")
    shared.run("%%wcode --chat base\n2")
    assert shared.run("%wcode chats fork base other").text == "Created other as a copy of base; turns: 2.\n"
    assert shared.run("%wcode chats undo other").text == "Removed from other: “2”. Turns left: 1.\n"
    shared.run("%%wcode --chat other\n3")
    assert contents(server, 3) == ["1", "Hello", "3"]
    assert shared.run("%wcode chats reset base").text == "Deleted base; turns: 2.\n"
    shared.run("%%wcode --chat base\n4")
    assert contents(server, 4) == ["4"]


def test_a_chat_is_shown_formatted_and_safe(shared: Kernel, server: FaultServer) -> None:
    """Markdown of answers is rendered; HTML in questions and answers is text."""
    server.script(chat("**bold** <script>alert(1)</script>"))
    shared.run("%%wcode --chat shown --raw\n<img src=x onerror=alert(2)>")
    shown = shared.run("%wcode chats show shown").outputs[0]["data"]
    assert "<strong>bold</strong>" in shown["text/html"]
    assert "<script" not in shown["text/html"]
    assert "<img" not in shown["text/html"]
    assert shown["text/plain"] == "[1] <img src=x onerror=alert(2)>\n**bold** <script>alert(1)</script>"


def test_a_chat_is_exported_by_the_ending_of_the_file(shared: Kernel, server: FaultServer) -> None:
    """Markdown to read, JSON with every figure, and a notebook whose cells hold the same conversation."""
    folder = Path(shared.run("import os; print(os.getcwd())").text.strip())
    shared.run("%%wcode --chat out --temperature 0.5 --system S --raw\nsay {{x}}")
    for ending in ("md", "json", "ipynb"):
        assert shared.run(f"%wcode chats export out talk.{ending}").status == "ok"
    assert (folder / "talk.md").read_text("utf-8") == "# out\n\n> S\n\n## 1\n\nsay {{x}}\n\n### m\n\nHello\n"
    value = json.loads((folder / "talk.json").read_text("utf-8"))
    assert value["turns"][0]["question"] == {"role": "user", "content": "say {{x}}"}
    assert value["turns"][0]["reply"]["usage"]["output_tokens"] == 6
    notebook = nbformat.read(folder / "talk.ipynb", as_version=4)
    nbformat.validate(notebook)
    cell = notebook.cells[-1]
    assert cell.source == "%%wcode m --system S --temperature 0.5 --chat out --raw\nsay {{x}}"
    assert cell.outputs[0].data["text/plain"] == "Hello"
    again = shared.run("%wcode chats export out talk.md")
    assert again.error == "InputError"
    assert shared.run("%wcode chats export out talk.md --force").status == "ok"


def test_an_exported_notebook_runs_again_to_the_same_chat(shared: Kernel, server: FaultServer) -> None:
    """Its cells, run after a reset, ask the same requests."""
    folder = Path(shared.run("import os; print(os.getcwd())").text.strip())
    for question in ("it's {a}", "line\nline"):
        shared.run(f"%%wcode --chat round --seed 1\n{question}")
    shared.run("%wcode chats export round round.ipynb")
    shared.run("%wcode chats reset round")
    for cell in nbformat.read(folder / "round.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            shared.run(cell.source)
    assert [server.requests[n].json for n in (0, 1)] == [server.requests[n].json for n in (2, 3)]


def test_the_tools_of_a_chat_are_shown_and_exported(shared: Kernel, server: FaultServer) -> None:
    """Each call with its result; the notebook names the functions, so that they run again."""
    pytest.importorskip("pydantic")
    folder = Path(shared.run("import os; print(os.getcwd())").text.strip())
    shared.run("import wcode_jupyter\n@wcode_jupyter.tool\ndef add(a: int, b: int) -> int:\n    return a + b")
    answers = (calls("openai", ("add", {"a": 2, "b": 3})), said("openai", "It is 5."))
    server.script(*answers, *answers)
    shared.run("%%wcode --chat sum --tools add\n2 + 3?")
    shown = shared.run("%wcode chats show sum").outputs[0]["data"]
    assert shown["text/plain"] == '[1] 2 + 3?\n→ add({"a": 2, "b": 3})\n← add: 5\nIt is 5.'
    assert "add({&quot;a&quot;: 2, &quot;b&quot;: 3}) → 5</summary>" in shown["text/html"]
    shared.run("%wcode chats export sum sum.md")
    text = (folder / "sum.md").read_text("utf-8")
    assert text.endswith('### m\n\n    → add({"a": 2, "b": 3})\n    ← 5\n\nIt is 5.\n')
    shared.run("%wcode chats export sum sum.ipynb")
    shared.run("%wcode chats reset sum")
    shared.run(nbformat.read(folder / "sum.ipynb", as_version=4).cells[-1].source)
    assert [server.requests[n].json for n in (0, 1)] == [server.requests[n].json for n in (2, 3)]


def test_an_exported_chat_does_not_lose_its_images(shared: Kernel, server: FaultServer) -> None:
    """The notebook asks with the same image again; Markdown says that there was one."""
    folder = Path(shared.run("import os; print(os.getcwd())").text.strip())
    (folder / "dot.png").write_bytes(PNG)
    shared.run("%%wcode --chat seen --image dot.png\nWhat is this?")
    shared.run("%wcode chats export seen seen.ipynb")
    shared.run("%wcode chats export seen seen.md")
    assert "What is this?\n\n(images, not in this file: 1)\n\n### m" in (folder / "seen.md").read_text("utf-8")
    shared.run("%wcode chats reset seen")
    shared.run(nbformat.read(folder / "seen.ipynb", as_version=4).cells[-1].source)
    assert server.requests[0].json == server.requests[1].json
    assert "image_url" in str(server.requests[1].json)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("%wcode chats show nope", "InputError", "Chat not found: nope"),
        ("%wcode chats list all", "OptionError", "Usage: %wcode chats list"),
        ("%wcode chats undo nope", "InputError", "Chat not found: nope"),
        ("%wcode chats reset nope", "InputError", "Chat not found: nope"),
        ("%wcode chats fork nope new", "InputError", "Chat not found: nope"),
        ("%wcode chats export nope x.md", "InputError", "Chat not found: nope"),
        ("%wcode chats shew x", "OptionError", "show"),
        ("%wcode chats fork x", "OptionError", "fork NAME NEW"),
        ("%%wcode --trim oldest\nhi", "OptionError", "--trim needs --chat"),
        ("%%wcode --keep-failed\nhi", "OptionError", "--keep-failed needs --chat"),
        ("%%wcode --chat x --trim newest\nhi", "OptionError", "oldest"),
        ("%%wcode --chat ''\nhi", "InputError", "not a valid chat name"),
    ],
)
def test_bad_input_is_one_line_and_sends_nothing(
    shared: Kernel, server: FaultServer, code: str, error: str, words: str
) -> None:
    """Each mistake is named before anything leaves the machine."""
    done = shared.run(code)
    assert done.error == error
    assert words in done.text
    assert server.requests == []


def test_unknown_endings_and_folders_are_refused(shared: Kernel, server: FaultServer) -> None:
    """The chat stays as it is."""
    shared.run("%%wcode --chat file\nhi")
    assert ".md, .json, .ipynb" in shared.run("%wcode chats export file talk.docx").text
    assert "Cannot write" in shared.run("%wcode chats export file nowhere/talk.md").text


def test_completion_knows_the_chats(shared: Kernel, server: FaultServer) -> None:
    """After `--chat` and after the words of `%wcode chats`."""
    shared.run("%%wcode --chat a_long_talk\nhi")
    assert "a_long_talk" in shared.complete("%%wcode --chat a_l")
    assert "a_long_talk" in shared.complete("%wcode chats show a_l")
    assert "export" in shared.complete("%wcode chats ex")
