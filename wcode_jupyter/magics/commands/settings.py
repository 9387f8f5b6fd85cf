"""`%wcode set`, `%wcode unset` and `%wcode settings`."""

from __future__ import annotations

from ...errors import OptionError, WcodeError
from ...language import _
from ...session import Value
from ...table import Table
from ..options import parse_assignments, split_words
from .command import Context

__all__ = ["set_values", "show", "unset_values"]


def set_values(context: Context, rest: str) -> None:
    """Sets all of the line's values, or none when one of them is wrong: then a replay mode among them is strict."""
    session = context.client.session
    try:
        values = parse_assignments(rest)
    except WcodeError:
        if any(word.startswith("replay=") for word in rest.split()):
            session.send_nothing()
        raise
    for name, value in values.items():
        session.set(name, value)


def unset_values(context: Context, rest: str) -> None:
    """Takes all of the line's values back, or none when one of them is not set."""
    if not (names := split_words(rest)):
        raise OptionError(_("Nothing to unset"), hint=_("Example: %wcode unset temperature"))
    session = context.client.session
    for name in names:
        if not session.is_set(name):
            raise OptionError(_("{name} is not set in this session").format(name=name))
    for name in names:
        session.unset(name)


def show(context: Context, rest: str) -> Table:
    """Every value in force with its source."""
    values = context.client.session.values()
    return Table(
        columns=(_("name"), _("value"), _("from")),
        rows=tuple((value.name, _shown(value), value.source) for value in values.values()),
        note=_("Precedence: cell, %wcode set, %config, environment variable, model defaults."),
    )


def _shown(value: Value) -> str:
    text = value.value if isinstance(value.value, str) else repr(value.value)
    return text if len(text) <= 80 else text[:79] + "…"
