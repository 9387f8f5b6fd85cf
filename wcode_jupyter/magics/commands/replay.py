"""`%wcode replay`, `%wcode audit` and `%wcode methods`: what a replay file is for."""

from __future__ import annotations

import contextlib
import difflib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ...errors import AnswerInterrupted, InputError, OptionError, WcodeError
from ...language import N_, _
from ...reply import Reply
from ...request.parameters import did_you_mean
from ...request.settings import ROWS
from ...session import Session
from ...shell import is_watched
from ...store import MODES, Mode, Record, named_path, rewind, to_frame
from ...study.audit import AuditRow, audit, estimate
from ...table import Table
from ..line import CommandLine, parse_command
from ..options import CellOption
from .command import Context

__all__ = ["AUDIT_OPTIONS", "REPLAY_OPTIONS", "run_audit", "run_replay"]

# Settings of the session, which the command sets together with the mode.
REPLAY_OPTIONS = tuple(
    CellOption(name=name, arity="flag", help=ROWS[name].help) for name in ("keep_images", "allow_secrets")
)
AUDIT_OPTIONS = (
    CellOption(name="yes", arity="flag", help=N_("Skip the confirmation.")),
    CellOption(name="max_cost", metavar="RMB", help=N_("Stop before this cost is exceeded.")),
    CellOption(name="output", short="-o", metavar="NAME", help=N_("Store the rows as a DataFrame in this variable.")),
)

_STATES: dict[Mode, str] = {
    "off": N_("Replay is off: every request is sent, nothing is recorded."),
    "record": N_("Recording every answer in {file}."),
    "replay": N_("Replaying from {file} only: no request is sent."),
    "auto": N_("Replaying from {file}; missing answers are requested and recorded."),
}


def run_replay(context: Context, rest: str) -> None:
    """Sets mode and file of the session and begins again at the first sample; without a word, says what is set.

    After a switch to a stricter mode that fails nothing is sent. Where the environment asks for strict replay, a looser
    mode prints its line, because that is in the saved notebook, and changes nothing.
    """
    session = context.client.session
    mode: Mode = session.values()["replay"].value
    if rest:
        try:
            mode = _switch(context, parse_command(rest, REPLAY_OPTIONS))
        except WcodeError as error:
            if _is_stricter(rest, mode):
                _send_nothing(session, rest, error)
            raise
    # The name without its folder: the same line on every machine.
    print(_(_STATES[mode]).format(file=context.client.replay_path.name))


def _switch(context: Context, line: CommandLine) -> Mode:
    """The mode that `line` names, now set. Raises OptionError, ReplayError: nothing was changed."""
    client, session = context.client, context.client.session
    if not line.words:
        raise OptionError(
            _("{option} needs a mode").format(option=next(o.option for o in REPLAY_OPTIONS if line.flag(o.name))),
            hint=_("Use %wcode replay record or %wcode replay auto."),
        )
    mode = _mode(line.words[0])
    file = _only_file(CommandLine(line.words[1:], {}))
    if mode == "replay" or not session.strict:
        for notice in Record(file or client.replay_path, mode).take_notices():  # an error now, not at the first cell
            client.warn(notice)
    session.set("replay", mode)
    if file:
        session.set("replay_file", str(file))
    for option in REPLAY_OPTIONS:
        if line.flag(option.name):
            session.set(option.name, True)
        else:
            session.unset(option.name)
    rewind()
    return mode


# How little a mode sends.
_STRICTNESS: dict[str, int] = {"off": 0, "record": 0, "auto": 1, "replay": 2}


def _is_stricter(rest: str, mode: Mode) -> bool:
    """Whether the line, or the line that it seems to mean, asks for a stricter mode than `mode`."""
    word = rest.split()[0]
    meant = [word] if word in _STRICTNESS else difflib.get_close_matches(word, _STRICTNESS, n=1, cutoff=0.6)
    return bool(meant) and _STRICTNESS[meant[0]] > _STRICTNESS[mode]


def _send_nothing(session: Session, rest: str, error: WcodeError) -> None:
    """Strict replay from the file of a line that failed: no other file may answer instead."""
    session.send_nothing()
    with contextlib.suppress(WcodeError):
        if file := _only_file(CommandLine(parse_command(rest, REPLAY_OPTIONS).words[1:], {})):
            session.set("replay_file", str(file))
    error.hint = " ".join(filter(None, [error.hint, _("Nothing is sent until %wcode replay succeeds.")]))


def _mode(word: str) -> Mode:
    for mode in MODES:
        if word == mode:
            return mode
    raise OptionError(
        _("%wcode replay {word}: expected record, replay, auto or off").format(word=word),
        hint=did_you_mean(word, MODES),
    )


