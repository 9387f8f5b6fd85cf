"""The `{{names}}` of a prompt with the type and size of what they stand for; the missing ones marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..characters import escape
from ..language import _
from ..prompt.template import references

__all__ = ["describe", "references_html"]


def references_html(text: str, namespace: Mapping[str, Any]) -> str:
    """One line of HTML; empty without references."""
    names = references(text)
    return " · ".join(_one(name, namespace) for name in names)


def _one(name: str, namespace: Mapping[str, Any]) -> str:
    braced = "{{" + name + "}}"
    if name not in namespace:
        return f'<span class="wcode-bad"><code>{escape(braced)}</code> {escape(_("is missing"))}</span>'
    return f'<span class="wcode-quiet"><code>{escape(braced)}</code> {escape(describe(namespace[name]))}</span>'


def describe(value: Any) -> str:
    """Type and size: `str, 12 characters`, `DataFrame, 3 × 4`, `list, 5 items`. Never the value."""
    kind = type(value).__name__
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{kind}, {' × '.join(map(str, shape))}"
    if isinstance(value, str):
        return _("{type}, {n} characters").format(type=kind, n=f"{len(value):,}")
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return _("{type}, {n} items").format(type=kind, n=f"{len(value):,}")
    return kind
