"""`%wcode preset`: options kept under a name, for `%%wcode --preset NAME` and the panel."""

from __future__ import annotations

from ...errors import InputError, OptionError
from ...language import _
from ...request.cell_syntax import cell_line
from ...request.parameters import did_you_mean
from ...session.presets import Presets
from ...table import Table
from ..cell import with_preset
from ..options import parse_cell_line
from .command import Context

__all__ = ["preset", "presets_of"]

_WORDS = ("save", "list", "delete")


def preset(context: Context, rest: str) -> Table | None:
    """`save NAME OPTIONS`, `list` or `delete NAME`."""
    word, _space, rest = (rest or "list").partition(" ")
    name, _space, line = rest.strip().partition(" ")
    if word not in _WORDS:
        hint = did_you_mean(word, _WORDS)
        raise OptionError(_("%wcode preset {word}: expected save, list or delete").format(word=word), hint=hint)
    if word == "list":
        return _list(presets_of(context))
    if not name:
        raise OptionError(_("No preset name"), hint=_("Example: %wcode preset save careful --temperature 0.2"))
    if word == "save":
        _save(context, name, line)
    elif not presets_of(context).delete(name):
        raise InputError(_("Preset not found: {name}").format(name=name))
    return None


def presets_of(context: Context) -> Presets:
    """The user's presets, which never take a key of this session."""
    redact = context.client.session.keys.redact
    return Presets(is_secret=lambda text: redact(text) != text)


def _save(context: Context, name: str, line: str) -> None:
    values = with_preset(parse_cell_line(line)).values
    presets_of(context).save(name, values or _of_session(context))


def _of_session(context: Context) -> dict[str, object]:
    """What `%wcode set` says, for a save without options."""
    values = context.client.session.values()
    return {name: value.value for name, value in values.items() if value.source == "%wcode set"}


def _list(presets: Presets) -> Table:
    return Table(
        columns=(_("preset"), _("options")),
        rows=tuple((name, cell_line(presets.load(name)).removeprefix("%%wcode ")) for name in presets.names()),
        note=_("Use one with %%wcode --preset NAME. The file is {name}.").format(name=presets.path.name),
    )
