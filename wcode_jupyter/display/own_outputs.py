"""The outputs that one answer owns in a cell: it never touches another's.

Where it is certain that the cell holds nothing else, the answer may be many outputs while it streams, and clearing the
cell makes them one. Elsewhere it is one output all the time, named by its display id. Where not even that can be
updated, inside an Output widget, only the end is shown.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from ..cell_outputs import running_cell
from ..shell import DisplayPublisher

__all__ = ["OwnOutputs", "new_id"]


def new_id() -> str:
    """A display id of its own."""
    return f"wcode-{secrets.token_hex(8)}"


class OwnOutputs:
    """Pieces of HTML by their display ids, and at the end one output in their place."""

    def __init__(self, publisher: DisplayPublisher, *, shared: bool = False) -> None:
        """`shared`: others will put out something in this cell, or the cell ends before the answer does."""
        self._publisher = publisher
        self._outputs, self._request = running_cell(publisher)
        self._sent = 0
        self._pieces: dict[str, str] = {}
        self._whole_id = ""
        """Display id of the one output, where the cell is shared with others."""
        self._alone: bool | None = False if shared else None

    def show(self, html: str, display_id: str = "") -> int:
        """Shows a piece, or shows the piece `display_id` anew; the bytes that were sent."""
        display_id = display_id or new_id()
        update = display_id in self._pieces
        if self._alone is None:
            self._alone = self._is_alone()
        if self._is_captured():
            return 0
        self._pieces[display_id] = html
        if self._alone:
            return self._publish({"text/html": html}, {}, display_id, update)
        return self._publish_whole({"text/html": "".join(self._pieces.values())}, {})

    def adopt(self, count: int) -> None:
        """So many outputs that others have made are this answer's too: a bar, a line about the price."""
        self._sent += count

    def clear(self) -> None:
        """The pieces go when the next one, or the end, is shown."""
        if not self._pieces:
            return
        if self._alone and self._is_alone():
            self._publisher.clear_output(wait=True)
            self._sent = 0
        elif self._alone:
            self._retreat()
        self._pieces.clear()

    def end(self, data: Mapping[str, object], metadata: Mapping[str, object]) -> None:
        """The one output that stays, in the place of all pieces; no data: nothing stays."""
        if self._alone is not False and self._sent and self._is_alone():
            # Without a next output, waiting for it would leave the pieces standing.
            self._publisher.clear_output(wait=bool(data))
            self._sent = 0
        elif self._alone and self._pieces:
            self._retreat()
        self._pieces.clear()
        self._take_vacant()
        if self._whole_id:
            self._publish_whole(data or {"text/html": ""}, metadata)
        elif data:
            self._publisher.publish(data, metadata)

    def abandon(self) -> None:
        """What was shown goes when another answer of the cell follows: that one takes its place."""
        self.clear()
        if self._whole_id and self._outputs is not None:
            self._outputs.vacant[self._request] = self._whole_id

    def _is_alone(self) -> bool:
        if self._outputs is None or self._outputs.is_captured(self._request):
            return False
        return self._outputs.count(self._request) == self._sent

    def _is_captured(self) -> bool:
        return self._outputs is not None and self._outputs.is_captured(self._request)

    def _retreat(self) -> None:
        """Others have put something out meanwhile: the first piece becomes the one output, the others are emptied."""
        self._alone = False
        for display_id in self._pieces:
            if not self._whole_id:
                self._whole_id = display_id
            self._publish({"text/html": ""}, {}, display_id, update=True)

    def _take_vacant(self) -> None:
        if not self._whole_id and self._outputs is not None:
            self._whole_id = self._outputs.vacant.pop(self._request, "")

    def _publish_whole(self, data: Mapping[str, object], metadata: Mapping[str, object]) -> int:
        self._take_vacant()
        update = bool(self._whole_id)
        self._whole_id = self._whole_id or new_id()
        return self._publish(data, metadata, self._whole_id, update)

    def _publish(
        self, data: Mapping[str, object], metadata: Mapping[str, object], display_id: str, update: bool
    ) -> int:
        self._publisher.publish(data, metadata, transient={"display_id": display_id}, update=update)
        self._sent += not update
        return len(str(data.get("text/html", "")).encode())
