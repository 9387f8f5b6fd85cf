"""How do I ship it: a request as a program in a person's language, a model as the configuration of a tool."""

from __future__ import annotations

from .notebook import Cell, export_notebook
from .programs import export
from .targets import TARGETS, Target
from .tools import ToolConfig, Written, export_tool, write_tool

__all__ = [
    "TARGETS",
    "Cell",
    "Target",
    "ToolConfig",
    "Written",
    "export",
    "export_notebook",
    "export_tool",
    "write_tool",
]
