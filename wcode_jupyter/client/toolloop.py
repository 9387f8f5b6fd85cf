"""A question whose answer may need tools: the model calls, the functions run, it reads the results, until it answers.

Each request of the loop is a call of its own: it is recorded and replayed, logged, and counts against the budget. A
strict replay takes the results of the tools from the record, so that functions which read the clock, the network or
random numbers replay too. With `tools_replay=run`, and in every other mode, the functions run again: if one returns a
different result than in the recording, a strict replay has no answer and says so.

Reasoning is given back inside the loop as it came, and nowhere else.
"""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from .. import threads
from ..errors import AnswerInterrupted, InputError, ReplayError, ToolStepsExceeded, WcodeError
from ..event_loop import Stream
from ..language import _, speaking
from ..prompt.tools import Tool, ToolFault, run
from ..reply import Choice, Reply, Timing, fault_of
from ..reply.events import Usage
from ..request.messages import Message, ToolCall, valid_text
from ..session import Call
from ..shell import can_ask
from .consent import AskUser, Confirm, Consent, Rule, parse_policy
from .starter import Starter

__all__ = ["AskUser", "ToolLoop", "Unwatched", "Watch", "loop_of"]


class Watch(Protocol):
    """Who looks on."""

    def answer(self, stream: Stream) -> Reply:
        """Waits for one answer of the model; never raises its error."""

    def steps(self, transcript: tuple[Message, ...]) -> None:
        """The loop has come so far: calls were made, or their results are there."""


class Unwatched:
    """Nobody."""

    def answer(self, stream: Stream) -> Reply:
        """Waits."""
        try:
            return stream.result()
        except (WcodeError, KeyboardInterrupt):
            return stream.interrupt()  # it has ended: this is what had arrived

    def steps(self, transcript: tuple[Message, ...]) -> None:
        """Nothing to show."""


class _Step(Struct):
    """A call on its way to a result."""

    call: ToolCall
    tool: Tool | None = None
    arguments: dict[str, object] = {}
    result: str | None = None

    def run(self) -> None:
        """Runs the tool; a fault becomes the result."""
        assert self.tool is not None
        try:
            self.result = run(self.tool, self.arguments)
        except ToolFault as fault:
            self.result = _fault(fault)


