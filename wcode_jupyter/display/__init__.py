"""How is it shown: notebook, terminal and headless runs; rendering is safe, and its cost grows linearly.

Importing this package is light; Markdown, Pygments and rich are imported when something is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..request.settings import ROWS
from .background import BackgroundView, background_view
from .progress import TokenPrice
from .status import status_line
from .views import CellView, View, pump, view

if TYPE_CHECKING:
    from ..reply import Reply

__all__ = [
    "FORMATS",
    "BackgroundView",
    "CellView",
    "TokenPrice",
    "View",
    "background_view",
    "bundle",
    "pump",
    "status_line",
    "view",
]

FORMATS = ROWS["format"].choices
"""The formats a cell may ask for."""


def bundle(
    reply: Reply, format: str = "markdown", *, quiet: bool = False
) -> tuple[dict[str, object], dict[str, object]]:
    """(data, metadata) of the one final output of an answer; see `answer.bundle`."""
    from .answer import bundle

    return bundle(reply, format, quiet=quiet)
