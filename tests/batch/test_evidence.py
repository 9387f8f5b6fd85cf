"""Findings of a run: agreement, validation, comparison, estimate and uncertain rows by named field."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import pytest

from wcode_jupyter.batch import Job, Replies, RunLine
from wcode_jupyter.errors import InputError
from wcode_jupyter.reply import Choice, ErrorInfo, Reply
from wcode_jupyter.reply.events import TokenLogprob
from wcode_jupyter.request.messages import Message, Request

SCHEMA = {"json_schema": {"schema": {"properties": {"label": {"enum": ["neg", "neutral", "pos"]}}}}}


def answer(label: str | None, reason: str = "r") -> Reply:
    """A structured answer; None: a failed one."""
    if label is None:
        return Reply(ended="failed", fault=ErrorInfo("ServerFault", "no"))
    return Reply(
        choices=(Choice(text=json.dumps({"label": label, "reason": reason})),),
        request=Request(model="m", messages=(Message("user", "q"),), parameters={"response_format": SCHEMA}),
    )


def text(value: str, logprob: float | None = None) -> Reply:
    tokens = () if logprob is None else (TokenLogprob(token=value, logprob=logprob),)
    return Reply(choices=(Choice(text=value, tokens=tokens),))


def job(row: int, model: str = "m", sample: int = 0, gold: Any = None, **values: Any) -> Job:
    identity = f"{row}.{model}.{sample}.{values}"
    return Job(
        id=identity, number=0, row=row, key=f"k{row}", columns={"gold": gold}, model=model, values=values, sample=sample
    )


def run(lines: Iterable[tuple[Job, Reply]]) -> Replies:
    return Replies.of([RunLine(job, reply) for job, reply in lines], "f" * 64)


def repeated() -> Replies:
    """20 rows, two samples each; the label differs on rows 0 to 3, the reason everywhere."""
    return run(
        (job(row, sample=sample), answer("neg" if row < 4 and sample else "pos" if row % 2 else "neutral", f"{sample}"))
        for row in range(20)
        for sample in range(2)
    )


def test_agreement_is_of_the_named_field() -> None:
    """16 of 20 rows agree in the label, none in the reason; a field must be chosen where there are several."""
    found = repeated().agreement("label")
    assert found.rows[0][3].value == 0.8  # type: ignore[attr-defined]
    assert found.rows[0][3].n == 20  # type: ignore[attr-defined]
    assert repeated().agreement("reason").rows[0][3].value == 0  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="several fields"):
        repeated().agreement()
    with pytest.raises(InputError, match="no field lable"):
        repeated().agreement("lable")


def test_the_order_of_the_schema_is_that_of_ordinal_labels() -> None:
    """neg < neutral < pos as declared, not by the alphabet; alpha equals the one of ranks."""
    from wcode_jupyter.statistics.agreement import krippendorff_alpha

    found = repeated().agreement("label", level="ordinal").rows[0][5]
    ranks = [[3 if row % 2 else 2, 1 if row < 4 else 3 if row % 2 else 2] for row in range(20)]
    assert found.value == pytest.approx(krippendorff_alpha(ranks, "ordinal").value)  # type: ignore[attr-defined]


def test_what_does_not_differ_cannot_agree() -> None:
    """One sample of one model: there is nothing to compare, and the error says in what the answers differ."""
    with pytest.raises(InputError, match="do not differ in sample"):
        run((job(row), answer("pos")) for row in range(5)).agreement("label")
    with pytest.raises(InputError, match="do not differ in model"):
        repeated().agreement("label", "model")


def two_models() -> Replies:
    """40 rows with gold labels: `good` is right on all but rows 0 and 1, `bad` on rows 10 to 39; `bad` failed on 39."""

    def label(row: int, model: str) -> str | None:
        gold = "pos" if row % 2 else "neg"
        wrong = "neg" if row % 2 else "pos"
        if model == "bad" and row == 39:
            return None
        return wrong if row < (2 if model == "good" else 10) else gold

    return run(
        (job(row, model, gold="POS." if row % 2 else "neg"), answer(label(row, model)))
        for row in range(40)
        for model in ("good", "bad")
    )  # fmt: skip


def test_validation_by_condition_with_the_rule_for_failed_rows() -> None:
    """good 38/40, bad 29/39 with one failed row; counted as wrong 29/40. Spellings of the truth do not matter."""
    found = two_models().validate("gold", "label")
    accuracy = {row[0]: row[3] for row in found.rows}
    assert accuracy["good"].value == 38 / 40  # type: ignore[attr-defined]
    assert (accuracy["bad"].value, accuracy["bad"].n) == (29 / 39, 39)  # type: ignore[attr-defined]
    assert "bad: 1 rows failed (left out)." in repr(found)
    wrong = two_models().validate("gold", "label", failed="wrong")
    assert wrong.rows[1][3].value == 29 / 40  # type: ignore[attr-defined]


def test_comparison_of_models_on_common_rows() -> None:
    """39 common rows, 8 lost by bad and none gained: p = 2/2⁸ by McNemar's exact test."""
    found = two_models().compare("model", "label", "gold")
    (line,) = found.rows
    assert line[:3] == ("good", "bad", 39)
    assert line[5].value == pytest.approx(-8 / 39)  # type: ignore[attr-defined]
    assert line[6] == f"{2 / 2**8:.3f}"
    assert line[9:11] == (0, 8)
    assert "bad differs from good" in found.sentence


