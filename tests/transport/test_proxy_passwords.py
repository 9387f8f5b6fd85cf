"""Passwords of proxies: in no message and in no log."""

from __future__ import annotations

import base64
import logging

import pytest

from tests.fault_server import FaultServer, body, raw
from tests.transport.asking import ask
from wcode_jupyter.errors import ConnectError, WcodeError
from wcode_jupyter.transport import proxy_passwords

PASSWORD = "p%40ss-w0rd"  # as written in the address; the password itself is p@ss-w0rd
MEANT = "p@ss-w0rd"
BASIC = base64.b64encode(f"ann:{MEANT}".encode()).decode()


@pytest.mark.parametrize("said", [MEANT, PASSWORD, f"Basic {BASIC}", f"user ann {MEANT} is unknown"])
def test_a_refusal_does_not_show_the_password(
    said: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy that repeats its password in the reason of its 407: error and log say 407, and not the password."""
    caplog.set_level(logging.DEBUG)
    refusal = f"HTTP/1.1 407 {said}\r\nProxy-Authenticate: Basic\r\nX-Said: {said}\r\nContent-Length: 0\r\n\r\n"
    with FaultServer(raw(refusal.encode())) as proxy:
        monkeypatch.setenv("https_proxy", f"http://ann:{PASSWORD}@127.0.0.1:{proxy.port}")
        error = ask("https://model.invalid/v1").error
        assert proxy.requests[0].headers["proxy-authorization"] == f"Basic {BASIC}"
    assert isinstance(error, ConnectError)
    assert "407" in str(error)
    assert "https_proxy" in str(error)
    for secret in (MEANT, PASSWORD, BASIC[8:-4]):
        assert secret not in str(error)
        assert secret not in caplog.text


def test_the_body_of_a_refusal_does_not_show_it_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over plain http the refusal is an answer with a text."""
    with FaultServer(body(f'{{"error": "{MEANT} is wrong"}}', 407)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://ann:{PASSWORD}@127.0.0.1:{proxy.port}")
        error = ask("http://model.invalid/v1", key=False).error
    assert isinstance(error, WcodeError)
    assert "is wrong" in str(error)
    assert MEANT not in str(error)


def test_addresses_of_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a scheme, with what must not stand in a password, and what is no address at all."""
    monkeypatch.setenv("ALL_PROXY", f"ann:{PASSWORD}@h:1")
    monkeypatch.setenv("http_proxy", "http://me:s3cr#et/x@h:1")
    monkeypatch.setenv("HTTP_PROXY", "http://[::1")
    assert proxy_passwords.redact(f"no {MEANT}, s3cr#et/x, ann") == "no •••, •••, ann"
