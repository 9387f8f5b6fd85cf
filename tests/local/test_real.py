"""The embedded model for real: llama.cpp and SmolLM2, asked over plain HTTP."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from wcode_jupyter.local import LocalModel

from .test_model import becomes_refused, refused

pytestmark = [
    pytest.mark.model,
    pytest.mark.skipif(
        importlib.util.find_spec("xllamacpp") is None,
        reason='the engine is not installed: pip install "wcode_jupyter[local]"',
    ),
]

QUESTION: list[dict[str, str]] = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture(scope="module")
def local() -> Iterator[LocalModel]:
    """The demo model, from the user's cache, fetched into it if it is not there."""
    model = LocalModel()
    model.start()
    yield model
    model.stop()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, trust_env=False) as client:
        yield client


def ask(http: httpx.Client, base_url: str, key: str, **more: Any) -> httpx.Response:
    body = {"model": "local", "messages": QUESTION, "temperature": 0, "max_tokens": 32, **more}
    return http.post(f"{base_url}/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})


def test_it_knows_a_capital(local: LocalModel, http: httpx.Client) -> None:
    """The demo model answers a question in the OpenAI form."""
    answer = ask(http, local.start(), local.key.reveal()).json()
    assert "Paris" in answer["choices"][0]["message"]["content"]
    assert answer["model"] == "local"


def test_it_streams(local: LocalModel, http: httpx.Client) -> None:
    """The same answer comes as an event stream that ends with [DONE]."""
    lines = ask(http, local.start(), local.key.reveal(), stream=True).text.splitlines()
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    chunks = [json.loads(item) for item in data[:-1]]
    texts = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "Paris" in "".join(texts)
    assert sum(map(bool, texts)) > 3


def test_it_speaks_the_anthropic_form(local: LocalModel, http: httpx.Client) -> None:
    """The same server answers the Anthropic form below its other base URL."""
    local.start()
    body = {"model": "local", "max_tokens": 32, "temperature": 0, "system": QUESTION[0]["content"]}
    answer = http.post(
        f"{local.anthropic_base_url}/v1/messages",
        json={**body, "messages": QUESTION[1:]},
        headers={"x-api-key": local.key.reveal()},
    ).json()
    assert "Paris" in answer["content"][0]["text"]


@pytest.mark.parametrize("path", ["chat/completions", "messages", "completions"])
def test_another_key_is_refused(local: LocalModel, http: httpx.Client, path: str) -> None:
    """Whoever does not hold this start's key gets 401: no web page can ask the model."""
    answer = http.post(f"{local.start()}/{path}", json={"messages": QUESTION}, headers={"Authorization": "Bearer no"})
    assert answer.status_code == 401


def test_parallel_answers_share_the_whole_context(local: LocalModel, http: httpx.Client) -> None:
    """One answer may use the whole context although four may run at once."""
    models = http.get(f"{local.start()}/models", headers={"Authorization": f"Bearer {local.key.reveal()}"}).json()
    assert models["data"][0]["meta"]["n_ctx"] == 4096


PARENT = """
import signal, sys
from wcode_jupyter.local import LocalModel
local = LocalModel()
url = local.start()
try:
    print(url, local.key.reveal(), flush=True)
    signal.pause()
except KeyboardInterrupt:
    print("interrupted", local.running, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def kernel(local: LocalModel) -> Iterator[subprocess.Popen[str]]:
    """A process of its own group that has started the model, as a kernel does."""
    root = str(Path(__file__).resolve().parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env={**os.environ, "PYTHONPATH": root},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def said(kernel: subprocess.Popen[str]) -> list[str]:
    assert kernel.stdout is not None
    return kernel.stdout.readline().split()


def test_an_interrupt_of_the_kernel_leaves_it_running(kernel: subprocess.Popen[str], http: httpx.Client) -> None:
    """SIGINT to the kernel's whole group, as the stop button sends it, does not reach the engine."""
    url, key = said(kernel)
    os.killpg(kernel.pid, signal.SIGINT)
    assert said(kernel) == ["interrupted", "True"]
    assert "Paris" in ask(http, url, key).text


def test_sigkill_of_the_kernel_leaves_no_orphan(kernel: subprocess.Popen[str]) -> None:
    """The engine ends with a kernel that had no time to end it."""
    url, _key = said(kernel)
    kernel.kill()
    kernel.wait()
    assert becomes_refused(url)


def test_stop_frees_the_port_and_start_comes_back(local: LocalModel, http: httpx.Client) -> None:
    """After stop nothing answers; a later start uses the cached file and answers again."""
    url = local.start()
    assert local.stop()
    assert refused(url)
    assert "Paris" in ask(http, local.start(), local.key.reveal()).text
