"""When two labels are the same: the one rule by which answers, truth and human labels are compared.

A text is compared in its normal form: Unicode NFKC, case folded, white space trimmed and runs of it one space, quotes
around it and punctuation at its end removed. "Positive", " positive." and "“POSITIVE”" are one label. A text of
nothing but punctuation stays as it is. Numbers and booleans are compared by value, lists and objects by their JSON.
None, NaN and empty texts are missing.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

__all__ = ["RULE", "Label", "distinct", "label", "normal_text", "number"]

Label = Hashable
"""A value that labels are compared by; None is a missing one."""

RULE = "NFKC, case folded, white space collapsed, outer quotes and final punctuation removed"
"""The rule for texts in one line, for methods texts."""

_END = " .,;:!?。，；：！？、…"
_QUOTES = "\"'`“”‘’«»„「」『』*_"


@lru_cache(maxsize=65536)
def normal_text(text: str) -> str:
    """Normal form of a text; may be empty."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.strip(_QUOTES).rstrip(_END).strip(_QUOTES).strip() or folded


def label(value: object) -> Label | None:
    """What `value` is compared by; None where it is missing."""
    if isinstance(value, str):
        return normal_text(value) or None
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (Mapping, Sequence, msgspec.Struct)):
        return msgspec.json.encode(value, order="sorted").decode()
    item = getattr(value, "item", None)  # numpy scalars
    if callable(item) and getattr(value, "shape", None) == ():
        return label(item())
    if isinstance(value, Hashable):
        return value
    return str(value)


def number(value: object) -> float | None:
    """`value` as a finite number (True is 1), None where it is missing or not one. Texts are read: "4" is 4."""
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def distinct(values: Iterable[Label | None], order: Sequence[object] | None = None) -> tuple[Label, ...]:
    """The labels that occur, those of `order` first and in its order, the others sorted by their text."""
    there = {value for value in values if value is not None}
    known = [found for found in map(label, order or ()) if found in there and found is not None]
    rest = sorted(there - set(known), key=lambda value: (not isinstance(value, (int, float)), _place(value)))
    return (*known, *rest)


def _place(value: Label) -> tuple[float, str]:
    return (float(value), "") if isinstance(value, (int, float)) else (0.0, str(value))
