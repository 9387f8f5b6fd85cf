"""Where the label widget will be: the magics put it here, for a run is far below the panel and knows no widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .labelling import Labelling

__all__ = ["Screen"]


class Screen:
    """Shows a coder's work; None where there is no page to show it in."""

    show: ClassVar[Callable[[Labelling], None] | None] = None
