"""What did I get: an answer with its usage, cost, timing and the reason it ended.

A Reply is frozen and round-trips through plain JSON; `builder` makes it of the events of an answer.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

import msgspec
from msgspec import Struct, field

from .. import extras, typed
from ..errors import AnswerMalformed, InputError, WcodeError, one_line, sentences
from ..language import Language, _, speaking
from ..request.forms import FORMS
from ..request.messages import Message, Reasoning, Request, ToolCall, exact_value, json_value
from .events import TokenLogprob, Usage
from .fences import fence_plugin
from .json_in_text import json_values
from .logprobs import COLUMNS, LogprobText, rows

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Choice", "CodeBlock", "Ended", "ErrorInfo", "Reply", "Timing", "fault_of"]

Ended: TypeAlias = Literal["complete", "length", "interrupted", "cut", "failed"]
"""How an answer ended: by the model; at max_tokens; by the user; by a lost connection, a deadline or a filter; by an
error that the server reported or before anything arrived."""


FINISH_REASONS = frozenset(("stop", "length", "tool_calls", "content_filter", "error", "pause_turn"))
"""The values of `finish_reason` whose meaning is known; any other is the server's own word."""


class CodeBlock(Struct, frozen=True):
    """One fenced block of the answer."""

    source: str
    language: str = ""

    def __str__(self) -> str:
        return self.source


class Timing(Struct, frozen=True, omit_defaults=True):
    """Seconds since the request was sent, measured here."""

    first_token_s: float | None = None
    """To the first piece of text, reasoning or tool call; None when nothing arrived."""
    first_text_s: float | None = None
    total_s: float = 0.0
    tokens_per_s: float | None = None
    """Output tokens over the time after the first one; None without usage or when all came at once."""


class ErrorInfo(Struct, frozen=True, omit_defaults=True):
    """The error that ended an answer, as data: class name, one line, what to do next."""

    kind: str
    what: str
    hint: str = ""
    status: int | None = None
    code: str | None = None


class Choice(Struct, frozen=True, omit_defaults=True):
    """One answer. There is one, unless the request asked for several through `--extra-body '{"n": 2}'`."""

    text: str = ""
    reasoning: tuple[Reasoning, ...] = ()
    refusal: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    native_finish_reason: str | None = None
    tokens: tuple[TokenLogprob, ...] = ()


class Exporter(Protocol):
    """Makes a request a program in the language `target`: see `export.export`."""

    def __call__(self, target: str, request: Request, *, base_url: str | None, stream: bool) -> str:
        """The program's text. Raises InputError."""


