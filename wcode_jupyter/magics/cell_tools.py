"""A cell with `--tools f,g`: the model may call these functions of the notebook before it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..client import Client
from ..client.toolloop import loop_of
from ..display import CellView
from ..display.tool_steps_view import Steps
from ..errors import OptionError
from ..language import _
from ..prompt.tools import Tool, find_tools
from ..session import Call
from .cell_schema import Answered
from .options import CellLine

__all__ = ["ask_with_tools", "tools_named"]


def tools_named(options: CellLine, namespace: Mapping[str, object]) -> tuple[Tool, ...]:
    """The tools that `--tools f,g` names; none without it. Raises InputError."""
    if (names := options.own.get("tools")) is None:
        return ()
    if "tools" in options.values:
        raise OptionError(_("{option} is set twice").format(option="--tools"))
    return find_tools(names, namespace)


def ask_with_tools(client: Client, call: Call, tools: tuple[Tool, ...], view: Callable[[], CellView]) -> Answered:
    """The reply with all steps, not yet shown to its end. `view` makes the view of a step."""
    loop = loop_of(client, call, tools)
    steps = Steps(view)
    reply, error = loop.run(steps)
    return Answered(reply, error, steps)
