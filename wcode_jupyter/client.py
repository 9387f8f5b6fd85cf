"""The same without magics: ask from a script, a function or a notebook cell, sync or async.

    client = Client()
    reply = client.ask("What is 2 + 2?", model="glm-5", temperature=0)
    for event in client.stream("Tell a story", model="glm-5"):
        ...

A Client is also what the magics and the panel stand on: they differ only in where the words come from and where the
answer is shown.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .engine import Engine, Stream
from .errors import WcodeError
from .events import Event, Notice
from .keys import Keys, Secret
from .messages import LOCAL, Message
from .reply import Reply, ReplyBuilder
from .session import Call, Session
from .transport import Endpoint, Transport, endpoint

if TYPE_CHECKING:
    from .local import LocalModel
    from .store import Log, Record

__all__ = ["Client", "Prompt"]

Prompt = str | Iterable[Message | Mapping[str, Any]]


class Client:
    """Asks models. None means: as the environment and the settings say (see `session`).

    `api_key` belongs to the origin of `base_url`; other origins need a key of their own. `timeout` is the longest
    silence in seconds. Everything else that can be set (`session.ROWS`) goes in as a keyword.
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
        given = {"base_url": base_url, "anthropic_base_url": anthropic_base_url, "idle_timeout": timeout, **settings}
        overrides = {name: value for name, value in given.items() if value is not None}
        self.session = session or Session(overrides=overrides)
        # From here on nameless: a traceback with locals must not show it.
        secret = Secret(api_key or "")
        del api_key
        if secret.reveal():
            base_url = self.session.values()["base_url"].value
            self.session.keys = Keys(secret.reveal(), base_urls=[base_url])
        self.on_reply: list[Callable[[Reply], None]] = []
        """Called with every reply that ended, live or replayed, on the thread that consumed it."""
        self.notebook: Callable[[], str | None] = lambda: None
        """The path of the notebook, where the caller knows it: see `store.default_path`."""

    @cached_property
    def engine(self) -> Engine:
        """The thread that reads the network; started at the first call."""
        return Engine()

    @cached_property
    def transport(self) -> Transport:
        """The one way out; connections are kept between calls."""
        return Transport(self.session.keys)

    @cached_property
    def local(self) -> LocalModel:
        """The embedded model; started at the first call that asks it."""
        from .local import LocalModel

        return LocalModel()

    def prepare(self, prompt: Prompt, *, extra_body: Mapping[str, Any] | None = None, **values: Any) -> Call:
        """The checked call that `prompt` and `values` mean; nothing is sent. Raises InputError."""
        return self.session.prepare(prompt, values, extra_body=extra_body)

    def start(self, call: Call) -> Stream:
        """Sends a prepared call, or finds its recorded answer.

        Raises InputError (no key, budget), ReplayError and LocalModelError; what comes later comes with the stream.
        """
        record = self._record(call)
        if record is not None and (recorded := record.lookup(call.request, call.fingerprint)) is not None:
            return Stream.of(self._ended(recorded, call))
        self.session.check_budget()
        builder = ReplyBuilder(call.request, fingerprint=call.fingerprint, price=self.session.catalogue.cost)
        for warning in call.warnings:
            builder.apply(Notice(warning))
        where = self._reach(call.endpoint)
        self.transport.check(where)
        events = self.transport.events(call.request, where, call.deadlines)
        return self.engine.start(events, builder, on_end=lambda reply: self._ended(reply, call, record))

    def _reach(self, where: Endpoint) -> Endpoint:
        """`where` with an address: the embedded model's server is started when it is asked."""
        if where.identity != LOCAL:
            return where
        self.local.start()
        return self.local.endpoint(where.protocol, self.session.keys)

    def _record(self, call: Call) -> Record | None:
        """The replay file of `call`, shared by all clients of this process."""
        if call.replay == "off":
            return None
        from .store import opened

        record = opened(self._replay_path(call.replay_file), call.replay)
        for notice in record.take_notices():
            warnings.warn(notice, stacklevel=2)
        return record

    def _replay_path(self, file: str | None) -> Path:
        from .store import default_path

        return Path(file).expanduser() if file else default_path(self.notebook())

    @property
    def replay_path(self) -> Path:
        """The replay file in force; it need not exist."""
        value = self.session.values().get("replay_file")
        return self._replay_path(value.value if value else None)

    def _ended(self, reply: Reply, call: Call, record: Record | None = None) -> Reply:
        self.session.replies.append(reply)
        for listener in self.on_reply:
            listener(reply)
        if call.log:
            self._log(reply, call)
        if record is not None:
            redact = self.session.keys.redact
            record.add(
                reply,
                keep_images=call.keep_images,
                allow_secrets=call.allow_secrets,
                is_secret=lambda text: redact(text) != text,
            )
        return reply

    @cached_property
    def log(self) -> Log:
        """The user's log of calls."""
        from .store import Log

        days = self.session.values().get("log_days")
        return Log(retention_days=days.value if days else None)

    def _log(self, reply: Reply, call: Call) -> None:
        try:
            self.log.add(reply, content=call.log_content)
        except WcodeError as error:
            # A log that cannot be written must not cost anyone an answer.
            warnings.warn(str(error), stacklevel=2)

    def ask(self, prompt: Prompt, *, extra_body: Mapping[str, Any] | None = None, **values: Any) -> Reply:
        """Asks and waits. Raises WcodeError; what had arrived is on its `reply`."""
        return self.start(self.prepare(prompt, extra_body=extra_body, **values)).result()

    def stream(self, prompt: Prompt, *, extra_body: Mapping[str, Any] | None = None, **values: Any) -> Stream:
        """Asks and gives the events as they arrive; `.reply` holds the Reply once they are through."""
        return self.start(self.prepare(prompt, extra_body=extra_body, **values))

    async def aask(self, prompt: Prompt, *, extra_body: Mapping[str, Any] | None = None, **values: Any) -> Reply:
        """`ask` for the caller's own event loop."""
        return await (await self._astart(prompt, extra_body, values)).aresult()

    async def astream(
        self, prompt: Prompt, *, extra_body: Mapping[str, Any] | None = None, **values: Any
    ) -> AsyncIterator[Event]:
        """`stream` for the caller's own event loop: `async for event in client.astream(...)`."""
        async with await self._astart(prompt, extra_body, values) as stream:
            async for event in stream:
                yield event

    async def _astart(self, prompt: Prompt, extra_body: Mapping[str, Any] | None, values: dict[str, Any]) -> Stream:
        import asyncio

        call = self.prepare(prompt, extra_body=extra_body, **values)
        # Starting may start the embedded model, which takes seconds: not on the caller's loop.
        return await asyncio.to_thread(self.start, call)

    def warm(self) -> None:
        """Builds the connection's parts (imports, TLS) in the background, so that the first call does not wait."""
        self.engine.warm(lambda: self.transport.warm(endpoint(self.session.values()["base_url"].value)))

    def close(self) -> None:
        """Ends the thread, its connections and the embedded model."""
        if "engine" in self.__dict__:
            if "transport" in self.__dict__:
                self.engine.run(self.transport.aclose(), timeout_s=2)
            self.engine.close()
        if "local" in self.__dict__:
            self.local.stop()
        if "log" in self.__dict__:
            self.log.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
