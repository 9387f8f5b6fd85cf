"""Share or mean of a label over all rows, from a model's labels on all and a human's on a random sample.

The model's labels alone carry its errors into the estimate, however many rows there are. The human sample says how
large these errors are on average; this is added. What the sample needs is that each row had a known chance above zero
of being drawn: a sample of the most uncertain rows has not, and is refused.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from ..errors import InputError
from ..language import N_, _
from .distributions import normal_quantile, student_quantile
from .intervals import ALPHA, Estimate, mean, mid_p

__all__ = ["Corrected", "corrected"]

Value = float | None
MIN_LABELLED = 20
"""A mean of scores has an interval from this number of labelled rows on: with 10, skewed ones are covered with 88 %."""
_CAUTIOUS_BELOW, _CAUTIOUS = 200, 0.03


class Corrected(Struct, frozen=True):
    """The corrected estimate beside the two it is made of."""

    corrected: Estimate
    naive: Estimate
    """Of the model's labels alone; its interval ignores the model's errors."""
    human: Estimate
    """Of the human sample alone."""
    weight: float
    """Power tuning: how much of the model's labels is used; 0 none, 1 all."""
    labelled: int
    rows: int
    missing: int
    """Rows without the model's label: they enter with the commonest one, which leaves the estimate unbiased."""


def corrected(
    model: Sequence[Value],
    human: Sequence[Value],
    probability: float | Sequence[Value],
    *,
    beyond: bool = False,
) -> Corrected:
    """Prediction-powered, power-tuned estimate of the mean of the human labels over all rows.

    θ = λ f̄ + Σ w(y − λf) / Σ w over the labelled rows, with w = 1/π, f the model's and y the human labels (0 and 1 for
    a share), λ = cov(y, f)/var(f) between 0 and 1 (power tuning). For equal π it is PPI++ with λ times the share of
    rows without a human label, these being PPI++'s unlabelled ones.
    The target are these rows (finite population: the variance has the factor 1 − π); with `beyond`, the population
    that the rows were drawn from. `model` and `human` have a place for each row, None where there is no label;
    `probability` is one number for all rows or one for each.
    Interval for 0/1 labels of both: the human labels are a share among the rows that the model gives 1, and one among
    the others; their mid-p limits are combined by squares (MOVER: Zou and Donner, Statistics in Medicine 27, 2008), so
    that errors too rare to be in the sample still count. Only human labels 0/1: mid-p at the effective size
    θ(1−θ)/V · (z/t)². Else: linearised variance, t with n − 1 degrees of freedom, from `MIN_LABELLED` rows on; below
    200 at 97 %, for skewed errors are covered with 91 to 92 % at 95 %.
    Sources: Angelopoulos, Duchi and Zrnic, PPI++ (arXiv 2311.01453); Särndal, Swensson and Wretman, Model Assisted
    Survey Sampling (1992), chapter 6; Korn and Graubard (1998). Assumes rows drawn independently of each other with the
    given probabilities, or simply at random; a row that was drawn and skipped must have been skipped by chance.
    Raises InputError: unknown or zero probabilities, other lengths, fewer than two labelled rows, no model labels.
    """
    pi = _probabilities(model, human, probability)
    known = [value for value in model if value is not None]
    if not known:
        raise InputError(_("The model labelled none of the rows"))
    fill = Counter(known).most_common(1)[0][0]
    f = [fill if value is None else value for value in model]
    drawn = [(y, f[row], pi[row]) for row, y in enumerate(human) if y is not None]
    if len(drawn) < 2:
        raise InputError(
            _("A corrected estimate needs at least 2 labelled rows, got {count}").format(count=len(drawn)),
            hint=_("Label more rows drawn at random."),
        )
    weight = _weight(drawn, f)
    shares = all(y in (0, 1) for y, _f, _pi in drawn)
    return Corrected(
        corrected=_interval(drawn, f, weight, shares, beyond),
        naive=mean(known, missing=len(f) - len(known)),
        human=_interval(drawn, f, 0.0, shares, beyond),
        weight=weight,
        labelled=len(drawn),
        rows=len(f),
        missing=len(f) - len(known),
    )


def _probabilities(model: Sequence[Value], human: Sequence[Value], probability: float | Sequence[Value]) -> list[float]:
    given: Sequence[Value] = [probability] * len(model) if isinstance(probability, (int, float)) else probability
    if not len(model) == len(human) == len(given):
        raise InputError(
            _("Model labels, human labels and sampling probabilities differ in length: {lengths}").format(
                lengths=f"{len(model)}, {len(human)}, {len(given)}"
            )
        )
    found = []
    for row, pi in enumerate(given):
        if pi is None or not 0 < pi <= 1:
            raise InputError(
                _("Row {row} has no known chance of being in the labelled sample (probability {value})").format(
                    row=row, value=pi
                ),
                hint=_("Label a random or stratified sample; the most uncertain rows cannot stand for all rows."),
            )
        found.append(pi)
    _require_plausible(sum(y is not None for y in human), found)
    return found


def _require_plausible(labelled: int, chances: Sequence[float]) -> None:
    """More labelled rows than the probabilities can give: these belong to another sample. Fewer may be skipped rows."""
    expected = math.fsum(chances)
    deviation = math.sqrt(math.fsum(pi * (1 - pi) for pi in chances))
    if labelled > expected + 5 * deviation + 1:
        raise InputError(
            _("{labelled} rows are labelled, and the sampling probabilities make {expected} likely").format(
                labelled=labelled, expected=f"{expected:.0f}"
            ),
            hint=_("Pass the probability of this sample: labelled rows / all rows."),
        )


