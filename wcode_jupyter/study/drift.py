"""Change of a server's answers since they were recorded, field by field, against the noise of repeated answers.

Values are compared, not texts: the fields of a JSON answer, else the whole text. Case, white space and a full stop at
the end do not count. Whether more changed than chance is a permutation test: if nothing changed, then the answers to
one question, recorded and new, are exchangeable, so their labels "then" and "now" can be permuted within each question.
The statistic is the mean disagreement between then and now. It needs questions with at least three answers.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ..errors import AnswerMalformed
from ..language import _
from ..reply import Reply
from ..statistics.distributions import student_quantile
from ..statistics.intervals import ALPHA, share_of_means
from ..table import Table

__all__ = ["FieldDrift", "Shift", "drift", "normalized", "to_table", "transition_table", "values"]

_PERMUTATIONS = 1999
_LABELS = 20
"""A field with more distinct values than this has no transition table."""
_SHOWN = 10


class Shift(Struct, frozen=True):
    """Share of a label then and now, and the difference with its 95 % interval over questions; None where unknown."""

    label: str
    then: float
    now: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """Now minus then."""
        return self.now - self.then


class FieldDrift(Struct, frozen=True, kw_only=True):
    """Change of one field."""

    field: str
    questions: int
    """With a value then and now."""
    changed: float
    """Share of disagreeing pairs then-now, averaged over questions; `low` and `high` its 95 % interval."""
    low: float | None
    high: float | None
    """Mid-p Clopper-Pearson, see `statistics.share_of_means`; None for one question."""
    noise: float | None
    """The same share among repeated answers of one time; None without repeats."""
    p: float | None
    """Of the permutation test; None without repeats."""
    transitions: tuple[tuple[str, str, int], ...] = ()
    """(then, now, pairs) for labels, the most frequent change first."""
    shifts: tuple[Shift, ...] = ()

    @property
    def share(self) -> str:
        """The changed share with its interval, a dash where it has none."""
        limits = "–" if self.low is None or self.high is None else f"{self.low:.1%}, {self.high:.1%}"
        return f"{self.changed:.1%} [{limits}]"


def normalized(text: str) -> str:
    """`text` without what does not count: case, forms of width, white space at ends, a final full stop."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".。!！ ")


def values(reply: Reply) -> dict[str, str]:
    """The values of an answer by field; a failed answer has none, and a text that was asked for as JSON and is not."""
    if reply.fault is not None:
        return {}
    calls = {_("tool calls"): json.dumps([[call.name, call.arguments] for call in reply.tool_calls])}
    own = calls if reply.tool_calls else {}
    if reply.request is None or "response_format" not in reply.request.parameters:
        return {_("text"): normalized(reply.text), **own}
    try:
        found = reply.json()
    except AnswerMalformed:
        return own
    fields = found if isinstance(found, dict) else {_("answer"): found}
    return {name: _spelled(value) for name, value in fields.items()} | own


def _spelled(value: object) -> str:
    return normalized(value) if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


class _Question(Struct):
    """The values of one field of one question."""

    then: list[str]
    now: list[str]


def drift(pairs: Iterable[tuple[Reply, Reply]], *, seed: int = 1) -> list[FieldDrift]:
    """The change of each field over pairs of recorded and new answers, in the order in which fields occur.

    Several pairs with one fingerprint are one question that was answered several times.
    """
    fields: dict[str, dict[str, _Question]] = {}
    seen: set[tuple[str, int]] = set()
    for then, now in pairs:
        old, new = values(then), values(now)
        for name in [name for name in old if name in new]:
            question = fields.setdefault(name, {}).setdefault(then.fingerprint or str(id(then)), _Question([], []))
            question.now.append(new[name])
            if (name, id(then)) not in seen:
                seen.add((name, id(then)))
                question.then.append(old[name])
    return [_field(name, list(questions.values()), random.Random(seed)) for name, questions in fields.items()]