def test_comparison_without_truth_is_of_one_value() -> None:
    """The share of "pos": without truth or value there is one clear line."""
    found = two_models().compare("model", "label", value="pos")
    assert found.rows[0][3].n == 39  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="truth or one value"):
        two_models().compare("model", "label")


def test_one_class_of_truth_is_still_counted() -> None:
    """All rows "pos" in truth and answer: accuracy 1, but its interval is not [1, 1]."""
    found = run((job(row, gold="pos"), answer("pos")) for row in range(12)).validate("gold", "label")
    accuracy = found.result["all"].accuracy  # type: ignore[index]
    assert accuracy.value == 1
    assert accuracy.low < 0.9


@pytest.mark.parametrize(
    ("truth", "message"),
    [
        ("golden", "no column golden"),
        ([1, 2, 3], "3 labels for 20 rows"),
        ({"x": "pos"}, "No label belongs to a row"),
        (["yes", "no"] * 10, "no value in common"),
        ([None] * 20, "No row has a true label"),
    ],
)
def test_truth_that_does_not_fit(truth: Any, message: str) -> None:
    """Other values, other rows, no overlap: a clear line, never a number."""
    with pytest.raises(InputError, match=message):
        repeated().validate(truth, "label")


def test_duplicate_keys_take_no_labels_by_key() -> None:
    """Two rows with one key: a label by key would be given to both."""
    twice = run([(job(0), answer("pos")), (Job(id="b", number=1, row=1, key="k0", model="m"), answer("neg"))])
    with pytest.raises(InputError, match="same key"):
        twice.validate({"k0": "pos"}, "label")


def test_labels_of_a_series_are_found_by_key() -> None:
    """A pandas Series indexed by row keys is matched by these, in whatever order."""
    pandas = pytest.importorskip("pandas")
    series = pandas.Series({f"k{row}": "pos" if row % 2 else "neutral" for row in reversed(range(20))})
    found = repeated().validate(series, "label")
    assert found.result["all"].accuracy.value == 1  # type: ignore[index]


def test_estimate_is_corrected_and_refuses_a_sample_of_unknown_chances() -> None:
    """The model calls every row positive; ten human labels, half of them positive, put it right."""
    replies = run((job(row), answer("pos")) for row in range(100))
    labels = [("pos" if row % 20 == 0 else "neg") if row % 10 == 0 else None for row in range(100)]
    found = replies.estimate("label", "pos", labels=labels, probability=0.1)
    assert [row[0] for row in found.rows] == ["corrected", "model alone", "humans alone"]
    assert found.rows[0][2].value == pytest.approx(0.5)  # type: ignore[attr-defined]
    assert found.rows[1][2].value == 1  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="chance of each row"):
        replies.estimate("label", "pos", labels=labels)
    with pytest.raises(InputError, match="Row 1 has no known chance"):
        replies.estimate("label", "pos", labels=labels, probability=[0.1, 0, *[0.1] * 98])
    with pytest.raises(InputError, match="Neither the model nor a human"):
        replies.estimate("label", "positive", labels=labels, probability=0.1)
    with pytest.raises(InputError, match="one condition"):
        two_models().estimate("label", "pos", labels="gold", probability=1.0)


def test_uncertain_rows_come_first_and_disagreements_side_by_side() -> None:
    """The four rows whose samples differ, with both labels."""
    assert [one.text for one in repeated().uncertain(4, "label")] == [one.text for one in repeated()[:8]]
    found = repeated().disagreements("label")
    assert found.columns == ("row", "entropy", "#1", "#2")
    assert found.rows[0] == ("k0", 1.0, "neutral", "neg")
    assert len(found.rows) == 4
    assert found.sentence == "Answers differ on 4 of 20 rows."


