"""The transport against servers that misbehave: each bad ending is the right error, and the key is in none of them."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time

import pytest

from tests.fault_server import (
    DONE,
    DROP,
    HOLD,
    RESET,
    Answer,
    FaultServer,
    body,
    chat,
    comments,
    data,
    delta,
    echo_key,
    finish,
    gzip_bomb,
    html,
    raw,
    reasoning,
    redirect,
    status,
    stream,
    usage,
    whole,
)
from tests.tool_server import said
from wcode_jupyter import __version__, errors
from wcode_jupyter.errors import (
    AnswerCut,
    AnswerMalformed,
    AnswerTooLarge,
    BadRequest,
    ConnectError,
    DeadlineError,
    InputError,
    KeyMissing,
    KeyRejected,
    NotTheApi,
    PaymentRequired,
    RateLimited,
    ServerFault,
)
from wcode_jupyter.keys import Keys
from wcode_jupyter.reply.events import Extra, Finish, Usage
from wcode_jupyter.request.messages import Request, to_messages
from wcode_jupyter.transport import Deadlines, Transport, endpoint, exchange

from .asking import KEY, QUICK, REQUEST, Asked, ask, ask_times, dressed, keys_for


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def ask_server(*answers: Answer, deadlines: Deadlines = QUICK, request: Request = REQUEST) -> tuple[Asked, FaultServer]:
    with FaultServer(*answers) as server:
        return ask(server.base_url, deadlines=deadlines, request=request), server


# --- a good answer --------------------------------------------------------------------------------------------------


def test_a_good_answer_arrives_whole() -> None:
    """Deltas, finish reason and usage come in order; nothing is added."""
    asked, server = ask_server(chat("Hel", "lo"))
    assert asked.error is None
    assert asked.text == "Hello"
    assert [event for event in asked.events if isinstance(event, Finish)] == [Finish("stop")]
    assert next(event for event in asked.events if isinstance(event, Usage)).total_tokens == 15
    assert asked.notices == []
    assert len(server.requests) == 1


def test_what_is_sent() -> None:
    """The body is the wire's, byte for byte JSON; the key is a header; nothing else of the user's machine is told."""
    _asked, server = ask_server(chat("ok"))
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.json == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert request.headers == {
        "host": server.origin.removeprefix("http://"),
        "user-agent": f"wcode_jupyter/{__version__}",
        "accept": "text/event-stream, application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "connection": "keep-alive",
        "authorization": f"Bearer {KEY}",
    }


def test_the_anthropic_form_has_its_own_path_and_version() -> None:
    """One credential, as a bearer token, and the pinned version header."""
    request = Request(model="m", messages=to_messages("hi"), parameters={"max_tokens": 9}, protocol="anthropic")
    with FaultServer(said("anthropic", "hi")) as server:

        async def run() -> None:
            transport = Transport(keys_for(server.origin))
            async for _batch in transport.events(request, endpoint(server.origin, "anthropic"), QUICK):
                pass
            await transport.aclose()

        asyncio.run(run())
    sent = server.requests[0]
    assert sent.path == "/v1/messages"
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in sent.headers


def test_batches_come_as_they_arrive() -> None:
    """An event is given out while the server is still silent about the next."""
    gate = threading.Event()
    with FaultServer(stream(delta("first"), gate, delta("second"), finish(), DONE)) as server:

        async def run() -> list[str]:
            seen = []
            transport = Transport(keys_for(server.base_url))
            async for batch in transport.events(REQUEST, endpoint(server.base_url), QUICK):
                seen += [event.text for event in batch if hasattr(event, "text")]
                gate.set()
            await transport.aclose()
            return seen

        assert asyncio.run(run()) == ["first", "second"]


def test_a_whole_json_answer_instead_of_a_stream() -> None:
    """A server that ignores `stream` still gives the same events."""
    asked, _server = ask_server(whole("42"))
    assert (asked.text, asked.error) == ("42", None)


def test_request_ids_are_kept_without_the_key() -> None:
    """The headers worth keeping come as one Extra; a header that echoes the key is redacted."""
    asked, _server = ask_server(chat("ok", headers={"X-Request-Id": "r1", "X-RateLimit-Limit": KEY, "X-Other": "no"}))
    kept = next(event.fields for event in asked.events if isinstance(event, Extra))
    assert kept == {"headers": {"x-request-id": "r1", "x-ratelimit-limit": "•••"}}


def test_connections_are_kept_between_requests() -> None:
    """The second request travels over the first one's connection."""
    with FaultServer(chat("ok")) as server:
        asyncio.run(ask_times(3, server.base_url))
        assert len(server.requests) == 3
        assert server.connections == 1


