"""Refusals: every status and hidden code is the right error, retried only where that is right."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping

import pytest

from wcode_jupyter import errors
from wcode_jupyter.errors import KeyRejected, NotFound, PaymentRequired
from wcode_jupyter.reply.events import Failure
from wcode_jupyter.transport.refusal import FALLBACKS, Refusal, delay_s, recorded, refusal


def refused(
    status: int, failure: Failure | None = None, headers: Mapping[str, str] | None = None, *, streaming: bool = True
) -> Refusal:
    return refusal(failure or Failure("why"), status, headers or {}, host="h.example", streaming=streaming)


# Protocol notes, section 3.1.
@pytest.mark.parametrize(
    ("status", "kind", "retry"),
    [
        (400, "BadRequest", False), (401, "KeyRejected", False), (402, "PaymentRequired", False),
        (403, "Forbidden", False), (404, "NotFound", False), (408, "ServerFault", True), (409, "ServerFault", True),
        (413, "BadRequest", False),
        (415, "BadRequest", False), (422, "BadRequest", False), (429, "RateLimited", True), (434, "Forbidden", False),
        (435, "Forbidden", False), (451, "Forbidden", False), (500, "ServerFault", True), (502, "ServerFault", True),
        (503, "ServerFault", True), (504, "ServerFault", True), (520, "ServerFault", True), (521, "ServerFault", True),
        (522, "ServerFault", True), (523, "ServerFault", True), (524, "ServerFault", True), (529, "ServerFault", True),
        (418, "BadRequest", False), (501, "ServerFault", False), (505, "ServerFault", False),
    ],
)  # fmt: skip
def test_each_status(status: int, kind: str, retry: bool) -> None:
    """A status has its class, its number on the error, and its answer to whether to try again."""
    found = refused(status)
    assert type(found.error) is getattr(errors, kind)
    assert (found.error.status, found.retry) == (status, retry)
    assert found.error.what == f"h.example answered {status}: why"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (429, Failure("账户欠费", code="1113")), (429, Failure("day", code="1304")),
        (429, Failure("hours", code="1308")), (429, Failure("week", code="1310")),
        (429, Failure("plan", code="1309")), (429, Failure("plan", code="1311")),
        (429, Failure("quota", code="insufficient_quota")), (429, Failure("quota", kind="insufficient_quota")),
        (400, Failure("overdue", code="Arrearage")), (403, Failure("overdue", code="AccountOverdueError")),
        (200, Failure("arrears", code="1113")), (400, Failure("no money", kind="billing_error")),
        (429, Failure("quota", code="insufficient_quota", retryable=True)),
    ],
)  # fmt: skip
def test_arrears_quota_and_plan_are_payment_whatever_the_status(status: int, failure: Failure) -> None:
    """Waiting does not pay a bill: never retried, not even where the server says so."""
    found = refused(status, failure, {"x-should-retry": "true"})
    assert type(found.error) is errors.PaymentRequired
    assert not found.retry
    assert found.error.hint


def test_an_error_inside_a_good_status_counts_as_the_status_it_names() -> None:
    """200 with an error object is what its code says; without a code it is the server's fault, not retried."""
    found = refused(200, Failure("Provider disconnected", status=502, code="502", kind="provider_unavailable"))
    assert (type(found.error), found.error.status, found.retry) == (errors.ServerFault, 502, True)
    assert found.error.what == "h.example answered 502: Provider disconnected"
    found = refused(200, Failure("strange"))
    assert (type(found.error), found.error.status, found.retry) == (errors.ServerFault, None, False)
    assert found.error.what == "h.example reported an error: strange"


def test_the_http_status_beats_the_one_in_the_body() -> None:
    """A gateway's 401 stays a 401 though the body repeats its upstream's 500."""
    assert refused(401, Failure("no", status=500)).error.status == 401


def test_the_code_is_shown_beside_the_status() -> None:
    """People search the web for the code."""
    found = refused(429, Failure("账户已欠费", code="1113"))
    assert found.error.what == "h.example answered 429 1113: 账户已欠费"
    assert found.error.code == "1113"


def test_the_servers_own_word_on_retrying_holds() -> None:
    """x-should-retry beats availability.retryable, and both beat the table."""
    assert refused(400, headers={"x-should-retry": "true"}).retry
    assert not refused(503, headers={"x-should-retry": "false"}).retry
    assert not refused(503, Failure("why", retryable=False)).retry
    assert refused(503, Failure("why", retryable=False), {"x-should-retry": "true"}).retry


def test_work_that_may_be_billed_is_not_asked_for_twice() -> None:
    """A gateway's time-out on a call that does not stream may be billed already; on a stream nothing had come."""
    for status in (504, 524):
        assert refused(status, streaming=True).retry
        assert not refused(status, streaming=False).retry
    assert refused(503, streaming=False).retry


