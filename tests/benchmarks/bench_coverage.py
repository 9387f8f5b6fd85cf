"""How often printed 95 % intervals hold the truth: `python -m tests.benchmarks.bench_coverage [RUNS [KIND]]`.

2,000 runs by default, of all kinds of settings; 93 % of at most 2,000 may be 92 by chance.

Shares are enumerated exactly in `tests/statistics/test_intervals.py`; here are the settings that need simulation.
`coverage` is called with few runs by `tests/statistics/test_coverage.py`. Runs whose interval is a dash do not count.
Needs numpy.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.agreement import krippendorff_alpha
from wcode_jupyter.statistics.classification import classify
from wcode_jupyter.statistics.comparison import compare
from wcode_jupyter.statistics.correction import corrected
from wcode_jupyter.statistics.intervals import Estimate, mean, share_of_rows
from wcode_jupyter.statistics.variance import Observation, variance_shares

if TYPE_CHECKING:
    import numpy as np

SIZES = (4, 10, 20, 50, 200, 1000)
SHARES = (0.05, 0.2, 0.5, 0.9)

Span = tuple[float, float] | None
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


def scores(n: int, kind: str, *, ranged: bool = False) -> Draw:
    """A mean of scores of one kind of `KINDS`; `ranged`: their range is known."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        values, truth, span = KINDS[kind](chance, n)
        return mean(values.tolist(), span=span if ranged else None), truth

    return draw


Scores = Callable[["np.random.Generator", int], tuple["np.ndarray[tuple[int], np.dtype[np.float64]]", float, Span]]
KINDS: dict[str, Scores] = {
    "normal": lambda chance, n: (chance.normal(size=n), 0.0, None),
    "exponential": lambda chance, n: (chance.exponential(size=n), 1.0, None),
    "chi-square": lambda chance, n: (chance.chisquare(1, size=n), 1.0, None),
    "log-normal": lambda chance, n: (chance.lognormal(size=n), math.exp(0.5), None),
    "mostly zero": lambda chance, n: (chance.exponential(size=n) * (chance.random(n) < 0.3), 0.3, None),
    "rated": lambda chance, n: (2.0 + chance.binomial(4, 0.2, size=n), 2.8, (2, 6)),
    "rated, skewed": lambda chance, n: (2.0 + chance.binomial(4, 0.05, size=n), 2.2, (2, 6)),
    "uniform": lambda chance, n: (chance.random(n), 0.5, (0, 1)),
    "similarity": lambda chance, n: (chance.beta(5, 0.5, size=n), 5 / 5.5, (0, 1)),
    "ends": lambda chance, n: (chance.beta(0.3, 0.3, size=n), 0.5, (0, 1)),
}
"""Kinds of scores: a sample, the mean of all, and the range where there is one. Ratings begin at 2: nothing but ones,
without a range, is right on all rows."""


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


def classified(n: int, p: float, accuracy: float, figure: str) -> Draw:
    """A macro figure of two classes, one with the share `p`, that a model labels right with probability `accuracy`."""
    hits, false = p * accuracy, (1 - p) * (1 - accuracy)
    others, missed = (1 - p) * accuracy, p * (1 - accuracy)
    truths = {
        "macro_recall": accuracy,
        "macro_precision": (hits / (hits + false) + others / (others + missed)) / 2,
        "macro_f1": hits / (2 * hits + false + missed) + others / (2 * others + false + missed),
    }

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        truth = chance.random(n) < p
        given = truth ^ (chance.random(n) >= accuracy)
        return getattr(classify(given.tolist(), truth.tolist()), figure), truths[figure]

    return draw


def corrected_mean(labelled: int, kind: str) -> Draw:
    """A mean score of 500 rows, corrected by human labels; the model is 0.3 too high, give or take 0.6."""

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        truth, _mean, _span = KINDS[kind](chance, 500)
        human: list[float | None] = [None] * 500
        for row in chance.choice(500, labelled, replace=False):
            human[row] = float(truth[row])
        found = corrected((truth + chance.normal(0.3, 0.6, size=500)).tolist(), human, labelled / 500)
        return found.corrected, float(truth.mean())

    return draw