def _only_file(line: CommandLine) -> Path | None:
    if len(line.words) > 1:
        raise OptionError(
            _("Unexpected word {word}").format(word=line.words[1]), hint=_("Put a name with spaces in quotes.")
        )
    return named_path(line.words[0]) if line.words else None


def _recorded(path: Path) -> list[Reply]:
    return list(Record(path, "replay").replies())


def run_audit(context: Context, rest: str) -> None:
    """Asks every recorded request again, after a confirmation, and shows what changed."""
    line = parse_command(rest, AUDIT_OPTIONS)
    limit = _amount(line.text("max_cost"))
    context.client.session.check_may_send()
    path = _only_file(line) or context.client.replay_path
    if not (replies := _recorded(path)):
        raise InputError(_("{path} contains no answers yet").format(path=path.name))
    if line.text("output"):
        to_frame((), AuditRow)  # without pandas, fail before anything is paid
    if not line.flag("yes") and not _confirmed(replies, limit):
        print(_("No request was sent."))
        return
    progress = _Progress(context.shell, len(replies))
    rows, error = _asked_again(context, replies, limit, progress)
    if name := line.text("output"):
        context.shell.push({name: to_frame(rows, AuditRow)})
    progress.finish(_audit_table(rows, len(replies), limit))
    if error is not None:
        raise error


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

    def __init__(self, shell: Any, total: int) -> None:
        self._total = total
        kernel = getattr(shell, "kernel", None)
        self._handle: Any = None
        self._bar = None
        if kernel is None:
            from ...local.progress import bar

            self._bar = bar(_("Sending again"))
        elif is_watched():
            self._handle = _display(self._text(0), raw=True, display_id=True)

    def _text(self, count: int) -> dict[str, str]:
        return {"text/plain": _("Sending again: {count} of {total}").format(count=count, total=self._total)}

    def update(self, count: int) -> None:
        if self._handle:
            self._handle.update(self._text(count), raw=True)
        if self._bar:
            self._bar.update(count / self._total)

    def finish(self, table: Table) -> None:
        if self._bar:
            self._bar.close()
        if self._handle:
            self._handle.update(table)
        else:
            _display(table)


def _display(value: Any, **options: Any) -> Any:
    from IPython.display import display

    return display(value, **options)  # type: ignore[no-untyped-call, unused-ignore]


def _asked_again(
    context: Context, replies: list[Reply], limit: Decimal | None, progress: _Progress
) -> tuple[list[AuditRow], WcodeError | None]:
    """The rows as far as they came, and what stopped them."""
    client = context.client
    rows: list[AuditRow] = []
    try:
        for row in audit(
            replies, lambda request: client.start(client.session.repeat(request)).result(), max_cost=limit
        ):
            rows.append(row)
            progress.update(len(rows))
    except KeyboardInterrupt:
        what = _("Interrupted after {count} of {total} requests").format(count=len(rows), total=len(replies))
        return rows, AnswerInterrupted(what, hint=_("Everything received so far is kept."))
    except WcodeError as error:
        return rows, error
    return rows, None


_OUTCOMES = {"same": N_("same"), "different": N_("different"), "failed": N_("failed"), "skipped": N_("skipped")}


def _audit_table(rows: list[AuditRow], total: int, limit: Decimal | None) -> Table:
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in _OUTCOMES}
    outcomes = ", ".join(f"{count} {_(_OUTCOMES[outcome])}" for outcome, count in counts.items() if count)
    note = _("{count} of {total}: {outcomes}").format(count=len(rows), total=total, outcomes=outcomes)
    unknown = sum(row.outcome != "skipped" and row.cost_then_cny is None for row in rows)
    if limit is not None and unknown:
        note += "; " + _("with unknown cost, which --max-cost does not stop: {count}").format(count=unknown)
    return Table(
        columns=(
            _("no."),
            _("model"),
            _("prompt"),
            _("answer"),
            _("similarity"),
            _("answered by"),
            _("server version"),
            _("output tokens"),
            "¥",
            _("why"),
        ),
        rows=tuple(_audit_cells(row) for row in rows),
        note=note,
    )


def _audit_cells(row: AuditRow) -> tuple[Any, ...]:
    return (
        row.number,
        row.model,
        row.prompt,
        _(_OUTCOMES[row.outcome]),
        "" if row.similarity is None else f"{row.similarity:.2f}",
        _then_now(row.answered_then, row.answered_now),
        _then_now(row.fingerprint_then, row.fingerprint_now),
        _then_now(row.output_tokens_then, row.output_tokens_now),
        _then_now(row.cost_then_cny, row.cost_now_cny),
        row.error,
    )


def _then_now(then: Any, now: Any) -> str:
    """`then → now`, one of them where they are equal."""
    texts = [
        "–" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value) for value in (then, now)
    ]
    return " → ".join(dict.fromkeys(texts))
