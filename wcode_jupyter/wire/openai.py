"""The OpenAI chat form, as OpenAI, OpenRouter, DashScope, Zhipu, StepFun, DeepSeek, vLLM and llama.cpp speak it.

Encoding sends what the user set and nothing else. Decoding accepts every variant seen among those servers: what is
absent, null, of another type or unknown is passed over, never a crash; what stands there under two names counts once.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import one_line
from ..language import _
from ..reply.events import (
    Event,
    Finish,
    LogprobDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from ..request.messages import Image, Message, Part, Request, Text
from .details import Details
from .failure import failure_in
from .payload import REFUSED, as_dict, as_int, as_list, as_text, bounded
from .plain import MOST_MISFITS, decode_plain
from .sse import ServerSentEvent
from .stream import StreamDecoder
from .tags import TAGS, InlineTags
from .usage import chat_usage

__all__ = ["OpenAIDecoder", "encode"]

# ------------------------------------------------------------------------------------------------------- encoding


def encode(request: Request) -> dict[str, Any]:
    """The body of a chat completion request."""
    body: dict[str, Any] = {"model": request.model, "messages": [_message(message) for message in request.messages]}
    body.update(request.parameters)
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    body.update(request.extra_body)
    return body


def _message(message: Message) -> dict[str, Any]:
    content: Any = message.content
    if not isinstance(content, str):
        content = [_part(part) for part in content]
    inline = "".join(f"{r.field}{r.text}</{r.field[1:]}" for r in message.reasoning if r.field in TAGS)
    if inline and isinstance(content, str):
        content = inline + content
    result: dict[str, Any] = {"role": message.role, "content": content}
    result.update(_reasoning(message))
    if message.tool_calls:
        # The API's own spelling of "no text beside the calls"; an empty text is refused by some servers.
        result["content"] = content or None
        result["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        result["tool_call_id"] = message.tool_call_id
    return result


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": _image_url(part)}


def _image_url(image: Image) -> dict[str, Any]:
    return {"url": image.url, "detail": image.detail} if image.detail else {"url": image.url}


def _reasoning(message: Message) -> dict[str, Any]:
    """Reasoning under the field names it came in."""
    fields: dict[str, Any] = {}
    for piece in message.reasoning:
        if piece.field in ("reasoning", "reasoning_content"):
            fields[piece.field] = fields.get(piece.field, "") + piece.text
    pieces = [piece for piece in message.reasoning if piece.field == "reasoning_details"]
    # The entries as they came hold the text too; without them the text becomes one.
    details = [piece.detail for piece in pieces if piece.detail] or [
        {"type": "reasoning.text", "text": piece.text} for piece in pieces
    ]
    return {**fields, "reasoning_details": details} if details else fields


# ------------------------------------------------------------------------------------------------------- decoding

_KNOWN = frozenset(
    ("id", "object", "created", "model", "system_fingerprint", "choices", "usage", "error",
     "obfuscation")  # OpenAI's random padding against traffic analysis: new in every chunk, says nothing
)  # fmt: skip

# The reasons of the API, and what leaks through from upstream.
_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
    "function_call": "tool_calls",  # before tools
    "sensitive": "content_filter",  # Zhipu
    "network_error": "error",  # Zhipu
    "insufficient_system_resource": "error",  # DeepSeek
}

# OpenAI's own placeholder for "far too unlikely to list".
_NO_LOGPROB = -9999.0

_DELTA_KNOWN = frozenset(
    ("role", "content", "refusal", "tool_calls", "function_call", "reasoning", "reasoning_content", "reasoning_details")
)


class _Call:
    """A tool call under way; its id and name are set once."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""


class _Choice:
    """State of one of the answers in the stream."""

    def __init__(self, index: int, *, thinking_opened: bool) -> None:
        self.index = index
        # None: the text is plain from here on
        self.tags: InlineTags | None = InlineTags(opened=thinking_opened)
        self.calls: list[_Call] = []
        self.call_at: dict[int, _Call] = {}
        self.details = Details()
        self.reason = ""

    def call(self, sent: dict[str, Any], name: str, position: int) -> _Call:
        """The call that a piece belongs to: by its index, else by its id, else the last one."""
        at, id_ = sent.get("index"), as_text(sent.get("id"))
        if type(at) is int:
            call = self.call_at.get(at)
            # Gemini's OpenAI form numbers all parallel calls 0.
            if call is None or (name and id_ and call.id and id_ != call.id):
                call = self.call_at[at] = self._new_call()
        elif id_:
            call = next((call for call in self.calls if call.id == id_), None) or self._new_call()
        else:
            call = self.calls[-1] if self.calls and position == 0 else self._new_call()
        return call

    def _new_call(self) -> _Call:
        self.calls.append(_Call(len(self.calls)))
        return self.calls[-1]


