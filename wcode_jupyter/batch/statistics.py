"""How the answers behave: by model and swept value, with intervals that say how far a figure is to be trusted.

Agreement, distinct answers and entropy compare the samples of one row with each other and are averaged over the rows;
with one sample of each row there is nothing to compare. Structured answers are compared field by field, texts in their
normal form (see `statistics.values`), those that are JSON by value. Scores are means over the rows with the interval of
`statistics.intervals`, and always say how many rows they rest on: rows without an answer are left out, counted as
wrong, or make bounds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from ..errors import one_line
from ..language import N_, _
from ..reply import Reply
from ..statistics.calibration import entropy
from ..statistics.intervals import MIN_SCORES, Estimate, Failed, mean_of_rows
from ..statistics.resampling import percentile as percentile_of
from ..statistics.values import label
from ..table import Table
from .fields import TEXT, fields
from .plan import Job
from .runfile import RunLine

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "Scored", "Spread", "Summary", "percentile", "scored", "summary"]


class Scored(Struct, frozen=True):
    """What a score function gave for one reply, by name (`score` where it gave one value), or why it gave nothing."""

    values: dict[str, float] = field(default_factory=dict)
    error: str | None = None

    def __str__(self) -> str:
        return self.error or " · ".join(f"{name} {value:.3g}" for name, value in self.values.items())

    @property
    def columns(self) -> dict[str, object]:
        """For a table."""
        return {**self.values, **({"score_error": self.error} if self.error else {})}


def scored(function: Callable[[Reply, Mapping[str, object]], object], line: RunLine) -> Scored:
    """What `function` says of the reply; replies without an answer are not scored."""
    if not line.good:
        return Scored()
    try:
        value = function(line.reply, line.job.columns)
        values = value if isinstance(value, Mapping) else {"": value}
        found = {f"score.{name}" if name else "score": _finite(number) for name, number in values.items()}
    except Exception as error:
        return Scored(error=one_line(f"{type(error).__name__}: {error}"))
    return Scored(found)


def _finite(number: Any) -> float:
    found = float(number)
    if not math.isfinite(found):
        raise ValueError(f"the score is {found}")  # it would be the mean of all rows, too
    return found


class Spread(Struct, frozen=True):
    """How the samples of a row differ in one field, averaged over the rows with two answers or more."""

    agreement: float
    """Share of a row's samples that give its most common answer."""
    distinct: float
    """Different answers of a row."""
    entropy: float
    """Bits, over a row's samples."""


class Group(Struct, frozen=True, kw_only=True):
    """One model with one combination of swept values. Rates and means are None where nothing is known."""

    model: str
    values: dict[str, object]
    n: int
    failed: int
    spreads: dict[str, Spread]
    """By field of the answer; empty without repeated samples."""
    length: float | None
    """Characters."""
    first_token_p50_s: float | None
    first_token_p95_s: float | None
    tokens_per_s: float | None
    """Median."""
    cost_cny: float | None
    scores: dict[str, Estimate]
    score_errors: int

    @property
    def agreement(self) -> float | None:
        """That of the only field; None with several or without repeated samples."""
        return None if (only := self._only()) is None else only.agreement

    @property
    def distinct(self) -> float | None:
        """That of the only field."""
        return None if (only := self._only()) is None else only.distinct

    @property
    def entropy(self) -> float | None:
        """That of the only field."""
        return None if (only := self._only()) is None else only.entropy

    def _only(self) -> Spread | None:
        return next(iter(self.spreads.values())) if len(self.spreads) == 1 else None


