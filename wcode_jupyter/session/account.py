"""What a paper must say of the models it asked: a paragraph and a table, from the answers themselves.

One row for each model, server and protocol. Only facts of the replies are used; what the server did not say (a model
id of its own, tokens, a price) is left out or counted as unknown, never guessed.
"""

from __future__ import annotations

import copy
import datetime
import json
import statistics
import threading
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, field

from ..catalogue import Catalogue
from ..language import _
from ..reply import Reply
from ..reply.events import Usage
from ..request.forms import DEFAULT_PROTOCOL
from ..request.messages import GATEWAY, LOCAL, Request, prompt_text
from ..version import __version__
from .ledger import LOST_ATTEMPTS

__all__ = [
    "Account",
    "AccountEntry",
    "Methods",
    "MethodsRow",
    "enter",
    "identity",
    "methods",
    "paragraph",
    "plain",
    "server",
    "spelled",
]

_ENOUGH = 5
"""Answers from which one tells how long the next will be."""
_SYSTEM = ("system", "developer")


class AccountEntry(Struct, frozen=True):
    """A result that belongs into the account of the study: an agreement, a test, an audit."""

    kind: str
    """`agreement`, `model agreement`, `labels`, `instrument`, `interval`, `test`, `power`, `audit`, `package`,
    `lineage`; or the finding that it is: `validate`, `compare`, `estimate`, `calibration`, `variance` …"""
    text: str
    """One sentence, with its figures."""
    origin: str
    """The files and lines, or the call, that it comes from."""


def enter(entries: list[AccountEntry], entry: AccountEntry) -> None:
    """Puts `entry` at the end; what a cell that is run again says once more is there once."""
    alike = [one for one in entries if (one.kind, one.text) == (entry.kind, entry.text)]
    if not alike:
        entries.append(entry)


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
    failed: dict[str, int]
    """Failures by the name of their error, the most frequent first; interrupted answers are `interrupted`."""
    retries: int
    """Attempts that were sent again automatically and are no answers of their own."""
    questions: int
    """Distinct requests."""
    repeats: int
    """Most answers to the same request."""
    seeds: tuple[int, ...]
    system_fingerprints: tuple[str, ...]
    systems: tuple[str, ...]
    """Each distinct system prompt, the most frequent first; "" where none was sent."""
    example: str
    """The first prompt that was sent, without the system prompt."""
    total_s: float | None
    """Median time of a whole answer in seconds, and of its first piece below; None where it was not measured."""
    first_token_s: float | None
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
            return _("No model was called.") + "\n"
        return f"{paragraph(self)}\n\n{_table(self.rows)}\n"


