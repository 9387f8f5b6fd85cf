"""How do I ship it: a request as a program in a person's language, a model as the configuration of a tool."""

from __future__ import annotations

from .programs import export
from .targets import TARGETS, Target

__all__ = ["TARGETS", "Target", "export"]
