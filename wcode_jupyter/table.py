"""A small table that shows well in a notebook and in a terminal, and becomes a DataFrame on request.

Words are never broken in the middle: a wide table scrolls in a notebook, and in a terminal that is too narrow for it
each row becomes a card.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from . import extras
from .characters import escape, visible
from .errors import one_line
from .language import _

__all__ = ["LongText", "Table"]

_GAP = 2
"""Columns between two columns of text."""
_SHORT = 24
"""Characters of a cell that is never wrapped."""
_LONG = 48
"""Characters of a cell whose column must not become narrow."""
# Between these a line may break without a space.
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")

# `:not(#w)` only adds weight, where JupyterLab's own rules are heavier.
_STYLE = (
    "<style>.wcode-table{overflow-x:auto}.wcode-table:not(#w) :is(td,th){text-align:start;vertical-align:top;"
    "white-space:normal;word-break:normal;overflow-wrap:normal}.wcode-table:not(#w) .n{white-space:nowrap}"
    ".wcode-table:not(#w) .w{min-width:16em}.wcode-table summary{cursor:pointer}"
    ".wcode-table td>details>div{white-space:pre-wrap;max-width:60em}</style>"
)


class LongText(Struct, frozen=True):
    """A cell that shows the first characters of `text`, and in a notebook all of it on request.

    `html` is safe markup that then stands in the place of the text.
    """

    text: str
    html: str = ""
    shown: int = 100
    head: str = ""
    """What stands in the place of the first characters."""

    @property
    def short(self) -> str:
        """One line."""
        return visible(self.head or one_line(self.text, self.shown))

    @property
    def is_long(self) -> bool:
        """Whether there is more than its one line shows."""
        return bool(self.html or self.head) or one_line(self.text, self.shown) != self.text

    def __str__(self) -> str:
        return self.short


class Table(Struct, frozen=True):
    """Rows of texts under column names. `note` stands below. In a notebook rows after the first `most` are folded."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    most: int = 0
    """0: all rows are shown."""

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame. Raises InputError without pandas."""
        pandas = extras.load("pandas", extra="frames")

        rows = [[cell.text if isinstance(cell, LongText) else cell for cell in row] for row in self.rows]
        return pandas.DataFrame(rows, columns=list(self.columns))

    def __repr__(self) -> str:
        from rich.cells import cell_len

        lines = [[visible(name) for name in self.columns], *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(cell_len(line[column]) for line in lines) for column in range(len(self.columns))]
        # Chinese characters are two columns wide: pad by what a terminal shows, not by length.
        padded = [
            "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        rule = "  ".join("─" * width for width in widths)
        columns = _terminal_columns()
        if columns is not None and cell_len(rule) > columns:
            return self._folded(columns)
        note = [visible(self.note)] if columns is None else _wrapped(visible(self.note), columns)
        return "\n".join([padded[0], rule, *padded[1:], *(note if self.note else [])])

    def _folded(self, columns: int) -> str:
        """The table with long cells broken between words, so that no line is longer than the terminal."""
        lines = [[visible(name) for name in self.columns], *([_text(cell) for cell in row] for row in self.rows)]
        room = columns - _GAP * (len(self.columns) - 1)
        if (widths := _widths(lines, room)) is None:
            return self._cards(columns)
        rows = [_wrapped_row(line, widths) for line in lines]
        rule = (" " * _GAP).join("─" * width for width in widths)
        return "\n".join([rows[0], rule, *rows[1:], *_wrapped(visible(self.note), columns)])

    def _cards(self, columns: int) -> str:
        """Each row as a block: its first cell, and below it a line for each of the others that is not empty."""
        from rich.cells import cell_len

        # A single value needs no name.
        names = [visible(name) for name in self.columns[1:]] if len(self.columns) > 2 else [""]
        indent = 2 + max(map(cell_len, names), default=0) + (_GAP if any(names) else 0)
        below = indent > columns // 2
        lines = []
        for row in self.rows:
            lines += _wrapped(_text(row[0]), columns)
            for name, cell in zip(names, map(_text, row[1:]), strict=True):
                if not cell:
                    continue
                wrapped = _wrapped(cell, columns - (4 if below else indent))
                if below:
                    lines += ["  " + name, *("    " + line for line in wrapped)]
                else:
                    heads = ["  " + name, *[""] * (len(wrapped) - 1)]
                    lines += [
                        head + " " * (indent - cell_len(head)) + line for head, line in zip(heads, wrapped, strict=True)
                    ]
            lines.append("")
        return "\n".join([*lines, *_wrapped(visible(self.note), columns)]).rstrip()

    def _repr_html_(self) -> str:
        kinds = [_kind([_text(row[column]) for row in self.rows]) for column in range(len(self.columns))]
        most = self.most or len(self.rows)
        shown, folded = self.rows[:most], self.rows[most:]
        more = ""
        if folded:
            title = escape(_("{count} more rows").format(count=len(folded)))
            more = f"<details><summary>{title}</summary>{self._html(folded, kinds)}</details>"
        note = f"<p>{_html(self.note)}</p>" if self.note else ""
        return f'<div class="wcode-table mathjax_ignore">{_STYLE}{self._html(shown, kinds)}{more}{note}</div>'

    def _html(self, rows: Sequence[tuple[Any, ...]], kinds: Sequence[str]) -> str:
        # Left also where the style is taken out.
        head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(self.columns, kinds, strict=True))
        body = "".join(
            "<tr align=left>"
            + "".join(f"<td{kind}>{_html(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
            + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr align=left>{head}</tr></thead><tbody>{body}</tbody></table>"


def _kind(texts: Sequence[str]) -> str:
    """The class of a column's cells: never wrapped, or never narrow."""
    longest = max(map(len, texts), default=0)
    return " class=n" if longest <= _SHORT else " class=w" if longest > _LONG else ""


