"""Prompts, examples and orders of options as factors: what is sent, and under which levels."""

from __future__ import annotations

import pytest

from wcode_jupyter.batch import FewShot, Orders, Plan, Rows
from wcode_jupyter.batch.factors import wordings
from wcode_jupyter.errors import InputError
from wcode_jupyter.session import Session

EXAMPLES = [{"word": "joy", "answer": "positive"}, {"word": "{{word}} pain", "answer": "negative"}]
ROWS = [{"word": "sun"}, {"word": "rain"}]


def plan(prompt: object = "Is {{word}} good?", **more: object) -> Plan:
    return Plan(Session(), prompt, Rows(ROWS), values={"model": "m"}, **more)  # type: ignore[arg-type]


def sent(made: Plan) -> list[list[tuple[str, object]]]:
    return [[(message.role, message.content) for message in task.messages] for task in made]


def test_examples_are_turns_before_the_prompt() -> None:
    """Filled from their own columns; braces in an example are its own and not the row's."""
    first = sent(plan(few_shot=FewShot(EXAMPLES)))[0]
    assert first == [
        ("user", "Is joy good?"), ("assistant", "positive"),
        ("user", "Is {{word}} pain good?"), ("assistant", "negative"),
        ("user", "Is sun good?"),
    ]  # fmt: skip


def test_numbers_of_examples_are_levels_of_a_factor() -> None:
    """None, one and two examples for each row; each has its own address."""
    tasks = list(plan(few_shot=FewShot(EXAMPLES, (0, 1, 2))))
    assert [task.job.values["shots"] for task in tasks] == [0, 1, 2] * 2
    assert [len(task.messages) for task in tasks[:3]] == [1, 3, 5]
    assert len({task.job.id for task in tasks}) == 6


def test_other_examples_are_another_run() -> None:
    """The fingerprint of the plan knows them: answers with other examples are not continued."""
    assert plan(few_shot=FewShot(EXAMPLES[:1])).fingerprint != plan(few_shot=FewShot(EXAMPLES[1:])).fingerprint


def test_a_system_prompt_stays_first() -> None:
    """Examples go between it and the prompt."""
    made = Plan(
        Session(), "Is {{word}} good?", Rows(ROWS), values={"model": "m", "system": "Be brief."},
        few_shot=FewShot(EXAMPLES, (1,)),
    )  # fmt: skip
    assert [role for role, _text in sent(made)[0]] == ["system", "user", "assistant", "user"]


def test_options_in_several_orders() -> None:
    """As they are first, then shuffled, always the same way and each order once."""
    made = list(plan("{{word}}: {{options}}?", orders=Orders(("a", "b", "c"), 3)))
    orders = [task.job.values["order"] for task in made[:3]]
    assert orders[0] == "a, b, c"
    assert len(set(orders)) == 3
    assert all(sorted(str(order).split(", ")) == ["a", "b", "c"] for order in orders)
    assert made[0].messages[-1].content == "sun: a, b, c?"
    assert (
        orders
        == [task.job.values["order"] for task in plan("{{word}}: {{options}}?", orders=Orders(("a", "b", "c"), 3))][:3]
    )
    assert len(list(wordings("{{options}}", orders=Orders(("a", "b"), 9)))) == 2


def test_factors_are_crossed() -> None:
    """Two prompts, two orders and two numbers of examples: eight ways for each row."""
    made = plan(
        {"short": "{{word}} ({{options}})", "long": "What of {{word}}: {{options}}?"},
        few_shot=FewShot(EXAMPLES, (0, 2)), orders=Orders(("yes", "no"), 2),
    )  # fmt: skip
    assert next(tuple(task.job.values) for task in made) == ("prompt", "order", "shots")
    assert made.count == 16


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"few_shot": FewShot([])}, "Cannot read the examples. There are no rows"),
        ({"few_shot": FewShot([{"word": "x"}])}, "Example 1 has no answer"),
        ({"few_shot": FewShot([{"answer": "x"}])}, "word"),
        ({"few_shot": FewShot(EXAMPLES, (3,))}, "There are 2 examples, not 3"),
        ({"orders": Orders(("a", "b"), 2)}, "no {{options}} for the options"),
        ({"orders": Orders(("a",), 2)}, "at least two options"),
    ],
)
def test_what_cannot_be_asked_is_one_line(options: dict[str, object], text: str) -> None:
    """No examples, one without an answer or a column, more than there are, no place for options, one option."""
    with pytest.raises(InputError, match=text):
        plan(**options)
