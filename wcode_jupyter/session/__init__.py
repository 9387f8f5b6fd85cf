"""Where the notebook stands: settings in force, chats, presets, and the way from a cell's words to a checked call."""

from __future__ import annotations

from .limits import rough_tokens
from .session import Call, CostEstimate, Session, Value

__all__ = ["Call", "CostEstimate", "Session", "Value", "rough_tokens"]
