"""The tables of an audit: the answers that are not the same, then and now, and failures by reason."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..batch.differences import Differences
from ..errors import one_line
from ..language import N_, _
from ..store import Record
from ..study.audit import AuditRow
from ..table import LongText, Table

__all__ = ["audit_table", "reasons"]

_SHOWN = 10
"""Rows that are seen at once."""

_OUTCOMES = {"same": N_("same"), "different": N_("different"), "failed": N_("failed"), "skipped": N_("skipped")}


def audit_table(rows: list[AuditRow], total: int, limit: Decimal | None, path: Path) -> Table:
    """The answers that are not the same, and how many are."""
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in _OUTCOMES}
    outcomes = ", ".join(f"{count} {_(_OUTCOMES[outcome])}" for outcome, count in counts.items() if count)
    note = _("{count} of {total}: {outcomes}").format(count=len(rows), total=total, outcomes=outcomes)
    unknown = sum(row.outcome != "skipped" and row.cost_then_cny is None for row in rows)
    if limit is not None and unknown:
        note += "; " + _("with unknown cost, which --max-cost does not stop: {count}").format(count=unknown)
    changed = [row for row in rows if row.outcome != "same"]
    if unknown := Record(path, "replay").without_order():
        note += "; " + _(
            "recorded before the order of keys was kept, so that a schema may be sent otherwise: {count}"
        ).format(count=unknown)
    heads = (
        _("no."),
        _("model"),
        _("prompt"),
        _("outcome"),
        _("then → now"),
        _("similarity"),
        _("answered by"),
        _("server version"),
        _("output tokens"),
        "¥",
        _("why"),
    )
    cells = [_audit_cells(row) for row in changed]
    # What is known of no answer says nothing.
    columns = [column for column in range(len(heads)) if any(row[column] not in ("", "–") for row in cells)]
    return Table(
        columns=tuple(heads[column] for column in columns),
        rows=tuple(tuple(row[column] for column in columns) for row in cells),
        note=note,
        most=_SHOWN,
    )


def _audit_cells(row: AuditRow) -> tuple[Any, ...]:
    return (
        row.number,
        row.model,
        LongText(row.prompt, shown=60),
        _(_OUTCOMES[row.outcome]),
        _word_differences(row),
        "" if row.similarity is None else f"{row.similarity:.2f}",
        _then_now(row.answered_then, row.answered_now),
        _then_now(row.fingerprint_then, row.fingerprint_now),
        _then_now(row.output_tokens_then, row.output_tokens_now),
        _then_now(row.cost_then_cny, row.cost_now_cny),
        row.error or "",
    )


def _word_differences(row: AuditRow) -> str | LongText:
    """What changed, and on request the whole answer with the words that went and came."""
    if row.text_then is None or row.text_now is None or row.text_then == row.text_now:
        return ""
    found = Differences(row.text_then, row.text_now, (_("then"), _("now")))
    return LongText(str(found), head=one_line(found.changes, 100), html=found._repr_html_())


def reasons(rows: list[AuditRow]) -> list[Table]:
    """Failures by reason, the most frequent first; no table without any."""
    counts = Counter(re.sub(r"[0-9]+", "…", one_line(row.error or "", 100)) for row in rows if row.outcome == "failed")
    rows_of = tuple((count, reason) for reason, count in counts.most_common())
    return [Table((_("failed"), _("reason")), rows_of)] if rows_of else []


def _then_now(then: Any, now: Any) -> str:
    """`then → now`, one of them where they are equal."""
    texts = [
        "–" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value) for value in (then, now)
    ]
    return " → ".join(dict.fromkeys(texts))
