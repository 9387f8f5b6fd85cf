"""How is it remembered: the replay file of a notebook, and the user's log of calls."""

from .frames import to_frame
from .location import default_path, named_path
from .log import CallRow, Log, RunMark, UsageRow, user_log
from .replay import MODES, Mode, Record, opened, rewind

__all__ = [
    "MODES",
    "CallRow",
    "Log",
    "Mode",
    "Record",
    "RunMark",
    "UsageRow",
    "default_path",
    "named_path",
    "opened",
    "rewind",
    "to_frame",
    "user_log",
]
