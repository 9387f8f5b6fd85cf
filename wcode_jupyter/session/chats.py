"""What was said so far: named conversations of a session, each a tuple of frozen turns.

A question is sent alone unless a chat is named. A turn that failed or was stopped stays in its chat, marked, and is not
sent on unless the user asks for it: half an answer would steer the next one. Reasoning is never sent back.
"""

from __future__ import annotations

import threading
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from ..errors import InputError
from ..language import _
from ..reply import Reply
from ..reply.events import Usage
from ..request.messages import Message
from ..request.parameters import did_you_mean

__all__ = ["Chat", "Chats", "OpenTurn", "Turn"]


class Turn(Struct, frozen=True):
    """A question and its answer, however that ended."""

    question: Message
    reply: Reply

    @property
    def is_whole(self) -> bool:
        """Whether it is sent on: a text that the model ended, or that reached max_tokens, without a call left open."""
        return self.reply.ended in ("complete", "length") and bool(self.reply.text.strip()) and not self._open_calls

    @property
    def _open_calls(self) -> bool:
        return bool(self.reply.tool_calls)

    def messages(self, *, with_tools: bool = False) -> tuple[Message, ...]:
        """The turn as it is sent on; `with_tools`: with the calls and results of its tool loop.

        Servers refuse calls in a request that declares no tools; what they gave is then in the answer's text alone.
        """
        between = self.reply.transcript if with_tools and self.is_whole else ()
        answer = (Message("assistant", self.reply.text),) if self.reply.text else ()
        return (self.question, *(replace(message, reasoning=()) for message in between), *answer)


class OpenTurn(Struct, frozen=True):
    """A question under way: the chat that its answer belongs to."""

    chat: str
    question: Message
    system: str = ""


class Chat(Struct, frozen=True):
    """A conversation."""

    name: str
    system: str = ""
    turns: tuple[Turn, ...] = ()

    def sent(self, *, keep_failed: bool = False) -> tuple[Turn, ...]:
        """The turns that go into the next request."""
        return tuple(turn for turn in self.turns if keep_failed or turn.is_whole)

    @property
    def usage(self) -> Usage:
        """Tokens of all its requests; each holds the conversation up to it."""
        used = [turn.reply.usage for turn in self.turns if turn.reply.usage]
        return Usage(sum(usage.input_tokens for usage in used), sum(usage.output_tokens for usage in used))

    @property
    def cost(self) -> Decimal | None:
        """RMB of all its answers; None when no price is known."""
        known = [turn.reply.cost for turn in self.turns if turn.reply.cost is not None]
        return sum(known, Decimal(0)) if known else None


class Chats:
    """The chats of one session by name, in the order of their first turn. Safe to use from several threads."""

    def __init__(self) -> None:
        self._chats: dict[str, Chat] = {}
        self._last: dict[str, OpenTurn | None] = {}
        self._lock = threading.Lock()

    def all(self) -> list[Chat]:
        """Every chat; may be empty."""
        with self._lock:
            return list(self._chats.values())

    def find(self, name: str) -> Chat:
        """The chat `name`, an empty one when nothing was said in it yet. Raises InputError: not a name."""
        if not name.strip() or not name.isprintable() or name.startswith("-"):
            raise InputError(_("{name} is not a valid chat name").format(name=repr(name)))
        with self._lock:
            return self._chats.get(name) or Chat(name)

    def get(self, name: str) -> Chat:
        """The chat `name`. Raises InputError, with a did-you-mean, when there is none."""
        with self._lock:
            if (chat := self._chats.get(name)) is not None:
                return chat
            hint = did_you_mean(name, self._chats) or _("Start one with %%wcode --chat NAME; %wcode chats lists them.")
        raise InputError(_("Chat not found: {name}").format(name=name), hint=hint)

    def add(self, turn: OpenTurn, reply: Reply) -> None:
        """The answer to an open turn has ended: it becomes the last turn of its chat.

        Where the same turn is answered again (the next step of a tool loop, a further try at a schema), that is its
        answer from then on.
        """
        with self._lock:
            chat = self._chats.get(turn.chat) or Chat(turn.chat)
            before = chat.turns[:-1] if self._last.get(turn.chat) is turn else chat.turns
            self._last[turn.chat] = turn
            turns = (*before, Turn(turn.question, reply))
            self._chats[turn.chat] = replace(chat, system=turn.system, turns=turns)

    def fork(self, name: str, new: str) -> Chat:
        """A copy of `name` as it stands. Raises InputError: there is none, or `new` exists."""
        chat = self.get(name)
        if self.find(new).turns:
            raise InputError(
                _("The chat {name} already exists").format(name=new),
                hint=_("Delete it with %wcode chats reset {name}.").format(name=new),
            )
        with self._lock:
            self._chats[new] = replace(chat, name=new)
            return self._chats[new]

    def undo(self, name: str) -> Turn:
        """Takes the last turn out and gives it. Raises InputError: there is no such chat, or no turn in it."""
        chat = self.get(name)
        with self._lock:
            if not chat.turns:
                raise InputError(_("The chat {name} has no turns").format(name=name))
            self._chats[name] = replace(chat, turns=chat.turns[:-1])
            self._last[name] = None
            return chat.turns[-1]

    def reset(self, name: str) -> Chat:
        """Forgets the chat and gives what it was. Raises InputError when there is none."""
        chat = self.get(name)
        with self._lock:
            self._chats.pop(name, None)
            self._last.pop(name, None)
        return chat
