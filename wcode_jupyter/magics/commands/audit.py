"""`%wcode audit`: every recorded request sent again, and what changed since."""

from __future__ import annotations

import os
import random
import threading
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ...client import Client
from ...errors import AnswerInterrupted, InputError, OptionError, WcodeError
from ...event_loop import Stream
from ...figures import format_cost, format_time
from ...language import N_, _
from ...local.progress import bar
from ...reply import Reply
from ...request.messages import Request
from ...session.account import AccountEntry
from ...shell import Shell, is_watched
from ...store import Record, to_frame
from ...study.audit import Audited, AuditRow, audited, estimate
from ...study.drift import FieldDrift, drift, to_table, transition_table
from ...table import Table
from ..audit_table import audit_table, reasons
from ..line import CommandLine, parse_command
from ..options import OUTPUT_ROWS, CellOption
from .command import Context
from .replay import only_file

__all__ = ["AUDIT_OPTIONS", "run_audit"]

AUDIT_OPTIONS = (
    CellOption(name="yes", arity="flag", help=N_("Skip the confirmation.")),
    CellOption(name="max_cost", metavar="RMB", help=N_("Stop before this cost is exceeded.")),
    CellOption(name="sample", metavar="N", help=N_("Send only N of the recorded requests, chosen at random.")),
    CellOption(name="repeat", metavar="N", help=N_("Send each request N times, to tell change from chance.")),
    CellOption(name="accept", arity="flag", help=N_("Put the new answers into the replay file.")),
    OUTPUT_ROWS,
)
# With fewer questions than this for each request under way, an audit sends them one after another.
_QUESTIONS_EACH = 8


def run_audit(context: Context, rest: str) -> None:
    """Sends every recorded request again, after a confirmation, and shows what changed.

    What arrived of an audit that was stopped is kept beside the file, and the next audit goes on from there.
    """
    line = parse_command(rest, AUDIT_OPTIONS)
    limit = _amount(line.text("max_cost"))
    client = context.client
    client.session.check_may_send()
    path = only_file(line) or client.replay_path
    recorded = list(Record(path, "replay").replies())
    if not recorded:
        raise InputError(_("{path} contains no answers yet").format(path=path.name))
    if line.text("output"):
        to_frame((), AuditRow)  # without pandas, fail before anything is paid
    kept = _Kept(path)
    accepting = line.flag("accept") and kept.is_finished
    replies = _chosen(recorded, line)
    if not accepting and not line.flag("yes") and not _confirmed(replies, limit):
        print(_("No request was sent."))
        return
    progress = _Progress(context.shell, len(replies))
    found, error = _asked_again(client, kept.record(finished=accepting), replies, limit, progress)
    if name := line.text("output"):
        context.shell.push({name: to_frame([one.row for one in found], AuditRow)})
    fields = drift([(one.then, one.now) for one in found if one.now is not None])
    _show(progress, found, fields, len(replies), limit, path)
    if error is not None:
        raise error
    if any(one.row.outcome == "skipped" for one in found):
        return
    kept.finish()
    client.session.findings.append(_finding(fields, len(found), path))
    if line.flag("accept"):
        _accept(client, path, recorded, found)
        kept.remove()


def _chosen(recorded: list[Reply], line: CommandLine) -> list[Reply]:
    """The answers to ask again, in the order of the file. Raises OptionError."""
    count, times = _number(line, "sample", len(recorded)), _number(line, "repeat", 1)
    chosen = range(len(recorded))
    if count < len(recorded):
        # The same sample each time, so that an audit that was stopped goes on with it.
        chosen = sorted(random.Random(1).sample(chosen, count))  # type: ignore[assignment]
    return [recorded[index] for index in chosen for _time in range(times)]


def _number(line: CommandLine, name: str, default: int) -> int:
    if (text := line.text(name)) is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise OptionError(
            _("{option} must be an integer of at least 1, got {text}").format(option=f"--{name}", text=text)
        )
    return int(text)


