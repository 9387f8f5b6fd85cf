"""The common part of both API formats: pieces of text, tool calls, token counts, and the place of a fault."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..request.messages import ToolCall
from .answers import Answer, Call, Refusal
from .received import Received

__all__ = ["FAULT", "Fields", "Frame", "Place", "Writer", "data", "pieces"]

Fields: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Place:
    """The place of the fault in a stream."""


FAULT = Place()
Frame: TypeAlias = bytes | Place
"""An event of a stream, or the place of the fault."""

_PIECE = re.compile(r"\s*\S{1,8}|\s+")


class Writer:
    """Encoder of `answer` to `request` in one API format."""

    def __init__(self, answer: Answer, request: Received) -> None:
        self.answer = answer
        self.request = request
        self.model = answer.model or request.model
        self.calls = [_call(call, f"call_{request.number}_{n}") for n, call in enumerate(answer.calls)]
        self.finish = answer.finish or ("tool_calls" if self.calls else "stop")

    def stream(self) -> Iterator[Frame]:
        """The frames of the event stream."""
        raise NotImplementedError

    def whole(self) -> Fields:
        """The body of a non-streaming answer."""
        raise NotImplementedError

    @staticmethod
    def error(refusal: Refusal) -> Fields:
        """The body of an error."""
        raise NotImplementedError

    def counts(self) -> tuple[int, int]:
        """Input and output tokens of the answer; default: one per four characters."""
        read = len(json.dumps(self.request.body.get("messages"), ensure_ascii=False))
        said = len(self.answer.text + self.answer.reasoning) + sum(len(call.arguments) for call in self.calls)
        given_in, given_out = self.answer.input_tokens, self.answer.output_tokens
        return (read // 4 + 1 if given_in is None else given_in, said // 4 + 1 if given_out is None else given_out)

    def texts(self) -> Iterator[str | Place]:
        """The text in pieces about the size of tokens; the fault at its place."""
        before = self.answer.text[: self.answer.after] if self.answer.fault else ""
        yield from pieces(before)
        if self.answer.fault:
            yield FAULT
        yield from pieces(self.answer.text[len(before) :])


def pieces(text: str) -> list[str]:
    """`text` in pieces about the size of tokens."""
    return _PIECE.findall(text)


def data(value: Mapping[str, object], event: str = "") -> bytes:
    """One event of a stream."""
    named = f"event: {event}\n" if event else ""
    return f"{named}data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()


def _call(call: Call, own_id: str) -> ToolCall:
    given = call.arguments
    text = given if isinstance(given, str) else json.dumps(dict(given), ensure_ascii=False)
    return ToolCall(call.id or own_id, call.name, text)
