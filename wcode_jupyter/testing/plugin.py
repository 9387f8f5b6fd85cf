"""The pytest fixture `wcode_stand_in`, registered by the package's entry point. The server is loaded on first use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .stand_in import StandIn

__all__ = ["wcode_stand_in"]


@pytest.fixture
def wcode_stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A mock model server, the default server of wcode_jupyter during the test; see `wcode_jupyter.testing`.

    Set its answers with `wcode_stand_in.script(…)`. The call log and replay files are switched off.
    """
    from .stand_in import StandIn

    monkeypatch.setenv("WCODE_LOG", "false")
    monkeypatch.setenv("WCODE_REPLAY", "off")
    with StandIn().use() as server:
        yield server
