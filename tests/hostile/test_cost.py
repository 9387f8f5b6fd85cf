"""Cost is linear in what arrives: twice the text takes about twice the CPU, whatever the text was made for.

Measured by the process's own CPU and by ratios, never by seconds; the least of several runs counts.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile.patterns import CREDENTIALS, FENCED, PATTERNS, Pattern
from wcode_jupyter.characters import blanks, visible
from wcode_jupyter.display.answer import final_bundle
from wcode_jupyter.display.blocks import Splitter
from wcode_jupyter.display.columns import comparison
from wcode_jupyter.display.formats import RENDERERS
from wcode_jupyter.display.highlight import LANGUAGES, LONGEST, highlight
from wcode_jupyter.display.markdown import render
from wcode_jupyter.errors import one_line
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.store import credentials

MOST = 2.6
"""Ratio of CPU for twice the text."""
NOISE_S = 0.003
"""CPU below which a ratio says nothing."""


def seconds(act: Callable[[], object], enough_s: float = 0.0) -> float:
    """The least CPU of up to three runs; fewer once one took at most `enough_s`."""
    least = float("inf")
    gc.disable()  # or it would count what others have left
    try:
        for _run in range(3):
            began = time.process_time()
            act()
            least = min(least, time.process_time() - began)
            if least <= enough_s:
                break
    finally:
        gc.enable()
    return least


def assert_linear(act: Callable[[str], object], pattern: Pattern, length: int) -> None:
    """`act` on twice the text costs at most `MOST` times as much."""
    small, large = pattern.text(length), pattern.text(2 * length)
    act(small)  # once, for what is loaded and cached
    for _attempt in range(2):
        first = max(NOISE_S, seconds(lambda: act(small), enough_s=NOISE_S))
        second = seconds(lambda: act(large), enough_s=2 * first)
        if second <= MOST * first:
            return
    raise AssertionError((first, second))


def test_there_are_enough_patterns() -> None:
    """At least 200 ways to be slow."""
    assert len(PATTERNS) >= 200


def stream(text: str) -> None:
    """As it arrives, in pieces of 40 characters."""
    splitter = Splitter()
    for start in range(0, len(text), 40):
        splitter.feed(text[start : start + 40])


@pytest.mark.parametrize("name", PATTERNS)
def test_formatting_is_linear(name: str) -> None:
    """Markdown to HTML."""
    assert_linear(render, PATTERNS[name], 3_000)


STREAMED = [name for name in PATTERNS if any(part in name for part in ("\\\\", "$", "http", "```", "groups"))]
"""What was square once; a stream costs many times a rendering, so not all of them."""


@pytest.mark.parametrize("name", STREAMED)
def test_cutting_into_blocks_is_linear(name: str) -> None:
    """While it streams. Nothing is cut within the first 2,000 characters: a short text would not double its cost."""
    assert_linear(stream, PATTERNS[name], 10_000)


@pytest.mark.parametrize("name", PATTERNS)
def test_the_rest_is_linear(name: str) -> None:
    """Search for credentials, folding, signs for what is unseen."""

    def act(text: str) -> None:
        credentials.find({"choices": [text]})
        one_line(text)
        blanks(visible(text))

    assert_linear(act, PATTERNS[name], 16_000)


@pytest.mark.parametrize("name", CREDENTIALS)
def test_looking_for_credentials_is_linear(name: str) -> None:
    """Finding them, and taking them out."""

    def act(text: str) -> None:
        credentials.find({"choices": [text]})
        credentials.redacted(text)

    assert_linear(act, CREDENTIALS[name], 32_000)


@pytest.mark.parametrize(
    "language", ["python", "bash", "sql", "json", "toml", "php", "r", "ruby", "c", "html", "yaml", "css", "diff"]
)
def test_colours_are_linear(language: str) -> None:
    """For one name of every form: a model chooses the language, and what is in the block."""
    for atom in FENCED.values():
        assert_linear(lambda text: highlight(text, language), Pattern("", atom), LONGEST // 4)


def test_only_known_languages_are_coloured() -> None:
    """Lexers whose cost was not measured colour nothing, nor does any where a block is long."""
    for language in ("autoit", "ng2", "matlab", "perl6", "text", "", "no such"):
        assert highlight("for (a) begin 1", language) == "for (a) begin 1"
    assert "<" not in highlight("def f(): pass\n" * (LONGEST // 14 + 1), "python")
    assert all(language == language.lower() for language in LANGUAGES)


@pytest.mark.parametrize("format", ["markdown", "code", "json", "latex", "html", "text"])
def test_a_megabyte_is_shown_plainly_and_says_so(format: str) -> None:
    """Text that is too long to be formatted is there all the same; in every format at a cost of its length."""
    text = "![" * 500_000 + " the end"
    html = RENDERERS[format](text)
    assert "the end" in html
    assert ("without formatting" in html) == (format not in ("code", "html", "text"))
    assert len(html) < 3 * len(text)


def test_json_that_is_deep_stays_small() -> None:
    """The indentation of deep levels does not multiply the text."""
    text = "[" * 400 + ",".join("1" * 20_000) + "]" * 400
    assert len(RENDERERS["json"](text)) < 30 * len(text)


def test_an_interrupt_while_the_answer_is_formatted_shows_it_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """One interrupt is enough: no second rendering, and the text is there."""
    text = "**a** " * 20_000

    def interrupted(source: str) -> str:
        raise KeyboardInterrupt

    reply = Reply(choices=(Choice(text=text),), ended="complete")
    formatted, _metadata = final_bundle(reply, "markdown", quiet=True, hurried=False)
    assert "<strong>" in formatted["text/html"]
    hurried, _metadata = final_bundle(reply, "markdown", quiet=True, hurried=True)
    assert "<strong>" not in hurried["text/html"]
    assert text in hurried["text/html"]
    with monkeypatch.context() as patch:
        calls = iter([interrupted, RENDERERS["markdown"]])
        patch.setitem(RENDERERS, "markdown", lambda source: next(calls)(source))
        broken, _metadata = final_bundle(reply, "markdown", quiet=True, hurried=False)
    assert broken == hurried


def test_an_interrupted_comparison_is_shown_plainly() -> None:
    """Long answers side by side cost nothing more once the user waits; short ones look as ever."""
    long, short = Reply(choices=(Choice(text="**a** " * 20_000),)), Reply(choices=(Choice(text="**b**"),))
    cut = msgspec.structs.replace(long, ended="interrupted")
    html = str(comparison(["x", "y"], [cut, short])["text/html"])
    assert "**a** **a**" in html
    assert "<strong>b</strong>" in html
    assert "<strong>a</strong>" in str(comparison(["x", "y"], [long, short])["text/html"])


pieces = st.lists(st.sampled_from([pattern.atom for pattern in PATTERNS.values()]), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(pieces, st.sampled_from(["", "\n", " "]))
def test_mixed_patterns_are_linear(atoms: list[str], between: str) -> None:
    """A few found by chance; `python -m tests.hostile.fuzz` searches on."""
    assert_linear(render, Pattern("", between.join([*atoms, ""])), 4_000)
