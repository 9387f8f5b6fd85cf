"""A recorded answer again: the events it is folded from, in few pieces, and the error that ended it."""

from __future__ import annotations

from collections.abc import Iterator

from .. import errors
from ..errors import ServerError, WcodeError
from ..reply import ErrorInfo, Reply
from ..reply.events import (
    Event,
    Extra,
    Finish,
    LogprobDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallDelta,
)

__all__ = ["error_again", "events_again"]

_ERRORS: dict[str, type[WcodeError]] = {
    name: cls for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, WcodeError)
}


def error_again(reply: Reply) -> WcodeError | None:
    """The error that ended a recorded answer, of the class that it had."""
    fault: ErrorInfo | None = reply.fault
    if fault is None:
        return None
    error = _ERRORS.get(fault.kind, WcodeError)(fault.what, hint=fault.hint)
    if isinstance(error, ServerError):
        error.status, error.code = fault.status, fault.code
    error.reply = reply
    return error


def events_again(reply: Reply) -> Iterator[Event]:
    """Events that fold to `reply`."""
    yield Started(id=reply.id, model=reply.model, created=reply.created, system_fingerprint=reply.system_fingerprint)
    yield from (Notice(text) for text in reply.notices)
    for number, choice in enumerate(reply.choices):
        for part in choice.reasoning:
            yield ReasoningDelta(part.text, number, part.field, part.signature, part.detail)
        if choice.text:
            yield TextDelta(choice.text, number)
        if choice.refusal:
            yield RefusalDelta(choice.refusal, number)
        for index, call in enumerate(choice.tool_calls):
            yield ToolCallDelta(index, call.id, call.name, call.arguments, number)
        if choice.tokens:
            yield LogprobDelta(choice.tokens, number)
        if choice.finish_reason is not None:
            yield Finish(choice.finish_reason, choice.native_finish_reason, number)
    if reply.raw:
        yield Extra(reply.raw)
    if reply.usage is not None:
        yield reply.usage
