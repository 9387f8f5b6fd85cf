"""What is asked, without asking it."""

from __future__ import annotations

from typing import Any

import pytest

from wcode_jupyter.batch import Plan, Rows
from wcode_jupyter.batch.plan import combinations
from wcode_jupyter.errors import InputError, ParameterError, UndefinedReference
from wcode_jupyter.session import Session

ROWS = [{"word": "one", "n": 1}, {"word": "two", "n": 2}]


def plan(prompt: str = "Say {{word}}", rows: Any = ROWS, **options: Any) -> Plan:
    session = Session(overrides={"model": "m", "base_url": "http://127.0.0.1:9/v1"})
    return Plan(session, prompt, Rows(rows), **options)


def asked(found: Plan) -> list[tuple[str, dict[str, Any], int, str]]:
    return [(task.job.model, task.job.values, task.job.sample, task.messages[0].text) for task in found]


def test_columns_come_before_variables() -> None:
    """`{{word}}` is the row's; what the row has not is the notebook's."""
    found = plan("{{word}} {{other}} {plain}", namespace={"word": "no", "other": "yes"})
    assert [text for *_rest, text in asked(found)] == ["one yes {plain}", "two yes {plain}"]


def test_every_combination_in_order() -> None:
    """Rows first, then models, swept values (the last name fastest), samples."""
    found = plan(models=["a", "b"], sweep={"temperature": [0, 1], "top_p": ["0.5"]}, repeat=2)
    jobs = asked(found)
    assert found.count == len(jobs) == 2 * 2 * 2 * 2
    values = [{"temperature": 0.0, "top_p": 0.5}, {"temperature": 1.0, "top_p": 0.5}]
    assert [job[:3] for job in jobs[:8]] == [(m, v, s) for m in ("a", "b") for v in values for s in (0, 1)]


def test_swept_values_are_sent_and_nothing_else() -> None:
    """A call holds the swept value, and without seeds no seed."""
    found = plan(sweep={"temperature": [0.5]}, repeat=2)
    parameters = [found.call(task).request.parameters for task in found]
    assert parameters == [{"temperature": 0.5}] * 4


def test_a_request_that_is_spelled_twice_is_asked_once() -> None:
    """A model by its id and by its short name, a value with and without a point: one answer would be kept for both."""
    found = plan(models=["glm-5", "z-ai/glm-5"], sweep={"temperature": ["1", "1.0", 1]})
    assert [(job[0], job[1]) for job in asked(found)] == [("z-ai/glm-5", {"temperature": 1.0})] * 2


def test_named_prompts_are_a_factor() -> None:
    """Each prompt is asked of each row, between models and swept values; its name is the value `prompt`."""
    prompts = {"terse": "{{word}}?", "polite": [{"role": "user", "content": "Please: {{word}}"}]}
    found = plan(prompts, models=["a", "b"], sweep={"temperature": [0, 1]})  # type: ignore[arg-type]
    jobs = asked(found)
    assert found.count == len(jobs) == 2 * 2 * 2 * 2
    assert [job[1] for job in jobs[:4]] == [
        {"prompt": name, "temperature": value} for name in ("terse", "polite") for value in (0.0, 1.0)
    ]
    assert [job[3] for job in jobs[:4]] == ["one?", "one?", "Please: one", "Please: one"]
    assert len({task.job.id for task in found}) == 16


@pytest.mark.parametrize(
    ("prompts", "text"), [({}, "No prompt"), ({"a": "x {{n}}", "b": "x {{n}}"}, "a and b are the")]
)
def test_named_prompts_that_are_none(prompts: Any, text: str) -> None:
    """No prompt, and two names of one prompt: one line, before anything is sent."""
    with pytest.raises(InputError, match=text):
        plan(prompts)


def test_seeds_on_request() -> None:
    """Sample n gets the seed n, counted from the seed that is set."""
    found = plan(repeat=3, seeds=True, values={"seed": 10})
    assert [found.call(task).request.parameters["seed"] for task in found][:3] == [10, 11, 12]


def test_ids_are_made_of_what_decides_the_answer() -> None:
    """The same question keeps its id; another text, model, value or sample has another one."""
    ids = [task.job.id for task in plan(models=["a", "b"], sweep={"temperature": [0, 1]}, repeat=2)]
    assert len(set(ids)) == 16
    again = plan(models=["a", "b"], sweep={"temperature": [0, 1]}, repeat=2)
    assert [task.job.id for task in again] == ids
    changed = [{"word": "one", "n": 5}, {"word": "three", "n": 2}]
    others = [task.job.id for task in plan(rows=changed, models=["a", "b"], sweep={"temperature": [0, 1]}, repeat=2)]
    assert others[:8] == ids[:8], "a column that is not in the prompt does not count"
    assert not set(others[8:]) & set(ids)


def test_the_fingerprint_is_of_prompt_models_and_parameters() -> None:
    """Rows and samples may be added to a run; another prompt is another run."""
    base = plan().fingerprint
    assert plan(rows=ROWS[:1], repeat=3).fingerprint == base
    assert plan("Say {{word}}!").fingerprint != base
    assert plan(models=["b"]).fingerprint != base
    assert plan(values={"temperature": 1}).fingerprint != base


def test_a_missing_column_is_named_before_anything_is_sent() -> None:
    """The error lists the columns there are."""
    with pytest.raises(UndefinedReference, match=r"\{\{wrod\}\}.*The columns are word, n"):
        plan("Say {{wrod}}")


@pytest.mark.parametrize("empty", [None, float("nan")])
def test_a_row_with_an_empty_cell_is_an_error_of_that_row(empty: object) -> None:
    """It is never sent as the word None, and the other rows are not touched."""
    tasks = list(plan(rows=[{"word": "one"}, {"word": empty}, {}, {"word": "four"}]))
    assert [str(task.error) if task.error else task.messages[0].text for task in tasks] == [
        "Say one",
        "Row 2 has no value for {{word}}",
        "Row 3 has no value for {{word}}",
        "Say four",
    ]


def test_a_half_character_in_a_row_is_an_error_of_that_row() -> None:
    """A lone surrogate cannot be sent."""
    assert "surrogate" in str(next(iter(plan(rows=[{"word": "\ud800"}]))).error)


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ({"temprature": [1]}, "Did you mean temperature"),
        ({"temperature": [3]}, "temperature"),
        ({"temperature": []}, "No values"),
        ({"model": ["a"]}, "several models"),
        ({"base_url": ["x"]}, "cannot be swept"),
        ({"temperature": "0,1"}, "needs a list of values"),
        ({"temperature": 1}, "needs a list of values"),
        ("temperature=1", "maps parameters to lists"),
    ],
)
def test_a_bad_sweep_is_refused(sweep: dict[str, list[Any]], words: str) -> None:
    """Unknown names, values out of range, empty lists, and what is no parameter."""
    with pytest.raises(ParameterError, match=words):
        combinations(sweep)


@pytest.mark.parametrize("repeat", [0, -1, "3", 1.5, None])
def test_repeat_is_a_number_from_one_on(repeat: Any) -> None:
    """Anything else is said before anything is sent."""
    with pytest.raises(ParameterError, match=r"repeat must be an integer of at least 1, got .*"):
        plan(repeat=repeat)


def test_raw_leaves_braces() -> None:
    """`raw` sends the prompt as typed to every row."""
    assert asked(plan("{{word}}", raw=True))[0][3] == "{{word}}"
