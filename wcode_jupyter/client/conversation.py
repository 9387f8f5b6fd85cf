"""A chat of a client: each question goes out with the turns before it.

    chat = client.chat("plan")
    chat.ask("Name a river.", model="glm-5")
    chat.ask("How long is it?")            # the model, like all else, is asked for anew: set it, or name it each time

What does not fit into the model's context is an error that names the sizes. Nothing is left out in silence:
`trim="oldest"` leaves out the oldest turns and says which.
"""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from ..errors import InputError, OptionError
from ..event_loop import Stream
from ..language import _
from ..reply import Reply
from ..reply.events import Event
from ..request.messages import Message, to_messages
from ..session import Call, Value
from ..session.chats import Chat, OpenTurn, Turn
from .ask import aask, ask
from .starter import Starter

__all__ = ["TRIMS", "Conversation"]

TRIMS = ("oldest",)
"""Ways to make a chat fit into the context."""

Question = str | Message | Iterable[Message | Mapping[str, Any]]


class Conversation:
    """The chat `name` of `client`. Keywords are those of `Client.ask`.

    `keep_failed` sends turns on that failed or were stopped; `trim="oldest"` leaves out what the context cannot hold.
    Raises InputError: not a name.
    """

    def __init__(self, client: Starter, name: str) -> None:
        self._client = client
        self.name = client.session.chats.find(name).name

    @property
    def chat(self) -> Chat:
        """The turns so far."""
        return self._client.session.chats.find(self.name)

    def prepare(
        self,
        question: Question,
        *,
        keep_failed: bool = False,
        trim: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        notes: Iterable[str] = (),
        **values: Any,
    ) -> Call:
        """The checked call of `question` with the turns before it; nothing is sent.

        A system text given here holds from now on. Raises InputError: not one question; the context cannot hold it.
        """
        if self.chat.system and values.get("system") is None:
            values["system"] = self.chat.system
        settings = self._client.session.values(values)
        return self.prepare_with(
            question, settings, keep_failed=keep_failed, trim=trim, extra_body=extra_body, notes=notes
        )

    def prepare_with(
        self,
        question: Question,
        settings: Mapping[str, Value],
        *,
        keep_failed: bool = False,
        trim: str | None = None,
        extra_body: Mapping[str, Any] | None = None,
        notes: Iterable[str] = (),
    ) -> Call:
        """As `prepare`, of settings that were looked up already."""
        if trim is not None and trim not in TRIMS:
            raise OptionError(_("--trim {word}: expected {choices}").format(word=trim, choices=", ".join(TRIMS)))
        asked = _one_question(question)
        turns = self.chat.sent(keep_failed=keep_failed)
        notes = tuple(notes)

        def call_without(count: int, more: tuple[str, ...] = ()) -> Call:
            return self._call(turns[count:], asked, settings, extra_body, (*notes, *more))

        call = call_without(0)
        if (room := self._room(call)) is not None and call.estimate.input_tokens > room:
            count = bisect.bisect_left(
                range(len(turns)), True, key=lambda n: call_without(n).estimate.input_tokens <= room
            )
            least = call_without(count)
            if trim is None or least.estimate.input_tokens > room:
                raise self._too_long(call, room, len(turns), fits=least.estimate.input_tokens <= room)
            call = call_without(count, (self._left_out(call, least, count),))
        system = call.request.messages[0].text if call.request.messages[0].role == "system" else ""
        return replace(call, turn=OpenTurn(self.name, asked, system))

    def _call(
        self,
        turns: tuple[Turn, ...],
        question: Message,
        settings: Mapping[str, Value],
        extra_body: Mapping[str, object] | None,
        notes: tuple[str, ...],
    ) -> Call:
        session = self._client.session
        with_tools = "tools" in settings
        before = [message for turn in turns for message in turn.messages(with_tools=with_tools)]
        return session.prepare_with([*before, question], settings, extra_body=extra_body, notes=notes)

    def _room(self, call: Call) -> int | None:
        """Tokens that the model's context leaves for the prompt; None where the context is not known."""
        context = self._client.session.catalogue.model(call.request.model).context
        most: int = call.request.parameters.get("max_tokens", 0)
        return None if context is None else context - most

    def _too_long(self, call: Call, room: int, turns: int, *, fits: bool) -> InputError:
        """`fits`: the question alone would."""
        return InputError(
            _(
                "The chat {name} is too long: {turns} turns and this prompt have about {tokens} tokens; "
                "the context of {model} has room for {room}"
            ).format(
                name=self.name,
                turns=turns,
                tokens=f"{call.estimate.input_tokens:,}",
                model=call.request.model,
                room=f"{room:,}",
            ),
            hint=_("Drop the oldest turns with --trim oldest, or choose a model with a larger context.")
            if fits
            else _(
                "The prompt alone is too long. Shorten it, lower max_tokens, or choose a model with a larger context."
            ),
        )

    def _left_out(self, whole: Call, trimmed: Call, count: int) -> str:
        tokens = whole.estimate.input_tokens - trimmed.estimate.input_tokens
        return _("Dropped the oldest turns of the chat {name}: {count}, about {tokens} tokens").format(
            name=self.name, count=count, tokens=f"{tokens:,}"
        )

    def ask(self, question: Question, **options: Any) -> Reply:
        """Asks and waits; `tools` and `schema` as in `Client.ask`.

        Raises WcodeError; what had arrived is on its `reply`, and here.
        """
        return ask(self._client, self.prepare, question, **options)

    def stream(self, question: Question, **options: Any) -> Stream:
        """Asks and gives the events as they arrive; the turn is in the chat once they are through."""
        return self._client.start(self.prepare(question, **options))

    async def aask(self, question: Question, **options: Any) -> Reply:
        """`ask` for the caller's own event loop."""
        return await aask(self._client, self.prepare, question, **options)

    async def astream(self, question: Question, **options: Any) -> AsyncIterator[Event]:
        """`stream` for the caller's own event loop."""
        async with await self._astart(question, options) as stream:
            async for event in stream:
                yield event

    async def _astart(self, question: Question, options: dict[str, Any]) -> Stream:
        return await asyncio.to_thread(self._client.start, self.prepare(question, **options))

    def __repr__(self) -> str:
        return f"Conversation({self.name!r}, {len(self.chat.turns)} turns)"


def _one_question(question: Question) -> Message:
    messages = to_messages([question] if isinstance(question, Message) else question)
    if len(messages) != 1 or messages[0].role != "user":
        raise InputError(_("A chat takes one prompt at a time"), hint=_("It keeps the earlier messages itself."))
    return messages[0]
