"""The HTTP side of the mock server: access checks, requests and response bytes. Standard library only.

Loopback is not trust: a web page in any browser of this machine can reach 127.0.0.1. A request must have the
address of this server in `Host` (DNS rebinding leaves the name of the attacker there), must not come from a web page
(browsers set `Origin` or `Sec-Fetch-Site`) and must contain the API key. No response has CORS headers.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import selectors
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ..language import _
from ..request.forms import FORMS
from ..request.messages import STAND_IN_PATH, Protocol
from .answers import Answer, Fault, Raw, Refusal
from .anthropic_form import AnthropicWriter
from .openai_form import OpenAIWriter
from .received import Received
from .writer import Frame, Place, Writer, data

__all__ = ["Server"]

_WRITERS: dict[Protocol, type[Writer]] = {"openai": OpenAIWriter, "anthropic": AnthropicWriter}
_PATHS: dict[str, Protocol] = {
    STAND_IN_PATH + form.local_path + form.path: protocol for protocol, form in FORMS.items()
}
_MODELS = f"{STAND_IN_PATH}/v1/models"
_MOST_BYTES = 256 * 1024 * 1024
_CREDENTIALS = ("authorization", "x-api-key")
_OF_PAGES = ("origin", "sec-fetch-site")

Answering = Callable[[Received], Answer | Refusal | Raw]
Receiving = Callable[[Protocol, Mapping[str, str], Mapping[str, object]], Received]


class Server(ThreadingHTTPServer):
    """Listens as soon as it is created. Raises OSError: the port is in use."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, key: str, model: str, answer: Answering, received: Receiving) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.port: int = self.server_address[1]
        self.hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        self.key = key
        self.model = model
        self.answer = answer
        self.received = received
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="stand-in", daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """Binds without looking up the host name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)

    def stop(self) -> None:
        """Closes all connections and the port."""
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._open):
            _shut(connection)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Registers the connection for `stop`."""
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Closes a connection."""
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Prints nothing: a client may disconnect, and errors of the script are sent to the client."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "stand-in"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 0

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A rejection by the HTTP layer, without a body: nothing of the request is echoed."""
        self._send(code, b"", "text/plain")
        self.close_connection = True

    def do_POST(self) -> None:
        """A chat request."""
        body = self._read()
        if body is None or not self._admitted():
            return
        protocol = _PATHS.get(self.path)
        if protocol is None:
            self._refuse("openai", Refusal(404, _no_path()))
        elif not self._has_key():
            self._refuse(protocol, Refusal(401, _no_key()))
        else:
            self._converse(protocol, body)

    def do_GET(self) -> None:
        """The model list."""
        if not self._admitted():
            return
        if not self._has_key():
            self._refuse("openai", Refusal(401, _no_key()))
            return
        if self.path != _MODELS:
            self._refuse("openai", Refusal(404, _no_path()))
            return
        models = {"object": "list", "data": [{"id": self.server.model, "object": "model", "owned_by": "stand-in"}]}
        self._send(200, json.dumps(models).encode(), "application/json")

    def do_OPTIONS(self) -> None:
        """A CORS preflight of a web page: rejected."""
        self._forbid()

    # -- who and what ---------------------------------------------------------------------------------------------

    def _admitted(self) -> bool:
        """Whether the request addresses this server and does not come from a web page; otherwise sends an empty 403."""
        hosts = self.headers.get_all("host") or []
        foreign = len(hosts) != 1 or hosts[0].strip().lower() not in self.server.hosts
        if foreign or any(name in self.headers for name in _OF_PAGES):
            self._forbid()
            return False
        return True

    def _forbid(self) -> None:
        self.send_error(403)

    def _has_key(self) -> bool:
        given = [self.headers.get(name, "").removeprefix("Bearer ") for name in _CREDENTIALS]
        return any(hmac.compare_digest(key.encode(), self.server.key.encode()) for key in given)

    def _read(self) -> bytes | None:
        """The request body; None after a rejection because its size is missing, invalid or too large."""
        size = self.headers.get("content-length", "")
        if not size.isascii() or not size.isdecimal() or int(size) > _MOST_BYTES:
            self.send_error(411 if not size else 413)
            return None
        return self.rfile.read(int(size))

    def _converse(self, protocol: Protocol, body: bytes) -> None:
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
            self._refuse(protocol, Refusal(400, _("the request body is not a JSON object with messages")))
            return
        headers = {name.lower(): text for name, text in self.headers.items() if name.lower() not in _CREDENTIALS}
        request = self.server.received(protocol, headers, value)
        try:
            said = self.server.answer(request)
        except Exception as error:
            said = Refusal(400, _("the script raised {error}").format(error=f"{type(error).__name__}: {error}"))
        if isinstance(said, Refusal):
            self._refuse(protocol, said)
        elif isinstance(said, Raw):
            self._stream([said.body] if isinstance(said.body, bytes) else said.body, said)
        elif request.stream:
            self._play(_WRITERS[protocol](said, request))
        else:
            self._tell(_WRITERS[protocol](said, request))

    # -- answers --------------------------------------------------------------------------------------------------

    def _refuse(self, protocol: Protocol, refusal: Refusal) -> None:
        body = json.dumps(_WRITERS[protocol].error(refusal), ensure_ascii=False).encode()
        later = {} if refusal.retry_after is None else {"Retry-After": f"{refusal.retry_after}"}
        self._send(refusal.status, body if refusal.body is None else refusal.body, refusal.content_type, later)

    def _tell(self, writer: Writer) -> None:
        """Sends a non-streaming answer; its fault happens in the middle of the body."""
        answer = writer.answer
        self._pause(answer.wait_s + answer.pace_s)
        body = writer.whole() if answer.fault != "error" else writer.error(Refusal())
        sent = json.dumps(body, ensure_ascii=False).encode()
        if answer.fault in (None, "error"):
            self._send(200, sent, "application/json")
        elif answer.fault == "torn":
            self._send(200, sent[: len(sent) // 2], "application/json")
        else:
            self._head(200, "application/json", {"Content-Length": str(len(sent))})
            self.wfile.write(sent[: len(sent) // 2])
            self._happen(answer.fault)

    def _play(self, writer: Writer) -> None:
        """Sends a streaming answer; its fault happens at its place."""
        answer = writer.answer
        self._pause(answer.wait_s)
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        torn = False
        for frame in _with_error(writer) if answer.fault == "error" else writer.stream():
            if not isinstance(frame, Place):
                self._chunk(frame[: len(frame) // 2] if torn else frame)
                torn = False
                self._pause(answer.pace_s)
            elif answer.fault == "torn":
                torn = True
            elif answer.fault is not None:
                self._happen(answer.fault)
                return
        self._chunk(b"")

    def _stream(self, pieces: Iterable[bytes], said: Raw) -> None:
        self._head(said.status, said.content_type, {"Transfer-Encoding": "chunked"})
        for number, piece in enumerate(pieces):
            self._pause(said.pace_s if number else 0)
            if piece:
                self._chunk(piece)
        if said.cut:
            self.close_connection = True
        else:
            self._chunk(b"")

    def _happen(self, fault: Fault) -> None:
        """Ends an incomplete answer."""
        self.close_connection = True
        if fault == "silence":
            self._wait_for_the_client()
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _wait_for_the_client(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ)
            while not self.server.stopping.is_set() and not selector.select(0.1):
                pass

    def _pause(self, seconds: float) -> None:
        if seconds > 0 and self.server.stopping.wait(seconds):
            raise ConnectionAbortedError

    def _send(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, content_type, {"Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, piece: bytes) -> None:
        """Sends an HTTP chunk; an empty one ends the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


def _no_path() -> str:
    return _("unknown path; expected one of {paths}").format(paths=", ".join(_PATHS))


def _no_key() -> str:
    return _("missing or wrong API key: use the key of the mock server")


def _with_error(writer: Writer) -> Iterable[Frame]:
    """The frames up to the place of the fault, then an error event."""
    for frame in writer.stream():
        if isinstance(frame, Place):
            yield data(writer.error(Refusal()), "error" if isinstance(writer, AnthropicWriter) else "")
            return
        yield frame


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the client was faster
        connection.shutdown(socket.SHUT_RDWR)
