"""What became of the bytes of an answer, and how it differs from what is right."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from wcode_jupyter import wire
from wcode_jupyter.errors import AnswerCut, ServerFault, WcodeError
from wcode_jupyter.event_loop.fold import fold
from wcode_jupyter.reply import Reply
from wcode_jupyter.reply.events import Event, Failure
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Request

from .dialects import Result

__all__ = ["Outcome", "decoded", "differences"]

Outcome = tuple[Reply, WcodeError | None]


def decoded(request: Request, pieces: Iterable[bytes]) -> Outcome:
    """The reply that the decoder makes of the pieces, with the transport's rules for its end and without a network."""
    folding = fold(_read(request, pieces), ReplyBuilder(request))
    try:
        folding.send(None)  # nothing in it ever waits: no event loop is needed
    except StopIteration as ended:
        outcome: Outcome = ended.value
        return outcome
    raise AssertionError("the decoder waited")


async def _read(request: Request, pieces: Iterable[bytes]) -> AsyncIterator[list[Event]]:
    decoder = wire.decoder(request)
    for piece in pieces:
        for events in _sorted(decoder.feed(piece)):
            yield events
    for events in _sorted(decoder.finish()):
        yield events
    if not decoder.done:
        raise AnswerCut("the answer has no end")


def _sorted(events: list[Event]) -> Iterable[list[Event]]:
    for event in events:
        if isinstance(event, Failure):
            yield [event for event in events if not isinstance(event, Failure)]
            raise ServerFault(event.message)
    yield events


def differences(outcome: Outcome, results: Iterable[Result]) -> list[str]:
    """What is wrong; empty where the outcome is one of the right ones. What is said refers to the first of them."""
    found = [_differences(*outcome, result) for result in results]
    return [] if [] in found else found[0]


def _differences(reply: Reply, error: WcodeError | None, result: Result) -> list[str]:
    wrong = []
    usage = None if reply.usage is None else [reply.usage.input_tokens, reply.usage.output_tokens]
    for name, got, right in (
        ("text", reply.text, result.text),
        ("reasoning", reply.reasoning, result.reasoning.strip()),
        ("calls", [[call.name, _value(call.arguments)] for call in reply.tool_calls], result.calls),
        ("usage", usage, result.usage),
        ("ended", reply.ended, reply.ended if result.ended == "any" else result.ended),
        ("finish", reply.finish_reason, reply.finish_reason if result.finish is None else result.finish),
    ):
        if got != right:
            wrong.append(f"{name}: {got!r} instead of {right!r}")
    if result.error and result.error not in str(error):
        wrong.append(f"error: {error} without {result.error!r}")
    said = "none" if not reply.notices else "some"
    # Whatever ended an answer early is said by its error.
    if result.notices not in ("any", said) and not (result.notices == "some" and error is not None):
        wrong.append(f"notices: {list(reply.notices)} instead of {result.notices}")
    return wrong


def _value(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments
