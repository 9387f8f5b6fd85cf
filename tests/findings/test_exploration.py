"""Answers by row and condition: places, neighbours, equal answers with their counts, and the table that is kept."""

from __future__ import annotations

from wcode_jupyter.findings.exploration import Exploration, ShownAnswer


def answer(row: int, text: str, model: str = "m", temperature: float = 0.0, sample: int = 0) -> ShownAnswer:
    levels = {"row": row, "model": model, "temperature": temperature, "sample": sample}
    return ShownAnswer(levels=levels, key=f"k{row}", columns={"text": f"t{row}"}, text=text)


def grid() -> Exploration:
    """Two rows, two models, two samples; model b has no answer to row 1."""
    return Exploration(
        [
            answer(0, "yes", "a"), answer(0, "yes ", "a", sample=1),
            answer(0, "no", "b"), answer(0, "yes", "b", sample=1),
            answer(1, "no", "a"), answer(1, "maybe", "a", sample=1),
        ]
    )  # fmt: skip


def test_axes_are_what_answers_differ_in() -> None:
    """Row, model and sample; the temperature is the same everywhere and no axis."""
    assert [(axis.name, axis.labels) for axis in grid().axes] == [
        ("row", ("k0", "k1")), ("model", ("a", "b")), ("sample", ("1", "2"))
    ]  # fmt: skip


def test_numbers_are_in_their_order() -> None:
    """A sweep that names 1 before 0 has a slider from 0 to 1."""
    found = Exploration([answer(0, "x", temperature=1.0), answer(0, "x", temperature=0.5)])
    assert found.axes[1].levels == (0.5, 1.0)
    assert found.axes[1].is_ordered


def test_an_answer_by_its_place() -> None:
    """Row k0, model b, second sample; where nothing was asked there is nothing."""
    found = grid().at((0, 1, 1))
    assert found is not None
    assert found.text == "yes"
    assert grid().at((1, 1, 0)) is None


def test_the_neighbour_is_the_nearest_before_else_after() -> None:
    """Second sample: the first. First model: the second. Row 1 has no neighbour among models."""
    near = grid().neighbour((0, 0, 1), 2)
    assert near is not None
    assert (near[0], near[1].text) == ((0, 0, 0), "yes")
    after = grid().neighbour((0, 0, 0), 1)
    assert after is not None
    assert after[1].text == "no"
    assert grid().neighbour((1, 0, 0), 1) is None


def test_equal_answers_are_one_with_their_counts() -> None:
    """ "yes" three times in all (white space at the ends does not count), twice under model a; "no" once."""
    found = [(one.text, one.count, one.here) for one in grid().distinct((0, 0, 0))]
    assert found == [("yes", 3, 2), ("no", 1, 0)]


def test_the_table_tells_counts_and_conditions() -> None:
    """One line for each different answer to a row."""
    table = grid().table()
    assert table.rows == (
        ("k0", "yes", 3, "model a; model b"),
        ("k0", "no", 1, "model b"),
        ("k1", "no", 1, "model a"),
        ("k1", "maybe", 1, "model a"),
    )
    assert "6 recorded answers" in grid()._repr_html_()


def test_long_runs_keep_a_part_and_say_so() -> None:
    """The saved table has a bound; the note says of how many rows."""
    table = Exploration([answer(row, "<b>x</b>") for row in range(500)]).table()
    assert len(table.rows) == 60
    assert table.note == "Answers of 60 of 500 rows"
    assert "<b>x" not in table._repr_html_()
