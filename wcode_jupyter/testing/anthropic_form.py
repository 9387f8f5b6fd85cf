"""Answers in the Anthropic messages format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..request.messages import ToolCall
from .answers import Refusal
from .writer import Fields, Frame, Place, Writer, data, pieces

__all__ = ["AnthropicWriter"]

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}

_ERROR_TYPES = {
    401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error",
}  # fmt: skip

_SIGNATURE = "stand-in"


class AnthropicWriter(Writer):
    """Encoder for messages. Reasoning is sent as a signed thinking block."""

    def stream(self) -> Iterator[Frame]:
        """`message_start`, a block each for reasoning, text and calls, `message_delta`, `message_stop`."""
        begun = {"usage": {"input_tokens": self.counts()[0], "output_tokens": 0}} if self.answer.usage else {}
        message = {**self._head(), "content": [], "stop_reason": None, "stop_sequence": None, **begun}
        yield _event({"type": "message_start", "message": message})
        for index, (start, deltas) in enumerate(self._blocks()):
            yield _event({"type": "content_block_start", "index": index, "content_block": start})
            for delta in deltas:
                yield delta if isinstance(delta, Place) else _delta(index, delta)
            yield _event({"type": "content_block_stop", "index": index})
        yield _event({"type": "message_delta", "delta": self._ended(), **self._usage()})
        yield _event({"type": "message_stop"})

    def whole(self) -> Fields:
        """A message."""
        content: list[Fields] = []
        if self.answer.reasoning:
            content.append({"type": "thinking", "thinking": self.answer.reasoning, "signature": _SIGNATURE})
        if self.answer.text:
            content.append({"type": "text", "text": self.answer.text})
        content.extend(map(_use, self.calls))
        return {**self._head(), "content": content, **self._ended(), **self._usage()}

    @staticmethod
    def error(refusal: Refusal) -> Fields:
        """`{"type": "error", "error": {…}}`."""
        other = "invalid_request_error" if refusal.status < 500 else "api_error"
        kind = refusal.code or _ERROR_TYPES.get(refusal.status, other)
        return {"type": "error", "error": {"type": kind, "message": refusal.message}}

    def _blocks(self) -> Iterator[tuple[Fields, Iterable[Fields | Place]]]:
        """The start of each block, and its deltas."""
        if self.answer.reasoning:
            thought: list[Fields] = [
                {"type": "thinking_delta", "thinking": piece} for piece in pieces(self.answer.reasoning)
            ]
            signed: Fields = {"type": "signature_delta", "signature": _SIGNATURE}
            yield {"type": "thinking", "thinking": "", "signature": ""}, [*thought, signed]
        if self.answer.text or self.answer.fault:
            yield {"type": "text", "text": ""}, map(_text, self.texts())
        for call in self.calls:
            start: Fields = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
            yield start, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(call.arguments)]

    def _head(self) -> Fields:
        number = self.request.number
        return {"id": f"msg_stand-in-{number}", "type": "message", "role": "assistant", "model": self.model}

    def _ended(self) -> Fields:
        return {"stop_reason": _STOP_REASONS.get(self.finish, self.finish), "stop_sequence": None}

    def _usage(self) -> Fields:
        read, said = self.counts()
        return {"usage": {"input_tokens": read, "output_tokens": said}} if self.answer.usage else {}


def _event(fields: Fields) -> bytes:
    return data(fields, str(fields["type"]))


def _delta(index: int, delta: Fields) -> bytes:
    return _event({"type": "content_block_delta", "index": index, "delta": delta})


def _text(piece: str | Place) -> Fields | Place:
    return piece if isinstance(piece, Place) else {"type": "text_delta", "text": piece}


def _use(call: ToolCall) -> Fields:
    try:
        value = call.parsed()
    except ValueError:
        value = call.arguments  # broken ones, for which this form has no place, stay the text that they are
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": value}
