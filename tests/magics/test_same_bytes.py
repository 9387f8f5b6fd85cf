"""A notebook run live and saved, then replayed without network, has the same outputs byte by byte.

The live runs ask a server on loopback; the replays run in the environment of `tests/offline`, where no connection can
be made, after that server has gone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.fault_server import (
    DONE,
    HOLD,
    FaultServer,
    Received,
    Script,
    chat,
    data,
    delta,
    finish,
    reasoning,
    status,
    stream,
    usage,
)
from tests.kernels import Kernel
from tests.record_notebooks import environment, execute, sidecar
from tests.test_notebooks import nbval

pytestmark = pytest.mark.kernel

HOSTILE = "天空为何是蓝色的?👩‍🔬 ‮שלום‬ e\u0301 a\u2028b <b>\x07</b>\n\n| a | b |\n|---|---|\n| $x^2$ | `c` |\n"


def tool_call(index: int, arguments: str, **function: str) -> bytes:
    """A piece of a tool call."""
    call = {"index": index, "function": {"arguments": arguments, **function}}
    if function:
        call |= {"id": f"call_{index}", "type": "function"}
    return data({"id": "c1", "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]})


def second_choice(text: str) -> bytes:
    return data({"id": "c1", "choices": [{"index": 1, "delta": {"content": text}, "finish_reason": None}]})


ANSWERS: dict[str, list[Script]] = {
    "think": [
        stream(reasoning("Hm, "), reasoning("散射。"), delta("# 答\n\n"), delta(HOSTILE), finish(), usage(), DONE)
    ],
    "tool": [stream(tool_call(0, '{"city": ', name="weather"), tool_call(0, '"北京"}'), finish("tool_calls"), DONE)],
    "sample": [chat("first"), chat("second"), chat("first")],
    "refused": [status(401, "bad key")],
    "cut": [stream(delta("half of "), delta("an answer"), cut=True)],
    "gone": [stream(delta("half"), data({"error": {"code": 502, "message": "gone"}}))],
    "filter": [stream(delta("some"), finish("content_filter"), DONE)],
    "long": [stream(delta("word " * 50), finish("length"), usage(), DONE)],
    "busy": [status(503, headers={"Retry-After": "0"}), chat("at last")],
    "two": [stream(delta("one"), second_choice("two"), finish(), DONE)],
    "json": [chat('{"a": [1, 2, {"b": "深"}]}')],
    "empty": [stream(finish(), usage(9, 0), DONE)],
    "plain": [chat("from Python")],
}
"""What the server answers to a prompt whose first word this is, in turn."""

CELLS = [
    "%load_ext wcode_jupyter",
    "%wcode set model=m base_url=BASE_URL",
    "%%wcode z-ai/glm-5 -o answer\nthink of it",
    "print(repr(answer), answer.reasoning, answer.usage.output_tokens, answer.cost, len(answer.text))",
    '%%wcode --tools \'[{"type": "function", "function": {"name": "weather"}}]\' -o answer\ntool please',
    "answer.tool_calls",
    "%%wcode\nsample",
    "%%wcode\nsample",
    "%%wcode -o answer\nsample",
    "print(answer)",
    "%%wcode\nrefused",
    "%%wcode -o part\ncut",
    "print(part, part.ended, part.error)",
    "%%wcode\ngone",
    "%%wcode\nfilter",
    "%%wcode --max-tokens 5\nlong",
    "%%wcode\nbusy",
    "%%wcode --extra-body '{\"n\": 2}'\ntwo",
    "%%wcode --format json -q\njson",
    "%%wcode --no-stream --format text\njson",
    "%%wcode --schema 'name str' -o answer\njson",
    "%%wcode\nempty",
    "%wcode ask plain",
    "from wcode_jupyter import Client, WcodeError\nclient = Client(base_url='BASE_URL', model='m')",
    "print(client.ask('plain').text)",
    "for event in client.stream('plain'):\n    print(getattr(event, 'text', ''), end='')",
    "print((await client.aask('plain')).text)",
    "try:\n    client.ask('refused')\nexcept WcodeError as error:\n    print(type(error).__name__, error)",
    "from wcode_jupyter.request.messages import Image, Message, Text\n"
    "seen = [Message('user', (Text('plain'), Image('data:image/png;base64,iVBORw0KGgo=')))]\n"
    "print(client.ask(seen).text)",
]
"""A notebook; BASE_URL stands for the server's."""

FAILING = {
    "%%wcode\nrefused",
    "%%wcode -o part\ncut",
    "%%wcode\ngone",
    "%%wcode\nfilter",
    "%%wcode --schema 'name str' -o answer\njson",
}


def answering() -> FaultServer:
    """A server that answers by the first word of the prompt."""
    asked: dict[str, int] = {}

    def answer(request: Received) -> Script:
        content = request.json["messages"][0]["content"]
        word = (content if isinstance(content, str) else content[0]["text"]).split()[0]
        asked[word] = asked.get(word, 0) + 1
        return ANSWERS[word][min(asked[word], len(ANSWERS[word])) - 1]

    return FaultServer(answer)


