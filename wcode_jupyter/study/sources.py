"""Files of a study: the answers in replay files and run files, each with its place.

A run file holds every attempt, also those that a later one replaced; all of them were paid and all of them count.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from .. import files
from ..errors import ReplayError
from ..language import _
from ..reply import Reply
from ..store import Record

__all__ = ["RecordedAnswer", "RunFacts", "is_run_file", "read", "run_facts"]

_RUN = b'"wcode_run"'


class RecordedAnswer(Struct, frozen=True):
    """One answer and the number of its line, from 1."""

    reply: Reply
    line: int


class RunFacts(Struct, frozen=True, kw_only=True):
    """What a run file says of its run."""

    name: str
    prompt: str
    """The template, at most its beginning: see `cut`."""
    cut: bool
    rows: int
    samples: int
    """Answers asked for each row, model and combination of swept values."""
    sweep: tuple[str, ...]
    lines: int


class _Header(Struct, frozen=True):
    wcode_run: int
    prompt: str = ""
    sweep: tuple[str, ...] = ()


class _RecordedJob(Struct, frozen=True):
    row: int = 0
    key: Any = None
    sample: int = 0


class _Line(Struct, frozen=True):
    job: _RecordedJob
    reply: Reply
    came: tuple[Reply, ...] = field(default_factory=tuple)


_LONGEST_PROMPT = 500
"""From this length on the header may hold only the beginning of the template."""


def is_run_file(path: Path) -> bool:
    """Whether the first line is the header of a run file. Raises ReplayError: it cannot be read."""
    try:
        with files.reading(path) as file:
            return _RUN in file.readline(1 << 20)
    except OSError as error:
        raise ReplayError(
            _("Cannot read {path}: {error}").format(path=path.name, error=error.strerror or error)
        ) from None


def read(path: Path) -> Iterator[RecordedAnswer]:
    """Every answer of a replay file or a run file, as `replayed`. Raises ReplayError that names file and line."""
    if not path.exists() or not is_run_file(path):
        for number, reply in enumerate(Record(path, "replay").replies(), 1):
            yield RecordedAnswer(reply, number)
        return
    for number, line in _lines(path):
        fault = line.reply.fault
        for reply in line.came or (line.reply,):
            # An answer that does not fit its schema is whole as it came: the job's own reply says that it failed.
            failed = fault if fault is not None and reply is (line.came or (line.reply,))[-1] else reply.fault
            yield RecordedAnswer(msgspec.structs.replace(reply, replayed=True, fault=failed), number)


def run_facts(path: Path) -> RunFacts:
    """The run of a run file. Raises ReplayError."""
    with files.reading(path) as file:
        header = _decoded(path, 1, file.readline(), _Header)
    jobs = [line.job for _number, line in _lines(path)]
    return RunFacts(
        name=path.name,
        prompt=header.prompt,
        cut=len(header.prompt) >= _LONGEST_PROMPT,
        rows=len({(job.row, str(job.key)) for job in jobs}),
        samples=max((job.sample + 1 for job in jobs), default=0),
        sweep=header.sweep,
        lines=len(jobs),
    )


def _lines(path: Path) -> Iterator[tuple[int, _Line]]:
    with files.reading(path) as file:
        for number, data in enumerate(file, 1):
            if number > 1 and data.endswith(b"\n") and not data.isspace():
                yield number, _decoded(path, number, data, _Line)


def _decoded(path: Path, number: int, data: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ReplayError(
            _("{path}, line {number}: this is not an answer of a run: {error}").format(
                path=path.name, number=number, error=error
            )
        ) from None
