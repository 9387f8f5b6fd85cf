"""A cell with `--tools f,g`: the model may call these functions of the notebook before it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..client import Client
from ..display import CellView
from ..display.watching import Steps
from ..errors import OptionError
from ..language import _
from ..session import Call
from ..toolloop import loop_of
from ..tools import Tool, find_tools
from .options import CellLine
from .structured import Answered

__all__ = ["ask_with_tools", "tools_named"]


def tools_named(options: CellLine, namespace: Mapping[str, Any]) -> tuple[Tool, ...]:
    """The tools that `--tools f,g` names; none without it. Raises InputError."""
    if (names := options.own.get("tools")) is None:
        return ()
    if "tools" in options.values:
        raise OptionError(_("{option} is given twice").format(option="--tools"))
    return find_tools(names, namespace)


def ask_with_tools(
    client: Client, call: Call, tools: tuple[Tool, ...], options: CellLine, view: Callable[[], CellView]
) -> Answered:
    """The reply with all steps, not yet shown to its end. `view` makes the view of a step."""
    loop = loop_of(client, call, tools, options.values)
    steps = Steps(view)
    reply, error = loop.run(steps)
    return Answered(reply, error, steps)