class ToolLoop:
    """One run of the loop. `call` must declare the tools.

    `confirm` None: every tool runs unasked, but for those of which `policy` (`always`, `ask` or `never` by name) says
    otherwise. Raises InputError: a tool needs the user's word and nobody can be asked.
    """

    def __init__(
        self,
        client: Starter,
        call: Call,
        tools: Iterable[Tool],
        *,
        max_steps: int = 8,
        confirm: Confirm | None = None,
        policy: Mapping[str, Rule] | None = None,
    ) -> None:
        self._client = client
        self._call = call
        self._asked = call.request.messages
        self._tools = {tool.name: tool for tool in tools}
        self._max_steps = max_steps
        self._at_keyboard = confirm is None or isinstance(confirm, AskUser)
        self._consent = Consent(confirm, policy or {})
        self._replies: list[Reply] = []
        self._transcript: tuple[Message, ...] = ()
        self._takes_recorded = call.replay == "replay" and call.tools_replay == "recorded"
        if not self._takes_recorded:
            self._check_headless()

    def _check_headless(self) -> None:
        if self._at_keyboard and not can_ask():
            self._consent.check_headless(self._tools.values())

    def run(self, watch: Watch) -> tuple[Reply, WcodeError | None]:
        """The whole reply and the error that ended it. Raises what the first request raises before it is sent."""
        while True:
            try:
                stream = self._client.start(self._call)
            except WcodeError as error:
                if not self._replies:
                    raise
                return self._end(self._explained(error))
            reply = watch.answer(stream)
            self._replies.append(reply)
            calls = _numbered(reply.tool_calls, len(self._replies))
            if stream.error is not None or reply.ended != "complete" or not calls:
                return self._end(stream.error)
            if len(self._replies) == self._max_steps:
                return self._end(self._too_many())
            try:
                if not self._answer_calls(watch, reply, calls):
                    return self._end(AnswerInterrupted(_("Interrupted"), hint=_("Everything received so far is kept.")))
            except InputError as error:
                return self._end(error)
            self._call = self._next_call()

    def result(self) -> Reply:
        """The whole reply of a loop that nobody watches. Raises WcodeError, KeyboardInterrupt."""
        reply, error = self.run(Unwatched())
        if isinstance(error, AnswerInterrupted):
            raise KeyboardInterrupt from error
        if error is not None:
            raise error
        return reply

    def _answer_calls(self, watch: Watch, reply: Reply, calls: tuple[ToolCall, ...]) -> bool:
        """Runs what the model asks for, or takes the recorded results; False when the user interrupted.

        Raises InputError: there are none, a function needs consent, and the run is not interactive.
        """
        asked = Message("assistant", reply.text, tool_calls=calls, reasoning=reply.choices[0].reasoning)
        watch.steps((*self._transcript, asked))
        if self._takes_recorded:
            if recorded := self._client.keeper.tool_results(self._call, asked):
                self._transcript = (*self._transcript, asked, *recorded)
                watch.steps(self._transcript)
                return True
            self._check_headless()
        steps = [_Step(call) for call in calls]
        try:
            for step in steps:
                self._check(step)
            _run_all([step for step in steps if step.result is None])
        except KeyboardInterrupt:
            finished = False
        else:
            finished = True
        results = [Message("tool", self._told(step), tool_call_id=step.call.id) for step in steps]
        self._transcript = (*self._transcript, asked, *results)
        if finished:
            watch.steps(self._transcript)
        return finished

    def _told(self, step: _Step) -> str:
        """What the model is told of a call: text that can be sent, without a key of this session."""
        return valid_text(self._client.session.keys.redact(_INTERRUPTED if step.result is None else step.result))

    def _check(self, step: _Step) -> None:
        """Finds the tool, reads the arguments and asks the user; what fails is a result for the model."""
        try:
            step.tool = self._tools.get(step.call.name)
            if step.tool is None:
                raise ToolFault(f"there is no tool {step.call.name!r}; there are: {', '.join(self._tools)}")
            step.arguments = step.tool.arguments(step.call)
            # As the model gave them: the repr of a converted value may leave out some of it.
            if not self._consent(step.tool, step.call.parsed()):
                raise ToolFault("the user does not allow this call")
        except ToolFault as fault:
            step.result = _fault(fault)

    def _next_call(self) -> Call:
        """The request with what was called and given. A forced choice of tool has been obeyed: again, it never ends."""
        call = self._call
        notes: tuple[str, ...] = ()
        if call.request.parameters.get("tool_choice") not in (None, "auto", "none"):
            parameters = {name: value for name, value in call.request.parameters.items() if name != "tool_choice"}
            call = replace(call, request=replace(call.request, parameters=parameters))
            notes = (_("tool_choice applied to the first step only"),)
        return self._client.session.with_messages(replace(call, warnings=notes), (*self._asked, *self._transcript))

    def _explained(self, error: WcodeError) -> WcodeError:
        if isinstance(error, ReplayError):
            names = ", ".join(self._tools)
            error.hint = _(
                "A tool ({names}) may have returned a different result than in the recording. {hint}"
            ).format(names=names, hint=error.hint)
        return error

    def _too_many(self) -> WcodeError:
        with speaking(self._replies[-1].language):
            return ToolStepsExceeded(
                _("The model still calls tools after {count} steps").format(count=self._max_steps),
                hint=_("Raise --max-steps, or simplify the prompt."),
            )

    def _end(self, error: WcodeError | None) -> tuple[Reply, WcodeError | None]:
        reply = _whole(self._replies, self._transcript, error)
        if error is not None:
            error.reply = reply
        session = self._client.session
        # One question, one reply. Partly replayed it counts whole against the budget: better too much than too little.
        session.replies[:] = [one for one in session.replies if not any(one is step for step in self._replies)]
        session.replies.append(reply)
        if self._call.turn is not None:
            session.chats.add(self._call.turn, reply)
        return reply, error


