"""The JSON in what a model wrote: the text itself, a fenced block, or an object or list amid prose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from ..request.messages import json_value

__all__ = ["json_values"]

# Byte order marks and spaces without width, which some servers put around a text.
_UNSEEN = "\ufeff\u200b\u2060 \t\r\n"
_JSON_LANGUAGES = ("json", "jsonc", "json5")
# A list amid prose begins so; [1] is a reference.
_LIST = re.compile(r'\[\s*[{"]')


def json_values(text: str, blocks: Sequence[tuple[str, str]], read: Callable[[str], Any] = json_value) -> Iterator[Any]:
    """The values that may be the answer, the likeliest first; may be none. `blocks`: language and source of the fenced
    blocks of `text`; `read` gives the value of a JSON text.

    What is inside of another value is none of them.
    """
    labelled = [source for language, source in blocks if language.lower() in _JSON_LANGUAGES]
    others = [source for language, source in blocks if language.lower() not in _JSON_LANGUAGES]
    text = text.strip(_UNSEEN)
    for sources in ((text,), (*labelled, *others)):
        found = list(_values(sources, read))
        yield from found
        if found:
            return
    yield from islice(_values(chain(_amid(text), *map(_amid, labelled)), read), 1)


def _values(sources: Iterable[str], read: Callable[[str], Any]) -> Iterator[Any]:
    for source in sources:
        try:
            yield read(source)
        except (ValueError, RecursionError):
            continue


def _amid(text: str) -> Iterator[str]:
    """From the first bracket to the last one of its kind, a list before the objects in it."""
    opening = _LIST.search(text)
    lists = (opening.start() if opening else -1, text.rfind("]") + 1)
    objects = (text.find("{"), text.rfind("}") + 1)
    return (text[first:last] for first, last in sorted((lists, objects)) if 0 <= first < last)
