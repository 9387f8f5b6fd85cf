"""Figures by hand: agreement, entropy, percentiles, intervals, differences."""

from __future__ import annotations

import math
from typing import Any

import pytest

from wcode_jupyter.batch.differences import Differences
from wcode_jupyter.batch.plan import Job
from wcode_jupyter.batch.runfile import RunLine
from wcode_jupyter.batch.statistics import Scored, bootstrap, percentile, scored, summary
from wcode_jupyter.reply import Choice, ErrorInfo, Reply, Timing
from wcode_jupyter.reply.events import Usage


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


def test_the_interval_covers_what_it_should() -> None:
    """The binomial standard error of 60 of 100 is 0.049: the 95 % interval is about ± 0.096; the same every time."""
    interval = bootstrap([1.0] * 60 + [0.0] * 40)
    assert interval.mean == 0.6
    assert interval.low == pytest.approx(0.504, abs=0.02)
    assert interval.high == pytest.approx(0.696, abs=0.02)
    assert bootstrap([1.0] * 60 + [0.0] * 40) == interval


def test_many_values_take_the_normal_interval() -> None:
    """10,000 values of standard deviation 0.5: ± 1.96 * 0.005."""
    interval = bootstrap([0.0, 1.0] * 5000)
    assert (interval.mean, round(interval.low, 4), round(interval.high, 4)) == (0.5, 0.4902, 0.5098)


def test_samples_of_a_row_are_not_independent() -> None:
    """Ten samples of the same row are one observation: the interval is of the rows' means."""
    pairs = [
        (RunLine(job(row, sample), reply("x")), Scored({"score": float(row)})) for row in (0, 1) for sample in range(10)
    ]
    (group,) = summary(pairs).groups
    assert (group.scores["score"].low, group.scores["score"].high) == (0.0, 1.0)


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
