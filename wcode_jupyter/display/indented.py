"""JSON on its way, indented as it comes: what has arrived can be read before it is whole."""

from __future__ import annotations

from .blocks import Lines, Piece

__all__ = ["Indented"]

# Text nested deeper is indented no further, so that hostile brackets grow by a constant at most.
_DEEPEST = 20


class Indented(Lines):
    """Lines of JSON, indented by two. Text that does not begin as JSON stays as it is."""

    def __init__(self) -> None:
        super().__init__()
        self._is_json: bool | None = None
        self._depth = 0
        self._just_opened = False
        self._in_string = self._escaped = False

    def feed(self, text: str) -> list[Piece]:
        """Takes the next text; gives the lines that are complete once there are enough of them."""
        if self._is_json is None and text.strip():
            self._is_json = text.lstrip()[0] in "{["
        return super().feed("".join(map(self._spaced, text)) if self._is_json else text)

    def _spaced(self, character: str) -> str:
        """`character` with the white space that belongs around it."""
        if self._in_string:
            self._in_string = self._escaped or character != '"'
            self._escaped = character == "\\" and not self._escaped
            return character
        if character.isspace():
            return ""
        if character in "}]":
            self._depth -= 1
            empty, self._just_opened = self._just_opened, False
            return character if empty else self._line() + character
        before, self._just_opened = self._line() if self._just_opened else "", character in "{["
        self._depth += self._just_opened
        self._in_string = character == '"'
        return before + character + {",": self._line(), ":": " "}.get(character, "")

    def _line(self) -> str:
        return "\n" + "  " * max(0, min(self._depth, _DEEPEST))
