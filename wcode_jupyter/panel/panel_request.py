"""One question of a panel, on a thread of its own: the callback that starts it returns at once."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..client import Client
from ..display import pump
from ..errors import WcodeError
from ..event_loop import Stream
from ..reply import Reply
from ..session import Call
from .answer import AnswerBox

__all__ = ["PanelRequest"]


class PanelRequest:
    """Asks `call` and shows the answer in `answer`. `on_end` gets the reply, None when nothing could be asked."""

    def __init__(self, client: Client, call: Call, answer: AnswerBox, on_end: Callable[[Reply | None], None]) -> None:
        self._client = client
        self._call = call
        self._answer = answer
        self._on_end = on_end
        self._stream: Stream | None = None
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._ask, name="wcode-panel", daemon=True)

    def start(self) -> None:
        """Begins; returns at once. Without threads it is over then."""
        try:
            self.thread.start()
        except RuntimeError:
            self._ask()

    def stop(self) -> None:
        """Ends the answer; what arrived is kept. Returns at once."""
        self._stopped.set()
        if self._stream is not None:
            self._stream.cancel()

    def _ask(self) -> None:
        reply = None
        try:
            self._answer.begin(self._call.request.model)
            self._stream = self._client.start(self._call)
            # Stop may have come while the embedded model was starting.
            if self._stopped.is_set():
                self._stream.cancel()
            reply = pump(self._stream, self._answer)
            if self._stream.error is not None and not self._stopped.is_set():
                self._answer.show(reply, self._stream.error)
        except WcodeError as error:
            self._answer.fail(error)
        finally:
            self._on_end(reply)