class OpenAIDecoder(StreamDecoder):
    """Events of one chat completion, streamed or whole."""

    def __init__(self, *, thinking_opened: bool = False) -> None:
        super().__init__()
        self._thinking_opened = thinking_opened
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self._started = False
        self._finished = False  # whether there are choices and each has its reason
        self._usage: dict[str, Any] = {}
        self._misfits = 0

    @property
    def done(self) -> bool:
        """Whether `[DONE]` or every choice's finish reason was seen. Read on: usage may follow."""
        return self._ended or self._finished

    def _dispatch(self, sent: ServerSentEvent, events: list[Event]) -> None:
        if not (self._started and self._misfits < MOST_MISFITS and self._take_plain(sent, events)):
            super()._dispatch(sent, events)

    def _take_plain(self, sent: ServerSentEvent, events: list[Event]) -> bool:
        """Takes a plain chunk; False, and nothing taken, for any other event."""
        try:
            choice = decode_plain(sent.data).choices[0]
        except REFUSED:
            self._misfits += 1
            return False
        state = self._choices.get(choice.index)
        if state is None or state.tags is not None or self._closed or sent.event != "message":
            return False
        delta = choice.delta
        if delta.reasoning:
            events.append(ReasoningDelta(delta.reasoning, choice.index))
        elif delta.reasoning_content:
            events.append(ReasoningDelta(delta.reasoning_content, choice.index, "reasoning_content"))
        if delta.content:
            events.append(TextDelta(delta.content, choice.index))
        return True

    def _take(self, value: dict[str, Any], events: list[Event]) -> None:
        choices = value.get("choices")
        failure = failure_in(value)
        if failure and not choices:
            events.append(failure)
            return
        if not self._started:
            self._start(value, bool(choices), events)
        if type(choices) is list:
            for choice in choices:
                if type(choice) is dict:
                    self._take_choice(choice, events)
        if not _KNOWN.issuperset(value):
            self._take_unknown(value, events)
        if sent := value.get("usage"):
            self._take_usage(sent, events)
        if failure:
            events.append(failure)  # last: what came beside it is kept

    def _end(self, events: list[Event]) -> None:
        for choice in self._choices.values():
            _settle(choice, events)
            _append_details(choice, events)
        if self._ended and self._choices and not self._finished:
            events.append(Notice(_("The server did not say why the answer ended")))

    def _start(self, value: dict[str, Any], has_choices: bool, events: list[Event]) -> None:
        # Azure names the model only in the first chunk that has choices.
        self._head.update({name: value[name] for name in Started.__struct_fields__ if value.get(name)})
        if has_choices:
            self._started = True
            head = self._head
            started = Started(
                id=as_text(head.get("id")) or None,
                model=as_text(head.get("model")) or None,
                created=as_int(head.get("created")),
                system_fingerprint=as_text(head.get("system_fingerprint")) or None,
            )
            events.append(started)

    def _take_unknown(self, value: dict[str, Any], events: list[Event]) -> None:
        unknown = {name: field for name, field in value.items() if name not in _KNOWN}
        if groq := as_dict(unknown.get("x_groq")):
            self._take_usage(groq.get("usage"), events)
        self._extra(unknown, events)

    def _take_usage(self, sent: Any, events: list[Event]) -> None:
        counts = bounded(as_dict(sent))
        if counts and counts != self._usage:
            self._usage = counts
            events.append(chat_usage(counts))

    def _take_choice(self, sent: dict[str, Any], events: list[Event]) -> None:
        index = sent.get("index")
        if type(index) is not int:
            index = 0
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice(index, thinking_opened=self._thinking_opened)
            self._finished = False
        delta = sent.get("delta") or sent.get("message")
        if type(delta) is dict:
            self._take_delta(choice, delta, events)
        elif text := sent.get("text"):
            self._take_content(choice, text, events)
        if logprobs := sent.get("logprobs"):
            _take_logprobs(choice, logprobs, events)
        if reason := sent.get("finish_reason"):
            _take_reason(choice, reason, sent.get("native_finish_reason"), events)
            self._finished = all(choice.reason for choice in self._choices.values())
        if len(sent) > 3 and "usage" in sent:  # Moonshot
            self._take_usage(sent["usage"], events)

    def _take_delta(self, choice: _Choice, delta: dict[str, Any], events: list[Event]) -> None:
        _take_reasoning(choice, delta, events)
        if content := delta.get("content"):
            self._take_content(choice, content, events)
        if refusal := as_text(delta.get("refusal")):
            events.append(RefusalDelta(refusal, choice.index))
        for position, call in enumerate(as_list(delta.get("tool_calls"))):
            _take_call(choice, as_dict(call), position, events)
        if legacy := as_dict(delta.get("function_call")):
            _take_call(choice, {"index": 0, "function": legacy}, 0, events)
        if not _DELTA_KNOWN.issuperset(delta):
            self._extra({name: field for name, field in delta.items() if name not in _DELTA_KNOWN}, events)

    def _take_content(self, choice: _Choice, content: Any, events: list[Event]) -> None:
        if type(content) is str:
            if choice.tags is None:
                events.append(TextDelta(content, choice.index))
            else:
                _take_tagged(choice, content, events)
            return
        others = []
        for part in content if isinstance(content, list) else [content]:
            if text := part if isinstance(part, str) else as_text(as_dict(part).get("text")):
                self._take_content(choice, text, events)
            elif as_dict(part).get("type") == "thinking":  # Mistral
                _take_reasoning(choice, {"reasoning": _joined(part.get("thinking"), "text")}, events)
            elif part not in ("", {"type": "text", "text": ""}):
                others.append(part)
        if others:
            self._extra({"content": others}, events)


