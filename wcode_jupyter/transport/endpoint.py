"""Where to, and how long to wait."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from functools import lru_cache

from msgspec import Struct

from .. import wire
from ..errors import InputError
from ..keys import GATEWAY_ORIGIN, origin_of
from ..language import _
from ..request.forms import DEFAULT_PROTOCOL, FORMS
from ..request.messages import GATEWAY, STAND_IN_PATH, Protocol

__all__ = ["Deadlines", "Endpoint", "endpoint"]


class Endpoint(Struct, frozen=True):
    """A server that speaks `protocol`; `identity` stands for it in fingerprints. No `base_url`: not known yet."""

    base_url: str
    protocol: Protocol = DEFAULT_PROTOCOL
    identity: str = GATEWAY
    key_page: str = ""
    """Where to get a key for it, as the page of the model says; empty: not known."""
    near_model: str = ""
    """The known model that an unknown one resembles, for the error of a server that does not know it either."""

    @property
    def url(self) -> str:
        """Where the request is posted."""
        return self.base_url + wire.path(self.protocol) if self.base_url else ""

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a key belongs to. Raises InputError without a base URL."""
        return _origin(self.base_url)

    @property
    def host(self) -> str:
        """Host and port, as a person would say it."""
        return self.origin.partition("://")[2]

    @property
    def secure(self) -> bool:
        """Whether a key may travel there: over TLS, or without leaving this machine."""
        return self.origin.startswith("https:") or self.loopback

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine."""
        return _is_loopback(self.origin)


# A run asks these of one endpoint thousands of times. An endpoint's address holds no password: `endpoint` refuses one.
_origin = lru_cache(origin_of)


@lru_cache
def _is_loopback(origin: str) -> bool:
    host = urllib.parse.urlsplit(origin).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # Not evil.localhost: that such names stay on this machine is a promise that not every resolver keeps.
        return host == "localhost"


class Deadlines(Struct, frozen=True):
    """Seconds. `idle_s` is the longest silence, `total_s` the longest answer; None is without limit."""

    connect_s: float = 10.0
    write_s: float = 60.0
    idle_s: float = 300.0
    total_s: float | None = None


def endpoint(base_url: str, protocol: Protocol = DEFAULT_PROTOCOL, *, identity: str | None = None) -> Endpoint:
    """The endpoint at `base_url`, in one spelling. Raises InputError, which never quotes an address with a password.

    `identity` None: "gateway" for wcode.net, else origin and path; those of a stand-in without its port.
    """
    origin = origin_of(base_url)
    parts = urllib.parse.urlsplit(base_url.strip())
    if parts.username is not None or parts.password is not None:
        raise InputError(
            _("The base URL must not contain a user name or password"), hint=_("Set the key with %wcode key set.")
        )
    if parts.query or parts.fragment:
        raise InputError(_("The base URL must not contain ? or #: {url}").format(url=origin))
    # People paste the whole address of the API page, path of the request included.
    path = _base(parts.path, protocol)
    if any(ord(c) <= 32 for c in path):
        raise InputError(_("The base URL must not contain a space: {url}").format(url=origin))
    return Endpoint(origin + path, protocol, _identity(origin, path) if identity is None else identity)


def _base(path: str, protocol: Protocol) -> str:
    """The path of the base URL. Raises InputError for the address of another form."""
    path = path.rstrip("/")
    for other, form in FORMS.items():
        if other != protocol and path.endswith(form.path):
            raise InputError(
                _("This is the address of the {form} form: {path}").format(form=form.title, path=path),
                hint=_("Set protocol={protocol}, or the base URL of the {form} form.").format(
                    protocol=other, form=FORMS[protocol].title
                ),
            )
    path = path.removesuffix(wire.path(protocol)).rstrip("/")
    # SDKs of the Anthropic form add /v1 themselves, and people who know other forms write it into the address.
    return path.removesuffix(FORMS[protocol].models.removesuffix("/models")).rstrip("/")


def _identity(origin: str, path: str) -> str:
    if origin == GATEWAY_ORIGIN:
        return GATEWAY
    if _is_loopback(origin) and f"{path}/".startswith(f"{STAND_IN_PATH}/"):
        return re.sub(r":\d+$", "", origin) + path
    return origin + path