def shares_of_variance(n: int, deviations: tuple[float, float, float], kind: str, part: int) -> Draw:
    """Share of rows (0), prompts (1) or samples (2) for parts with these standard deviations: 3 prompts, 2 samples."""
    truth = deviations[part] ** 2 / sum(one**2 for one in deviations)

    def draw(chance: np.random.Generator) -> tuple[Estimate, float]:
        def parts(*size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
            return chance.normal(size=size) if kind == "normal" else chance.exponential(size=size)

        rows, prompts, samples = parts(n, 1, 1), parts(n, 3, 1), parts(n, 3, 2)
        values = deviations[0] * rows + deviations[1] * prompts + deviations[2] * samples
        cells = [
            Observation(row, (prompt,), float(values[row, prompt, sample]))
            for row in range(n)
            for prompt in range(3)
            for sample in range(2)
        ]
        found = variance_shares(cells, ["prompt"])
        return (found.rows, found.factors["prompt"], found.rest)[part], truth

    return draw


def settings() -> Iterator[Setting]:
    """All that the command simulates."""
    for n in SIZES:
        for kind, (_values, _truth, span) in ((name, make(_chance(), 1)) for name, make in KINDS.items()):
            yield Setting(f"mean  n={n} {kind}", scores(n, kind))
            if span is not None:
                yield Setting(f"mean, range known  n={n} {kind}", scores(n, kind, ranged=True))
        for p in SHARES:
            for accuracy in (0.99, 0.95, 0.8):
                yield Setting(f"alpha  n={n} p={p} accuracy={accuracy}", raters(n, p, accuracy))
            for accuracy in (0.95, 0.8):
                for figure in ("macro_recall", "macro_precision", "macro_f1"):
                    name = f"{figure}  n={n} p={p} accuracy={accuracy}"
                    yield Setting(name, classified(n, p, accuracy, figure))
    for n in SIZES[:-1]:
        for p in SHARES:
            for correlation in (0.2, 0.5, 0.8):
                yield Setting(f"repeated share  n={n} p={p} correlation={correlation}", repeated(n, p, correlation))
            for samples in (1, 3):
                name = f"difference  n={n} p={p} samples={samples}"
                yield Setting(name, draws_of_one_model(n, p, samples))
    for labelled in (50, 200, 500):
        for p in SHARES:
            for beyond in (False, True):
                name = f"corrected  labels={labelled} of 1000 p={p} beyond={beyond}"
                yield Setting(name, one_sided(1000, labelled, p, beyond=beyond))
    for labelled in (10, 20, 50, 200):
        for kind in ("normal", "rated", "exponential"):
            yield Setting(f"corrected mean  labels={labelled} of 500 {kind}", corrected_mean(labelled, kind))
    for n in (20, 50, 200):
        for deviations in ((1.0, 0.5, 0.5), (0.3, 0.3, 1.0), (0.5, 1.0, 0.5)):
            for kind in ("normal", "exponential"):
                for part, source in enumerate(("rows", "prompts", "samples")):
                    name = f"share of variance  n={n} {deviations} {kind} {source}"
                    yield Setting(name, shares_of_variance(n, deviations, kind, part))


def _chance() -> np.random.Generator:
    import numpy

    return numpy.random.default_rng(0)


_FEW = 0.01
"""Of the runs: fewer printed intervals say nothing of their coverage."""


def main(runs: int, only: str = "") -> None:
    """Prints every setting below 93 %, then least and mean of each kind; `only`: settings that begin with this."""
    kinds: dict[str, list[float]] = {}
    for name, draw in settings():
        if not name.startswith(only):
            continue
        found, printed = coverage(draw, runs)
        if found is None or printed < _FEW * runs:
            continue
        kinds.setdefault(name.split("  ")[0], []).append(found)
        if found < 0.93:
            print(f"{name:60} {found:.3f}  ({printed} of {runs} printed)", flush=True)
    for kind, values in kinds.items():
        print(f"{kind:20} least {min(values):.3f}  mean {sum(values) / len(values):.3f}  settings {len(values)}")
    for n in (10, 50, 200) if not only else ():
        for samples in (1, 3):
            print(
                f"two draws of one model  n={n} samples={samples}  p < 0.05: {significant(n, 0.5, samples, runs):.3f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, " ".join(sys.argv[2:]))
