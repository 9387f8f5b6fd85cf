"""Proxies as people set them: requests go out, or the error names the variable that is wrong."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fault_server import FaultServer, chat
from wcode_jupyter.errors import ConnectError
from wcode_jupyter.keys import Keys
from wcode_jupyter.transport import Transport, connection, endpoint, proxies
from wcode_jupyter.transport.connection import Connections
from wcode_jupyter.transport.proxies import Proxy, proxy_for

from .asking import QUICK, REQUEST, ask

GATEWAY = "https://model.example:443"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of the system, and no CGI."""
    monkeypatch.setattr(proxies, "_SYSTEM_HAS_SETTINGS", False)
    monkeypatch.delenv("REQUEST_METHOD", raising=False)


def chosen(monkeypatch: pytest.MonkeyPatch, variables: str, origin: str = GATEWAY) -> Proxy | None:
    """The proxy for `origin` with `variables` set, as `NAME=value` with a semicolon between."""
    for variable in filter(None, variables.split(" ; ")):
        monkeypatch.setenv(*variable.split("=", 1))
    return proxy_for(origin)


@pytest.mark.parametrize(
    ("variables", "url", "name"),
    [
        ("https_proxy=http://p:1 ; all_proxy=socks5://s:2", "http://p:1", "https_proxy"),
        ("http_proxy=http://h:1 ; HTTPS_PROXY=http://p:1 ; ALL_PROXY=socks5://s:2", "http://p:1", "HTTPS_PROXY"),
        ("http_proxy=http://h:1 ; ALL_PROXY=socks5h://s:2", "socks5h://s:2", "ALL_PROXY"),
        ("https_proxy=http://low:1 ; HTTPS_PROXY=http://up:1", "http://low:1", "https_proxy"),
        ("https_proxy= ; HTTPS_PROXY=http://up:1", "http://up:1", "HTTPS_PROXY"),
        ("all_proxy=socks://127.0.0.1:7891/", "socks5://127.0.0.1:7891/", "all_proxy"),
        ("https_proxy=127.0.0.1:7890", "http://127.0.0.1:7890", "https_proxy"),
        ("https_proxy= HTTP://p:1 ", "http://p:1", "https_proxy"),
    ],
)
def test_the_variable_that_counts(monkeypatch: pytest.MonkeyPatch, variables: str, url: str, name: str) -> None:
    """The scheme's own variable before `all_proxy`, the lower-case spelling before the other, no empty one."""
    assert chosen(monkeypatch, variables) == Proxy(url, name)


