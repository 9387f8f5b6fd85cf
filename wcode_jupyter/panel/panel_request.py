"""One question of a panel, on a thread of its own: the callback that starts it returns at once.

As in a cell, an answer that does not fit its schema is asked for again, and functions of the notebook may be called:
here on this thread, while cells run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ..client import Client
from ..client.consent import written_call
from ..client.toolloop import loop_of
from ..display import pump
from ..errors import AnswerInvalid, WcodeError
from ..event_loop import Stream
from ..prompt.tools import Tool
from ..reply import Reply
from ..request.messages import Message
from ..session import Call
from ..session.attempts import Attempts
from .answer import AnswerBox
from .state import CellQuestion

__all__ = ["PanelRequest"]


class PanelRequest:
    """Asks `question` and shows the answer in `box`. `on_end` gets the reply, None when nothing could be asked."""

    def __init__(
        self, client: Client, question: CellQuestion, box: AnswerBox, on_end: Callable[[Reply | None], None]
    ) -> None:
        self._client = client
        self._question = question
        self._box = box
        self._on_end = on_end
        self._stream: Stream | None = None
        self._stopped = threading.Event()
        self.thread = threading.Thread(target=self._ask, name="wcode-panel", daemon=True)

    def start(self) -> None:
        """Begins; returns at once. Without threads it is over then."""
        self._box.consent.begin()
        try:
            self.thread.start()
        except RuntimeError:
            self._box.consent.cancel()  # nobody could press its buttons
            self._ask()

    def stop(self) -> None:
        """Ends the answer; what arrived is kept. Returns at once."""
        self._stopped.set()
        self._box.consent.cancel()
        if self._stream is not None:
            self._stream.cancel()

    def _ask(self) -> None:
        reply = None
        try:
            reply, error = self._fitting()
            self._box.show(reply, None if self._stopped.is_set() else error)
        except WcodeError as error:
            self._box.fail(error)
        finally:
            self._on_end(reply)

    def _fitting(self) -> tuple[Reply, WcodeError | None]:
        """The last reply, with `parsed` where it fits the schema, and the error that ended it."""
        question = self._question
        if question.schema is None:
            return self._answered(question.call)
        attempts = Attempts(self._client.session, question.call, question.schema, question.retries)
        while True:
            reply, error = self._answered(attempts.call)
            if error is not None or self._stopped.is_set():
                return reply, error
            try:
                if (fitting := attempts.judge(reply)) is not None:
                    return fitting, None
            except AnswerInvalid as invalid:
                return reply, invalid

    def _answered(self, call: Call) -> tuple[Reply, WcodeError | None]:
        self._box.begin(call.request.model)
        if self._question.tools:
            return loop_of(self._client, call, self._question.tools, confirm=self._confirm).run(self)
        stream = self._client.start(call)
        return self.answer(stream), stream.error

    # -- what the loop of tools tells

    def answer(self, stream: Stream) -> Reply:
        """Shows one answer of the model while it arrives."""
        self._stream = stream
        # Stop may have come while the embedded model was starting, or a function ran.
        if self._stopped.is_set():
            stream.cancel()
        return pump(stream, self._box)

    def steps(self, transcript: tuple[Message, ...]) -> None:
        """What was called so far stays above what comes."""
        self._box.put_above(transcript)

    def _confirm(self, tool: Tool, arguments: Mapping[str, object]) -> bool:
        allowed = self._box.consent.ask(written_call(tool.name, arguments))
        if self._stopped.is_set():
            raise KeyboardInterrupt  # what Ctrl-C at the keyboard's question does
        return allowed
