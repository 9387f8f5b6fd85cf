"""The table of the floors below, under the name that the commands know."""

from __future__ import annotations

from ..table import Table

__all__ = ["Table"]
