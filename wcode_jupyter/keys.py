"""Whose key is it: one API key for each origin, and where each key comes from.

A key belongs to an origin (`https://wcode.net`, `http://127.0.0.1:8080`) and is found for that origin alone; another
base URL needs its own key. Sources, first found wins: the argument given in Python, `%wcode key set`, the
environment (read at each use, so that changing `os.environ` works), the system's keyring.

Inside the package a key is always a `Secret`; only the transport reveals it, as it writes the header.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from typing import NoReturn

from msgspec import Struct

from .errors import InputError
from .language import _
from .redaction import MASK, Redactor

__all__ = [
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_ENVIRONMENT",
    "ANTHROPIC_MODEL",
    "ENVIRONMENT",
    "GATEWAY_ORIGIN",
    "KEY_PAGE",
    "EnvironmentKey",
    "Keys",
    "Secret",
    "origin_of",
]

GATEWAY_ORIGIN = "https://wcode.net"
KEY_PAGE = "https://wcode.net/get-apikey"
"""Where keys of the gateway come from, unless a model's page names another address."""

_SERVICE = "wcode_jupyter"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Secret:
    """A key that shows itself to nobody: only `reveal()` gives its value. It cannot be pickled."""

    __slots__ = ("_reveal",)
    _reveal: Callable[[], str]

    def __init__(self, value: str) -> None:
        # In a closure, so that a debugger that lists attributes does not list the value.
        object.__setattr__(self, "_reveal", lambda: value)

    def reveal(self) -> str:
        """The value itself."""
        return self._reveal()

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: dict[int, object]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is never pickled")


class EnvironmentKey(Struct, frozen=True):
    """A variable that holds a key, and the variable that says for which base URL; `base_url` where that is unset."""

    variable: str
    base_url_variable: str
    base_url: str = ""

    @property
    def origin(self) -> str | None:
        """The origin that the key belongs to now; None when the base URL is unset or not an address."""
        try:
            return origin_of(os.environ.get(self.base_url_variable) or self.base_url)
        except InputError:
            return None


ENVIRONMENT = (EnvironmentKey("WCODE_API_KEY", "WCODE_BASE_URL", GATEWAY_ORIGIN),)

ANTHROPIC_BASE_URL = "https://api.anthropic.com"
ANTHROPIC_ENVIRONMENT = (
    EnvironmentKey("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", ANTHROPIC_BASE_URL),
    EnvironmentKey("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", ANTHROPIC_BASE_URL),
)
"""What Anthropic's own programs read; looked at only when the user asks for it (`anthropic_environment`)."""
ANTHROPIC_MODEL = "ANTHROPIC_MODEL"
"""The variable that names the model, read with the others."""


def origin_of(url: str) -> str:
    """Scheme, host and port of `url`, in one spelling: lower case, no default port. Raises InputError."""
    try:
        parts = urllib.parse.urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
        host = host if host.isascii() else host.encode("idna").decode()
    except (ValueError, UnicodeError):
        host, port, parts = "", None, urllib.parse.urlsplit("")
    if parts.scheme not in _DEFAULT_PORTS or not host:
        # The address itself stays out of the message: it may hold a password.
        raise InputError(
            _("Not a base URL: it must start with https:// or http:// and contain a host"),
            hint=_("For example {url}").format(url=GATEWAY_ORIGIN + "/api/gpt/v1"),
        )
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}")


