"""Runs one `%%wcode` cell: words -> prepared -> stream -> display -> variable.

A cell that did not end well raises after everything that arrived was shown and bound, so Run All stops and nothing is
lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from ..characters import visible
from ..client import Client
from ..display import BackgroundView, CellView, TokenPrice, background_view, view
from ..display.without_reasoning import WithoutReasoning
from ..errors import ModelUnclear
from ..language import _
from ..reply import Reply
from ..session import Call
from ..session.presets import Presets
from ..shell import Shell, can_ask
from .cell_background import Start, check_background, continue_in_background, first
from .cell_schema import Answered, ask_alone, ask_until_it_fits, error_of
from .cell_tools import ask_with_tools
from .dry_run import describe_call
from .insert_cell import insert_code
from .many import ask_many, check_alone, is_many
from .options import CellLine
from .prepared import Prepared, prepare

__all__ = ["ask", "with_preset"]


def ask(shell: Shell, client: Client, options: CellLine, text: str) -> Reply | None:
    """Sends `text` as `options` say, shows the answer and binds it. None: a dry run, or many. Raises WcodeError."""
    options = with_preset(options)
    try:
        return _ask(shell, client, options, text)
    except ModelUnclear as error:  # nothing was sent
        if not can_ask():
            raise
        return _ask(shell, client, _with_model(options, error), text)


def _with_model(options: CellLine, error: ModelUnclear) -> CellLine:
    """`options` with the model that the user meant."""
    answer = input(
        _("{name} is not a known model id. Use {near} instead? [Y/n] ").format(name=error.typed, near=error.near)
    )
    if answer.strip().lower() in ("n", "no", "否"):
        return replace(options, values={**options.values, "exact_model": True})
    own = dict(options.own)
    if "models" in own:
        own["models"] = [error.near if name == error.typed else name for name in own["models"]]
    return replace(options, values={**options.values, "model": error.near}, own=own)


def _ask(shell: Shell, client: Client, options: CellLine, text: str) -> Reply | None:
    check_background(options)
    if is_many(options):
        ask_many(shell, client, options, text)
        return None
    check_alone(options)
    prepared = prepare(shell, client, options, text)
    if options.flag("dry_run"):
        print(visible(describe_call(prepared.call)))
        _bind(shell, options, prepared.call.request)
        return None
    start: Start = client.start
    if options.flag("background") and (view := _background_view(options, prepared)) is not None:
        stream = client.start(prepared.call)
        start = first(stream, client.start)
        if stream.reply is None:
            continue_in_background(shell, client, options, prepared, stream, view)
            return None
        # Recorded: there at once, as in any cell.
    reply, error = ask_until_it_fits(client, prepared, lambda call: _answered(client, prepared, call, start))
    _bind(shell, options, reply)
    if options.flag("insert"):
        insert_code(shell, reply)
    if error := error_of(reply, error):
        raise error
    return reply


def _background_view(options: CellLine, prepared: Prepared) -> Callable[[], BackgroundView] | None:
    """Makes the views of an answer in the background; None where its cell has to wait for it."""
    stop = "%wcode stop " + options.output if options.output else "%wcode stop"
    return background_view(prepared.format, quiet=prepared.quiet, price=_price(prepared.call), stop=stop)


def _answered(client: Client, prepared: Prepared, call: Call, start: Start) -> Answered:
    def display() -> CellView:
        shown = view(prepared.format, quiet=prepared.quiet, price=_price(call))
        return WithoutReasoning(shown) if prepared.hide_reasoning else shown

    return ask_with_tools(client, call, prepared.tools, display) if prepared.tools else ask_alone(start, call, display)


def _price(call: Call) -> TokenPrice | None:
    estimate = call.estimate
    if estimate.input_cny is None or estimate.token_cny is None:
        return None
    return TokenPrice(estimate.input_cny, estimate.token_cny)


def with_preset(options: CellLine) -> CellLine:
    """`options` with the values of their `--preset` where they give none themselves. Raises InputError."""
    if (name := options.own.get("preset")) is None:
        return options
    return replace(options, values={**Presets().load(name), **options.values})


def _bind(shell: Shell, options: CellLine, value: Any) -> None:
    if options.output is None:
        return
    shell.push({options.output: value})