class Summary(Struct, frozen=True):
    """A group a line; shows as a table."""

    groups: tuple[Group, ...]
    rule: Failed = "out"
    """What became of rows without an answer in the scores."""

    def table(self) -> Table:
        """For the eye."""
        swept = list(dict.fromkeys(name for group in self.groups for name in group.values))
        scores = list(dict.fromkeys(name for group in self.groups for name in group.scores))
        compared = self._fields()
        head = [_("model"), *swept, "n", _("failed")]
        for name in scores:
            head += [name, f"n ({name})"]
        for name in compared:
            own = "" if compared == [TEXT] else f" ({name})"
            head += [_("agreement") + own, _("distinct") + own, _("entropy") + own]
        head += [_("characters"), _("first token p50/p95 s"), _("tokens/s"), "¥"]
        rows = tuple(tuple(self._cells(group, swept, scores, compared)) for group in self.groups)
        errors = sum(group.score_errors for group in self.groups)
        notes = (
            [_("The score function failed on {count} replies: see score_error.").format(count=errors)] if errors else []
        )
        if scores and any(group.failed for group in self.groups):
            notes.append(_(_RULES[self.rule]))
        if any(
            2 <= score.n < MIN_SCORES and score.low is None for group in self.groups for score in group.scores.values()
        ):
            notes.append(
                _("Fewer than {count} scores have an interval only if their range is known.").format(count=MIN_SCORES)
            )
        return Table(tuple(head), rows, " ".join(notes))

    def _fields(self) -> list[str]:
        return list(dict.fromkeys(name for group in self.groups for name in group.spreads))

    @staticmethod
    def _cells(group: Group, swept: list[str], scores: list[str], compared: list[str]) -> list[str]:
        cells = [group.model, *(_text(group.values.get(name)) for name in swept), str(group.n), str(group.failed)]
        for name in scores:
            score = group.scores.get(name)
            cells += [_text(score), "" if score is None else str(score.n)]
        for name in compared:
            spread = group.spreads.get(name)
            figures = (None,) * 3 if spread is None else (spread.agreement, spread.distinct, spread.entropy)
            cells += [_number(value) for value in figures]
        speed = f"{_number(group.first_token_p50_s)} / {_number(group.first_token_p95_s)}"
        cost = "" if group.cost_cny is None else f"{group.cost_cny:.6f}"
        return [*cells, _number(group.length), speed, _number(group.tokens_per_s), cost]

    def rows(self) -> list[dict[str, object]]:
        """A flat dict for each group; a score gives four columns, a field of structured answers three."""
        compared = self._fields()
        return [
            {
                "model": group.model,
                **group.values,
                **{name: getattr(group, name) for name in _FIGURES if compared in ([], [TEXT]) or name not in _SPREAD},
                **{
                    f"{part}.{name}": None if (spread := group.spreads.get(name)) is None else getattr(spread, part)
                    for name in compared
                    if compared != [TEXT]
                    for part in _SPREAD
                },
                **{
                    f"{name}{suffix}": getattr(estimate, part)
                    for name, estimate in group.scores.items()
                    for suffix, part in (("", "value"), ("_low", "low"), ("_high", "high"), ("_n", "n"))
                },
                "score_errors": group.score_errors,
            }
            for group in self.groups
        ]

    def to_frame(self) -> pd.DataFrame:
        """`rows` as a DataFrame. Needs pandas."""
        import pandas

        frame: pd.DataFrame = pandas.DataFrame(self.rows())
        return frame

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


_RULES: Mapping[Failed, str] = {
    "out": N_("Scores leave failed rows out."),
    "wrong": N_("Scores count failed rows as 0."),
    "bounds": N_("Intervals of scores hold for any answers of the failed rows."),
}
_SPREAD = ("agreement", "distinct", "entropy")
_FIGURES = (
    "n", "failed", "agreement", "distinct", "entropy", "length", "first_token_p50_s", "first_token_p95_s",
    "tokens_per_s", "cost_cny",
)  # fmt: skip


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


