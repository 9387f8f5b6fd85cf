"""The tables of an audit: then and now by words, and failures by reason."""

from __future__ import annotations

from pathlib import Path

from wcode_jupyter.magics.audit_table import audit_table, reasons
from wcode_jupyter.study.audit import AuditRow

ROWS = [
    AuditRow(number=1, model="m", prompt="p", outcome="same", text_then="a", text_now="a"),
    AuditRow(
        number=2, model="m", prompt="p", outcome="different", similarity=0.9,
        text_then="The sky is blue because of scattering.", text_now="The sky is grey because of <scattering>.",
    ),
    AuditRow(number=3, model="m", prompt="p", outcome="failed", error="Timed out after 10 s"),
    AuditRow(number=4, model="m", prompt="p", outcome="failed", error="Timed out after 12 s"),
]  # fmt: skip


def test_an_audit_shows_the_words_that_changed(tmp_path: Path) -> None:
    """The change in short, all of both answers on request, as text; columns that are empty throughout are left out."""
    path = tmp_path / "x.replay.jsonl"
    path.touch()
    table = audit_table(ROWS, 4, None, path)
    assert table.columns == (
        "no.",
        "model",
        "prompt",
        "outcome",
        "then → now",
        "similarity",
        "why",
    )
    assert str(table.rows[0][4]) == "The sky is [-blue-]{+grey+} because of {+<+}scattering{+>+}."
    html = table._repr_html_()
    assert "<del>blue</del><ins>grey</ins>" in html
    assert "<scattering>" not in html


def test_failures_are_counted_by_reason() -> None:
    """Numbers that differ from row to row make no reason of their own."""
    (table,) = reasons(ROWS)
    assert table.rows == ((2, "Timed out after … s"),)
    assert reasons(ROWS[:2]) == []
