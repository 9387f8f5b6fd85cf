"""A network that fails in every way, seen from a `%%wcode` cell: one line each, and nothing is lost or leaked."""

from __future__ import annotations

import itertools
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault_server import (
    DONE,
    DROP,
    HOLD,
    RESET,
    FaultServer,
    Script,
    body,
    chat,
    comments,
    data,
    delta,
    finish,
    gzip_bomb,
    redirect,
    status,
    stream,
)
from tests.kernels import Execution, Kernel

pytestmark = pytest.mark.kernel

KEY = "sk-network-0123456789abcdef"

SELF_SIGNED = """\
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUO5R6qAGWdHinuz075VEXgpxS1iYwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjA2MDgwM1oYDzIxMjYxMDI5
MDYwODAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ6RvLZG+E1STvdK/SltEuFMq77WEHqfLRS02qn98TrHm85ATbgoljq
wG0aGhLRNPg4smgt9Dtnp3O+a30BrW7Ro28wbTAdBgNVHQ4EFgQUpOnf1448eDgq
LNb+AXvWDn9LpnIwHwYDVR0jBBgwFoAUpOnf1448eDgqLNb+AXvWDn9LpnIwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgIH09V+OXogJ2frcR/fNVVF/aZyW6nSzveuopqK+TxGICIGvd
lGFQvFA7nMJ1PCUAGcEBFXtRh+BErYrdKBYOtsED
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgXPFT5XCi4WiIyxba
ZxTLMSbSFF8eVI8Serz2iBo2SgChRANCAAQ6RvLZG+E1STvdK/SltEuFMq77WEHq
fLRS02qn98TrHm85ATbgoljqwG0aGhLRNPg4smgt9Dtnp3O+a30BrW7R
-----END PRIVATE KEY-----
"""
"""For this test alone: nobody signed it, so no client may trust it."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel with the extension for all tests of this module."""
    with Kernel(tmp_path_factory.mktemp("network")) as kernel:
        assert kernel.run("%load_ext wcode_jupyter\nimport os").status == "ok"
        yield kernel


def ask(kernel: Kernel, base_url: str, options: str = "") -> Execution:
    """One question to the server at `base_url`."""
    return kernel.run(f"%%wcode -m m --base-url {base_url} -o answer {options}\nhi")


def ask_server(kernel: Kernel, *scripts: Script, options: str = "") -> Execution:
    """One question to a server that answers so."""
    with FaultServer(*scripts) as server:
        return ask(kernel, server.base_url, options)


def line(done: Execution, error: str) -> str:
    """The one line of the error that ended the cell, which must be `error`."""
    assert done.error == error, done.text
    (traceback,) = done.outputs[-1]["traceback"]
    assert "\n" not in traceback
    return str(traceback)


def test_connection_refused(shared: Kernel) -> None:
    """Nobody listens: host and port are named."""
    with FaultServer(DROP) as server:
        base_url = server.base_url
    assert f"127.0.0.1:{server.port}" in line(ask(shared, base_url), "ConnectError")


def test_a_name_that_does_not_exist(shared: Kernel) -> None:
    """DNS failure names the host."""
    shared.run("%wcode key set https://wcode-model.invalid", answers=[KEY])
    done = ask(shared, "https://wcode-model.invalid/v1")
    assert "wcode-model.invalid" in line(done, "ConnectError")
    assert KEY not in done.text


