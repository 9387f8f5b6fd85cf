"""A chat as a file: Markdown to read, JSON to analyse, a notebook to run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import msgspec

from ..errors import one_line
from ..language import _
from ..prompt import template
from ..reply import Reply
from ..request.cell_syntax import cell_line
from ..request.forms import DEFAULT_PROTOCOL
from ..request.messages import Image, Request
from ..session.chats import Chat, Turn

__all__ = ["CHAT_FORMATS", "chat_json", "chat_markdown", "chat_notebook"]

Render = Callable[[Reply], tuple[dict[str, object], dict[str, object]]]
"""(data, metadata) of an answer's output."""


def chat_markdown(chat: Chat, render: Render | None = None) -> str:
    """Questions and answers under headings; a turn that did not end well says so."""
    system = [f"> {line}".rstrip() for line in chat.system.splitlines()]
    parts = [f"# {chat.name}", *(["\n".join(system)] if system else [])]
    for number, turn in enumerate(chat.turns, 1):
        count = len(_images(turn))
        left_out = _("(images, not in this file: {count})").format(count=count) if count else ""
        answer = [f"### {turn.reply.model}{_mark(turn)}", "\n".join(_steps(turn)), turn.reply.text]
        parts += [f"## {number}", turn.question.text, left_out, *answer]
    return "\n\n".join(part for part in parts if part) + "\n"


def _steps(turn: Turn) -> Iterator[str]:
    """A line for each call of a tool and for each result, as code."""
    for message in turn.reply.transcript:
        for call in message.tool_calls:
            yield f"    → {call.name}({one_line(call.arguments, 200)})"
        if message.role == "tool":
            yield f"    ← {one_line(message.text, 200)}"


def _images(turn: Turn) -> list[str]:
    """Addresses of the question's images, those of their content included."""
    content = turn.question.content
    return [] if isinstance(content, str) else [part.url for part in content if isinstance(part, Image)]


def _mark(turn: Turn) -> str:
    return "" if turn.is_whole else f" ({turn.reply.ended})"


def chat_json(chat: Chat, render: Render | None = None) -> str:
    """Name, system text and turns: question, whole reply, and whether it is sent on."""
    turns = [
        {
            "question": msgspec.to_builtins(turn.question),
            "reply": _without_history(turn.reply),
            "sent_on": turn.is_whole,
        }
        for turn in chat.turns
    ]
    value = {"chat": chat.name, "system": chat.system, "turns": turns}
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _without_history(reply: Reply) -> dict[str, object]:
    """Each request holds all turns before it: they stand in the file already."""
    value = reply.to_dict()
    value.get("request", {}).pop("messages", None)
    return value


def chat_notebook(chat: Chat, render: Render | None = None) -> str:
    """The cells that hold this conversation, each with its answer as `render` shows it (None: as text)."""
    cells = [_markdown_cell(f"# {chat.name}"), _code_cell("%load_ext wcode_jupyter", [])]
    for number, turn in enumerate(chat.turns):
        system = chat.system if number == 0 else ""
        cells.append(_code_cell(_question(chat.name, turn, system), _outputs(turn.reply, render)))
    for number, cell in enumerate(cells):
        cell["id"] = f"turn-{number}"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    return json.dumps({"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


def _question(name: str, turn: Turn, system: str) -> str:
    request = turn.reply.request or Request(model=turn.reply.model, messages=())
    values = {"model": request.model, **({"system": system} if system else {})}
    if request.protocol != DEFAULT_PROTOCOL:
        values["protocol"] = request.protocol
    # References were filled in; what still looks like one was meant as typed.
    own: dict[str, object] = {"chat": name}
    if template.references(turn.question.text + system):
        own["raw"] = True
    if pictures := _images(turn):
        own["image"] = pictures
    parameters = dict(request.parameters)
    if turn.reply.transcript:
        # Functions ran: only by their names can they run again.
        own["tools"] = ",".join(tool["function"]["name"] for tool in parameters.pop("tools", ()))
    line = cell_line({**values, **parameters}, own=own, extra_body=request.extra_body)
    return f"{line}\n{turn.question.text}"


def _outputs(reply: Reply, render: Render | None) -> list[dict[str, object]]:
    data, metadata = render(reply) if render else ({"text/plain": reply.text}, {})
    return [{"output_type": "display_data", "data": data, "metadata": metadata}] if data else []


def _markdown_cell(source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _code_cell(source: str, outputs: list[dict[str, object]]) -> dict[str, object]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": outputs, "source": source}


CHAT_FORMATS: dict[str, Callable[[Chat, Render | None], str]] = {
    ".md": chat_markdown,
    ".json": chat_json,
    ".ipynb": chat_notebook,
}
"""Ending of a file name -> what is written."""
