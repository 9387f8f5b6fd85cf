"""The mock server: its script, address, API key and the requests it received."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeAlias

from .. import threads
from ..errors import InputError
from ..language import _
from ..request.messages import STAND_IN_PATH, Protocol
from .answers import Answer, Raw, Refusal, Scripted
from .received import Received
from .server import Server

__all__ = ["Script", "StandIn"]

Script: TypeAlias = Scripted | Sequence[Scripted] | Callable[[Received], Scripted]
"""One answer for every request, one for each, or a function of the request."""


class StandIn:
    """A mock model server on 127.0.0.1. It listens from `start` (or `with`, or `use`) until `stop`.

    `script`: see `wcode_jupyter.testing`. `model` is the model id that `use` sets and that the model list contains;
    requests for other models are answered as well. `port` 0: a free port.
    """

    def __init__(self, script: Script = "Hello. I am a script, no model.", *, model: str = "stand-in", port: int = 0):
        self.model = model
        self.key = secrets.token_urlsafe(32)
        """The key of this server; random."""
        self.requests: list[Received] = []
        """The answered requests in order of arrival."""
        self._wanted_port = port
        self._lock = threading.Lock()
        self._server: Server | _Unheard | None = None
        self._before: dict[str, str | None] = {}
        self.script(script)

    def __repr__(self) -> str:
        # Without the port: outputs that show it stay the same at each run.
        return f"<StandIn {self.model}>"

    def script(self, script: Script) -> None:
        """Replaces the script."""
        with self._lock:
            self._script = script
            self._before_script = len(self.requests)

    @property
    def port(self) -> int:
        """The port. Raises InputError if the server does not run."""
        if self._server is None:
            raise InputError(
                _("The mock server is not running"), hint=_("Start it with StandIn(...).start() or a with statement.")
            )
        return self._server.port

    @property
    def base_url(self) -> str:
        """Base URL for OpenAI clients. Raises InputError if the server does not run."""
        return f"{self.anthropic_base_url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        """Base URL for Anthropic clients. Raises InputError if the server does not run."""
        return f"http://127.0.0.1:{self.port}{STAND_IN_PATH}"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that select this server, e.g. for a child process. Raises InputError as `port`."""
        return {
            "WCODE_BASE_URL": self.base_url,
            "WCODE_ANTHROPIC_BASE_URL": self.anthropic_base_url,
            "WCODE_API_KEY": self.key,
            "WCODE_MODEL": self.model,
        }

    def start(self) -> Self:
        """Starts the server in a background thread, if it does not run yet. Raises OSError: the port is in use.

        In a kernel without threads nothing listens: recorded answers replay, and a request is an error.
        """
        if self._server is None and threads.are_there():
            self._server = Server(self._wanted_port, self.key, self.model, self._answer, self._received)
        elif self._server is None:
            self._server = _Unheard()
        return self

    def stop(self) -> None:
        """Closes all connections and the port, and restores the environment variables that `use` set."""
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        self._before = {}
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def use(self) -> Self:
        """Starts the server and makes it the default server of this process, until `stop`.

        Sets the variables of `environment` in `os.environ`. Values of `%wcode set` and arguments take precedence.
        """
        self.start()
        if not self._before:
            self._before = {name: os.environ.get(name) for name in self.environment}
            os.environ.update(self.environment)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _received(self, protocol: Protocol, headers: Mapping[str, str], body: Mapping[str, object]) -> Received:
        with self._lock:
            request = Received(len(self.requests) + 1, protocol, headers, body)
            self.requests.append(request)
        return request

    def _answer(self, request: Received) -> Answer | Refusal | Raw:
        with self._lock:
            script, place = self._script, request.number - self._before_script
        said = script(request) if callable(script) else _said(script, place)
        return Answer(said) if isinstance(said, str) else said


class _Unheard:
    """The server where there are no threads."""

    port = 9  # "discard"

    def stop(self) -> None:
        """Nothing runs."""


def _said(script: Scripted | Sequence[Scripted], place: int) -> Scripted:
    """The script's answer to its request number `place`, from 1."""
    if isinstance(script, (str, Answer, Refusal, Raw)):
        return script
    if place <= len(script):
        return script[place - 1]
    what = _("the script has {count} answers, but this is request {number}")
    return Refusal(400, what.format(count=len(script), number=place))  # a status that no client tries again
