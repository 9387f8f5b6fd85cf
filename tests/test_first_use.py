"""Whoever comes first: see `tests/first_use.py`, whose full figure is 200 processes on each Python."""

from __future__ import annotations

import pytest

from .first_use import try_once


@pytest.mark.parametrize("number", range(6))
def test_first_use(number: int) -> None:
    """Two threads that begin together find one magic, one session and one of each member, and nothing crashes."""
    assert try_once(number) == ""
