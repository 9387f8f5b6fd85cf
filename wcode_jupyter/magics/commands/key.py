"""`%wcode key`: typed in hidden, kept in memory or in the system's keyring, never shown."""

from __future__ import annotations

import getpass

from ...errors import OptionError
from ...language import N_, _
from ...request.parameters import did_you_mean
from ...table import Table
from ...transport import endpoint
from ..line import check_no_more, parse_command
from ..options import CellOption
from .command import Context

__all__ = ["KEY_OPTIONS", "key"]

KEY_OPTIONS = (CellOption(name="keyring", arity="flag", help=N_("Store it in the system keyring.")),)


def key(context: Context, rest: str) -> Table | None:
    """`set`, `forget` or `status`, for the base URL in force or the one named."""
    line = parse_command(rest, KEY_OPTIONS)
    word, *urls = line.words or ("status",)
    if word not in ("set", "forget", "status"):
        hint = did_you_mean(word, ("set", "forget", "status"))
        raise OptionError(_("%wcode key {word}: expected set, forget or status").format(word=word), hint=hint)
    check_no_more(urls[1:])
    session = context.client.session
    origin = (endpoint(urls[0]) if urls else session.server).origin
    if word == "set":
        _ask_for_key(context, origin, line.flag("keyring"))
        return None
    if word == "forget":
        known = session.keys.forget(origin)
        print(_("Deleted the key for {origin}.").format(origin=origin) if known else _("There is no key to delete."))
        return None
    source = session.keys.source(origin)
    return Table(columns=(_("server"), _("key from")), rows=((origin, source or _("no key")),))


def _ask_for_key(context: Context, origin: str, keep: bool) -> None:
    prompt = _("API key for {origin} (hidden): ").format(origin=origin)
    # The typed key is handed on without a name: no frame here holds it.
    if keep:
        context.client.session.keys.keyring_store(origin, getpass.getpass(prompt))
    else:
        context.client.session.keys.set(origin, getpass.getpass(prompt))
    print(_("Stored the key for {origin}.").format(origin=origin))
