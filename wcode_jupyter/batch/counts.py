"""Where a run stands, in figures: counted answer by answer on the engine's loop, read from any thread."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct, field

from .runfile import RunLine

__all__ = ["Counts", "RunProgress", "VariantProgress"]


class RunProgress(Struct, frozen=True, kw_only=True):
    """Where a run stands."""

    total: int | None
    done: int
    """Answers there are, failed ones and those of earlier runs included."""
    failed: int
    kept: int
    """Answers of earlier runs, which were not asked again."""
    in_flight: int
    output_tokens: int
    cost_cny: Decimal
    """RMB that this run has spent so far."""
    seconds: float

    @property
    def asked(self) -> int:
        """Answers that this run asked for."""
        return self.done - self.kept

    @property
    def rows_per_s(self) -> float:
        """Answers a second; 0 before the first."""
        return self.asked / self.seconds if self.seconds else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end if the rest takes as long as the answers so far; None while that is unknown."""
        if self.total is None or not self.rows_per_s:
            return None
        return (self.total - self.done) / self.rows_per_s

    @property
    def tokens_per_s(self) -> float:
        """Output tokens a second, all requests together."""
        return self.output_tokens / self.seconds if self.seconds else 0.0

    @property
    def projected_cny(self) -> Decimal | None:
        """RMB of the whole run if the rest costs what the answers so far did; None while that is unknown."""
        if self.total is None or not self.asked or not self.cost_cny:
            return None
        return self.cost_cny / self.asked * (self.total - self.kept)


class VariantProgress(Struct):
    """Where one model with one combination of swept values stands."""

    model: str
    values: dict[str, object]
    done: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)
    cost_cny: Decimal = Decimal(0)


class Counts(Struct):
    """Answers of one run."""

    good: int = 0
    """Whole answers, those of earlier runs included."""
    failed: int = 0
    unsent: int = 0
    """Of the failed, those that were never sent."""
    output_tokens: int = 0
    variants: dict[tuple[str, str], VariantProgress] = field(default_factory=dict)
    """By model and swept values, in the order in which they come."""

    @property
    def done(self) -> int:
        """All answers there are."""
        return self.good + self.failed

    @property
    def refused(self) -> int:
        """Answers that were asked for and failed."""
        return self.failed - self.unsent

    def add(self, line: RunLine, *, sent: bool) -> None:
        """Counts an answer of this run."""
        self.good += line.good
        self.failed += not line.good
        self.unsent += not sent
        self.output_tokens += sum(reply.usage.output_tokens for reply in line.answers if reply.usage)
        key = (line.job.model, repr(line.job.values))
        variant = self.variants.setdefault(key, VariantProgress(line.job.model, line.job.values))
        variant.done += 1
        variant.failed += not line.good
        variant.seconds.append(line.reply.timing.total_s)
        variant.cost_cny += line.cost or 0
