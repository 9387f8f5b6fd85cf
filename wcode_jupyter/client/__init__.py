"""The door of Python: the Client, its chats, and questions whose answers call tools or fit a schema."""

from __future__ import annotations

from .client import Client, Prompt

__all__ = ["Client", "Prompt"]
