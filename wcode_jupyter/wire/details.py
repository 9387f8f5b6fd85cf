"""`reasoning_details`: reasoning as a list of entries, some of them signed or encrypted.

A tool loop gives them back unchanged; in a stream an entry comes in pieces.

Source: OpenRouter documentation, "Reasoning Tokens".
"""

from __future__ import annotations

from .payload import as_list, as_text, bounded

__all__ = ["Details"]

_TEXTS = {"reasoning.text": "text", "reasoning.summary": "summary"}
"""Type of an entry that can be shown -> its field that comes in pieces."""


class Details:
    """The entries of one answer as far as they have come."""

    def __init__(self) -> None:
        self._entries: list[dict[str, object]] = []

    def take(self, sent: object) -> str:
        """Adds what a message or chunk holds and gives the text to show; encrypted entries have none."""
        entries = [entry for entry in as_list(sent) if isinstance(entry, dict)]
        for entry in entries:
            self._add(bounded(entry))
        return "".join(as_text(entry.get("text")) or as_text(entry.get("summary")) for entry in entries)

    def _add(self, entry: dict[str, object]) -> None:
        last = self._entries[-1] if self._entries else {}
        name = _TEXTS.get(as_text(entry.get("type")), "")
        if not name or any(entry.get(key) != last.get(key) for key in ("type", "index")) or last.get("signature"):
            self._entries.append(entry)
            return
        joined = as_text(last.get(name)) + as_text(entry.get(name))
        last.update({key: value for key, value in entry.items() if last.get(key) is None}, **{name: joined})

    def take_out(self) -> list[dict[str, object]]:
        """Every entry, whole; they are given once."""
        entries, self._entries = self._entries, []
        return entries
