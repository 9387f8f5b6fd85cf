"""How do I ship it: a request as a program in a person's language, a model as the configuration of a tool."""

from __future__ import annotations

from ..reply import Reply
from .notebook import RanCell, export_notebook
from .programs import asked_at, export
from .targets import TARGETS, Kind, Target, find
from .tool_files import Written
from .tools import KEY_STEPS, ToolConfig, export_tool, write_tool

# A reply exports itself: `reply.export("go")`.
Reply.exporter = export

__all__ = [
    "KEY_STEPS",
    "TARGETS",
    "Kind",
    "RanCell",
    "Target",
    "ToolConfig",
    "Written",
    "asked_at",
    "export",
    "export_notebook",
    "export_tool",
    "find",
    "write_tool",
]
