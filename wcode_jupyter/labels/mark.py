"""One line of a labels file: what a coder said about a row, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

__all__ = ["Draw", "Key", "Kind", "Mark", "Sample", "Value"]

Value = str | int | float | bool
Key = str | int | float | bool | None
Sample = Literal["random", "stratified", "uncertain"]
Kind = Literal["label", "skip", "clear", "gold"]
"""`clear` takes back what the coder said before; `gold` is the result of an adjudication."""


class Draw(Struct, frozen=True, omit_defaults=True):
    """How the row came into the sample: `drawn` of the `of` rows of its stratum."""

    kind: Sample
    drawn: int
    of: int
    stratum: str = ""

    @property
    def probability(self) -> float | None:
        """Chance of each row to be drawn; None where it is not known: the most uncertain rows are no random sample."""
        return None if self.kind == "uncertain" else self.drawn / self.of


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a coder said about one field of one row. Of several marks of one coder on a row the last holds."""

    field: str
    row: Key
    """The row's key."""
    coder: str
    kind: Kind = "label"
    value: Value | None = None
    note: str = ""
    content: Mapping[str, str] = {}
    """Digest of each column that the coder was shown by name: a row that has changed is told by it."""
    seconds: float | None = None
    blind: bool | None = None
    """Whether the model's answer was hidden; None: not known."""
    draw: Draw | None = None
    probability: float | None = None
    """As `draw` says it, for readers of the file."""
    codebook: str = ""
    """Name and version of the codebook."""
    at: str = ""
    """UTC, ISO 8601."""
