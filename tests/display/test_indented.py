"""Promises of JSON that is shown while it arrives."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.display.indented import Indented

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def shown(*pieces: str) -> str:
    lines = Indented()
    done = [piece.source for text in pieces for piece in lines.feed(text)]
    return "".join(done) + lines.tail.source


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.integers(0, 200))
def test_json_in_two_pieces_is_indented_as_json_dumps_does(value: object, cut: int) -> None:
    """Wherever the text is cut, whatever its strings hold."""
    text = json.dumps(value, ensure_ascii=False)
    assert shown(text[:cut], text[cut:]) == json.dumps(value, ensure_ascii=False, indent=2)


@pytest.mark.parametrize("text", ["", "  ", "Here it is:\n```json\n{", "no, it is: not {json}"])
def test_other_text_stays_as_it_is(text: str) -> None:
    """A model that writes prose or a fence is shown as it writes."""
    assert shown(text) == text


def test_an_unfinished_answer_can_be_read() -> None:
    """Nothing is invented, nothing is held back."""
    assert shown('{"a":[1,', '{"b": "x, y: {') == '{\n  "a": [\n    1,\n    {\n      "b": "x, y: {'


def test_hostile_brackets_grow_by_a_constant() -> None:
    """A hundred thousand brackets are not a hundred thousand levels of spaces; closing ones too many do not matter."""
    assert len(shown("[" * 100_000)) < 50 * 100_000
    assert shown("{}}}") == "{}\n}\n}"
