"""When to give up: refusals that hold for every row end a run, and leave the other rows unasked.

    401, 402, arrears and quota        at the first
    a wait longer than two minutes     at the first, and until when is said
    403, 404                           after five in a row
    other faults of server or network  after ten in a row
    anything else                      after ten from the start without one good answer: it may be the rows themselves

In a row means without a good answer between them, whatever came before and whatever earlier runs had kept.
"""

from __future__ import annotations

import datetime

from ..errors import (
    Forbidden,
    KeyMissing,
    KeyRejected,
    NotFound,
    NotTheApi,
    PaymentRequired,
    RateLimited,
    RunError,
    ServerFault,
    TransportError,
    WcodeError,
)
from ..language import _
from ..transport.refusal import LONGEST_WAIT_S

__all__ = ["Refusals"]

_AT_ONCE = (KeyRejected, KeyMissing, PaymentRequired)
_OF_MODEL = (Forbidden, NotFound, NotTheApi)
_MODEL_PATIENCE = 5
_OF_SERVER = (ServerFault, RateLimited, TransportError)


class Refusals:
    """Counts the failures of one run. `most`: how many others in a row end it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._row = 0
        self._of_model = 0
        self._of_server = 0
        self._good = 0

    def good(self) -> None:
        """A good answer came."""
        self._good += 1
        self._row = self._of_model = self._of_server = 0

    def failed(self, error: WcodeError | None, text: str) -> RunError | None:
        """What ends the run after an answer that failed with `error`, `text` for the eye; None: it goes on."""
        self._row += 1
        self._of_model += isinstance(error, _OF_MODEL)
        self._of_server += isinstance(error, _OF_SERVER)
        if isinstance(error, _AT_ONCE):
            return RunError(_("Stopped: this error affects every row: {error}").format(error=text))
        if (after_s := getattr(error, "retry_after_s", None)) is not None and after_s > LONGEST_WAIT_S:
            return _until(after_s, text)
        if self._of_model >= _MODEL_PATIENCE or self._of_server >= self._most:
            what = _("Stopped: {count} answers in a row failed. The last: {error}")
            return RunError(what.format(count=self._row, error=text))
        if not self._good and self._row >= self._most:
            what = _("Stopped: the first {count} answers all failed. The last: {error}")
            return RunError(what.format(count=self._row, error=text))
        return None


def _until(after_s: float, text: str) -> RunError:
    until = datetime.datetime.now().astimezone() + datetime.timedelta(seconds=after_s)
    what = _("Stopped: the server asks to wait {seconds:.0f} s, until {until}. {error}")
    return RunError(
        what.format(seconds=after_s, until=f"{until:%Y-%m-%d %H:%M:%S}", error=text),
        hint=_("The answers so far are kept. Run the cell again after that time for the rest."),
    )
