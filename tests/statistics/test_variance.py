"""Variance shares by hand, against statsmodels' analysis of variance, and by simulation."""

from __future__ import annotations

import random
from itertools import product

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.statistics.variance import Observation, flips, variance_shares


def cells(values: dict[tuple[str, str], list[object]]) -> list[Observation]:
    return [Observation(row, (prompt,), value) for (row, prompt), found in values.items() for value in found]  # type: ignore


def test_components_by_hand() -> None:
    """Two rows, two prompts, two samples: mean squares and components worked out on paper.

    Row a: 1, 3 | 5, 7; row b: 11, 13 | 15, 17. Samples: SS 2 in each of 4 cells, 4 degrees of freedom: 2.
    Prompts within rows: SS 16 + 16 with 2 degrees of freedom: 16, (16 − 2)/2 = 7. Row means 4 and 14: variance 50,
    less 2/4 and 7/2: 46. Sum 55.
    """
    found = variance_shares(
        cells({("a", "x"): [1, 3], ("a", "y"): [5, 7], ("b", "x"): [11, 13], ("b", "y"): [15, 17]}), ["prompt"]
    )
    assert found.rows.value == pytest.approx(46 / 55)
    assert found.factors["prompt"].value == pytest.approx(7 / 55)
    assert found.rest.value == pytest.approx(2 / 55)
    assert found.repeated
    assert found.rows.low is None


def test_labels_count_by_their_indicators() -> None:
    """Labels that depend on the prompt alone: all of the variance is the prompt's."""
    found = variance_shares(
        cells({(row, prompt): [prompt.upper()] * 2 for row in "abcdefghijkl" for prompt in "xy"}), ["prompt"]
    )
    assert found.factors["prompt"].value == pytest.approx(1)
    assert found.rows.value == found.rest.value == 0


def test_shares_find_what_was_put_in() -> None:
    """Variances 4 between rows, 2 between prompts in a row, 1 between models in a row, 1 between samples: 300 rows."""
    chance = random.Random(8)
    made = []
    for row in range(300):
        base = chance.gauss(0, 2)
        prompts = {name: chance.gauss(0, 2**0.5) for name in "xyz"}
        models = {name: chance.gauss(0, 1) for name in "mn"}
        for prompt, model, _sample in product("xyz", "mn", range(2)):
            made.append(Observation(row, (prompt, model), base + prompts[prompt] + models[model] + chance.gauss(0, 1)))
    found = variance_shares(made, ["prompt", "model"])
    for estimate, expected in [
        (found.rows, 4 / 8), (found.factors["prompt"], 2 / 8), (found.factors["model"], 1 / 8), (found.rest, 1 / 8)
    ]:  # fmt: skip
        assert estimate.value == pytest.approx(expected, abs=0.06)
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= expected <= estimate.high


def test_incomplete_rows_are_left_out_and_counted() -> None:
    """A row without an answer of one prompt is not compared."""
    found = variance_shares(
        cells(
            {("a", "x"): [1], ("a", "y"): [2], ("b", "x"): [3], ("b", "y"): [None], ("c", "x"): [5], ("c", "y"): [7]}
        ),
        ["prompt"],
    )
    assert (found.n, found.missing) == (2, 1)


def test_flips_count_rows_whose_common_answer_changes() -> None:
    """Of three rows, one flips with the prompt; samples of a prompt vote."""
    found = flips(
        cells(
            {
                ("a", "x"): ["yes", "yes", "no"], ("a", "y"): ["yes"], ("b", "x"): ["yes"], ("b", "y"): ["no"],
                ("c", "x"): ["no"], ("c", "y"): ["no"], ("d", "x"): ["no"],
            }
        ),
        0,
    )  # fmt: skip
    assert (found.value, found.n) == (pytest.approx(1 / 3), 3)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        ({("a", "x"): [1]}, "One answer per row"),
        ({("a", "x"): [1], ("b", "y"): [1]}, "every combination"),
        ({("a", "x"): ["s"], ("a", "y"): ["s"]}, "no spread"),
    ],
)
def test_no_spread_to_divide_is_one_line(made: dict[tuple[str, str], list[object]], text: str) -> None:
    """One answer a row, no complete row, equal answers."""
    with pytest.raises(InputError, match=text):
        variance_shares(cells(made), ["prompt"])
