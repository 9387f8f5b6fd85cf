"""Every exported program sends the body of the cell and tells what came back. See README.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from wcode_jupyter import wire
from wcode_jupyter.export import TARGETS, export
from wcode_jupyter.messages import Protocol, Request

from .runners import RUNNERS, Run, run, source_file
from .server import KEY, REASONING, TEXT, WORDS, Server, serving
from .texts import HARD, request_of, texts

CASES = [
    pytest.param(target, protocol, marks=[pytest.mark.exporters] if RUNNERS[target].heavy else [])
    for target in RUNNERS
    for protocol in TARGETS[target].protocols
]
each_case = pytest.mark.parametrize(("target", "protocol"), CASES)
both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def program_run(target: str, request: Request, base_url: str, stream: bool, folder: Path, key: str = KEY) -> Run:
    runner = RUNNERS[target]
    if missing := runner.missing():
        pytest.skip(f"not installed: {missing}")
    source = export(target, request, base_url=base_url, stream=stream)
    return run(runner.build(source_file(target, source, folder)), runner, key=key)


@each_case
@both_ways
def test_body_and_answer(target: str, protocol: Protocol, stream: bool, server: Server, tmp_path: Path) -> None:
    """The server receives the cell's own body, value for value, and both texts of its answer are printed."""
    request = request_of(list(HARD), protocol)
    done = program_run(target, request, server.base_url(), stream, tmp_path)
    assert (done.code, done.err) == (0, REASONING)
    assert done.out.rstrip("\n") == TEXT
    assert json.loads(server.bodies[-1]) == wire.encode(replace(request, stream=stream))
    assert server.headers["authorization"] == f"Bearer {KEY}"
    assert server.headers["content-type"].startswith("application/json")
    assert server.headers.get("anthropic-version") == ("2023-06-01" if protocol == "anthropic" else None)


@each_case
@pytest.mark.exporters
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents=st.lists(texts, min_size=20, max_size=60))
def test_any_text(target: str, protocol: Protocol, contents: list[str], server: Server, tmp_path: Path) -> None:
    """Whatever the texts are, the body that arrives holds them unchanged."""
    request = request_of(contents, protocol)
    done = program_run(target, request, server.base_url(), False, tmp_path)
    assert done.code == 0, done.err
    assert json.loads(server.bodies[-1]) == wire.encode(replace(request, stream=False))


@each_case
@both_ways
def test_errors(target: str, protocol: Protocol, stream: bool, server: Server, tmp_path: Path) -> None:
    """An error of the server fails the program with the server's words; the key is nowhere, even if it was echoed."""
    request = request_of(["hello"] * 5, protocol)
    modes = {**WORDS, "html": "Welcome to the portal", "html200": "", "redirect": "307"}
    if not stream:
        del modes["midway"]
    if target.endswith(("openai", "anthropic")):
        del modes["redirect"]  # the SDKs follow redirects
    for mode, words in modes.items():
        done = program_run(target, request, server.base_url(mode), stream, tmp_path)
        assert done.code != 0, mode
        assert words in done.err, mode
        assert KEY not in done.out + done.err, mode


@each_case
def test_no_key_and_no_server(target: str, protocol: Protocol, server: Server, tmp_path: Path) -> None:
    """Without a key nothing is sent and the variable is named; without a server the program fails and says so."""
    request = request_of(["hello"] * 5, protocol)
    before = len(server.bodies)
    done = program_run(target, request, server.base_url(), False, tmp_path, key="")
    assert done.code != 0
    assert "WCODE_API_KEY" in done.err
    assert len(server.bodies) == before
    done = program_run(target, request, "http://127.0.0.1:9", False, tmp_path)
    assert done.code != 0
    assert done.err.strip()
    assert KEY not in done.err
    assert "Traceback" not in done.err