def _widths(lines: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """A width for each column so that no word is broken and all are `room` wide; None where that cannot be."""
    from rich.cells import cell_len

    columns = range(len(lines[0]))
    wanted = [max(cell_len(line[column]) for line in lines) for column in columns]
    # The first column says what the row is about: broken, an id could not be copied.
    least = [wanted[0] if not column else max(_longest_word(line[column]) for line in lines) for column in columns]
    spare = room - sum(least)
    if spare < 0:
        return None
    missing = [want - width for want, width in zip(wanted, least, strict=True)]
    total = sum(missing)
    if total <= spare:
        return wanted
    return [width + spare * lack // total for width, lack in zip(least, missing, strict=True)]


def _longest_word(text: str) -> int:
    from rich.cells import cell_len

    # A cell of prose in a column of one word's width would be a tower.
    tower = min(_SHORT, cell_len(text)) if cell_len(text) > _LONG else 0
    return max([tower, *(cell_len(word) for word in _WIDE.sub(r" \g<0> ", text).split())], default=0)


def _wrapped_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    from rich.cells import cell_len

    columns = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, columns))
    rows = []
    for number in range(height):
        pieces = [column[number] if number < len(column) else "" for column in columns]
        padded = [piece + " " * (width - cell_len(piece)) for piece, width in zip(pieces, widths, strict=True)]
        rows.append((" " * _GAP).join(padded).rstrip())
    return "\n".join(rows)


def _wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` columns, broken between words; a word that is longer is broken."""
    return [line for line in _lines(text, max(1, width)) if line]


def _lines(text: str, width: int) -> Iterator[str]:
    from rich.cells import cell_len, chop_cells

    line = ""
    for piece in re.findall(rf"\s+|{_WIDE.pattern}|(?:(?!{_WIDE.pattern})\S)+", text):
        if cell_len(line) + cell_len(piece) <= width:
            line += piece
            continue
        yield line.rstrip()
        if piece.isspace():
            line = ""
            continue
        *whole, line = chop_cells(piece, width)
        yield from whole
    yield line.rstrip()


def _terminal_columns() -> int | None:
    """How wide the terminal is; None in notebooks and files, whose text must not depend on a window."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def _text(cell: Any) -> str:
    return "" if cell is None else " ".join(visible(str(cell)).split())


def _html(cell: Any) -> str:
    if not isinstance(cell, LongText) or not cell.is_long:
        return escape(_text(cell))
    whole = cell.html or escape(visible(cell.text))
    return f"<details><summary>{escape(cell.short)}</summary><div>{whole}</div></details>"
