"""httpx behind its table: every exception it has means one of ours, and its clients are built as little as possible."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import wcode_jupyter
from wcode_jupyter.errors import AnswerError, InputError, ServerError, TransportError, WcodeError
from wcode_jupyter.transport import Deadlines, endpoint
from wcode_jupyter.transport.connection import FAULTS, Connections, _inflater, trouble

from .asking import KEY, dressed, keys_for

HTTPX_ERRORS = [cls for cls in vars(httpx).values() if isinstance(cls, type) and issubclass(cls, Exception)]
WHERE = endpoint("https://h.example:8443/v1")


def made(cls: type[Exception]) -> Exception:
    """An exception of the class `cls` that holds a request with the key in its header."""
    request = httpx.Request("POST", WHERE.url, headers={"Authorization": f"Bearer {KEY}"})
    words = f"detail {KEY}"
    if cls is httpx.HTTPStatusError:
        return httpx.HTTPStatusError(words, request=request, response=httpx.Response(500, request=request))
    if issubclass(cls, httpx.RequestError):
        return cls(words, request=request)  # type: ignore[call-arg]
    if issubclass(cls, (httpx.StreamConsumed, httpx.StreamClosed, httpx.ResponseNotRead, httpx.RequestNotRead)):
        return cls()
    return cls(words)


def test_httpx_has_the_errors_we_know() -> None:
    """The list below is not empty because of a changed httpx."""
    assert len(HTTPX_ERRORS) >= 28


@pytest.mark.parametrize("cls", HTTPX_ERRORS, ids=lambda cls: cls.__name__)
def test_every_error_of_httpx_is_in_the_table(cls: type[Exception]) -> None:
    """None is left to a base class by accident, and what comes out is ours, without httpx or the key on it."""
    assert cls in FAULTS
    error, _retry = trouble(made(cls), WHERE, Deadlines(total_s=9.0), keys_for(WHERE.base_url).redact)
    assert isinstance(error, (TransportError, InputError, AnswerError, ServerError)) or type(error) is WcodeError
    assert (error.__cause__, error.__context__, error.__traceback__) == (None, None, None)
    assert KEY not in dressed(error)
    assert "{" not in str(error)


def test_only_safe_failures_are_tried_again() -> None:
    """Connecting and losing the connection before an answer; never a time-out after the request was sent."""
    retried = {cls.__name__ for cls in HTTPX_ERRORS if FAULTS[cls].retry}
    assert retried == {
        "ConnectTimeout", "ConnectError", "ReadError", "WriteError", "CloseError", "NetworkError",
        "RemoteProtocolError",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("root", "words", "retry"),
    [
        (ssl.SSLCertVerificationError("self-signed certificate"), "verification failed for h.example:8443", False),
        (ssl.SSLError("record layer failure"), "TLS handshake with h.example:8443", False),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            "Cannot resolve the host name h.example:8443",
            False,
        ),
        (ConnectionRefusedError(111, "Connection refused"), "h.example:8443 refused the connection", True),
        (OSError(101, "Network is unreachable"), "Cannot connect to h.example:8443: Network is unreachable", True),
    ],
)
def test_why_there_is_no_connection(root: OSError, words: str, retry: bool) -> None:
    """The cause that lies under httpx's ConnectError, as one of a group too, is what the user is told."""
    for cause in (root, ExceptionGroup("all attempts failed", [root])):
        error = httpx.ConnectError("All connection attempts failed")
        error.__cause__ = OSError("wrapped")
        error.__cause__.__context__ = cause
        found, again = trouble(error, WHERE, Deadlines(), str)
        assert words in str(found) or (root.errno == 101 and "Cannot connect" in str(found))
        assert again is retry


def test_clients_are_built_once_and_anew_when_the_environment_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback and the rest have clients of their own; a proxy set in the notebook is seen by the next request."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    connections = Connections(4)
    local, gateway = endpoint("http://127.0.0.1:1/v1"), endpoint("https://wcode.net/api/gpt/v1")
    assert connections.client(local) is connections.client(endpoint("http://localhost:2"))
    first = connections.client(gateway)
    assert connections.client(gateway) is first is not connections.client(local)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert connections.client(gateway) is not first
    monkeypatch.delenv("HTTPS_PROXY")
    assert connections.client(gateway) is first


def test_the_context_without_certificates_trusts_no_one() -> None:
    """The cheap TLS context of clients for plain http would refuse every certificate."""
    context = Connections(1)._context(tls=False)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.get_ca_certs() == []


def test_packed_bytes_are_unpacked_in_small_pieces() -> None:
    """A small bomb never fills memory at once: the caps are checked between pieces of 64 KB."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    inflate = _inflater("gzip")
    assert inflate is not None
    sizes = [len(piece) for piece in inflate(bomb)]
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 65536


def test_httpx_waits_for_the_first_request() -> None:
    """Importing the transport and the engine, as a dry run or a replay does, does not import httpx."""
    code = "import sys, wcode_jupyter.transport, wcode_jupyter.event_loop; print('httpx' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_httpx_is_imported_here_alone() -> None:
    """No other module of the package imports httpx, at the top or in a function."""
    root = Path(wcode_jupyter.__file__).parent
    importers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(("import httpx", "from httpx"))
    }
    known = {"connection", "fast"}
    assert importers == {f"transport/{name}.py" for name in known}
