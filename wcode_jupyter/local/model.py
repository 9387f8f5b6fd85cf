"""The embedded model of a session: fetched, started, asked for its address, stopped."""

from __future__ import annotations

import importlib.util
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LocalModelError
from ..language import _
from ..request.forms import DEFAULT_PROTOCOL, FORMS
from ..request.messages import LOCAL, Protocol
from ..transport.endpoint import endpoint as endpoint_of
from . import fetch
from .process import EngineProcess, Launch
from .progress import FetchProgress, bar

if TYPE_CHECKING:
    from ..keys import Keys, Secret
    from ..transport import Endpoint

__all__ = ["DEMO_NAME", "LocalModel"]

DEMO_NAME = "SmolLM2-135M-Instruct (demo model)"
N_CTX = 4096
_MAX_THREADS = 4


class LocalModel:
    """The embedded model's server: one per session. Nothing is fetched or started before `start`."""

    def __init__(
        self, *, cache_dir: Path | None = None, progress: Callable[[str], FetchProgress] | None = None
    ) -> None:
        self._cache_dir = cache_dir
        self._progress = progress or bar
        self._lock = threading.RLock()
        self._launch: Launch | None = None
        self._engine: EngineProcess | None = None
        self._end: Callable[[], object] = lambda: None

    def start(self, gguf: Path | str | None = None, *, n_ctx: int | None = None, threads: int | None = None) -> str:
        """The base URL of the running server, started if it is not running or runs something else.

        `gguf` is a model file of the user's own; None means what runs or ran last, else WCODE_LOCAL_MODEL, else the
        demo model. `n_ctx` in tokens. Raises LocalModelError.
        """
        with self._lock:
            launch = self._wanted(gguf, n_ctx, threads)
            if not self.running or launch != self._launch:
                self._restart(launch)
            assert self.base_url is not None
            return self.base_url

    def stop(self) -> bool:
        """Ends the server; False if none was running. The next start begins anew, with the demo model."""
        with self._lock:
            was_running = self.running
            self._end()
            self._engine = self._launch = None
            return was_running

    @property
    def running(self) -> bool:
        """Whether the server runs, looked up now."""
        return self._engine is not None and self._engine.alive

    @property
    def base_url(self) -> str | None:
        """`http://127.0.0.1:PORT/v1` for the OpenAI form; None when it does not run."""
        address = self.anthropic_base_url
        return f"{address}/v1" if address else None

    @property
    def anthropic_base_url(self) -> str | None:
        """`http://127.0.0.1:PORT` for the Anthropic form; None when it does not run."""
        return self._engine.address if self._engine is not None and self._engine.alive else None

    @property
    def model_name(self) -> str:
        """The model's name for people."""
        own = self._launch.gguf if self._launch else _own_file()
        return own.stem if own else DEMO_NAME

    @property
    def key(self) -> Secret:
        """The key of this start: random, for this server only. Raises LocalModelError when it does not run."""
        if self._engine is None:
            raise LocalModelError(_("The local model is not running"), hint=_("Start it: %wcode local start."))
        return self._engine.key

    def endpoint(self, protocol: Protocol, keys: Keys) -> Endpoint:
        """Where requests go, started if need be; its key is handed to `keys`. Raises LocalModelError."""
        with self._lock:
            base_url = self.start().removesuffix(FORMS[DEFAULT_PROTOCOL].local_path) + FORMS[protocol].local_path
            where = endpoint_of(base_url, protocol, identity=LOCAL)
            keys.set(where.origin, self.key.reveal())
            return where

    def status(self) -> str:
        """One line for people, without a path of the machine."""
        return _("{model}: {state}").format(model=self.model_name, state=self._state())

    def _state(self) -> str:
        if self.running:
            return _("running at {url}").format(url=self.base_url)
        if self._engine is not None:
            why = self._engine.last_words()
            return _("ended unexpectedly ({reason}); the next request restarts it").format(reason=why)
        if not _engine_installed():
            return _('not installed; pip install "wcode_jupyter[local]"')
        if _own_file() or fetch.cached(self._cache()):
            return _("not running; the first request starts it")
        size = fetch.DEMO.megabytes
        return _("not running; the first request downloads it ({size} MB) and starts it").format(size=size)

    def _wanted(self, gguf: Path | str | None, n_ctx: int | None, threads: int | None) -> Launch:
        """What the words of `start` mean, given what runs or ran last."""
        last = self._launch or Launch(_own_file(), N_CTX, _threads())
        own = fetch.check_gguf(Path(gguf)) if gguf else last.gguf
        return Launch(own, n_ctx or last.n_ctx, threads or last.threads)

    def _restart(self, launch: Launch) -> None:
        if not _engine_installed():
            what = _("The server program of the local model is not installed")
            raise LocalModelError(what, hint=_('Install it: pip install "wcode_jupyter[local]".'))
        model = fetch.check_gguf(launch.gguf or fetch.fetch(self._cache(), self._progress))
        self._end()
        self._engine = None
        engine = EngineProcess(model, launch, self._progress)
        self._engine, self._launch = engine, launch
        # Ends it when the interpreter does, and when this object is forgotten.
        self._end = weakref.finalize(self, engine.end)

    def _cache(self) -> Path:
        if self._cache_dir is None:
            from platformdirs import user_cache_path

            return user_cache_path("wcode_jupyter", appauthor=False)
        return self._cache_dir


def _own_file() -> Path | None:
    """The user's own model file that the environment names."""
    named = os.environ.get("WCODE_LOCAL_MODEL")
    return Path(named) if named else None


def _engine_installed() -> bool:
    return importlib.util.find_spec("xllamacpp") is not None


def _threads() -> int:
    """Few: the demo model is small, and a container often shows more processors than it may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MAX_THREADS)
