"""`%wcode ask`: its answer is shown once, and its value is the Reply."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import isolated
from tests.fault_server import FaultServer, chat, status
from tests.kernels import Kernel

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("answers", [None, ()], ids=["headless", "watched"])
@pytest.mark.parametrize(
    ("cell", "printed"),
    [
        ("%wcode ask hi", ""),
        ("r = %wcode ask hi\nprint(type(r).__name__, r.text)", "Reply Hello\n"),
        ("r = get_ipython().run_line_magic('wcode', 'ask hi')\nprint(r.ended)", "complete\n"),
        ("get_ipython().run_line_magic('wcode', 'ask hi')", ""),
        ("%%time\n%wcode ask hi", ""),
        ("if True:\n    %wcode ask hi", ""),
        ("def f():\n    r = %wcode ask hi\n    return r.text\nprint(f())", "Hello\n"),
    ],
)
def test_the_answer_is_shown_once(
    shared: Kernel, server: FaultServer, cell: str, printed: str, answers: tuple[str, ...] | None
) -> None:
    """Alone on its line the answer is the only output; assigned, the variable is the Reply."""
    done = shared.run(cell, answers=answers)
    assert done.status == "ok"
    kinds = [output["output_type"] for output in done.outputs if "text" not in output]
    assert kinds == ["display_data"]
    lines = [output["text"] for output in done.outputs if output.get("name") == "stdout"]
    assert "".join(lines).endswith(printed)
    assert len(server.requests) == 1


def test_several_in_one_cell_and_after_loading(shared: Kernel, server: FaultServer) -> None:
    """Two assignments and a bare line, in the cell that loads the extension: three answers, two variables."""
    done = shared.run("%load_ext wcode_jupyter\na = %wcode ask one\nb = %wcode ask -q two\n%wcode ask three")
    assert [output["output_type"] for output in done.outputs if "data" in output] == ["display_data"] * 3
    assert shared.run("print(a.request.messages[0].text, b.request.messages[0].text)").text == "one two\n"


def test_an_assignment_that_fails_binds_nothing(shared: Kernel, server: FaultServer) -> None:
    """The error is the cell's, and the variable keeps its old value."""
    server.script(status(401))
    done = shared.run("r = 'old'\nr = %wcode ask hi")
    assert done.status == "error"
    assert shared.run("print(r)").text == "old\n"


def test_in_the_terminal(tmp_path: Path) -> None:
    """IPython without a kernel: the answer once, no `Out` below it, and the Reply in the variable."""
    with FaultServer(chat("Hello")) as server:
        lines = [
            "%load_ext wcode_jupyter",
            f"%wcode set model=m base_url={server.base_url}",
            "%wcode ask hi",
            "r = %wcode ask hi",
            "print('bound', type(r).__name__)",
        ]
        ran = subprocess.run(
            [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"],
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=isolated(tmp_path),
            timeout=60,
        )
    assert ran.stdout.count("Hello") == 2
    assert "bound Reply" in ran.stdout
    assert "Out[" not in ran.stdout
