"""Everything readable of an event that is no JSON object: torn pieces glued to whole ones, several objects in a row,
stray prefixes, keep-alives in words, errors in plain words. What is left over may be a part of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from msgspec import Struct

from .payload import finite

__all__ = ["Salvage", "is_silent", "salvage"]

_DECODER = json.JSONDecoder(strict=False, parse_constant=lambda _name: None, parse_float=finite)

_SILENT = re.compile(
    r"""(?: [\s,\x00-\x1f\ufeff]
        | (?:data|event|id|retry|chunk|message) \s* : (?=[\s{\[]|data:|$)
        | : [^\n{]*                                                    # a comment
        | \b(?:null|none|undefined|true|ok|\{\s*\}|\[\s*\])(?!\w)
        | [\[(<"]? \b(?:ping|pong|heartbeat|keep[ _-]?alive|processing|waiting|queued)\b [\])>".!\s]*
        | ^\s*[0-9a-f]{1,8}\s*(?=[\r\n{]|$)                             # the length of an HTTP chunk
        | event:\s*\w+
        | \[\]|\{\}|\"\"
        | \[DONE\]
        )*""",
    re.IGNORECASE | re.VERBOSE,
)
_DONE = re.compile(r"\[\s*DONE\s*\]|^\s*DONE\s*$", re.IGNORECASE)
_ERROR = re.compile(
    r"""\b(?:error|exception|traceback|fatal|fail(?:ed|ure)?|panic|denied|refused|rejected|exceeded|unauthori[sz]ed
        |forbidden|overloaded|unavailable|insufficient|invalid|time[d -]?\s?out|rate.?limit\w*|quota|crashed|died)\b
        |\w+(?:Error|Exception)\b|错误|失败|异常|出错|超时|不足|超限|繁忙|欠费|拒绝""",
    re.IGNORECASE | re.VERBOSE,
)
_RESTART = re.compile(r"\{")
_TORN = re.compile(r'[{}"]')
_LARGEST = 200
"""Most places at which reading is begun anew in one event: each costs a look at what follows."""


class Salvage(Struct, frozen=True):
    """What an event held."""

    values: tuple[dict[str, object], ...] = ()
    lost: tuple[str, ...] = ()
    """Torn pieces that may have held a part of the answer."""
    error: str = ""
    """An error in plain words."""
    done: bool = False


def is_silent(text: str) -> bool:
    """Whether `text` says nothing but that the server lives."""
    found = _SILENT.match(text)
    return found is not None and found.end() == len(text)


def salvage(data: bytes, is_whole: Callable[[dict[str, object]], bool]) -> Salvage:
    """Reads `data` from every place at which an object may begin. `is_whole`: whether an object is no part of one."""
    text = data.decode("utf-8", "replace")
    values: list[dict[str, object]] = []
    rests: list[str] = []
    at = begun = 0
    for _ in range(_LARGEST):
        found = _RESTART.search(text, at)
        if found is None:
            break
        value, end = _object(text, found.start())
        # Inside a torn piece only what cannot be a part of it counts.
        if value is None or (not is_whole(value) and not is_silent(text[begun : found.start()])):
            at = found.end()
            continue
        rests.append(text[begun : found.start()])
        values.append(value)
        at = begun = end
    rests.append(text[begun:])
    left = [rest for rest in rests if not is_silent(rest)]
    words = [rest.strip() for rest in left if not _TORN.search(rest)]
    error = next((word for word in words if _ERROR.search(word)), "")
    return Salvage(
        values=tuple(values),
        # Words beside whole objects are a label; words alone may be a text.
        lost=tuple(rest for rest in left if rest.strip() != error and (not values or _TORN.search(rest))),
        error=error,
        done=any(_DONE.search(rest) for rest in rests if not _TORN.search(rest)),
    )


def _object(text: str, at: int) -> tuple[dict[str, object] | None, int]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None, at
    return (value, end) if isinstance(value, dict) else (None, at)
