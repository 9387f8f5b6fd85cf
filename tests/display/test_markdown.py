"""Markdown of a model as HTML that is safe in a trusted notebook."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.display.payloads import PAYLOADS
from tests.display.safety import judge
from wcode_jupyter.display.markdown import render


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    "around", ["{}", "before\n\n{}\n\nafter", "- {}", "> {}", "a {} b", "*{}*", "| a |\n|---|\n| {} |"]
)
def test_no_payload_becomes_active(payload, around):
    """Of a hostile text only listed tags, attributes and schemes come out, properly nested."""
    assert judge(render(around.replace("{}", payload))).faults == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_becomes_active_while_it_arrives(payload):
    """Nor does any beginning of it, as it is shown while it streams."""
    for end in range(1, len(payload) + 1):
        assert judge(render(payload[:end], streaming=True)).faults == []


def test_the_judge_finds_what_it_should():
    """The judge itself reports tags, attributes, schemes and nesting (a test of the tests)."""
    for bad in [
        "<script>",
        "<p onclick=x>",
        '<a href="javascript:x">',
        "<img>",
        "<p><b></p>",
        '<span class="x y">',
        "<p>",
    ]:
        assert judge(bad).faults


_SYNTAX = (
    r"a 字 * ** _ ` ``` ~~~ # - 1. > | |-| [ ] ( ) ! < & &lt; \ $ $$ \( \) \[ \] \begin{align} \end{align} \href{x}{y} "
    r"javascript: https://a.example data: <script> </div> </span> onclick= "
    "\" ' = ~~ [x]:"
)
_WORDS = [*_SYNTAX.split(), " ", "\n", "\n\n", "\t", "    ", "\r", "\0"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_WORDS), max_size=40).map("".join))
def test_no_random_markdown_becomes_active(text):
    """Whatever pieces of syntax are put together, only listed tags come out."""
    assert judge(render(text)).faults == []


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_no_random_text_becomes_active(text):
    """Any Unicode text renders, and safely."""
    assert judge(render(text)).faults == []


def test_raw_html_is_shown_as_text():
    """A reader sees the tags a model wrote."""
    assert judge(render("a <b onclick=x>c</b> d")).text == "a <b onclick=x>c</b> d\n"


def test_an_image_becomes_a_link():
    """Nothing is fetched: the image is a link with its words."""
    found = judge(render("![a chart](https://x.example/c.png)"))
    assert found.links == ["https://x.example/c.png"]
    assert "a chart" in found.text


def test_bare_addresses_become_links_but_not_words_with_dots():
    """`https://…` is a link; `main.py` and `a@b.example` stay words."""
    assert judge(render("see https://x.example/a, main.py, numpy.org and a@b.example")).links == ["https://x.example/a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x^2$", r"\(x^2\)"),
        (r"\(a_b c_d\)", r"\(a_b c_d\)"),
        ("$$\na < b\n$$", r"\[a &lt; b\]"),
        ("$$a*b*c$$", r"\[a*b*c\]"),
        ("\\[\n\\frac{1}{2}\n\\]", r"\[\frac{1}{2}\]"),
        (r"see \[x\] here", r"\[x\]"),
        ("\\begin{align*}\na &= b \\\\\n\\end{align*}", "\\begin{align*}\na &amp;= b \\\\\n\\end{align*}"),
        ("- $$\n  x\n  $$", r"\[x\]"),
        ("text\n$$\nx\n$$\nmore", r"\[x\]"),
    ],
)
def test_formulas_reach_mathjax_as_they_were_written(text, expected):
    """A formula keeps every character, is escaped, and stands alone in an element that MathJax processes."""
    html = render(text)
    assert f'class="mathjax_process tex2jax_process">{expected}</' in html
    assert "<em>" not in html


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "5$ and 10$",
        "US$5, US$10",
        "a $ b $ c",
        "`$x$`",
        "    $x$",
        r"\$x\$",
        "$$",
        "$ x$",
        "costs $20/month or $200.",
    ],
)
def test_what_is_not_a_formula_stays_text(text):
    """Prices, code and escaped dollars are not handed to MathJax."""
    assert "mathjax_process" not in render(text)


def test_code_has_colours_and_keeps_its_text():
    """Code is coloured by its language and loses no character."""
    source = 'def f(x):\n    # <b>\n    return "a" + x  \n\n\n'
    html = render(f"```python\n{source}```")
    assert "<b>def" in html
    assert judge(html).text == f"{source}\n"
    assert render("```nosuchlanguage\na < b\n```") == "<pre><code>a &lt; b\n</code></pre>\n"


def test_tables_lists_and_the_rest_of_markdown():
    """Tables with alignment, ordered lists with their start, strikethrough and headings are there."""
    assert render("| a | b |\n|--:|:-:|\n| 1 | 2 |") == (
        "<table><thead><tr><th align=right>a</th><th align=center>b</th></tr></thead>"
        "<tbody><tr><td align=right>1</td><td align=center>2</td></tr></tbody></table>\n"
    )
    assert render("7. a\n8. b") == "<ol start=7><li>a</li><li>b</li></ol>\n"
    assert render("## ~~x~~ **y**") == "<h2><s>x</s> <strong>y</strong></h2>\n"


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "![",
        "*a ",
        "_a_",
        "$a ",
        "`a",
        "``a`",
        "<",
        "> ",
        "- ",
        "\\(",
        "[a](",
        "&",
        "\\begin{align}\n",
        "$$\nx\n",
        "|",
        "https://",
        "**a",
        "~~a",
        "((",
        "$x$ ",
        "中\n",
        "**注：**请",
        "<sub>",
        "```md\n```python\n```\n",
    ],
)
def test_no_shape_is_slow(unit):
    """20 KB of one repeated piece of syntax cost no more than a few times what 20 KB of prose cost."""
    began = time.process_time()
    render(unit * (20_000 // len(unit)))
    # Prose takes about 0.02 s; what is quadratic takes minutes. Generous for a machine under load.
    assert time.process_time() - began < 5


def test_deep_nesting_is_cut_not_crashed():
    """Thousands of brackets, quote marks or list marks are rendered without an error."""
    for text in ("[" * 20_000, ">" * 5_000, "- " * 2_000, "*" * 10_000 + "a" + "*" * 10_000):
        assert judge(render(text)).faults == []