def test_no_cookie_comes_back() -> None:
    """What a server wants remembered is forgotten."""
    with FaultServer(chat("ok", headers={"Set-Cookie": "s=1; Path=/"})) as server:
        asyncio.run(ask_times(2, server.base_url))
        assert "cookie" not in server.requests[1].headers


def test_a_finished_answer_on_an_open_connection_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the finish reason and [DONE] a server that neither ends nor closes the stream holds nobody up for long."""
    monkeypatch.setattr(exchange, "_GRACE_S", 0.1)
    began = time.monotonic()
    asked, _server = ask_server(stream(delta("all"), finish(), usage(), DONE, HOLD))
    assert (asked.text, asked.error) == ("all", None)
    assert time.monotonic() - began < QUICK.idle_s / 2


def test_a_packed_answer_is_unpacked() -> None:
    """A gateway that packs its answer although nobody asked is understood."""
    import gzip

    packed = gzip.compress(delta("packed") + finish() + DONE)
    asked, _server = ask_server(
        stream(*(packed[i : i + 7] for i in range(0, len(packed), 7)), headers={"Content-Encoding": "gzip"})
    )
    assert (asked.text, asked.error) == ("packed", None)


# --- the key --------------------------------------------------------------------------------------------------------


def test_the_gateway_without_a_key_is_told_before_sending() -> None:
    """No key: an error that says how to get one."""
    asked = ask("https://wcode.net/api/gpt/v1", key=False)
    assert type(asked.error) is KeyMissing
    for word in ("https://wcode.net/get-apikey", "%wcode key set", "WCODE_API_KEY", "local"):
        assert word in str(asked.error)


def test_another_server_without_a_key_is_asked_without_one() -> None:
    """A key of one origin never goes to another: here a key for another port."""
    with FaultServer(chat("ok")) as server:
        keys = keys_for("http://127.0.0.1:1/v1")
        keys.set("https://wcode.net", KEY)

        async def run() -> None:
            transport = Transport(keys)
            async for _batch in transport.events(REQUEST, endpoint(server.base_url), QUICK):
                pass
            await transport.aclose()

        asyncio.run(run())
        assert "authorization" not in server.requests[0].headers


def test_a_key_never_goes_over_plain_http() -> None:
    """Outside of this machine a key needs TLS: an InputError, and no name is looked up."""
    asked = ask("http://model.invalid/v1")
    assert type(asked.error) is InputError
    assert "http" in str(asked.error)


def test_no_log_holds_the_key(caplog: pytest.LogCaptureFixture) -> None:
    """Not even at the lowest level of httpx and what lies below it."""
    caplog.set_level(logging.DEBUG)
    ask_server(chat("ok"))
    assert "/v1/chat/completions" in caplog.text
    assert KEY not in caplog.text


def test_a_401_without_a_key_says_so() -> None:
    """The hint of a 401 differs when no key was sent."""
    with FaultServer(status(401, "missing key")) as server:
        asked = ask(server.base_url, key=False)
        assert type(asked.error) is KeyRejected
        assert f"%wcode key set {server.base_url}" in str(asked.error)


# --- bad endings ----------------------------------------------------------------------------------------------------

SHORT = Deadlines(connect_s=2, write_s=2, idle_s=0.15)
GONE = data({"error": {"code": 502, "message": "gone"}})
ROLE = data({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
CUT_JSON = delta("Hel") + delta("lo")[:40]
CUT_UTF8 = delta("Hel") + delta("中文")[: delta("中文").index("文".encode()) + 1]


ENDINGS: dict[str, tuple[Answer, type[errors.WcodeError], Deadlines, str, str]] = {
    # name: script, error, deadlines, text that is kept, words in the error
    "wrong key echoed": (echo_key, KeyRejected, QUICK, "", "Incorrect API key"),
    "402": (status(402, "余额不足"), PaymentRequired, QUICK, "", "余额不足"),
    "arrears in a 429": (status(429, "账户已欠费，请充值", code="1113"), PaymentRequired, QUICK, "", "429 1113"),
    "unknown model": (status(404, "no such model"), errors.NotFound, QUICK, "", "%wcode models"),
    "html with 200": (html("登录 Login"), NotTheApi, QUICK, "", "登录 Login"),
    "html with 404": (html("Not here", 404), NotTheApi, QUICK, "", "Not here"),
    "html with 502": (html("502 Bad Gateway", 502), ServerFault, QUICK, "", "502 Bad Gateway"),
    "plain text 429": (body("请求过于频繁", 429, "text/plain"), RateLimited, QUICK, "", "请求过于频繁"),
    "empty 500": (body("", 500, "text/plain"), ServerFault, QUICK, "", "500"),
    "fastapi 422": (body('{"detail":[{"loc":["body","top_p"],"msg":"too big"}]}', 422), BadRequest, QUICK, "", "top_p"),
    "json error with 200": (status(200, "quota", code="insufficient_quota"), PaymentRequired, QUICK, "", "quota"),
    "json error in a stream": (stream(data({"error": {"code": 400, "message": "bad"}})), BadRequest, QUICK, "", "bad"),
    "error after text": (stream(delta("Hel"), GONE), ServerFault, QUICK, "Hel", "gone"),
    "error in one read with text": (stream(delta("Hel") + GONE), ServerFault, QUICK, "Hel", "gone"),
    "closed at once": (DROP, ConnectError, QUICK, "", "without a response"),
    "reset at once": (raw(RESET), ConnectError, QUICK, "", "without a response"),
    "not http": (raw(b"SSH-2.0-OpenSSH_9\r\n\r\n"), ConnectError, QUICK, "", "HTTP"),
    "empty stream": (stream(b": hello\n\n"), AnswerCut, QUICK, "", "before an answer arrived"),
    "role chunk only": (stream(ROLE), AnswerCut, QUICK, "", "before an answer arrived"),
    "clean end without finish": (stream(delta("Hel")), AnswerCut, QUICK, "Hel", "before the model did"),
    "cut in mid json": (stream(CUT_JSON, cut=True), AnswerCut, QUICK, "Hel", "before the model did"),
    "cut in mid character": (stream(CUT_UTF8, framed=False), AnswerCut, QUICK, "Hel", "before the model did"),
    "reset in mid stream": (stream(delta("Hel"), 0.05, RESET), AnswerCut, QUICK, "Hel", "before the model did"),
    "silence before the head": (raw(HOLD), DeadlineError, SHORT, "", "after 0.15 s without data"),
    "silence before text": (stream(HOLD), DeadlineError, SHORT, "", "after 0.15 s without data"),
    "silence after text": (stream(delta("Hel"), HOLD), DeadlineError, SHORT, "Hel", "after 0.15 s without data"),
    "comments for ever": (comments(0.05), DeadlineError, SHORT, "", "0.6 s"),
    "too long in all": (stream(delta("Hel"), HOLD), DeadlineError, Deadlines(total_s=0.3), "Hel", (
        "after 0.3 s waiting "
        "for the whole answer")),
    "100 MB line": (stream(delta("Hel"), (b"a" * 1_000_000 for _ in range(100))), AnswerTooLarge, QUICK, "Hel", "MiB"),
    "gzip bomb": (gzip_bomb(), AnswerTooLarge, QUICK, "", "MiB"),
    "damaged gzip": (stream(b"no gzip", headers={"Content-Encoding": "gzip"}), AnswerMalformed, QUICK, "", "corrupt"),
    "brotli": (stream(b"?", headers={"Content-Encoding": "br"}), AnswerMalformed, QUICK, "", "br"),
    "not json": (body("{oops"), AnswerMalformed, QUICK, "", "answer"),
    "garbage stream": (stream(b"data: oops\n\n"), AnswerMalformed, QUICK, "", "parse"),
    "garbage that says it is whole": (stream(b"data: oops\n\n", DONE), AnswerMalformed, QUICK, "", "parse"),
    "an answer without an answer": (stream(usage(), DONE), AnswerCut, QUICK, "", "empty"),
    "nothing but the end": (stream(DONE), AnswerCut, QUICK, "", "empty"),
    "redirect": (redirect("http://evil.example:8/steal?x=1"), NotTheApi, QUICK, "", "evil.example"),
    "error with 200 echoes the key": (lambda r: status(200, r.key, code=r.key), ServerFault, QUICK, "", "•••"),
    "page echoes the key": (lambda r: html(r.key), NotTheApi, QUICK, "", "•••"),
    "garbage echoes the key": (lambda r: body(r.key), AnswerMalformed, QUICK, "", "answer"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_a_bad_ending_is_one_clear_error(name: str) -> None:
    """The class, what it says, what is kept; one line; nothing hangs on it; the key is nowhere."""
    script, kind, deadlines, kept, words = ENDINGS[name]
    asked, server = ask_server(script, deadlines=deadlines)
    assert type(asked.error) is kind, asked.error
    assert words in str(asked.error)
    assert server.origin.removeprefix("http://") in str(asked.error) or kind in (
        DeadlineError,
        AnswerTooLarge,
        AnswerMalformed,
    )
    assert asked.text == kept
    assert len(asked.error.what) <= 400
    assert "\n" not in str(asked.error)
    assert asked.error.__cause__ is None
    assert asked.error.__context__ is None
    shown = dressed(asked.error)
    assert KEY not in shown
    assert "httpx" not in shown.replace("wcode_jupyter/transport", "")
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_bad_utf8_does_not_end_an_answer() -> None:
    """An impossible byte inside a text becomes the replacement character."""
    broken = delta("a?b").replace(b"?", b"\xff")
    asked, _server = ask_server(stream(broken, finish(), DONE))
    assert (asked.text, asked.error) == ("a\ufffdb", None)


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    """100,000 nested brackets, whole or streamed, end as an error of the answer."""
    deep = '{"choices":' + "[" * 100_000 + "]" * 100_000 + "}"
    for script in (body(deep), stream(b"data: " + deep.encode() + b"\n\n")):
        asked, _server = ask_server(script)
        assert type(asked.error) is AnswerMalformed


def test_an_error_body_is_read_up_to_a_cap() -> None:
    """An endless error body neither fills memory nor holds up the error."""
    with FaultServer(stream(*[b"x" * 65536] * 100, HOLD, status=500, content_type="text/plain")) as server:
        began = time.monotonic()
        asked = ask(server.base_url)
        assert time.monotonic() - began < 4
        assert type(asked.error) is ServerFault
        assert len(str(asked.error)) < 500
        assert server.requests[0].closed.wait(2)


def test_a_redirect_to_another_host_gets_nothing() -> None:
    """The other host sees no connection, let alone the prompt or the key."""
    with FaultServer(chat("stolen")) as other:
        asked, _server = ask_server(redirect(other.base_url + "/chat/completions"))
        assert type(asked.error) is NotTheApi
        assert other.connections == 0


# --- no connection --------------------------------------------------------------------------------------------------


def test_connection_refused() -> None:
    """Nobody listens: said with host and port, after visible retries."""
    with FaultServer(chat("ok")) as server:
        base_url = server.base_url
    asked = ask(base_url)
    assert type(asked.error) is ConnectError
    assert "refused the connection" in str(asked.error)
    assert len(asked.notices) == 2
    assert KEY not in dressed(asked.error)


def test_a_name_that_does_not_exist() -> None:
    """DNS failure is said as such, at once."""
    asked = ask("https://wcode-model.invalid/v1")
    assert type(asked.error) is ConnectError
    assert "wcode-model.invalid" in str(asked.error)
    assert asked.notices == []
    assert KEY not in dressed(asked.error)


def test_tls_with_a_server_that_has_none() -> None:
    """https:// to a plain server is said as such, at once, and the key was not sent."""
    with FaultServer(raw(b"HTTP/1.1 400 no\r\n\r\n")) as server:
        asked = ask(server.base_url.replace("http:", "https:"))
        assert type(asked.error) is ConnectError
        assert "TLS" in str(asked.error)
        assert server.requests == []
        assert KEY not in dressed(asked.error)


