"""Where the label widget will be: the magics put it here, for a run is far below the panel and knows no widgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from ..errors import InputError
from ..language import _
from ..shell import can_ask, current_shell

if TYPE_CHECKING:
    from .labelling import Labelling

__all__ = ["Screen"]


class Screen:
    """Shows a coder's work; None where there is no page to show it in."""

    show: ClassVar[Callable[[Labelling], None] | None] = None

    @classmethod
    def present(cls, make: Callable[[], Labelling]) -> None:
        """Shows what `make` makes where a person sees it. Raises InputError: a notebook without the extension."""
        if getattr(current_shell(), "kernel", None) is None or not can_ask():
            return
        if cls.show is None:
            raise InputError(_("The label widget needs the extension"), hint=_("Run %load_ext wcode_jupyter first."))
        cls.show(make())
