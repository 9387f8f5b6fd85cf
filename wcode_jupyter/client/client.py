"""The same without magics: ask from a script, a function or a notebook cell, sync or async.

    client = Client()
    reply = client.ask("What is 2 + 2?", model="glm-5", temperature=0)
    for event in client.stream("Tell a story", model="glm-5"):
        ...

A Client is also what the magics and the panel stand on: they differ only in where the words come from and where the
answer is shown.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from .. import files
from ..errors import DeadlineError, InputError
from ..event_loop import EventLoop, Stream
from ..keys import Keys, Secret
from ..language import _
from ..lazy import is_built, lazy
from ..prompt.schema import schema as schema_of
from ..reply import Reply
from ..reply.events import Event, Notice
from ..reply.reply_builder import ReplyBuilder
from ..request.forms import FORMS
from ..request.messages import LOCAL, Message, Request
from ..session import Call, Session, Value
from ..session.keeping import Keeper, Listener
from ..session.ledger import booked
from ..session_name import session_name
from ..store import default_path, named_path
from ..store.credentials import redacted
from ..store.location import notebook_path
from ..transport import Endpoint, Transport, endpoint
from .ask import aask, ask
from .background import Background
from .conversation import Conversation

if TYPE_CHECKING:
    from ..batch import BatchRun, Job, Replies, RequestSender
    from ..local import LocalModel
    from ..store import Log
    from .conversation import Conversation

__all__ = ["Client", "Prompt"]

# With more connections than this httpx's own pool costs more than the requests.
_FAST_FROM = 8

Prompt = str | Iterable[Message | Mapping[str, Any]]


class Client:
    """Asks models. None means: as the environment and the settings say (see `session`).

    `api_key` belongs to the origin of `base_url` (with `protocol="anthropic"`, of `anthropic_base_url`,
    which `base_url` then gives where it stands alone); other origins need a key of their own. `timeout` is the longest
    silence in seconds. Everything else that can be set (`settings.ROWS`) goes in as a keyword.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        anthropic_base_url: str | None = None,
        timeout: float | None = None,
        session: Session | None = None,
        **settings: Any,
    ) -> None:
        if settings.get("protocol") == "anthropic" and anthropic_base_url is None:
            # The one address that is given is that of the one form that is asked for.
            base_url, anthropic_base_url = None, base_url
        given = {"base_url": base_url, "anthropic_base_url": anthropic_base_url, "idle_timeout": timeout, **settings}
        overrides = {name: value for name, value in given.items() if value is not None}
        self.session = session or Session(overrides=overrides)
        # From here on nameless: a traceback with locals must not show it.
        secret = Secret(api_key or "")
        del api_key
        if secret.reveal():
            values = self.session.values()
            base_url = values[FORMS[values["protocol"].value].base_url].value
            self.session.keys = Keys(secret.reveal(), base_urls=[base_url])
        self.warn: Callable[[str], None] = _warn
        """Says what is worth knowing and no error, one line: a Python warning unless the caller has a better way."""
        self.keeper = Keeper(self.session, replay_path=self._replay_path, warn=lambda text: self.warn(text))
        """What happens to an answer that has ended."""
        self.home = _here()
        """Where relative names of replay files start, wherever the program goes: the folder it was made in."""
        session_name()  # claimed before any child process is there
        self._run_transports: dict[int, Transport] = {}
        self._hinted = False
        self.notebook: Callable[[], str | None] = lambda: None
        """The path of the notebook, where the caller knows it: see `store.default_path`."""
        self.owns_cell = False
        """Whether what a cell shows is this client's alone: a bar may then clear it."""

    @property
    def on_reply(self) -> list[Listener]:
        """Called with every reply that ended, live or replayed, after it was recorded, logged and counted.

        One that raises costs a warning, never the answer.
        """
        return self.keeper.listeners

    @lazy
    def event_loop(self) -> EventLoop:
        """The thread that reads the network; started at the first call."""
        return EventLoop()

    @lazy
    def transport(self) -> Transport:
        """The one way out; connections are kept between calls."""
        return Transport(self.session.keys, closed=self.session.strict)

    @lazy
    def background(self) -> Background:
        """The answers that stream on while other cells run."""
        return Background()

    @lazy
    def local(self) -> LocalModel:
        """The embedded model; started at the first call that asks it."""
        from ..local import LocalModel, bar

        return LocalModel(progress=partial(bar, clear=self.owns_cell))

    def prepare(self, prompt: Prompt, *, extra_body: Mapping[str, Any] | None = None, **values: Any) -> Call:
        """The checked call that `prompt` and `values` mean; nothing is sent. Raises InputError."""
        return self.session.prepare(prompt, values, extra_body=extra_body)

    def start(self, call: Call) -> Stream:
        """Sends a prepared call, or finds its recorded answer.

        Raises InputError (no key, budget), ReplayError and LocalModelError; what comes later comes with the stream.
        """
        record = self.keeper.record(call, keeps=True)
        if (recorded := self.keeper.kept(call, record)) is not None:
            return Stream.of(self.keeper.keep(recorded, call))
        self.session.check_may_send()
        reserved = self.session.reserve(call)
        try:
            builder = ReplyBuilder(
                call.request,
                fingerprint=call.fingerprint,
                price=self.session.catalogue.cost,
                price_note=self.session.price_note,
            )
            for warning in (*call.warnings, *_unbounded([call], self.session.max_cost)):
                builder.apply(Notice(warning))
            where = self._reach(call.endpoint)
            self.transport.check(where)
            events = self.transport.events(call.request, where, call.deadlines)
        except BaseException:
            self.session.ledger.settle(reserved, Decimal(0))
            raise

        def keep(reply: Reply) -> Reply:
            self.session.ledger.settle(reserved, booked(reply, call.estimate.most_cny), call.request.model)
            return self.keeper.keep(reply, call, record)

        return self.event_loop.start(events, builder, on_end=keep)

    def check(self, call: Call) -> None:
        """Raises KeyMissing or InputError where `call` could not be sent."""
        if call.request.endpoint != LOCAL:
            self.transport.check(call.endpoint)

    def _reach(self, where: Endpoint) -> Endpoint:
        """`where` with an address: the embedded model's server is started when it is asked."""
        if where.identity != LOCAL:
            return where
        self.local.start()
        return self.local.endpoint(where.protocol, self.session.keys)

    def _replay_path(self, file: str | None) -> Path:
        path = named_path(file) if file else default_path(self.notebook())
        # Relative as long as that is right: messages that name it are part of a saved notebook.
        return path if _here() == self.home else self.home / path

    def run_path(self, name: str | None, fingerprint: str) -> Path:
        """The run file of a cell whose result is called `name`: beside the notebook, wherever the program goes.

        Where nobody knows the notebook, a folder may have several that mean the same name: the first one has it, the
        others have the run's fingerprint in theirs. Raises RunError: a file of that name is no run file.
        """
        from ..batch import RunFile

        beside = default_path(self.notebook())
        stem = beside.name.removesuffix(".replay.jsonl").removesuffix("-replay.jsonl")
        folder = beside.parent if _here() == self.home else self.home / beside.parent
        if name:
            file = folder / f"{stem}.{name}.run.jsonl"
            if notebook_path(self.notebook()) is not None or RunFile(file).belongs_to(fingerprint):
                return file
        return folder / ".".join(filter(None, [stem, name, fingerprint[:8], "run.jsonl"]))

    @property
    def folder(self) -> Path:
        """The notebook's folder where the caller knows it, else the current one."""
        notebook = self.notebook()
        return Path(notebook).parent if notebook else Path()

    @property
    def replay_path(self) -> Path:
        """The replay file in force; it need not exist."""
        value = self.session.values().get("replay_file")
        return self._replay_path(value.value if value else None)

    @property
    def log(self) -> Log:
        """The user's log of calls, older ones forgotten as `log_days` says now."""
        days = self.session.values().get("log_days")
        self.keeper.calls.retain(days.value if days else None)
        return self.keeper.calls

    def ask(
        self,
        prompt: Prompt | None = None,
        *,
        schema: Any = None,
        retries_schema: int = 0,
        extra_body: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Reply:
        """Asks and waits. Raises WcodeError; what had arrived is on its `reply`.

        `messages=[…]` instead of a prompt is taken too, as SDKs call it.
        `tools` may be Python functions, which the model may then call: see `toolloop`. `schema`: a type, a JSON Schema
        or `"name, age int"` that the answer must fit, `reply.parsed` then holds it; when it does not, it is asked again
        `retries_schema` times, then AnswerInvalid is raised. Both together: the model calls, then answers so.
        """
        prompt = _prompt_of(prompt, values)
        options = {"schema": schema, "retries_schema": retries_schema, "extra_body": extra_body, **values}
        return ask(self, self.prepare, prompt, **options)

    def stream(
        self, prompt: Prompt | None = None, *, extra_body: Mapping[str, Any] | None = None, **values: Any
    ) -> Stream:
        """Asks and gives the events as they arrive; `.reply` holds the Reply once they are through."""
        prompt = _prompt_of(prompt, values)
        return self.start(self.prepare(prompt, extra_body=extra_body, **values))

    async def aask(
        self,
        prompt: Prompt | None = None,
        *,
        schema: Any = None,
        retries_schema: int = 0,
        extra_body: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Reply:
        """`ask` for the caller's own event loop."""
        prompt = _prompt_of(prompt, values)
        options = {"schema": schema, "retries_schema": retries_schema, "extra_body": extra_body, **values}
        return await aask(self, self.prepare, prompt, **options)

    async def astream(
        self, prompt: Prompt | None = None, *, extra_body: Mapping[str, Any] | None = None, **values: Any
    ) -> AsyncIterator[Event]:
        """`stream` for the caller's own event loop: `async for event in client.astream(...)`."""
        async with await self._astart(_prompt_of(prompt, values), extra_body, values) as stream:
            async for event in stream:
                yield event

    def chat(self, name: str) -> Conversation:
        """The named chat: its `ask` sends the turns before along. Raises InputError: not a name."""
        return Conversation(self, name)

    async def _astart(
        self, prompt: Prompt, extra_body: Mapping[str, object] | None, values: dict[str, object]
    ) -> Stream:
        call = self.prepare(prompt, extra_body=extra_body, **values)
        # Starting may start the embedded model, which takes seconds: not on the caller's loop.
        return await asyncio.to_thread(self.start, call)

    # -- many at once -------------------------------------------------------------------------------------------------

    def run(
        self,
        prompt: Prompt | Mapping[str, Prompt],
        rows: Any,
        *,
        model: str | Iterable[str] | None = None,
        sweep: Mapping[str, Iterable[Any]] | None = None,
        repeat: int = 1,
        seeds: bool = False,
        key: str | None = None,
        run_file: str | Path | None = None,
        stop_on_error: bool = False,
        variables: Mapping[str, Any] | None = None,
        raw: bool = False,
        engine: Any = None,
        schema: Any = None,
        retries_schema: int = 0,
        few_shot: object = None,
        shots: Sequence[int] = (),
        options: Sequence[str] = (),
        orders: int = 1,
        extra_body: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> BatchRun:
        """A run of `prompt` over `rows`, checked and not started: what `map`, `amap` and `imap` do, and the cell.

        Several prompts by name, `{"terse": "…", "polite": "…"}`, are a factor like a swept value, called `prompt`.
        `{{name}}` is a column of the row, else one of `variables`; `raw` leaves braces as typed. `sweep` maps
        parameters to values, each combination is asked; `seeds` gives sample n the seed n. `key` names a column that
        identifies rows. `run_file` keeps the answers and continues what is in it. `engine` is a Dask client whose
        workers send the requests. `schema` and `retries_schema` are those of `ask`, for each row; one that does not fit
        has failed. `few_shot`: rows with a column `answer` that go before the prompt as turns of a chat; `shots`: how
        many of them, each number a level of the factor `shots`. `options` go where the prompt says `{{options}}`, in
        `orders` different orders, the factor `order`. Raises InputError, RunError.
        """
        from ..batch import BatchRun, Budget, FewShot, Orders, Plan, Rows, RunFile, RunLimits

        models = [model] if isinstance(model, str) else list(model or ())
        plan = Plan(
            self.session, prompt, Rows(rows, key=key), models=models, sweep=sweep, repeat=repeat, seeds=seeds,
            values=values, extra_body=extra_body, namespace=variables, raw=raw,
            schema=None if schema is None else schema_of(schema), retries_schema=retries_schema,
            few_shot=None if few_shot is None else FewShot(few_shot, shots),
            orders=Orders(options, orders) if options else None,
        )  # fmt: skip
        strict = plan.calls[0].replay == "replay"
        found = self.session.values(values)
        setting = {name: value.value for name, value in found.items()}
        limits = RunLimits(
            concurrency=self._concurrency(found["concurrency"], strict) if engine is None else setting["concurrency"],
            rpm=setting.get("rpm"), tpm=setting.get("tpm"), stop_on_error=stop_on_error,
        )  # fmt: skip
        sender = self._request_sender(limits.concurrency, engine)
        file = RunFile(None if run_file is None or strict else files.named(run_file))
        file.redact = self._redactor(plan.calls[0].allow_secrets)
        own, whole = self.session.own_budget(values), self.session.max_cost
        budget = Budget(own, ledger=self.session.ledger, session_limit=whole)
        run = BatchRun(plan, sender, limits, budget=budget, file=file)
        if not strict:
            run.notices += _unbounded(plan.calls, own if whole is None else whole)
        return run

    def _redactor(self, allow_secrets: bool) -> Callable[[str], str]:
        """What makes credentials unreadable: keys of this session always, others unless the user allows them."""
        own = self.session.keys.redact
        return own if allow_secrets else lambda text: redacted(own(text))

    def _request_sender(self, concurrency: int, engine: object) -> RequestSender:
        from ..batch.engines import sender_of

        transport = self._run_transport(concurrency)
        return sender_of(engine, transport, self.keeper, reach=self._reach, price=self.session.catalogue.cost)

    def _concurrency(self, value: Value, strict: bool) -> int:
        """The concurrency asked for; fewer by default where the transport for many connections is missing.

        `strict`: nothing will be sent, so there is nothing to say.
        """
        if value.value <= _FAST_FROM or Transport.can_be_fast():
            return int(value.value)
        if not self._hinted and not strict:
            self._hinted = True
            self.warn(
                _("Install faster connections for batch runs: {command}").format(
                    command='pip install "wcode_jupyter[fast]"'
                )
            )
        return _FAST_FROM if value.source == "default" else int(value.value)

    def map(
        self,
        prompt: Prompt | Mapping[str, Prompt],
        rows: Any,
        *,
        score: Any = None,
        progress: bool = True,
        **options: Any,
    ) -> Replies:
        """Asks `prompt` once for each row (and model, and swept value) and gives the Replies in row order.

        `options` are those of `run`, settings and parameters. `score(reply, row)` gives a number, a bool or a dict of
        these. A failed row keeps its reason and stops no other. A run that was stopped (budget, full disk, nothing but
        failures) warns and gives what arrived; its reason is `Replies.stopped`. Raises InputError, RunError.
        """
        from ..batch.progress import watch

        _check_score(score)
        run = self._opened(prompt, rows, options)
        with run.ending():
            run.start(self.event_loop)
            watch(run, quiet=not progress)
        return self._result(run, score)

    async def amap(
        self, prompt: Prompt | Mapping[str, Prompt], rows: Any, *, score: Any = None, **options: Any
    ) -> Replies:
        """`map` for the caller's own event loop."""
        _check_score(score)
        run = await asyncio.to_thread(self._started, prompt, rows, options)
        try:
            while not await asyncio.to_thread(run.wait, 1.0):
                pass
        except BaseException:
            run.cancel()
            raise
        return self._result(run, score)

    def imap(self, prompt: Prompt | Mapping[str, Prompt], rows: Any, **options: Any) -> Iterator[tuple[Job, Reply]]:
        """Job and Reply of each answer as it finishes; memory stays bounded. Leaving the loop cancels the rest.

        Raises what stopped the run, after the last answer.
        """
        run = self._started(prompt, rows, options, watched=True)
        yield from run.finished()
        if run.error is not None:
            raise run.error

    def _started(
        self, prompt: Prompt | Mapping[str, Prompt], rows: object, options: dict[str, Any], *, watched: bool = False
    ) -> BatchRun:
        run = self._opened(prompt, rows, options)
        run.start(self.event_loop, watched=watched)
        return run

    def _opened(self, prompt: Prompt | Mapping[str, Prompt], rows: Any, options: dict[str, Any]) -> BatchRun:
        run = self.run(prompt, rows, **options)
        run.open()
        try:
            # What may be unintended is said while nothing is paid yet.
            run.notices += run.plan.notices
            self._say(run)
        except BaseException:
            run.close()
            raise
        return run

    def _say(self, run: BatchRun) -> None:
        notices, run.notices[:] = tuple(run.notices), []
        for notice in notices:
            self.warn(notice)

    def _result(self, run: BatchRun, score: Any) -> Replies:
        self._say(run)
        if run.error is not None:
            self.warn(str(run.error))
        return run.replies if score is None else run.replies.score(score)

    def _run_transport(self, concurrency: int) -> Transport:
        """One for each number of connections: a pool that is smaller than the concurrency makes requests wait."""
        if concurrency not in self._run_transports:
            built = Transport(
                self.session.keys,
                connections=concurrency,
                retry_refused=False,
                fast=concurrency > _FAST_FROM,
                closed=self.session.strict,
            )
            # Two threads may come here together: one of theirs stays, and is closed with the client.
            self._run_transports.setdefault(concurrency, built)
        return self._run_transports[concurrency]

    def warm(self) -> None:
        """Builds the connection's parts (imports, TLS) in the background, so that the first call does not wait."""
        self.event_loop.warm(lambda: self.transport.warm(endpoint(self.session.values()["base_url"].value)))

    def close(self) -> None:
        """Ends what runs, the thread, its connections and the embedded model. May be called twice."""
        if is_built(self, "background"):
            self.background.close()
        if is_built(self, "event_loop") and not self.event_loop.closed:
            # A loop that is busy, with the warm-up on a slow machine, does not keep the rest from being ended.
            with suppress(DeadlineError):
                # Before their connections go: these answers were interrupted, not cut off by the server.
                self.event_loop.cancel()
                own = [self.transport] if is_built(self, "transport") else []
                for transport in [*own, *self._run_transports.values()]:
                    self.event_loop.run(transport.aclose(), timeout_s=2)
            self.event_loop.close()
        if is_built(self, "local"):
            self.local.stop()
        self.keeper.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _export(target: str, request: Request, *, base_url: str | None, stream: bool) -> str:
    from ..export import export

    return export(target, request, base_url=base_url, stream=stream)


Reply.exporter = _export


def _prompt_of(prompt: Prompt | None, values: dict[str, Any]) -> Prompt:
    """The prompt, or `messages` in its place. Raises InputError: both, or neither."""
    messages: Prompt | None = values.pop("messages", None)
    found = messages if prompt is None else prompt
    if found is None or (prompt is not None and messages is not None):
        raise InputError(_("Pass either a prompt or messages=[…]"))
    return found


def _here() -> Path:
    """The current folder; where somebody has removed it, just that."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def _check_score(score: Any) -> None:
    if score is not None and not callable(score):
        raise InputError(
            _("score is not a function"),
            hint=_("It takes the reply and its row, and returns a number, a bool or a dict of these."),
        )


def _unbounded(calls: Iterable[Call], budget: Decimal | None) -> list[str]:
    """What to say where a budget cannot hold."""
    unpriced = [call for call in calls if call.estimate.input_cny is None and call.request.endpoint != LOCAL]
    models = dict.fromkeys(call.request.model for call in unpriced)
    if budget is None or not models:
        return []
    return [_("The price of {models} is unknown: max_cost does not count it").format(models=", ".join(models))]


def _warn(text: str) -> None:
    """A Python warning at the line that called this package."""
    level, frame = 1, sys._getframe()
    while (outer := frame.f_back) is not None and _is_own(frame):
        level, frame = level + 1, outer
    warnings.warn(text, stacklevel=level)


def _is_own(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] == __name__.partition(".")[0]
