"""The labels file beside the notebook: JSON Lines, one line for each press.

Each mark is appended by one write and synced before the next item is shown, so that neither a killed kernel nor a power
cut loses a press. A last line that was cut off is left out, and the next mark takes its place; any other line that is
no mark is an error. What is read are plain values: they choose no path and are never run.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from .. import typed
from ..errors import InputError, one_line
from ..files import appending, reading, write_all
from ..language import _
from .mark import Mark

__all__ = ["LabelFile"]

_LONGEST = 1_000_000
"""Bytes of a line; a mark with its note is far below."""


class LabelFile:
    """A labels file, which need not exist. Raises InputError where it cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._marks: tuple[Mark, ...] = ()

    def append(self, mark: Mark) -> None:
        """Writes `mark` to the end; it is on disk when this returns."""
        line = msgspec.json.encode(mark) + b"\n"
        try:
            descriptor = appending(self.path)
            try:
                write_all(descriptor, self._line_end(descriptor) + line)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unusable(error) from None

    def marks(self) -> tuple[Mark, ...]:
        """All marks in their order; none where there is no file. What others have written meanwhile is there, too."""
        try:
            state = self.path.stat()
            stamp = (state.st_size, state.st_mtime_ns)
            if stamp != self._stamp:
                with reading(self.path) as file:
                    self._marks = tuple(self._read(file.read()))
                self._stamp = stamp
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from None
        return self._marks

    def _read(self, data: bytes) -> list[Mark]:
        *lines, rest = data.split(b"\n")
        found = [self._mark(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if rest.strip():
            # Cut off while it was written: it was never confirmed.
            with contextlib.suppress(InputError):
                found.append(self._mark(len(lines) + 1, rest))
        return found

    def _mark(self, number: int, line: bytes) -> Mark:
        try:
            if len(line) > _LONGEST:
                raise ValueError(_("the line is too long"))
            mark = typed.decode(line, Mark)
            if mark.kind in ("label", "gold") and mark.value is None:
                raise ValueError(_("it has no value"))
            if mark.draw is not None and not 0 < mark.draw.drawn <= mark.draw.of:
                raise ValueError(_("its sample is not possible"))
        except (ValueError, RecursionError) as error:
            raise InputError(
                _("Cannot read {file}, line {line}: {error}").format(
                    file=self.path.name, line=number, error=one_line(str(error), 120)
                ),
                hint=_("Fix the line or delete it."),
            ) from None
        return mark

    def _unusable(self, error: OSError) -> InputError:
        return InputError(
            _("Cannot use the labels file {path}: {error}").format(
                path=self.path.name, error=one_line(error.strerror or str(error))
            ),
            hint=_("Choose another one with file=."),
        )

    def _line_end(self, descriptor: int) -> bytes:
        """A line end where the last mark has none; a line that was cut off is removed."""
        size = os.fstat(descriptor).st_size
        if not size:
            return b""
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        if os.read(descriptor, 1) == b"\n":
            return b""
        start = max(0, size - _LONGEST)
        os.lseek(descriptor, start, os.SEEK_SET)
        tail = os.read(descriptor, size - start)
        rest = tail.rpartition(b"\n")[2]
        if not rest.strip():
            return b""
        try:
            self._mark(0, rest)
        except InputError:
            os.ftruncate(descriptor, size - len(rest))
            return b""
        return b"\n"
