"""What is said beside an answer: the status line, how it ended, and the line that waits for the first token."""

from __future__ import annotations

import datetime
from typing import Literal, TypeAlias

from ..figures import format_cost
from ..language import N_, _
from ..reply import Ended, Reply

__all__ = [
    "Doing",
    "ended_words",
    "is_empty",
    "mark",
    "says_nothing",
    "short_model",
    "status_line",
    "status_parts",
    "waiting_line",
]

Doing: TypeAlias = Literal["asking", "thinking", "writing"]
"""What a model does before its answer ends."""

_ENDED: dict[Ended, str] = {
    "complete": N_("complete"),
    "length": N_("stopped at the token limit"),
    "interrupted": N_("interrupted"),
    "cut": N_("cut off"),
    "failed": N_("failed"),
}
_COMPLETE_BECAUSE = {"tool_calls": N_("calls a tool"), "function_call": N_("calls a tool")}
_CUT_BECAUSE = {"content_filter": N_("cut by the content filter")}


def ended_words(reply: Reply) -> str:
    """How the answer ended, in a few words."""
    because = {"complete": _COMPLETE_BECAUSE, "cut": _CUT_BECAUSE}.get(reply.ended, {})
    return _(because.get(reply.finish_reason or "", _ENDED[reply.ended]))


def status_line(reply: Reply) -> str:
    """One line of plain text: model, first token, tokens, speed, RMB, how it ended; what is unknown is left out."""
    return " · ".join(text for text, _meaning in status_parts(reply))


def status_parts(reply: Reply) -> list[tuple[str, str]]:
    """The parts of the status line, each with a sentence that explains it, some of them empty."""
    timing = reply.timing
    parts = [
        (reply.model, ""),
        (
            "" if timing.first_token_s is None else _("first token {n} s").format(n=_seconds(timing.first_token_s)),
            _("Seconds from the request to the first token"),
        ),
        (_tokens(reply), _tokens_meaning(reply)),
        (
            "" if timing.tokens_per_s is None else _("{n} tokens/s").format(n=f"{timing.tokens_per_s:.0f}"),
            _("Output tokens per second, from the first token on"),
        ),
        ("", "") if reply.cost is None else (format_cost(reply.cost), _("Cost: ¥{n}").format(n=f"{reply.cost:f}")),
        (ended_words(reply), ""),
        (_kept(reply), _("Answered by an earlier request; nothing was sent")),
    ]
    return [(text, meaning) for text, meaning in parts if text]


def _tokens_meaning(reply: Reply) -> str:
    if reply.usage is None or not reply.usage.reasoning_tokens:
        return _("Tokens of the prompt → tokens of the answer")
    if reply.usage.consistent:
        return _("Tokens of the prompt → tokens of the answer, reasoning included")
    return _("The server counts more reasoning tokens than it generated")


def _kept(reply: Reply) -> str:
    if not reply.kept:
        return ""
    if reply.asked_at is None:
        return _("kept answer")
    return _("kept answer of {day}").format(day=reply.asked_at.astimezone(datetime.UTC).date())


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds >= 0.1 else f"{seconds:.2f}"


def _tokens(reply: Reply) -> str:
    usage = reply.usage
    if usage is None:
        return ""
    text = _("{input}→{output} tokens").format(input=usage.input_tokens, output=usage.output_tokens)
    if not usage.reasoning_tokens:
        return text
    # GLM counts more reasoning tokens than it generated: a claim, and said to be one.
    words = _("{n} reasoning") if usage.consistent else _("{n} reasoning claimed")
    return f"{text} ({words.format(n=usage.reasoning_tokens)})"


def mark(reply: Reply) -> str:
    """One line that says that this is not the whole answer, and why; empty when it is complete."""
    if reply.budget_went_to_thinking:
        words = _("No answer: reasoning used the whole token limit. Raise max_tokens or lower the reasoning effort")
        return f"— {words} —"
    if reply.ended == "complete":
        return "" if not is_empty(reply) else f"— {_('the model sent an empty answer')} —"
    words = ended_words(reply)
    if reply.ended in ("cut", "failed") and reply.fault:
        return f"— {words}: {reply.fault.what.rstrip('.')} —"
    return f"— {words} —"


def is_empty(reply: Reply) -> bool:
    """Whether no text, reasoning, refusal or tool call arrived."""
    return not any(
        choice.text.strip()
        or choice.refusal
        or choice.tool_calls
        or any(part.text.strip() for part in choice.reasoning)
        for choice in reply.choices
    )


def says_nothing(reply: Reply) -> bool:
    """Whether there is nothing to show: it ended before anything arrived, and an error says so."""
    return reply.ended in ("interrupted", "cut", "failed") and is_empty(reply) and not reply.transcript


def short_model(model: str) -> str:
    """The model's name without its maker: `glm-5` of `z-ai/glm-5`."""
    return model.rpartition("/")[2] or model


_DOING: dict[Doing, str] = {
    "asking": N_("waiting for {model} … {n} s"),
    "thinking": N_("{model} is reasoning … {n} s"),
    "writing": N_("{model} is writing … {n} s"),
}


def waiting_line(model: str, elapsed_s: float, doing: Doing = "asking") -> str:
    """What is shown while an answer is on its way: `asking glm-5 … 3 s`."""
    return _(_DOING[doing]).format(model=short_model(model), n=int(elapsed_s))
