"""The Anthropic messages form, version 2023-06-01, as the gateway, Anthropic, Z.AI and llama.cpp speak it.

A Request is the same in both forms; here it is mapped. What has no equivalent is not sent and named by `warnings`; what
would be refused for sure is refused here. Decoding gives the same events as the OpenAI form.

A JSON Schema for the answer goes out as this form's users send one: as the only tool, which the model must call. What
it calls it with is the answer's text.

Source: Claude Platform documentation, "Messages" and "Streaming messages"; budget rule of OpenRouter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import ParameterError, one_line
from ..language import _
from ..reply.events import Event, Finish, Notice, ReasoningDelta, Started, TextDelta, TextWasReasoning, ToolCallDelta
from ..request.messages import Image, Message, Part, Request, Text, ToolCall
from ..request.parameters import EFFORTS, find
from .failure import failure_in, says_something
from .finish import meaning, said
from .payload import as_dict, as_int, as_list, as_text, bounded
from .stream import StreamDecoder, other_form
from .tags import MOVED, InlineTags
from .usage import counts_something, fullest, message_usage

__all__ = ["DEFAULT_MAX_TOKENS", "AnthropicDecoder", "encode", "thinking_budget", "warnings"]

DEFAULT_MAX_TOKENS = 4096
"""Sent where the user set no `max_tokens`: the one value that this form does not allow to leave out."""

_LEAST_BUDGET = 1024
_LARGEST_BUDGET = 128_000
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,(.*)", re.DOTALL)

# ------------------------------------------------------------------------------------------------------- encoding


def encode(request: Request) -> dict[str, object]:
    """The body of a messages request. Raises ParameterError: temperature above 1, no room to think in."""
    system = "\n\n".join(m.text for m in request.messages if m.role in ("system", "developer") and m.text)
    body: dict[str, object] = {"model": request.model, "max_tokens": _max_tokens(request)}
    if system:
        body["system"] = system
    body["messages"] = _messages(request)
    for name in request.parameters:
        if name in _PARAMETERS:
            body.update(_PARAMETERS[name](request))
    if request.stream:
        body["stream"] = True
    body.update(request.extra_body)
    return body


def warnings(request: Request) -> list[str]:
    """A sentence for each parameter that this form cannot carry. Raises ParameterError as `encode` does."""
    encode(request)
    return [
        _("{name} has no equivalent in the Anthropic format and is not sent").format(name=name)
        for name in request.parameters
        if find(name).anthropic is None and not (name == "response_format" and answer_tool(request))
    ]


def thinking_budget(max_tokens: int, percent: int) -> int:
    """Tokens to think in, for an effort of `percent` of `max_tokens`: at least 1024, at most 128,000."""
    return max(min(max_tokens * percent // 100, _LARGEST_BUDGET), _LEAST_BUDGET)


def _max_tokens(request: Request) -> int:
    value: int = request.parameters.get("max_tokens", request.default_max_tokens or DEFAULT_MAX_TOKENS)
    return value


def _temperature(request: Request) -> dict[str, object]:
    value = request.parameters["temperature"]
    if value > 1:
        raise ParameterError(
            _("temperature {value}: the Anthropic format accepts 0…1").format(value=value),
            name="temperature",
            hint=_("Lower it, or use --protocol openai."),
        )
    return {"temperature": value}


def _thinking(request: Request) -> dict[str, Any]:
    if (reasoning := request.parameters.get("reasoning")) is None:
        return {}
    if reasoning.get("effort") == "none" or reasoning.get("enabled") is False:
        return {"thinking": {"type": "disabled"}}
    limit = _max_tokens(request)
    budget = as_int(reasoning.get("max_tokens")) or thinking_budget(limit, EFFORTS[reasoning.get("effort", "medium")])
    if budget >= limit:
        raise ParameterError(
            _("max_tokens {limit} leaves no room beside {budget} tokens of reasoning").format(
                limit=limit, budget=budget
            ),
            name="max_tokens",
            hint=_("Raise max_tokens above {least}, or set reasoning none.").format(least=max(budget, _LEAST_BUDGET)),
        )
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _tools(request: Request) -> dict[str, object]:
    return {"tools": [_tool(tool) for tool in request.parameters["tools"]]}


def _tool(tool: dict[str, object]) -> dict[str, object]:
    function = tool.get("function")
    if not isinstance(function, dict):
        return tool  # already in this form, or a tool of the server's own
    described = {"description": function["description"]} if function.get("description") else {}
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    return {"name": function["name"], **described, "input_schema": schema}


_CHOICES: dict[str, dict[str, object]] = {
    "none": {"type": "none"},
    "auto": {"type": "auto"},
    "required": {"type": "any"},
}


def _tool_choice(request: Request) -> dict[str, object]:
    """`tool_choice` and `parallel_tool_calls`, which this form keeps in one object."""
    wanted = request.parameters.get("tool_choice")
    if isinstance(wanted, str):
        choice = dict(_CHOICES[wanted])
    elif wanted:
        function = wanted.get("function")
        choice = {"type": "tool", "name": function.get("name")} if isinstance(function, dict) else dict(wanted)
    else:
        choice = {}
    if request.parameters.get("parallel_tool_calls") is False and request.parameters.get("tools"):
        choice = choice or {"type": "auto"}
        if choice["type"] != "none":
            choice["disable_parallel_tool_use"] = True
    return {"tool_choice": choice} if choice else {}


def answer_tool(request: Request) -> str:
    """The tool that the model must call with its answer; empty where no schema was asked for."""
    wanted = request.parameters.get("response_format", {})
    return str(wanted["json_schema"]["name"]) if wanted.get("type") == "json_schema" else ""


def _response_format(request: Request) -> dict[str, object]:
    if not (name := answer_tool(request)):
        return {}
    if taken := {"tools", "tool_choice"} & request.parameters.keys():
        raise ParameterError(
            _("The Anthropic format sends a schema as a tool; {name} cannot be combined with it").format(
                name=min(taken)
            ),
            name="response_format",
            hint=_("Use only one of them, or use --protocol openai."),
        )
    if _thinking(request).get("thinking", {}).get("type") == "enabled":
        raise ParameterError(
            _(
                "The Anthropic format sends a schema as a tool that must be called; models reject that "
                "while reasoning is on"
            ),
            name="reasoning",
            hint=_("Set reasoning none, or use --protocol openai."),
        )
    wanted = request.parameters["response_format"]["json_schema"]
    tool = _tool({"function": {**wanted, "parameters": wanted["schema"]}})
    return {"tools": [tool], "tool_choice": {"type": "tool", "name": name, "disable_parallel_tool_use": True}}


def _same(name: str, wire_name: str = "") -> Callable[[Request], dict[str, object]]:
    return lambda request: {wire_name or name: request.parameters[name]}


# Wire name of the OpenAI form -> what it becomes; `max_tokens` is always there.
_PARAMETERS: dict[str, Callable[[Request], dict[str, object]]] = {
    "temperature": _temperature,
    "top_p": _same("top_p"),
    "top_k": _same("top_k"),
    "stop": _same("stop", "stop_sequences"),
    "reasoning": _thinking,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _tool_choice,
    "response_format": _response_format,
}


def _messages(request: Request) -> list[dict[str, object]]:
    """The turns, with neighbours of one role merged: this form wants user and assistant in turn."""
    turns: list[tuple[str, list[dict[str, object]]]] = []
    for message in request.messages:
        if message.role in ("system", "developer"):
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not (blocks := _blocks(message)):
            continue  # an empty block is refused
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    return [{"role": role, "content": _plain(blocks)} for role, blocks in turns]


def _plain(blocks: list[dict[str, object]]) -> object:
    """A single text as the string it is."""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


def _blocks(message: Message) -> list[dict[str, object]]:
    parts = (Text(message.content),) if isinstance(message.content, str) else message.content
    content = [_part(part) for part in parts if not (isinstance(part, Text) and not part.text)]
    if message.role == "tool":
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": _plain(content or [_EMPTY])}]
    thoughts = [
        _REASONING[piece.field](piece.text, piece.signature) for piece in message.reasoning if piece.field in _REASONING
    ]
    return [*thoughts, *content, *(_tool_use(call) for call in message.tool_calls)]


_EMPTY = {"type": "text", "text": ""}

# Reasoning of this form, given back with its proof; that of the other form has none and stays out.
_REASONING: dict[str, Callable[[str, str], dict[str, object]]] = {
    "thinking": lambda text, signature: {"type": "thinking", "thinking": text, "signature": signature},
    "redacted_thinking": lambda _text, signature: {"type": "redacted_thinking", "data": signature},
}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image", "source": _source(part)}


def _source(image: Image) -> dict[str, object]:
    if found := _DATA_URL.fullmatch(image.url):
        return {"type": "base64", "media_type": found[1], "data": found[2]}
    return {"type": "url", "url": image.url}


def _tool_use(call: ToolCall) -> dict[str, object]:
    try:
        arguments = call.parsed()
    except (ValueError, RecursionError):
        arguments = call.arguments
    # This form wants an object; what the model got wrong goes back to it as it was.
    return {
        "type": "tool_use",
        "id": call.id,
        "name": call.name,
        "input": arguments if isinstance(arguments, dict) else {"invalid_json": arguments},
    }


# ------------------------------------------------------------------------------------------------------- decoding

_ANSWER = -1
"""Number of the call that is the answer."""


class AnthropicDecoder(StreamDecoder):
    """Events of one message, streamed or whole. What the tool `answer_tool` is called with is the answer's text."""

    def __init__(self, *, answer_tool: str = "") -> None:
        super().__init__()
        self._answer_tool = answer_tool
        self._started = False
        self._calls = 0
        self._call_at: dict[int | None, int] = {}  # index of a tool_use block -> number of the call
        self._without_arguments: set[int | None] = set()  # those of which no argument arrived yet
        self._usage: dict[str, object] = {}
        self._counted = self._uncounted = False  # whether usage came, and whether it was nothing but zeros
        self._reason = ""
        self._tags = InlineTags()

    @property
    def done(self) -> bool:
        """Whether `message_stop` or the reason of the end was seen. Read on: usage may follow."""
        return not self._lost and (self._ended or bool(self._reason))

    @property
    def finished(self) -> bool:
        """Whether the message has the reason of its end: whatever comes now, if anything, is the usage."""
        return bool(self._reason)

    def _is_whole(self, value: dict[str, object]) -> bool:
        return as_text(value.get("type")) in self._TYPES or says_something(value.get("error"))

    def _take(self, value: dict[str, object], events: list[Event]) -> None:
        take = self._TYPES.get(as_text(value.get("type")))
        if take is not None:
            take(self, value, events)
        elif failure := failure_in(value):
            events.append(failure)
        elif not self._started and type(value.get("choices")) is list:
            raise other_form("openai")

    def _take_text(self, text: str, events: list[Event]) -> None:
        """Text, in which other models than Anthropic's leave their reasoning."""
        self._append(self._tags.feed(text), events)

    def _append(self, pieces: list[tuple[str, str]], events: list[Event]) -> None:
        for tag, text in pieces:
            if tag == MOVED:
                events.append(TextWasReasoning())
            else:
                events.append(ReasoningDelta(text, field=tag) if tag else TextDelta(text))

    def _end(self, events: list[Event]) -> None:
        self._append(self._tags.finish(), events)
        if self._uncounted and not self._counted and self._tags.passed:
            events.append(Notice(_("The server counted no tokens: what this cost is unknown")))
        if self._ended and self._started and not self._reason:
            events.append(Notice(_("The server did not say why the answer ended")))
        if self._answer_tool and self._reason and _ANSWER not in self._call_at.values():
            events.append(Notice(_("The model did not call the tool of the schema; not every server enforces that")))

    def _on_message(self, message: dict[str, object], events: list[Event]) -> None:
        """A message whole, or as `message_start` holds it."""
        self._call_at.clear()
        self._without_arguments.clear()
        if not self._started:
            self._started = True
            events.append(Started(id=as_text(message.get("id")) or None, model=as_text(message.get("model")) or None))
        for index, block in enumerate(as_list(message.get("content"))):
            self._take_block(index, as_dict(block), events)
            self._close_block(index, events)
        self._take_reason(message, events)
        self._take_usage(message.get("usage"), events)

    def _on_message_start(self, value: dict[str, object], events: list[Event]) -> None:
        self._on_message(as_dict(value.get("message")), events)

    def _on_block_start(self, value: dict[str, object], events: list[Event]) -> None:
        self._take_block(as_int(value.get("index")), as_dict(value.get("content_block")), events)

    def _on_block_delta(self, value: dict[str, object], events: list[Event]) -> None:
        delta = value.get("delta")
        if type(delta) is not dict:
            return
        if text := as_text(delta.get("text")):
            self._take_text(text, events)
        elif text := as_text(delta.get("thinking")):
            self._tags.seen = True
            events.append(ReasoningDelta(text, field="thinking"))
        elif signature := as_text(delta.get("signature")):
            events.append(ReasoningDelta("", field="thinking", signature=signature))
        elif arguments := as_text(delta.get("partial_json")):
            self._take_arguments(as_int(value.get("index")), arguments, events)

    def _on_block_stop(self, value: dict[str, object], events: list[Event]) -> None:
        self._close_block(as_int(value.get("index")), events)

    def _on_message_delta(self, value: dict[str, object], events: list[Event]) -> None:
        delta = as_dict(value.get("delta"))
        self._take_reason(delta, events)
        if rest := {name: said for name, said in delta.items() if name != "stop_reason" and said is not None}:
            self._extra(rest, events)
        self._take_usage(value.get("usage"), events)

    def _on_message_stop(self, _value: dict[str, object], _events: list[Event]) -> None:
        self._ended = True

    def _on_error(self, value: dict[str, object], events: list[Event]) -> None:
        if failure := failure_in(value):
            events.append(failure)

    _TYPES: ClassVar[dict[str, Callable[[AnthropicDecoder, dict[str, object], list[Event]], None]]] = {
        "message": _on_message,
        "message_start": _on_message_start,
        "content_block_start": _on_block_start,
        "content_block_delta": _on_block_delta,
        "content_block_stop": _on_block_stop,
        "message_delta": _on_message_delta,
        "message_stop": _on_message_stop,
        "error": _on_error,
    }

    def _take_block(self, index: int | None, block: dict[str, object], events: list[Event]) -> None:
        """A block whole, or its start, which may hold the first piece."""
        kind = block.get("type")
        if kind == "text" and (text := as_text(block.get("text"))):
            self._take_text(text, events)
        elif kind == "thinking":
            self._tags.seen = True
            text, signature = as_text(block.get("thinking")), as_text(block.get("signature"))
            if text or signature:
                events.append(ReasoningDelta(text, field="thinking", signature=signature))
        elif kind == "redacted_thinking" and (data := as_text(block.get("data"))):
            events.append(ReasoningDelta("", field="redacted_thinking", signature=data))
        elif kind == "tool_use":
            self._open_call(index, block, events)

    def _open_call(self, index: int | None, block: dict[str, object], events: list[Event]) -> None:
        name = as_text(block.get("name"))
        if name and name == self._answer_tool:
            self._call_at[index] = _ANSWER
        else:
            self._call_at[index] = self._calls
            events.append(ToolCallDelta(self._calls, as_text(block.get("id")), name))
            self._calls += 1
        self._without_arguments.add(index)
        if given := block.get("input"):
            self._take_arguments(index, json.dumps(bounded(given), ensure_ascii=False), events)

    def _take_arguments(self, index: int | None, arguments: str, events: list[Event]) -> None:
        # The pieces of a server's own tool are not calls for us.
        if (number := self._call_at.get(index)) is not None:
            self._without_arguments.discard(index)
            is_answer = number == _ANSWER
            events.append(TextDelta(arguments) if is_answer else ToolCallDelta(number, arguments=arguments))

    def _close_block(self, index: int | None, events: list[Event]) -> None:
        if index in self._without_arguments:
            self._take_arguments(index, "{}", events)

    def _take_reason(self, sent: dict[str, Any], events: list[Event]) -> None:
        word = said(sent.get("stop_reason"))
        if not word or word == self._reason:
            return
        self._reason = word
        reason = meaning(word)
        if reason == "tool_calls" and self._answer_tool and not self._calls:
            reason = "stop"  # it called what it answers with
        if reason is None:
            reason = word
            events.append(Notice(_("Unknown finish reason {reason}").format(reason=one_line(word, 60))))
        events.append(Finish(reason, word if word != reason else None))

    def _take_usage(self, sent: object, events: list[Event]) -> None:
        """Counts are cumulative, and some servers send zeros at first: of each field the largest holds."""
        counts = fullest(self._usage, bounded(as_dict(sent)))
        if not counts or counts == self._usage:
            return
        self._usage = counts
        usage = message_usage(counts)
        self._uncounted = True
        if counts_something(usage):
            self._counted = True
            events.append(usage)
