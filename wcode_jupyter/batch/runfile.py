"""Every answer on disk at once: JSON lines, a header that says what they belong to, then an answer a line.

A line is written whole as soon as its answer is there; the process may die at any moment after that and nothing is
lost. A last line without its end, left by a death in the middle of a write, is cut off at the next opening. Later lines
of a job take the place of earlier ones.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from .. import files, typed
from ..errors import RunError
from ..language import N_, _
from ..reply import Ended, Reply
from ..version import __version__
from .plan import Job, whole_characters

__all__ = ["GOOD", "Header", "RunFile", "RunLine"]

VERSION = 1
_NOTHING = Decimal(0)
GOOD = ("complete", "length")
"""Ends of answers that need not be asked again."""


class Header(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the file belongs to."""

    wcode_run: int
    """Version of the file's form; by this name a run file is known from any other JSON lines."""
    client: str
    fingerprint: str
    prompt: str = ""
    models: tuple[str, ...] = ()
    sweep: tuple[str, ...] = ()


class RunLine(Struct, frozen=True, omit_defaults=True):
    """One answer with its job."""

    job: Job
    reply: Reply
    came: tuple[Reply, ...] = ()
    """With a schema: the answers as they came, where those are not `reply` alone: what did not fit, what was asked
    again."""
    booked: Decimal = _NOTHING
    """RMB that stand for answers of which nobody said what they cost: see `session.ledger`."""
    redacted: bool = False
    """Whether a credential in it was made unreadable: it says no longer what was sent."""

    @property
    def answers(self) -> tuple[Reply, ...]:
        """The answers as they came, each of which was paid; the last is `reply` or what it was made of."""
        return self.came or (self.reply,)

    @property
    def cost(self) -> Decimal | None:
        """RMB of all of them, at most where it is not known; None where no price is known."""
        costs = [reply.cost for reply in self.answers if reply.cost is not None]
        return sum(costs, self.booked) if costs or self.booked else None

    @property
    def good(self) -> bool:
        """Whether it need not be asked again."""
        return self.reply.ended in GOOD


class _Job(Struct, frozen=True, gc=False):
    id: str
    number: int


class _Reply(Struct, frozen=True, gc=False):
    ended: Ended = "complete"
    cost: Decimal | None = None


class _Head(Struct, frozen=True, gc=False):
    """What of a line the index needs."""

    job: _Job
    reply: _Reply
    came: tuple[_Reply, ...] = ()
    booked: Decimal = _NOTHING

    @property
    def cost(self) -> Decimal:
        """RMB of all its answers."""
        return sum((reply.cost for reply in self.came or (self.reply,) if reply.cost), self.booked)


class Place(Struct, frozen=True, gc=False):
    """Where a line stands. `good`: it need not be asked again. `paid`: RMB, earlier lines of its job included."""

    offset: int
    length: int
    good: bool
    number: int
    paid: Decimal = _NOTHING


_head = typed.decoder(_Head)
_line = typed.decoder(RunLine)
_encoder = msgspec.json.Encoder(decimal_format="string")


def _encoded(value: Struct) -> bytes:
    """The line of a header or an answer. A half of a character, which has no UTF-8, becomes a question mark."""
    try:
        return _encoder.encode(value) + b"\n"
    except UnicodeEncodeError:
        found = whole_characters(msgspec.to_builtins(value, builtin_types=(Decimal,)))
        return _encoder.encode(found) + b"\n"


