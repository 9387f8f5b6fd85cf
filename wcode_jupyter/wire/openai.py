"""The OpenAI chat form, as OpenAI, OpenRouter, DashScope, Zhipu, StepFun, DeepSeek, vLLM and llama.cpp speak it.

Encoding sends what the user set and nothing else. Decoding accepts every variant seen among those servers: what is
absent, null, of another type or unknown is passed over, never a crash; what stands there under two names counts once.
"""

from __future__ import annotations

import json
import re
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
    TextWasReasoning,
    TokenLogprob,
    ToolCallDelta,
)
from ..request.messages import Image, Message, Part, Request, Text, ToolCall
from .details import Details
from .failure import failure_in, says_something
from .finish import meaning, said
from .payload import REFUSED, as_dict, as_int, as_list, as_text, bounded
from .plain import MOST_MISFITS, decode_plain
from .sse import ServerSentEvent
from .stream import StreamDecoder, other_form
from .tags import CLOSING, MARKS, MOVED, InlineTags
from .usage import chat_usage, counts_something, fullest

__all__ = ["OpenAIDecoder", "encode"]

# ------------------------------------------------------------------------------------------------------- encoding


def encode(request: Request) -> dict[str, object]:
    """The body of a chat completion request."""
    body: dict[str, object] = {"model": request.model, "messages": [_message(message) for message in request.messages]}
    body.update(request.parameters)
    if request.stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    body.update(request.extra_body)
    return body


