"""A cell with `--chat`: its question joins the turns before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..client import Client, Prompt
from ..errors import OptionError
from ..language import _
from ..session import Call, Value
from .options import CellLine

__all__ = ["prepare_in_chat"]

_ONLY_IN_CHATS = {"trim": "--trim", "keep_failed": "--keep-failed"}


def prepare_in_chat(
    client: Client, options: CellLine, prompt: Prompt, settings: Mapping[str, Value], notes: Iterable[str]
) -> Call | None:
    """The call of a cell with `--chat`; None without it. `settings` are those in force. Raises InputError."""
    if (name := options.own.get("chat")) is None:
        for option in _ONLY_IN_CHATS.keys() & options.own.keys():
            raise OptionError(_("{option} needs --chat").format(option=_ONLY_IN_CHATS[option]))
        return None
    conversation = client.chat(name)
    # The system text of the chat holds, unless this cell gives another; the session's is for new chats.
    if conversation.chat.system and "system" not in options.values:
        settings = {**settings, "system": Value("system", conversation.chat.system, "chat")}
    return conversation.prepare_with(
        prompt,
        settings,
        keep_failed=options.flag("keep_failed"),
        trim=options.own.get("trim"),
        extra_body=options.extra_body,
        notes=notes,
    )