def test_a_proxy_never_catches_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """With every proxy variable set to a dead address, loopback is reached directly."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    asked, _server = ask_server(chat("direct"))
    assert asked.text == "direct"


def test_a_proxy_is_used_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server elsewhere is asked through the proxy that the environment names."""
    with FaultServer(chat("through the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.origin)
        asked = ask("http://model.invalid/v1", key=False)
        assert asked.text == "through the proxy"
        assert proxy.requests[0].path == "http://model.invalid/v1/chat/completions"


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable; the proxy saw no key."""
    with FaultServer(body("no", 403, "text/plain")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        asked = ask("https://model.invalid/v1")
        assert type(asked.error) is ConnectError
        assert "HTTPS_PROXY" in str(asked.error)
        assert proxy.requests[0].method == "CONNECT"
        assert KEY not in repr(proxy.requests)


def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is no proxy is an error that names the variable and not its value."""
    monkeypatch.setenv("HTTPS_PROXY", "gopher://user:secretive@proxy.invalid")
    asked = ask("https://model.invalid/v1")
    assert type(asked.error) is ConnectError
    assert "HTTPS_PROXY" in str(asked.error)
    assert "secretive" not in dressed(asked.error)


def test_certificates_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong SSL_CERT_FILE is named."""
    monkeypatch.setenv("SSL_CERT_FILE", "/does/not/exist.pem")
    asked = ask("https://model.invalid/v1")
    assert type(asked.error) is ConnectError
    assert "SSL_CERT_FILE" in str(asked.error)


# --- retries and fallbacks ------------------------------------------------------------------------------------------


def test_a_fault_then_success() -> None:
    """A 503 and a 429 are tried again, each announced, with a growing wait; the answer is the third's alone."""
    asked, server = ask_server(status(503, "overloaded"), status(429, "slow down"), chat("fine"))
    assert (asked.text, asked.error) == ("fine", None)
    assert len(server.requests) == 3
    assert [wait for wait in asked.waits if not 0.37 <= wait <= 1.0] == []
    assert asked.waits[0] <= 0.5 < asked.waits[1]
    assert "(1 of 2)" in asked.notices[0]
    assert "overloaded" in asked.notices[0]
    assert "(2 of 2)" in asked.notices[1]
    assert "slow down" in asked.notices[1]


@pytest.mark.parametrize(
    "first",
    [
        DROP,
        stream(b": comment\n\n"),
        stream(ROLE, cut=True),
        raw(RESET),
    ],
)
def test_what_ended_before_any_delta_is_tried_again(first: Answer) -> None:
    """Nothing was lost and nothing was billed for sure: try again."""
    asked, _server = ask_server(first, chat("fine"))
    assert (asked.text, asked.error) == ("fine", None)
    assert len(asked.notices) == 1


def test_two_retries_and_no_more() -> None:
    """The third failure is the answer."""
    asked, server = ask_server(status(503, "overloaded"))
    assert type(asked.error) is ServerFault
    assert len(server.requests) == 3
    assert len(asked.notices) == 2


@pytest.mark.parametrize("piece", [delta("Hel"), reasoning("Hm")])
def test_nothing_is_retried_after_the_first_delta(piece: bytes) -> None:
    """After text or reasoning a lost connection or a 502 is the end: a rerun would be billed and differ."""
    for script in (stream(piece), stream(piece, GONE)):
        asked, server = ask_server(script, chat("never"))
        assert asked.error is not None
        assert len(server.requests) == 1


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 422])
def test_a_refusal_is_not_retried(code: int) -> None:
    """What will fail again is not asked again."""
    asked, server = ask_server(status(code))
    assert asked.error is not None
    assert len(server.requests) == 1


