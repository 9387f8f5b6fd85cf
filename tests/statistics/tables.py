"""Random tables of ratings with missing cells, from fixed seeds."""

from __future__ import annotations

import random
from collections.abc import Iterator

TABLES = 500


def rating_tables(count: int = TABLES) -> Iterator[list[list[int | None]]]:
    """Rows of raters' labels 1 … k that agree more or less, a fifth of them missing."""
    for seed in range(count):
        chance = random.Random(seed)
        rows, raters, labels = chance.randint(2, 40), chance.randint(2, 5), chance.randint(2, 6)
        agreeing = chance.random()
        table: list[list[int | None]] = []
        for _row in range(rows):
            base = chance.randint(1, labels)
            given = [base if chance.random() < agreeing else chance.randint(1, labels) for _rater in range(raters)]
            table.append([None if chance.random() < 0.2 else label for label in given])
        yield table


def columns(table: list[list[int | None]], first: int = 0, second: int = 1) -> list[tuple[int, int]]:
    """The pairs of two raters that both gave a label."""
    return [
        (row[first], row[second])  # type: ignore[misc]
        for row in table
        if row[first] is not None and row[second] is not None
    ]
