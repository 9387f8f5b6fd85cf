"""A server on 127.0.0.1 that keeps every body and answers as the first part of its path says."""

from __future__ import annotations

import json
import threading
import time
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
    "detail": "缺少字段 missing field",
    "arrears": "欠费 in arrears",
    "list": "列表 a list",
    "html": "Welcome to the portal",
    "html200": "Welcome to the portal",
    "gbk": "Log in",
    "empty": "",
    "redirect": "307",
}
"""What the server answers when its `mode` says so -> the words that a program has to repeat."""
BREAKS = {"midway": "中断 gone", "garbage": "half of an", "cut": "", "end": "broke off"}
"""The same for what happens in the middle of a stream: an error, a broken event, a broken connection, a mere end."""

ENDS = ("no reason", "no done")
"""Modes of a stream that is whole though it lacks `finish_reason` or `[DONE]`."""


class Server(ThreadingHTTPServer):
    """`bodies`: what arrived, oldest first; `headers` of the last request; `mode`: how the next ones are answered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.mode = "ok"

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1"


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
        mode = "ok" if self.path.startswith("/followed") else self.server.mode
        anthropic = self.path.endswith("/messages")
        if mode == "slow":
            time.sleep(1.5)
            mode = "ok"
        if mode in _ANSWERS:
            self._send(*_ANSWERS[mode])
        elif mode == "redirect":
            self.send_response(307)
            self.send_header("Location", f"/followed{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif json.loads(raw).get("stream"):
            self._stream(anthropic, mode)
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

    def _stream(self, anthropic: bool, mode: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        stream = b": keep-alive\n\n" + b"".join(_events(anthropic, mode))
        # Seven bytes at a time: most characters of more than one byte are cut somewhere.
        for start in range(0, len(stream), 7):
            piece = stream[start : start + 7]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if mode == "cut":
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")


def _message(anthropic: bool) -> dict[str, Any]:
    if anthropic:
        blocks = [{"type": "thinking", "thinking": REASONING, "signature": "s"}, {"type": "text", "text": TEXT}]
        usage = {"input_tokens": 1, "output_tokens": 2}
        return {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": blocks, "usage": usage}
    message = {"role": "assistant", "content": TEXT, "reasoning": REASONING}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def _events(anthropic: bool, mode: str) -> Iterator[bytes]:
    """Pieces of three characters, with both kinds of line end and with and without the space after the colon."""
    pieces = [("reasoning_content", REASONING), ("content", TEXT)]
    deltas = [{name: text[i : i + 3]} for name, text in pieces for i in range(0, len(text), 3)]
    deltas = deltas[: 8 if mode in BREAKS else None]
    yield from _anthropic_events(deltas) if anthropic else _openai_events(deltas)
    if mode == "garbage":
        yield f'data: {{"{BREAKS[mode]} event {KEY}\n\n'.encode()
    elif mode == "midway":
        error = {"type": "error", "error": {"type": "api_error", "message": f"{BREAKS[mode]} {KEY}"}}
        yield (b"event: error\n" if anthropic else b"") + b"data: " + _json(error) + b"\n\n"
    elif mode == "ok" and anthropic:
        yield b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    elif mode in ("ok", *ENDS):
        if mode != "no reason":
            yield b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        yield b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
        if mode != "no done":
            yield b"data: [DONE]\n\n"


def _anthropic_events(deltas: list[dict[str, str]]) -> Iterator[bytes]:
    names = {"reasoning_content": ("thinking_delta", "thinking"), "content": ("text_delta", "text")}
    yield b'event: message_start\ndata: {"type":"message_start","message":{"usage":{}}}\n\n'
    for number, delta in enumerate(deltas):
        ((name, text),) = delta.items()
        kind, field = names[name]
        event = {"type": "content_block_delta", "index": number, "delta": {"type": kind, field: text}}
        yield b"event: content_block_delta\r\ndata:" + _json(event, ascii_only=False) + b"\r\n\r\n"


def _openai_events(deltas: list[dict[str, str]]) -> Iterator[bytes]:
    yield b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null}}],"usage":null}\n\n'
    for number, delta in enumerate(deltas):
        event = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        end, space = (b"\r\n", b"") if number % 2 else (b"\n", b" ")
        yield b"data:" + space + _json(event, ascii_only=False) + end + end


def _json(value: Any, ascii_only: bool = True) -> bytes:
    return json.dumps(value, ensure_ascii=ascii_only).encode()


def _said(mode: str) -> str:
    return f"{WORDS[mode]} {KEY}"


_ANSWERS: dict[str, tuple[int, bytes, str]] = {
    "401": (401, _json({"error": {"message": _said("401"), "code": "x"}}), "application/json"),
    "500": (500, _json({"error": _said("500")}), "application/json"),
    "error200": (200, _json({"error": {"message": _said("error200"), "code": 402}}), "application/json"),
    "detail": (422, _json({"error": None, "detail": _said("detail")}, ascii_only=False), "application/json"),
    "arrears": (200, _json({"code": "Arrearage", "message": _said("arrears")}, ascii_only=False), "application/json"),
    "list": (200, _json([_said("list")], ascii_only=False), "application/json"),
    "html": (502, HTML.encode(), "text/html"),
    "html200": (200, HTML.encode(), "text/html"),
    "gbk": (200, f"<title>{WORDS['gbk']} 请登录</title>".encode("gbk"), "text/html; charset=gbk"),
    "empty": (200, b"{}", "application/json"),
}
