"""What has arrived so far: the events of an answer, folded into a Reply.

The only mutable part of an answer: it can give a Reply at any moment, so whatever arrived is kept.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import WcodeError
from ..language import _, language
from ..request.forms import FORMS
from ..request.messages import Reasoning, Request, ToolCall
from .arguments import repaired
from .events import (
    Event,
    Extra,
    Failure,
    Finish,
    LogprobDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    TextWasReasoning,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from .reply import Choice, Ended, Reply, Timing, fault_of

__all__ = ["ReplyBuilder"]


class _ChoiceBuilder:
    """Pieces of one choice; joined once, so the cost is linear in the answer."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[ReasoningDelta] = []
        self.refusal: list[str] = []
        self.calls: dict[int, tuple[list[str], list[str], list[str]]] = {}
        self.tokens: list[TokenLogprob] = []
        self.finish: Finish | None = None

    def build(self) -> Choice:
        return Choice(
            text="".join(self.text),
            reasoning=tuple(_merged(self.reasoning)),
            refusal="".join(self.refusal),
            tool_calls=tuple(
                ToolCall(next(iter(ids), ""), next(iter(names), ""), repaired(arguments))
                for _index, (ids, names, arguments) in sorted(self.calls.items())
            ),
            finish_reason=self.finish.reason if self.finish else None,
            native_finish_reason=self.finish.raw if self.finish else None,
            tokens=tuple(self.tokens),
        )


def _merged(deltas: Iterable[ReasoningDelta]) -> Iterable[Reasoning]:
    """Neighbouring pieces of one field joined; a signature closes the piece it signs, a detail is one of its own."""
    texts: list[str] = []
    current = ""
    for delta in deltas:
        if texts and (delta.field != current or delta.detail):
            yield Reasoning("".join(texts), current)
            texts = []
        current = delta.field
        texts.append(delta.text)
        if delta.signature or delta.detail:
            yield Reasoning("".join(texts), current, delta.signature, delta.detail)
            texts = []
    if texts:
        yield Reasoning("".join(texts), current)


