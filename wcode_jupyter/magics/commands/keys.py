"""`%wcode key`: typed in hidden, kept in memory or in the system's keyring, never shown."""

from __future__ import annotations

from ...errors import OptionError
from ...language import _
from ...parameters import did_you_mean
from ...table import Table
from ...transport import endpoint
from ..options import split_words
from .asking import Context

__all__ = ["key"]


def key(context: Context, rest: str) -> Table | None:
    """`set`, `forget` or `status`, for the base URL in force or the one named."""
    words = split_words(rest)
    keep = "--keyring" in words
    words = [word for word in words if word != "--keyring"] or ["status"]
    session = context.client.session
    base_url = words[1] if len(words) > 1 else session.values()["base_url"].value
    origin = endpoint(base_url).origin
    if words[0] == "set":
        _ask_for_key(context, origin, keep)
        return None
    if words[0] == "forget":
        known = session.keys.forget(origin)
        print(_("Forgot the key for {origin}.").format(origin=origin) if known else _("There was no key to forget."))
        return None
    if words[0] != "status":
        hint = did_you_mean(words[0], ("set", "forget", "status"))
        raise OptionError(_("%wcode key {word}: expected set, forget or status").format(word=words[0]), hint=hint)
    source = session.keys.source(origin)
    return Table(columns=(_("server"), _("key from")), rows=((origin, source or _("no key")),))


def _ask_for_key(context: Context, origin: str, keep: bool) -> None:
    import getpass

    prompt = _("API key for {origin} (hidden): ").format(origin=origin)
    # The typed key is handed on without a name: no frame here holds it.
    if keep:
        context.client.session.keys.keyring_store(origin, getpass.getpass(prompt))
    else:
        context.client.session.keys.set(origin, getpass.getpass(prompt))
    print(_("Key kept for {origin}.").format(origin=origin))
