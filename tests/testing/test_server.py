"""Loopback is not trust: a web page gets nothing, and only whoever has the key gets an answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from wcode_jupyter.testing import StandIn

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
PATH = "/stand-in/v1/chat/completions"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn("the answer") as running:
        yield running


def send(server: StandIn, method: str = "POST", path: str = PATH, body: str = BODY, **headers: str) -> tuple[int, str]:
    """Status and everything else that comes back for one request, head included; `Host` is right unless given."""
    given = {
        "Host": f"127.0.0.1:{server.port}", "Authorization": f"Bearer {server.key}",
        "Content-Length": str(len(body)), "Connection": "close",
    } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value != "-")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        received = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(received.split(" ", 2)[1]), received


def test_its_own_program_is_answered(server: StandIn) -> None:
    """By either of its names, with the key in either header: the tests below refuse for no other reason."""
    for host in (f"127.0.0.1:{server.port}", f"localhost:{server.port}", f"LOCALHOST:{server.port}"):
        status, text = send(server, Host=host)
        assert (status, "the answer" in text) == (200, True)
    status, text = send(server, path="/stand-in/v1/messages", Authorization="-", x_api_key=server.key)
    assert (status, "the answer" in text) == (200, True)
    status, text = send(server, method="GET", path="/stand-in/v1/models", body="")
    assert (status, '"id": "stand-in"' in text) == (200, True)


@pytest.mark.parametrize(
    "host",
    [
        "-", "", "127.0.0.1", "localhost", "127.0.0.1:1", "evil.example:{port}", "127.0.0.1.evil.example:{port}",
        "localhost.evil.example:{port}", "evil.localhost:{port}", "localhost.:{port}", "127.0.0.2:{port}",
        "127.1:{port}", "2130706433:{port}", "0x7f.1:{port}", "0.0.0.0:{port}", "[::1]:{port}",
        "127.0.0.1:{port}@evil.example", "user@127.0.0.1:{port}", "127.0.0.1:{port}, evil.example",
        "ⅼocalhost:{port}", "127.0.0.1:0{port}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_names_that_only_look_like_loopback_are_refused(server: StandIn, host: str, method: str) -> None:
    """A name that was rebound to 127.0.0.1 names itself in Host; the right key does not help."""
    path = PATH if method == "POST" else "/stand-in/v1/models"
    status, text = send(server, method=method, path=path, Host=host.format(port=server.port))
    assert status == 403
    assert text.endswith("\r\n\r\n")
    assert server.requests == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:{port}"}, {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-origin"}, {"Sec_Fetch_Site": "none"},
        {"Origin": "https://evil.example", "Authorization": "-"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
def test_a_web_page_gets_nothing(server: StandIn, headers: dict[str, str], method: str) -> None:
    """Not an answer, not a word why, and no header that would let it read one; the key does not help."""
    path = "/stand-in/v1/models" if method == "GET" else PATH
    given = {name: value.format(port=server.port) for name, value in headers.items()}
    status, text = send(server, method=method, path=path, **given)
    assert status == 403
    assert text.endswith("\r\n\r\n")
    assert "access-control" not in text.lower()
    assert server.requests == []


def test_a_second_host_is_refused(server: StandIn) -> None:
    """Two names are no name."""
    hosts = f"Host: 127.0.0.1:{server.port}\r\nHost: evil.example\r\n"
    request = f"POST {PATH} HTTP/1.1\r\n{hosts}Content-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(request.encode())
        assert b" 403 " in connection.recv(65536)


@pytest.mark.parametrize("key", ["-", "", "Bearer ", "Bearer wrong", "Bearer ключ", "Basic {key}", "Bearer {key}x"])
def test_without_the_key_nothing_is_answered(server: StandIn, key: str) -> None:
    """Nor is the key said, nor the request kept."""
    for method, path in (("POST", PATH), ("GET", "/stand-in/v1/models")):
        status, text = send(server, method=method, path=path, Authorization=key.format(key=server.key))
        assert status == 401
        assert server.key not in text
    assert server.requests == []


def test_each_server_has_a_key_of_its_own_that_nothing_shows(server: StandIn) -> None:
    """It is in no repr and in no request that is kept."""
    send(server)
    with StandIn() as other:
        assert other.key != server.key
    assert server.key not in repr(server) + repr(server.requests)
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"path": "/v1/chat/completions"}, 404),
        ({"path": "http://evil.example" + PATH}, 404),
        ({"path": PATH + "?x=1"}, 404),
        ({"body": "no json"}, 400),
        ({"body": "[]"}, 400),
        ({"body": '{"model": "m"}'}, 400),
        ({"body": "[" * 100_000}, 400),
        ({"Content_Length": "-", "body": ""}, 411),
        ({"Content_Length": "999999999999"}, 413),
        ({"Content_Length": "-5"}, 413),
        ({"method": "DELETE"}, 501),
    ],
)
def test_what_it_does_not_understand_is_refused(server: StandIn, change: dict[str, str], status: int) -> None:
    """With the status that HTTP has for it; the server goes on."""
    assert send(server, **change)[0] == status
    assert server.requests == []
    assert send(server)[0] == 200


def test_it_listens_on_this_machine_only(server: StandIn) -> None:
    """Its socket is bound to 127.0.0.1; after `stop` the port is free."""
    port = server.port
    server.stop()
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
    with StandIn(port=port) as again:
        assert again.port == port
