"""How every result is shown: a table in notebook and terminal, a DataFrame, LaTeX and one plain sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from .. import extras
from ..language import _
from ..statistics.intervals import Estimate
from ..table import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Finding", "figure", "p_value", "percent"]


class Finding(Struct, frozen=True):
    """One result. `columns` are English names, translated only when shown; cells are texts, numbers and Estimates."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    sentence: str
    """The result in one sentence, in the language in which it was made."""
    notes: tuple[str, ...] = ()
    """What limits it: rows left out, figures that cannot be computed."""
    result: object = None
    """The figures as the statistics gave them."""

    def table(self) -> Table:
        """For the eye; the sentence and the notes are below."""
        rows = tuple(tuple(figure(cell) for cell in row) for row in self.rows)
        return Table(tuple(_(name) for name in self.columns), rows, " ".join([self.sentence, *self.notes]))

    def to_frame(self) -> pd.DataFrame:
        """One row per line; an estimate gives four columns: NAME, NAME_low, NAME_high, NAME_n. Needs pandas."""
        pandas = extras.load("pandas", extra="frames")
        names = {name for row in self.rows for name, cell in zip(self.columns, row, strict=True) if _is_estimate(cell)}
        lines = []
        for row in self.rows:
            line: dict[str, object] = {}
            for name, cell in zip(self.columns, row, strict=True):
                line |= _expanded(name, cell) if name in names else {name: cell}
            lines.append(line)
        frame: pd.DataFrame = pandas.DataFrame(lines, columns=None if lines else list(self.columns))
        return frame

    def to_latex(self) -> str:
        """A `tabular` with the rules of the booktabs package."""
        table = self.table()
        lines = [" & ".join(map(_latex, row)) + r" \\" for row in (table.columns, *table.rows)]
        head, *body = lines
        spec = "l" * len(table.columns)
        return "\n".join(
            [rf"\begin{{tabular}}{{{spec}}}", r"\toprule", head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]
        )

    def __str__(self) -> str:
        return self.sentence

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _is_estimate(cell: object) -> bool:
    return isinstance(cell, Estimate)


def _expanded(name: str, cell: object) -> dict[str, object]:
    found = cell if isinstance(cell, Estimate) else Estimate(None, None, None, 0)
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high, f"{name}_n": found.n}


def figure(cell: object) -> str:
    """A cell as text: three digits, a dash where nothing is known."""
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1000 else f"{cell:.0f}"
    return str(cell)


def percent(value: float | None) -> str:
    """A share for a sentence: 12.5 %."""
    return "–" if value is None else f"{100 * value:.1f} %"


def p_value(p: float | None) -> str:
    """A p-value for a sentence or a cell."""
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip


def _latex(cell: object) -> str:
    return "".join(_LATEX.get(character, character) for character in " ".join(str(cell).split()))
