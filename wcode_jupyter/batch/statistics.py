"""How the answers behave: by model and swept value, with intervals that say how far a figure is to be trusted.

Agreement, distinct answers and entropy compare the samples of one row with each other and are averaged over the rows;
with one sample of each row there is nothing to compare. Two answers are the same when their texts are, outer white
space aside; JSON objects and lists when their values are. Intervals are 95 % percentile bootstrap over the rows' mean
scores, from a fixed seed, so that the same replies give the same figures.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from ..errors import one_line
from ..language import _
from ..reply import Reply
from ..request.messages import canonical_json, json_value
from ..table import Table
from .plan import Job
from .runfile import RunLine

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Group", "Interval", "Scored", "Summary", "bootstrap", "percentile", "scored", "summary"]

_RESAMPLES = 1000
# From here on the mean is as good as normal, and a thousand resamples would take seconds.
_NORMAL_FROM = 2000


class Interval(Struct, frozen=True):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


class Scored(Struct, frozen=True):
    """What a score function gave for one reply, by name (`score` where it gave one value), or why it gave nothing."""

    values: dict[str, float] = field(default_factory=dict)
    error: str | None = None

    def __str__(self) -> str:
        return self.error or " · ".join(f"{name} {value:.3g}" for name, value in self.values.items())

    @property
    def columns(self) -> dict[str, Any]:
        """For a table."""
        return {**self.values, **({"score_error": self.error} if self.error else {})}


def scored(function: Callable[[Reply, Mapping[str, Any]], Any], line: RunLine) -> Scored:
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


class Group(Struct, frozen=True, kw_only=True):
    """One model with one combination of swept values. Rates and means are None where nothing is known."""

    model: str
    values: dict[str, Any]
    n: int
    failed: int
    agreement: float | None
    """Share of a row's samples that give its most common answer."""
    distinct: float | None
    """Different answers of a row."""
    entropy: float | None
    """Bits, over a row's samples."""
    length: float | None
    """Characters."""
    first_token_p50_s: float | None
    first_token_p95_s: float | None
    tokens_per_s: float | None
    """Median."""
    cost_cny: float | None
    scores: dict[str, Interval]
    score_errors: int