def test_retry_after_is_obeyed() -> None:
    """The server's wish replaces the back-off."""
    asked, _server = ask_server(status(429, headers={"Retry-After": "7"}), chat("fine"))
    assert asked.waits == [7.0]
    assert asked.text == "fine"


def test_a_long_retry_after_is_not_waited_for() -> None:
    """Above 120 s the error comes at once, with the wait in its hint."""
    asked, server = ask_server(status(429, headers={"Retry-After": "121"}))
    assert type(asked.error) is RateLimited
    assert "121 s" in str(asked.error)
    assert asked.error.retry_after_s == 121
    assert len(server.requests) == 1


def test_no_retry_beyond_the_total_deadline() -> None:
    """A wait that would pass the total deadline is not begun."""
    asked, server = ask_server(status(503, headers={"Retry-After": "60"}), deadlines=Deadlines(total_s=5))
    assert type(asked.error) is ServerFault
    assert len(server.requests) == 1


def test_a_stale_connection_is_replaced_in_silence() -> None:
    """A kept connection that the server had closed: another one, once, without a word and without a wait."""
    with FaultServer(chat("one"), DROP, chat("two")) as server:
        first, second = asyncio.run(ask_times(2, server.base_url))
        assert (first.text, second.text) == ("one", "two")
        assert second.notices == []
        assert second.waits == []
        assert [request.connection for request in server.requests] == [0, 0, 1]


