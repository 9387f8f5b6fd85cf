"""How do I ship it: a request as a program in a person's language, a model as the configuration of a tool."""

from __future__ import annotations

from .notebook import Cell, export_notebook
from .programs import asked_at, export
from .targets import TARGETS, Kind, Target, find
from .tools import ToolConfig, Written, export_tool, write_tool

__all__ = [
    "TARGETS",
    "Cell",
    "Kind",
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
