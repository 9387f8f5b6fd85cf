"""What a refusal means: the error to raise, whether to try again, when, and with what change.

Sources: section 3 of the protocol notes (statuses of OpenAI, OpenRouter, Anthropic, DashScope, Zhipu, StepFun,
Volcengine, DeepSeek); the numbers of the back-off are the OpenAI SDK's.
"""

from __future__ import annotations

import email.utils
import math
import random
import re
import time
from collections.abc import Callable, Mapping

from msgspec import Struct

from ..errors import (
    BadRequest,
    Forbidden,
    KeyRejected,
    NotFound,
    PaymentRequired,
    RateLimited,
    ServerError,
    ServerFault,
    WcodeError,
    one_line,
)
from ..language import N_, _
from ..reply.events import Failure

__all__ = [
    "FALLBACKS",
    "LONGEST_WAIT_S",
    "MAY_BE_BILLED",
    "STATUSES",
    "Fallback",
    "Refusal",
    "delay_s",
    "is_overload",
    "recorded",
    "refusal",
]

LONGEST_WAIT_S = 120.0
"""A server that asks to wait longer is not waited for."""

STATUSES: dict[int, tuple[type[ServerError], bool]] = {
    400: (BadRequest, False),
    401: (KeyRejected, False),
    402: (PaymentRequired, False),
    403: (Forbidden, False),
    404: (NotFound, False),
    405: (NotFound, False),
    408: (ServerFault, True),
    409: (ServerFault, True),
    410: (NotFound, False),
    413: (BadRequest, False),
    415: (BadRequest, False),
    422: (BadRequest, False),
    429: (RateLimited, True),
    434: (Forbidden, False),
    435: (Forbidden, False),
    451: (Forbidden, False),
    **dict.fromkeys((500, 502, 503, 504, 520, 521, 522, 523, 524, 529), (ServerFault, True)),
}
"""HTTP status -> error, and whether another try may help."""

# Work that a gateway gave up waiting for may be billed all the same; a stream would have shown signs of life.
_PATIENTLY = frozenset((504, 524))
MAY_BE_BILLED = frozenset((408, 504, 524))
"""Statuses of one who gave up waiting for work that goes on."""


class Meaning(Struct, frozen=True):
    """What codes and words (small letters, whole words where they are Latin) say, whatever the status."""

    error: type[ServerError]
    codes: frozenset[str]
    words: re.Pattern[str]
    statuses: frozenset[int] | None = None
    """With which statuses the words count; None: with all. The codes always do."""


MEANINGS = (
    Meaning(
        PaymentRequired,
        frozenset(
            (
                "1113",  # Zhipu: arrears
                "1304", "1308", "1310",  # Zhipu: quota of the day, of the hours, of the week
                "1309", "1311",  # Zhipu: plan expired, model not in the plan
                "insufficient_quota",  # OpenAI
                "insufficient_balance", "billing_error", "payment_required",
                "arrearage",  # DashScope, with 400
                "accountoverdueerror", "accountoverdue",  # Volcengine, with 403
                "insufficient_user_quota", "pre_consume_token_quota_failed",  # one-api and new-api
                "billing_not_active", "billing_hard_limit_reached", "credit_balance_too_low",
            )
        ),
        re.compile(
            r"(?:额度|余额|配额)(?:已)?(?:不足|用尽|耗尽|用完)|欠费|预扣费|"
            r"insufficient (?:account |user )?(?:balance|credits?|funds)|"
            r"(?:balance|credits?) (?:is )?(?:too low|not enough)",
            re.IGNORECASE,
        ),
    ),
    Meaning(
        KeyRejected,
        frozenset(("invalid_api_key", "incorrect_api_key", "authentication_error", "invalid_authentication")),
        re.compile(
            r"无效的令牌|令牌(?:已过期|状态不可用|验证失败)|(?:invalid|incorrect|expired) api[ _-]?key", re.IGNORECASE
        ),
        frozenset((200, 400, 401, 403)),
    ),
    Meaning(
        NotFound,
        frozenset(("model_not_found", "model_not_exist", "model_not_available", "invalid_model")),
        re.compile(
            r"无可用渠道|模型[^，。]{0,80}(?:不存在|未找到|已下线)|no available channels?\b|"
            r"\bmodel\b[^.]{0,80}(?:does not exist|not found|is not a valid)",
            re.IGNORECASE,
        ),
    ),
)  # fmt: skip
"""Refusals that relays send with many statuses; the first row that fits holds."""


def _meaning(failure: Failure, status: int) -> Meaning | None:
    codes = {str(word).lower() for word in (failure.code, failure.kind)}
    for row in MEANINGS:
        if codes & row.codes:
            return row
    return next(
        (
            row
            for row in MEANINGS
            if row.words.search(failure.message) and (row.statuses is None or status in row.statuses)
        ),
        None,
    )