def test_a_connection_that_goes_stale_between_attempts() -> None:
    """The second attempt goes over the first one's connection; its loss is replaced in silence too."""
    asked, server = ask_server(status(503), DROP, chat("fine"))
    assert (asked.text, len(asked.notices)) == ("fine", 1)
    assert [request.connection for request in server.requests] == [0, 0, 1]


def test_without_stream_options() -> None:
    """A server that refuses stream_options is asked again without it, and the user is told."""
    asked, server = ask_server(status(400, "Unknown parameter: 'stream_options'"), chat("fine"))
    assert asked.text == "fine"
    assert "stream_options" in asked.notices[0]
    assert "stream_options" in server.requests[0].json
    assert "stream_options" not in server.requests[1].json
    assert server.requests[1].json["stream"] is True
    assert asked.waits == []


def test_without_streaming() -> None:
    """A server that refuses to stream is asked for the whole answer."""
    asked, server = ask_server(status(400, "streaming is not supported"), whole("fine"))
    assert asked.text == "fine"
    assert server.requests[1].json["stream"] is False
    assert "stream_options" not in server.requests[1].json


def test_each_fallback_is_tried_once() -> None:
    """A server that refuses everything ends with its own words."""
    asked, server = ask_server(status(400, "stream_options, stream, non-stream: all wrong"))
    assert type(asked.error) is BadRequest
    assert len(server.requests) <= 4


