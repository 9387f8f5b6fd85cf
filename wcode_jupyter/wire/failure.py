"""Every shape in which a server says that something is wrong, as one Failure.

Source: protocol notes on OpenAI, OpenRouter, Anthropic, DashScope, Zhipu, StepFun, vLLM, llama.cpp and FastAPI bodies.
What the status means is the transport's table; here the body is only read.
"""

from __future__ import annotations

from ..errors import one_line
from ..language import _
from ..reply.events import Failure
from .page import decoded, page_words
from .payload import as_dict, as_int, as_list, as_text, loads
from .salvage import is_silent

__all__ = ["decode_error", "failure_in", "says_something"]

_LONGEST = 1000
_LONGEST_FOREIGN = 300

_STATUS_OF_KIND = {
    "invalid_request_error": 400,
    "invalid_request": 400,
    "authentication_error": 401,
    "authentication": 401,
    "billing_error": 402,
    "payment_required": 402,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "not_found": 404,
    "timeout_error": 504,
    "timeout": 504,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "api_error": 500,
    "server_error": 500,
    "server": 500,
    "provider_unavailable": 502,
    "unavailable": 503,
    "overloaded_error": 529,
    "provider_overloaded": 529,
}
"""Error types of Anthropic and of OpenRouter's `metadata.error_type`, for bodies that name no status."""


def decode_error(body: bytes, content_type: str = "") -> Failure:
    """What an error body says: JSON of any known shape, HTML (its title and heading), plain text, or nothing.

    Never raises.
    """
    text = decoded(body, content_type)
    shown = text[: 16 * _LONGEST].strip("\ufeff \t\r\n\0")
    if "html" in content_type or shown[:200].lower().startswith(("<!doctype", "<html", "<head")):
        return Failure(message=page_words(shown))
    try:
        value = loads(text.removeprefix("\ufeff").encode("utf-8", "replace"))
    except ValueError:
        return Failure(message=one_line(shown, _LONGEST_FOREIGN) or _("The server gave no explanation"))
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        if failure := failure_in(value):
            return failure
    elif isinstance(value, str) and value.strip():
        return Failure(message=one_line(value, _LONGEST_FOREIGN))
    return Failure(message=one_line(shown, _LONGEST_FOREIGN) if value else _("The server gave no explanation"))


def failure_in(value: dict[str, object]) -> Failure | None:
    """The error that the object `value` holds, in itself or in its first choice; None where it is no error."""
    for error in (value.get("error"), as_dict(value.get("x_groq")).get("error"), _minimax(value)):
        if says_something(error):
            return _of_error(error, value)
    for choice in as_list(value.get("choices"))[:1]:
        if says_something(error := as_dict(choice).get("error")):
            return _of_error(error, value)
    is_named = value.get("object") == "error" or value.get("type") == "error"
    # iFlytek Spark reports an error with a code, beside an empty list of choices.
    is_coded = not value.get("choices") and says_something({"code": value.get("code")})
    if (not is_named and not is_coded and ("choices" in value or "usage" in value)) or _succeeded(value):
        return None
    return _of_error(value, value) if is_named else _bare(value)


def _minimax(value: dict[str, object]) -> dict[str, object]:
    """MiniMax's report beside every answer, with a code other than 0 where it failed."""
    report = as_dict(value.get("base_resp"))
    failed = as_int(report.get("status_code")) not in (None, 0)
    return {"code": report["status_code"], "message": as_text(report.get("status_msg"))} if failed else {}


def _bare(value: dict[str, object]) -> Failure | None:
    """Bodies that hold nothing but the error: DashScope's `message`, FastAPI's `detail`, `msg`."""
    header = as_dict(value.get("header"))
    listed = next((item for item in as_list(value.get("errors")) if says_something(item)), None)
    if listed is not None:
        return _of_error(listed, value)
    message = (
        as_text(value.get("message"))
        or _detail(value.get("detail"))
        or next((text for name in _WORDS if (text := as_text(value.get(name)))), "")
        or as_text(header.get("message"))
    )
    if not message or is_silent(message):
        return None
    return _of_error({**header, **value, "message": message}, value)


