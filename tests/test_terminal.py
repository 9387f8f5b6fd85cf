"""The terminal harness itself: what it reads is what a person sees."""

from __future__ import annotations

from .terminal import Terminal


def test_cells(terminal: Terminal) -> None:
    """Cells of one and of many lines run; colours and the echo of the input are left out."""
    assert terminal.run("print('hello')\nprint('你好')") == "hello\n你好"
    assert terminal.run("1 + 1") == "Out[2]: 2"
    assert terminal.run("pass") == ""
    assert terminal.run("%%writefile note.txt\nprose, isn't it\n\nmore") == "Writing note.txt"
    assert (terminal.cwd / "note.txt").read_text() == "prose, isn't it\n\nmore\n"


def test_redrawn_text(terminal: Terminal) -> None:
    """Text that was drawn over is gone from the screen, and still in the raw output."""
    assert terminal.run(r"print('loading', end='\r'); print('\x1b[2K\x1b[31mdone\x1b[0m')") == "done"
    assert b"loading" in terminal.raw


def test_interrupt(terminal: Terminal) -> None:
    """Ctrl-C ends a cell at once; the next one works."""
    terminal.start("import time; print('on'); time.sleep(60)")
    terminal.wait_for(lambda screen: "\non" in screen)
    terminal.interrupt()
    assert "KeyboardInterrupt" in terminal.finish(timeout_s=10)
    assert terminal.run("'alive'") == "Out[2]: 'alive'"
