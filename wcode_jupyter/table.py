"""A small table that shows well in a notebook and in a terminal, and becomes a DataFrame on request."""

from __future__ import annotations

import io
import shutil
import sys
from typing import Any

from msgspec import Struct

from . import extras
from .characters import escape, visible

__all__ = ["Table"]


class Table(Struct, frozen=True):
    """Rows of texts under column names. `note` stands below."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame. Raises InputError without pandas."""
        pandas = extras.load("pandas", extra="frames")

        return pandas.DataFrame(list(self.rows), columns=list(self.columns))

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
        return "\n".join([padded[0], rule, *padded[1:], *([visible(self.note)] if self.note else [])])

    def _folded(self, columns: int) -> str:
        """The table with long cells broken between words, so that no line is longer than the terminal."""
        from rich import box
        from rich.console import Console
        from rich.table import Table as Grid
        from rich.text import Text

        grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="")
        for name in self.columns:
            # The first column says what the row is about: broken, an id could not be copied.
            grid.add_column(Text(visible(name)), overflow="fold", no_wrap=not grid.columns)
        for row in self.rows:
            grid.add_row(*(Text(_text(cell)) for cell in row))
        out = io.StringIO()
        Console(file=out, width=columns, color_system=None).print(grid, Text(visible(self.note)))
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).rstrip()

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{_html(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        note = f"<p>{_html(self.note)}</p>" if self.note else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div class="mathjax_ignore">{table}{note}</div>'


def _terminal_columns() -> int | None:
    """How wide the terminal is; None in notebooks and files, whose text must not depend on a window."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def _text(cell: Any) -> str:
    return "" if cell is None else " ".join(visible(str(cell)).split())


def _html(cell: Any) -> str:
    return escape(_text(cell))
