"""Whether a person sits in front of the shell."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from wcode_jupyter import shell


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A shell that IPython gives; it has no kernel yet."""
    found = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: found))
    return found


@pytest.mark.parametrize("allowed", [True, False])
def test_a_kernel_knows_whether_it_can_ask(running: SimpleNamespace, allowed: bool) -> None:
    """nbclient, papermill and nbconvert allow no input; a terminal is not looked at then."""
    running.kernel = SimpleNamespace(_allow_stdin=allowed)
    assert shell.can_ask(Terminal()) is allowed


def test_without_a_kernel_the_stream_that_is_read_decides(running: SimpleNamespace) -> None:
    """A pipe answers no question, whatever standard error is."""
    assert shell.can_ask(Terminal())
    assert not shell.can_ask(io.StringIO())


def test_without_ipython_there_is_no_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing imports it for that."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert shell.current_shell() is None
    assert "IPython" not in sys.modules
