"""What can arrive: the small frozen events that every wire protocol is decoded into.

One answer is a list of events in the order of arrival. `choice` is the index of the answer when several were asked
for (`n` > 1), else 0. All text is valid Unicode: decoders have already joined split characters and surrogates.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct, field

__all__ = [
    "Event",
    "Extra",
    "Failure",
    "Finish",
    "LogprobDelta",
    "Notice",
    "ReasoningDelta",
    "RefusalDelta",
    "Started",
    "TextDelta",
    "TextWasReasoning",
    "TokenLogprob",
    "ToolCallDelta",
    "Usage",
]


class Started(Struct, frozen=True, tag=True, omit_defaults=True):
    """The server began to answer, and what it says of itself. Sent once, before any delta."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    """Server time, seconds since the epoch; not the start of the request."""
    system_fingerprint: str | None = None


class TextDelta(Struct, frozen=True, tag=True, omit_defaults=True):
    """A piece of the answer's text; never empty."""

    text: str
    choice: int = 0


class TextWasReasoning(Struct, frozen=True, tag=True, omit_defaults=True):
    """All text of the choice so far was reasoning: its template had opened the tag that has now been closed."""

    choice: int = 0


class ReasoningDelta(Struct, frozen=True, tag=True, omit_defaults=True):
    """A piece of the model's reasoning.

    `field` is the name it came under. `signature` is the proof that the Anthropic form wants back, `detail` an entry of
    `reasoning_details`, whole (with either, `text` may be empty): a tool loop returns all unchanged.
    """

    text: str
    choice: int = 0
    field: str = "reasoning"
    signature: str = ""
    detail: dict[str, object] | None = None


class RefusalDelta(Struct, frozen=True, tag=True, omit_defaults=True):
    """A piece of a refusal that the server sends apart from the text."""

    text: str
    choice: int = 0


class ToolCallDelta(Struct, frozen=True, tag=True, omit_defaults=True):
    """A piece of the tool call number `index`: `id` and `name` once, `arguments` in pieces of a JSON text."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    choice: int = 0


class TokenLogprob(Struct, frozen=True, omit_defaults=True):
    """One token of the answer with its natural-log probability, and the likeliest tokens at its place."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    """UTF-8 bytes of the token, which may be a fragment of a character; None where the server sends none."""
    top: tuple[TokenLogprob, ...] = ()


class LogprobDelta(Struct, frozen=True, tag=True, omit_defaults=True):
    """Log probabilities of further tokens."""

    tokens: tuple[TokenLogprob, ...]
    choice: int = 0


class Usage(Struct, frozen=True, tag=True, omit_defaults=True):
    """Token counts of the whole request; the last one that arrives is the one that holds.

    Detail counts are the server's claims and part of `input_tokens` or `output_tokens`: never add them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    details: dict[str, object] = field(default_factory=dict)
    """The usage object as it was sent."""

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    @property
    def consistent(self) -> bool:
        """False when the server claims more reasoning tokens than it generated in all (seen on GLM)."""
        return self.reasoning_tokens is None or self.reasoning_tokens <= self.output_tokens

    @property
    def visible_tokens(self) -> int:
        """Output tokens outside the reasoning; 0 when the counts are not `consistent`."""
        return max(0, self.output_tokens - (self.reasoning_tokens or 0))


class Finish(Struct, frozen=True, tag=True, omit_defaults=True):
    """The model ended a choice. `reason`: stop, length, tool_calls, content_filter, error, or the server's own word."""

    reason: str
    raw: str | None = None
    """The server's own word: where it was translated, or where the server sends both."""
    choice: int = 0


class Failure(Struct, frozen=True, tag=True, omit_defaults=True):
    """The server reports an error in its body: instead of an answer, or after part of one."""

    message: str
    status: int | None = None
    """The HTTP status that the body names, where it names one."""
    code: str | None = None
    kind: str | None = None
    """The body's error type, such as `overloaded_error`."""
    retryable: bool | None = None
    """The server's own word on whether to try again; None where it says nothing."""


class Extra(Struct, frozen=True, tag=True, omit_defaults=True):
    """Fields that the server sent beside the protocol (`timings`, `native_finish_reason`): kept, never interpreted."""

    fields: dict[str, object]


class Notice(Struct, frozen=True, tag=True, omit_defaults=True):
    """Something the user should know that is not part of the answer: a retry, a fallback, an odd stream."""

    text: str


Event: TypeAlias = (
    Started
    | TextDelta
    | TextWasReasoning
    | ReasoningDelta
    | RefusalDelta
    | ToolCallDelta
    | LogprobDelta
    | Usage
    | Finish
    | Failure
    | Extra
    | Notice
)
