"""The tools themselves read what `--write` wrote, and ask with it. See README.md."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from wcode_jupyter.catalogue import Catalogue
from wcode_jupyter.export import export_tool, write_tool

from .server import KEY, Server, serving

pytestmark = pytest.mark.exporters

MASTER = "sk-master-0123456789-of-this-test"
MODELS = ("qwen3.6-plus", "z-ai/glm-5")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def configured(target: str, path: Path, server: Server) -> None:
    for model in MODELS:
        write_tool(export_tool(target, model=Catalogue.load().model(model), base_url=server.base_url), path)


def environment(home: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LLM_USER_PATH": str(home),
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
        "WCODE_API_KEY": KEY,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": MASTER,
    }


def said(home: Path, *command: str) -> str:
    """What the tool prints."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"not installed: {command[0]}")
    done = subprocess.run(
        command, env=environment(home), cwd=home, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def arrived(server: Server) -> str:
    """The model of the newest request, which must have come with the key."""
    assert server.headers["authorization"] == f"Bearer {KEY}"
    return str(json.loads(server.bodies[-1])["model"])


def test_opencode(server: Server, tmp_path: Path) -> None:
    """OpenCode lists both models beside what was in its file, and asks with the key of the environment."""
    path = tmp_path / ".config/opencode/opencode.json"
    path.parent.mkdir(parents=True)
    path.write_text('{\n  // mine\n  "autoupdate": false,\n  "share": "disabled",\n}\n')
    configured("opencode", path, server)
    assert said(tmp_path, "opencode", "models", "myprovider").split() == [f"myprovider/{model}" for model in MODELS]
    said(tmp_path, "opencode", "run", "--model", "myprovider/z-ai/glm-5", "Hello")
    assert arrived(server) == "z-ai/glm-5"


def test_llm(server: Server, tmp_path: Path) -> None:
    """llm knows both models and asks with the key that was given to it by that name."""
    (tmp_path / "keys.json").write_text(json.dumps({"wcode": KEY}))
    configured("llm", tmp_path / "extra-openai-models.yaml", server)
    known = said(tmp_path, "llm", "models")
    assert all(f"wcode/{model}" in known for model in MODELS)
    said(tmp_path, "llm", "--no-stream", "-m", "wcode/qwen3.6-plus", "Hello")
    assert arrived(server) == "qwen3.6-plus"


def test_litellm(server: Server, tmp_path: Path) -> None:
    """LiteLLM's proxy lists both models and asks with the key of the environment."""
    if shutil.which("litellm") is None:
        pytest.skip("not installed: litellm")
    configured("litellm", tmp_path / "config.yaml", server)
    headers = {"Authorization": f"Bearer {MASTER}", "Content-Type": "application/json"}
    body = json.dumps({"model": "z-ai/glm-5", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    with proxy(tmp_path) as url:
        with urlopen(Request(f"{url}/v1/models", headers=headers), timeout=30) as answer:
            assert {row["id"] for row in json.load(answer)["data"]} == set(MODELS)
        with urlopen(Request(f"{url}/v1/chat/completions", body, headers), timeout=60) as answer:
            assert json.load(answer)["choices"]
    assert arrived(server) == "z-ai/glm-5"


@contextmanager
def proxy(home: Path, timeout_s: float = 120) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = ["litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", port]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment(home), cwd=home, stdout=log, stderr=log)
    url, end = f"http://127.0.0.1:{port}", time.monotonic() + timeout_s
    try:
        while time.monotonic() < end and process.poll() is None:
            with suppress(OSError), urlopen(f"{url}/health/liveliness", timeout=5):
                break
            time.sleep(0.2)
        assert process.poll() is None, (home / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(30)
