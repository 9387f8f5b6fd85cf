"""A scripted model that calls tools, in both protocols: answers for `FaultServer`.

with FaultServer(calls("openai", ("add", {"a": 1, "b": 2})), said("openai", "3")) as server: ...
"""

from __future__ import annotations

import json
from typing import Any

from .fault_server import Script, data, finish, reasoning, stream, usage
from .fault_server import delta as text_delta

__all__ = ["calls", "results", "said"]

Call = tuple[str, Any]
"""Name, and arguments as a value or as the text that the model sends."""


def calls(
    protocol: str, *wanted: Call, text: str = "", thought: str = "", ids: bool = True, reason: str = ""
) -> Script:
    """An answer that says `text` and calls `wanted` all at once; `reason`: why it ended, in the OpenAI form."""
    made = [
        (f"call_{name}_{number}" if ids else "", name, value if isinstance(value, str) else json.dumps(value))
        for number, (name, value) in enumerate(wanted)
    ]
    return _openai(text, thought, made, reason) if reason else _FORMS[protocol](text, thought, made)


def said(protocol: str, text: str) -> Script:
    """An answer without a call."""
    return _FORMS[protocol](text, "", [])


def _openai(text: str, thought: str, made: list[tuple[str, str, str]], reason: str = "") -> Script:
    steps = [reasoning(thought)] if thought else []
    steps += [text_delta(text)] if text else []
    for index, (id_, name, arguments) in enumerate(made):
        half = len(arguments) // 2
        head = {
            "index": index,
            "id": id_,
            "type": "function",
            "function": {"name": name, "arguments": arguments[:half]},
        }
        steps += [_tool_delta(head), _tool_delta({"index": index, "function": {"arguments": arguments[half:]}})]
    return stream(*steps, finish(reason or ("tool_calls" if made else "stop")), usage(), b"data: [DONE]\n\n")


def _tool_delta(call: dict[str, Any]) -> bytes:
    return data({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})


def _anthropic(text: str, thought: str, made: list[tuple[str, str, str]]) -> Script:
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if thought:
        signed = [{"type": "thinking_delta", "thinking": thought}, {"type": "signature_delta", "signature": "sig"}]
        blocks.append(({"type": "thinking", "thinking": ""}, signed))
    if text:
        blocks.append(({"type": "text", "text": ""}, [{"type": "text_delta", "text": text}]))
    for id_, name, arguments in made:
        start = {"type": "tool_use", "id": id_, "name": name, "input": {}}
        blocks.append((start, [{"type": "input_json_delta", "partial_json": arguments}]))
    counts = {"input_tokens": 9, "output_tokens": 0}
    events: list[Any] = [
        {"type": "message_start", "message": {"id": "m1", "model": "m", "content": [], "usage": counts}}
    ]
    for index, (start, deltas) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": "tool_use" if made else "end_turn", "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": ended, "usage": {"input_tokens": 9, "output_tokens": 6}},
        {"type": "message_stop"},
    ]
    return stream(*map(data, events))


_FORMS = {"openai": _openai, "anthropic": _anthropic}


def results(protocol: str, body: dict[str, Any]) -> list[str]:
    """The tool results of a request, in their order."""
    if protocol == "openai":
        return [message["content"] for message in body["messages"] if message["role"] == "tool"]
    blocks = [
        block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    return [block["content"] for block in blocks if block["type"] == "tool_result"]
