"""The cells of a session as one plain script: Python stays Python, a question becomes a call of `Client`."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from ..request.forms import DEFAULT_PROTOCOL
from ..request.messages import Message, Request
from .literals import python_literal
from .programs import checked_base_url

__all__ = ["RanCell", "export_notebook"]


class RanCell(Struct, frozen=True):
    """One cell that was run: Python as typed (`source`), or a question (`request`) and the name it was bound to."""

    source: str = ""
    request: Request | None = None
    name: str = ""
    failed: bool = False
    """It ended in an error: its source stands as a comment."""


def export_notebook(
    cells: Iterable[RanCell], *, base_url: str | None = None, anthropic_base_url: str | None = None
) -> str:
    """A script that runs `cells` in their order without IPython.

    Questions are asked as they were sent, references filled in. Comments are: magics and shell lines of Python cells,
    other cell magics, cells that failed or that a script cannot run (a bare `await`). With `base_url` and
    `anthropic_base_url` the client asks there, else as the environment says. Raises InputError: not a base URL.
    """
    urls = {"base_url": base_url, "anthropic_base_url": anthropic_base_url}
    address = ", ".join(f"{name}={python_literal(checked_base_url(url))}" for name, url in urls.items() if url)
    head = f"from wcode_jupyter import Client\n\nclient = Client({address})  # the key: WCODE_API_KEY"
    return "\n\n".join([head, *filter(None, map(_block, cells))]) + "\n"


def _block(cell: RanCell) -> str:
    if cell.request is not None:
        return _question(cell.request, cell.name)
    source = cell.source.strip("\n")
    if cell.failed or source.lstrip().startswith("%%"):
        return _comment(source)
    script = _python(source)
    try:
        compile(script, "cell", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):  # ValueError: a NUL character
        return _comment(source)
    return script


def _comment(source: str) -> str:
    # All line ends that Python knows, or the rest of a line would be code.
    return "\n".join(f"# {line}".rstrip() for line in source.replace("\0", "").splitlines())


def _python(source: str) -> str:
    """Python with its magics commented out."""
    from IPython.core.inputtransformer2 import TransformerManager

    # IPython knows a magic from a text or an operator that looks like one: what it turns into a call was one.
    manager: Any = TransformerManager  # untyped in IPython
    plain = manager().transform_cell(source).rstrip("\n").split("\n")
    typed = source.split("\n")
    said = typed if len(typed) == len(plain) else plain
    return "\n".join(_without_magic(line, words) for line, words in zip(plain, said, strict=True))


def _without_magic(line: str, typed: str) -> str:
    call = re.match(r"(\s*)(?:[\w, ]+ = )?get_ipython\(\)\.", line)
    if call is None:
        return line
    said = " ".join(typed.split())
    return f"{call[1]}pass  # {said}" if call[1] else f"# {said}"


def _question(request: Request, name: str) -> str:
    name = name if name.isidentifier() and not keyword.iskeyword(name) else "reply"
    system, prompt = _spoken(request.messages)
    arguments: dict[str, object] = {"model": request.model}
    if system:
        arguments["system"] = system
    if request.protocol != DEFAULT_PROTOCOL:
        arguments["protocol"] = request.protocol
    if not request.stream:
        arguments["stream"] = False
    arguments |= request.parameters
    if request.extra_body:
        arguments["extra_body"] = request.extra_body
    lines = [python_literal(prompt, "    ")]
    lines += [f"{key}={python_literal(value, '    ')}" for key, value in arguments.items()]
    return f"{name} = client.ask(\n" + "".join(f"    {line},\n" for line in lines) + f")\nprint({name})"


def _spoken(messages: tuple[Message, ...]) -> tuple[str, object]:
    """The system text, and the prompt as a text where that says all, else as a list of messages."""
    first = messages[0] if messages and messages[0].role == "system" and isinstance(messages[0].content, str) else None
    rest = messages[1:] if first else messages
    if len(rest) == 1 and rest[0] == Message("user", rest[0].content) and isinstance(rest[0].content, str):
        return first.text if first else "", rest[0].content
    return first.text if first else "", [msgspec.to_builtins(message) for message in rest]