def written(path: Path, base_url: str) -> Path:
    """The notebook of `CELLS`, not yet run."""
    made = nbformat.v4.new_notebook()
    for source in CELLS:
        metadata = {"tags": ["raises-exception"]} if source in FAILING else {}
        made.cells.append(nbformat.v4.new_code_cell(source.replace("BASE_URL", base_url), metadata=metadata))
    nbformat.write(made, path)
    return path


def saved(path: Path) -> list[Any]:
    """The outputs of each cell of a saved notebook, as plain values."""
    notebook = json.loads(json.dumps(nbformat.read(path, as_version=4)))  # texts in one piece
    return [cell["outputs"] for cell in notebook["cells"]]


def run_with_display(folder: Path, base_url: str, mode: str, language: str = "en") -> list[Any]:
    """The outputs of each cell as JupyterLab saves them, where somebody watches the answers arrive."""
    own = environment(folder / mode, folder / "study.ipynb", mode) | {"WCODE_LANG": language}
    with Kernel(folder, own) as kernel:
        done = [kernel.run(source.replace("BASE_URL", base_url), answers=()) for source in CELLS]
    assert [source for source, cell in zip(CELLS, done, strict=True) if cell.status == "error"] == [
        source for source in CELLS if source in FAILING
    ]
    return [cell.outputs for cell in done]


def without_marks(outputs: Any) -> Any:
    """Outputs without what may differ: `replayed` in their metadata, and the number of the cell's run."""
    if isinstance(outputs, dict):
        return {key: without_marks(value) for key, value in outputs.items() if key != "replayed"}
    return [without_marks(value) for value in outputs] if isinstance(outputs, list) else outputs


def replayed(outputs: list[Any]) -> set[bool]:
    """What the metadata of all answers say of having been replayed."""
    found = [output["metadata"].get("wcode") for cell in outputs for output in cell if "metadata" in output]
    return {record.get("replayed", False) for record in found if record}


def assert_same(again: list[Any], live: list[Any]) -> None:
    for source, before, after in zip(CELLS, live, again, strict=True):
        assert without_marks(after) == without_marks(before), source
    assert (replayed(live), replayed(again)) == ({False}, {True})


def test_a_notebook_saved_by_nbclient_replays_to_the_same_bytes(tmp_path: Path) -> None:
    """Strict nbval passes, and more: streams, displays, results, errors, and the ids in the metadata are the same."""
    with answering() as server:
        path = written(tmp_path / "study.ipynb", server.base_url)
        execute(path, "record")
    live = saved(path)
    checked = nbval(path, tmp_path / "nbval")
    assert checked.returncode == 0, checked.stdout
    execute(path, "replay")
    assert_same(saved(path), live)
    assert len(live[CELLS.index("%%wcode\nempty")]) == 1


def test_a_notebook_that_somebody_watched_replays_to_the_same_bytes(tmp_path: Path) -> None:
    """What JupyterLab saves of a live display is what its replay shows, watched or headless."""
    with answering() as server:
        live = run_with_display(tmp_path, server.base_url, "record")
        path = written(tmp_path / "study.ipynb", server.base_url)
    assert_same(run_with_display(tmp_path, server.base_url, "replay"), live)
    execute(path, "replay")
    headless = saved(path)
    for source, before, after in zip(CELLS, live, headless, strict=True):
        if source.startswith("%%wcode"):
            assert [output.get("data") for output in after] == [output.get("data") for output in before], source


def test_a_replay_speaks_the_language_of_the_recording(tmp_path: Path) -> None:
    """Words around answers and the lines of their errors are the same on a machine of another language."""
    with answering() as server:
        live = run_with_display(tmp_path, server.base_url, "record", "zh_CN")
    assert_same(run_with_display(tmp_path, server.base_url, "replay", "en"), live)


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_an_interrupted_answer_replays_as_interrupted(tmp_path: Path, language: str) -> None:
    """The part that had arrived, the mark, and the failed cell come again, on a machine of another language too; the
    file holds one line for it.
    """
    notebook = tmp_path / "study.ipynb"
    with (
        FaultServer(stream(delta("# Begun\n\nhalf a "), HOLD)) as server,
        Kernel(tmp_path, environment(tmp_path / "1", notebook, "record") | {"WCODE_LANG": language}) as kernel,
    ):
        cells = ["%load_ext wcode_jupyter", f"%wcode set model=m base_url={server.base_url}"]
        for source in cells:
            kernel.run(source)
        cell = kernel.start("%%wcode -o part\nhi", answers=())
        cell.wait_for(lambda message: "Begun" in json.dumps(message.content))
        kernel.interrupt()
        live = cell.finish()
    assert live.error == "AnswerInterrupted"
    assert sidecar(notebook).read_bytes().count(b"\n") == 1
    with Kernel(tmp_path, environment(tmp_path / "2", notebook, "replay")) as kernel:
        for source in cells:
            kernel.run(source)
        again = kernel.run("%%wcode -o part\nhi", answers=())
        assert kernel.run("print(repr(part.text), part.ended)").text == "'# Begun\\n\\nhalf a ' interrupted\n"
    assert again.error == "AnswerInterrupted"
    assert without_marks(again.outputs) == without_marks(live.outputs)