def paragraph(account: Methods) -> str:
    """The account of at least one row in sentences."""
    rows = account.rows
    sentences = [
        _("We asked {models} with {client} {when}.").format(
            models=", ".join(dict.fromkeys(row.model for row in rows)), client=account.client, when=_span(rows)
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


def identity(reply: Reply) -> int:
    """What an answer is recognised by within this process, wherever it is kept."""
    return hash((reply.fingerprint, reply.asked_at, reply.id, reply.text, reply.timing))


class Account:
    """Adds answers up as they come, live or replayed, from any thread; its memory grows by a number for each.

    A replayed answer that was counted before is not counted again: a cell that was run twice, a line that a merge has
    doubled. Live ones always count.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._sums: dict[tuple[str, str, str], _Sum] = {}
        self._seen: Counter[int] = Counter()
        """Times that each answer was counted, by `identity`."""

    def add(self, reply: Reply, *, occurrence: int = 0) -> bool:
        """Counts `reply`; False for one that was counted before, or has no request.

        `occurrence` numbers replayed answers that look the same and are known to be several, from 0.
        """
        if (request := reply.request) is None:
            return False
        answer = identity(reply)
        with self._mutex:
            if reply.replayed and occurrence < self._seen[answer]:
                return False
            self._seen[answer] += 1
            key = (request.model, request.endpoint, request.protocol)
            if (total := self._sums.get(key)) is None:
                total = self._sums[key] = _Sum()
            total.add(reply, request)
            return True

    def copy(self) -> Account:
        """An account of the same answers, to which others can be added."""
        other = Account()
        with self._mutex:
            other._sums = copy.deepcopy(self._sums)
            other._seen = self._seen.copy()
        return other

    def usual_output(self, model: str) -> Decimal | None:
        """Output tokens of an answer of `model` on the average; None where fewer than five came."""
        with self._mutex:
            sums = [total for key, total in self._sums.items() if key[0] == model]
            n = sum(total.n - total.failed.total() for total in sums)
            return Decimal(sum(total.output_tokens for total in sums)) / n if n >= _ENOUGH else None

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


def _failure(reply: Reply) -> str:
    """The name of what went wrong, "" for an answer that is whole or reached max_tokens."""
    if reply.fault is not None:
        return reply.fault.kind
    return "" if reply.ended in ("complete", "length") else reply.ended


class _Sum(Struct):
    """What a row is made of, so far."""

    n: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    questions: Counter[int] = field(default_factory=Counter)
    """Answers by the hash of the request's fingerprint."""
    system_fingerprints: set[str] = field(default_factory=set)
    systems: Counter[str] = field(default_factory=Counter)
    example: str | None = None
    total_s: list[float] = field(default_factory=list)
    first_token_s: list[float] = field(default_factory=list)
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)
    answered: set[str] = field(default_factory=set)
    days: set[datetime.date] = field(default_factory=set)
    settings: Counter[bytes] = field(default_factory=Counter)
    """As JSON."""
    latest: tuple[dict[str, Any], dict[str, Any], bytes] | None = None
    """Parameters and further body of the last request, which those of a run share, and what they are as JSON."""

    def add(self, reply: Reply, request: Request) -> None:
        usage = reply.usage or Usage()
        self.n += 1
        if failure := _failure(reply):
            self.failed[failure] += 1
        self._add_context(reply, request)
        self.unpriced += reply.cost is None
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.cost += reply.cost or 0
        if reply.fault is None and reply.model:
            self.answered.add(reply.model)
        if reply.asked_at:
            self.days.add(reply.asked_at.astimezone(datetime.UTC).date())
        self.settings[self._setting(request)] += 1

    def _setting(self, request: Request) -> bytes:
        if (latest := self.latest) and latest[0] is request.parameters and latest[1] is request.extra_body:
            return latest[2]
        # The order of the names is ours; that of the keys inside a value, as of a schema's properties, was sent.
        setting = msgspec.json.encode(dict(sorted((request.parameters | request.extra_body).items())))
        self.latest = request.parameters, request.extra_body, setting
        return setting

    def _add_context(self, reply: Reply, request: Request) -> None:
        lost = reply.raw.get(LOST_ATTEMPTS, 0)
        self.retries += lost if isinstance(lost, int) else 0
        self.questions[hash(reply.fingerprint)] += 1
        if reply.system_fingerprint:
            self.system_fingerprints.add(reply.system_fingerprint)
        system = [message for message in request.messages if message.role in _SYSTEM]
        self.systems[prompt_text(system) if system else ""] += 1
        if self.example is None:
            self.example = prompt_text(message for message in request.messages if message.role not in _SYSTEM)
        if reply.timing.total_s:
            self.total_s.append(reply.timing.total_s)
        if reply.timing.first_token_s is not None:
            self.first_token_s.append(reply.timing.first_token_s)

    def row(self, model: str, endpoint: str, protocol: str, catalogue: Catalogue) -> MethodsRow:
        priced = self.unpriced < self.n
        settings = tuple(msgspec.json.decode(text) for text, _count in self.settings.most_common())
        return MethodsRow(
            model=model,
            answered=tuple(sorted(self.answered)),
            endpoint=endpoint,
            protocol=protocol,
            first=min(self.days, default=None),
            last=max(self.days, default=None),
            settings=settings,
            n=self.n,
            failures=self.failed.total(),
            failed=dict(self.failed.most_common()),
            retries=self.retries,
            questions=len(self.questions),
            repeats=max(self.questions.values(), default=0),
            seeds=tuple(sorted({setting["seed"] for setting in settings if isinstance(setting.get("seed"), int)})),
            system_fingerprints=tuple(sorted(self.system_fingerprints)),
            systems=tuple(text for text, _count in self.systems.most_common()),
            example=self.example or "",
            total_s=statistics.median(self.total_s) if self.total_s else None,
            first_token_s=statistics.median(self.first_token_s) if self.first_token_s else None,
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
        cost = plain(sum((row.cost_cny or Decimal(0) for row in priced), Decimal(0)))
        if days := ", ".join(sorted({str(row.priced_on) for row in priced if row.priced_on})):
            sentences.append(_("The cost was {cost} RMB (price list of {days}).").format(cost=cost, days=days))
        else:
            sentences.append(_("The cost was {cost} RMB.").format(cost=cost))
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
    if not any(row.priced_on for row in rows):
        lines = [line[:-1] for line in lines]  # the day of the prices, which no page gives
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: MethodsRow) -> list[str]:
    days = [str(day) for day in dict.fromkeys((row.first, row.last)) if day]
    cells = [
        row.model,
        ", ".join(row.answered) or "–",
        server(row),
        " – ".join(days) or "–",
        "; ".join(spelled(setting) for setting in row.settings),
        str(row.n),
        str(row.failures),
        f"{row.input_tokens:,}",
        f"{row.output_tokens:,}",
        "–" if row.cost_cny is None else plain(row.cost_cny),
        str(row.priced_on or "–"),
    ]
    return [cell.replace("|", r"\|") for cell in cells]


def server(row: MethodsRow) -> str:
    """The server's name, with the protocol where it is not the usual one."""
    names = {GATEWAY: "wcode.net", LOCAL: _("embedded model")}
    server = names.get(row.endpoint, row.endpoint)
    return server if row.protocol == DEFAULT_PROTOCOL else f"{server} ({row.protocol})"


def spelled(setting: dict[str, Any]) -> str:
    """All parameters of a setting on one line, never cut: what is not named was not sent."""
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in setting.items()) or _("none")


def plain(cost: Decimal) -> str:
    """The exact figure without exponent or trailing zeros."""
    text = format(cost, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
