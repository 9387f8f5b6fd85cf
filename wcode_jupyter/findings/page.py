"""Where the explorer will be: the magics put it here, for a run is far below the panel and knows no widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from ..shell import can_ask, current_shell

if TYPE_CHECKING:
    from .exploration import Exploration

__all__ = ["Page"]


class Page:
    """Shows an exploration as a widget; None where there is no page to show it in."""

    show: ClassVar[Callable[[Exploration], None] | None] = None

    @classmethod
    def present(cls, exploration: Exploration) -> None:
        """Shows it where a person sees it; elsewhere, and without the extension, its table is all there is."""
        if getattr(current_shell(), "kernel", None) is not None and can_ask() and cls.show is not None:
            cls.show(exploration)
