"""Answers in the OpenAI chat completions format."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from .answers import Refusal
from .writer import Fields, Frame, Place, Writer, data, pieces

__all__ = ["OpenAIWriter"]


class OpenAIWriter(Writer):
    """Encoder for chat completions. Reasoning is sent as `reasoning_content`, as by most gateways."""

    def stream(self) -> Iterator[Frame]:
        """Role, reasoning, text, calls, finish reason, usage if asked for, `[DONE]`."""
        yield self._chunk({"role": "assistant", "content": ""})
        for piece in pieces(self.answer.reasoning):
            yield self._chunk({"reasoning_content": piece})
        for text in self.texts():
            yield text if isinstance(text, Place) else self._chunk({"content": text})
        yield from self._called()
        yield self._chunk({}, self.finish)
        options = self.request.body.get("stream_options")
        if self.answer.usage and isinstance(options, Mapping) and options.get("include_usage"):
            yield data({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    def whole(self) -> Fields:
        """A chat completion."""
        message: Fields = {"role": "assistant", "content": self.answer.text or None}
        if self.answer.reasoning:
            message["reasoning_content"] = self.answer.reasoning
        if self.calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        usage = {"usage": self._usage()} if self.answer.usage else {}
        return {**self._head("chat.completion"), "choices": [choice], **usage}

    @staticmethod
    def error(refusal: Refusal) -> Fields:
        """`{"error": {…}}`."""
        kind = "invalid_request_error" if refusal.status < 500 else "server_error"
        return {"error": {"message": refusal.message, "type": kind, "param": None, "code": refusal.code or None}}

    def _called(self) -> Iterator[bytes]:
        for index, call in enumerate(self.calls):
            head = {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}}
            yield self._chunk({"tool_calls": [{"index": index, **head}]})
            for piece in pieces(call.arguments):
                yield self._chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def _head(self, kind: str) -> Fields:
        number = self.request.number
        return {"id": f"chatcmpl-stand-in-{number}", "object": kind, "created": int(time.time()), "model": self.model}

    def _chunk(self, delta: Fields, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return data({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _usage(self) -> Fields:
        read, said = self.counts()
        return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}
