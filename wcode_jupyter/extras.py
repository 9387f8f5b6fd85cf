"""Optional packages: loaded when they are used, and one error where they are missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import InputError
from .language import _

__all__ = ["load"]


def load(module: str, *, extra: str, package: str = "") -> Any:
    """The module of an optional package that the extra `extra` of this package installs.

    `package` is its name where that is not the module's. Raises InputError with the command that installs it.
    """
    try:
        return import_module(module)
    except ImportError:
        raise InputError(
            _("This needs {package}").format(package=package or module.partition(".")[0]),
            hint=_("Install it: {command}").format(command=f'pip install "wcode_jupyter[{extra}]"'),
        ) from None
