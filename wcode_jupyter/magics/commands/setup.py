"""`%wcode setup`: from nothing to a first answer, one question at a time; nothing is written unless it is said so."""

from __future__ import annotations

import getpass

from ...errors import InputError, WcodeError
from ...keys import GATEWAY_ORIGIN, KEY_PAGE
from ...language import _
from ...session import Session
from ...shell import can_ask
from ..line import check_no_more, parse_command
from .command import Context

__all__ = ["setup"]


def setup(context: Context, rest: str) -> None:
    """Key, test and default model, for this session. Raises InputError: no person is there to answer."""
    words = parse_command(rest, ()).words
    check_no_more(words[1:])
    if not can_ask():
        raise InputError(
            _("%wcode setup asks questions, and the run is not interactive"),
            hint=_("Set WCODE_API_KEY and WCODE_MODEL, or run it in an open notebook."),
        )
    session = context.client.session
    model = _model(session, words[0] if words else "")
    _key(session, model)
    _test(context)
    print(_("Ready. Ask in a new cell: %%wcode on the first line, the prompt below it."))


def _model(session: Session, word: str) -> str:
    """The chosen model, set for the session; empty where none was chosen."""
    models = list(session.catalogue.values())
    if not word:
        for number, model in enumerate(models, 1):
            print(f"{number}  {model.name or model.id}  ({model.id})")
        word = input(_("Default model, a number or any id (Enter: none): ")).strip()
    if not word:
        return ""
    if word.isdecimal() and 1 <= int(word) <= len(models):
        word = models[int(word) - 1].id
    model_id = session.catalogue.resolve(word)
    session.set("model", model_id)
    print(_("The model of this session is {model}. For all notebooks: set WCODE_MODEL.").format(model=model_id))
    return model_id


def _key(session: Session, model: str) -> None:
    origin = session.server.origin
    if source := session.keys.source(origin):
        print(_("A key for {origin} is already set ({source}).").format(origin=origin, source=source))
        return
    if origin == GATEWAY_ORIGIN:
        print(_("Get a key at {page}").format(page=session.catalogue.model(model).key_page or KEY_PAGE))
    # Handed on without a name: no frame here holds it.
    if not _kept(
        session, origin, getpass.getpass(_("API key for {origin} (hidden; Enter: none): ").format(origin=origin))
    ):
        return
    answer = input(_("Keep the key in the system's keyring too? [y/N] ")).strip().lower()
    if answer in ("y", "yes", "是"):
        try:
            session.keys.keyring_store(origin, _revealed(session, origin))
        except InputError as error:
            print(error)


def _kept(session: Session, origin: str, typed: str) -> bool:
    if not typed.strip():
        return False
    session.keys.set(origin, typed)
    return True


def _revealed(session: Session, origin: str) -> str:
    secret = session.keys.find(origin)
    return secret.reveal() if secret is not None else ""


def _test(context: Context) -> None:
    """One free request: the list of models, which costs nothing."""
    client = context.client
    try:
        found = client.event_loop.run(client.transport.probe(client.session.server), timeout_s=10)
    except WcodeError as error:
        print(error)
        return
    print(_("Tested without cost: {found}").format(found=found))
