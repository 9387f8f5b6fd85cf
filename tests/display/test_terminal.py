"""An answer in a terminal."""

from __future__ import annotations

import io
import re

import pytest

from tests.display.fakes import Clock, FakeStream
from wcode_jupyter.display import pump
from wcode_jupyter.display.terminal import PlainView, TerminalView
from wcode_jupyter.errors import ConnectError
from wcode_jupyter.reply.events import Event, Finish, ReasoningDelta, TextDelta, Usage

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(batches: list[tuple[float, list[Event]]], *, quiet: bool = False, format: str = "markdown") -> str:
    clock, out = Clock(), Tty()
    pump(FakeStream(batches, clock), TerminalView(out, format, quiet=quiet, clock=clock, width=60))
    return out.getvalue()


def screen(raw: str) -> list[str]:
    """The lines that stand on the screen in the end: a small terminal that knows cursor up and erase line."""
    lines, row = [""], 0
    for part in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\n|\r)", raw):
        if part == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif part == "\x1b[1A":
            row = max(0, row - 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part and part != "\r" and not ESCAPES.fullmatch(part):
            lines[row] += part
    return [line.rstrip() for line in lines]


@pytest.fixture(autouse=True)
def _colours(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_an_answer_streams_and_stays_once():
    """Blocks are printed once, the tail is redrawn; in the end each line stands there once, in order."""
    text = "# Title\n\nHello **world**\n\n- one\n- two\n\nlast words"
    batches: list[tuple[float, list[Event]]] = [(1 + n / 20, [TextDelta(c)]) for n, c in enumerate(text)]
    raw = show([*batches, (6, [Finish("stop"), Usage(3, 9)])])
    lines = [line.strip() for line in screen(raw) if line.strip()]
    assert [line for line in lines if line in ("Hello world", "• one", "• two", "last words")] == [
        "Hello world", "• one", "• two", "last words",
    ]  # fmt: skip
    assert lines[-1].endswith("complete")
    assert "\x1b[1mworld" in raw


def test_reasoning_comes_first_and_dim():
    """Reasoning is set apart from the answer."""
    raw = show([(1, [ReasoningDelta("hmm")]), (2, [TextDelta("42")])])
    lines = [line.strip() for line in screen(raw) if line.strip()]
    assert lines[:3] == ["Reasoning", "hmm", "42"]


def test_control_characters_do_not_reach_the_terminal():
    """Escape sequences, C1 controls and direction overrides of the model are printed as signs."""
    raw = show([(1, [TextDelta("a\x1b]0;title\x07b\x9b31m \u202eevil\u2066 \x08\n")])])
    assert not set(ESCAPES.sub("", raw)) & {"\x1b", "\x07", "\x08", "\x9b", "\u202e", "\u2066"}
    assert "a␛]0;title␇b⟨9B⟩31m ⟨U+202E⟩evil⟨U+2066⟩ ␈" in "".join(screen(raw))


def test_links_show_where_they_lead():
    """No hidden target: the address is printed, no terminal hyperlink is made."""
    raw = show([(1, [TextDelta("see [my bank](https://evil.example/x) ![p](https://e.example/i.png)\n")])])
    assert "\x1b]8" not in raw
    assert "https://evil.example/x" in "".join(screen(raw))
    assert "https://e.example/i.png" in "".join(screen(raw))


def test_formulas_keep_their_backslashes():
    """Formulas are shown as they were written."""
    assert r"\(a_b\) and $x\_1$" in "".join(screen(show([(1, [TextDelta("so \\(a_b\\) and $x\\_1$\n")])])))


def test_chinese_text_fits_the_width():
    """A line of wide characters wraps at the width of the terminal."""
    raw = show([(1, [TextDelta("汉" * 100 + "\n")])], quiet=True)
    assert [line for line in screen(raw) if line] == ["汉" * 30] * 3 + ["汉" * 10]


def test_a_recorded_answer_is_printed_whole():
    """An answer that has ended already is shown without streaming."""
    clock = Clock()
    stream = FakeStream([(0, [ReasoningDelta("hm"), TextDelta("**bold** text\n")])], clock)
    pump(stream, PlainView(io.StringIO()))
    out = Tty()
    pump(stream, TerminalView(out, width=60))
    assert [line.strip() for line in screen(out.getvalue()) if line.strip()][:3] == ["Reasoning", "hm", "bold text"]


@pytest.mark.parametrize("view", [lambda out: PlainView(out), lambda out: TerminalView(out, width=60)])
def test_what_failed_before_anything_arrived_leaves_its_error_alone(view):
    """Nothing is printed beside the one line of the error that follows."""
    out = Tty()
    pump(FakeStream([], Clock(), error=ConnectError("no route")), view(out))
    assert "".join(screen(out.getvalue())) == ""


def test_without_a_terminal_the_text_comes_at_the_end():
    """A pipe gets the text, its mark and the status line, without colours."""
    clock, out = Clock(), io.StringIO()
    pump(FakeStream([(1, [TextDelta("**a** \x1b[31m")]), (2, [Finish("length")])], clock), PlainView(out))
    assert out.getvalue().splitlines() == [
        "**a** ␛[31m", "— stopped at the token limit —", "z-ai/glm-5 · first token 1.0 s · stopped at the token limit",
    ]  # fmt: skip
    out = io.StringIO()
    pump(FakeStream([(1, [TextDelta("a")])], Clock()), PlainView(out, quiet=True))
    assert out.getvalue() == "a\n"
