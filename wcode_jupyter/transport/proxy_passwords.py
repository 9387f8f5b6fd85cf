"""The passwords of the environment's proxies, kept out of every text: a proxy may repeat its own in what it answers."""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator

from ..redaction import Redactor

__all__ = ["redact"]

_VARIABLES = ("https_proxy", "http_proxy", "all_proxy")


def redact(text: str) -> str:
    """`text` without the passwords of the proxies that are set now."""
    passwords = frozenset(_passwords())
    return Redactor(passwords).redact(text) if passwords else text


def _passwords() -> Iterator[str]:
    """As written in the addresses, and as meant."""
    for name in _VARIABLES:
        for address in (os.environ.get(name, ""), os.environ.get(name.upper(), "")):
            # By the last @: a password may hold what begins a path, and is wrong then, but it is one.
            user, found, _host = address.rpartition("://")[2].rpartition("@")
            if found and (password := user.partition(":")[2]):
                yield from (password, urllib.parse.unquote(password))
