"""A small table that shows well in a notebook and in a terminal, and becomes a DataFrame on request."""

from __future__ import annotations

import html
from typing import Any

from msgspec import Struct

__all__ = ["Table"]


class Table(Struct, frozen=True):
    """Rows of texts under column names. `note` stands below."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame. Raises ImportError without pandas."""
        import pandas

        return pandas.DataFrame(list(self.rows), columns=list(self.columns))

    def __repr__(self) -> str:
        from rich.cells import cell_len

        lines = [self.columns, *([_text(cell) for cell in row] for row in self.rows)]
        widths = [max(cell_len(line[column]) for line in lines) for column in range(len(self.columns))]
        # Chinese characters are two columns wide: pad by what a terminal shows, not by length.
        padded = [
            "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        ]
        rule = "  ".join("─" * width for width in widths)
        return "\n".join([padded[0], rule, *padded[1:], *([self.note] if self.note else [])])

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="text-align:left">{html.escape(name)}</th>' for name in self.columns)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{_html(cell)}</td>' for cell in row) + "</tr>"
            for row in self.rows
        )
        note = f"<p>{_html(self.note)}</p>" if self.note else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f'<div class="mathjax_ignore">{table}{note}</div>'


def _text(cell: Any) -> str:
    return "" if cell is None else " ".join(str(cell).split())


def _html(cell: Any) -> str:
    return html.escape(_text(cell))
