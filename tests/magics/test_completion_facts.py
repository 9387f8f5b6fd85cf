"""What stands beside the words that Tab offers."""

from __future__ import annotations

import pytest

from wcode_jupyter.keys import Secret
from wcode_jupyter.magics.completion_facts import facts
from wcode_jupyter.session import Session

NAMESPACE = {"city": "Paris", "n": 3, "rows": [1, 2], "key": Secret("sk-0123456789abcdef"), "long": "x" * 90}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--temperature", "0…2 · page default 1.0"),
        ("temperature=", "0…2 · page default 1.0"),
        ("--output", "NAME"),
        ("--dry-run", "flag"),
        ("z-ai/glm-5", "¥0.011→0.035/1k · 200k"),
        ("local", "embedded demo model"),
        ("city", "str 'Paris'"),
        ("n", "int 3"),
        ("rows", "list, 2 items"),
        ("nothing", "param"),
    ],
)
def test_a_few_words(word: str, said: str) -> None:
    """Range and default of an option, price and context of a model, what a variable holds."""
    assert facts(word, Session(), NAMESPACE) == said


def test_no_key_and_no_wall_of_text() -> None:
    """A key is not shown, a long text is cut."""
    assert "sk-" not in facts("key", Session(), NAMESPACE)
    assert len(facts("long", Session(), NAMESPACE)) < 60
