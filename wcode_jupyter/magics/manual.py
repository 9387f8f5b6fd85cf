"""What `%%wcode?`, `%%wcode -h` and `%wcode help` show: generated from the tables, never written twice."""

from __future__ import annotations

from collections.abc import Iterable

from ..language import _
from ..request.parameters import GROUPS, PARAMETERS, Option, Parameter
from ..request.settings import SETTINGS
from .commands.command import Command
from .options import CELL_OPTIONS, CellOption

__all__ = ["manual"]

_WIDTH = 34
_TEXT_WIDTH = 64


def manual(commands: Iterable[Command]) -> str:
    """The whole help text, lines of about 100 columns."""
    sections = [
        "%%wcode [MODEL] [OPTIONS]\nTEXT\n\n"
        + _("Sends TEXT to a model and shows the answer as it streams. {{name}} inserts the variable name.")
        + "\n"
        + _("Only what you set is sent; --dry-run shows the exact request."),
        _section(_("Commands"), ((f"%wcode {command.usage}", _(command.help)) for command in commands)),
        _section(_("This cell"), (_own(option) for option in CELL_OPTIONS)),
        _section(_("Settings (also: %wcode set, %config Wcode, WCODE_… variables)"), (_row(row) for row in SETTINGS)),
        *(
            _section(_(title), (_row(row) for row in PARAMETERS if row.group == group))
            for group, title in GROUPS.items()
        ),
        _("Examples") + ":\n" + "\n".join(f"  {line}" for line in _EXAMPLES),
    ]
    return "\n\n".join(sections)


_EXAMPLES = (
    "%%wcode glm-5 --temperature 0.2 -o answer",
    '%%wcode qwen3.6-plus --system "You are terse" --reasoning low --max-tokens 500',
    "%%wcode local --response-format json_object --format json",
    "%%wcode glm-5 --each reviews --score is_right -o results",
    '%%wcode step -p stop=\'["END"]\' --extra-body \'{"user": "me"}\' --dry-run',
)


def _section(title: str, lines: Iterable[tuple[str, str]]) -> str:
    return title + ":\n" + "\n".join(_line(head, text) for head, text in lines)


def _line(head: str, text: str) -> str:
    from rich.console import Console
    from rich.text import Text

    # rich knows that Chinese characters are two columns wide and may be parted anywhere.
    lines = [str(line).rstrip() for line in Text(text).wrap(Console(width=_TEXT_WIDTH), _TEXT_WIDTH)]
    indent = "\n" + " " * (_WIDTH + 2)
    # A long head gets a line of its own, so that all explanations start at one column.
    gap = indent if len(head) > _WIDTH - 2 else " " * (_WIDTH - len(head))
    return f"  {head}{gap}{indent.join(lines)}"


def _own(option: CellOption) -> tuple[str, str]:
    names = ", ".join(name for name in (option.short, option.option) if name)
    return f"{names} {option.metavar}".rstrip(), _(option.help)


def _row(row: Option) -> tuple[str, str]:
    default = row.page_default if isinstance(row, Parameter) else None
    hint = " " + _("(page default {value})").format(value=default) if default else ""
    if row.kind == "bool":
        return f"{row.option}, --no-{row.option[2:]}", _(row.help) + hint
    head = f"-m, {row.option}" if row.name == "model" else row.option
    return f"{head} {row.range.replace(' ', '_') if row.choices else row.name.upper()}", (
        _(row.help) + ("" if row.choices else f" [{row.range}]") + hint
    )
