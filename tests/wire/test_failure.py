"""Promises of error bodies: every shape gives one clear message, with status, code and kind where named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.reply.events import Failure
from wcode_jupyter.wire import decode_error

SILENT = Failure("The server gave no explanation")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # The three bodies of protocol.md, section 3.1.
        (
            {
                "error": {
                    "code": "invalid_parameter_error",
                    "param": None,
                    "type": "invalid_request_error",
                    "message": "<400> InternalError.Algo.InvalidParameter: ...",
                },
                "id": "chatcmpl-1",
                "request_id": "1",
            },
            Failure(
                "<400> InternalError.Algo.InvalidParameter: ...",
                400,
                "invalid_parameter_error",
                "invalid_request_error",
            ),
        ),
        ({"error": {"code": "1113", "message": "账户已欠费"}}, Failure("账户已欠费", code="1113")),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"},
            Failure("Overloaded", 529, None, "overloaded_error"),
        ),
        ({"error": "no such model"}, Failure("no such model")),
        ({"error": "Internal Server Error", "message": "try later"}, Failure("Internal Server Error: try later")),
        ({"error": "no", "message": "no", "code": 404}, Failure("no", 404, "404")),
        ({"choices": [{"error": {"code": 502, "message": "x"}}]}, Failure("x", 502, "502")),
        (
            {"object": "error", "message": "x", "type": "BadRequestError", "code": 400},
            Failure("x", 400, "400", "BadRequestError"),
        ),
        ({"code": "InvalidApiKey", "message": "x", "request_id": "1"}, Failure("x", None, "InvalidApiKey")),
        ({"detail": "Not Found"}, Failure("Not Found")),
        (
            {"detail": [{"loc": ["body", "messages", 0], "msg": "field required", "type": "missing"}, {"msg": "b"}]},
            Failure("body.messages.0: field required; b"),
        ),
        ({"detail": {"message": "x"}}, Failure("x")),
        ({"msg": "x", "code": 1302}, Failure("x", None, "1302")),
        ({"error": {"code": 500}}, Failure("500", 500, "500")),
        ({"error": {"type": "rate_limit_error"}}, Failure("rate_limit_error", 429, None, "rate_limit_error")),
        ({"error": {"message": "x", "status_code": 422}}, Failure("x", 422)),
        ({"error": {"message": "x", "code": 200}}, Failure("x", None, "200")),
        ({"error": {"param": 1}}, Failure('{"error": {"param": 1}}')),
        (
            {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "slow down"}}},
            Failure("Provider returned error: slow down", 429, "429"),
        ),
        (
            {"error": {"message": "flagged", "code": 403, "metadata": {"reasons": ["violence", "hate"]}}},
            Failure("flagged: violence, hate", 403, "403"),
        ),
        (
            {"error": {"message": "x", "metadata": {"error_type": "provider_unavailable"}}},
            Failure("x", 502, None, "provider_unavailable"),
        ),
        ({"error": {"message": "x", "availability": {"retryable": False}}}, Failure("x", retryable=False)),
        ({"error": {"message": "x", "retryable": True}}, Failure("x", retryable=True)),
        ([{"error": {"message": "x"}}], Failure("x")),
        ("just text", Failure("just text")),
        ({"error": {"message": "two\nlines\u0007"}}, Failure("two lines")),
        ({"weird": 1}, Failure('{"weird": 1}')),
        ({}, SILENT),
        ([], SILENT),
        (None, SILENT),
        ("", SILENT),
    ],
)
def test_a_json_body(body: Any, expected: Failure) -> None:
    """JSON in any of the shapes of protocol.md, section 3.1, read in its order."""
    assert decode_error(json.dumps(body).encode(), "application/json") == expected
    assert decode_error(b"\xef\xbb\xbf\n\n" + json.dumps(body, ensure_ascii=False).encode()) == expected


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"rate limit reached\n", "text/plain", Failure("rate limit reached")),
        ("请求过多".encode(), "text/plain; charset=utf-8", Failure("请求过多")),
        (b"", "", SILENT),
        (b" \r\n\0", "application/json", SILENT),
        (b"{broken", "application/json", Failure("{broken")),
        (b"bad \xff byte", "", Failure("bad \ufffd byte")),
        (
            b"<!DOCTYPE html><html><head><title>\n502 Bad&nbsp;Gateway\n</title></head><body>x</body></html>",
            "text/html",
            Failure("502 Bad Gateway"),
        ),
        (b"<html><TITLE lang=en>Login</TITLE>", "", Failure("Login")),
        (
            b"<html><head><title>Error</title></head><body><h1>Upstream <b>timed out</b></h1><p>x</p></body>",
            "text/html",
            Failure("Error: Upstream timed out"),
        ),
        (b"<html><body><center><h1>502 Bad Gateway</h1></center><hr>nginx", "", Failure("502 Bad Gateway")),
        (
            b"<html><title>nginx | 502 Bad Gateway</title><h1>502 bad gateway</h1>",
            "",
            Failure("nginx | 502 Bad Gateway"),
        ),
        (b"<html><style>a{}</style><!-- b --><p>The tunnel</p><p>is down</p>", "", Failure("The tunnel is down")),
        (b"<html><script>x()</script>", "text/html; charset=gbk", Failure("A web page without a title")),
        ("<html><title>网关超时</title>".encode("gbk"), "text/html; charset=GBK", Failure("网关超时")),
        ('<html><meta charset="gb2312"><title>网关超时</title>'.encode("gbk"), "text/html", Failure("网关超时")),
        (
            "<html><title>ゲートウェイ</title>".encode("shift_jis"),
            "text/html; charset=Shift_JIS",
            Failure("ゲートウェイ"),
        ),
        ("<html><h1>网关超时</h1>".encode("gbk"), "text/html", Failure("网关超时")),
        ("<html><h1>Zeitüberschreitung</h1>".encode("utf-16"), "text/html", Failure("Zeitüberschreitung")),
        ('{"error": {"message": "额度不足"}}'.encode("gbk"), "application/json", Failure("额度不足")),
        ("额度不足".encode("gbk"), "text/plain; charset=nonsense", Failure("额度不足")),
        (b"caf\xe9 closed", "text/plain; charset=latin-1", Failure("café closed")),
        (b"x", "text/plain; charset=hex", Failure("x")),
        ("好".encode() * 3 + b"\xe5\xa5", "text/plain", Failure("好好好")),
    ],
)
def test_a_body_that_is_no_json(body: bytes, content_type: str, expected: Failure) -> None:
    """Plain text, a web page's title, nothing at all."""
    assert decode_error(body, content_type) == expected


def test_a_long_body_is_cut() -> None:
    """300 characters of foreign text, 1000 of a message, whatever the size of the body."""
    assert len(decode_error(b"x" * 10_000_000).message) == 300
    assert len(decode_error(b"<html><title>" + b"x" * 10_000_000, "text/html").message) <= 300
    assert len(decode_error(b"<html><title>" + b"x" * 1000 + b"</title>", "text/html").message) == 300
    assert len(decode_error(json.dumps({"error": {"message": "x" * 5000}}).encode()).message) == 1000


def test_a_nesting_bomb_is_text() -> None:
    """100,000 brackets are shown as the text that they are."""
    assert decode_error(b"[" * 100_000).message == "[" * 299 + "…"


@given(st.binary(max_size=300), st.sampled_from(["", "text/html", "application/json"]))
def test_any_body_gives_a_message(body: bytes, content_type: str) -> None:
    """No body fails, and none gives an empty message."""
    assert decode_error(body, content_type).message