_WORDS = ("msg", "err", "error_msg", "errmsg", "error_message", "errorMessage", "reason")
"""Names under which relays put what went wrong, beside `message` and `detail`."""

_GOOD = frozenset(("", "0", "200", "ok", "success", "succeeded", "none", "null"))


def says_something(error: object) -> bool:
    """Whether what stands under `error` is one: it needs words or a code, and says of no success."""
    if isinstance(error, dict):
        if _succeeded(error):
            return False
        named = ("message", "msg", "detail", "code", "type", "metadata", *_WORDS)
        return any(error.get(name) not in (None, "", 0, "0", [], {}) for name in named) or bool(
            error.keys() - {*named, "param"}
        )
    return bool(error) and str(error).strip().lower() not in _GOOD


def _succeeded(said: dict[str, object]) -> bool:
    """Whether it is the report of a success: `{"code": 0, "message": "success"}`."""
    words = [str(said[name]).strip().lower() for name in ("message", "msg") if said.get(name) is not None]
    code = str(said.get("code", "")).strip().lower()
    return bool(words) and all(word in _GOOD for word in words) and code in ("", "none", *_GOOD)


def _of_error(error: object, around: dict[str, object]) -> Failure:
    if not isinstance(error, dict):
        texts = [text for text in (as_text(error), as_text(around.get("message"))) if text]
        error = {**around, "message": ": ".join(dict.fromkeys(texts))}
    metadata = as_dict(error.get("metadata"))
    code = _code(error.get("code"))
    kind = as_text(metadata.get("error_type")) or as_text(error.get("type")) or None
    return Failure(
        message=one_line(_message(error, metadata), _LONGEST) or _("The server gave no reason"),
        status=_status(code, error) or _STATUS_OF_KIND.get(kind or ""),
        code=code,
        kind=kind if kind != "error" else None,
        retryable=_retryable(error),
    )


def _message(error: dict[str, object], metadata: dict[str, object]) -> str:
    message = as_text(error.get("message")) or _detail(error.get("detail")) or as_text(error.get("msg"))
    # OpenRouter's own message is often only "Provider returned error"; the provider's words are beside it.
    reasons = [reason for reason in as_list(metadata.get("reasons")) if isinstance(reason, str)]
    words = [as_text(metadata.get("raw")), ", ".join(reasons)]
    parts = [part for part in (message, *words) if part]
    return ": ".join(parts) or _code(error.get("code")) or as_text(error.get("type"))


def _detail(detail: object) -> str:
    """FastAPI's `detail`: a text, or a list of `{"loc": [...], "msg": ...}`."""
    if not isinstance(detail, list):
        return as_text(detail) or as_text(as_dict(detail).get("message")) or as_text(as_dict(detail).get("msg"))
    lines = []
    for item in detail:
        where = ".".join(str(step) for step in as_list(as_dict(item).get("loc")) if isinstance(step, (str, int)))
        what = as_text(as_dict(item).get("msg")) or as_text(item)
        lines.append(f"{where}: {what}" if where else what)
    return "; ".join(line for line in lines if line)


def _code(code: object) -> str | None:
    if isinstance(code, str):
        return code or None
    number = as_int(code)
    return None if number is None else str(number)


def _status(code: str | None, error: dict[str, object]) -> int | None:
    for candidate in (code, _code(error.get("status_code")), _code(error.get("status"))):
        if candidate and len(candidate) == 3 and candidate.isdecimal() and "400" <= candidate <= "599":
            return int(candidate)
    return None


def _retryable(error: dict[str, object]) -> bool | None:
    for said in (as_dict(error.get("availability")).get("retryable"), error.get("retryable")):
        if isinstance(said, bool):
            return said
    return None
