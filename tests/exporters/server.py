"""A server on 127.0.0.1 that keeps every body and answers as the first part of its path says."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-test-0123456789-SECRET"
TEXT = "天空是蓝的 “sky” 😀 line\u2028separator $x #{y}\nsecond line"
REASONING = "想一想 🤔 first"
HTML = "<!doctype html><title>Welcome to the portal</title><p>Please log in"
# Every error repeats the key, as some servers do: a program must not print it.
WORDS = {
    "401": "无效的令牌 Invalid key",
    "500": "上游错误 upstream broke",
    "error200": "余额不足 no balance",
    "midway": "中断 gone",
}


class Server(ThreadingHTTPServer):
    """`bodies`: what arrived, oldest first; `headers` of the last request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.headers: dict[str, str] = {}

    def base_url(self, mode: str = "ok") -> str:
        return f"http://127.0.0.1:{self.server_port}/{mode}/api/v1"


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        raw = self._read()
        self.server.bodies.append(raw)
        self.server.headers = {name.lower(): value for name, value in self.headers.items()}
        mode = self.path.split("/")[1]
        anthropic = self.path.endswith("/messages")
        if mode in ("401", "500"):
            self._send(int(mode), _json({"error": {"message": f"{WORDS[mode]} {KEY}", "code": "x"}}))
        elif mode == "html":
            self._send(502, HTML.encode(), "text/html")
        elif mode == "html200":
            self._send(200, HTML.encode(), "text/html")
        elif mode == "error200":
            self._send(200, _json({"error": {"message": f"{WORDS[mode]} {KEY}", "code": 402}}))
        elif mode == "redirect":
            self.send_response(307)
            self.send_header("Location", self.path.replace("/redirect/", "/ok/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif json.loads(raw).get("stream"):
            self._stream(anthropic, broken=mode == "midway")
        else:
            self._send(200, _json(_message(anthropic)))

    def _read(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _send(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, anthropic: bool, *, broken: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        stream = b": keep-alive\n\n" + b"".join(_events(anthropic, broken))
        # Seven bytes at a time: most characters of more than one byte are cut somewhere.
        for start in range(0, len(stream), 7):
            piece = stream[start : start + 7]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


def _message(anthropic: bool) -> dict[str, Any]:
    if anthropic:
        blocks = [{"type": "thinking", "thinking": REASONING, "signature": "s"}, {"type": "text", "text": TEXT}]
        usage = {"input_tokens": 1, "output_tokens": 2}
        return {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": blocks, "usage": usage}
    message = {"role": "assistant", "content": TEXT, "reasoning": REASONING}
    return {"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "message": message}]}


def _events(anthropic: bool, broken: bool) -> Iterator[bytes]:
    """Pieces of three characters, with both kinds of line end and with and without the space after the colon."""
    pieces = [("reasoning_content", REASONING), ("content", TEXT)]
    deltas = [{name: text[i : i + 3]} for name, text in pieces for i in range(0, len(text), 3)]
    if anthropic:
        names = {"reasoning_content": ("thinking_delta", "thinking"), "content": ("text_delta", "text")}
        yield b'event: message_start\ndata: {"type":"message_start","message":{"usage":{}}}\n\n'
        for number, delta in enumerate(deltas[: 8 if broken else None]):
            ((name, text),) = delta.items()
            kind, field = names[name]
            event = {"type": "content_block_delta", "index": number, "delta": {"type": kind, field: text}}
            yield b"event: content_block_delta\r\ndata:" + _json(event, ascii_only=False) + b"\r\n\r\n"
        if broken:
            error = {"type": "error", "error": {"type": "api_error", "message": f"{WORDS['midway']} {KEY}"}}
            yield b"event: error\ndata: " + _json(error) + b"\n\n"
        else:
            yield b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
        return
    yield b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}],"usage":null}\n\n'
    for number, delta in enumerate(deltas[: 8 if broken else None]):
        event = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        end, space = (b"\r\n", b"") if number % 2 else (b"\n", b" ")
        yield b"data:" + space + _json(event, ascii_only=False) + end + end
    if broken:
        error = {"error": {"message": f"{WORDS['midway']} {KEY}", "code": 502}, "choices": []}
        yield b"data: " + _json(error) + b"\n\n"
    yield b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
    yield b"data: [DONE]\n\n"


def _json(value: Any, ascii_only: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()
