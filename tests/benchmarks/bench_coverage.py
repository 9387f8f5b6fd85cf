"""How often printed 95 % intervals hold the truth: `python -m tests.benchmarks.bench_coverage [RUNS]` (default 2000).

Shares are enumerated exactly in `tests/statistics/test_intervals.py`; here are the settings that need simulation.
`coverage` is called with few runs by `tests/statistics/test_coverage.py`. Runs whose interval is a dash do not count.
Needs numpy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.agreement import krippendorff_alpha
from wcode_jupyter.statistics.comparison import compare
from wcode_jupyter.statistics.correction import corrected
from wcode_jupyter.statistics.intervals import Estimate, mean, share_of_rows

if TYPE_CHECKING:
    import numpy as np

SIZES = (4, 10, 20, 50, 200, 1000)
SHARES = (0.05, 0.2, 0.5, 0.9)

Draw = Callable[["np.random.Generator"], tuple[Estimate, float]]


class Setting(NamedTuple):
    """What is simulated: one draw gives an estimate and the truth it is about."""

    name: str
    draw: Draw


def coverage(draw: Draw, runs: int, seed: int = 1) -> tuple[float | None, int]:
    """Share of printed intervals that hold the truth, and how many were printed."""
    import numpy

    chance = numpy.random.default_rng(seed)
    held = printed = 0
    for _run in range(runs):
        try:
            found, truth = draw(chance)
        except InputError:
            continue
        if found.low is not None and found.high is not None:
            printed += 1
            held += found.low - 1e-12 <= truth <= found.high + 1e-12
    return (held / printed if printed else None), printed


def repeated(n: int, p: float, correlation: float, samples: int = 3) -> Draw:
    """A share over rows with correlated samples."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        size = (1 - correlation) / correlation
        own = chance.beta(p * size, (1 - p) * size, size=n)
        return share_of_rows((chance.random((n, samples)) < own[:, None]).astype(int).tolist()), p

    return draw


def scores(n: int, kind: str) -> Draw:
    """A mean of normal, exponential or rated (1 to 5, skewed) scores."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        if kind == "normal":
            return mean(chance.normal(size=n).tolist()), 0.0
        if kind == "exponential":
            return mean(chance.exponential(size=n).tolist()), 1.0
        return mean((1.0 + chance.binomial(4, 0.2, size=n)).tolist()), 1.8

    return draw


def draws_of_one_model(n: int, p: float, samples: int) -> Draw:
    """The difference of two independent draws of one model: 0; also for the p-value (see `significant`)."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        own = chance.beta(p * 2, (1 - p) * 2, size=n)
        first, second = ((chance.random((n, samples)) < own[:, None]).astype(float).tolist() for _side in range(2))
        return compare(first, second).difference, 0.0

    return draw


def significant(n: int, p: float, samples: int, runs: int, seed: int = 2) -> float:
    """Share of pairs of draws of one model with p < 0.05; 0.05 at most is right."""
    import numpy

    chance = numpy.random.default_rng(seed)
    found = 0
    for _run in range(runs):
        own = chance.beta(p * 2, (1 - p) * 2, size=n)
        first, second = ((chance.random((n, samples)) < own[:, None]).astype(float).tolist() for _side in range(2))
        value = compare(first, second).p
        found += value is not None and value < 0.05
    return found / runs


def one_sided(rows: int, labelled: int, p: float, *, beyond: bool = False, naive: bool = False) -> Draw:
    """A share corrected by a random sample of human labels; the model calls 15 % of the negatives positive."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        truth = (chance.random(rows) < p).astype(float)
        wrong = (truth == 0) & (chance.random(rows) < 0.15)
        model = (truth + wrong).tolist()
        human: list[float | None] = [None] * rows
        for row in chance.choice(rows, labelled, replace=False):
            human[row] = float(truth[row])
        found = corrected(model, human, labelled / rows, beyond=beyond)
        return (found.naive if naive else found.corrected), (p if beyond else float(truth.mean()))

    return draw


def raters(n: int, p: float, accuracy: float) -> Draw:
    """Alpha of two raters who are right with the same probability; its expectation for many rows."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        import numpy

        truth = chance.random(n) < p
        first, second = (numpy.where(chance.random(n) < accuracy, truth, ~truth).tolist() for _rater in range(2))
        q = p * accuracy + (1 - p) * (1 - accuracy)
        observed, expected = accuracy**2 + (1 - accuracy) ** 2, q * q + (1 - q) ** 2
        return krippendorff_alpha(list(zip(first, second, strict=True))), (observed - expected) / (1 - expected)

    return draw


def settings() -> Iterator[Setting]:
    """All that the command simulates."""
    for n in SIZES[:-1]:
        for p in SHARES:
            for correlation in (0.2, 0.5, 0.8):
                yield Setting(f"repeated share  n={n} p={p} correlation={correlation}", repeated(n, p, correlation))
        for kind in ("normal", "rated", "exponential"):
            yield Setting(f"mean  n={n} {kind}", scores(n, kind))
        for p in SHARES:
            for samples in (1, 3):
                name = f"difference  n={n} p={p} samples={samples}"
                yield Setting(name, draws_of_one_model(n, p, samples))
            for accuracy in (0.95, 0.8):
                yield Setting(f"alpha  n={n} p={p} accuracy={accuracy}", raters(n, p, accuracy))
    for labelled in (50, 200, 500):
        for p in SHARES:
            for beyond in (False, True):
                name = f"corrected  labels={labelled} of 1000 p={p} beyond={beyond}"
                yield Setting(name, one_sided(1000, labelled, p, beyond=beyond))


def main(runs: int) -> None:
    """Prints every setting below 93 %, then least and mean of each kind."""
    kinds: dict[str, list[float]] = {}
    for name, draw in settings():
        found, printed = coverage(draw, runs)
        if found is None:
            continue
        kinds.setdefault(name.split("  ")[0], []).append(found)
        if found < 0.93:
            print(f"{name:60} {found:.3f}  ({printed} of {runs} printed)", flush=True)
    for kind, values in kinds.items():
        print(f"{kind:20} least {min(values):.3f}  mean {sum(values) / len(values):.3f}  settings {len(values)}")
    for n in (10, 50, 200):
        for samples in (1, 3):
            print(
                f"two draws of one model  n={n} samples={samples}  p < 0.05: {significant(n, 0.5, samples, runs):.3f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
