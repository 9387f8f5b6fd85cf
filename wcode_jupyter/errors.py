"""What can go wrong: one tree, each error one line.

    WcodeError
    ├── InputError                 what the user wrote cannot be sent; nothing was sent
    │   ├── OptionError            an unknown or misused option or subcommand
    │   ├── ParameterError         a request parameter of the wrong type or out of range
    │   ├── ModelUnclear           an unknown model id that resembles a known one
    │   ├── UndefinedReference        {{name}} without a variable of that name
    │   └── KeyMissing             no key for this endpoint
    ├── TransportError             the request did not get through
    │   ├── ConnectError           refused, DNS, TLS, proxy
    │   └── DeadlineError          connect, idle or total deadline passed
    ├── ServerError                the server answered and refused (`status`, `code`)
    │   ├── BadRequest             400, 413, 415, 422
    │   ├── KeyRejected            401
    │   ├── PaymentRequired        402, and arrears, quota or plan hidden in another status
    │   ├── Forbidden              403, 434, 435, 451: permission, moderation
    │   ├── NotFound               404: path or model
    │   ├── RateLimited            429
    │   ├── ServerFault            5xx and what upstreams report as such
    │   └── NotTheApi              HTML or a redirect where the API should be: a login page, a wrong base URL
    ├── AnswerError                the answer began and did not end well; `reply` keeps what arrived
    │   ├── AnswerCut              the connection ended, or a filter ended the answer, before the model did
    │   ├── AnswerInterrupted      the user stopped it
    │   ├── AnswerMalformed        what arrived is not the protocol
    │   ├── AnswerInvalid          the answer is whole, but not what its schema asks for
    │   ├── AnswerTooLarge         a line, a body or an answer over its cap
    │   └── ToolStepsExceeded      the model still calls tools after as many steps as it may
    ├── ReplayError                the record has no such answer, or cannot be read or written
    ├── RunError                   a run over many rows stopped early, or its file cannot be read or written
    ├── LogError                   the log of calls cannot be read or written; an answer is never lost for it
    └── LocalModelError            the embedded model cannot be fetched or started

An error says what happened, then what to do next (`hint`). It never holds the key: text that comes from a server
is redacted by the transport before an error is made of it.
"""

from __future__ import annotations

from typing import Protocol

from .characters import spaced
from .language import N_, Language, _, language, speaking

__all__ = [
    "AnswerCut",
    "AnswerError",
    "AnswerInterrupted",
    "AnswerInvalid",
    "AnswerMalformed",
    "AnswerTooLarge",
    "BadRequest",
    "ConnectError",
    "DeadlineError",
    "Forbidden",
    "InputError",
    "KeyMissing",
    "KeyRejected",
    "LocalModelError",
    "LogError",
    "ModelUnclear",
    "NotFound",
    "NotTheApi",
    "OptionError",
    "ParameterError",
    "PaymentRequired",
    "RateLimited",
    "ReplayError",
    "RunError",
    "ServerError",
    "ServerFault",
    "ToolStepsExceeded",
    "TransportError",
    "UndefinedReference",
    "WcodeError",
    "one_line",
    "sentences",
]


def one_line(text: str, limit: int = 300) -> str:
    """`text` on one line of at most `limit` characters, control characters and runs of white space folded.

    It ends in "…" whenever something is missing.
    """
    head = text[: 4 * limit]
    folded = " ".join(spaced(head).split())
    return folded if len(folded) <= limit and len(head) == len(text) else folded[: limit - 1] + "…"


def sentences(what: str, hint: str = "") -> str:
    """What happened and what to do next as one text; `what` alone where there is no hint."""
    return _("{what}. {hint}").format(what=what.rstrip(".。"), hint=hint) if hint else what


class Spoken(Protocol):
    """What an error reads of the reply that it keeps. Errors are ground: they know no Reply."""

    @property
    def language(self) -> Language:
        """The language that the reply was shown in."""


