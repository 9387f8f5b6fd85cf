"""The debug logs of the libraries below: what the server says is in them, the key that it repeats is not."""

from __future__ import annotations

import logging

import pytest

from tests.fault_server import FaultServer, Received, Script, body, chat, raw
from tests.transport.asking import KEY, ask
from wcode_jupyter.transport import debug_log

ECHOES = {
    "reason": lambda asked: raw(f"HTTP/1.1 400 No {asked.key}\r\nContent-Length: 0\r\n\r\n".encode()),
    "status line": lambda asked: raw(f"{asked.key} says no\r\n\r\n".encode()),
    "header": lambda asked: chat("hi", headers={"X-Echo": asked.key, f"X-{asked.key}": "1"}),
    "bad header": lambda asked: raw(f"HTTP/1.1 200 OK\r\n{asked.key}\r\n\r\n".encode()),
    "bad chunk": lambda asked: raw(
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{asked.key}\r\n\r\n".encode()
    ),
    "body": lambda asked: body(asked.key),
}


@pytest.mark.parametrize("place", ECHOES)
def test_a_key_that_the_server_repeats_is_in_no_log(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """Wherever in the response; the rest of the lines is there, as who debugs needs it."""
    caplog.set_level(logging.DEBUG)

    def echo(asked: Received) -> Script:
        return ECHOES[place](asked)

    with FaultServer(echo) as server:
        found = ask(server.base_url)
        assert server.requests[0].key == KEY
    assert "receive_response_headers" in caplog.text
    texts = [caplog.text, *(repr(vars(record)) for record in caplog.records), repr(found.error)]
    assert not [text for text in texts for at in range(len(KEY) - 11) if KEY[at : at + 12].lower() in text.lower()]
    if place in ("reason", "header"):
        assert "•••" in caplog.text


def test_records_of_others_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Outside of a request of ours nothing is changed, and the filter stands there once."""
    debug_log.install()
    debug_log.install()
    logger = logging.getLogger("httpcore.http11")
    caplog.set_level(logging.DEBUG)
    logger.debug("theirs %s", KEY)
    assert caplog.messages == [f"theirs {KEY}"]
    assert len([found for found in logger.filters if type(found).__module__ == debug_log.__name__]) == 1
