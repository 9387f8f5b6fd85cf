"""Puts a cell into the notebook, through the labextension's comm; without it, says how to copy the cell instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..language import _

__all__ = ["TARGET", "insert_below"]

TARGET = "wcode_jupyter:insert"
"""The labextension's comm target: it closes the comm with `{"inserted": true}` once a cell is there."""


def insert_below(source: str, cell_id: str, tell: Callable[[str], None]) -> None:
    """Asks the page for a cell with `source` below cell `cell_id`, else the active one; `tell` hears how it went."""
    from comm import create_comm

    def closed(message: Any) -> None:
        inserted = message["content"]["data"].get("inserted")
        tell(_("Inserted below.") if inserted else _("This page cannot insert cells: copy the text above into one."))

    comm = create_comm(target_name=TARGET, data={"source": source, "below": cell_id})
    comm.on_close(closed)