class _Gathered:
    """The figures of one group, gathered reply by reply."""

    def __init__(self) -> None:
        self.n = self.failed = self.score_errors = 0
        self.answers: dict[str, dict[int, Counter[Hashable]]] = {}
        self.lengths: list[float] = []
        self.first: list[float] = []
        self.rates: list[float] = []
        self.costs: list[float] = []
        self.scores: dict[str, dict[int, list[float]]] = {}
        self.rows: set[int] = set()

    def add(self, line: RunLine, scored: Scored) -> None:
        job, reply = line.job, line.reply
        self.n += 1
        self.rows.add(job.row)
        self.score_errors += scored.error is not None
        if line.cost is not None:
            self.costs.append(float(line.cost))
        if not line.good:
            self.failed += 1
            return
        for name, value in fields(reply).items():
            if (found := label(value)) is not None:
                self.answers.setdefault(name, {}).setdefault(job.row, Counter())[found] += 1
        self.lengths.append(len(reply.text))
        if reply.timing.first_token_s is not None:
            self.first.append(reply.timing.first_token_s)
        if reply.timing.tokens_per_s is not None:
            self.rates.append(reply.timing.tokens_per_s)
        for name, score in scored.values.items():
            self.scores.setdefault(name, {}).setdefault(job.row, []).append(score)

    def group(self, model: str, values: dict[str, object], failed: Failed, span: tuple[float, float] | None) -> Group:
        return Group(
            model=model,
            values=values,
            n=self.n,
            failed=self.failed,
            spreads={name: spread for name, rows in self.answers.items() if (spread := _spread(rows.values()))},
            length=_mean(self.lengths),
            first_token_p50_s=percentile(self.first, 50),
            first_token_p95_s=percentile(self.first, 95),
            tokens_per_s=percentile(self.rates, 50),
            cost_cny=math.fsum(self.costs) if self.costs else None,
            scores={name: self._score(rows, failed, span) for name, rows in self.scores.items()},
            score_errors=self.score_errors,
        )

    def _score(self, rows: Mapping[int, Sequence[float]], failed: Failed, span: tuple[float, float] | None) -> Estimate:
        """Rows whose every sample failed are missing. For scores of unknown range 0 is taken for the worst."""
        found = [rows.get(row, ()) for row in sorted(self.rows)]
        values = [value for row in found for value in row]
        if span is not None and any(value not in (0, 1) for value in values):
            return mean_of_rows(found, failed=failed, span=span)
        worst, best = min(0.0, *values), max(1.0, *values)
        estimate = mean_of_rows(found, failed=failed, worst=worst, best=best)
        if failed == "bounds" and estimate.missing and (worst, best) != (0, 1):
            # Nothing is known of how good the failed ones might have been.
            return Estimate(estimate.value, None, None, estimate.n, "", estimate.missing)
        return estimate


def _spread(rows: Iterable[Counter[Hashable]]) -> Spread | None:
    compared = [counts for counts in rows if counts.total() > 1]
    if not compared:
        return None
    n = len(compared)
    return Spread(
        math.fsum(max(counts.values()) / counts.total() for counts in compared) / n,
        sum(len(counts) for counts in compared) / n,
        math.fsum(entropy([count / counts.total() for count in counts.values()]).bits for counts in compared) / n,
    )


def summary(
    replies: Iterable[tuple[RunLine, Scored]], failed: Failed = "out", span: tuple[float, float] | None = None
) -> Summary:
    """The figures by model and swept values, in the order in which these first come; `failed`: see `Failed`.

    `span`: the lowest and the highest score there can be, where that is known.
    """
    gathered: dict[tuple[str, str], tuple[Job, _Gathered]] = {}
    for line, score in replies:
        job = line.job
        group = gathered.setdefault((job.model, repr(job.values)), (job, _Gathered()))[1]
        group.add(line, score)
    groups = tuple(group.group(job.model, job.values, failed, span) for job, group in gathered.values())
    return Summary(groups, failed)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Linearly between the two nearest values; None without any."""
    if not values:
        return None
    return percentile_of(sorted(values), percent / 100)
