"""`%%wcode` in a real terminal IPython: it streams, stops, and the model cannot write to the terminal itself."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
from rich.cells import cell_len

from tests.fault_server import HOLD, FaultServer, chat, delta, finish, reasoning, status, stream, usage
from tests.terminal import Terminal

ESC = "\x1b"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """One IPython with the extension for all tests of this module."""
    with Terminal(tmp_path_factory.mktemp("terminal")) as terminal:
        assert terminal.run("%load_ext wcode_jupyter") == ""
        yield terminal


@pytest.fixture
def server(shared: Terminal) -> Iterator[FaultServer]:
    """A server that the session asks by default, as the model `m`."""
    with FaultServer(chat("Hello")) as server:
        shared.clear()
        shared.run(f"%wcode set model=m base_url={server.base_url}")
        yield server


def test_text_appears_while_it_arrives_and_once(shared: Terminal, server: FaultServer) -> None:
    """The first words are on the screen before the server sends the rest; at the end each is there once."""
    gate = threading.Event()
    server.script(stream(delta("First words.\n\n"), gate, delta("* one\n* two\n"), finish(), usage(9, 6)))
    shared.start("%%wcode\nhi")
    shared.wait_for(lambda screen: "First words." in screen)
    assert not server.requests[0].answered.is_set()
    gate.set()
    text = shared.finish()
    assert text.count("First words.") == 1
    assert text.count("• one") == 1
    assert "9→6 tokens" in text.splitlines()[-1]
    assert "complete" in text.splitlines()[-1]


def test_reasoning_stands_above_the_answer(shared: Terminal, server: FaultServer) -> None:
    """Under a heading, once."""
    server.script(stream(reasoning("Let me think."), delta("42"), finish()))
    lines = [line.strip() for line in shared.run("%%wcode\nhi").splitlines() if line.strip()]
    assert lines[:3] == ["Reasoning", "Let me think.", "42"]


def test_ctrl_c_keeps_the_text_and_the_next_cell_works(shared: Terminal, server: FaultServer) -> None:
    """One line of error, the connection is closed, the variable holds what had arrived."""
    server.script(stream(delta("Begun"), HOLD), chat("next"))
    shared.start("%%wcode -o part\nhi")
    shared.wait_for(lambda screen: "Begun" in screen)
    shared.interrupt()
    assert server.requests[0].closed.wait(2)
    text = shared.finish(timeout_s=10)
    assert "AnswerInterrupted" in text.splitlines()[-1]
    assert "Traceback" not in text
    assert shared.run("print(part.text, part.ended)") == "Begun interrupted"
    assert "next" in shared.run("%%wcode\nhi")


HOSTILE = {
    "clear the screen": (f"{ESC}[2J{ESC}[H", f"{ESC}[2J"),
    "rename the window": (f"{ESC}]0;owned\a", f"{ESC}]0;owned"),
    "link elsewhere": (f"{ESC}]8;;https://evil.example{ESC}\\bank.example{ESC}]8;;{ESC}\\", f"{ESC}]8;"),
    "set the clipboard": (f"{ESC}]52;c;cm0gLXJm{ESC}\\", f"{ESC}]52;"),
    "ask for an answer": (f"{ESC}[c{ESC}[>q", f"{ESC}[c"),
    "hide": (f"{ESC}[31;8mhidden", f"{ESC}[31;8m"),
    "eight-bit control": ("\x9b2J\x9d0;owned\x9c", "\x9b"),
    "overwrite": ("rm -rf /\rls       x", "/\rls"),
    "erase": ("rm\b\bls", "\b\b"),
    "reading direction": ("\u202egpj.exe\u202c", "\u202e"),
}
"""What it does: (the model's text, what of it must not reach the terminal)."""


@pytest.mark.parametrize("format", ["markdown", "text", "json", "code"])
def test_the_model_cannot_write_to_the_terminal(shared: Terminal, server: FaultServer, format: str) -> None:
    """Control characters arrive as visible signs: none of them reaches the terminal, streamed or at the end."""
    payload = "".join(f"{text} {name}\n\n" for name, (text, _forbidden) in HOSTILE.items())
    server.script(stream(reasoning(payload), delta(f"before\n\n{payload}"), delta("after"), finish()))
    start = len(shared.raw)
    text = shared.run(f"%%wcode -q --format {format}\nhi")
    raw = shared.raw[start:].decode()
    assert [name for name, (_text, forbidden) in HOSTILE.items() if forbidden in raw] == []
    for words in ("before", *HOSTILE, "after"):
        assert words in " ".join(text.split())  # long lines are wrapped


def test_an_error_of_the_server_cannot_write_to_the_terminal(shared: Terminal, server: FaultServer) -> None:
    """The server's words are in the error, its control characters are not."""
    server.script(status(400, "".join(text for text, _forbidden in HOSTILE.values())))
    start = len(shared.raw)
    assert "gpj.exe" in shared.run("%%wcode\nhi")
    raw = shared.raw[start:].decode()
    assert [name for name, (_text, forbidden) in HOSTILE.items() if forbidden in raw] == []


def test_chinese_text_keeps_to_the_width(shared: Terminal, server: FaultServer) -> None:
    """Wide characters count twice: no line is longer than the terminal, no character is lost, tables stay straight."""
    prose = "这是一个用来检查换行的句子，里面没有空格。" * 12
    table = "| 模型 | 价格 |\n|---|---|\n| 甲 | 一元 |\n| 智谱清言 | 十二元 |\n"
    server.script(stream(delta(prose + "\n\n"), delta(table), finish()))
    text = shared.run("%%wcode -q\nhi")
    lines = text.splitlines()
    assert max(map(cell_len, lines)) <= 120
    assert prose in re.sub(r"\s", "", text)
    rows = [line for line in lines if "一元" in line or "十二元" in line]
    assert len({cell_len(line[: line.index("元") - (2 if "十二" in line else 1)]) for line in rows}) == 1


def test_an_error_is_one_line(shared: Terminal, server: FaultServer) -> None:
    """What, where and what to do next; no traceback."""
    server.script(status(402, "余额不足"))
    text = shared.run("%%wcode\nhi")
    assert text.count("PaymentRequired") == 1
    assert "余额不足" in text
    assert "Traceback" not in text
    assert len(text) < 500


def test_the_models_are_aligned(shared: Terminal) -> None:
    """The terminal is too narrow for `%wcode models`: cells are broken between words, and the columns stay straight."""
    shared.clear()
    lines = shared.run("%wcode models").splitlines()[1:]
    rule = next(number for number, line in enumerate(lines) if set(line) == {"─", " "})
    note = next(number for number, line in enumerate(lines) if line.split()[:1] == ["Other"])
    head, rows = next(line for line in lines if line.startswith("model ")), lines[rule + 1 : note]
    assert max(map(cell_len, lines)) <= 120
    assert [row.split()[0] for row in rows if not row.startswith(" ")] == [
        "stepfun/step-3.5-flash",
        "qwen/qwen3-235b-a22b",
        "qwen3.6-plus",
        "z-ai/glm-5",
    ]
    for start in (head.index(name) for name in ("name", "cap", "context")):
        assert {row[start - 1 : start] for row in rows} <= {" ", ""}
        assert any(row[start : start + 1].strip() for row in rows)


def test_a_table_keeps_to_the_width_with_chinese(shared: Terminal) -> None:
    """The same with characters that are two columns wide."""
    shared.clear()
    shared.run("from wcode_jupyter.table import Table")
    text = shared.run("Table(columns=('名称', '说明'), rows=(('甲', '很长的说明' * 20), ('乙', '短')))")
    assert max(map(cell_len, text.splitlines())) <= 120
    assert re.sub(r"\s", "", text).count("很长的说明") == 20
