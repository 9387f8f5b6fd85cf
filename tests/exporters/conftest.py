"""Leaves the compiled and the long runs out unless they are asked for: `pytest tests/exporters -m exporters`."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "exporters" in config.getoption("markexpr"):
        return
    skip = pytest.mark.skip(reason="compiles or takes long; run with: -m 'exporters or not exporters'")
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("exporters"):
            item.add_marker(skip)