class WcodeError(Exception):
    """Base of all errors. `what` is one sentence; `hint` says what to do next; `reply` holds what had arrived."""

    about: object = None
    """What `%wcode explain` was asked about when it failed with this: that is still to be explained."""

    def __init__(self, what: str, *, hint: str = "", reply: Spoken | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.reply = reply

    def __str__(self) -> str:
        # Of a replayed answer in its own language, stop and all: the line is part of a saved notebook.
        with speaking(self.reply.language if self.reply else language()):
            return sentences(self.what, self.hint)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not survive pickle by themselves.
        return _rebuild, (type(self), self.args, self.__dict__)

    def _render_traceback_(self) -> list[str]:
        """One line in IPython instead of a traceback; nbclient and Run All still see a failed cell."""
        return [one_line(f"{type(self).__name__}: {self}", limit=2000)]


def _rebuild(cls: type[WcodeError], args: tuple[object, ...], state: dict[str, object]) -> WcodeError:
    error = cls.__new__(cls)
    Exception.__init__(error, *args)
    error.__dict__.update(state)
    return error


class InputError(WcodeError):
    """What the user wrote cannot be sent; nothing was sent."""


class OptionError(InputError):
    """An unknown or misused option or subcommand."""


class ModelUnclear(InputError):
    """An unknown model id that resembles a known one. `typed` is what was named, `near` the known id."""

    def __init__(self, what: str, *, typed: str = "", near: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.typed = typed
        self.near = near


class ParameterError(InputError):
    """A request parameter of the wrong type or out of range; `name` is the parameter."""

    def __init__(self, what: str, *, name: str = "", hint: str = "") -> None:
        super().__init__(what, hint=hint)
        self.name = name


class UndefinedReference(InputError):
    """`{{name}}` without a variable of that name."""


class KeyMissing(InputError):
    """No key for this endpoint."""


class TransportError(WcodeError):
    """The request did not get through."""


class ConnectError(TransportError):
    """Refused, DNS, TLS or proxy."""


class DeadlineError(TransportError):
    """A connect, idle or total deadline passed."""


class ServerError(WcodeError):
    """The server answered and refused. `status` is the HTTP status or the one the body names; `code` the body's."""

    def __init__(
        self,
        what: str,
        *,
        status: int | None = None,
        code: str | None = None,
        hint: str = "",
        retry_after_s: float | None = None,
        reply: Spoken | None = None,
    ) -> None:
        super().__init__(what, hint=hint or _(self.default_hint), reply=reply)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s

    default_hint = ""


class BadRequest(ServerError):
    """400, 413, 415, 422: the server does not take this request."""

    default_hint = N_("See the exact request with --dry-run.")


class KeyRejected(ServerError):
    """401: the key is wrong for this endpoint."""

    default_hint = N_("Set a valid key with %wcode key set.")


class PaymentRequired(ServerError):
    """402, and arrears, quota or plan hidden in another status."""

    default_hint = N_("Top up the account, or choose another model.")


class Forbidden(ServerError):
    """403, 434, 435, 451: permission or moderation."""

    default_hint = N_("The provider rejects this content, or this key has no access to this model.")


class NotFound(ServerError):
    """404: path or model."""

    default_hint = N_("Check the model id (%wcode models) and the base URL (%wcode settings).")


class RateLimited(ServerError):
    """429: too many requests."""

    default_hint = N_("Wait a moment and run the cell again.")


class ServerFault(ServerError):
    """5xx, and what upstreams report as such."""

    default_hint = N_("This is a fault of the server. Run the cell again later.")


class NotTheApi(ServerError):
    """HTML or a redirect where the API should be."""

    default_hint = N_(
        "Check the base URL (%wcode settings): this looks like a web page or a login portal, not the API."
    )


class AnswerError(WcodeError):
    """The answer began and did not end well; `reply` keeps what arrived."""


class AnswerCut(AnswerError):
    """The connection ended, or a filter ended the answer, before the model did."""


class AnswerInterrupted(AnswerError):
    """The user stopped the answer."""


class AnswerInvalid(AnswerError):
    """The answer is whole, but not what its schema asks for; `detail` is the fault alone, in English."""

    def __init__(self, what: str, *, detail: str = "", hint: str = "", reply: Spoken | None = None) -> None:
        super().__init__(what, hint=hint, reply=reply)
        self.detail = detail


class AnswerMalformed(AnswerError):
    """What arrived is not the protocol."""


class AnswerTooLarge(AnswerError):
    """A line, a body or an answer over its cap."""


class ToolStepsExceeded(AnswerError):
    """The model still calls tools after as many steps as it may."""


class ReplayError(WcodeError):
    """The record has no such answer, or cannot be read or written."""


class RunError(WcodeError):
    """A run over many rows stopped before its end, or its file cannot be read or written; what arrived is kept."""


class LogError(WcodeError):
    """The log of calls cannot be read or written. A cell that has its answer warns and goes on."""


class LocalModelError(WcodeError):
    """The embedded model cannot be fetched or started."""