class Summary(Struct, frozen=True):
    """A group a line; shows as a table."""

    groups: tuple[Group, ...]

    def table(self) -> Table:
        """For the eye."""
        swept = list(dict.fromkeys(name for group in self.groups for name in group.values))
        scores = list(dict.fromkeys(name for group in self.groups for name in group.scores))
        compared = any(group.agreement is not None for group in self.groups)
        head = [_("model"), *swept, "n", _("failed"), *scores]
        head += [_("agreement"), _("distinct"), _("entropy")] if compared else []
        head += [_("characters"), _("first token p50/p95 s"), _("tokens/s"), "¥"]
        rows = tuple(tuple(self._cells(group, swept, scores, compared)) for group in self.groups)
        errors = sum(group.score_errors for group in self.groups)
        note = _("The score function failed on {count} replies: see score_error.").format(count=errors)
        return Table(tuple(head), rows, note if errors else "")

    @staticmethod
    def _cells(group: Group, swept: list[str], scores: list[str], compared: bool) -> list[str]:
        cells = [group.model, *(_text(group.values.get(name)) for name in swept), str(group.n), str(group.failed)]
        cells += [_text(group.scores.get(name)) for name in scores]
        if compared:
            cells += [_number(value) for value in (group.agreement, group.distinct, group.entropy)]
        speed = f"{_number(group.first_token_p50_s)} / {_number(group.first_token_p95_s)}"
        cost = "" if group.cost_cny is None else f"{group.cost_cny:.6f}"
        return [*cells, _number(group.length), speed, _number(group.tokens_per_s), cost]

    def rows(self) -> list[dict[str, Any]]:
        """A flat dict for each group; a score gives three columns."""
        return [
            {
                "model": group.model,
                **group.values,
                **{name: getattr(group, name) for name in _FIGURES},
                **{
                    f"{name}{suffix}": getattr(interval, part)
                    for name, interval in group.scores.items()
                    for suffix, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
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


_FIGURES = (
    "n", "failed", "agreement", "distinct", "entropy", "length", "first_token_p50_s", "first_token_p95_s",
    "tokens_per_s", "cost_cny",
)  # fmt: skip


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


class _Gathered:
    """The figures of one group, gathered reply by reply: no text is kept but its hash."""

    def __init__(self) -> None:
        self.n = self.failed = self.score_errors = 0
        self.answers: dict[int, Counter[int]] = {}
        self.lengths: list[float] = []
        self.first: list[float] = []
        self.rates: list[float] = []
        self.costs: list[float] = []
        self.scores: dict[str, dict[int, list[float]]] = {}

    def add(self, line: RunLine, scored: Scored) -> None:
        job, reply = line.job, line.reply
        self.n += 1
        self.score_errors += scored.error is not None
        if line.cost is not None:
            self.costs.append(float(line.cost))
        if not line.good:
            self.failed += 1
            return
        self.answers.setdefault(job.row, Counter())[hash(_compared(reply.text))] += 1
        self.lengths.append(len(reply.text))
        if reply.timing.first_token_s is not None:
            self.first.append(reply.timing.first_token_s)
        if reply.timing.tokens_per_s is not None:
            self.rates.append(reply.timing.tokens_per_s)
        for name, value in scored.values.items():
            self.scores.setdefault(name, {}).setdefault(job.row, []).append(value)

    def group(self, model: str, values: dict[str, Any]) -> Group:
        compared = [counts for counts in self.answers.values() if counts.total() > 1]
        return Group(
            model=model,
            values=values,
            n=self.n,
            failed=self.failed,
            agreement=_mean([max(counts.values()) / counts.total() for counts in compared]),
            distinct=_mean([len(counts) for counts in compared]),
            entropy=_mean([_entropy(counts) for counts in compared]),
            length=_mean(self.lengths),
            first_token_p50_s=percentile(self.first, 50),
            first_token_p95_s=percentile(self.first, 95),
            tokens_per_s=percentile(self.rates, 50),
            cost_cny=math.fsum(self.costs) if self.costs else None,
            scores={
                name: bootstrap([math.fsum(values) / len(values) for values in rows.values()])
                for name, rows in self.scores.items()
            },
            score_errors=self.score_errors,
        )


def summary(replies: Iterable[tuple[RunLine, Scored]]) -> Summary:
    """The figures by model and swept values, in the order in which these first come."""
    gathered: dict[tuple[str, str], tuple[Job, _Gathered]] = {}
    for line, score in replies:
        job = line.job
        group = gathered.setdefault((job.model, repr(job.values)), (job, _Gathered()))[1]
        group.add(line, score)
    return Summary(tuple(group.group(job.model, job.values) for job, group in gathered.values()))


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _compared(text: str) -> str | bytes:
    """What two answers have in common when they are the same: how a server lays out its JSON makes no difference."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return text
    try:
        return canonical_json(json_value(text))
    except (ValueError, RecursionError):
        return text


def _entropy(counts: Counter[int]) -> float:
    total = counts.total()
    return -sum(count / total * math.log2(count / total) for count in counts.values()) + 0.0


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Linearly between the two nearest values; None without any."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def bootstrap(values: Sequence[float], *, resamples: int = _RESAMPLES, seed: int = 0) -> Interval:
    """The mean of `values` (at least one) with its 95 % percentile bootstrap interval."""
    mean = math.fsum(values) / len(values)
    if len(values) >= _NORMAL_FROM:
        variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
        half = 1.96 * math.sqrt(variance / len(values))
        return Interval(mean, mean - half, mean + half)
    chance = random.Random(seed)
    means = [math.fsum(chance.choices(values, k=len(values))) / len(values) for _resample in range(resamples)]
    low, high = percentile(means, 2.5), percentile(means, 97.5)
    assert low is not None
    assert high is not None
    return Interval(mean, low, high)
