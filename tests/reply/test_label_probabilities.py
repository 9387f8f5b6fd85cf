"""Probabilities of labels from tokens: however labels are cut, and what belongs to none."""

from __future__ import annotations

import math

import pytest

from wcode_jupyter.reply.events import TokenLogprob
from wcode_jupyter.reply.label_probabilities import LabelProbabilities, label_probabilities


def token(text: str, p: float, **others: float) -> TokenLogprob:
    top = (TokenLogprob(text, math.log(p)), *(TokenLogprob(other, math.log(q)) for other, q in others.items()))
    return TokenLogprob(text, math.log(p), top=top)


def found(tokens: list[TokenLogprob], *labels: str, field: str | None = None) -> LabelProbabilities:
    result = label_probabilities(tokens, labels, field)
    assert result is not None
    return result


def test_labels_of_one_token() -> None:
    """0.7 and 0.2 are listed; 0.1 of other texts and unlisted tokens belong to no label."""
    result = found([token("positive", 0.7, negative=0.2, perhaps=0.05)], "positive", "negative")
    assert result.labels == pytest.approx({"positive": 0.7, "negative": 0.2})
    assert result.unlisted == pytest.approx(0.1)


def test_labels_cut_into_tokens_in_different_ways() -> None:
    """ " pos" + "itive", " Positive" and "p" are all positive; case and white space do not count."""
    first = TokenLogprob(
        " pos", math.log(0.5),
        top=(
            TokenLogprob(" pos", math.log(0.5)), TokenLogprob(" Positive", math.log(0.2)),
            TokenLogprob("p", math.log(0.1)), TokenLogprob("neg", math.log(0.15)),
        ),
    )  # fmt: skip
    result = found([first, token("itive", 0.9, sible=0.1)], "positive", "negative")
    assert result.labels == pytest.approx({"positive": 0.8, "negative": 0.15})


def test_a_label_that_begins_as_another_waits_for_what_follows() -> None:
    """ "not" may become "not sure": after it, 0.6 says sure, 0.3 ends with a full stop."""
    tokens = [token("not", 0.8, yes=0.2), TokenLogprob(
        " sure", math.log(0.6), top=(TokenLogprob(" sure", math.log(0.6)), TokenLogprob(".", math.log(0.3))),
    )]  # fmt: skip
    result = found(tokens, "not", "not sure", "yes")
    assert result.labels["yes"] == pytest.approx(0.2)
    assert result.labels["not sure"] == pytest.approx(0.8 * 0.6)


def test_an_answer_that_ends_is_the_label_that_it_is() -> None:
    """Nothing follows "not": it is "not" and no longer "not sure"."""
    assert found([token("not", 0.8)], "not", "not sure").labels == pytest.approx({"not": 0.8, "not sure": 0.0})


def test_words_that_only_begin_as_a_label_are_none() -> None:
    """ "positively" is not positive; "positive." is."""
    assert found([token("positively", 1.0)], "positive", "negative").labels["positive"] == 0
    assert found([token("positive.", 1.0)], "positive", "negative").labels["positive"] == 1


def test_the_value_of_a_field_in_json() -> None:
    """Names and braces count as given, also where a token holds the quote and the first letters."""
    tokens = [token('{"label', 0.4), token('": "pos', 0.9, **{'": "neg': 0.08}), token('itive"}', 1.0)]
    result = found(tokens, "positive", "negative", field="label")
    assert result.labels == pytest.approx({"positive": 0.9, "negative": 0.08})


def test_labels_cut_within_a_character() -> None:
    """正面 and 负面 in fragments of UTF-8: the first byte says nothing, the whole character decides."""
    first = "正".encode()
    tokens = [
        TokenLogprob("\\xe6", math.log(0.9), bytes=tuple(first[:1]), top=()),
        TokenLogprob("\\xad", math.log(0.8), bytes=tuple(first[1:]), top=()),
    ]
    assert found(tokens, "正面", "负面").labels == pytest.approx({"正面": 0.72, "负面": 0.0})


def test_no_log_probabilities_are_nothing() -> None:
    """Neither without tokens nor where the field never comes."""
    assert label_probabilities([], ["a"]) is None
    assert label_probabilities([token("x", 1.0)], ["a"], "label") is None