def _message(message: Message) -> dict[str, object]:
    content: Any = message.content
    if not isinstance(content, str):
        content = [_part(part) for part in content]
    inline = "".join(f"{r.field}{r.text}{CLOSING[r.field]}" for r in message.reasoning if r.field in CLOSING)
    if inline and isinstance(content, str):
        content = inline + content
    result: dict[str, object] = {"role": message.role, "content": content}
    result.update(_reasoning(message))
    if message.tool_calls:
        # The API's own spelling of "no text beside the calls"; an empty text is refused by some servers.
        result["content"] = content or None
        result["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        result["tool_call_id"] = message.tool_call_id
    return result


def _arguments(call: ToolCall) -> str:
    """A JSON text: what the model got wrong goes back as a value of one, for servers refuse what is none."""
    if not call.arguments.strip():
        return "{}"
    return call.arguments if _is_object(call.arguments) else json.dumps({"invalid_json": call.arguments})


def _part(part: Part) -> dict[str, object]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": _image_url(part)}


def _image_url(image: Image) -> dict[str, object]:
    return {"url": image.url, "detail": image.detail} if image.detail else {"url": image.url}


def _reasoning(message: Message) -> dict[str, object]:
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

_OLLAMA = ("prompt_eval_count", "eval_count")
_KIMI = re.compile(r"functions\.([\w-]+)(?::\d+)?")

# OpenAI's own placeholder for "far too unlikely to list".
_NO_LOGPROB = -9999.0

_DELTA_KNOWN = frozenset(
    ("role", "content", "refusal", "tool_calls", "function_call", "usage", "reasoning_details", "reasoning",
     "reasoning_content", "reasoning_text", "thinking", "thinking_content", "thought")
)  # fmt: skip

# Name of a reasoning field -> the name under which it goes back: those that only some relays use have none.
_REASONING = {
    "reasoning": "reasoning",
    "reasoning_content": "reasoning_content",
    "reasoning_text": "reasoning",
    "thinking": "reasoning",
    "thinking_content": "reasoning_content",
    "thought": "reasoning",
}
_FOREIGN = frozenset(("message_start", "content_block_start", "content_block_delta", "message_delta", "message"))
"""Types of the Anthropic form."""

_ROLES = ("", "assistant", "model", "bot")
"""Who may say the answer; a chunk of any other role is an echo of the question."""

_LEAST_RESENT = 8
"""Characters that a text must have for its coming again, whole, to be no accident."""


class _Call:
    """A tool call under way; its id and name are set once."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []

    def is_over(self, name: str, id_: str) -> bool:
        """Whether a piece under the same index begins another call: some relays repeat a call's head in each piece."""
        if not name or not self.name:
            return False
        if name != self.name:
            return True
        return id_ != self.id and _is_object("".join(self.pieces))


class _Choice:
    """State of one of the answers in the stream."""

    def __init__(self, index: int, *, thinking_opened: bool) -> None:
        self.index = index
        self.tags = InlineTags(opened=thinking_opened)
        self.thoughts: list[str] = []  # reasoning that came in a field
        self.repeated: list[str] | None = None  # a block of tags beside such a field, until it is known what it says
        self.calls: list[_Call] = []
        self.call_at: dict[int, _Call] = {}
        self.details = Details()
        self.reason = ""
        self.word = ""

    def think(self, text: str) -> None:
        """Reasoning has come in a field of its own."""
        self.thoughts.append(text)
        self.tags.seen = True

    def without_resent(self, delta: dict[str, object], *, whole: bool) -> dict[str, object]:
        """`delta` without the texts that it sends again: servers close a stream with the `whole` message."""
        changed = dict(delta)
        for names, pieces in ((("content",), self.tags.passed), (tuple(_REASONING), self.thoughts)):
            said = "".join(pieces) if pieces else ""
            for name in names:
                text = delta.get(name)
                if not said or not isinstance(text, str):
                    continue
                if whole and text.startswith(said):
                    changed[name] = text[len(said) :]
                elif text == said and len(pieces) > 1 and len(text) >= _LEAST_RESENT:
                    changed[name] = ""
        return changed

    def call(self, sent: dict[str, object], name: str, position: int) -> _Call:
        """The call that a piece belongs to: by its index, else by its id, else the last one."""
        at, id_ = sent.get("index"), as_text(sent.get("id"))
        if type(at) is int:
            call = self.call_at.get(at)
            # Gemini's OpenAI form numbers all parallel calls 0.
            if call is None or call.is_over(name, id_):
                call = self.call_at[at] = self._new_call()
        elif id_:
            call = next((call for call in self.calls if call.id == id_), None) or self._new_call()
        else:
            call = self.calls[-1] if self.calls and position == 0 else self._new_call()
        return call

    def _new_call(self) -> _Call:
        self.calls.append(_Call(len(self.calls)))
        return self.calls[-1]


# Some servers send a choice or two that nobody asked for; thousands would be an attack on the kernel.
_MOST_CHOICES = 8


class OpenAIDecoder(StreamDecoder):
    """Events of one chat completion, streamed or whole."""

    def __init__(self, *, thinking_opened: bool = False, asked_choices: int = 1) -> None:
        super().__init__()
        self._thinking_opened = thinking_opened
        self._most_choices = max(asked_choices, _MOST_CHOICES)
        self._has_too_many = False
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, object] = {}
        self._started = False
        self._finished = False  # whether there are choices and each has its reason
        self._usage: dict[str, object] = {}
        self._counted = self._uncounted = False  # whether usage came, and whether it was nothing but zeros
        self._misfits = 0

    @property
    def done(self) -> bool:
        """Whether `[DONE]` or every choice's finish reason was seen. Read on: usage may follow."""
        return not self._lost and (self._ended or self._finished)

    @property
    def finished(self) -> bool:
        """Whether every choice has its finish reason: whatever comes now, if anything, is the usage."""
        return self._finished

    def _dispatch(self, sent: ServerSentEvent, events: list[Event]) -> None:
        if sent.event != "message" or not self._take_plain(sent.data, events):
            super()._dispatch(sent, events)

    def _take_plain(self, data: bytes, events: list[Event]) -> bool:
        if not self._started or self._misfits >= MOST_MISFITS:
            return False
        try:
            choice = decode_plain(data).choices[0]
        except REFUSED:
            self._misfits += 1
            return False
        state = self._choices.get(choice.index)
        if state is None or self._closed:
            return False
        delta = choice.delta
        content, thought = delta.content, delta.reasoning or delta.reasoning_content
        if content and (thought or not state.tags.plain or MARKS.search(content)):
            return False
        if delta.role is not None and delta.role not in _ROLES:
            return False
        if thought:
            state.think(thought)
            name = "reasoning" if delta.reasoning else "reasoning_content"
            events.append(ReasoningDelta(thought, choice.index, name))
        elif content:
            state.tags.passed.append(content)
            events.append(TextDelta(content, choice.index))
        self.heard += 1
        return True

    def _is_whole(self, value: dict[str, object]) -> bool:
        return "choices" in value or says_something(value.get("error")) or (type(value.get("usage")) is dict)

    def _take(self, value: dict[str, object], events: list[Event]) -> None:
        choices = value.get("choices")
        failure = failure_in(value)
        if not self._started and not failure and not choices and as_text(value.get("type")) in _FOREIGN:
            raise other_form("anthropic")
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
            _append_tagged(choice, choice.tags.finish(), events)
            _settle_repeated(choice, events)
            _append_details(choice, events)
            if "<tool_call>" in "".join(choice.tags.passed):
                events.append(Notice(_("The model wrote a tool call as text. Nothing was called")))
        if self._uncounted and not self._counted and any(choice.tags.passed for choice in self._choices.values()):
            events.append(Notice(_("The server counted no tokens: what this cost is unknown")))
        if self._ended and self._choices and not self._finished:
            events.append(Notice(_("The server did not say why the answer ended")))

    def _start(self, value: dict[str, object], has_choices: bool, events: list[Event]) -> None:
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

    def _take_unknown(self, value: dict[str, object], events: list[Event]) -> None:
        unknown = {name: field for name, field in value.items() if name not in _KNOWN}
        if groq := as_dict(unknown.get("x_groq")):
            self._take_usage(groq.get("usage"), events)
        for name in ("usageMetadata", "usage_metadata"):
            self._take_usage(unknown.get(name), events)
        if "eval_count" in unknown:
            self._take_usage({name: unknown[name] for name in _OLLAMA if name in unknown}, events)
        self._extra(unknown, events)

    def _take_usage(self, sent: object, events: list[Event]) -> None:
        counts = fullest(self._usage, bounded(as_dict(sent)))
        if counts and counts != self._usage:
            self._usage = counts
            usage = chat_usage(counts)
            self._uncounted = True
            if counts_something(usage):
                self._counted = True
                events.append(usage)

    def _take_choice(self, sent: dict[str, object], events: list[Event]) -> None:
        index = sent.get("index")
        if type(index) is not int:
            index = 0
        choice = self._choices.get(index)
        if choice is None:
            if len(self._choices) >= self._most_choices:
                self._leave_out(events)
                return
            choice = self._choices[index] = _Choice(index, thinking_opened=self._thinking_opened)
            self._finished = False
        delta = sent.get("delta") or sent.get("message")
        if type(delta) is dict:
            whole = not sent.get("delta")
            if whole or sent.get("finish_reason"):
                delta = choice.without_resent(delta, whole=whole)
            self._take_delta(choice, delta, events)
        elif text := sent.get("text"):
            self._take_content(choice, text, events)
        if logprobs := sent.get("logprobs"):
            _take_logprobs(choice, logprobs, events)
        if reason := sent.get("finish_reason"):
            _take_reason(choice, reason, sent.get("native_finish_reason"), events)
            self._finished = all(choice.reason for choice in self._choices.values())
        if "usage" in sent:  # Moonshot
            self._take_usage(sent["usage"], events)

    def _leave_out(self, events: list[Event]) -> None:
        """Says once that the server sends more choices than anyone asked for: each costs work in every event."""
        if not self._has_too_many:
            self._has_too_many = True
            events.append(Notice(_("The server sent more choices than requested; the others are left out")))

    def _take_delta(self, choice: _Choice, delta: dict[str, object], events: list[Event]) -> None:
        role = delta.get("role")
        if isinstance(role, str) and role not in _ROLES:
            return  # an echo of the question
        thought = _take_reasoning(choice, delta, events)
        content = delta.get("content")
        # Some relays send each piece of the reasoning under both names.
        if content and not (thought and thought == content):
            self._take_content(choice, content, events)
        if refusal := as_text(delta.get("refusal")):
            events.append(RefusalDelta(refusal, choice.index))
        calls = delta.get("tool_calls")
        for position, call in enumerate([calls] if isinstance(calls, dict) else as_list(calls)):
            _take_call(choice, as_dict(call), position, events)
        if legacy := as_dict(delta.get("function_call")):
            _take_call(choice, {"index": 0, "function": legacy}, 0, events)
        if "usage" in delta:
            self._take_usage(delta["usage"], events)
        if not _DELTA_KNOWN.issuperset(delta):
            self._extra({name: field for name, field in delta.items() if name not in _DELTA_KNOWN}, events)

    def _take_content(self, choice: _Choice, content: Any, events: list[Event]) -> None:
        if type(content) is str:
            _append_tagged(choice, choice.tags.feed(content), events)
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


