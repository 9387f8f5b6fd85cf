"""`%wcode replay`, `%wcode audit` and `%wcode methods`: what a replay file is for."""

from __future__ import annotations

import contextlib
import difflib
from pathlib import Path

from ...errors import OptionError, WcodeError
from ...language import N_, _
from ...request.parameters import did_you_mean
from ...request.settings import ROWS
from ...session import Session
from ...store import MODES, Mode, Record, named_path, rewind
from ..line import CommandLine, parse_command
from ..options import CellOption
from .command import Context

__all__ = ["REPLAY_OPTIONS", "only_file", "run_replay"]

# Settings of the session, which the command sets together with the mode.
REPLAY_OPTIONS = tuple(
    CellOption(name=name, arity="flag", help=ROWS[name].help) for name in ("keep_images", "allow_secrets")
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
    file = only_file(CommandLine(line.words[1:], {}))
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
        if file := only_file(CommandLine(parse_command(rest, REPLAY_OPTIONS).words[1:], {})):
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


def only_file(line: CommandLine) -> Path | None:
    """The file that the line names, if any. Raises OptionError: several words; ReplayError: that is not a file name."""
    if len(line.words) > 1:
        raise OptionError(
            _("Unexpected word {word}").format(word=line.words[1]), hint=_("Put a name with spaces in quotes.")
        )
    return named_path(line.words[0]) if line.words else None
