"""What a paper must say of the models it asked: a paragraph and a table, from the answers themselves.

One row for each model, server and protocol. Only facts of the replies are used; what the server did not say (a model
id of its own, tokens, a price) is left out or counted as unknown, never guessed.
"""

from __future__ import annotations

import datetime
import json
import threading
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from ..catalogue import Catalogue
from ..errors import one_line
from ..language import _
from ..reply import Reply
from ..reply.events import Usage
from ..request.forms import DEFAULT_PROTOCOL
from ..request.messages import GATEWAY, LOCAL, Request
from ..version import __version__

__all__ = ["Account", "Methods", "MethodsRow", "methods"]

_SHOWN = 120


class MethodsRow(Struct, frozen=True, kw_only=True):
    """All requests to one model at one server in one protocol."""

    model: str
    """As asked."""
    answered: tuple[str, ...]
    """Model ids that the server gave, in order of their names."""
    endpoint: str
    protocol: str
    first: datetime.date | None
    """UTC, as `last`: days of the first and the last request."""
    last: datetime.date | None
    settings: tuple[dict[str, Any], ...]
    """Each distinct set of parameters that were sent, the most frequent first; {} where none was."""
    n: int
    failures: int
    input_tokens: int
    output_tokens: int
    cost_cny: Decimal | None
    """RMB, exact; None when no request had a known price."""
    unpriced: int
    """Requests of unknown cost, which `cost_cny` does not hold."""
    priced_on: datetime.date | None
    """The day of the catalogue's price."""


class Methods(Struct, frozen=True, kw_only=True):
    """The account of a set of answers."""

    client: str
    """Name and version of this package."""
    rows: tuple[MethodsRow, ...]

    def to_json(self) -> str:
        """All of it as JSON text; costs as decimal texts."""
        return json.dumps(msgspec.to_builtins(self), indent=2, sort_keys=True, ensure_ascii=False)

    def to_markdown(self) -> str:
        """A paragraph, then a table with a row for each model."""
        if not self.rows:
            return _("No model was asked.") + "\n"
        return f"{self._paragraph()}\n\n{_table(self.rows)}\n"

    def _paragraph(self) -> str:
        rows = self.rows
        sentences = [
            _("We asked {models} with {client} {when}.").format(
                models=", ".join(dict.fromkeys(row.model for row in rows)), client=self.client, when=_span(rows)
            ),
            _("Of {n} requests, {failures} failed; {input} input and {output} output tokens were used.").format(
                n=sum(row.n for row in rows),
                failures=sum(row.failures for row in rows),
                input=f"{sum(row.input_tokens for row in rows):,}",
                output=f"{sum(row.output_tokens for row in rows):,}",
            ),
            *_cost_sentences(rows),
            _("Parameters that the table does not name were not sent."),
        ]
        return " ".join(sentences)


