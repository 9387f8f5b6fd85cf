"""The proxy variables of the environment: their names for messages, and their passwords kept out of every text."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator

from ..keys import masked

__all__ = ["PROXIES", "VARIABLES", "redact", "variables"]

PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
VARIABLES = (*PROXIES, "NO_PROXY")


def _set() -> Iterator[tuple[str, str]]:
    """(name, value) of each variable that names a proxy, in either case of its letters."""
    for name in PROXIES:
        for spelling in (name, name.lower()):
            if value := os.environ.get(spelling):
                yield spelling, value


def variables() -> str:
    """Names of the variables that are set, for messages; may be empty."""
    return " / ".join(name for name, _value in _set())


def redact(text: str) -> str:
    """`text` without the passwords of the proxies: a proxy may repeat its own in what it answers."""
    return masked(text, {password for _name, value in _set() for password in _passwords(value)})


def _passwords(address: str) -> Iterator[str]:
    try:
        password = urllib.parse.urlsplit(address if "://" in address else f"http://{address}").password
    except ValueError:
        return
    if password:
        yield from (password, urllib.parse.unquote(password))
