"""A replay file on disk: what stands where, and the two ways to change it, which lose nothing.

Lines are appended whole with O_APPEND and fsync, or replaced through a temporary file; both under a lock beside the
file (`.NAME.lock`), after looking at what other kernels have added. A link is followed only to a replay file that
already has records, and nothing else is written through one: see `files`. In memory there is only an index: a line is
read when it is asked for, and recognised by its digest, so a file that was edited or checked out meanwhile is read
again.
A last line without its end, left by a killed process, moves to `NAME.torn` before the next write.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from .. import files
from ..errors import ReplayError
from ..language import _
from . import codec as lines

__all__ = ["Line", "ReplayFile"]

_LOCK_TIMEOUT_S = 30.0


class Line(NamedTuple):
    """Where a line stands, newline included. `digest` recognises it within this process."""

    offset: int
    length: int
    digest: int
    order: str = ""
    """See `codec.order`."""
    after_tools: bool = False
    """Whether the request may hold the results of tools."""


class ReplayFile:
    """The index of one file. Not safe for several threads at once: its owner holds a mutex.

    Every method that touches the file raises ReplayError with one line that names it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.torn_bytes = 0
        """Length of an incomplete last line, as last seen."""
        self._named = path
        self._lock_path = self.path.with_name(f".{path.name}.lock")
        self._forget()

    def _forget(self) -> None:
        self._found: dict[str, list[Line]] = {}
        self.endpoints: set[str] = set()
        """Identities of the servers that the lines were recorded from."""
        self._last: Line | None = None
        self._end = 0
        self._state: tuple[int, int, int] | None = None
        self.torn_bytes = 0

    # Reading ---------------------------------------------------------------------------------------------------------

    def refresh(self) -> bool:
        """Takes in what the file has gained since the last look, or all of it when it was changed otherwise.

        Whether there is a file; one that does not exist is empty.
        """
        with self._explained(_("Cannot read {path}: {error}")):
            try:
                found = self.path.stat()
            except FileNotFoundError:
                self._forget()
                return False
            state = (found.st_size, found.st_mtime_ns, found.st_ino)
            if state != self._state:
                with files.reading(self.path) as file:
                    if not self._still_stands(file, found.st_size):
                        self._forget()
                    self._scan(file)
                self._state = state
        return True

    def _still_stands(self, file: BinaryIO, size: int) -> bool:
        if self._last is None or size <= self._end:
            return False
        file.seek(self._last.offset)
        return hash(file.read(self._last.length)) == self._last.digest

    def _scan(self, file: BinaryIO) -> None:
        """Adds the lines from `_end` on to the index."""
        file.seek(self._end)
        self.torn_bytes = 0
        for data in file:
            if not data.endswith(b"\n") and not _is_json(data):
                self.torn_bytes = len(data)
                return
            if not data.isspace():
                try:
                    head = lines.head(data)
                except ReplayError as error:
                    raise self.located(error, self._end) from None
                self._last = _line(self._end, data, head)
                self._found.setdefault(head.fingerprint, []).append(self._last)
                self.endpoints.add(head.request.endpoint)
            self._end += len(data)

    def located(self, error: ReplayError, offset: int) -> ReplayError:
        """`error` with file and line number before it."""
        what = _("{place}: {error}").format(place=self.place(offset), error=error.what)
        return ReplayError(what, hint=error.hint)

    def place(self, offset: int) -> str:
        """File name and line number, from 1. Without the folder: a saved output must be the same on every machine."""
        count = 1
        with files.reading(self.path) as file:
            for data in file:
                if (offset := offset - len(data)) < 0:
                    break
                count += 1
        return _("{path}, line {number}").format(path=self.path.name, number=count)

    def samples(self, fingerprint: str, order: str = "") -> list[Line]:
        """The lines that answer `fingerprint`, in the order of the file; may be empty.

        With `order`, only those whose request has this order of keys, or whose order is unknown.
        """
        found = self._found.get(fingerprint, [])
        return [line for line in found if line.order in ("", order)] if order else found

    def all(self) -> list[Line]:
        """All lines in the order of the file."""
        return sorted(line for same in self._found.values() for line in same)

    def digests(self) -> dict[str, list[int]]:
        """The digests of all lines by fingerprint, in the order of the file."""
        return {fingerprint: [line.digest for line in same] for fingerprint, same in self._found.items()}

    def read(self, line: Line) -> bytes:
        """The bytes of a line that `refresh` has found. Raises ReplayError when they are no longer there."""
        with self._explained(_("Cannot read {path}: {error}")), files.reading(self.path) as file:
            file.seek(line.offset)
            data = file.read(line.length)
        if hash(data) != line.digest:
            self._forget()
            raise ReplayError(
                _("{path} changed while it was being read").format(path=self._named), hint=_("Run the cell again.")
            )
        return data

    # Writing ---------------------------------------------------------------------------------------------------------

    def check_folder(self) -> None:
        """Raises ReplayError where there is no folder to write into."""
        if not os.path.isdir(self.path.parent):
            raise ReplayError(_("Folder not found: {path}").format(path=self._named.parent))

    @contextlib.contextmanager
    def writing(self) -> Iterator[list[str]]:
        """Holds the lock, with the index up to date and the end of the file repaired.

        Gives the notices of the repair: texts of one line, mostly none.
        """
        from filelock import FileLock, Timeout  # 50 ms, and most sessions only read

        self.check_folder()  # the lock would create it
        with self._explained(_("Cannot write {path}: {error}")):
            files.check(self._lock_path)
        lock = FileLock(self._lock_path, timeout=_LOCK_TIMEOUT_S, thread_local=False)
        with self._explained(_("Cannot write {path}: {error}")):
            try:
                is_held = files.can_lock(lock.acquire)
            except Timeout:
                raise ReplayError(
                    _("{path} has been locked by another process for {seconds:.0f} s").format(
                        path=self._named, seconds=_LOCK_TIMEOUT_S
                    )
                ) from None
            try:
                self.refresh()
                yield list(self._repair())
            finally:
                if is_held:
                    lock.release()

    def append(self, data: bytes) -> None:
        """Adds one line at the end; it is on disk when this returns, or the file is as it was. Inside `writing`."""
        descriptor = files.appending(self._target())
        try:
            size = os.fstat(descriptor).st_size
            # After the repair, an end without a newline is a whole record whose newline an editor took.
            whole = data if size == 0 or self._ends_with_newline(size) else b"\n" + data
            try:
                files.write_all(descriptor, whole)
                os.fsync(descriptor)
            except BaseException:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        self.refresh()

    def replace(self, old: Line, data: bytes) -> None:
        """Puts `data` in the place of the line `old`, all else as it was, byte by byte. Inside `writing`.

        Costs one copy of the file.
        """
        self._rewrite({old: data})
        self._moved(old, data)

    def replace_all(self, new: Mapping[Line, bytes]) -> None:
        """Puts each of these lines in the place of another, all else as it was. Inside `writing`."""
        self._rewrite(new)
        self._forget()
        self.refresh()

    def _rewrite(self, new: Mapping[Line, bytes]) -> None:
        target = self._target()
        with files.replacing(target) as out, files.reading(target) as file:
            for old in sorted(new):
                _copy(file, out, old.offset - file.tell())
                files.write_all(out, new[old])
                file.seek(old.offset + old.length)
            _copy(file, out)

    def _target(self) -> Path:
        """The file to write: what a link leads to only where that is a replay file already. Raises OSError."""
        if self.path.is_symlink() and self._found:
            return Path(os.path.realpath(self.path))
        files.check(self.path)
        return self.path

    def _moved(self, old: Line, data: bytes) -> None:
        """Brings the index in line with a replacement, which is cheaper than reading the file again."""
        shift = len(data) - old.length
        for same in self._found.values():
            same[:] = [line._replace(offset=line.offset + shift) if line.offset > old.offset else line for line in same]
            if old in same:
                same[same.index(old)] = _line(old.offset, data, lines.head(data))
        self._end += shift
        self._last = max((same[-1] for same in self._found.values()), default=None)
        found = self.path.stat()
        self._state = (found.st_size, found.st_mtime_ns, found.st_ino)

    def _ends_with_newline(self, size: int) -> bool:
        with files.reading(self.path) as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _repair(self) -> Iterator[str]:
        """Moves an incomplete last line to the side file. Under the lock nobody can still be writing it."""
        if not self.torn_bytes:
            return
        aside = self.path.with_name(self.path.name + ".torn")
        # Not for appending, but to be cut; opened first, so that nothing is set aside that then stays.
        with open(files.appending(self._target(), create=False), "rb") as file:
            with open(files.appending(aside), "ab") as side:
                file.seek(self._end)
                side.write(file.read() + b"\n")
                side.flush()
                os.fsync(side.fileno())
            os.ftruncate(file.fileno(), self._end)
        count, self.torn_bytes = self.torn_bytes, 0
        yield _("{path} ended in an incomplete record ({count} bytes), now in {aside}; that answer is lost").format(
            path=self.path.name, count=count, aside=aside.name
        )

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise ReplayError(what.format(path=self._named, error=reason)) from None


def _line(offset: int, data: bytes, head: lines.Head) -> Line:
    return Line(offset, len(data), hash(data), head.order, b'"tool_call_id"' in data)


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _copy(source: BinaryIO, descriptor: int, count: int = sys.maxsize) -> None:
    while data := source.read(min(1 << 20, count)):
        files.write_all(descriptor, data)
        count -= len(data)