def test_no_variable_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy for http is none for https, and the header `Proxy:` of a CGI request is none at all."""
    assert proxy_for(GATEWAY) is None
    assert chosen(monkeypatch, "HTTP_PROXY=http://p:1") is None
    assert proxy_for("http://model.example") == Proxy("http://p:1", "HTTP_PROXY")
    assert chosen(monkeypatch, "REQUEST_METHOD=GET", "http://model.example") is None


@pytest.mark.parametrize(
    ("exceptions", "origin", "direct"),
    [
        ("*", GATEWAY, True),
        ("model.example", GATEWAY, True),
        ("example", GATEWAY, True),
        (".example", GATEWAY, True),
        ("*.example", GATEWAY, True),
        ("MODEL.Example", GATEWAY, True),
        ("del.example", GATEWAY, False),
        ("el.example", GATEWAY, False),
        ("localhost, ::1 ,model.example", GATEWAY, True),
        ("localhost 10.0.0.0/8 model.example", GATEWAY, True),
        ("model.example:443", GATEWAY, True),
        ("model.example:8443", GATEWAY, False),
        ("model.example:443", "https://model.example", True),
        ("https://model.example", GATEWAY, True),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("10.1.2.3/8", "https://10.9.9.9", True),
        ("10.1.2.3", "https://10.1.2.3:8443", True),
        ("10.1.2.3:80", "https://10.1.2.3:8443", False),
        ("192.168.*", "https://192.168.3.4", True),
        ("10.0.0.0/8", "https://10.example", False),
        ("2001:db8::1", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::1]", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::1]:8443", "https://[2001:db8::1]:8443", True),
        ("[2001:db8::1]:80", "https://[2001:db8::1]:8443", False),
        ("2001:0db8:0:0::1", "https://[2001:db8::1]", True),
        ("2001:db8::/32,fd00::/8", "https://[2001:db8:5::9]", True),
        ("[2001:db8::]/32", "https://[2001:db8:5::9]", True),
        ("fd00::/8", "https://[2001:db8:5::9]", False),
        ("10.0.0.0/8", "https://[2001:db8:5::9]", False),
        ("[::1,fe80::%,10.0.0.0/99,:,::/x,[]:1,a:b:c,model.example", GATEWAY, True),
        ("[::1,fe80::%,10.0.0.0/99,:,::/x,[]:1,a:b:c,.,,", GATEWAY, False),
    ],
)
def test_exceptions(monkeypatch: pytest.MonkeyPatch, exceptions: str, origin: str, direct: bool) -> None:
    """NO_PROXY: names and the domains above, ports, addresses and networks of both kinds; the unreadable is passed."""
    variables = f"all_proxy=http://p:1 ; NO_PROXY={exceptions}"
    assert (chosen(monkeypatch, variables, origin) is None) is direct


@pytest.mark.parametrize("exceptions", ["::1", "[::1]", "fd00::/8,[::1]:80", "[", "*", "10.0.0.0/8"])
def test_an_exception_alone_stops_nothing(monkeypatch: pytest.MonkeyPatch, exceptions: str) -> None:
    """Without any proxy, and with one, a client can be built (encode/httpx #3221)."""
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert Connections(1).client(endpoint("http://model.example/v1"))
    monkeypatch.setenv("http_proxy", "http://p:1")
    assert Connections(1).client(endpoint("http://model.example/v1"))


@pytest.mark.parametrize(
    "value",
    ["http://", "http://:8080", "http://h:port", "http://h:99999", "ftp://h:1", "socks4://h:1", "http://[::1",
     "http://me:s3cr#et@h:1", "http://me:33#s3cr@h:1", "http://h h:1"],
)  # fmt: skip
def test_a_proxy_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The error names the variable and how to write it, never its value; requests past the proxy still go out."""
    monkeypatch.setenv("all_proxy", value)
    connections = Connections(1)
    with pytest.raises(ConnectError) as raised:
        connections.client(endpoint("http://model.example/v1"))
    assert raised.value.what == "Cannot use the proxy set by all_proxy"
    assert "http://host:port" in raised.value.hint
    assert "s3cr" not in repr(raised.value)
    monkeypatch.setenv("no_proxy", "model.example")
    assert connections.client(endpoint("http://model.example/v1"))


def test_a_socks_proxy_beside_an_http_proxy_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`all_proxy=socks5://…` stops no request that goes through `http_proxy`."""
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    with FaultServer(chat("through the proxy")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
        assert ask("http://model.invalid/v1", key=False).text == "through the proxy"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without socksio, a SOCKS proxy that is needed is an error with the command that installs it."""
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    monkeypatch.setenv("all_proxy", "socks://127.0.0.1:9")
    error = ask("http://model.invalid/v1", key=False).error
    assert isinstance(error, ConnectError)
    assert error.what == "Cannot use the proxy set by all_proxy"
    assert 'pip install "wcode_jupyter[socks]"' in error.hint


def test_an_answer_through_a_socks_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra `socks` the request goes through the proxy, which also resolves the name."""
    pytest.importorskip("socksio")
    with FaultServer(chat("through SOCKS")) as server, socks(server.origin) as (address, asked):
        monkeypatch.setenv("all_proxy", f"socks://{address}/")
        assert ask("http://model.invalid:81/v1", key=False).text == "through SOCKS"
    assert asked == [b"model.invalid"]


@pytest.mark.skipif(not Transport.can_be_fast(), reason="aiohttp (extra fast) is not installed")
def test_the_fast_transport_obeys_the_same_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiohttp is used where no proxy leads to the server, an exception included; behind a proxy httpx is."""
    fast = Connections(1, fast=True)
    where = endpoint("http://model.invalid/v1")
    assert type(fast.client(where)).__name__ == "FastClient"
    monkeypatch.setenv("all_proxy", "http://p:1")
    assert type(fast.client(where)).__name__ == "AsyncClient"
    monkeypatch.setenv("no_proxy", "invalid")
    assert type(fast.client(where)).__name__ == "FastClient"

    async def answered(base_url: str) -> str:
        transport = Transport(Keys(keyring=False, environment=()), fast=True)
        try:
            batches = [batch async for batch in transport.events(REQUEST, endpoint(base_url), QUICK)]
        finally:
            await transport.aclose()
        return "".join(getattr(event, "text", "") for batch in batches for event in batch)

    with FaultServer(chat("through the proxy")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        monkeypatch.setenv("no_proxy", "other.invalid")
        assert asyncio.run(answered("http://model.invalid/v1")) == "through the proxy"


def test_an_unwritable_key_log_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """SSLKEYLOGFILE is blamed for itself, and the certificates for themselves."""
    where = endpoint("https://model.example/v1")
    with monkeypatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSLKEYLOGFILE", "/nonexistent/folder/keys.log")
        with pytest.raises(ConnectError, match="Cannot write the TLS key log set by SSLKEYLOGFILE"):
            Connections(1).client(where)
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")
    with pytest.raises(ConnectError, match=r"set by SSL_CERT_FILE\b(?! /)"):
        Connections(1).client(where)


@contextmanager
def socks(origin: str) -> Iterator[tuple[str, list[bytes]]]:
    """A SOCKS5 proxy that leads everything to `origin`; its address, and the host names it was asked for."""
    asked: list[bytes] = []
    host, _colon, port = origin.removeprefix("http://").rpartition(":")

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            methods = self.rfile.read(2)[1]
            self.rfile.read(methods)
            self.wfile.write(b"\x05\x00")
            assert self.rfile.read(4) == b"\x05\x01\x00\x03"
            asked.append(self.rfile.read(self.rfile.read(1)[0]))
            self.rfile.read(2)
            self.wfile.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50")
            with socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=self._copy_back, args=(server,))
                back.start()
                while data := self.connection.recv(65536):
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
                back.join()

        def _copy_back(self, server: socket.socket) -> None:
            while data := server.recv(65536):
                self.connection.sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{proxy.server_address[1]}", asked
        finally:
            proxy.shutdown()
            thread.join()
