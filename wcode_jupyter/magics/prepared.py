"""A cell, prepared once: everything that its line and text mean travels in one value."""

from __future__ import annotations

import builtins
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from ..client import Client
from ..language import _
from ..prompt import template
from ..prompt.schema import Schema
from ..prompt.tools import Tool
from ..request.messages import Message, Part
from ..session import Call, Value
from ..shell import Shell
from .cell_above import with_cells_above
from .cell_chat import prepare_in_chat
from .cell_images import with_images, without_images
from .cell_schema import format_in, retries_of, schema_of
from .cell_tools import tools_named
from .options import CellLine

__all__ = ["Prepared", "prepare"]


class Prepared(Struct, frozen=True, kw_only=True):
    """What a cell that asks once will do."""

    call: Call
    schema: Schema | None
    retries: int
    """How often to ask again where the answer does not fit `schema`."""
    tools: tuple[Tool, ...]
    """Functions of the notebook that the model may call; may be empty."""
    format: str
    hide_reasoning: bool
    quiet: bool


def prepare(shell: Shell, client: Client, options: CellLine, text: str) -> Prepared:
    """What a cell with `options` and `text` means; nothing is sent. Raises WcodeError."""
    schema = schema_of(options, shell.user_ns)
    tools = tools_named(options, shell.user_ns)
    own = dict(options.values)
    if schema is not None:
        own["response_format"] = schema.response_format
    if tools:
        own["tools"] = [tool.spec for tool in tools]
    settings = client.session.values(own)
    call = _call(shell, client, options, text, settings)
    return Prepared(
        call=replace(call, anew=True) if options.flag("anew") else call,
        schema=schema,
        retries=retries_of(options),
        tools=tools,
        format=format_in(settings, has_schema=schema is not None),
        hide_reasoning=settings["hide_reasoning"].value,
        quiet=options.flag("quiet"),
    )


def _call(shell: Shell, client: Client, options: CellLine, text: str, settings: Mapping[str, Value]) -> Call:
    notes = _name_notes(options, shell.user_ns)
    # Cell bodies end with a newline that nobody typed as part of the prompt.
    text = text.removesuffix("\n")
    content: str | tuple[Part, ...] = text
    if not options.flag("raw"):
        body = template.expand(text, shell.user_ns)
        content = body.content
        notes += body.notes
        settings = _with_expanded_system(settings, shell.user_ns, notes)
    content = with_cells_above(content, options, shell, client.session.keys.redact, notes)
    content = with_images(content, options, shell.user_ns, client.folder, notes)
    prompt: str | list[Message] = content if isinstance(content, str) else [Message("user", content)]
    if (call := prepare_in_chat(client, options, prompt, settings, notes)) is not None:
        return call
    return client.session.prepare_with(prompt, settings, extra_body=options.extra_body, notes=notes)


def _name_notes(options: CellLine, namespace: Mapping[str, object]) -> list[str]:
    if options.output and hasattr(builtins, options.output) and options.output not in namespace:
        return [_("-o {name} hides the builtin of that name").format(name=options.output)]
    return []


def _with_expanded_system(
    settings: Mapping[str, Value], namespace: Mapping[str, object], notes: list[str]
) -> Mapping[str, Value]:
    """`settings` with the references of the system prompt replaced; what is to be said of them joins `notes`."""
    system = settings.get("system")
    if system is None or not system.value:
        return settings
    expanded = template.expand(system.value, namespace)
    notes += expanded.notes
    return {**settings, "system": Value("system", without_images(expanded), system.source)}