class _Kept:
    """The new answers on disk: those of a stopped audit, and those of the last finished one."""

    def __init__(self, path: Path) -> None:
        stem = path.name.removesuffix(".jsonl").removesuffix(".replay")
        self._path = path
        self._part = path.with_name(f"{stem}.audit-part.jsonl")
        self._whole = path.with_name(f"{stem}.audit.jsonl")
        self.is_finished = self._whole.is_file() and self._whole.stat().st_mtime_ns >= path.stat().st_mtime_ns
        """Whether the last audit is of the file as it is now."""

    def record(self, *, finished: bool) -> Record:
        """The record to look answers up in and to add new ones to. Raises ReplayError."""
        return Record(self._whole if finished else self._part, "auto")

    def finish(self) -> None:
        """All was asked: the next audit begins anew."""
        if self._part.exists():
            os.replace(self._part, self._whole)

    def remove(self) -> None:
        """The answers are in the replay file now."""
        self._whole.unlink(missing_ok=True)


class _Asker:
    """Sends recorded requests as they were, at the pace of the session's limits, and keeps what arrives."""

    def __init__(self, client: Client, record: Record) -> None:
        self._client = client
        self._record = record
        values = client.session.values()
        self._rpm = values["rpm"].value if "rpm" in values else None
        self._tpm = values["tpm"].value if "tpm" in values else None
        self._due = time.monotonic()
        self._mutex = threading.Lock()
        self._streams: set[Stream] = set()
        self._stopped = False

    def __call__(self, request: Request) -> Reply:
        call = self._client.session.repeat(request)
        if (kept := self._record.lookup(call.request, call.fingerprint)) is not None:
            return kept
        self._wait(call.estimate.input_tokens + (call.request.parameters.get("max_tokens") or 0))
        stream = self._client.start(call)
        with self._mutex:
            self._streams.add(stream)
        try:
            if self._stopped:
                stream.cancel()
            reply = stream.result()
        finally:
            with self._mutex:
                self._streams.discard(stream)
        # What was recorded once may be recorded again: a credential in it was allowed then.
        self._record.add(reply, keep_images=True, allow_secrets=True)
        return reply

    def _wait(self, tokens: int) -> None:
        """Blocks until the limits admit a request of about `tokens`."""
        seconds = max(60 / self._rpm if self._rpm else 0.0, tokens * 60 / self._tpm if self._tpm else 0.0)
        with self._mutex:
            due = max(self._due, time.monotonic())
            self._due = due + seconds
        if (wait := due - time.monotonic()) > 0:
            time.sleep(wait)

    def stop(self) -> None:
        """Ends all that is under way."""
        with self._mutex:
            self._stopped = True
            streams = list(self._streams)
        for stream in streams:
            stream.cancel()


