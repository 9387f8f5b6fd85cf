"""How an answer is replayed: a file of recorded replies, in the order in which they were first asked.

Samples: each recorded line is given at most once in a session, in the order of the file, so the same request asked k
times is k samples. What each mode does with a request:

    off       asks, records nothing
    replay    gives the next sample; a failure fails again; where there is none: ReplayError, nothing is ever asked
    auto      gives the next sample, asks what is missing; a sample of an earlier session that failed or was
              interrupted is asked again and the new answer takes its place
    record    always asks; the k-th answer takes the place of the k-th sample that stood in the file when the session
              began, further ones are added at the end. What the session does not ask stays as it was
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec

from .. import typed, wire
from ..errors import ReplayError
from ..language import _
from ..reply import Reply
from ..request.messages import Message, Request
from . import codec as lines
from . import credentials, location, nearest
from .replay_file import Line, ReplayFile

__all__ = ["MODES", "Mode", "Record", "opened", "rewind"]

Mode: TypeAlias = Literal["off", "record", "replay", "auto"]
MODES: tuple[Mode, ...] = get_args(Mode)

# The one state of this package that is not a session's: see `opened`.
_opened: dict[tuple[Path, Mode], Record] = {}
_opening = threading.Lock()


def opened(path: Path, mode: Mode) -> Record:
    """The Record of this process for a file in a mode, opened at the first call. Raises ReplayError.

    A notebook is one process with several clients, often one for each call of a function. They count samples together:
    apart, each would replay the first answer again, and take what another has just recorded for the past.
    """
    key = (path.absolute(), mode)
    with _opening:
        if key not in _opened:
            _opened[key] = Record(path, mode)
        return _opened[key]


def rewind() -> None:
    """Forgets which samples were given and recorded: the next answer is the first again, for all clients."""
    with _opening:
        _opened.clear()


class Record:
    """One replay file in one mode, for one session. Safe to use from several threads.

    Raises ReplayError: the file is missing (mode `replay`), cannot be read or written, or holds a line that is not a
    record.
    """

    def __init__(self, path: Path, mode: Mode) -> None:
        if mode not in MODES:
            raise ReplayError(_("Unknown replay mode: {mode}").format(mode=mode), hint=", ".join(MODES))
        self._notices: list[str] = []
        if mode != "off" and (old := location.of_renamed_notebook(path)):
            path = self._moved(old, path, mode)
        self.path = path
        self.mode = mode
        self._file = ReplayFile(path)
        self._mutex = threading.Lock()
        self._taken: dict[str, Counter[int]] = {}
        if mode != "off":
            self._open()
        # Samples whose place the next answers take, by digest: they stood here before the session asked.
        self._replaceable = self._file.digests() if mode == "record" else {}

    def _moved(self, old: Path, path: Path, mode: Mode) -> Path:
        """The file of a notebook that was renamed, under its new name unless it is only read."""
        if mode == "replay":
            return old
        try:
            old.rename(path)
        except OSError as error:
            raise ReplayError(
                _("Cannot rename {old} to {path}: {error}").format(
                    old=old.name, path=path.name, error=error.strerror or error
                )
            ) from None
        self._notices.append(
            _("{old} was recorded under an earlier name of this notebook; it is now {path}").format(
                old=old.name, path=path.name
            )
        )
        return path

    def _open(self) -> None:
        if self.mode != "replay":
            self._file.check_folder()  # said now, not after the first answer is paid
        there = self._file.refresh()
        if self.mode == "replay" and not there:
            raise ReplayError(
                _("Replay file not found: {path}").format(path=self.path),
                hint=location.hint(self.path),
            )
        if self._file.torn_bytes and self.mode == "replay":
            # In other modes the file is mended, and that said, before an answer is written: opening writes nothing.
            self._notices.append(
                _("{path} ends in an incomplete record ({count} bytes), which is left out").format(
                    path=self.path.name, count=self._file.torn_bytes
                )
            )

    def __len__(self) -> int:
        """Number of recorded answers."""
        with self._mutex:
            self._file.refresh()
            return len(self._file.all())

    def take_notices(self) -> list[str]:
        """What the user should know of the file, once: texts of one line; may be empty."""
        with self._mutex:
            taken, self._notices = self._notices, []
            return taken

    def lookup(self, request: Request, fingerprint: str, *, any_server: bool = False) -> Reply | None:
        """The next sample for `request`, `replayed`, or None: ask. Mode `replay` raises ReplayError instead.

        The Reply holds `request` itself, which has the bytes of images that the file knows by hash only. With
        `any_server`, an answer of another server is given where only one server has answered; its endpoint is then that
        of the request.
        """
        if self.mode in ("off", "record"):
            return None
        with self._mutex:
            self._file.refresh()
            if any_server and not self._file.samples(fingerprint):
                request, fingerprint = self._of_recorded_server(request, fingerprint)
            line = self._next(fingerprint, lines.order(request))
            if line is None:
                if self.mode == "replay":
                    raise self._miss(request, fingerprint)
                return None
            reply = self._read(line)
            self._take(fingerprint, line.digest)
            if self.mode == "auto" and _failed(reply):
                self._replaceable.setdefault(fingerprint, []).append(line.digest)
                return None
        return msgspec.structs.replace(reply, request=request, replayed=True)

    def kept(self, request: Request, fingerprint: str, *, any_server: bool = False) -> Reply | None:
        """The newest whole answer to `request`, `replayed` and `kept`, as often as it is asked for; None without one.

        Raises ReplayError: the file is broken, or with `any_server` several servers have answered.
        """
        with self._mutex:
            self._file.refresh()
            if any_server and not self._file.samples(fingerprint):
                request, fingerprint = self._of_recorded_server(request, fingerprint)
            for line in reversed(self._file.samples(fingerprint, lines.order(request))):
                if not _failed(reply := self._read(line)) and reply.ended in ("complete", "length"):
                    return msgspec.structs.replace(reply, request=request, replayed=True, kept=True)
        return None

    def add(
        self,
        reply: Reply,
        *,
        keep_images: bool = False,
        allow_secrets: bool = False,
        is_secret: Callable[[str], bool] | None = None,
    ) -> None:
        """Records `reply`, its images by hash or whole; it is on disk when this returns.

        `is_secret(text)` says whether a text holds a key of this session.

        Every reply of a session may be passed: nothing happens in modes `off` and `replay`, nor for a replayed one.

        Raises ReplayError: it seems to hold a credential; the file cannot be written. The file is then as before.
        """
        if self.mode in ("off", "replay") or reply.replayed:
            return
        if reply.request is None:
            raise ReplayError(_("An answer without its request cannot be recorded"))
        fingerprint = reply.fingerprint or wire.fingerprint(reply.request)
        reply = msgspec.structs.replace(reply, fingerprint=fingerprint)
        if not allow_secrets:
            self._refuse_credentials(reply, is_secret)
        data = lines.encode(reply, keep_images=keep_images)
        with self._mutex, self._file.writing() as notices:
            self._notices += notices
            if old := self._replaced(fingerprint):
                self._file.replace(old, data)
            else:
                self._file.append(data)
            del self._replaceable.get(fingerprint, [])[:1]
            self._take(fingerprint, hash(data))

    def holds(self, reply: Reply, *, keep_images: bool = False) -> bool:
        """Whether this very answer is recorded, with its time and id."""
        digest = hash(lines.encode(reply, keep_images=keep_images))
        with self._mutex:
            self._file.refresh()
            return any(line.digest == digest for line in self._file.samples(reply.fingerprint))

    def replace_all(self, replies: Mapping[int, Reply]) -> int:
        """Puts `replies` in the place of the answers with these numbers (from 0, in the order of the file); how many.

        Costs one copy of the file. Raises ReplayError: the file is as before.
        """
        with self._mutex, self._file.writing() as notices:
            self._notices += notices
            old = self._file.all()
            new = {old[number]: lines.encode(reply, keep_images=True) for number, reply in replies.items()}
            self._file.replace_all(new)
            return len(new)

    def without_order(self) -> int:
        """Answers whose request has an order of keys that was not recorded."""
        with self._mutex:
            self._file.refresh()
            unknown = [line for line in self._file.all() if not line.order]
            asked = [found for line in unknown if (found := self._asked(line)) is not None]
        return sum(bool(lines.order(found.request)) for found in asked)

    def tool_results(self, request: Request, asked: Message) -> tuple[Message, ...]:
        """The recorded results of the calls in `asked`, the model's answer to `request`; empty where there are none.

        They are part of the request that was sent next. Of several such requests it is the first one whose answer was
        not given yet, so that the k-th run of a loop gets its own results.
        """
        before = _plain((*request.messages, asked))
        with self._mutex:
            self._file.refresh()
            for line in self._file.all():
                if not line.after_tools or (found := self._asked(line)) is None:
                    continue
                results = tuple(itertools.takewhile(_is_result, found.request.messages[len(before) :]))
                if (
                    [result.tool_call_id for result in results] == [call.id for call in asked.tool_calls]
                    and (found.request.model, found.request.protocol) == (request.model, request.protocol)
                    and _plain(found.request.messages[: len(before)]) == before
                    and self._next(found.fingerprint, line.order) is not None
                ):
                    return results
        return ()

    def replies(self) -> Iterator[Reply]:
        """Every recorded Reply in the order of the file, `replayed`. Raises ReplayError at the first that is broken."""
        with self._mutex:
            self._file.refresh()
            found = self._file.all()
        for line in found:
            with self._mutex:
                reply = self._read(line)
            yield msgspec.structs.replace(reply, replayed=True)

    def _read(self, line: Line) -> Reply:
        try:
            return lines.decode(self._file.read(line))
        except ReplayError as error:
            raise self._file.located(error, line.offset) from None

    def _refuse_credentials(self, reply: Reply, is_secret: Callable[[str], bool] | None) -> None:
        # Base64 of an image may look like anything, so images are left out of the search.
        if finding := credentials.find(lines.without_images(reply.to_dict()), is_secret):
            raise ReplayError(
                _("Not recorded: {place} seems to contain {kind}").format(place=finding.place, kind=finding.kind),
                hint=_("Remove it, or allow it with %wcode replay {mode} --allow-secrets.").format(mode=self.mode),
            )

    # Samples ---------------------------------------------------------------------------------------------------------

    def _of_recorded_server(self, request: Request, fingerprint: str) -> tuple[Request, str]:
        """The same question asked of the server that it was recorded from. Raises ReplayError: there are several."""
        found = self._elsewhere(request)
        if len(found) > 1:
            raise ReplayError(
                _("{path} has answers to this request from several servers: {servers}").format(
                    path=self.path.name, servers=", ".join(sorted(found))
                ),
                hint=_("Choose one with base_url."),
            )
        return next(((asked, fingerprint) for fingerprint, asked in found.values()), (request, fingerprint))

    def _elsewhere(self, request: Request) -> dict[str, tuple[str, Request]]:
        """Fingerprint and request by endpoint of the other servers that have answered the same question."""
        found = {}
        for server in self._file.endpoints - {request.endpoint}:
            asked = msgspec.structs.replace(request, endpoint=server)
            if self._file.samples(fingerprint := wire.fingerprint(asked)):
                found[server] = (fingerprint, asked)
        return found

    def _next(self, fingerprint: str, order: str) -> Line | None:
        left = Counter(self._taken.get(fingerprint))
        for line in self._file.samples(fingerprint, order):
            if left[line.digest] <= 0:
                return line
            left[line.digest] -= 1
        return None

    def _take(self, fingerprint: str, digest: int) -> None:
        self._taken.setdefault(fingerprint, Counter())[digest] += 1

    def _replaced(self, fingerprint: str) -> Line | None:
        """The standing line whose place the next answer takes; None when it is new, or another kernel was faster."""
        if not (digests := self._replaceable.get(fingerprint)):
            return None
        return next((line for line in self._file.samples(fingerprint) if line.digest == digests[0]), None)

    def _miss(self, request: Request, fingerprint: str) -> ReplayError:
        if count := len(self._file.samples(fingerprint, lines.order(request))):
            return ReplayError(
                _("{path} has {count} answers to this request, and all were used in this session").format(
                    path=self.path.name, count=count
                ),
                hint=_("Start again with %wcode replay replay, or record more with mode auto."),
            )
        if servers := self._elsewhere(request):
            return ReplayError(
                _("{path} has the answer to this request from another server: {servers}, not {asked}").format(
                    path=self.path.name, servers=", ".join(sorted(servers)), asked=request.endpoint
                ),
                hint=_("Unset base_url to replay it, or set it to that server."),
            )
        hint = _("Record it with %wcode replay auto.")
        near = nearest.nearest(request, self._requests())
        if near is None:
            return ReplayError(_("{path} contains no answers yet").format(path=self.path.name), hint=hint)
        place = self._file.place(near.offset)
        if differing := nearest.differences(request, near.request) or nearest.reordered(request, near.request):
            what = _("No recorded answer to this request. The nearest, {place}, differs in {differences}")
        else:
            what = _("{place} has this request with another fingerprint; it was edited")
        return ReplayError(what.format(place=place, differences="; ".join(differing)), hint=hint)

    def _requests(self) -> Iterator[nearest.Near]:
        for line in self._file.all():
            if (asked := self._asked(line)) is not None:
                yield nearest.Near(line.offset, asked.request)

    def _asked(self, line: Line) -> lines.Asked | None:
        """What `line` was asked. One without a readable request is reported when it is asked for itself."""
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            return typed.decode(self._file.read(line), lines.Asked)
        return None


def _plain(messages: tuple[Message, ...]) -> Any:
    return lines.without_images([msgspec.to_builtins(message) for message in messages])


def _is_result(message: Message) -> bool:
    return message.role == "tool"


def _failed(reply: Reply) -> bool:
    return reply.fault is not None or reply.ended == "interrupted"
