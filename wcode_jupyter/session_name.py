"""The notebook that belongs to this process, as far as Jupyter says."""

from __future__ import annotations

import os

__all__ = ["session_name"]

_OWNER = "WCODE_SESSION_OWNER"
"""The variable that says which process a notebook's name belongs to: its id, and the name."""


def session_name() -> str:
    """The notebook that Jupyter gives this kernel in JPY_SESSION_NAME; empty where there is none.

    A child process inherits the variable, but the notebook is its parent's: who asks first under a name owns it.
    """
    name = os.environ.get("JPY_SESSION_NAME", "")
    own = f"{os.getpid()} {name}"
    owner = os.environ.get(_OWNER, "")
    if name and owner.partition(" ")[2] != name:
        os.environ[_OWNER] = owner = own
    return name if owner == own else ""