def _asked_again(
    client: Client, record: Record, replies: list[Reply], limit: Decimal | None, progress: _Progress
) -> tuple[list[Audited], WcodeError | None]:
    """What was asked as far as it came, and what stopped it."""
    ask = _Asker(client, record)
    found: list[Audited] = []
    workers = max(1, min(client.session.values()["concurrency"].value, len(replies) // _QUESTIONS_EACH))
    rows = audited(replies, ask, max_cost=limit, workers=workers)
    try:
        for one in rows:
            found.append(one)
            progress.update(found)
    except KeyboardInterrupt:
        ask.stop()
        what = _("Interrupted after {count} of {total} requests").format(count=len(found), total=len(replies))
        return found, AnswerInterrupted(what, hint=_("Everything received so far is kept."))
    except WcodeError as error:
        ask.stop()
        return found, error
    return found, None


def _show(
    progress: _Progress,
    found: list[Audited],
    fields: list[FieldDrift],
    total: int,
    limit: Decimal | None,
    path: Path,
) -> None:
    """The change of each field first, then the answers that are not the same."""
    rows = [one.row for one in found]
    tables = [to_table(fields)] if fields else []
    tables += [
        transition_table(field) for field in fields if any(then != now for then, now, _count in field.transitions)
    ]
    tables += [audit_table(rows, total, limit, path), *reasons(rows)]
    first, *more = tables
    progress.finish(first)
    for table in more:
        _display(table)


def _finding(fields: list[FieldDrift], count: int, path: Path) -> AccountEntry:
    parts = [f"{field.field} {field.share}" + ("" if field.p is None else f", p = {field.p:.2g}") for field in fields]
    text = _("{count} recorded requests were sent again; changed answers: {fields}.").format(
        count=count, fields="; ".join(parts) or "–"
    )
    return AccountEntry("audit", text, path.name)


def _accept(client: Client, path: Path, recorded: list[Reply], found: list[Audited]) -> None:
    """Puts the new answers that are whole in the place of the recorded ones. Raises ReplayError."""
    places = {id(reply): number for number, reply in enumerate(recorded)}
    new = {
        places[id(one.then)]: one.now
        for one in found
        if one.now is not None and one.now.fault is None and one.now.ended in ("complete", "length")
    }
    count = Record(path, "auto").replace_all(new)
    print(_("{count} answers of {path} were replaced by the new ones.").format(count=count, path=path.name))


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise OptionError(_("--max-cost {text}: expected an amount in RMB").format(text=text))
    return amount


def _confirmed(replies: list[Reply], limit: Decimal | None) -> bool:
    from IPython.core.error import StdinNotImplementedError

    cost = estimate(replies)
    unknown = sum(reply.cost is None for reply in replies)
    facts = [
        _("{count} requests").format(count=len(replies)),
        "" if cost is None else _("about ¥{cost} according to the recorded costs").format(cost=f"{cost:f}"),
        _("{count} with unknown cost").format(count=unknown) if unknown else "",
        "" if limit is None else _("at most ¥{limit}").format(limit=limit),
    ]
    try:
        answer = input(_("{facts}. Send them again? [y/N] ").format(facts=", ".join(filter(None, facts))))
    except (StdinNotImplementedError, EOFError):
        raise InputError(
            _("Cannot ask for confirmation: not interactive ({facts})").format(facts=", ".join(filter(None, facts))),
            hint=_("Add --yes to skip the confirmation."),
        ) from None
    return answer.strip().lower() in ("y", "yes", "是")


class _Progress:
    """How far an audit has come, where somebody watches; the table takes its place in the notebook."""

    def __init__(self, shell: Shell, total: int) -> None:
        self._total = total
        self._began_s = time.monotonic()
        kernel = getattr(shell, "kernel", None)
        self._handle: Any = None
        self._bar = None
        if kernel is None:
            self._bar = bar(_("Sending again"))
        elif is_watched():
            self._handle = _display(self._text([]), raw=True, display_id=True)

    def _text(self, found: list[Audited]) -> dict[str, str]:
        """How many, how many failed, what they cost, how long it takes."""
        failed = sum(one.row.outcome == "failed" for one in found)
        cost = sum((one.row.cost_now_cny or Decimal(0) for one in found), Decimal(0))
        seconds = time.monotonic() - self._began_s
        parts = [
            _("Sending again: {count} of {total}").format(count=len(found), total=self._total),
            _("{count} failed").format(count=failed) if failed else "",
            format_cost(cost) if cost else "",
            _("{time} left").format(time=format_time(seconds / len(found) * (self._total - len(found))))
            if found
            else "",
        ]
        return {"text/plain": " · ".join(filter(None, parts))}

    def update(self, found: list[Audited]) -> None:
        if self._handle:
            self._handle.update(self._text(found), raw=True)
        if self._bar:
            self._bar.update(len(found) / self._total)

    def finish(self, table: Table) -> None:
        if self._bar:
            self._bar.close()
        if self._handle:
            self._handle.update(table)
        else:
            _display(table)


def _display(value: object, **options: object) -> object:
    from IPython.display import display

    return display(value, **options)  # type: ignore[no-untyped-call, unused-ignore]