def test_a_certificate_that_nobody_signed(shared: Kernel, tmp_path: Path) -> None:
    """A real TLS server with a self-signed certificate: the certificate is blamed, and the question was not sent."""
    (tmp_path / "server.pem").write_text(SELF_SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    with FaultServer(chat("never"), tls=context) as server:
        shared.run(f"%wcode key set {server.origin}", answers=[KEY])
        done = ask(shared, server.base_url)
        assert "certificate" in line(done, "ConnectError")
        assert server.requests == []
        # The same server answers once its certificate is trusted: it was the certificate, and nothing else.
        shared.run(f"os.environ['SSL_CERT_FILE'] = {str(tmp_path / 'server.pem')!r}")
        trusted = ask(shared, server.base_url)
        shared.run("del os.environ['SSL_CERT_FILE']")
        assert trusted.text == "never"
        assert server.requests[0].key == KEY


def test_https_to_a_server_without_tls(shared: Kernel) -> None:
    """The line says that there is no TLS, and the key stayed here."""
    with FaultServer(chat("never")) as server:
        address = server.base_url.replace("http:", "https:")
        shared.run(f"%wcode key set {address}", answers=[KEY])
        assert "TLS" in line(ask(shared, address), "ConnectError")
        assert server.requests == []


def test_a_proxy_in_the_environment(shared: Kernel) -> None:
    """Loopback is never sent through it; the rest is; one that refuses is named, and sees no key."""
    with FaultServer(body("no", 403, "text/plain")) as proxy, FaultServer(chat("direct")) as server:
        shared.run(f"os.environ.update(HTTP_PROXY={proxy.origin!r}, HTTPS_PROXY={proxy.origin!r})")
        shared.run("%wcode key set https://proxied.invalid", answers=[KEY])
        direct, refused = ask(shared, server.base_url), ask(shared, "https://proxied.invalid/v1")
        shared.run("del os.environ['HTTP_PROXY'], os.environ['HTTPS_PROXY']")
        assert direct.text == "direct"
        assert "HTTPS_PROXY" in line(refused, "ConnectError")
        assert [(request.method, request.path) for request in proxy.requests] == [("CONNECT", "proxied.invalid:443")]
        assert KEY not in repr(proxy.requests)


def test_a_line_of_100_mb(shared: Kernel) -> None:
    """The answer is refused long before it is held in memory; what had arrived is kept."""
    shared.run("import resource; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss")
    endless = itertools.repeat(b"a" * 1_000_000, 100)
    line(ask_server(shared, stream(delta("kept"), b"data: ", endless)), "AnswerTooLarge")
    assert shared.run("print(answer.text, answer.ended)").text == "kept cut\n"
    grown = shared.run("print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)").text
    assert int(grown) < 80_000  # KB


def test_a_gzip_bomb(shared: Kernel) -> None:
    """200 MB in 200 KB: refused."""
    line(ask_server(shared, gzip_bomb()), "AnswerTooLarge")


def test_silence(shared: Kernel) -> None:
    """A server that says nothing more is left after the idle deadline; what had arrived is kept."""
    done = ask_server(shared, stream(delta("so far"), HOLD), options="--idle-timeout 0.3")
    assert "0.3" in line(done, "DeadlineError")
    assert shared.run("print(answer.text, answer.ended)").text == "so far cut\n"


def test_comments_for_ever(shared: Kernel) -> None:
    """Keep-alive comments are no answer: the total deadline ends them."""
    line(ask_server(shared, comments(0.02), options="--total-timeout 0.4"), "DeadlineError")


@pytest.mark.parametrize(
    "rest",
    [b'data: {"choices": [{"index": 0, "delta": {"cont', data({"x": "好"})[:-5], b"", b"data: {]\n\n"],
    ids=["mid JSON", "mid UTF-8", "without an end", "after a line that is no JSON"],
)
def test_an_answer_that_breaks_off(shared: Kernel, rest: bytes) -> None:
    """Wherever it is cut, the cell fails with one line and the text so far is kept."""
    done = ask_server(shared, stream(delta("so far "), rest, cut=True, framed=False))
    line(done, "AnswerCut")
    assert shared.run("print(answer.text, answer.ended)").text == "so far  cut\n"


def test_a_connection_that_is_torn_down(shared: Kernel) -> None:
    """A TCP reset in mid answer is a cut answer."""
    line(ask_server(shared, stream(delta("so far"), 0.05, RESET)), "AnswerCut")
    assert shared.run("print(answer.text, answer.ended)").text == "so far cut\n"


def test_bad_utf_8(shared: Kernel) -> None:
    """Bytes that are no text become replacement characters; the answer goes on."""
    bad = data({"choices": [{"index": 0, "delta": {"content": "a?b"}}]}).replace(b"?", b"\xff\xfe")
    done = ask_server(shared, stream(bad, finish(), DONE))
    assert done.status == "ok"
    assert shared.run("print(answer.text)").text == "a\ufffd\ufffdb\n"


def test_a_redirect_to_another_host(shared: Kernel) -> None:
    """The question is not carried elsewhere."""
    with FaultServer(chat("never")) as elsewhere:
        address = elsewhere.base_url.replace("127.0.0.1", "localhost")
        assert "redirect" in ask_server(shared, redirect(f"{address}/chat/completions")).text
        assert elsewhere.requests == []


def test_a_server_that_stays_broken(shared: Kernel) -> None:
    """Retries are bounded and told, and the server's own words are the error."""
    done = ask_server(shared, status(503, "maintenance until noon"))
    assert "maintenance until noon" in line(done, "ServerFault")


def test_an_error_text_of_a_megabyte(shared: Kernel) -> None:
    """A server's error is shown in one line of bounded length."""
    done = ask_server(shared, status(400, "x" * 1_000_000))
    assert len(line(done, "BadRequest")) < 2_000


def test_nothing_of_all_this_published_a_key(shared: Kernel) -> None:
    """The keys typed above are in no message of the kernel."""
    assert KEY not in json.dumps([message.content for message in shared.messages])
