"""Why the record has no answer: the recorded request most like the one asked, and what differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..errors import one_line
from ..language import _
from ..request.messages import Message, Request
from .codec import without_images

__all__ = ["Near", "differences", "nearest", "reordered"]

_FIELDS = ("model", "protocol", "endpoint", "stream", "parameters", "extra_body")
# The prompt says more about which cell this is than any single setting.
_PROMPT_WEIGHT = 6.0
_SHOWN = 40


class Near(NamedTuple):
    """A recorded request and where its line stands in the file."""

    offset: int
    request: Request


def nearest(asked: Request, recorded: Iterable[Near]) -> Near | None:
    """The recorded request that shares most with `asked`; None when there is none. Linear in the text."""
    prompt = _spelled(asked.messages)

    def likeness(near: Near) -> float:
        same = sum(bool(getattr(near.request, field) == getattr(asked, field)) for field in _FIELDS)
        return same + _PROMPT_WEIGHT * _overlap(prompt, _spelled(near.request.messages))

    return max(recorded, key=likeness, default=None)


def _overlap(a: str, b: str) -> float:
    """Share of the longer text that is a common beginning or end; 1.0 for equal texts."""
    if a == b:
        return 1.0
    start = _common(a, b)
    return (start + _common(a[start:][::-1], b[start:][::-1])) / max(len(a), len(b))


def _common(a: str, b: str) -> int:
    """Length of the common beginning, by bisection: whole slices compare faster than characters."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle - 1)
    return low


def _spelled(messages: Iterable[Message]) -> str:
    return "\n".join(f"{message.role}: {message.text}" for message in messages)


def differences(asked: Request, recorded: Request) -> list[str]:
    """What differs, a short text for each field: `model: recorded 'a', asked 'b'`; empty when nothing does."""
    found = [
        _shown(field, getattr(recorded, field), getattr(asked, field))
        for field in ("model", "protocol", "endpoint", "stream")
        if getattr(recorded, field) != getattr(asked, field)
    ]
    for field in ("parameters", "extra_body"):
        old, new = getattr(recorded, field), getattr(asked, field)
        found += [
            _shown(name, old.get(name), new.get(name)) for name in sorted(old | new) if old.get(name) != new.get(name)
        ]
    return found + _prompt_difference(asked, recorded)


def reordered(asked: Request, recorded: Request) -> list[str]:
    """The objects that have the same keys in another order, a short text for each; empty when there are none."""
    pairs = {
        **{name: (recorded.parameters.get(name), value) for name, value in asked.parameters.items()},
        "extra_body": (recorded.extra_body, asked.extra_body),
    }
    return [text for name, (old, new) in pairs.items() for text in _reordered(name, old, new)]


def _reordered(name: str, old: object, new: object) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        if list(old) != list(new):
            yield _("{name}: recorded in the order {recorded}, now in the order {asked}").format(
                name=name, recorded=one_line(", ".join(old), _SHOWN), asked=one_line(", ".join(new), _SHOWN)
            )
        for key in old:
            yield from _reordered(f"{name}.{key}", old[key], new[key])
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        for number, (before, after) in enumerate(zip(old, new, strict=False)):
            yield from _reordered(f"{name}[{number}]", before, after)


def _shown(name: str, recorded: object, asked: object) -> str:
    return _("{name}: recorded {recorded}, now {asked}").format(
        name=name, recorded=_value(recorded), asked=_value(asked)
    )


def _value(value: object) -> str:
    return _("nothing") if value is None else one_line(repr(value), _SHOWN)


def _prompt_difference(asked: Request, recorded: Request) -> list[str]:
    old, new = _spelled(recorded.messages), _spelled(asked.messages)
    if old != new:
        return [_first_line(old.split("\n"), new.split("\n"))]
    if without_images(recorded.to_dict())["messages"] != without_images(asked.to_dict())["messages"]:
        return [_("the images, tool calls or reasoning of the messages")]
    return []


def _first_line(old: list[str], new: list[str]) -> str:
    count = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    lines = [text[count] if count < len(text) else None for text in (old, new)]
    return _shown(_("prompt line {number}").format(number=count + 1), *_around_difference(*lines))


def _around_difference(old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Both lines, cut to where they begin to differ when that is far into them."""
    if old is None or new is None:
        return old, new
    start = max(0, _common(old, new) - _SHOWN // 2)
    return ("…" * (start > 0) + old[start:], "…" * (start > 0) + new[start:])
