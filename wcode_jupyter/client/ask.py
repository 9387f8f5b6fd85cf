"""One question from Python and its Reply: plain, with functions as tools, with a schema, or with both.

`prepare` makes its call: that of a client, or that of a chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..language import _
from ..prompt.tools import Tool, has_functions, tools_of
from ..reply import Reply
from ..session import Call

if TYPE_CHECKING:
    from ..prompt.schema import Schema
from ..prompt.schema import schema as schema_of
from ..session.attempts import Attempts
from .starter import Starter
from .toolloop import loop_of

__all__ = ["aask", "ask"]

Prepare = Callable[..., Call]


def ask(client: Starter, prepare: Prepare, prompt: Any, **options: Any) -> Reply:
    """Asks and waits: see `Client.ask`. Raises WcodeError, KeyboardInterrupt."""
    tools, wanted, retries = _taken_out(options)
    call = prepare(prompt, **options)
    if wanted is None:
        return _answer(client, call, tools, options)

    attempts = Attempts(client.session, call, wanted, retries)
    while (reply := attempts.judge(_answer(client, attempts.call, tools, options))) is None:
        pass
    return reply


async def aask(client: Starter, prepare: Prepare, prompt: Any, **options: Any) -> Reply:
    """`ask` for the caller's own event loop."""
    if has_functions(options.get("tools")):
        return await asyncio.to_thread(ask, client, prepare, prompt, **options)
    _tools, wanted, retries = _taken_out(options)
    call = prepare(prompt, **options)
    if wanted is None:
        return await _aanswer(client, call)

    attempts = Attempts(client.session, call, wanted, retries)
    while (reply := attempts.judge(await _aanswer(client, attempts.call))) is None:
        pass
    return reply


def _taken_out(options: dict[str, Any]) -> tuple[tuple[Tool, ...], Schema | None, int]:
    """The functions, the schema and how often to ask again; what they put into the request stays in `options`."""
    tools: tuple[Tool, ...] = ()
    if has_functions(options.get("tools")):
        tools = tools_of(options["tools"])
        options["tools"] = [tool.spec for tool in tools]
    schema, retries = options.pop("schema", None), options.pop("retries_schema", 0)
    if schema is None:
        return tools, None, 0

    if options.get("response_format") is not None:
        raise InputError(_("schema sets response_format; use only one of them"))
    wanted = schema_of(schema)
    options["response_format"] = wanted.response_format
    return tools, wanted, retries


def _answer(client: Starter, call: Call, tools: tuple[Tool, ...], options: dict[str, Any]) -> Reply:
    if not tools:
        return client.start(call).result()

    return loop_of(client, call, tools).result()


async def _aanswer(client: Starter, call: Call) -> Reply:
    # Starting may start the embedded model, which takes seconds: not on the caller's loop.
    stream = await asyncio.to_thread(client.start, call)
    return await stream.aresult()
