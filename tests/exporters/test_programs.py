"""Every exported program sends the body of the cell and tells what came back. See README.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from wcode_jupyter import wire
from wcode_jupyter.export import TARGETS, export
from wcode_jupyter.request.messages import Protocol, Request

from .runners import RUNNERS, Run, run, source_file
from .server import BREAKS, ENDS, KEY, REASONING, TEXT, WORDS, Server, serving
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


@pytest.fixture(autouse=True)
def ok(server: Server) -> None:
    server.mode = "ok"


def built(target: str, request: Request, base_url: str, stream: bool, folder: Path) -> Callable[..., Run]:
    """The exported program, ready to run."""
    runner = RUNNERS[target]
    if missing := runner.missing():
        pytest.skip(f"not installed: {missing}")
    source = export(target, request, base_url=base_url, stream=stream)
    return partial(run, runner.build(source_file(target, source, folder)), runner)


@each_case
@both_ways
def test_body_and_answer(target: str, protocol: Protocol, stream: bool, server: Server, tmp_path: Path) -> None:
    """The server receives the cell's own body, value for value, and both texts of its answer are printed."""
    request = request_of(list(HARD), protocol)
    done = built(target, request, server.base_url, stream, tmp_path)()
    assert (done.code, done.err) == (0, REASONING)
    assert done.out.rstrip("\n") == TEXT
    assert json.loads(server.bodies[-1]) == wire.encode(replace(request, stream=stream))
    assert server.headers["authorization"] == f"Bearer {KEY}"
    assert server.headers["content-type"].startswith("application/json")
    assert server.headers.get("anthropic-version") == ("2023-06-01" if protocol == "anthropic" else None)


@each_case
@pytest.mark.exporters
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(contents=st.lists(texts, min_size=20, max_size=60))
def test_any_text(target: str, protocol: Protocol, contents: list[str], server: Server, tmp_path: Path) -> None:
    """Whatever the texts are, the body that arrives holds them unchanged."""
    request = request_of(contents, protocol)
    done = built(target, request, server.base_url, False, tmp_path)()
    assert done.code == 0, done.err
    assert json.loads(server.bodies[-1]) == wire.encode(replace(request, stream=False))


# How an exception that nobody caught looks: Python, Node and Java, Ruby, PHP, Go, Rust.
WALLS = ("Traceback", "\n    at ", "\n\tfrom ", "Stack trace", "goroutine 1", "panicked at")


@each_case
@both_ways
def test_errors(target: str, protocol: Protocol, stream: bool, server: Server, tmp_path: Path) -> None:
    """What is no answer, or only half of one, fails the program with the server's words in a line or two.

    The key is nowhere, even if it was echoed.
    """
    program = built(target, request_of(["hello"] * 5, protocol), server.base_url, stream, tmp_path)
    modes = WORDS | (BREAKS if stream else {})
    if target in ("python-openai", "python-anthropic"):
        del modes["redirect"]  # the SDKs follow redirects,
        modes.pop("garbage", None)  # and keep a broken event to themselves
    for server.mode, words in modes.items():
        done = program()
        assert done.code != 0, server.mode
        assert done.err.removeprefix(REASONING).strip(), server.mode
        assert words in done.err, server.mode
        assert KEY not in done.out + done.err, server.mode
        assert not any(wall in done.err for wall in WALLS), server.mode


@each_case
def test_keys(target: str, protocol: Protocol, server: Server, tmp_path: Path) -> None:
    """White space around the key (the line end of a Windows file) is not sent; no key sends nothing and is named."""
    program = built(target, request_of(["hello"] * 5, protocol), server.base_url, False, tmp_path)
    assert program(key=f" {KEY}\r\n").code == 0
    assert server.headers["authorization"] == f"Bearer {KEY}"
    before = len(server.bodies)
    for key in ("", " \n"):
        done = program(key=key)
        assert done.code != 0
        assert "WCODE_API_KEY" in done.err
    assert len(server.bodies) == before
    # Header checks like to quote what they refuse.
    for key in ("sk-SECRET\x01value", "sk-SECRET密钥"):
        done = program(key=key)
        assert "SECRET" not in done.out + done.err
        assert not any(wall in done.err for wall in WALLS)


@pytest.mark.parametrize(("target", "protocol"), [case for case in CASES if case.values[1] == "openai"])
def test_either_end_will_do(target: str, protocol: Protocol, server: Server, tmp_path: Path) -> None:
    """A stream with `finish_reason` or with `[DONE]` is whole."""
    program = built(target, request_of(["hello"] * 5, protocol), server.base_url, True, tmp_path)
    for server.mode in ENDS:
        done = program()
        # The SDK keeps [DONE] to itself.
        assert (done.code == 0) == (target != "python-openai" or server.mode == "no done"), server.mode
        assert done.out.rstrip("\n") == TEXT


@pytest.mark.parametrize("target", ["php", "php-curl"])
@both_ways
def test_php_waits(target: str, stream: bool, server: Server, tmp_path: Path) -> None:
    """The first byte may come later than PHP's own limit (see `runners.py`), for a model that thinks long."""
    program = built(target, request_of(["hello"] * 5), server.base_url, stream, tmp_path)
    server.mode = "slow"
    assert program().code == 0


@each_case
def test_no_server(target: str, protocol: Protocol, tmp_path: Path) -> None:
    """Without a server the program fails and says so in a line."""
    done = built(target, request_of(["hello"] * 5, protocol), "http://127.0.0.1:9/v1", False, tmp_path)()
    assert done.code != 0
    assert done.err.strip()
    assert KEY not in done.err
    assert not any(wall in done.err for wall in WALLS)