def _take_tagged(choice: _Choice, text: str, events: list[Event]) -> None:
    assert choice.tags is not None
    _append_tagged(choice, choice.tags.feed(text), events)
    if choice.tags.settled:
        choice.tags = None


def _settle(choice: _Choice, events: list[Event]) -> None:
    """No inline reasoning from here on: what looked like the beginning of a tag is text."""
    if choice.tags is not None:
        _append_tagged(choice, choice.tags.finish(), events)
        choice.tags = None


def _append_tagged(choice: _Choice, pieces: list[tuple[str, str]], events: list[Event]) -> None:
    for tag, text in pieces:
        events.append(ReasoningDelta(text, choice.index, tag) if tag else TextDelta(text, choice.index))


def _take_reasoning(choice: _Choice, delta: dict[str, Any], events: list[Event]) -> None:
    """One of the names under which reasoning comes: gateways send the same text under several."""
    details = choice.details.take(delta.get("reasoning_details"))
    for name, sent in (
        ("reasoning", delta.get("reasoning")),
        ("reasoning_content", delta.get("reasoning_content")),
        ("reasoning_details", details),
    ):
        if text := as_text(sent):
            _settle(choice, events)
            events.append(ReasoningDelta(text, choice.index, name))
            return


def _append_details(choice: _Choice, events: list[Event]) -> None:
    """The entries of `reasoning_details`, whole: their text has been given."""
    entries = choice.details.take_out()
    events.extend(ReasoningDelta("", choice.index, "reasoning_details", detail=entry) for entry in entries)


def _joined(parts: Any, name: str) -> str:
    return as_text(parts) or "".join(as_text(as_dict(part).get(name)) for part in as_list(parts))


def _take_call(choice: _Choice, sent: dict[str, Any], position: int, events: list[Event]) -> None:
    function = as_dict(sent.get("function"))
    if not sent or not (function or sent.get("id")):
        return
    name, arguments = as_text(function.get("name")), function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(bounded(arguments), ensure_ascii=False)
    call = choice.call(sent, name, position)
    new_id = "" if call.id else as_text(sent.get("id"))
    new_name = "" if call.name else name
    call.id, call.name = call.id or new_id, call.name or new_name
    if new_id or new_name or arguments:
        events.append(ToolCallDelta(call.index, new_id, new_name, arguments, choice.index))


def _take_logprobs(choice: _Choice, sent: Any, events: list[Event]) -> None:
    tokens = tuple(_token(item) for item in as_list(as_dict(sent).get("content")) if isinstance(item, dict))
    if tokens:
        events.append(LogprobDelta(tokens, choice.index))


def _token(sent: dict[str, Any]) -> TokenLogprob:
    logprob: Any = sent.get("logprob")
    pieces: Any = sent.get("bytes")
    is_bytes = isinstance(pieces, list) and all(type(piece) is int and 0 <= piece < 256 for piece in pieces)
    return TokenLogprob(
        token=as_text(sent.get("token")),
        logprob=float(logprob) if type(logprob) in (int, float) and abs(logprob) < 1e6 else _NO_LOGPROB,
        bytes=tuple(pieces) if is_bytes else None,
        top=tuple(
            _token({**other, "top_logprobs": None})
            for other in as_list(sent.get("top_logprobs"))
            if isinstance(other, dict)
        ),
    )


def _take_reason(choice: _Choice, sent: Any, native: Any, events: list[Event]) -> None:
    word = as_text(sent)
    if not word or choice.reason:
        return
    _settle(choice, events)
    _append_details(choice, events)
    reason = _REASONS.get(word)
    if reason is None:
        reason = word
        events.append(Notice(_("Unknown finish reason {reason}").format(reason=one_line(word, 60))))
    # A server that calls a tool and says "stop" has called a tool.
    if choice.calls and (reason == "stop" or word not in _REASONS):
        reason = "tool_calls"
    choice.reason = reason
    raw = as_text(native) or (word if word != reason else None)
    events.append(Finish(reason, raw, choice.index))
