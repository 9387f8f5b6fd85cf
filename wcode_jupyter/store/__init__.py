"""How is it remembered: the replay file of a notebook, and the user's log of calls."""

from .record import MODES, Mode, Record, default_path

__all__ = ["MODES", "Mode", "Record", "default_path"]