class ReplyBuilder:
    """Folds events into a Reply. `price(model_id, usage)` gives RMB or None, `price_note` what to say of it or ""."""

    def __init__(
        self,
        request: Request,
        *,
        fingerprint: str = "",
        price: Any = None,
        price_note: Callable[[str, Usage], str] = lambda model_id, usage: "",
    ) -> None:
        self.request = request
        self.fingerprint = fingerprint
        self._price = price
        self._price_note = price_note
        self._choices: dict[int, _ChoiceBuilder] = {}
        self._started = Started()
        self._usage: Usage | None = None
        self._notices: list[str] = []
        self._raw: dict[str, Any] = {}
        self._asked_at = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        self._first_token_s: float | None = None
        self._first_text_s: float | None = None

    @property
    def has_answer(self) -> bool:
        """Whether any text, reasoning or tool call arrived."""
        return self._first_token_s is not None

    def apply(self, event: Event, at_s: float = 0.0) -> None:
        """Adds `event`, which arrived `at_s` seconds after the request was sent."""
        _APPLY[type(event)](self, event, at_s)

    def reply(self, *, ended: Ended | None = None, error: WcodeError | None = None, total_s: float = 0.0) -> Reply:
        """The answer as it stands. `ended` None: as the finish reason says."""
        choices = tuple(builder.build() for _index, builder in sorted(self._choices.items())) or (Choice(),)
        price = self._price if self._price and self._usage else None
        return Reply(
            request=self.request,
            fingerprint=self.fingerprint,
            choices=choices,
            usage=self._usage,
            cost=price(self.request.model, self._usage) if price else None,
            ended=ended or _ENDED.get(choices[0].finish_reason or "", "complete"),
            fault=None if error is None else fault_of(error),
            model=self._started.model or self.request.model,
            id=self._started.id,
            created=self._started.created,
            system_fingerprint=self._started.system_fingerprint,
            asked_at=self._asked_at,
            timing=self._timing(total_s),
            notices=(*self._notices, *self._missing(choices[0])),
            raw=dict(self._raw),
            language=language(),
        )

    def _missing(self, choice: Choice) -> Iterable[str]:
        """What was asked for and did not come, once the answer is whole; a form without them has warned before."""
        says_something = choice.text.strip() or choice.tool_calls or choice.refusal
        if choice.finish_reason not in (None, "length") and not says_something:
            yield _("Only reasoning came, no answer.") if choice.reasoning else _("The answer is empty.")
        asked = FORMS[self.request.protocol].has_logprobs and self.request.parameters.get("logprobs")
        if asked and choice.finish_reason and choice.text and not choice.tokens:
            yield _("The server sent no log probabilities.")
        if self._usage and (note := self._price_note(self.request.model, self._usage)) and note not in self._notices:
            yield note

    def _timing(self, total_s: float) -> Timing:
        rate = None
        if self._usage and self._first_token_s is not None and total_s - self._first_token_s > 0.001:
            rate = round(self._usage.output_tokens / (total_s - self._first_token_s), 1)
        rounded = [None if t is None else round(t, 4) for t in (self._first_token_s, self._first_text_s)]
        return Timing(rounded[0], rounded[1], round(total_s, 4), rate)

    def _choice(self, index: int, at_s: float) -> _ChoiceBuilder:
        if self._first_token_s is None:
            self._first_token_s = at_s
        return self._choice_of(index)

    def _choice_of(self, index: int) -> _ChoiceBuilder:
        if (choice := self._choices.get(index)) is None:
            choice = self._choices[index] = _ChoiceBuilder()
        return choice

    def _on_text(self, event: TextDelta, at_s: float) -> None:
        if self._first_text_s is None:
            self._first_text_s = at_s
        self._choice(event.choice, at_s).text.append(event.text)

    def _on_text_was_reasoning(self, event: TextWasReasoning, at_s: float) -> None:
        choice = self._choice(event.choice, at_s)
        choice.reasoning.append(ReasoningDelta("".join(choice.text), event.choice, "<think>"))
        choice.text.clear()
        self._first_text_s = None

    def _on_reasoning(self, event: ReasoningDelta, at_s: float) -> None:
        self._choice(event.choice, at_s).reasoning.append(event)

    def _on_refusal(self, event: RefusalDelta, at_s: float) -> None:
        self._choice(event.choice, at_s).refusal.append(event.text)

    def _on_tool_call(self, event: ToolCallDelta, at_s: float) -> None:
        call = self._choice(event.choice, at_s).calls.setdefault(event.index, ([], [], []))
        for pieces, piece in zip(call, (event.id, event.name, event.arguments), strict=True):
            if piece:
                pieces.append(piece)

    def _on_logprobs(self, event: LogprobDelta, at_s: float) -> None:
        self._choice(event.choice, at_s).tokens.extend(event.tokens)

    def _on_finish(self, event: Finish, at_s: float) -> None:
        self._choice_of(event.choice).finish = event

    def _on_started(self, event: Started, at_s: float) -> None:
        self._started = event

    def _on_usage(self, event: Usage, at_s: float) -> None:
        self._usage = event

    def _on_notice(self, event: Notice, at_s: float) -> None:
        self._notices.append(event.text)

    def _on_extra(self, event: Extra, at_s: float) -> None:
        self._raw.update(event.fields)

    def _on_failure(self, event: Failure, at_s: float) -> None:
        """Nothing to fold: whoever feeds the builder turns a Failure into an error."""


_APPLY: dict[type, Any] = {
    TextDelta: ReplyBuilder._on_text,
    TextWasReasoning: ReplyBuilder._on_text_was_reasoning,
    ReasoningDelta: ReplyBuilder._on_reasoning,
    RefusalDelta: ReplyBuilder._on_refusal,
    ToolCallDelta: ReplyBuilder._on_tool_call,
    LogprobDelta: ReplyBuilder._on_logprobs,
    Finish: ReplyBuilder._on_finish,
    Started: ReplyBuilder._on_started,
    Usage: ReplyBuilder._on_usage,
    Notice: ReplyBuilder._on_notice,
    Extra: ReplyBuilder._on_extra,
    Failure: ReplyBuilder._on_failure,
}

# A filter ends an answer before the model does: what is there is a part.
_ENDED: dict[str, Ended] = {"length": "length", "content_filter": "cut", "error": "failed"}