def test_how_long_the_server_asks_to_wait() -> None:
    """retry-after-ms, then Retry-After in seconds or as a date; nonsense counts as nothing said."""
    assert refused(429, headers={"retry-after-ms": "1500", "retry-after": "9"}).after_s == 1.5
    assert refused(429, headers={"retry-after": "2.5"}).after_s == 2.5
    date = email.utils.formatdate(time.time() + 30, usegmt=True)
    assert refused(429, headers={"retry-after": date}).after_s == pytest.approx(30, abs=2)
    past = email.utils.formatdate(time.time() - 30, usegmt=True)
    assert refused(429, headers={"retry-after": past}).after_s == 0
    for nonsense in ("", "soon", "-3", "nan", "inf", "Mon, 99 Foo 2026"):
        assert refused(429, headers={"retry-after": nonsense}).after_s is None
    assert refused(429, headers={"retry-after": "2.5"}).error.retry_after_s == 2.5


def test_the_back_off_grows_to_eight_seconds_with_jitter() -> None:
    """min(8, 0.5 * 2**n), up to a quarter less."""
    for attempt, most in enumerate([0.5, 1, 2, 4, 8, 8, 8]):
        waits = [delay_s(attempt) for _ in range(50)]
        assert most * 0.75 <= min(waits) <= max(waits) <= most
        assert len(set(waits)) > 1


def test_a_long_text_is_one_short_line() -> None:
    """A server's text is shown on one line of at most 300 characters."""
    what = refused(500, Failure("line\nline\t" * 500)).error.what
    assert len(what) <= 300
    assert "\n" not in what


def test_request_ids_and_rate_limits_are_kept() -> None:
    """Only the named headers are kept: cookies and the rest are not."""
    headers = {
        "x-request-id": "r1", "request-id": "r2", "x-generation-id": "g", "x-ratelimit-remaining": "3",
        "anthropic-ratelimit-requests-limit": "50", "set-cookie": "s=1", "server": "x", "date": "today",
    }  # fmt: skip
    assert set(recorded(headers)) == {
        "x-request-id", "request-id", "x-generation-id", "x-ratelimit-remaining", "anthropic-ratelimit-requests-limit",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "body", "changed"),
    [
        (
            "Unknown parameter: stream_options",
            {"model": "m", "stream": True, "stream_options": {"include_usage": True}},
            {"model": "m", "stream": True},
        ),
        (
            "Streaming is not supported for this model",
            {"model": "m", "stream": True, "stream_options": {"include_usage": True}},
            {"model": "m", "stream": False},
        ),
        (
            "parameter.enable_thinking must be set to false for non-streaming calls",
            {"model": "m", "stream": False},
            {"model": "m", "stream": True},
        ),
        ("The upstream refused temperature", {"model": "m", "stream": True}, None),
        ("Streaming is not supported", {"model": "m", "stream": False}, None),
        ("stream_options is unknown", {"model": "m"}, None),
    ],
)
def test_fallbacks(message: str, body: dict[str, object], changed: dict[str, object] | None) -> None:
    """What the server does not take is left out once, where it was sent at all and is named."""
    found = next((row.change(body) for row in FALLBACKS if row.named.search(message) and row.applies(body)), None)
    assert found == changed


@pytest.mark.parametrize(
    ("status", "failure", "kind"),
    [
        (503, Failure("当前分组 default 下对于模型 glm-9 无可用渠道", code="model_not_found"), NotFound),
        (503, Failure("No available channels for model glm-9 under group default"), NotFound),
        (403, Failure("用户额度不足", code="insufficient_user_quota"), PaymentRequired),
        (403, Failure("预扣费额度失败", code="pre_consume_token_quota_failed"), PaymentRequired),
        (500, Failure("账户余额不足"), PaymentRequired),
        (200, Failure("bad key", code="invalid_api_key"), KeyRejected),
        (200, Failure("无效的令牌"), KeyRejected),
        (200, Failure("The model glm-9 does not exist", code="model_not_found"), NotFound),
    ],
)
def test_what_a_relay_means(status: int, failure: Failure, kind: type) -> None:
    """Codes and words say more than the status: the right error, its hint, and no other try."""
    found = refused(status, failure)
    assert type(found.error) is kind
    assert not found.retry
    assert found.error.hint
    assert failure.message in found.error.what


@pytest.mark.parametrize(
    ("said", "asked_anew"),
    [
        ("'stream' is not supported with this model", True),
        ("Unsupported value: stream=true", True),
        ("This model does not support streaming", True),
        ("Streaming is not supported", True),
        ("model glm-5 not found in stream channel", False),
        ("request failed while streaming: upstream reset", False),
    ],
)
def test_a_word_is_no_parameter(said: str, asked_anew: bool) -> None:
    """Asked again without streaming only where the parameter is refused."""
    row = next((row for row in FALLBACKS if row.named.search(said) and row.applies({"stream": True})), None)
    assert (row is not None) == asked_anew
