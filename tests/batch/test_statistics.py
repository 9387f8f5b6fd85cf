"""Figures by hand: agreement, entropy, percentiles, intervals, differences."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wcode_jupyter.batch.differences import Differences
from wcode_jupyter.batch.plan import Job
from wcode_jupyter.batch.runfile import RunLine
from wcode_jupyter.batch.statistics import Scored, percentile, scored, summary
from wcode_jupyter.reply import Choice, ErrorInfo, Reply, Timing
from wcode_jupyter.reply.events import Usage
from wcode_jupyter.request.messages import Message, Request


def job(row: int = 0, sample: int = 0, model: str = "m", **values: Any) -> Job:
    return Job(id=f"{row}.{sample}", number=0, row=row, key=row, model=model, values=values, sample=sample)


def reply(text: str, first_s: float = 0.1) -> Reply:
    return Reply(choices=(Choice(text=text),), usage=Usage(9, 6), timing=Timing(first_s, first_s, 1.0, 10.0))


def test_agreement_distinct_and_entropy_over_the_samples_of_a_row() -> None:
    """Row 0: yes yes no no (1/2, 2, 1 bit); row 1: four times yes (1, 1, 0 bits); the group has their means."""
    answers = {0: ["yes", " yes\n", "no", "no"], 1: ["yes"] * 4}
    found = summary(
        (RunLine(job(row, sample), reply(text)), Scored())
        for row, texts in answers.items()
        for sample, text in enumerate(texts)
    ).groups
    assert [(g.n, g.failed, g.agreement, g.distinct, g.entropy) for g in found] == [(8, 0, 0.75, 1.5, 0.5)]


def test_json_answers_are_the_same_when_their_values_are() -> None:
    """Layout and order of keys make no difference, a value does; what only begins like JSON is a text."""
    texts = ['{"a": 1, "b": [2]}', '{\n  "b" : [2],\n  "a" : 1\n}', '{"a": 1, "b": [3]}', "{maybe}"]
    (group,) = summary((RunLine(job(0, n), reply(text)), Scored()) for n, text in enumerate(texts)).groups
    assert (group.agreement, group.distinct) == (0.5, 3)


def test_one_sample_of_a_row_is_compared_with_nothing() -> None:
    """Different rows are different questions: no agreement between them."""
    (group,) = summary((RunLine(job(row), reply(str(row))), Scored()) for row in range(3)).groups
    assert (group.agreement, group.distinct, group.entropy) == (None, None, None)


def test_groups_are_models_and_values_in_their_order() -> None:
    """A line for each; failures count and give no figures."""
    failed = Reply(ended="failed", fault=ErrorInfo("BadRequest", "no"))
    groups = summary(
        [
            (RunLine(job(model="b", temperature=1.0), reply("abcd")), Scored()),
            (RunLine(job(model="a", temperature=0.0), failed), Scored()),
            (RunLine(job(model="b", temperature=1.0), reply("ab")), Scored()),
        ]
    ).groups
    assert [(g.model, g.values, g.n, g.failed, g.length) for g in groups] == [
        ("b", {"temperature": 1.0}, 2, 0, 3.0),
        ("a", {"temperature": 0.0}, 1, 1, None),
    ]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([], 50, None), ([3.0], 95, 3.0), ([1.0, 2.0, 3.0, 4.0], 50, 2.5), ([4.0, 1.0, 3.0, 2.0], 95, 3.85)],
)
def test_percentiles_are_linear_between_neighbours(values: list[float], percent: float, expected: float | None) -> None:
    """As numpy's default."""
    found = percentile(values, percent)
    assert found == (None if expected is None else pytest.approx(expected))


def scores_of(values: dict[int, list[float]], failed: int = 0) -> list[tuple[RunLine, Scored]]:
    pairs = [
        (RunLine(job(row, sample), reply("x")), Scored({"score": value}))
        for row, found in values.items()
        for sample, value in enumerate(found)
    ]
    broken = Reply(ended="failed", fault=ErrorInfo("BadRequest", "no"))
    return [*pairs, *((RunLine(job(1000 + n), broken), Scored()) for n in range(failed))]


def test_a_perfect_score_is_not_certain() -> None:
    """20 of 20 is not 1 [1, 1]: ½ p²⁰ = 0.025 gives the lower limit; one row has no interval."""
    (group,) = summary(scores_of({row: [1.0] for row in range(20)})).groups
    score = group.scores["score"]
    assert (score.value, score.high, score.n) == (1.0, 1.0, 20)
    assert score.low == pytest.approx(0.05 ** (1 / 20))
    (group,) = summary(scores_of({0: [1.0, 1.0, 1.0]})).groups
    assert str(group.scores["score"]) == "1 [–]"


