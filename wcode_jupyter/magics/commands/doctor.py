"""`%wcode doctor`: what is configured, what can be reached, and one hint for each fault."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Callable, Iterator
from pathlib import Path

from ...catalogue import user_file
from ...errors import WcodeError
from ...keys import ANTHROPIC_ENVIRONMENT, GATEWAY_ORIGIN, KEY_PAGE
from ...language import _
from ...table import Table
from ...transport.proxies import proxy_for
from ...version import __version__
from .command import Context

__all__ = ["doctor"]

Finding = tuple[str, str, str]
"""What was looked at, what was found, and what to do (empty when all is well)."""


def doctor(context: Context) -> Table:
    """A row for each thing that can be wrong; takes up to a few seconds for the network."""
    checks: tuple[Callable[[Context], Iterator[Finding]], ...] = (
        _versions, _model, _key, _server, _proxy, _catalogue, _embedded_model, _replay,
    )  # fmt: skip
    rows = tuple(finding for check in checks for finding in _findings(check, context))
    return Table(columns=(_("what"), _("found"), _("what to do")), rows=rows)


def _findings(check: Callable[[Context], Iterator[Finding]], context: Context) -> Iterator[Finding]:
    try:
        yield from check(context)
    except WcodeError as error:
        yield check.__name__.strip("_"), error.what, error.hint


def _versions(context: Context) -> Iterator[Finding]:
    import IPython

    yield (
        _("versions"),
        f"wcode_jupyter {__version__}, IPython {IPython.__version__}, Python {platform.python_version()}",
        "",
    )


def _model(context: Context) -> Iterator[Finding]:
    value = context.client.session.values().get("model")
    if value is None:
        yield _("model"), _("none selected"), _("Choose one in the cell, or run %wcode set model=glm-5")
    else:
        yield _("model"), f"{value.value} ({value.source})", ""


def _key(context: Context) -> Iterator[Finding]:
    values = context.client.session.values()
    where = context.client.session.server
    origin = where.origin
    source = context.client.session.keys.source(origin)
    hint = (
        _("Get one at {page}, then %wcode key set; or ask the model local.").format(page=KEY_PAGE)
        if origin == GATEWAY_ORIGIN
        else _("If this server wants one: %wcode key set {url}").format(url=where.base_url)
    )
    if where.protocol == "anthropic" and values["anthropic_environment"].value:
        hint = _("Set {variables}.").format(variables=" / ".join(row.variable for row in ANTHROPIC_ENVIRONMENT))
    yield _("key for {origin}").format(origin=origin), source or _("none"), "" if source else hint


def _server(context: Context) -> Iterator[Finding]:
    where = context.client.session.server
    name = _("server {url}").format(url=where.base_url)
    if context.client.session.values()["replay"].value == "replay":
        yield name, _("not contacted: a replay uses no network"), ""
        return
    try:
        yield name, context.client.event_loop.run(context.client.transport.probe(where), timeout_s=10), ""
    except WcodeError as error:
        yield name, error.what, error.hint


def _proxy(context: Context) -> Iterator[Finding]:
    where = context.client.session.server
    proxy = None if where.loopback else proxy_for(where.origin)
    yield _("proxy"), proxy.name if proxy else _("none"), ""


def _catalogue(context: Context) -> Iterator[Finding]:
    count = len(context.client.session.catalogue)
    found = user_file().exists()
    yield (
        _("catalogue"),
        _("{count} models; your own file {state}").format(
            count=count, state=_("is loaded") if found else _("does not exist")
        ),
        "" if found else _("Add models and prices in {name}").format(name=_below_home(user_file())),
    )


def _below_home(path: Path) -> str:
    """`path` as people write it, without the name of the user: notebooks are passed on."""
    return str(Path("~", path.relative_to(Path.home())) if path.is_relative_to(Path.home()) else path)


def _embedded_model(context: Context) -> Iterator[Finding]:
    if importlib.util.find_spec("xllamacpp") is None:
        yield _("embedded model"), _("not installed"), 'pip install "wcode_jupyter[local]"'
    else:
        yield _("embedded model"), context.client.local.status(), ""


def _replay(context: Context) -> Iterator[Finding]:
    value = context.client.session.values()["replay"]
    yield _("replay"), f"{value.value} ({value.source})", ""
    if value.value == "off":
        return
    file = context.client.replay_path
    yield _("replay file"), _below_home(file), "" if file.exists() else _("The file does not exist yet.")
