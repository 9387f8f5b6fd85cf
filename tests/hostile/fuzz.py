"""Searches for texts whose cost is not linear: `python -m tests.hostile.fuzz [EXAMPLES]`; stops at the first."""

from __future__ import annotations

import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.patterns import FENCED, PATTERNS, Pattern
from tests.hostile.test_cost import assert_linear, stream
from wcode_jupyter.display.highlight import LANGUAGES, highlight
from wcode_jupyter.display.markdown import render

_ATOMS = st.one_of(
    st.sampled_from([pattern.atom for pattern in PATTERNS.values()]), st.sampled_from(list(FENCED.values())), st.text()
)
_TEXTS = st.builds(
    lambda head, atoms, between, tail: Pattern(head, between.join([*atoms, ""]) or "a", tail),
    st.text(max_size=8),
    st.lists(_ATOMS, min_size=1, max_size=5),
    st.sampled_from(["", "\n", " ", "\n\n"]),
    st.text(max_size=8),
)


def search(examples: int) -> None:
    """Raises AssertionError with the smallest text that was found."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(_TEXTS, st.sampled_from(sorted(LANGUAGES)))
    def check(pattern: Pattern, language: str) -> None:
        assert_linear(render, pattern, 4_000)
        assert_linear(stream, pattern, 4_000)
        assert_linear(lambda text: highlight(text, language), pattern, 4_000)

    check()


if __name__ == "__main__":
    search(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