class Reply(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """A finished, cut or failed answer. `str(reply)` is its text."""

    request: Request | None = None
    fingerprint: str = ""
    """Identity of the request: see `wire.fingerprint`."""
    choices: tuple[Choice, ...] = (Choice(),)
    usage: Usage | None = None
    cost: Decimal | None = None
    """RMB, exact; None when usage or price is unknown."""
    ended: Ended = "complete"
    fault: ErrorInfo | None = None
    model: str = ""
    """The model that answered, by its own word; the model asked for where it said nothing."""
    id: str | None = None
    created: int | None = None
    """The server's time, seconds since the epoch."""
    system_fingerprint: str | None = None
    asked_at: datetime.datetime | None = None
    """UTC."""
    timing: Timing = Timing()
    notices: tuple[str, ...] = ()
    """What the user was told beside the answer: retries, fallbacks, warnings."""
    transcript: tuple[Message, ...] = ()
    """A tool loop between question and answer: the model's calls, with its reasoning, and the results."""
    raw: dict[str, Any] = field(default_factory=dict)
    """Fields of the server outside the protocol."""
    replayed: bool = False
    kept: bool = False
    """Whether it was kept from an earlier run of the same question, and the question was not sent."""
    language: Language = "en"
    """Of the words around the answer, so that a replay on another machine shows the same."""

    exporter: ClassVar[Exporter | None] = None
    """What `export` calls. The room `export` and the client set it: a reply is far below them and knows none."""

    @property
    def text(self) -> str:
        """The answer's text; empty when only a tool call or reasoning came."""
        return self.choices[0].text

    @property
    def reasoning(self) -> str:
        """The model's reasoning, outer white space stripped; empty when there was none."""
        return "".join(part.text for part in self.choices[0].reasoning).strip()

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Calls that the model asks for; may be empty."""
        return self.choices[0].tool_calls

    @property
    def finish_reason(self) -> str | None:
        """stop, length, tool_calls, content_filter or the server's own word; None when the answer did not finish."""
        return self.choices[0].finish_reason

    @property
    def error(self) -> str | None:
        """The error that ended the answer, as one line; None when there was none."""
        if self.fault is None:
            return None
        with speaking(self.language):
            return sentences(self.fault.what, self.fault.hint)

    @property
    def doubt(self) -> str:
        """Why an answer that seems whole is no result all the same, in one line; empty where there is no doubt.

        The server's word for its end is one that nobody knows, or it is empty, or nothing but reasoning.
        """
        choice = self.choices[0]
        if self.ended != "complete":
            return ""
        with speaking(self.language):
            if (choice.finish_reason or "stop") not in FINISH_REASONS:
                return _("Unknown finish reason: {word}").format(word=one_line(choice.finish_reason or "", 60))
            if choice.text.strip() or choice.tool_calls or choice.refusal:
                return ""
            return _("Only reasoning came, no answer.") if self.reasoning else _("The answer is empty.")

    @property
    def budget_went_to_thinking(self) -> bool:
        """Whether `max_tokens` was used up by reasoning before any text came."""
        return self.ended == "length" and not self.text.strip() and bool(self.reasoning)

    @property
    def message(self) -> Message:
        """The answer as a message to continue a conversation with; reasoning left out, as plain chat wants it."""
        return Message("assistant", self.text, tool_calls=self.tool_calls)

    @property
    def code(self) -> list[CodeBlock]:
        """The fenced code blocks of the text, in order; may be empty. An unclosed last fence counts. A Markdown
        document with fences of its own is one block.
        """
        from markdown_it import MarkdownIt

        return [
            CodeBlock(token.content, token.info.split()[0] if token.info.split() else "")
            for token in MarkdownIt("commonmark").use(fence_plugin).parse(self.text)
            if token.type == "fence"
        ]

    def json(self) -> Any:
        """The text as JSON; else the first fenced block that is, those labelled JSON first; else the only JSON object
        or list amid prose.

        Raises AnswerMalformed, which keeps the reply.
        """
        for value in self.json_values():
            return value
        hint = _("The answer was cut at max_tokens. Raise it.") if self.ended == "length" else ""
        raise AnswerMalformed(_("The answer is not JSON"), hint=hint, reply=self)

    def json_values(self, *, exact: bool = False) -> Iterator[Any]:
        """All that `json` could give, the likeliest first; may be none.

        `exact`: with a `msgspec.Raw` for each number of which a float would lose digits.
        """
        # Markdown is read only where there is any.
        code = self.code if "```" in self.text or "~~~" in self.text else []
        return json_values(
            self.text, [(block.language, block.source) for block in code], exact_value if exact else json_value
        )

    @property
    def parsed(self) -> Any:
        """The answer as the type that its schema asked for; plain JSON values where the type is not at hand, as in a
        reply read from a file. None where the answer is not JSON: `json` says why.
        """
        return self.__dict__["parsed"] if "parsed" in self.__dict__ else next(self.json_values(), None)

    def with_parsed(self, value: Any, plain: Any = None) -> Reply:
        """The same reply whose `parsed` is `value`: beside the fields, because types do not survive JSON.

        `plain` is what it was made of, so that the text need not be read again.
        """
        reply = msgspec.structs.replace(self)
        reply.__dict__["parsed"] = value
        reply.__dict__["plain"] = plain
        return reply

    @property
    def records(self) -> list[dict[str, Any]] | None:
        """The objects of an answer that a JSON Schema asked for as a list; None where it is none.

        The list is the answer itself, or the only field of its object.
        """
        asked = self.request.parameters.get("response_format", {}) if self.request else {}
        if asked.get("type") != "json_schema":
            return None
        try:
            value = self.json()
        except AnswerMalformed:
            return None
        if isinstance(value, dict) and len(value) == 1:
            (value,) = value.values()
        return value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else None

    @property
    def logprobs(self) -> pd.DataFrame:
        """A row per token: token, text (the characters it completes), bytes, logprob, probability, entropy (bits, over
        the listed alternatives), rank, alternatives.

        Empty when the server sent none. Needs pandas.
        """
        pandas = extras.load("pandas", extra="frames")
        frame: pd.DataFrame = pandas.DataFrame(rows(self.choices[0].tokens), columns=list(COLUMNS))
        return frame

    def show_logprobs(self) -> LogprobText:
        """The text coloured by probability, with the alternatives on hover. Raises InputError: there are none."""
        if not self.choices[0].tokens:
            raise InputError(_("This answer has no log probabilities"), hint=self._why_no_logprobs())
        return LogprobText(self.choices[0].tokens)

    def _why_no_logprobs(self) -> str:
        if self.request is not None and not FORMS[self.request.protocol].has_logprobs:
            return _("The {form} form has none.").format(form=FORMS[self.request.protocol].title)
        if self.request is not None and self.request.parameters.get("logprobs"):
            return _("The server sent none.")
        return _("Use --logprobs --top-logprobs 5.")

    def wait(self, timeout_s: float | None = None) -> Reply:
        """This reply at once: it has ended. An answer in the background waits here (see `PendingReply`)."""
        return self

    def export(self, target: str, *, base_url: str | None = None, stream: bool = False) -> str:
        """The program that asks what this reply answers: `reply.export("go")`; see `export.export`.

        Raises InputError: no such target, a request that cannot be exported, or none at all.
        """
        if self.request is None:
            raise InputError(_("This reply contains no request"))
        if Reply.exporter is None:
            raise InputError(
                _("The exporters are not loaded"), hint=_("Import them first: import wcode_jupyter.export")
            )
        return Reply.exporter(target, self.request, base_url=base_url, stream=stream)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` reads them back to an equal Reply."""
        result: dict[str, Any] = msgspec.to_builtins(self)
        return result

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Reply:
        """The inverse of `to_dict`; unknown fields are ignored. Raises msgspec.ValidationError."""
        return typed.convert(dict(value), cls)

    def to_row(self) -> dict[str, Any]:
        """One flat row for a table of answers."""
        usage = self.usage or Usage()
        parameters = self.request.parameters if self.request else {}
        return {
            "model": self.model,
            **parameters,
            "text": self.text,
            "reasoning": self.reasoning,
            "ended": self.ended,
            "finish_reason": self.finish_reason,
            "input_tokens": usage.input_tokens if self.usage else None,
            "output_tokens": usage.output_tokens if self.usage else None,
            "reasoning_tokens": usage.reasoning_tokens,
            "cost_cny": None if self.cost is None else float(self.cost),
            "first_token_s": self.timing.first_token_s,
            "total_s": self.timing.total_s,
            "error": self.error,
        }

    def to_frame(self) -> pd.DataFrame:
        """A row for each object where a schema asked for a list of them (`records`), else `to_row` as the one row.

        Needs pandas.
        """
        records = self.records
        pandas = extras.load("pandas", extra="frames")
        frame: pd.DataFrame = pandas.DataFrame([self.to_row()] if records is None else records)
        return frame

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        # No time, no address: a notebook that shows it must give the same output when it is replayed.
        text = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        return f"Reply({self.model!r}, {self.ended}, {text!r})"


def fault_of(error: WcodeError) -> ErrorInfo:
    """`error` as data."""
    return ErrorInfo(
        kind=type(error).__name__,
        what=error.what,
        hint=error.hint,
        status=getattr(error, "status", None),
        code=getattr(error, "code", None),
    )
