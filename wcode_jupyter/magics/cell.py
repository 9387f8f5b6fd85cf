"""Runs one `%%wcode` cell: words -> call -> stream -> display -> variable.

A cell that did not end well raises after everything that arrived was shown and bound, so Run All stops and nothing is
lost.
"""

from __future__ import annotations

import builtins
from typing import Any

from msgspec.structs import replace

from ..characters import visible
from ..client import Client
from ..display import CellView, view
from ..display.without_reasoning import WithoutReasoning
from ..errors import AnswerInterrupted, WcodeError
from ..language import _, speaking
from ..prompt import template
from ..reply import Reply
from ..request.messages import Message, Part
from ..session import Call
from ..session.presets import Presets
from .cell_chat import prepare_in_chat
from .cell_images import with_images, without_images
from .cell_schema import Answered, ask_alone, ask_until_it_fits, format_of, retries_of, schema_of
from .cell_tools import ask_with_tools, tools_named
from .dry_run import describe_call
from .insert_cell import insert_code
from .many import ask_many, check_alone, is_many
from .options import CellLine, parse_cell_line

__all__ = ["ask", "prepare", "run_cell", "with_preset"]


def run_cell(shell: Any, client: Client, line: str, text: str) -> None:
    """The `%%wcode` cell. Raises WcodeError: one line, after what arrived is shown and bound."""
    ask(shell, client, parse_cell_line(line), text)


def ask(shell: Any, client: Client, options: CellLine, text: str) -> Reply | None:
    """Sends `text` as `options` say, shows the answer and binds it. None: a dry run, or many. Raises WcodeError."""
    options = with_preset(options)
    if is_many(options):
        ask_many(shell, client, options, text)
        return None
    check_alone(options)
    wanted = schema_of(options, shell.user_ns)
    call = prepare(shell, client, options, text)
    if options.flag("dry_run"):
        print(visible(describe_call(call)))
        _bind(shell, options, call.request)
        return None

    def display() -> CellView:
        shown = view(format_of(client, options), quiet=options.flag("quiet"))
        hidden = client.session.values(options.values)["hide_reasoning"].value
        return WithoutReasoning(shown) if hidden else shown

    tools = tools_named(options, shell.user_ns)

    def answered(call: Call) -> Answered:
        return ask_with_tools(client, call, tools, options, display) if tools else ask_alone(client, call, display)

    reply, error = ask_until_it_fits(client, call, wanted, retries_of(options), answered)
    _bind(shell, options, reply)
    if options.flag("insert"):
        insert_code(shell, reply)
    if error := _error_of(reply, error):
        raise error
    return reply


def with_preset(options: CellLine) -> CellLine:
    """`options` with the values of their `--preset` where they give none themselves. Raises InputError."""
    if (name := options.own.get("preset")) is None:
        return options
    return replace(options, values={**Presets().load(name), **options.values})


def prepare(shell: Any, client: Client, options: CellLine, text: str) -> Call:
    """The call that a cell with `options` and `text` means; nothing is sent. Raises WcodeError."""
    values = dict(options.values)
    notes: list[str] = []
    if wanted := schema_of(options, shell.user_ns):
        values["response_format"] = wanted.response_format
    if tools := tools_named(options, shell.user_ns):
        values["tools"] = [tool.spec for tool in tools]
    if options.output and hasattr(builtins, options.output) and options.output not in shell.user_ns:
        notes.append(_("-o {name} hides the builtin of that name").format(name=options.output))
    # Cell bodies end with a newline that nobody typed as part of the prompt.
    text = text.removesuffix("\n")
    content: str | tuple[Part, ...] = text
    if not options.flag("raw"):
        body = template.expand(text, shell.user_ns)
        content = body.content
        notes += body.notes
        if system := client.session.values(values).get("system"):
            expanded = template.expand(system.value, shell.user_ns)
            values["system"] = without_images(expanded)
            notes += expanded.notes
    content = with_images(content, options, shell.user_ns, client.folder, notes)
    prompt: str | list[Message] = content if isinstance(content, str) else [Message("user", content)]
    if (call := prepare_in_chat(client, options, prompt, values, notes)) is not None:
        return call
    return client.session.prepare(prompt, values, extra_body=options.extra_body, notes=notes)


def _bind(shell: Any, options: CellLine, value: Any) -> None:
    if options.output is None:
        return
    shell.push({options.output: value})


def _error_of(reply: Reply, error: WcodeError | None) -> WcodeError | None:
    if reply.ended != "interrupted":
        return error
    with speaking(reply.language):
        return AnswerInterrupted(
            _("Interrupted after {count} characters").format(count=len(reply.text)),
            hint=_("What arrived is kept."),
            reply=reply,
        )
