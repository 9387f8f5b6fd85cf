"""What a finding says in the account of a study: its sentence, and what a checklist asks for beside it."""

from __future__ import annotations

from collections.abc import Iterator

from ..findings.finding import Finding
from ..language import _
from ..session.account import AccountEntry

__all__ = ["entries_of"]


def entries_of(kind: str, finding: Finding, origin: str) -> Iterator[AccountEntry]:
    """The entries of a finding that the method or command `kind` made; `origin`: the call and its file."""
    yield AccountEntry(kind, finding.sentence, origin)
    if kind == "compare":
        rows = [row[-1] for row in finding.rows if isinstance(row[-1], int)]
        if rows:
            said = _("Rows needed to detect the stated difference with 80 % power: {rows}; rows compared: {n}.")
            yield AccountEntry("power", said.format(rows=max(rows), n=finding.rows[0][2]), origin)