class RunFile:
    """One run file. Raises RunError with one line: it cannot be read or written, or is no run file."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` None: a temporary file, gone when nobody holds the RunFile."""
        self.temporary = path is None
        if path is None:
            descriptor, name = tempfile.mkstemp(suffix=".run.jsonl")
            os.close(descriptor)
            path = Path(name)
            weakref.finalize(self, path.unlink, missing_ok=True)
        self.path = path
        self.notices: list[str] = []
        self._descriptor = -1
        self._reader: BinaryIO | None = None
        self._lock: Any = None
        self.redact: Callable[[str], str] | None = None
        """Puts signs in the place of credentials; None: nothing is looked for."""
        self._paid: dict[str, Decimal] = {}
        """RMB by job, where an answer was followed by another one."""

    # -- writing ------------------------------------------------------------------------------------------------------

    def open(self, header: Header, *, resume: bool = True) -> dict[str, Place]:
        """Begins to write; gives where the answers that are there stand, by the id of their job.

        A file of another run is moved aside (see `notices`), so is any file without `resume`. Nobody else can open it
        until `close`.
        """
        with self._explained(N_("Cannot write {path}: {error}")):
            self._acquire()
            try:
                found = self._begin(header, resume)
            except BaseException:
                self.close()
                raise
        return found

    def _begin(self, header: Header, resume: bool) -> dict[str, Place]:
        found: dict[str, Place] = {}
        end: int | None = None
        files.check(self.path)
        if self.path.exists() and self.path.stat().st_size:
            if resume and self._header().fingerprint == header.fingerprint:
                found, end = self._scan()
            else:
                self._move_aside()
        self._descriptor = files.appending(self.path)
        if end is not None:
            os.ftruncate(self._descriptor, end)
        if os.fstat(self._descriptor).st_size == 0:
            self._write(self._clean(_encoded(header)))
        return found

    def _move_aside(self) -> None:
        stem = self.path.name.removesuffix(".jsonl")
        number = 1
        while (aside := self.path.with_name(f"{stem}.{number}.jsonl")).exists():
            number += 1
        self.path.rename(aside)
        self._reader = None
        self.notices.append(
            _(
                "{path} belongs to a different prompt, model or parameter set. It was renamed to {aside}; "
                "a new run starts"
            ).format(path=self.path.name, aside=aside.name)
        )

    def append(self, line: RunLine) -> Place:
        """Adds one answer. Raises RunError when it cannot be written; the file is then as before."""
        data = _encoded(line) if self.temporary else self._clean(_encoded(line))
        with self._explained(N_("Cannot write {path}: {error}")):
            offset = self._write(data)
        return Place(offset, len(data), line.good, line.job.number, self._total(line.job.id, line.cost or _NOTHING))

    def _clean(self, data: bytes) -> bytes:
        """A line without its credentials; an answer's says then that it was changed."""
        if self.redact is None or (clean := self.redact(text := data.decode())) == text:
            return data
        with contextlib.suppress(msgspec.DecodeError):
            return _encoded(msgspec.structs.replace(_line.decode(clean), redacted=True))
        return clean.encode()

    def _total(self, job: str, cost: Decimal) -> Decimal:
        """RMB of a job after one more answer for `cost`."""
        total = self._paid.get(job, _NOTHING) + cost
        if total:
            self._paid[job] = total
        return total

    def _write(self, data: bytes) -> int:
        offset = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            files.write_all(self._descriptor, data)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, offset)
            raise
        return offset

    def close(self) -> None:
        """Ends writing, with everything on the disk itself; reading goes on."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _acquire(self) -> None:
        from filelock import FileLock, Timeout

        if not self.path.parent.is_dir():
            raise RunError(_("Folder not found: {path}").format(path=self.path.parent))
        if self.temporary:
            return
        beside = self.path.with_name(f".{self.path.name}.lock")
        files.check(beside)
        lock = FileLock(beside, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                _("Another run is writing {path}").format(path=self.path),
                hint=_("Wait until it ends, or use another file with --run-file."),
            ) from None
        self._lock = lock

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self, place: Place) -> RunLine:
        """The line at `place`."""
        with self._explained(N_("Cannot read {path}: {error}")):
            file = self._opened()
            file.seek(place.offset)
            return self._decoded(file.read(place.length))

    @property
    def paid(self) -> Decimal:
        """RMB of all answers in the file."""
        return sum(self._paid.values(), _NOTHING)

    def read_all(self) -> tuple[Header, dict[str, Place]]:
        """Header and places of a finished file."""
        with self._explained(N_("Cannot read {path}: {error}")):
            return self._header(), self._scan()[0]

    def _decoded(self, data: bytes) -> RunLine:
        try:
            return _line.decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise RunError(
                _("{path} was changed by another program: {error}").format(path=self.path, error=error)
            ) from None

    def _opened(self) -> BinaryIO:
        if self._reader is None or self._reader.closed:
            self._reader = files.reading(self.path)
            weakref.finalize(self, self._reader.close)
        return self._reader

    def _header(self) -> Header:
        header: Header | None = None
        with files.reading(self.path) as file, contextlib.suppress(msgspec.DecodeError, RecursionError):
            header = typed.decode(file.readline(), Header)
        if header is None:
            raise RunError(
                _("{path} is not a run file").format(path=self.path), hint=_("Use another file with --run-file.")
            )
        if header.wcode_run > VERSION:
            raise RunError(
                _("{path} was written by a newer version of wcode_jupyter").format(path=self.path),
                hint=_("Update wcode_jupyter."),
            )
        return header

    def _scan(self) -> tuple[dict[str, Place], int]:
        """(places by job, where the last whole line ends)."""
        found: dict[str, Place] = {}
        self._paid = {}
        with files.reading(self.path) as file:
            end = len(file.readline())
            for data in file:
                if not data.endswith(b"\n"):
                    break
                try:
                    head = _head.decode(data)
                except (msgspec.DecodeError, RecursionError):
                    # A damaged line costs its own answer only.
                    end += len(data)
                    continue
                paid = self._total(head.job.id, head.cost)
                found[head.job.id] = Place(end, len(data), head.reply.ended in GOOD, head.job.number, paid)
                end += len(data)
        return found, end

    def copy_to(self, path: Path, header: Header, places: Iterable[Place]) -> None:
        """Writes a new file of `header` and the lines at `places`, in their order; takes the place of what was there.

        Raises RunError.
        """
        with self._explained(N_("Cannot write {path}: {error}"), path):
            source = self._opened()
            with files.replacing(path) as file:
                files.write_all(file, self._clean(_encoded(header)))
                for place in places:
                    files.write_all(file, self._clean(self._raw(source, place)))

    @staticmethod
    def _raw(source: BinaryIO, place: Place) -> bytes:
        source.seek(place.offset)
        return source.read(place.length)

    @contextlib.contextmanager
    def _explained(self, what: str, path: Path | None = None) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(_(what).format(path=path or self.path, error=reason), hint="") from None


def header_of(fingerprint: str, prompt: str = "", models: Iterable[str] = (), sweep: Iterable[str] = ()) -> Header:
    """The header of a run; `sweep` has the names of the swept values."""
    return Header(
        wcode_run=VERSION,
        client=f"wcode_jupyter {__version__}",
        fingerprint=fingerprint,
        prompt=prompt[:500],
        models=tuple(dict.fromkeys(models)),
        sweep=tuple(sweep),
    )
