"""What happens to an answer that has ended, alone or in a run: recorded, logged, counted, and only then told.

What was paid is safe before any code of the user's hears of it. The order is the promise of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import WcodeError, one_line
from ..language import _
from ..lazy import is_built, lazy
from ..reply import Reply
from ..request.messages import Message
from ..store import Log, Record, RunMark, opened
from .session import Call, Session

__all__ = ["Keeper", "Listener"]

Listener = Callable[[Reply], None]
"""A function of the user's that hears of each answer."""


class Keeper:
    """Keeps the answers of one session. `replay_path` is the replay file that a name, or no name, means."""

    def __init__(self, session: Session, *, replay_path: Callable[[str | None], Path], warn: Callable[[str], None]):
        self.listeners: list[Listener] = []
        """Called with every answer that was asked alone, live or replayed, on the thread that consumed it."""
        self._session = session
        self._replay_path = replay_path
        self._warn = warn

    @lazy
    def calls(self) -> Log:
        """The user's log of calls."""
        return Log()

    def close(self) -> None:
        """Closes the log, where it was opened."""
        if is_built(self, "calls"):
            self.calls.close()

    # -- an answer asked alone ----------------------------------------------------------------------------------------

    def keep(self, reply: Reply, call: Call, record: Record | None = None) -> Reply:
        """Records, logs and counts `reply`, then tells the listeners.

        Raises ReplayError: it cannot be recorded. All the rest has happened then.
        """
        try:
            if record is not None:
                self.add(record, reply, call)
        finally:
            self.log(reply, call)
            self._session.count(reply, call.turn)
            self._tell(reply)
        return reply

    def _tell(self, reply: Reply) -> None:
        for listener in tuple(self.listeners):
            try:
                listener(reply)
            except Exception as error:
                name = getattr(listener, "__name__", type(listener).__name__)
                what = _("The on_reply function {name} failed: {error}. The answer is kept.")
                self._warn(what.format(name=name, error=one_line(f"{type(error).__name__}: {error}")))

    # -- the steps, which a run takes at moments of its own -----------------------------------------------------------

    def record(self, call: Call, *, keeps: bool = False) -> Record | None:
        """The replay file of `call`, shared by all clients of this process; None: nothing is recorded or replayed.

        `keeps`: also a call that only keeps its answer has one.
        """
        mode = "auto" if keeps and call.keep and call.replay == "off" else call.replay
        if mode == "off":
            return None
        record = opened(self._replay_path(call.replay_file), mode)
        self._say(record)
        return record

    def _say(self, record: Record) -> None:
        for notice in record.take_notices():
            self._warn(notice)

    def recorded(self, call: Call, record: Record | None) -> Reply | None:
        """The recorded answer; None: send the request. Raises ReplayError where only recorded answers are wanted."""
        if record is None or (call.anew and record.mode != "replay"):
            return None
        return record.lookup(call.request, call.fingerprint, any_server=call.any_server)

    def kept(self, call: Call, record: Record | None) -> Reply | None:
        """The kept answer of an unchanged question, else the recorded one; None: send it. Raises ReplayError."""
        if record is not None and call.keep and record.mode != "record" and not (call.anew and record.mode == "auto"):
            found = record.kept(call.request, call.fingerprint, any_server=call.any_server)
            if found is not None:
                return found
        return self.recorded(call, record)

    def tool_results(self, call: Call, asked: Message) -> tuple[Message, ...]:
        """The recorded results of the calls in `asked`, the answer to `call`; may be empty. Raises ReplayError."""
        record = self.record(call)
        return () if record is None else record.tool_results(call.request, asked)

    def add(self, record: Record, reply: Reply, call: Call) -> None:
        """Records `reply`. Raises ReplayError."""
        redact = self._session.keys.redact
        record.add(
            reply,
            keep_images=call.keep_images,
            allow_secrets=call.allow_secrets,
            is_secret=lambda text: redact(text) != text,
        )
        self._say(record)

    def add_all(self, replies: Iterable[Reply], call: Call) -> None:
        """Records the answers of a run in this order. Raises ReplayError."""
        if (record := self.record(call)) is not None:
            for reply in replies:
                self.add(record, reply, call)

    def log(self, reply: Reply, call: Call) -> None:
        """Adds `reply` to the log, where `call` wants it there."""
        self.log_all([reply], call)

    def log_all(self, replies: Iterable[Reply], call: Call, mark: RunMark | None = None) -> None:
        """Adds `replies` to the log, where `call` wants them there, and says by `mark` how far a run is."""
        if not call.log:
            return
        try:
            self.calls.retain(call.log_days)
            self.calls.add_all(replies, content=call.log_content, redact=self._session.keys.redact, mark=mark)
        except WcodeError as error:
            # A log that cannot be written must not cost anyone an answer.
            self._warn(str(error))

    def log_position(self, run: str) -> int | None:
        """How far the log is in an unfinished run; None: it knows of none."""
        try:
            return self.calls.position(run)
        except WcodeError:
            return None

    def count(self, reply: Reply) -> None:
        """Counts an answer of a run."""
        self._session.count_in_run(reply)
