"""Answers that other runs have paid for: the run files of a folder, looked into when an answer is missing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..errors import RunError
from .runfile import RUN_FILES, LineEntry, RunFile, RunLine

__all__ = ["Neighbours"]

_FILES = 500
"""As many are looked into, so that a huge folder costs no time."""


class Neighbours:
    """The answers in the run files beside `path`, by address. Files of an older generation than `least` are left out.

    Of two answers to the same address that of the later generation holds, then that of the file written last.
    """

    def __init__(self, path: Path, least: int) -> None:
        self._path = path
        self._least = least
        self._found: dict[str, tuple[RunFile, LineEntry]] | None = None

    def has(self, address: str) -> bool:
        """Whether there is a whole answer."""
        return address in self._places()

    def find(self, address: str) -> RunLine | None:
        """The whole answer at `address`; None: nobody has it."""
        found = self._places().get(address)
        if found is None:
            return None
        file, place = found
        try:
            return file.read(place)
        except RunError:
            return None

    def _places(self) -> dict[str, tuple[RunFile, LineEntry]]:
        if self._found is None:
            self._found = {}
            for _generation, _written, file, places in sorted(self._files(), key=lambda item: item[:2]):
                good = {address: (file, place) for address, place in places.items() if place.good}
                self._found.update(good)
        return self._found

    def _files(self) -> Iterator[tuple[int, float, RunFile, dict[str, LineEntry]]]:
        for path in islice(self._path.parent.glob(RUN_FILES), _FILES):
            if path.name == self._path.name:
                continue
            try:
                file = RunFile(path)
                header, places = file.read_all()
                written = path.stat().st_mtime
            except (RunError, OSError):
                continue  # another kind of file, a newer one, or one that is gone by now
            if header.generation >= self._least:
                yield header.generation, written, file, places