Drawn = Sequence[tuple[float, float, float]]


def _weight(drawn: Drawn, f: Sequence[float]) -> float:
    """λ = cov(y, f) / var(f), both from the labelled rows, cut to 0 … 1.

    PPI++ takes var(f) from all rows. With few rows of one label the two differ by a quarter by chance, and the interval
    of a nearly perfect model then covers only 88 %; from one sample they belong together.
    """
    mean_y, mean_f = _mean(drawn, 0.0), -_mean([(0.0, x, pi) for _y, x, pi in drawn], 1.0)
    covariance = math.fsum((y - mean_y) * (x - mean_f) / pi for y, x, pi in drawn)
    variance = math.fsum((x - mean_f) ** 2 / pi for _y, x, pi in drawn)
    if variance <= 0 or min(f) == max(f):
        return 0.0
    return min(max(covariance / variance, 0.0), 1.0)


def _variance(values: Sequence[float]) -> float:
    center = math.fsum(values) / len(values)
    return math.fsum((value - center) ** 2 for value in values) / max(len(values) - 1, 1)


def _mean(drawn: Drawn, weight: float) -> float:
    """Weighted mean of the errors y − λf."""
    return math.fsum((y - weight * x) / pi for y, x, pi in drawn) / math.fsum(1 / pi for _y, _x, pi in drawn)


def _spread(drawn: Drawn, weight: float, *, finite: bool) -> float:
    """Variance of `_mean`: of a ratio, linearised, with n/(n−1) for the mean that was estimated."""
    n, center = len(drawn), _mean(drawn, weight)
    total = math.fsum(1 / pi for _y, _x, pi in drawn)
    parts = ((1 - pi if finite else 1) * ((y - weight * x - center) / pi) ** 2 for y, x, pi in drawn)
    return n / (n - 1) * math.fsum(parts) / total**2


def _interval(drawn: Drawn, f: Sequence[float], weight: float, shares: bool, beyond: bool) -> Estimate:
    n = len(drawn)
    value = weight * math.fsum(f) / len(f) + _mean(drawn, weight)
    # Beyond these rows their own mean of λf varies, too.
    extra = weight**2 * _variance(f) / len(f) if beyond else 0.0
    if shares and len(set(f)) <= 2:
        return _by_groups(min(max(value, 0.0), 1.0), drawn, f, weight, extra, beyond)
    variance = _spread(drawn, weight, finite=not beyond) + extra
    if variance <= 0:
        return Estimate(value, None, None, n)
    if shares and 0 < value < 1:
        size = _effective(value, variance, drawn)
        return Estimate(value, *mid_p(value * size, size), n, N_("mid-p Clopper-Pearson, effective size"))
    if n < MIN_LABELLED:
        return Estimate(value, None, None, n)
    level = _CAUTIOUS if n < _CAUTIOUS_BELOW else ALPHA
    half = student_quantile(1 - level / 2, n - 1) * math.sqrt(variance)
    return Estimate(value, value - half, value + half, n, N_("linearised, t"))


def _by_groups(value: float, drawn: Drawn, f: Sequence[float], weight: float, extra: float, beyond: bool) -> Estimate:
    below = above = extra * normal_quantile(1 - ALPHA / 2) ** 2
    for part, group in _groups(drawn, f, weight):
        down, up = _distances(group, beyond)
        below += (part * down) ** 2
        above += (part * up) ** 2
    low, high = max(0.0, value - math.sqrt(below)), min(1.0, value + math.sqrt(above))
    return Estimate(value, low, high, len(drawn), N_("mid-p, combined by squares (MOVER)"))


def _effective(p: float, variance: float, drawn: Drawn) -> float:
    """Size of a simple sample with this variance; t for the number of labels that the variance is estimated from."""
    ones = sum(y == 1 for y, _f, _pi in drawn)
    df = max(min(ones, len(drawn) - ones), 1)
    return p * (1 - p) / variance * (normal_quantile(1 - ALPHA / 2) / student_quantile(1 - ALPHA / 2, df)) ** 2


def _groups(drawn: Drawn, f: Sequence[float], weight: float) -> list[tuple[float, Drawn]]:
    """The labelled rows by the model's label, with the share of all rows that have it: one group where it is not used.

    Within a group the human labels are a plain share, so that an error too rare to be seen still widens the interval.
    """
    if weight == 0:
        return [(1.0, drawn)]
    return [(count / len(f), [one for one in drawn if one[1] == name]) for name, count in sorted(Counter(f).items())]


def _distances(drawn: Drawn, beyond: bool) -> tuple[float, float]:
    """How far the limits of the weighted share of ones are from it."""
    if not drawn:
        return 0.5, 0.5
    n = len(drawn)
    p = min(max(_mean(drawn, 0.0), 0.0), 1.0)
    chances = [pi for _y, _f, pi in drawn]
    size, left = float(n), 1.0
    if max(chances) - min(chances) < 1e-12:
        left = 1.0 if beyond else 1 - chances[0]
    elif (variance := _spread(drawn, 0.0, finite=not beyond)) > 0:
        size = _effective(p, variance, drawn)
    low, high = mid_p(p * size, size)
    return (p - low) * math.sqrt(left), (high - p) * math.sqrt(left)