class Refusal(Struct, frozen=True):
    """The error to raise, and whether another try may help; `after_s` is the server's wish."""

    error: ServerError
    retry: bool = False
    after_s: float | None = None


def refusal(failure: Failure, status: int, headers: Mapping[str, str], *, host: str, streaming: bool = True) -> Refusal:
    """What `failure`, sent with the HTTP `status`, means. Its message must already be redacted."""
    # With a good status the body has the word; with a bad one, what it repeats may be its upstream's.
    meant = status if status >= 400 else failure.status
    kind, retry = STATUSES.get(meant or 0, (BadRequest if meant and 400 <= meant < 500 else ServerFault, False))
    row = _meaning(failure, meant or status)
    if row is not None:
        kind, retry = row.error, False
    elif meant in _PATIENTLY and not streaming:
        retry = False
    after_s = _retry_after_s(headers)
    # Anthropic's errors have a type and no code.
    code = failure.kind if failure.code is None and _OVERLOAD.search(str(failure.kind)) else failure.code
    error = kind(_what(failure, meant, host), status=meant, code=code, retry_after_s=after_s)
    wish = _wish(failure, headers)
    return Refusal(error, retry if wish is None or row is not None else wish, after_s)


_OVERLOAD = re.compile("overload|over_capacity|server_busy|too_busy", re.IGNORECASE)
"""`overloaded_error` of Anthropic, `engine_overloaded`, `server_overloaded` and their like."""
_OVERLOADED = frozenset((429, 503, 529))


def is_overload(error: WcodeError | None) -> bool:
    """Whether the server has too much to do: all who ask it should slow down."""
    if isinstance(error, RateLimited):
        return True
    return isinstance(error, ServerFault) and (
        error.status in _OVERLOADED or _OVERLOAD.search(str(error.code)) is not None
    )


def _what(failure: Failure, status: int | None, host: str) -> str:
    code = "" if failure.code == str(status) else failure.code
    label = " ".join(str(part) for part in (status, code) if part)
    pattern = _("{host} answered {label}: {message}") if label else _("{host} reported an error: {message}")
    return one_line(pattern.format(host=host, label=label, message=failure.message))


def _wish(failure: Failure, headers: Mapping[str, str]) -> bool | None:
    """The server's own word on whether to try again."""
    said = {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())
    return failure.retryable if said is None else said


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, by `retry-after-ms` or `retry-after` (seconds, or a date); None without a usable one."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if (seconds := _number(text)) is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text or "").timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def delay_s(attempt: int) -> float:
    """Seconds before retry number `attempt` (from 0) when the server has no wish."""
    return float(min(8.0, 0.5 * 2**attempt) * (1 - 0.25 * random.random()))


_RECORDED = ("x-request-id", "request-id", "x-generation-id", "x-ratelimit-", "anthropic-ratelimit-")


def recorded(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers worth keeping with the answer: request ids and rate limits."""
    return {name: value[:200] for name, value in headers.items() if name.startswith(_RECORDED)}


class Fallback(Struct, frozen=True):
    """A change to the body after a 400 or 422 whose message names what the server does not take."""

    named: re.Pattern[str]
    applies: Callable[[dict[str, object]], bool]
    change: Callable[[dict[str, object]], dict[str, object]]
    notice: str


def _without(body: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in body.items() if name not in names}


FALLBACKS: tuple[Fallback, ...] = (
    Fallback(
        named=re.compile(r"stream_options|include_usage", re.IGNORECASE),
        applies=lambda body: "stream_options" in body,
        change=lambda body: _without(body, "stream_options"),
        notice=N_("the server rejects stream_options; retrying without it"),
    ),
    Fallback(
        # DashScope, of open Qwen3 models that think.
        named=re.compile(r"non-?stream|only supports? stream", re.IGNORECASE),
        applies=lambda body: not body.get("stream"),
        change=lambda body: {**body, "stream": True},
        notice=N_("the server requires streaming; retrying with stream"),
    ),
    Fallback(
        # The parameter, and not the word in "failed while streaming".
        named=re.compile(
            r"""[`'"]stream[`'"] | \bstream\s*[=:] | \bstream\s(?:parameter|mode|option) | parameter:?\s+stream\b
            | \bstream(?:ing|ed)?\b[^.]{0,40}\b(?:not|un)[\s-]?(?:supported|allowed|available|implemented)
            | (?:not|n't|cannot)\s+(?:support|allow|accept|take|use|be|stream)[^.]{0,30}\bstream(?:ed|ing)?\b
            | (?:cannot|can't|not)\sstream\b | unsupported[^.]{0,30}\bstream(?:ing)?\b
            | \bunknown\s(?:field|argument|parameter)s?:?\s*\W?stream\b | 不支持流式""",
            re.IGNORECASE | re.VERBOSE,
        ),
        applies=lambda body: bool(body.get("stream")),
        change=lambda body: {**_without(body, "stream_options"), "stream": False},
        notice=N_("the server does not support streaming here; retrying without it"),
    ),
)
