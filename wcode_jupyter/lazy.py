"""Members that are built at first use, once, whoever comes first: two threads may ask at the same moment.

`functools.cached_property` has had no lock since Python 3.12: both threads would build, and what one of them has set on
its own copy would be lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["is_built", "lazy"]

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """Decorator of a method: an attribute with its value, built under a lock at the first look and kept.

    The lock is the member's own, of all instances: building one must never wait for another thread that wants it.
    """

    def __init__(self, build: Callable[[Any], T]) -> None:
        self._build = build
        self._lock = threading.RLock()
        self._name = build.__name__
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        with self._lock:
            # Once it is there, Python finds it without coming here.
            if self._name not in instance.__dict__:
                instance.__dict__[self._name] = self._build(instance)
            value: T = instance.__dict__[self._name]
            return value


def is_built(instance: object, name: str) -> bool:
    """Whether the lazy member `name` of `instance` has been built; looking does not build it."""
    return name in instance.__dict__
