"""The base of views that show an answer only at its end."""

from __future__ import annotations

from ..reply.events import Event

__all__ = ["SilentView"]


class SilentView:
    """Nothing while the answer arrives; what is shown at its end is for the class that builds on this one."""

    hurried = False

    def hurry(self) -> None:
        """The user has interrupted: what is shown from now on is shown at once."""
        self.hurried = True

    def begin(self, model: str) -> None:
        """Nothing to show."""

    def feed(self, events: list[Event]) -> None:
        """Nothing to show yet."""

    def due_s(self) -> float:
        """Nothing is ever due."""
        return 1.0

    def tick(self) -> None:
        """Nothing to show yet."""