_INTERRUPTED = "Error: the user interrupted this call"


def _fault(fault: ToolFault) -> str:
    return f"Error: {fault}"


def _numbered(calls: tuple[ToolCall, ...], step: int) -> tuple[ToolCall, ...]:
    """Calls with an id of their own: some servers send none or one for several, and a result must name its call."""
    seen: set[str] = set()
    numbered = []
    for number, call in enumerate(calls, 1):
        if not call.id or call.id in seen:
            call = replace(call, id=_unused(f"call_{step}_{number}", seen.union(other.id for other in calls)))
        seen.add(call.id)
        numbered.append(call)
    return tuple(numbered)


def _unused(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _run_all(steps: list[_Step]) -> None:
    """All at once, each in a thread; a single plain function where we are, so that an interrupt reaches it."""
    if len(steps) == 1 and steps[0].tool and not inspect.iscoroutinefunction(steps[0].tool.function):
        steps[0].run()
        return
    # With the context of this cell, so that what a tool prints is shown here.
    threads.run_all([partial(contextvars.copy_context().run, step.run) for step in steps], "wcode-tool")


def _whole(replies: list[Reply], transcript: tuple[Message, ...], error: WcodeError | None) -> Reply:
    """The last answer with the transcript before it; tokens, RMB and seconds of all, without the tools' own time."""
    last = replies[-1]
    if sum(message.role == "assistant" for message in transcript) == len(replies):
        last = replace(last, choices=(Choice(),))  # its calls have their results: it is in the transcript
    fault = None if error is None else fault_of(error)
    ended = last.ended
    if error is not None and last.fault is None:
        ended = "interrupted" if isinstance(error, AnswerInterrupted) else "cut"
    return replace(
        last,
        transcript=transcript,
        usage=_usage(replies),
        cost=_cost(replies),
        ended=ended,
        fault=last.fault or fault,
        asked_at=replies[0].asked_at,
        timing=_timing(replies),
        notices=tuple(dict.fromkeys(notice for reply in replies for notice in reply.notices)),
        replayed=all(reply.replayed for reply in replies),
    )


def _usage(replies: list[Reply]) -> Usage | None:
    used = [reply.usage for reply in replies if reply.usage is not None]
    if not used:
        return None
    thought = [usage.reasoning_tokens for usage in used if usage.reasoning_tokens is not None]
    cached = [usage.cached_tokens for usage in used if usage.cached_tokens is not None]
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in used),
        output_tokens=sum(usage.output_tokens for usage in used),
        reasoning_tokens=sum(thought) if thought else None,
        cached_tokens=sum(cached) if cached else None,
    )


def _cost(replies: list[Reply]) -> Decimal | None:
    known = [reply.cost for reply in replies if reply.cost is not None]
    return sum(known, Decimal(0)) if len(known) == len(replies) else None


def _timing(replies: list[Reply]) -> Timing:
    return Timing(
        first_token_s=replies[0].timing.first_token_s,
        total_s=round(sum(reply.timing.total_s for reply in replies), 4),
    )


def loop_of(client: Starter, call: Call, tools: Iterable[Tool], *, confirm: Confirm | None = None) -> ToolLoop:
    """The loop that the settings of `call` ask for; `confirm` asks the user, by default at the keyboard.

    Raises InputError.
    """
    confirm = (confirm or AskUser()) if call.tools_confirm else None
    return ToolLoop(
        client, call, tools, max_steps=call.max_steps, confirm=confirm, policy=parse_policy(call.tools_policy)
    )
