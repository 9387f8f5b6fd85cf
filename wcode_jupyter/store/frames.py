"""Rows of frozen Structs as a DataFrame."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from .. import extras

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_frame"]


def to_frame(rows: Iterable[Struct], kind: type[Struct]) -> pd.DataFrame:
    """A DataFrame with the fields of `kind` as columns, also when there is no row. Decimals become floats.

    Raises InputError without pandas.
    """
    pandas = extras.load("pandas", extra="frames")
    columns = list(kind.__struct_fields__)
    records = [[_plain(getattr(row, name)) for name in columns] for row in rows]
    frame: pd.DataFrame = pandas.DataFrame(records, columns=columns)
    return frame


def _plain(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value
