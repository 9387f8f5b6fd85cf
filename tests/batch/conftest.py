"""A client for a server of the test, without a log and without waiting for what is not tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from wcode_jupyter import Client


@pytest.fixture
def client_of() -> Iterator[Callable[..., Client]]:
    """`client_of(server)`: closed at the end of the test."""
    opened: list[Client] = []

    def make(server: Any, **settings: Any) -> Client:
        opened.append(Client(base_url=server.base_url, **{"model": "m", "log": False, **settings}))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")