def _append_tagged(choice: _Choice, pieces: list[tuple[str, str]], events: list[Event]) -> None:
    for tag, text in pieces:
        if tag == MOVED:
            events.append(TextWasReasoning(choice.index))
        elif not tag:
            _settle_repeated(choice, events)
            events.append(TextDelta(text, choice.index))
        elif choice.thoughts:
            choice.repeated = [*(choice.repeated or []), text]
        else:
            events.append(ReasoningDelta(text, choice.index, tag))


def _settle_repeated(choice: _Choice, events: list[Event]) -> None:
    """Tags beside a field mostly hold the same reasoning again; what they say more counts."""
    repeated, choice.repeated = "".join(choice.repeated or ()), None
    if repeated.strip() and repeated.strip() not in "".join(choice.thoughts):
        events.append(ReasoningDelta(repeated, choice.index, "<think>"))


def _take_reasoning(choice: _Choice, delta: dict[str, object], events: list[Event]) -> str:
    """The text under one of the names that reasoning has: gateways send the same text under several."""
    details = choice.details.take(delta.get("reasoning_details"))
    for name in _REASONING:
        if (sent := delta.get(name)) and (text := _thought(sent)):
            choice.think(text)
            events.append(ReasoningDelta(text, choice.index, _REASONING[name]))
            return text
    if details:
        choice.think(details)
        events.append(ReasoningDelta(details, choice.index, "reasoning_details"))
    return details