class Keys:
    """The keys of one client. `api_key` belongs to the origins of `base_urls`."""

    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_urls: Iterable[str] = (GATEWAY_ORIGIN,),
        environment: Iterable[EnvironmentKey] = ENVIRONMENT,
        keyring: bool = True,
    ) -> None:
        self._environment = tuple(environment)
        self._keyring: dict[str, Secret | None] | None = {} if keyring else None
        self._set: dict[str, Secret] = {}
        self._argument: dict[str, Secret] = {}
        self._redactor = Redactor(())
        secret, fault = _secret(api_key)
        del api_key
        if fault:
            raise InputError(fault)
        if secret is not None:
            self._argument = dict.fromkeys(map(origin_of, base_urls), secret)

    def read_also(self, variables: Iterable[EnvironmentKey]) -> None:
        """Looks in these variables too, after those it knows."""
        self._environment += tuple(row for row in variables if row not in self._environment)

    def find(self, origin: str) -> Secret | None:
        """The key for `origin`, or None. Raises InputError when the environment's key cannot be one."""
        found = self._locate(origin)
        return found[1] if found else None

    def source(self, origin: str) -> str | None:
        """Where the key for `origin` comes from: "argument", "%wcode key set", a variable's name, "keyring"."""
        try:
            found = self._locate(origin)
        except InputError:
            return self._variable(origin)
        return found[0] if found else None

    def set(self, origin: str, value: str) -> None:
        """Keeps `value` for `origin` in memory, until the kernel ends. Raises InputError."""
        secret, fault = _secret(value)
        del value
        if fault or secret is None:
            raise InputError(fault or _("The key is empty"))
        self._set[origin] = secret

    def forget(self, origin: str) -> bool:
        """Drops what `set` and `keyring_store` kept for `origin`; whether there was anything."""
        had = self._set.pop(origin, None) is not None
        return self._keyring_forget(origin) or had

    def keyring_store(self, origin: str, value: str) -> None:
        """Keeps `value` for `origin` in the system's keyring. Raises InputError: no keyring, or it refuses."""
        secret, fault = _secret(value)
        del value
        if fault or secret is None:
            raise InputError(fault or _("The key is empty"))
        if why := _stored(origin, secret):
            raise InputError(
                _("The keyring cannot store the key: {why}").format(why=why),
                hint=_('Install it with pip install "wcode_jupyter[keyring]", or set WCODE_API_KEY.'),
            )
        if self._keyring is not None:
            self._keyring[origin] = secret

    def redact(self, text: str) -> str:
        """`text` with every known key replaced: whole, in part (12 characters or more), or encoded."""
        return self.redactor().redact(text)

    def redactor(self) -> Redactor:
        """What replaces the keys that are known now; the same object as long as they are the same."""
        known = tuple(self._known())
        if not self._redactor.is_of(known):
            self._redactor = Redactor(known)
        return self._redactor

    def spellings(self) -> tuple[str, ...]:
        """Every spelling under which a known key could arrive: for whoever reads text in pieces. Handle with care."""
        return self.redactor().spellings()

    def _locate(self, origin: str) -> tuple[str, Secret] | None:
        if secret := self._argument.get(origin):
            return "argument", secret
        if secret := self._set.get(origin):
            return "%wcode key set", secret
        if variable := self._variable(origin):
            secret, fault = _secret(os.environ[variable])
            if fault:
                raise InputError(f"{variable}: {fault}")
            return (variable, secret) if secret else None
        if secret := self._keyring_find(origin):
            return "keyring", secret
        return None

    def _variable(self, origin: str) -> str | None:
        for row in self._environment:
            if os.environ.get(row.variable, "").strip() and row.origin == origin:
                return row.variable
        return None

    def _known(self) -> Iterator[str]:
        for held in (self._argument, self._set, self._keyring or {}):
            for secret in held.values():
                if secret is not None:
                    yield secret.reveal()
        for row in self._environment:
            if value := os.environ.get(row.variable, "").strip():
                yield value

    def _keyring_find(self, origin: str) -> Secret | None:
        if self._keyring is None:
            return None
        # Asked once for each origin: a keyring may be slow, or ask the user to unlock it.
        if origin not in self._keyring:
            self._keyring[origin] = _from_keyring(origin)
        return self._keyring[origin]

    def _keyring_forget(self, origin: str) -> bool:
        if self._keyring is None:
            return False
        self._keyring[origin] = None
        try:
            import keyring

            keyring.delete_password(_SERVICE, origin)
        except Exception:
            return False
        return True


def _secret(value: str | None) -> tuple[Secret | None, str]:
    """The key without its outer white space, or what is wrong with it: never both, and the fault does not quote it."""
    stripped = (value or "").strip()
    if not stripped:
        return None, ""
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        return None, _("The key contains a space, a line break or a non-ASCII character. Copy it again")
    return Secret(stripped), ""


# Any exception at all, from a missing module to a locked desktop, means: no key there.
def _from_keyring(origin: str) -> Secret | None:
    try:
        import keyring

        return _secret(keyring.get_password(_SERVICE, origin))[0]
    except Exception:
        return None


def _stored(origin: str, secret: Secret) -> str:
    """Stores the key; what went wrong, or an empty text."""
    try:
        import keyring

        keyring.set_password(_SERVICE, origin, secret.reveal())
    except Exception as error:
        return type(error).__name__
    return ""
