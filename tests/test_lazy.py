"""Members that are built once, on whatever thread they are looked at first."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from wcode_jupyter.lazy import is_built, lazy


class Owner:
    def __init__(self) -> None:
        self.built = 0
        self.gate = threading.Event()

    @lazy
    def slow(self) -> object:
        """A member."""
        self.built += 1
        self.gate.wait(5)
        return object()

    @lazy
    def twice(self) -> tuple[object, object]:
        return self.slow, self.slow

    @lazy
    def broken(self) -> object:
        self.built += 1
        raise ValueError("not yet")


def test_once() -> None:
    """Two threads that look while it is being built get the one value."""
    owner = Owner()
    with ThreadPoolExecutor(2) as pool:
        looks = [pool.submit(lambda: owner.slow) for _ in range(2)]
        owner.gate.set()
        first, second = (look.result(5) for look in looks)
    assert first is second
    assert owner.built == 1


def test_each_instance_has_its_own() -> None:
    """The value belongs to the instance, and a member may use another one."""
    one, other = Owner(), Owner()
    one.gate.set()
    other.gate.set()
    assert one.twice == (one.slow, one.slow)
    assert one.slow is not other.slow


def test_is_built() -> None:
    """Looking whether it is there builds nothing; what failed is tried again."""
    owner = Owner()
    assert not is_built(owner, "slow")
    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            _ = owner.broken
    assert owner.built == 2
    assert not is_built(owner, "broken")
    owner.gate.set()
    assert owner.slow is owner.slow
    assert is_built(owner, "slow")


def test_documented() -> None:
    """The class shows the member's own words."""
    assert Owner.slow.__doc__ == "A member."
