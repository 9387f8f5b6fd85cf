"""How an attempt failed: faults made of what a server said or httpx raised, with everything they quote redacted."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from .. import wire
from ..errors import AnswerCut, BadRequest, DeadlineError, KeyRejected, NotFound, NotTheApi, WcodeError, one_line
from ..keys import GATEWAY_ORIGIN, KEY_PAGE
from ..language import _
from ..reply.events import Failure
from .endpoint import Deadlines, Endpoint
from .refusal import MAY_BE_BILLED, refusal

if TYPE_CHECKING:
    from .connection import Response

__all__ = ["AttemptFailure", "Faults"]


class AttemptFailure(Struct, frozen=True):
    """The error to raise when nothing else is tried. Never raised yet, so no frame and no cause hangs on it."""

    error: WcodeError
    retry: bool = False
    """Whether another try is safe and may help, as long as no piece of the answer has gone out."""
    after_s: float | None = None
    """The server's wish how long to wait before it."""
    stale: bool = False
    """A kept connection that the server had closed meanwhile: another one will do."""
    lost: bool = False
    """The request was sent and not answered: it may be billed all the same."""
    named: str = ""
    """What a 400 or 422 said, to find a fallback by."""


class Faults:
    """Makes the faults of one request to `endpoint`. `has_key` says whether a key goes with it."""

    def __init__(
        self,
        endpoint: Endpoint,
        deadlines: Deadlines,
        redact: Callable[[str], str],
        *,
        has_key: bool,
        model: str = "",
    ) -> None:
        self._endpoint = endpoint
        self._deadlines = deadlines
        self._redact = redact
        self._has_key = has_key
        self._model = model

    def refused(self, response: Response, content: bytes, *, streaming: bool) -> AttemptFailure:
        """A status outside 2xx with the beginning of its body."""
        content_type = response.headers.get("content-type", "").lower()
        if 300 <= response.status_code < 400:
            return self._redirected(response)
        if response.status_code == 404 and "html" in content_type:
            return self.page(response, content)
        return self.failed(wire.decode_error(content, content_type), response, streaming=streaming)

    def failed(self, failure: Failure, response: Response, *, streaming: bool) -> AttemptFailure:
        """An error that a body reports, whatever the status."""
        code = None if failure.code is None else one_line(self._redact(failure.code), 60)
        failure = msgspec.structs.replace(failure, message=self._redact(failure.message), code=code)
        found = refusal(failure, response.status_code, response.headers, host=self._endpoint.host, streaming=streaming)
        if isinstance(found.error, KeyRejected) and (hint := self._key_hint()):
            found.error.hint = hint
        if hint := self._model_hint(found.error, failure.message):
            found.error.hint = hint
        named = failure.message if found.error.status in (400, 422) else ""
        lost = found.error.status in MAY_BE_BILLED
        return AttemptFailure(found.error, retry=found.retry, after_s=found.after_s, named=named, lost=lost)

    def _model_hint(self, error: WcodeError, message: str) -> str:
        """The id that was sent and one like it, where the server does not know the model."""
        about_model = isinstance(error, NotFound) or (isinstance(error, BadRequest) and "model" in message.lower())
        if not about_model or not self._model:
            return ""
        if near := self._endpoint.near_model:
            return _("The model id sent was {model}. Did you mean {near}?").format(model=self._model, near=near)
        if isinstance(error, BadRequest):
            return ""
        return _("The model id sent was {model}. Check it (%wcode models) and the base URL (%wcode settings).").format(
            model=self._model
        )

    def _key_hint(self) -> str:
        """What to do about a refused key, by the server and the model's page."""
        if not self._has_key:
            hint = _("No key was sent: set one with %wcode key set {url}")
        elif self._endpoint.origin != GATEWAY_ORIGIN:
            hint = _("Set the key of this server with %wcode key set {url}")
        else:
            hint = _("Set a valid key with %wcode key set; keys come from {page}.")
        return hint.format(url=self._endpoint.base_url, page=self._endpoint.key_page or KEY_PAGE)

    def page(self, response: Response, content: bytes) -> AttemptFailure:
        """A web page where the API should be."""
        content_type = response.headers.get("content-type", "")
        title = self._redact(wire.decode_error(content, f"text/html; {content_type}").message)
        what = _("{host} sent a web page instead of an answer: {title}").format(host=self._endpoint.host, title=title)
        return AttemptFailure(NotTheApi(one_line(what), status=response.status_code))

    def unsent(self, raised: Exception, *, reused: bool) -> AttemptFailure:
        """No response at all. `reused`: the request went over a kept connection."""
        from .connection import LOST, UNSENT

        error, retry = self._trouble(raised)
        lost = not isinstance(raised, (WcodeError, *UNSENT))
        return AttemptFailure(error, retry=retry, stale=reused and isinstance(raised, LOST), lost=lost)

    def cut(
        self,
        raised: Exception | None,
        *,
        delivered: bool,
        lost: str = "",
        empty: bool = False,
        said: bytes = b"",
    ) -> AttemptFailure:
        """A good response that ended before the answer did, by itself (None) or by `raised`.

        `lost`: a piece of it that could not be read; `empty`: it was ended, but there was none; `said`: the beginning
        of a body that is no answer.
        """
        from .connection import LOST

        if raised is not None and not isinstance(raised, LOST):
            error = self._trouble(raised)[0]
            # Redacted as a whole first: a key that is cut in two would not be found.
            if words := one_line(self._redact(wire.decoded(said)), 300):
                error = type(error)(f"{error.what}: {words}", hint=error.hint)
            return AttemptFailure(error, lost=True)
        if lost and delivered:
            what = _("{host} sent an event that cannot be read: {piece}")
            piece = self._redact(lost)
            return AttemptFailure(AnswerCut(one_line(what.format(host=self._endpoint.host, piece=piece), 300)))
        if delivered:
            what = _("{host} ended the answer before the model did")
        elif empty:
            what = _("{host} sent an empty answer")
        else:
            what = _("{host} closed the connection before an answer arrived")
        return AttemptFailure(AnswerCut(what.format(host=self._endpoint.host)), retry=True, lost=True)

    def only_comments(self, seconds: float) -> DeadlineError:
        """The server lives, but no answer comes."""
        what = _("{host} sent only keep-alive comments for {seconds:g} s")
        return DeadlineError(what.format(host=self._endpoint.host, seconds=seconds))

    def _redirected(self, response: Response) -> AttemptFailure:
        target = urllib.parse.urljoin(self._endpoint.base_url, response.headers.get("location", ""))
        try:
            host = urllib.parse.urlsplit(target).hostname or "?"
        except ValueError:
            host = "?"
        what = _("{host} redirects to {target}; redirects are not followed").format(
            host=self._endpoint.host, target=self._redact(one_line(host, 100))
        )
        return AttemptFailure(NotTheApi(what, status=response.status_code))

    def _trouble(self, raised: Exception) -> tuple[WcodeError, bool]:
        if isinstance(raised, WcodeError):
            # Of our own making, but it may quote the server.
            return type(raised)(self._redact(raised.what), hint=self._redact(raised.hint)), False
        from .connection import trouble

        return trouble(raised, self._endpoint, self._deadlines, self._redact)