def test_samples_of_a_row_are_not_independent() -> None:
    """Ten equal samples of a row are one observation: the interval is that of the rows."""
    (once,) = summary(scores_of({row: [row % 2] for row in range(12)})).groups
    (often,) = summary(scores_of({row: [row % 2] * 10 for row in range(12)})).groups
    assert (often.scores["score"].low, often.scores["score"].high, often.scores["score"].n) == (
        once.scores["score"].low, once.scores["score"].high, 12
    )  # fmt: skip


def test_failed_rows_do_not_leave_the_score_in_silence() -> None:
    """6 of 8 right, 2 failed: n and the rule are shown; counted as wrong it is 6 of 10."""
    pairs = scores_of({row: [float(row < 6)] for row in range(8)}, failed=2)
    table = summary(pairs).table()
    assert table.columns[2:6] == ("failed", "score", "n (score)", "characters")
    assert table.rows[0][2] == "2"
    assert table.rows[0][4] == "8"
    assert table.note == "Scores leave failed rows out."
    wrong = summary(pairs, "wrong")
    assert wrong.groups[0].scores["score"].value == 0.6
    assert wrong.table().note == "Scores count failed rows as 0."
    bounds = summary(pairs, "bounds").groups[0].scores["score"]
    assert bounds.value == 0.75
    assert bounds.low == wrong.groups[0].scores["score"].low


def structured(text: str) -> Reply:
    return Reply(
        choices=(Choice(text=text),),
        request=Request(model="m", messages=(Message("user", "q"),), parameters={"response_format": {}}),
    )


def test_structured_answers_are_compared_field_by_field() -> None:
    """Other reasons, one label: the label's agreement is 1 and 0 bits, the reason's ½ and 1 bit."""
    texts = ['{"label": "Positive", "reason": "a"}', '{"reason": "b", "label": "positive."}']
    found = summary((RunLine(job(0, n), structured(text)), Scored()) for n, text in enumerate(texts))
    spreads = found.groups[0].spreads
    assert (spreads["label"].agreement, spreads["label"].entropy) == (1, 0)
    assert (spreads["reason"].agreement, spreads["reason"].entropy) == (0.5, 1)
    assert found.rows()[0]["agreement.label"] == 1
    assert "agreement (label)" in found.table().columns


def test_spellings_of_a_text_are_one_answer() -> None:
    """ "Positive", "positive." and " positive" agree."""
    lines = [RunLine(job(0, n), reply(text)) for n, text in enumerate(["Positive", "positive.", " positive"])]
    (group,) = summary((line, Scored()) for line in lines).groups
    assert (group.agreement, group.distinct, group.entropy) == (1, 1, 0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda reply, row: True, {"score": 1.0}),
        (lambda reply, row: {"a": 2, "b": False}, {"score.a": 2.0, "score.b": 0.0}),
        (lambda reply, row: len(reply.text) - row["n"], {"score": -2.0}),
    ],
)
def test_a_score_is_a_number_a_bool_or_a_dict(function: Any, expected: dict[str, float]) -> None:
    """Each becomes one or several columns."""
    row = Job(id="x", number=0, row=0, columns={"n": 5})
    assert scored(function, RunLine(row, reply("abc"))) == Scored(expected)


@pytest.mark.parametrize("bad", ["good", None, [1], float("nan")])
def test_a_score_that_is_no_number_is_an_error_of_its_row(bad: object) -> None:
    """The reason is kept in one line."""
    assert "Error" in str(scored(lambda reply, row: bad, RunLine(job(), reply("x"))).error)


def test_differences_word_by_word() -> None:
    """What is only in one stands marked; the pieces give both texts back."""
    found = Differences("the red cat sat", "the blue cat sat down")
    assert str(found) == "the [-red-]{+blue+} cat sat{+ down+}"
    pieces = list(found.pieces())
    assert "".join(text for kind, text in pieces if kind != "+") == found.first
    assert "".join(text for kind, text in pieces if kind != "-") == found.second


def test_differences_in_chinese_are_by_character() -> None:
    """There are no spaces between words."""
    assert str(Differences("今天天气好", "今天心情好")) == "今天[-天气-]{+心情+}好"


def test_differences_are_shown_as_text() -> None:
    """Markup of a model is inert."""
    assert "<script" not in Differences("<script>a</script>", "b")._repr_html_()


def test_the_ratio_of_equal_and_of_empty_texts() -> None:
    """Equal texts are 1, also empty ones."""
    assert (Differences("a b", "a b").ratio, Differences("", "").ratio, Differences("a", "").ratio) == (1.0, 1.0, 0.0)
    assert math.isclose(Differences("aa bb", "aa cc").ratio, 2 * 3 / 10)
