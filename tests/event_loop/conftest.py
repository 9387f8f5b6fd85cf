from __future__ import annotations

from collections.abc import Iterator

import pytest

from wcode_jupyter.event_loop import EventLoop


@pytest.fixture
def engine() -> Iterator[EventLoop]:
    engine = EventLoop()
    yield engine
    engine.close()
