"""Which proxy leads to a server, read from the environment by curl's rules and Python's.

Chosen here for each server, instead of by httpx: httpx builds a connection for every proxy variable, so that a SOCKS
`all_proxy` which is never used, or one exception in `NO_PROXY` that it cannot read, stops every request
(encode/httpx #3221).
"""

from __future__ import annotations

import ipaddress
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ..language import _

__all__ = ["Proxy", "proxy_for"]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the environment variable that names it (empty: the settings of the operating system do)."""

    # It may hold a password.
    url: str = field(repr=False)
    variable: str

    @property
    def name(self) -> str:
        """Where it is set, for messages."""
        return self.variable or _("the settings of the operating system")


def proxy_for(origin: str) -> Proxy | None:
    """The proxy that leads to `origin` (scheme, host, port); None: none does. Its address is not checked."""
    parts = urllib.parse.urlsplit(origin)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    # HTTP_PROXY could be the header `Proxy:` of somebody's request where this runs as a CGI script.
    forged = "HTTP_PROXY" if "REQUEST_METHOD" in os.environ else ""
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        if variable := _variable(name, without=forged):
            return None if _excepted(host, port) else _proxy(variable)
    return _of_the_system(parts.scheme, host) if _SYSTEM_HAS_SETTINGS else None


_SYSTEM_HAS_SETTINGS = urllib.request.getproxies is not urllib.request.getproxies_environment
"""On Windows and macOS; they count where the environment names no proxy."""
_PORTS = {"http": 80, "https": 443}
# `socks` is what GNOME and Clash write; without a scheme it is an HTTP proxy, as for curl.
_SCHEMES = {"": "http", "socks": "socks5"}


def _variable(name: str, without: str = "") -> str:
    """The spelling of `name` that is set and not empty; the lower-case one counts where both are."""
    spellings = (spelling for spelling in (name, name.upper()) if spelling != without)
    return next((spelling for spelling in spellings if _value(spelling)), "")


def _value(variable: str) -> str:
    return os.environ.get(variable, "").strip()


def _proxy(variable: str) -> Proxy:
    scheme, found, rest = _value(variable).rpartition("://")
    scheme = scheme.lower() if found else ""
    return Proxy(f"{_SCHEMES.get(scheme, scheme)}://{rest}", variable)


def _of_the_system(scheme: str, host: str) -> Proxy | None:
    url = urllib.request.getproxies().get(scheme)
    return Proxy(url, "") if url and not urllib.request.proxy_bypass(host) else None


def _excepted(host: str, port: int | None) -> bool:
    """Whether NO_PROXY leaves out `host`. An exception that cannot be read excepts nothing, and stops nothing."""
    return any(
        wanted in (None, port) and _excepts(name, host) for name, wanted in _exceptions(_value(_variable("no_proxy")))
    )


# `[::1]:80`, `host:80`, and an IPv6 address or network, whose colons begin no port.
_EXCEPTION = re.compile(r"\[(?P<bracketed>[^\]]*)\](?P<length>/\d+)?(?::(?P<port6>\d+))?|(?P<name>[^:]+):(?P<port>\d+)")


def _exceptions(text: str) -> Iterator[tuple[str, int | None]]:
    """Names and ports in `text`, divided by commas or spaces."""
    for item in re.split(r"[\s,;]+", text):
        item = item.rpartition("://")[2]
        if not (found := _EXCEPTION.fullmatch(item)):
            yield item, None
            continue
        port = found["port6"] or found["port"]
        yield found["name"] or found["bracketed"] + (found["length"] or ""), int(port) if port else None


def _excepts(name: str, host: str) -> bool:
    """Whether `name` is the host, a domain or network around it, or a pattern such as `*.example.com` or `10.*`."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        domain = name.lower().removeprefix("*").strip(".")
        return fnmatchcase(host, name) or (bool(domain) and (host == domain or host.endswith(f".{domain}")))