class Account:
    """Adds answers up as they come, live or replayed, from any thread; its memory grows by a number for each.

    A replayed answer that was counted before is not counted again: a cell that was run twice, a line that a merge has
    doubled. Live ones always count.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._sums: dict[tuple[str, str, str], _Sum] = {}
        self._seen: set[int] = set()

    def add(self, reply: Reply) -> None:
        """Counts `reply`; one without a request is passed over."""
        if (request := reply.request) is None:
            return
        answer = hash((reply.fingerprint, reply.asked_at, reply.id, reply.text, reply.timing))
        with self._mutex:
            if reply.replayed and answer in self._seen:
                return
            self._seen.add(answer)
            key = (request.model, request.endpoint, request.protocol)
            self._sums.setdefault(key, _Sum()).add(reply, request)

    def methods(self, catalogue: Catalogue) -> Methods:
        """The account so far, in the order in which models were first asked."""
        with self._mutex:
            rows = tuple(total.row(*key, catalogue) for key, total in self._sums.items())
        return Methods(client=f"wcode_jupyter {__version__}", rows=rows)


def methods(replies: Iterable[Reply], catalogue: Catalogue) -> Methods:
    """The account of `replies`."""
    account = Account()
    for reply in replies:
        account.add(reply)
    return account.methods(catalogue)


class _Sum(Struct):
    """What a row is made of, so far."""

    n: int = 0
    failures: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    answered: set[str] = field(default_factory=set)
    days: set[datetime.date] = field(default_factory=set)
    settings: Counter[bytes] = field(default_factory=Counter)
    """As JSON."""

    def add(self, reply: Reply, request: Request) -> None:
        usage = reply.usage or Usage()
        self.n += 1
        self.failures += reply.fault is not None
        self.unpriced += reply.cost is None
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cost += reply.cost or 0
        if reply.fault is None and reply.model:
            self.answered.add(reply.model)
        if reply.asked_at:
            self.days.add(reply.asked_at.astimezone(datetime.UTC).date())
        self.settings[msgspec.json.encode(request.parameters | request.extra_body, order="sorted")] += 1

    def row(self, model: str, endpoint: str, protocol: str, catalogue: Catalogue) -> MethodsRow:
        priced = self.unpriced < self.n
        return MethodsRow(
            model=model,
            answered=tuple(sorted(self.answered)),
            endpoint=endpoint,
            protocol=protocol,
            first=min(self.days, default=None),
            last=max(self.days, default=None),
            settings=tuple(msgspec.json.decode(text) for text, _count in self.settings.most_common()),
            n=self.n,
            failures=self.failures,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_cny=self.cost if priced else None,
            unpriced=self.unpriced,
            priced_on=catalogue.model(model).priced_on if priced else None,
        )


def _span(rows: tuple[MethodsRow, ...]) -> str:
    days = sorted(day for row in rows for day in (row.first, row.last) if day)
    if not days:
        return _("on unknown days")
    if days[0] == days[-1]:
        return _("on {day} (UTC)").format(day=days[0])
    return _("from {first} to {last} (UTC)").format(first=days[0], last=days[-1])


def _cost_sentences(rows: tuple[MethodsRow, ...]) -> list[str]:
    priced = [row for row in rows if row.cost_cny is not None]
    unpriced = sum(row.unpriced for row in rows)
    sentences = []
    if priced:
        days = ", ".join(sorted({str(row.priced_on) for row in priced if row.priced_on})) or _("unknown day")
        cost = sum((row.cost_cny or Decimal(0) for row in priced), Decimal(0))
        sentences.append(_("The cost was {cost} RMB (price list of {days}).").format(cost=_plain(cost), days=days))
    if unpriced:
        sentences.append(_("The cost of {n} requests is not known.").format(n=unpriced))
    return sentences


def _table(rows: tuple[MethodsRow, ...]) -> str:
    heads = [
        _("Model asked"),
        _("Model answered"),
        _("Server"),
        _("Days (UTC)"),
        _("Parameters"),
        _("n"),
        _("Failed"),
        _("Input tokens"),
        _("Output tokens"),
        _("RMB"),
        _("Price of"),
    ]
    lines = [heads, ["---"] * 5 + ["---:"] * 5 + ["---"], *(_cells(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: MethodsRow) -> list[str]:
    days = [str(day) for day in dict.fromkeys((row.first, row.last)) if day]
    cells = [
        row.model,
        ", ".join(row.answered) or "–",
        _server(row),
        " – ".join(days) or "–",
        "; ".join(_spelled(setting) for setting in row.settings),
        str(row.n),
        str(row.failures),
        f"{row.input_tokens:,}",
        f"{row.output_tokens:,}",
        "–" if row.cost_cny is None else _plain(row.cost_cny),
        str(row.priced_on or "–"),
    ]
    return [cell.replace("|", r"\|") for cell in cells]


def _server(row: MethodsRow) -> str:
    names = {GATEWAY: "wcode.net", LOCAL: _("embedded model")}
    server = names.get(row.endpoint, row.endpoint)
    return server if row.protocol == DEFAULT_PROTOCOL else f"{server} ({row.protocol})"


def _spelled(setting: dict[str, Any]) -> str:
    text = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in setting.items())
    return one_line(text, _SHOWN) or _("none")


def _plain(cost: Decimal) -> str:
    """The exact figure without exponent or trailing zeros."""
    text = format(cost, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
