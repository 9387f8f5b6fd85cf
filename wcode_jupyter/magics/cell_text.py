"""Cells of the notebook as text for a model, without what must stay here.

Keys of the session, values of the environment and of variables whose names say that they are secret are withheld: the
name stands in their place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

__all__ = ["Withheld", "fenced", "withhold"]

# Shorter values of the environment are words like `C.UTF-8`, which say nothing and occur everywhere.
_SHORTEST_VALUE = 8
_SHORTEST_SECRET = 4
_SECRET_NAME = re.compile(r"(?i)key|token|secret|pass|pwd|credential")
# `keyword` and `max_tokens` are no secrets: the last word of a variable's name says what it holds.
_SECRET_VARIABLE = re.compile(
    r"(?i)(?:^|_)(?:(?:api|access|private|secret)?key|token|secrets?|pass(?:wd|words?|phrase|code)?|pwd|credentials?)"
    r"_?\d*$"
)
# What loops call their items: no secret where the value is a word.
_ITEMS = ("key", "token")
_WORD = re.compile(r"[^\W\d]{1,15}")


class Withheld(Struct, frozen=True):
    """`text` as it may leave, and the names of what was withheld from it, may be empty."""

    text: str
    names: tuple[str, ...] = ()


def withhold(
    text: str,
    redact: Callable[[str], str],
    variables: Mapping[str, object],
    *,
    environment: Mapping[str, str] = os.environ,
    only_secrets: bool = False,
) -> Withheld:
    """`text` without the session's keys, which `redact` takes out, and with names in the place of values.

    `only_secrets`: of the environment only what its name calls secret, so that the text is the same on each machine.
    """
    text = redact(text)
    secrets = _of_variables(variables) | _of_environment(environment, only_secrets=only_secrets)
    found = {}
    # The longest first: one may be part of another.
    for value, name in sorted(secrets.items(), key=lambda pair: -len(pair[0])):
        if value in text:
            text = text.replace(value, f"[{name}]")
            found[name] = True
    return Withheld(text, tuple(found))


def _of_environment(environment: Mapping[str, str], *, only_secrets: bool) -> dict[str, str]:
    found = {}
    for name, value in environment.items():
        is_secret = bool(_SECRET_NAME.search(name))
        if len(value) >= (_SHORTEST_SECRET if is_secret else _SHORTEST_VALUE) and (is_secret or not only_secrets):
            found[value] = name
    return found


def _of_variables(variables: Mapping[str, object]) -> dict[str, str]:
    return {
        value: name
        for name, value in list(variables.items())
        if isinstance(value, str) and len(value) >= _SHORTEST_SECRET and _SECRET_VARIABLE.search(name)
        if name not in _ITEMS or not _WORD.fullmatch(value)
    }


def fenced(text: str, language: str) -> str:
    """`text` as a code block, in a fence longer than any in it."""
    longest = max((len(run) for run in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
