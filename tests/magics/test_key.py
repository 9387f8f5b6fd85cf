"""The key in a notebook: whatever a user or a debugger prints, it is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault_server import FaultServer, chat, echo_key
from tests.kernels import Kernel

pytestmark = pytest.mark.kernel

KEY = "sk-hidden-0123456789abcdef"

FAILING = "%%wcode -o answer\nhi"
LOGGING = "import logging, io; log = io.StringIO()\nlogging.basicConfig(level=1, stream=log, force=True)"
# Up through every frame that the debugger offers, printing what each holds.
UP = [
    word
    for _ in range(12)
    for word in ("p locals()", "pp {n: vars(v) for n, v in locals().items() if hasattr(v, '__dict__')}", "u")
]
CLIENT = "shell = get_ipython()\nclient = shell.magics_manager.magics['cell']['wcode'].magic.client"


@pytest.fixture(scope="module", params=["typed", "environment"])
def after(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel that has sent the key, has seen it refused and echoed, and has an answer."""
    folder = tmp_path_factory.mktemp(request.param)
    with FaultServer(chat("fine"), echo_key) as server:
        base = server.base_url
        env = {"WCODE_API_KEY": KEY, "WCODE_BASE_URL": base} if request.param == "environment" else {}
        with Kernel(folder, env) as kernel:
            kernel.run(f"%load_ext wcode_jupyter\n{LOGGING}")
            kernel.run(f"%wcode set model=m base_url={base}")
            if request.param == "typed":
                kernel.run("%wcode key set", answers=[KEY])
            assert kernel.run("%%wcode -o fine\nhi").status == "ok"
            assert kernel.run(FAILING).error == "KeyRejected"
            assert [received.key for received in server.requests] == [KEY, KEY]
            yield kernel


PRINTS = {
    "verbose traceback": "%xmode Verbose\n%tb",
    "locals of every frame": "import sys, traceback\nprint(''.join(traceback.TracebackException.from_exception("
    "sys.last_value, capture_locals=True).format()))",
    "the error's own parts": "import sys\nprint(vars(sys.last_value), sys.last_value.args, repr(sys.last_value))",
    "the reply": "print(fine.to_dict(), repr(fine), fine.raw, fine.request, vars(type(fine)))",
    "the client": f"{CLIENT}\nfor part in (client, client.session, client.session.keys, client.transport):\n"
    "    print(part, vars(part))",
    "history and names": "%history\n%whos",
    "the log of the libraries": "print(log.getvalue())",
    "every object's repr": "import gc\nfor thing in gc.get_objects():\n"
    "    if str(type(thing).__module__).startswith('wcode_jupyter'): print(repr(thing))",
    "commands": "%wcode settings\n%wcode doctor\n%wcode last\n%wcode key status\n%wcode history",
    "the form of the request": "%%wcode --dry-run\nhi",
}


@pytest.mark.parametrize("code", PRINTS.values(), ids=PRINTS)
def test_nothing_that_can_be_printed_holds_the_key(after: Kernel, code: str) -> None:
    """Nor anything else that the kernel publishes."""
    done = after.run(code)
    assert done.status == "ok"
    assert KEY not in json.dumps([message.content for message in done.messages])


def test_the_debugger_does_not_find_it(after: Kernel) -> None:
    """`%debug` after the failed cell, through all its frames."""
    done = after.run("%debug", answers=[*UP, "q"])
    published = json.dumps([message.content for message in done.messages])
    assert "KeyRejected" in published or "wcode" in published
    assert KEY not in published


def test_the_check_above_can_fail(after: Kernel) -> None:
    """A key that the notebook itself prints is found in the same way."""
    done = after.run(f"print({KEY!r})")
    assert KEY in json.dumps([message.content for message in done.messages])


def test_the_hint_names_the_server_that_refused(after: Kernel) -> None:
    """Keys of another server are not to be had at the gateway's page."""
    text = after.run("import sys; print(sys.last_value)").text
    assert "%wcode key set http://127.0.0.1" in text
    assert "wcode.net" not in text


def test_no_file_holds_it(after: Kernel) -> None:
    """Nothing in the notebook's folder, the log of calls or IPython's own folder."""
    private = Path(after.run("import os; print(os.environ['XDG_DATA_HOME'])").text.strip()).parent
    files = [path for folder in (after.cwd, private) for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes() and "history" not in path.name] == []
