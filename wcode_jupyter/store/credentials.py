"""What looks like a credential, so that none is written into a file that people publish.

The rows find the shapes of common keys; placeholders (`sk-xxxx`, `YOUR_API_KEY`, `AKIA…EXAMPLE`) have too little
entropy or say that they are examples. The keys of the session itself are recognised by a predicate of the caller.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ..language import N_, _

__all__ = ["CredentialMatch", "find", "redacted"]


class CredentialMatch(NamedTuple):
    """What was found and where, never the value itself; both translated."""

    kind: str
    place: str


class _Shape(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    """Group 1, where there is one, is the part that must look random."""
    sign: str
    """A text without which the pattern cannot fit: a quick look before the search."""
    bits: float
    """Least entropy of group 1, bits a character."""


def _pattern(text: str) -> re.Pattern[str]:
    # Letters are those of keys: in 密钥是sk-… the key begins at its own first letter.
    return re.compile(text, re.ASCII)


# How tokens of providers begin: long enough a word of its own that no other text does.
_PREFIXES = "|".join(
    (
        "[sr]k_live_|whsec_|sq0(?:csp|atp)-",  # payments
        "gl(?:pat|rt|dt|ptt|soat)-|npm_|pypi-|rubygems_|dckr_pat_|sgp_|lin_api_|ntn_|secret_|figd_|CFPAT-",  # tools
        "gsk_|xai-|tvly-|r8_|pplx-|fw_|nvapi-|AQVN",  # models
        r"ya29\.|GOCSPX-|SG\.|shp(?:at|ss|ca|pa)_|do[oprt]_v1_|HRKU-|hv[sbr]\.|pul-|tskey-|ATATT3x|pat-(?:na|eu)\d-",
        r"gl(?:c|sa)_|NRAK-|PMAK-|sntry[su]_|xapp-|sk\.eyJ",
    )
)

_SHAPES = (
    _Shape(
        N_("a private key"),
        _pattern(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s*\S{16}"),
        "PRIVATE KEY",
        0,
    ),
    _Shape(N_("an API key (sk-…)"), _pattern(r"(?<![\w-])sk-([\w-]{20,})"), "sk-", 3.0),
    _Shape(N_("an authorization header"), _pattern(r"\b[Bb]earer\s+([\w.~+/=-]{20,})"), "earer", 3.0),
    _Shape(N_("an AWS access key"), _pattern(r"\b(?:AKIA|ASIA)([0-9A-Z]{16})\b"), "IA", 2.5),
    _Shape(N_("a GitHub token"), _pattern(r"\b(?:gh[pousr]_|github_pat_)(\w{30,})"), "_", 3.0),
    _Shape(N_("a Google API key"), _pattern(r"\bAIza([\w-]{35})"), "AIza", 3.0),
    _Shape(N_("a Slack token"), _pattern(r"\bxox[abeprs]-([\w-]{20,})"), "xox", 2.5),
    _Shape(N_("a Hugging Face token"), _pattern(r"\bhf_([A-Za-z0-9]{30,})"), "hf_", 3.0),
    _Shape(N_("a Zhipu API key"), _pattern(r"\b[0-9a-f]{32}\.([A-Za-z0-9]{16})\b"), ".", 2.5),
    _Shape(N_("an Alibaba Cloud access key"), _pattern(r"\bLTAI([A-Za-z0-9]{12,26})\b"), "LTAI", 2.5),
    _Shape(N_("a Tencent Cloud access key"), _pattern(r"\bAKID([A-Za-z0-9]{32})\b"), "AKID", 3.0),
    _Shape(N_("a signed token (JWT)"), _pattern(r"(?<![\w-])eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.([\w-]{20,})"), "eyJ", 3.0),
    _Shape(N_("an access token"), _pattern(rf"\b(?:{_PREFIXES})([\w.-]{{20,400}})"), "", 3.0),
    _Shape(N_("an access token"), _pattern(r"\b(?:key-|dapi|SK)([0-9a-f]{32})\b"), "", 2.5),
    _Shape(N_("an access token"), _pattern(r"\bAGE-SECRET-KEY-1([0-9A-Z]{50,60})\b"), "AGE-", 3.0),
    _Shape(N_("a Baidu or Volcengine key"), _pattern(r"\b(?:bce-v3/ALTAK-|AKLT)([\w/=-]{30,120})"), "LT", 3.0),
    _Shape(N_("the token of a bot"), _pattern(r"\b\d{8,10}:(AA[\w-]{33})\b"), ":AA", 3.0),
    _Shape(N_("the token of a bot"), _pattern(r"\b[MNO][\w-]{23,27}\.[\w-]{6}\.([\w-]{27,45})\b"), ".", 3.0),
    _Shape(N_("the address of a webhook"), _pattern(r"\bhooks\.slack\.com/\w{1,20}/([\w/]{30,120})"), "hooks.", 3.0),
    _Shape(N_("the address of a webhook"), _pattern(r"/api/webhooks/\d{10,25}/([\w-]{40,90})"), "/webhooks/", 3.0),
    _Shape(N_("an Azure key"), _pattern(r"\b(?:Account|SharedAccess)Key=([\w+/]{40,100}={0,2})"), "Key=", 3.5),
    _Shape(N_("a signed address"), _pattern(r"[?&](?:sig|X-Amz-Signature)=([\w%+/=-]{30,200})"), "=", 3.0),
    _Shape(N_("a password in an address"), _pattern(r"://[^\s/:@]{1,80}:([^\s/:@]{4,80})@"), "://", 1.5),
    _Shape(N_("an authorization header"), _pattern(r"\b[Bb]asic\s{1,4}([A-Za-z0-9+/]{12,400}={0,2})"), "asic", 3.0),
    _Shape(
        N_("a secret in an assignment"),
        _pattern(
            r"(?i:api[_-]?key|access[_-]?key|secret|token|passw(?:or)?d|密钥|密码|令牌)"
            r"[\"']?\s{0,4}[:=：]\s{0,4}[\"']?([\w+/.-]{24,}=*)"
        ),
        "",
        3.5,
    ),
    _Shape(
        N_("a password in an assignment"),
        _pattern(
            r"(?i:passw(?:or)?d|passwd|passphrase|pwd|密码|口令)[\"']?\s{0,4}[:=：]\s{0,4}[\"'](?=[^\"']{0,80}[A-Za-z])"
            r"([^\"'\s]{6,80})[\"']"
        ),
        "",
        2.4,
    ),
)

_PLACES = {
    "request.messages": N_("the prompt"),
    "request.parameters": N_("the parameters"),
    "request.extra_body": N_("the extra body"),
    "choices": N_("the answer"),
    "raw": N_("the server's extra fields"),
    "fault": N_("the error"),
}


def find(reply: dict[str, Any], is_secret: Callable[[str], bool] | None = None) -> CredentialMatch | None:
    """The first text of a reply (as plain JSON data) that looks like a credential, or that `is_secret` knows."""
    for path, text in _texts(reply, ""):
        if kind := _kind(text, is_secret):
            place = next((place for start, place in _PLACES.items() if path.startswith(start)), path)
            return CredentialMatch(_(kind), _(place))
    return None


def _kind(text: str, is_secret: Callable[[str], bool] | None) -> str:
    if is_secret is not None and is_secret(text):
        return N_("a key of this session")
    for shape in _SHAPES:
        if shape.sign in text and any(_looks_real(match, shape.bits) for match in shape.pattern.finditer(text)):
            return shape.kind
    return ""


_SIGN = "•••"


def redacted(text: str) -> str:
    """`text`, which may be JSON, with a sign in the place of each credential."""
    for shape in _SHAPES:
        if shape.sign in text:
            pattern = _WHOLE_KEY if shape.sign == "PRIVATE KEY" else shape.pattern
            text = pattern.sub(lambda match, bits=shape.bits: _hidden(match, bits), text)  # type: ignore[misc]
    return text


_WHOLE_KEY = _pattern(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[^\"-]{16,}"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)


def _hidden(match: re.Match[str], bits: float) -> str:
    if not _looks_real(match, bits):
        return match[0]
    return match[0].replace(match[1], _SIGN) if match.re.groups else _SIGN


def _looks_real(match: re.Match[str], bits: float) -> bool:
    if not bits:
        return True
    value = match.group(1)
    if not any(c.isdigit() for c in value) or _PLACEHOLDER.search(value) or _NAME.fullmatch(value):
        return False
    return _entropy(value) >= bits


_NAME = re.compile(r"[a-z]+(?:[-_.](?:[a-z]+|\d{1,4})){2,}")
"""Words and numbers as people name things; a random text has both in one piece."""
_PLACEHOLDER = re.compile(r"(?i)example|changeme|placeholder|your|xxxx|dummy|passw(?:or)?d|1234567|[{}<>$]")


def _entropy(text: str) -> float:
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield path, key
            yield from _texts(item, f"{path}.{key}" if path else key)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item, path)