def test_one_text_states_its_probability_by_its_tokens() -> None:
    """Without repeats the log probability says how sure a text is; one of +0.3 is not a probability of 1.35."""
    replies = run(
        (job(row, gold="yes"), text("yes" if row else "no", math.log(0.9) if row else 0.3)) for row in range(10)
    )
    found = replies.calibration("gold")
    assert found.result.n == 10  # type: ignore[attr-defined]
    assert found.rows[-1][2] == pytest.approx(0.9 if len(found.rows) == 1 else (9 * 0.9 + 1) / 10, abs=0.1)
    assert [one.text for one in replies.uncertain(1)] == ["yes"]
    with pytest.raises(InputError, match="state no probabilities"):
        run((job(row, gold="a"), text("a")) for row in range(3)).calibration("gold")


def test_variance_by_prompt_and_flips() -> None:
    """Half of the rows flip with the wording: its share of the variance and the share of rows stand side by side."""
    replies = run(
        (job(row, prompt=prompt), answer("pos" if row % 2 or prompt == "polite" else "neg"))
        for row in range(20)
        for prompt in ("terse", "polite")
    )
    found = replies.variance("label")
    assert [row[0] for row in found.rows] == ["rows", "prompt", "rest"]
    assert found.rows[1][2].value == 0.5  # type: ignore[attr-defined]


def test_a_finding_is_a_table_a_frame_and_latex() -> None:
    """Estimates become columns with limits and n; LaTeX is escaped; the sentence is below the table."""
    pytest.importorskip("pandas")
    found = two_models().validate("gold", "label")
    frame = found.to_frame()
    assert list(frame["accuracy_n"]) == [40, 39]
    assert frame["accuracy_low"][0] < frame["accuracy"][0] < frame["accuracy_high"][0]
    assert found.to_latex().startswith("\\begin{tabular}{lllllll}\n\\toprule\ncondition & n & failed")
    assert str(found) in repr(found)
    assert str(found) in found._repr_html_()


def test_20000_answers_make_each_table_in_a_second() -> None:
    """CPU of each finding over 10,000 rows of two samples, once the answers are read."""
    import time

    replies = run(
        (job(row, sample=sample, gold="pos"), text("pos" if (row + sample) % 3 else "neg"))
        for row in range(10_000)
        for sample in range(2)
    )
    evidence = replies.evidence()
    for call in (
        lambda: evidence.agreement(None, "nominal"),
        lambda: evidence.validate("gold", "out"),
        lambda: evidence.disagreements(None),
        lambda: evidence.calibration("gold", 10),
        lambda: evidence.compare("sample", "gold", None, "out", 0.05),
    ):
        start = time.process_time()
        call()
        assert time.process_time() - start < 1


def test_numbers_of_a_schema_with_two_ends_have_an_interval_from_two_rows_on() -> None:
    """Four ratings from 1 to 5 of two models: with the range of the schema a difference, without it a dash."""

    def rated(model: str, row: int, **ends: int) -> tuple[Job, Reply]:
        schema = {"json_schema": {"schema": {"properties": {"stars": {"type": "integer", **ends}}}}}
        request = Request(model="m", messages=(Message("user", "q"),), parameters={"response_format": schema})
        stars = 1 + (row + (model == "b")) % 5
        return job(row, model), Reply(choices=(Choice(text=json.dumps({"stars": stars})),), request=request)

    def difference(**ends: int) -> Any:
        return run(rated(model, row, **ends) for row in range(4) for model in "ab").compare("model", "stars").rows[0][5]

    assert difference(minimum=1, maximum=5).low is not None
    assert difference(minimum=1).low is None


def test_where_takes_the_replies_of_a_condition() -> None:
    """One model of two, a swept number by its value; what nothing has is one line that names the factors."""
    found = two_models().where(model="good")
    assert {line.job.model for line in found.lines()} == {"good"}
    assert len(found) == 40
    swept = run((job(row, temperature=t), answer("pos")) for row in range(2) for t in (0.0, 1.0))
    assert [line.job.values["temperature"] for line in swept.where(temperature=1.0).lines()] == [1.0, 1.0]
    with pytest.raises(InputError, match="No reply has prompt=x"):
        swept.where(prompt="x")


def test_probabilities_of_labels_by_tokens_or_by_repeats() -> None:
    """Tokens say 0.8 and leave 0.2 out; without them two of three samples are two thirds; one answer says nothing."""
    stated = run([(job(0), text("pos", math.log(0.8))), (job(1), text("neg", math.log(0.6)))])
    found = stated.probabilities(labels=["pos", "neg"])
    assert found.columns == ("row", "pos", "neg", "unlisted", "from")
    assert found.rows[0][1:4] == pytest.approx((0.8, 0.0, 0.2))
    repeats = run((job(0, sample=sample), answer("neg" if sample else "pos")) for sample in range(3))
    assert repeats.probabilities("label").rows == (("k0", 2 / 3, 0.0, 1 / 3, None, "3 samples"),)
    with pytest.raises(InputError, match="state no probabilities"):
        run([(job(0), answer("pos"))]).probabilities("label")
