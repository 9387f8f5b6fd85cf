"""A mock model server with scripted answers, for teaching, demonstrations and tests.

It runs in the current process on a free port of 127.0.0.1 and supports both API formats (OpenAI chat completions and
Anthropic messages), streaming and non-streaming. No request leaves the machine.

In a notebook, two lines are enough. From then on every cell, `Client()` and panel of this kernel sends to the mock
server, until `server.stop()`:

    from wcode_jupyter.testing import StandIn
    server = StandIn("Bern, 21 °C.").use()

In pytest, the fixture `wcode_stand_in` is available without an import once the package is installed:

    def test_my_summary(wcode_stand_in):
        wcode_stand_in.script("A short summary.")
        assert my_summary("long text") == "A short summary."
        assert "long text" in wcode_stand_in.requests[0].prompt

As a context manager, also for other clients:

    with StandIn(["first answer", "second answer"]) as server:
        client = Client(base_url=server.base_url, api_key=server.key, model="any")

**Answers.** A script is a single answer for every request, a list with one answer per request (further requests are
rejected with status 400), or a function that takes the `Received` request and returns an answer. An answer is one of:

    "text"                                          plain text
    Answer("text", reasoning="why", finish="length")
    Answer(calls=[Call("temperature", {"city": "Bern"})])
    Answer("slow", pace_s=0.2)                      0.2 s between pieces
    Answer("cut in the middle", fault="cut", after=6)
    Refusal(429, "slow down", retry_after=2)        HTTP error with a body
    Raw(b"data: …")                                 raw response bytes

**Requests.** `server.requests` lists every answered request with its `prompt`, `messages`, `images`, tool `results` and
JSON `body`.

**Replay.** The identity of a mock server in replay files is its address without the port, so recordings are found even
though each start uses another port.

**Access.** Each server has a random API key. Requests from web pages, and requests whose `Host` is not 127.0.0.1 or
localhost with the right port, are rejected with an empty 403 response.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .answers import Answer as Answer
    from .answers import Call as Call
    from .answers import Raw as Raw
    from .answers import Refusal as Refusal
    from .received import Received as Received
    from .stand_in import StandIn as StandIn

# Loaded at first use: pytest imports this package at every start, for the fixture.
_HOMES = {
    "Answer": "answers",
    "Call": "answers",
    "Raw": "answers",
    "Received": "received",
    "Refusal": "answers",
    "StandIn": "stand_in",
}

__all__ = ["Answer", "Call", "Raw", "Received", "Refusal", "StandIn"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