def _field(name: str, questions: list[_Question], generator: random.Random) -> FieldDrift:
    between = [_between(question.then, question.now) for question in questions]
    within = [
        share
        for question in questions
        for share in (_within(question.then), _within(question.now))
        if share is not None
    ]
    # A question counts once, however often it was answered: its pairs are not independent.
    changed = share_of_means(between, len(between))
    labels = Counter(value for question in questions for value in (*question.then, *question.now))
    is_label = len(labels) <= _LABELS and (len(labels) < labels.total() or len(labels) == 1)
    return FieldDrift(
        field=name,
        questions=len(questions),
        changed=sum(between) / len(between),
        low=changed.low,
        high=changed.high,
        noise=sum(within) / len(within) if within else None,
        p=_permuted(questions, sum(between), generator) if within else None,
        transitions=_transitions(questions) if is_label else (),
        shifts=tuple(_shift(label, questions) for label, _count in labels.most_common()) if is_label else (),
    )


def _between(a: Sequence[str], b: Sequence[str]) -> float:
    """Share of disagreeing pairs of one of `a` and one of `b`."""
    left, right = Counter(a), Counter(b)
    same = sum(count * right[value] for value, count in left.items())
    return 1 - same / (len(a) * len(b))


def _within(a: Sequence[str]) -> float | None:
    if len(a) < 2:
        return None
    pairs = list(itertools.combinations(a, 2))
    return sum(x != y for x, y in pairs) / len(pairs)


def _permuted(questions: list[_Question], observed: float, generator: random.Random) -> float:
    """The share of permutations in which then and now differ at least as much, itself included."""
    # A question whose answers are all the same adds nothing to any permutation.
    mixed = [question for question in questions if len({*question.then, *question.now}) > 1]
    extreme = 1
    for _round in range(_PERMUTATIONS):
        total = 0.0
        for question in mixed:
            pool = [*question.then, *question.now]
            generator.shuffle(pool)
            total += _between(pool[: len(question.then)], pool[len(question.then) :])
        extreme += total >= observed - 1e-9
    return extreme / (_PERMUTATIONS + 1)


def _transitions(questions: list[_Question]) -> tuple[tuple[str, str, int], ...]:
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for question in questions:
        for then, now in itertools.product(question.then, question.now):
            counts[then, now] += 1
    ordered = sorted(counts.items(), key=lambda item: (item[0][0] == item[0][1], -item[1], item[0]))
    return tuple((then, now, count) for (then, now), count in ordered)


def _shift(label: str, questions: list[_Question]) -> Shift:
    then = [sum(value == label for value in question.then) / len(question.then) for question in questions]
    now = [sum(value == label for value in question.now) / len(question.now) for question in questions]
    differences = [b - a for a, b in zip(then, now, strict=True)]
    n = len(differences)
    mean = sum(differences) / n
    spread = math.sqrt(sum((value - mean) ** 2 for value in differences) / (n - 1) / n) if n > 1 else 0.0
    half = student_quantile(1 - ALPHA / 2, n - 1) * spread if spread else None
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Shift(label, sum(then) / n, sum(now) / n, low, high)


def to_table(fields: Sequence[FieldDrift]) -> Table:
    """A row for each field."""
    return Table(
        columns=(_("field"), _("questions"), _("changed"), _("noise of repeats"), _("p"), _("largest shift")),
        rows=tuple(_cells(field) for field in fields),
        note="" if all(field.p is not None for field in fields)
        else _("Chance cannot be estimated without repeats. Add --repeat 2."),
    )  # fmt: skip


def _cells(field: FieldDrift) -> tuple[str, ...]:
    largest = max(field.shifts, key=lambda shift: abs(shift.difference), default=None)
    return (
        field.field,
        str(field.questions),
        field.share,
        "–" if field.noise is None else f"{field.noise:.1%}",
        "–" if field.p is None else f"{field.p:.2g}",
        "–" if largest is None or not largest.difference else f"{largest.label}: {_shifted(largest)}",
    )


def _shifted(shift: Shift) -> str:
    if shift.low is None or shift.high is None:
        return f"{shift.difference:+.1%}"
    return f"{shift.difference:+.1%} [{shift.low:+.1%}, {shift.high:+.1%}]"


def transition_table(field: FieldDrift) -> Table:
    """The changes of a field's labels, the most frequent first."""
    changes = [row for row in field.transitions if row[0] != row[1]]
    return Table(
        columns=(_("{field} then").format(field=field.field), _("now"), _("answers")),
        rows=tuple((then, now, count) for then, now, count in changes[:_SHOWN]),
        note=_("{shown} of {count} kinds of change").format(shown=_SHOWN, count=len(changes))
        if len(changes) > _SHOWN
        else "",
    )
