from __future__ import annotations

from collections.abc import Iterator

import pytest

from wcode_jupyter.event_loop import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine()
    yield engine
    engine.close()
