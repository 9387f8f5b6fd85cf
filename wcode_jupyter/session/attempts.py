"""Asking until an answer fits its schema."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..errors import AnswerInvalid
from ..language import _, speaking
from ..prompt.schema import Schema, parse
from ..reply import Reply
from ..request.messages import Message
from .session import Call, Session

__all__ = ["Attempts", "Judged"]


class Judged(Protocol):
    """What is asked and what its answer must fit."""

    @property
    def call(self) -> Call:
        """The first call."""

    @property
    def schema(self) -> Schema | None:
        """None: any answer fits."""

    @property
    def retries(self) -> int:
        """How often to ask again."""


class Attempts:
    """Asks until the answer fits, at most `retries` times more: ask `call`, `judge` its reply, and again."""

    def __init__(self, session: Session, call: Call, wanted: Schema, retries: int = 0) -> None:
        self.call = call
        self._session = session
        self._wanted = wanted
        self._left = retries
        self._asked = 1

    def judge(self, reply: Reply) -> Reply | None:
        """The reply with `parsed`, or None: ask `call` again. Raises AnswerInvalid where no attempt is left.

        An answer that max_tokens cut is not asked for again: it would be cut again.
        """
        with speaking(reply.language):
            return self._judge(reply)

    def _judge(self, reply: Reply) -> Reply | None:
        try:
            return parse(reply, self._wanted)
        except AnswerInvalid as error:
            if not self._left or reply.ended == "length":
                if self._asked > 1 and reply.ended != "length":
                    error.hint = _("The request was sent {n} times. The text of the last answer is kept.").format(
                        n=self._asked
                    )
                raise
            self._left -= 1
            self._asked += 1
            self._correct(reply, error)
            return None

    def _correct(self, reply: Reply, error: AnswerInvalid) -> None:
        """Adds the answer as it was, with the steps before it, and what is wrong with it, to the conversation."""
        # English whatever the user's language: this is part of the request, which must be the same everywhere.
        complaint = f"This does not match the required JSON schema: {error.detail}. Answer again, with the JSON alone."
        turns = (*reply.transcript, Message("assistant", reply.text), Message("user", complaint))
        call = self._session.with_messages(self.call, (*self.call.request.messages, *turns))
        notice = _("Retried: {what}").format(what=error.what)
        self.call = msgspec.structs.replace(call, warnings=(*call.warnings, notice))
