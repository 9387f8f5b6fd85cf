"""Strict replay as the environment asks for it: `WCODE_REPLAY=replay`, read once, when the package is first imported.

A notebook can change `os.environ`, but not what was read here, so nothing in it can make a strict run send a request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from .errors import ReplayError
from .language import _

__all__ = ["AT_IMPORT", "VARIABLE", "closed", "wanted"]

VARIABLE = "WCODE_REPLAY"
_LOOSER = ("", "off", "record", "auto")


def wanted(environment: Mapping[str, str]) -> str:
    """The value that makes every replay strict, "" if none does. A misspelled mode is strict and an error later."""
    value = environment.get(VARIABLE, "")
    return "" if value in _LOOSER else value


AT_IMPORT = wanted(os.environ)


def closed() -> ReplayError:
    """The error of whatever would send a request in a strict replay."""
    return ReplayError(
        _("Nothing is sent: {variable}=replay is set").format(variable=VARIABLE),
        hint=_("To send requests, start the kernel without this environment variable."),
    )
