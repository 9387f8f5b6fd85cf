"""What drifted: every recorded request asked again, and the answer now beside the answer then.

Nothing is asked but through the `ask` that is given, so a caller can show progress, stop, and keep the new answers.
Similarity is the share of common pairs of neighbouring words (in Chinese: characters): 1.0 for equal texts, linear in
their length, the same measure for short and long ones.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct

from ..errors import AnswerInterrupted, KeyMissing, WcodeError, one_line
from ..language import _
from ..reply import ErrorInfo, Reply
from ..reply.events import Usage
from ..request.messages import Request
from ..store.codec import has_hashed_images

__all__ = ["AuditRow", "Audited", "Outcome", "audit", "audited", "estimate", "similarity"]

Outcome: TypeAlias = Literal["same", "different", "failed", "skipped"]
"""The same text and tool calls (or the same kind of failure) as then; another; no answer now; not asked (`error`
says why)."""

_Answered: TypeAlias = "tuple[Reply | None, str]"
_Outcome: TypeAlias = "_Answered | Future[_Answered]"

_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|\w+|[^\w\s]")
_SHOWN = 80


class AuditRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recorded answer, then and now; what is not known is None. Costs in RMB."""

    number: int
    """Place in the record, from 1."""
    model: str
    """As asked."""
    prompt: str
    """The last message, shortened to one line."""
    outcome: Outcome
    similarity: float | None = None
    """0 to 1; None unless both have an answer."""
    text_then: str | None = None
    text_now: str | None = None
    answered_then: str | None = None
    answered_now: str | None = None
    fingerprint_then: str | None = None
    """The server's `system_fingerprint`."""
    fingerprint_now: str | None = None
    input_tokens_then: int | None = None
    input_tokens_now: int | None = None
    output_tokens_then: int | None = None
    output_tokens_now: int | None = None
    cost_then_cny: Decimal | None = None
    cost_now_cny: Decimal | None = None
    error: str | None = None
    """Why there is no answer now."""


def estimate(replies: Iterable[Reply]) -> Decimal | None:
    """RMB that asking all of them again would cost if nothing changed; None when no recorded cost is known."""
    costs = [reply.cost for reply in replies if reply.cost is not None]
    return sum(costs, Decimal(0)) if costs else None


class Audited(NamedTuple):
    """A recorded answer, the new one where there is one, and the row of both."""

    row: AuditRow
    then: Reply
    now: Reply | None


def audit(
    replies: Iterable[Reply], ask: Callable[[Request], Reply], *, max_cost: Decimal | None = None
) -> Iterator[AuditRow]:
    """The rows of `audited`, one request at a time."""
    return (found.row for found in audited(replies, ask, max_cost=max_cost))


def audited(
    replies: Iterable[Reply], ask: Callable[[Request], Reply], *, max_cost: Decimal | None = None, workers: int = 1
) -> Iterator[Audited]:
    """Each recorded reply in order, as soon as it was asked again; `workers` are asked at once, each in a thread.

    Once the known costs of the new answers and the recorded costs of those under way and of the next one pass
    `max_cost` (RMB), the rest is skipped. A failed question is a row; KeyMissing and AnswerInterrupted, after which no
    other would fare better, are raised.
    """
    spent = Decimal(0)
    waiting: deque[tuple[int, Reply, _Outcome]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="wcode-audit") if workers > 1 else None

    def first() -> Audited:
        nonlocal spent
        number, then, outcome = waiting.popleft()
        now, reason = outcome.result() if isinstance(outcome, Future) else outcome
        spent += (now.cost if now else None) or 0
        return Audited(_row(number, then, now, reason), then, now)

    try:
        for number, then in enumerate(replies, 1):
            reserved = sum((other.cost or Decimal(0) for _number, other, _outcome in waiting), Decimal(0))
            if reason := _why_not(then, spent + reserved, max_cost):
                waiting.append((number, then, (None, reason)))
            elif pool is None:
                waiting.append((number, then, _asked(then, ask)))
            else:
                waiting.append((number, then, pool.submit(_asked, then, ask)))
            if len(waiting) >= workers:
                yield first()
        while waiting:
            yield first()
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


def _why_not(then: Reply, spent: Decimal, max_cost: Decimal | None) -> str:
    if then.request is None:
        return _("the record contains no request")
    if has_hashed_images(then.request):
        return _("its images are recorded by hash only")
    if max_cost is not None and spent + (then.cost or 0) > max_cost:
        return _("it would exceed the limit of {cost} RMB").format(cost=max_cost)
    return ""


def _asked(then: Reply, ask: Callable[[Request], Reply]) -> tuple[Reply | None, str]:
    """The new answer, or the part of it that arrived; and the error, "" when there was none."""
    assert then.request is not None
    try:
        now = ask(then.request)
    except (AnswerInterrupted, KeyMissing):
        raise
    except WcodeError as error:
        fault = ErrorInfo(kind=type(error).__name__, what=error.what, hint=error.hint)
        return msgspec.structs.replace(_arrived(error), fault=fault), str(error)
    return now, now.error or ""


def _arrived(error: WcodeError) -> Reply:
    """What the error kept of the answer."""
    return error.reply if isinstance(error.reply, Reply) else Reply(ended="failed")


def _row(number: int, then: Reply, now: Reply | None, reason: str) -> AuditRow:
    row = AuditRow(
        number=number,
        model=then.request.model if then.request else then.model,
        prompt=one_line(then.request.messages[-1].text if then.request and then.request.messages else "", _SHOWN),
        outcome="skipped",
        error=reason or None,
        **_facts(then, "then"),
    )
    if now is None:
        return row
    both = then.fault is None and now.fault is None
    return msgspec.structs.replace(
        row,
        outcome=_outcome(then, now),
        similarity=similarity(then.text, now.text) if both else None,
        **_facts(now, "now"),
    )


def _facts(reply: Reply, when: str) -> dict[str, Any]:
    usage = reply.usage or Usage()
    return {
        f"text_{when}": reply.text,
        f"answered_{when}": reply.model or None,
        f"fingerprint_{when}": reply.system_fingerprint,
        f"input_tokens_{when}": usage.input_tokens if reply.usage else None,
        f"output_tokens_{when}": usage.output_tokens if reply.usage else None,
        f"cost_{when}_cny": reply.cost,
    }


def _outcome(then: Reply, now: Reply) -> Outcome:
    if _said(then) == _said(now):
        return "same"
    return "different" if now.fault is None else "failed"


def _said(reply: Reply) -> list[object]:
    """What must be equal for two answers to be the same; ids of tool calls are new each time."""
    if reply.fault is not None:
        return [reply.fault.kind]
    return [(choice.text, [(call.name, call.arguments) for call in choice.tool_calls]) for choice in reply.choices]


def similarity(a: str, b: str) -> float:
    """Share of common pairs of neighbouring words, 0 to 1 (Dice's coefficient, repeated pairs counted)."""
    if a == b:
        return 1.0
    pairs_a, pairs_b = _pairs(a), _pairs(b)
    return round(2 * (pairs_a & pairs_b).total() / (pairs_a.total() + pairs_b.total()), 4)


def _pairs(text: str) -> Counter[tuple[str, str]]:
    # The ends count as words, so that a text of one word has pairs too.
    return Counter(itertools.pairwise(["", *_TOKEN.findall(text), ""]))
