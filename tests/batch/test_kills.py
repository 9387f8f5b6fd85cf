"""A run survives kill -9; `python -m tests.batch.kills 200` is the long form."""

from __future__ import annotations

from .kills import survive


def test_what_had_arrived_is_neither_lost_nor_asked_again_and_the_log_is_whole() -> None:
    """Three kills at random moments of a run with two models and a schema."""
    found = survive(30, seed=3, most_kills=3)
    assert found.kills > 0
    assert found.jobs == 60
