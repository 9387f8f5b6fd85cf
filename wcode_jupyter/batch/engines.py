"""Batch engines: who sends the requests of a run where it is not this process. One row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from ..errors import InputError
from ..language import _
from ..session.keeping import Keeper
from ..transport import Endpoint, Transport
from .cluster import ClusterSender
from .sender import Price, RequestSender

__all__ = ["ENGINES", "BatchEngine", "engine_of", "is_engine", "sender_of"]


class MakesSender(Protocol):
    """Makes the sender of a run for the client of an engine, or for the engine's name."""

    def __call__(
        self,
        engine: object,
        transport: Transport,
        keeper: Keeper,
        *,
        reach: Callable[[Endpoint], Endpoint],
        price: Price,
    ) -> RequestSender:
        """Raises InputError: the engine cannot be reached."""


class BatchEngine(Struct, frozen=True):
    """One engine."""

    name: str
    """What `--engine` says for the current client of that engine."""
    package: str
    """The package that its clients come from."""
    sender: MakesSender


ENGINES = (BatchEngine("dask", "distributed", ClusterSender.at),)


def is_engine(value: object) -> bool:
    """Whether `value` is the client of an engine; imports nothing for it."""
    return type(value).__module__.partition(".")[0] in {engine.package for engine in ENGINES}


def engine_of(value: object) -> BatchEngine:
    """The engine that `value`, its name or its client, belongs to. Raises InputError."""
    package = type(value).__module__.partition(".")[0]
    for engine in ENGINES:
        if value == engine.name or package == engine.package:
            return engine
    raise InputError(
        _("{value} is not a batch engine").format(value=f"{type(value).__name__} {value!r}"[:80]),
        hint=_("Use the client of a cluster, or one of these names: {names}").format(
            names=", ".join(engine.name for engine in ENGINES)
        ),
    )


def sender_of(
    engine: object, transport: Transport, keeper: Keeper, *, reach: Callable[[Endpoint], Endpoint], price: Price
) -> RequestSender:
    """The sender of a run; `engine` None: this process. Raises InputError."""
    if engine is None:
        return RequestSender(transport, keeper, reach=reach, price=price)
    return engine_of(engine).sender(engine, transport, keeper, reach=reach, price=price)