def _thought(sent: object) -> str:
    """The text of a reasoning field, which some relays send as an object or a list."""
    if isinstance(sent, dict):
        return next(
            (text for name in ("content", "text", "summary", "thinking") if (text := as_text(sent.get(name)))), ""
        )
    return as_text(sent) or "".join(_thought(part) for part in as_list(sent))


def _append_details(choice: _Choice, events: list[Event]) -> None:
    """The entries of `reasoning_details`, whole: their text has been given."""
    entries = choice.details.take_out()
    events.extend(ReasoningDelta("", choice.index, "reasoning_details", detail=entry) for entry in entries)


def _joined(parts: object, name: str) -> str:
    return as_text(parts) or "".join(as_text(as_dict(part).get(name)) for part in as_list(parts))


def _take_call(choice: _Choice, sent: dict[str, object], position: int, events: list[Event]) -> None:
    function = as_dict(sent.get("function"))
    if not sent or not (function or sent.get("id")):
        return
    name, arguments = as_text(function.get("name")), function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(bounded(arguments), ensure_ascii=False)
    if found := _KIMI.fullmatch(name):
        name = found[1]
    call = choice.call(sent, name, position)
    new_id = "" if call.id else as_text(sent.get("id"))
    new_name = "" if call.name else name
    call.id, call.name = call.id or new_id, call.name or new_name
    call.pieces.append(arguments)
    if new_id or new_name or arguments:
        events.append(ToolCallDelta(call.index, new_id, new_name, arguments, choice.index))


def _take_logprobs(choice: _Choice, sent: object, events: list[Event]) -> None:
    tokens = tuple(_token(item) for item in as_list(as_dict(sent).get("content")) if isinstance(item, dict))
    if tokens:
        events.append(LogprobDelta(tokens, choice.index))


def _token(sent: dict[str, object]) -> TokenLogprob:
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
    word = said(sent)
    if not word or choice.word == word:
        return
    choice.word = word
    _append_details(choice, events)
    reason = meaning(word)
    # A server that calls a tool and says "stop" has called a tool.
    if choice.calls and reason in ("stop", None):
        reason = "tool_calls"
    elif reason is None:
        reason = word
        events.append(Notice(_("Unknown finish reason {reason}").format(reason=one_line(word, 60))))
    choice.reason = reason
    raw = as_text(native) or (word if word != reason else None)
    events.append(Finish(reason, raw, choice.index))


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
