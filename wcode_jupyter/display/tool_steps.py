"""The calls and results of a tool loop: each in a box that opens, as text only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import takewhile, zip_longest

from ..characters import escape
from ..errors import one_line
from ..language import _
from ..request.messages import Message, ToolCall
from .formats import plain
from .markdown import render
from .renderer import wrapped_code

__all__ = ["step_lines", "steps_html"]


def steps_html(transcript: Sequence[Message]) -> str:
    """What the model said and called, with what each call gave; a call without a result is under way."""
    pieces = []
    for index, message in enumerate(transcript):
        if message.role != "assistant":
            continue
        if thought := "".join(part.text for part in message.reasoning).strip():
            pieces.append(_folded(_("Reasoning"), render(thought)))
        if message.text.strip():
            pieces.append(render(message.text))
        # By position: ids may be those of another step.
        results = _results(transcript, index + 1)
        pieces += [_call(call, result) for call, result in zip_longest(message.tool_calls, results) if call]
    return "".join(pieces)


def _results(transcript: Sequence[Message], start: int) -> list[str]:
    """The results that stand from message number `start` on, in the order of their calls."""
    return [message.text for message in takewhile(lambda message: message.role == "tool", transcript[start:])]


def _call(call: ToolCall, result: str | None) -> str:
    given = "" if result is None else plain(result)
    return _folded(_line(call, result), wrapped_code(_pretty(call), "json") + given)


def _folded(summary: str, inner: str) -> str:
    return f'<details class="wcode-reasoning"><summary>{escape(summary)}</summary>{inner}</details>\n'


def _line(call: ToolCall, result: str | None) -> str:
    words = _("running …") if result is None else one_line(result, 60)
    return f"{call.name}({one_line(_readable(call), 80)}) → {words}"


def _pretty(call: ToolCall, indent: int | None = 2) -> str:
    try:
        return json.dumps(call.parsed(), ensure_ascii=False, indent=indent)
    except (ValueError, RecursionError):
        return call.arguments


def _readable(call: ToolCall) -> str:
    """The arguments as the model spelled them, but for characters that it wrote as numbers."""
    return _pretty(call, None) if r"\u" in call.arguments else call.arguments


def step_lines(transcript: Sequence[Message], since: int = 0) -> Iterator[str]:
    """The same for a terminal: a line for each call, then one for each result, from message number `since` on."""
    names = _names(transcript)
    for message, name in list(zip(transcript, names, strict=True))[since:]:
        for call in message.tool_calls:
            yield f"→ {call.name}({one_line(_readable(call), 200)})"
        if message.role == "tool":
            yield f"← {name}: {one_line(message.text, 200)}"


def _names(transcript: Sequence[Message]) -> Iterator[str]:
    """For each message the name of the function whose result it is, by position; empty for others."""
    waiting: list[str] = []
    for message in transcript:
        if message.role == "assistant":
            waiting = [call.name for call in reversed(message.tool_calls)]
        yield waiting.pop() if message.role == "tool" and waiting else ""
