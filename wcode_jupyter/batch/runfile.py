"""Every answer on disk at once: JSON lines, a header that says what they belong to, then an answer a line.

A line is written whole as soon as its answer is there; the process may die at any moment after that and nothing is
lost. A last line without its end, left by a death in the middle of a write, is cut off at the next opening. Later lines
of a job take the place of earlier ones.
"""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import msgspec
from msgspec import Struct

from .. import files, typed
from ..errors import RunError
from ..language import N_, _
from ..reply import Ended, Reply
from ..version import __version__
from .addresses import Occurrences
from .plan import Job, whole_characters

__all__ = ["GOOD", "RUN_FILES", "Entry", "Header", "Kept", "LineEntry", "RunFile", "RunLine"]

VERSION = 1
RUN_FILES = "*.run*.jsonl"
"""Names that run files have, those moved aside too."""
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
    generation: int = 0
    """How often the run was wanted anew before: answers of a later generation hold."""


class RunLine(Struct, frozen=True, omit_defaults=True):
    """One answer with its job."""

    job: Job
    reply: Reply
    came: tuple[Reply, ...] = ()
    """With a schema: the answers as they came, where those are not `reply` alone: what did not fit, what was asked
    again."""
    booked: Decimal = _NOTHING
    """RMB that stand for answers of which nobody said what they cost: see `session.ledger`."""
    borrowed: bool = False
    """Whether another run paid for it, in whose file it was found."""
    redacted: bool = False
    """Whether a credential in it was made unreadable: it says no longer what was sent."""

    @property
    def answers(self) -> tuple[Reply, ...]:
        """The answers as they came, each of which was paid; the last is `reply` or what it was made of."""
        return self.came or (self.reply,)

    @property
    def cost(self) -> Decimal | None:
        """RMB of all of them, at most where it is not known; None where no price is known."""
        if not self.came and not self.booked:
            return self.reply.cost
        costs = [reply.cost for reply in self.answers if reply.cost is not None]
        return sum(costs, self.booked) if costs or self.booked else None

    @property
    def good(self) -> bool:
        """Whether it need not be asked again."""
        return self.reply.ended in GOOD


class _Job(Struct, frozen=True, gc=False):
    id: str
    number: int
    key: object = None


class _Reply(Struct, frozen=True, gc=False):
    ended: Ended = "complete"
    cost: Decimal | None = None
    fingerprint: str = ""


class _Head(Struct, frozen=True, gc=False):
    """What of a line the index needs."""

    job: _Job
    reply: _Reply
    came: tuple[_Reply, ...] = ()
    booked: Decimal = _NOTHING
    borrowed: bool = False

    @property
    def fingerprint(self) -> str:
        """That of the question, as it was asked first."""
        return (self.came or (self.reply,))[0].fingerprint

    @property
    def cost(self) -> Decimal:
        """RMB of all its answers."""
        return sum((reply.cost for reply in self.came or (self.reply,) if reply.cost), self.booked)


class LineEntry(Struct, frozen=True, gc=False):
    """Where a line stands. `good`: it need not be asked again. `paid`: RMB, earlier lines of its job included."""

    offset: int
    length: int
    good: bool
    number: int
    paid: Decimal = _NOTHING
    key: object = None
    """What identified the row when it was written."""

    @property
    def end(self) -> int:
        """Where the line ends."""
        return self.offset + self.length


class Kept(Struct, frozen=True, gc=False):
    """The answer at a place, to a job of this run: its line may have another number and key."""

    place: LineEntry
    job: Job

    @property
    def good(self) -> bool:
        """Whether it need not be asked again."""
        return self.place.good

    @property
    def paid(self) -> Decimal:
        """RMB, earlier answers to its question included."""
        return self.place.paid


Entry: TypeAlias = LineEntry | Kept | RunLine
"""An answer of a run: where it stands, or the line itself."""


class _Jobs(Struct, frozen=True):
    """A line that says which jobs a run had, in their order, where answers were moved."""

    jobs: tuple[Job, ...]


_jobs = msgspec.json.Decoder(_Jobs)
_head = typed.decoder(_Head)
_line = typed.decoder(RunLine)
_encoder = msgspec.json.Encoder(decimal_format="string")