def test_silence_without_streaming_is_not_tried_again() -> None:
    """A call that does not stream may be billed although its answer never came."""
    request = Request(model="m", messages=to_messages("hi"), stream=False)
    asked, server = ask_server(raw(HOLD), deadlines=SHORT, request=request)
    assert type(asked.error) is DeadlineError
    assert len(server.requests) == 1
    asked, server = ask_server(status(504), request=request)
    assert len(server.requests) == 1


def test_what_cannot_be_written_as_json() -> None:
    """An extra field that is no JSON is said before anything is sent."""
    request = Request(model="m", messages=to_messages("hi"), extra_body={"x": object()})
    asked, server = ask_server(chat("ok"), request=request)
    assert type(asked.error) is InputError
    assert server.requests == []


# --- leaving early --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [stream(delta("Hel"), HOLD), raw(HOLD)])
def test_a_cancelled_task_closes_the_connection(script: Answer) -> None:
    """Whether text had come or not, the server sees the connection close at once."""
    with FaultServer(script) as server:

        async def run() -> None:
            transport = Transport(keys_for(server.base_url))

            async def read() -> None:
                async for _batch in transport.events(REQUEST, endpoint(server.base_url), QUICK):
                    pass

            task = asyncio.create_task(read())
            request = await asyncio.to_thread(server.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(request.closed.wait, 2)
            await transport.aclose()

        asyncio.run(run())


# --- probe ----------------------------------------------------------------------------------------------------------


def probe(base_url: str, *, key: bool = True, timeout_s: float = 2) -> str:
    async def run() -> str:
        transport = Transport(keys_for(base_url, key=key))
        try:
            return await transport.probe(endpoint(base_url), timeout_s)
        finally:
            await transport.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("script", "key", "words"),
    [
        (body(json.dumps({"data": []})), True, "is reachable"),
        (status(401), True, "rejects the key"),
        (status(401), False, "needs a key"),
        (status(404), True, "lists no models"),
        (html("Models"), True, "lists no models"),
    ],
)
def test_probe_says_what_it_found(script: Answer, key: bool, words: str) -> None:
    """Reachable, wants a key, refuses the key; a missing list of models is no fault."""
    with FaultServer(script) as server:
        assert words in probe(server.base_url, key=key)
        assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("script", "kind"),
    [(status(500), ServerFault), (redirect("https://login.example/"), NotTheApi), (raw(HOLD), DeadlineError)],
)
def test_probe_raises_what_is_a_fault(script: Answer, kind: type[errors.WcodeError]) -> None:
    """A server that fails, redirects or is silent raises."""
    with FaultServer(script) as server, pytest.raises(kind) as caught:
        probe(server.base_url, timeout_s=0.3)
    assert KEY not in dressed(caught.value)


