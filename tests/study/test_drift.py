"""What changed since, field by field, against the noise of repeats."""

from __future__ import annotations

import json

import pytest

from wcode_jupyter.reply import Choice, ErrorInfo, Reply
from wcode_jupyter.request.messages import Message, Request
from wcode_jupyter.study.drift import drift, normalized, to_table, transition_table, values

FORM = {"response_format": {"type": "json_object"}}


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def reply(text: str, question: int = 0, *, as_json: bool = False) -> Reply:
    request = Request(model="m", messages=(Message("user", "?"),), parameters=FORM if as_json else {})
    return Reply(request=request, fingerprint=str(question), choices=(Choice(text),))


def label(value: str, question: int) -> Reply:
    return reply(json.dumps({"label": value, "why": f"because {question} {value}"}), question, as_json=True)


@pytest.mark.parametrize(
    ("a", "b"), [("Positive", "positive."), (" positive ", "POSITIVE"), ("好。", "好"), ("a  b", "a\nb"), ("Ａ", "a")]
)
def test_spelling_does_not_count(a: str, b: str) -> None:
    """Case, width, white space and a full stop are not a change; another word is."""
    assert normalized(a) == normalized(b)
    assert normalized(a) != normalized("no")


def test_ten_percent_of_labels_changed() -> None:
    """Ten of a hundred: the share with its mid-p interval, the table of changes, the shift of the label's share."""
    pairs = [(label("yes", n), label("no" if n < 10 else "yes", n)) for n in range(100)]
    fields = {field.field: field for field in drift(pairs)}
    found = fields["label"]
    assert (found.questions, found.changed) == (100, pytest.approx(0.1))
    # X ~ B(100, p): P(X > 10) + P(X = 10) / 2 = 0.025 at 0.05192, P(X < 10) + P(X = 10) / 2 = 0.025 at 0.17099
    assert (found.low, found.high) == (pytest.approx(0.05192, abs=1e-5), pytest.approx(0.17099, abs=1e-5))
    assert found.transitions == (("yes", "no", 10), ("yes", "yes", 90))
    (yes,) = [shift for shift in found.shifts if shift.label == "yes"]
    # mean -0.1, sample standard deviation of the differences sqrt(0.09 * 100 / 99), over sqrt(100), times t(99) 1.9842
    assert (yes.then, yes.now, yes.difference) == (1.0, pytest.approx(0.9), pytest.approx(-0.1))
    assert (yes.low, yes.high) == (pytest.approx(-0.1598, abs=1e-4), pytest.approx(-0.0402, abs=1e-4))
    assert (found.noise, found.p) == (None, None)
    assert fields["why"].transitions == ()
    assert "Add --repeat 2" in to_table(list(fields.values())).note
    assert transition_table(found).rows == (("yes", "no", 10),)


def test_nothing_changed() -> None:
    """No change is 0 % with an upper limit, and no shift has an interval."""
    (found, _why) = drift([(label("yes", n), label("yes", n)) for n in range(50)])
    assert (found.changed, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(1 - 0.05 ** (1 / 50), abs=1e-6)  # P(X = 0) / 2 = 0.025: (1 - p) ** 50 = 0.05
    assert [(shift.difference, shift.low) for shift in found.shifts] == [(0.0, None)]


def repeated(now: str) -> list[tuple[Reply, Reply]]:
    """Forty questions whose two recorded answers disagree half the time; `now` answers each of them twice."""
    pairs = []
    for n in range(40):
        texts = ("a", "b") if n % 2 else ("a", "a")
        new = texts if now == "noise" else (now, now)
        pairs += [(reply(then, n), reply(answer, n)) for then, answer in zip(texts, new, strict=True)]
    return pairs


def test_noise_of_repeats_is_the_baseline() -> None:
    """What repeats differ by is no change; answers that no repeat gave are, beyond chance."""
    (noise,) = drift(repeated("noise"))
    (change,) = drift(repeated("c"))
    assert noise.noise == pytest.approx(0.5)
    assert noise.p is not None
    assert noise.p > 0.5
    assert change.p == pytest.approx(1 / 2000)
    assert change.changed == 1.0


def test_what_has_no_value_is_left_out() -> None:
    """A failed answer, and a text that was asked for as JSON, are in no field."""
    failed = Reply(fault=ErrorInfo(kind="X", what="x"))
    assert values(failed) == {}
    assert values(reply("no JSON", as_json=True)) == {}
    assert drift([(label("yes", 1), failed)]) == []


def test_one_question_has_no_interval() -> None:
    """One question says nothing of others: a dash, and a share of one half of two is as wide as it must be."""
    (one, _why) = drift([(label("yes", 1), label("no", 1))])
    assert (one.share, one.low) == ("100.0% [–]", None)
    (two, _why) = drift([(label("yes", 1), label("no", 1)), (label("yes", 2), label("yes", 2))])
    assert two.share == "50.0% [2.5%, 97.5%]"  # 1 of 2: p ** 2 + p * (1 - p) = 0.025
