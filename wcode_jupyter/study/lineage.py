"""Lineage of a prompt: the versions of it that were asked, with what changed from one to the next.

A cell has no name in the log, so versions are told by their words: a prompt belongs to the lineage when it shares at
least half of its neighbouring words with a version that does.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from ..batch.differences import Differences
from ..characters import escape
from ..language import _
from ..reply import Reply
from ..request.messages import prompt_text
from ..table import Table
from .audit import similarity

__all__ = ["Lineage", "Version", "lineage"]

_ALIKE = 0.5


class Version(Struct, frozen=True, kw_only=True):
    """One wording of a prompt, the system prompt included."""

    prompt: str
    first: datetime.datetime | None
    """UTC."""
    models: tuple[str, ...]
    n: int
    """Answers, those that were replayed left out."""
    failures: int
    cost_cny: Decimal | None
    """RMB; None when no cost is known."""


class Lineage(Struct, frozen=True):
    """The versions, oldest first."""

    versions: tuple[Version, ...]

    def changes(self) -> list[Differences]:
        """What changed from each version to the next."""
        pairs = zip(self.versions, self.versions[1:], strict=False)
        return [
            Differences(a.prompt, b.prompt, (str(number), str(number + 1))) for number, (a, b) in enumerate(pairs, 1)
        ]

    def table(self) -> Table:
        """A row for each version."""
        return Table(
            columns=(_("version"), _("first sent"), _("models"), _("n"), _("Failed"), "¥"),
            rows=tuple(
                (
                    number,
                    f"{version.first:%Y-%m-%d %H:%M}" if version.first else "–",
                    ", ".join(version.models),
                    version.n,
                    version.failures,
                    "–" if version.cost_cny is None else f"{version.cost_cny:f}",
                )
                for number, version in enumerate(self.versions, 1)
            ),
        )

    def __repr__(self) -> str:
        texts = [repr(self.table()), *map(repr, self.changes())]
        return "\n\n".join(texts if len(self.versions) > 1 else [*texts, self.versions[0].prompt])

    def _repr_html_(self) -> str:
        changes = "".join(change._repr_html_() for change in self.changes())
        only = "" if changes else f'<div class="mathjax_ignore"><pre>{escape(self.versions[0].prompt)}</pre></div>'
        return self.table()._repr_html_() + changes + only


def lineage(target: Reply, others: Iterable[Reply]) -> Lineage:
    """The versions of the prompt of `target` among `others`, in the order in which they were first asked."""
    wanted = _prompt(target)
    groups: dict[str, list[Reply]] = {wanted: []}
    for reply in others:
        groups.setdefault(_prompt(reply), []).append(reply)
    if not groups[wanted]:
        groups[wanted] = [target]
    related, left = {wanted}, set(groups) - {wanted}
    newest = related
    while newest:
        newest = {text for text in left if any(similarity(text, other) >= _ALIKE for other in newest)}
        related, left = related | newest, left - newest
    versions = [_version(text, groups[text]) for text in related]
    return Lineage(tuple(sorted(versions, key=lambda version: (version.first is None, version.first, version.prompt))))


def _prompt(reply: Reply) -> str:
    return prompt_text(reply.request.messages) if reply.request else ""


def _version(text: str, replies: list[Reply]) -> Version:
    live = [reply for reply in replies if not reply.replayed] or replies[:1]
    costs = [reply.cost for reply in live if reply.cost is not None]
    return Version(
        prompt=text,
        first=min((reply.asked_at for reply in replies if reply.asked_at), default=None),
        models=tuple(dict.fromkeys(reply.request.model for reply in live if reply.request)),
        n=len(live),
        failures=sum(reply.fault is not None for reply in live),
        cost_cny=sum(costs, Decimal(0)) if costs else None,
    )