def test_probe_of_the_gateway_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """%wcode doctor without a key can still tell whether the gateway is reached: here through a proxy that is not."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(ConnectError):
        probe("https://wcode.net/api/gpt/v1", key=False)


def test_keys_are_read_at_use() -> None:
    """A key that is set after the Transport was made is used by the next request."""
    with FaultServer(chat("ok")) as server:
        keys = Keys(keyring=False, environment=())

        async def run() -> None:
            transport = Transport(keys)
            for _time in range(2):
                async for _batch in transport.events(REQUEST, endpoint(server.base_url), QUICK):
                    pass
                keys.set(server.origin, KEY)
            await transport.aclose()

        asyncio.run(run())
        assert ["authorization" in request.headers for request in server.requests] == [False, True]


# --- what stands where an answer should be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (body('{"state": "starting", "hint": "wait"}'), '{"state": "starting", "hint": "wait"}'),
        (body("we are closed today", content_type="text/plain"), "we are closed today"),
        (stream(b'data: {"kind": "metrics"}\n\n', DONE), 'data: {"kind": "metrics"}'),
        (body("网关维护中".encode("gbk"), content_type="text/plain; charset=gbk"), "网关维护中"),
        (body('{"state": "' + "x" * 400), "x" * 200),
    ],
    ids=["json", "text", "stream", "gbk", "long"],
)
def test_an_unknown_body_is_shown(answer: Answer, words: str) -> None:
    """A good status with a body that is no answer: its first 300 characters say what it is."""
    asked, _server = ask_server(answer)
    assert isinstance(asked.error, AnswerMalformed)
    assert words in asked.error.what
    assert len(asked.error.what.partition(": ")[2]) <= 300


@pytest.mark.parametrize("before", [0, 280, 4070])
def test_the_key_in_an_unknown_body_is_not_shown(before: int) -> None:
    """Redacted before it is shortened, wherever it stands."""
    asked, _server = ask_server(lambda request: body("{" + "y" * before + request.key))
    assert isinstance(asked.error, AnswerMalformed)
    assert KEY[:12] not in dressed(asked.error)


@pytest.mark.parametrize(
    ("page", "content_type", "words"),
    [
        (b"<html><center><h1>502 Bad Gateway</h1></center><hr>nginx</html>", "text/html", "502 Bad Gateway"),
        ("<html><title>网关超时</title></html>".encode("gbk"), "text/html; charset=gbk", "网关超时"),
        (b"<html><title>Oops</title><h1>Upstream is down</h1></html>", "text/html", "Oops: Upstream is down"),
    ],
)
@pytest.mark.parametrize("code", [200, 404, 502])
def test_a_web_page_says_its_title_and_heading(page: bytes, content_type: str, words: str, code: int) -> None:
    """With any status, in the characters that it names."""
    asked, _server = ask_server(*[body(page, code, content_type)] * 3)
    assert asked.error is not None
    assert words in asked.error.what