def _addressed(lines: Iterable[tuple[int, str, LineEntry]]) -> dict[str, LineEntry]:
    """Lines of releases whose jobs had another id, by the address that they have in the order of their jobs."""
    seen = Occurrences()
    in_order = sorted(lines, key=lambda line: line[0])
    return {
        seen.next(fingerprint) if fingerprint else f"unsent.{number}": place for number, fingerprint, place in in_order
    }


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
        self._reading = threading.Lock()
        self._lock: Any = None
        self.redact: Callable[[str], str] | None = None
        """Puts signs in the place of credentials; None: nothing is looked for."""
        self._paid: dict[str, Decimal] = {}
        """RMB by job, all its answers together."""
        self.paid = _NOTHING
        """RMB of the answers in the file that runs on this file have paid."""
        self._noted = (0, 0)
        """Offset and length of the last note of jobs; length 0: there is none."""
        self.generation = 0
        """That of the answers in it, once it is open."""
        self.end = 0
        """Bytes of the file while it is written."""

    # -- writing ------------------------------------------------------------------------------------------------------

    def open(self, header: Header, *, resume: bool = True) -> dict[str, LineEntry]:
        """Begins to write; gives where the answers that are there stand, by the id of their job.

        A file of another run is moved aside (see `notices`) and comes back when that run does; any file is without
        `resume`, which begins a generation of its own. Nobody else can open it until `close`.
        """
        with self._explained(N_("Cannot write {path}: {error}")):
            self._acquire()
            try:
                found = self._begin(header, resume)
            except BaseException:
                self.close()
                raise
        return found

    def _begin(self, header: Header, resume: bool) -> dict[str, LineEntry]:
        found: dict[str, LineEntry] = {}
        end: int | None = None
        files.check(self.path)
        if (
            self.path.exists()
            and self.path.stat().st_size
            and (not resume or self._header().fingerprint != header.fingerprint)
        ):
            self._move_aside()
        if resume and not self.temporary and not self.path.exists():
            self._bring_back(header.fingerprint)
        if self.path.exists() and self.path.stat().st_size:
            found, end = self._scan()
            header = self._header()
        elif not resume:
            header = msgspec.structs.replace(header, generation=1 + self._latest())
        self.generation = header.generation
        self._descriptor = files.appending(self.path)
        if end is not None:
            os.ftruncate(self._descriptor, end)
        self.end = os.fstat(self._descriptor).st_size
        if self.end == 0:
            self._write(self._clean(_encoded(header)))
        # Held from now on: where another run moves the file aside, these answers are still read from it.
        self._opened()
        return found

    def _latest(self) -> int:
        """The latest generation of any run in the folder."""
        latest = 0
        for path in () if self.temporary else self.path.parent.glob(RUN_FILES):
            with contextlib.suppress(RunError, OSError):
                latest = max(latest, RunFile(path)._header().generation)
        return latest

    def _aside(self) -> Iterator[tuple[Path, Header]]:
        """The files that were moved aside for this one, and their headers."""
        stem = self.path.name.removesuffix(".jsonl")
        for path in self.path.parent.glob(f"{glob.escape(stem)}.*.jsonl"):
            if path.name[len(stem) + 1 : -len(".jsonl")].isdigit():
                with contextlib.suppress(RunError, OSError):
                    yield path, RunFile(path)._header()

    def _bring_back(self, fingerprint: str) -> None:
        """Puts the newest file of this run that was moved aside into its place."""
        own = [(header.generation, path) for path, header in self._aside() if header.fingerprint == fingerprint]
        if own:
            max(own)[1].rename(self.path)

    def _move_aside(self) -> None:
        stem = self.path.name.removesuffix(".jsonl")
        number = 1
        while (aside := self.path.with_name(f"{stem}.{number}.jsonl")).exists():
            number += 1
        self.path.rename(aside)
        self._reader = None
        self.notices.append(
            _("{path} belongs to a different prompt, model or parameter set. It was renamed to {aside}").format(
                path=self.path.name, aside=aside.name
            )
        )

    def append(self, line: RunLine) -> LineEntry:
        """Adds one answer: see `append_all`."""
        return self.append_all([line])[0]

    def append_all(self, lines: Sequence[RunLine]) -> list[LineEntry]:
        """Adds answers with one write. Raises RunError when they cannot be written; the file is then as before."""
        data = [_encoded(line) if self.temporary else self._clean(_encoded(line)) for line in lines]
        with self._explained(N_("Cannot write {path}: {error}")):
            offset = self._write(b"".join(data))
        entries = []
        for line, text in zip(lines, data, strict=True):
            cost = line.cost or _NOTHING
            self.paid += _NOTHING if line.borrowed else cost
            paid = self._total(line.job.id, cost)
            entries.append(LineEntry(offset, len(text), line.good, line.job.number, paid, line.job.key))
            offset += len(text)
        return entries

    @property
    def noted(self) -> bool:
        """Whether there is a note of jobs."""
        return bool(self._noted[1])

    def append_jobs(self, jobs: Iterable[Job]) -> None:
        """Notes which jobs the run had, for `load`; their columns are with the answers. Raises RunError."""
        noted = tuple(msgspec.structs.replace(job, columns={}) for job in jobs)
        with self._explained(N_("Cannot write {path}: {error}")):
            self._write(self._clean(_encoded(_Jobs(noted))))

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
        self._paid[job] = total
        return total

    @property
    def count(self) -> int:
        """How many questions have an answer in the file, whole or not."""
        return len(self._paid)

    def _write(self, data: bytes) -> int:
        # Where it is locked nobody else makes it longer.
        is_ours = self.temporary or self._lock is not None
        offset = self.end if is_ours else os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            files.write_all(self._descriptor, data)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, offset)
            raise
        self.end = offset + len(data)
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
            if not files.can_lock(lock.acquire):
                return
        except Timeout:
            raise RunError(
                _("Another run is writing {path}").format(path=self.path),
                hint=_("Wait until it ends, or use another file with --run-file."),
            ) from None
        self._lock = lock

    # -- reading ------------------------------------------------------------------------------------------------------

    def line(self, entry: Entry) -> RunLine:
        """The answer that `entry` means. Raises RunError."""
        if isinstance(entry, RunLine):
            return entry
        if isinstance(entry, LineEntry):
            return self.read(entry)
        line = self.read(entry.place)
        return msgspec.structs.replace(line, job=msgspec.structs.replace(entry.job, columns=line.job.columns))

    def entries(self) -> tuple[Header, list[Entry]]:
        """Header and answers of a finished file in the order of its last run. Raises RunError."""
        header, found = self.read_all()
        jobs: tuple[Job, ...] = ()
        if self._noted[1]:
            with contextlib.suppress(msgspec.DecodeError, RecursionError), files.reading(self.path) as file:
                file.seek(self._noted[0])
                jobs = _jobs.decode(file.read(self._noted[1])).jobs
        kept = [Kept(found[job.id], job) for job in jobs if job.id in found]
        # Written after the note, by a run that was killed before it could write its own.
        ids = {job.id for job in jobs}
        later = [place for id_, place in found.items() if id_ not in ids and place.offset > self._noted[0]]
        return header, [*kept, *sorted(later, key=lambda place: place.number)]

    def read(self, place: LineEntry) -> RunLine:
        """The line at `place`."""
        with self._explained(N_("Cannot read {path}: {error}")):
            return self._decoded(self._raw(place))

    def lines_between(self, start: int, end: int) -> list[RunLine]:
        """The answers whose lines stand between two places; what cannot be read is left out."""
        lines = []
        with contextlib.suppress(OSError), files.reading(self.path) as file:
            file.seek(start)
            for data in file.read(end - start).splitlines():
                with contextlib.suppress(msgspec.DecodeError, RecursionError):
                    lines.append(_line.decode(data))
        return lines

    def read_all(self) -> tuple[Header, dict[str, LineEntry]]:
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

    def belongs_to(self, fingerprint: str) -> bool:
        """Whether the file is free for the run of this fingerprint: its own, or not there yet. Raises RunError."""
        with self._explained(N_("Cannot read {path}: {error}")):
            return not self.path.exists() or self._header().fingerprint == fingerprint

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

    def _scan(self) -> tuple[dict[str, LineEntry], int]:
        """(places by job, where the last whole line ends)."""
        found: dict[str, LineEntry] = {}
        old: dict[str, tuple[int, str, LineEntry]] = {}
        self._paid, self.paid = {}, _NOTHING
        self._noted = (0, 0)
        with files.reading(self.path) as file:
            end = len(file.readline())
            for data in file:
                if not data.endswith(b"\n"):
                    break
                try:
                    head = _head.decode(data)
                except (msgspec.DecodeError, RecursionError):
                    # A note of jobs; a damaged line costs its own answer only.
                    if data.startswith(b'{"jobs":'):
                        self._noted = (end, len(data))
                    end += len(data)
                    continue
                paid = self._total(head.job.id, head.cost)
                self.paid += _NOTHING if head.borrowed else head.cost
                place = LineEntry(end, len(data), head.reply.ended in GOOD, head.job.number, paid, head.job.key)
                if "." in head.job.id:
                    found[head.job.id] = place
                else:
                    old[head.job.id] = (head.job.number, head.fingerprint, place)
                end += len(data)
        return {**_addressed(old.values()), **found}, end

    def copy_to(self, path: Path, header: Header, places: Iterable[LineEntry]) -> None:
        """Writes a new file of `header` and the lines at `places`, in their order; takes the place of what was there.

        Raises RunError.
        """
        with self._explained(N_("Cannot write {path}: {error}"), path):
            self._opened()  # before this very file may be replaced
            with files.replacing(path) as file:
                files.write_all(file, self._clean(_encoded(header)))
                for place in places:
                    files.write_all(file, self._clean(self._raw(place)))

    def _raw(self, place: LineEntry) -> bytes:
        # The run reads on its own thread what its user reads on another.
        with self._reading:
            source = self._opened()
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
