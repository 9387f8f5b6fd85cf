"""Endpoints: one spelling of an address, checked before anything is sent."""

from __future__ import annotations

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.transport import Deadlines, Endpoint, endpoint


@pytest.mark.parametrize(
    ("given", "protocol", "base_url", "url"),
    [
        ("https://wcode.net/api/gpt/v1", "openai", "https://wcode.net/api/gpt/v1", "https://wcode.net/api/gpt/v1/chat/completions"),
        (" https://WCODE.net:443/api/gpt/v1/ ", "openai", "https://wcode.net/api/gpt/v1", "https://wcode.net/api/gpt/v1/chat/completions"),
        ("https://wcode.net/api/gpt/v1/chat/completions", "openai", "https://wcode.net/api/gpt/v1", "https://wcode.net/api/gpt/v1/chat/completions"),
        ("https://wcode.net/api/anthropic", "anthropic", "https://wcode.net/api/anthropic", "https://wcode.net/api/anthropic/v1/messages"),
        ("http://127.0.0.1:8080", "openai", "http://127.0.0.1:8080", "http://127.0.0.1:8080/chat/completions"),
    ],
)  # fmt: skip
def test_an_address_has_one_spelling(given: str, protocol: str, base_url: str, url: str) -> None:
    """Case, default port, last slash and a pasted request path make no difference."""
    where = endpoint(given, protocol)  # type: ignore[arg-type]
    assert (where.base_url, where.url) == (base_url, url)


def test_identity_is_the_gateway_or_origin_and_path() -> None:
    """The gateway is one identity in both protocols; another server is known by origin and path, or by a name."""
    assert endpoint("https://wcode.net/api/gpt/v1").identity == "gateway"
    assert endpoint("https://wcode.net/api/anthropic", "anthropic").identity == "gateway"
    assert endpoint("https://api.example.com/v1/").identity == "https://api.example.com/v1"
    assert endpoint("http://127.0.0.1:5/v1", identity="local").identity == "local"


@pytest.mark.parametrize(
    "bad",
    [
        "", "wcode.net/api", "file:///etc/passwd", "https://", "https://host/v1?key=secretive", "https://host/v1#secretive",
        "https://user:secretive@host/v1", "https://secretive@host/v1", "http://host:port/v1", "https://host/a b",
    ],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_quoting_secrets(bad: str) -> None:
    """A wrong address is an InputError before anything is sent, and a password in it is not repeated."""
    with pytest.raises(InputError) as caught:
        endpoint(bad)
    assert "secretive" not in str(caught.value)


@pytest.mark.parametrize(
    ("base_url", "loopback", "secure"),
    [
        ("http://127.0.0.1:1", True, True),
        ("http://127.8.9.1", True, True),
        ("http://[::1]:1", True, True),
        ("http://localhost:1", True, True),
        ("https://wcode.net", False, True),
        ("http://wcode.net", False, False),
        ("http://192.168.1.2", False, False),
        ("http://127.0.0.1.example.com", False, False),
        ("http://localhost.example.com", False, False),
    ],
)
def test_a_key_may_travel_over_tls_or_inside_this_machine(base_url: str, loopback: bool, secure: bool) -> None:
    """Plain http is for loopback only, and a name that merely looks like it is not loopback."""
    where = endpoint(base_url)
    assert (where.loopback, where.secure) == (loopback, secure)


def test_an_endpoint_without_an_address_yet() -> None:
    """The embedded model's endpoint exists before its server: no URL to show, and none to send to."""
    where = Endpoint("", "openai", "local")
    assert where.url == ""
    with pytest.raises(InputError):
        _ = where.origin


def test_the_deadlines_are_those_of_the_protocol_notes() -> None:
    """Connect 10 s, write 60 s, idle 300 s, no total limit: thinking models are slow."""
    assert Deadlines() == Deadlines(10.0, 60.0, 300.0, None)
