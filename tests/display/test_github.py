"""Bare tags and task lists of GitHub's Markdown."""

from __future__ import annotations

import pytest

from tests.display.safety import Judge
from tests.display.test_blocks import rendered, split
from tests.display.test_terminal import screen, show
from wcode_jupyter.display.markdown import render
from wcode_jupyter.reply.events import TextDelta


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a<br>b<br/>c<BR />d", "a<br>b<br>c<br>d"),
        ("H<sub>2</sub>O, x<sup>2</sup>", "H<sub>2</sub>O, x<sup>2</sup>"),
        ("x<sup>**n**</sup>", "x<sup><strong>n</strong></sup>"),
        ("**a<sub>b**</sub>", "**a<sub>b**</sub>"),
        ("<sub>open", "&lt;sub&gt;open"),
        ("close</sub>", "close&lt;/sub&gt;"),
        ("<sub>a</sup>", "&lt;sub&gt;a&lt;/sup&gt;"),
        ("<br onclick=x>", "&lt;br onclick=x&gt;"),
        ("<sub class=x>a</sub>", "&lt;sub class=x&gt;a&lt;/sub&gt;"),
        ("<sub><script>x</script></sub>", "&lt;sub&gt;&lt;script&gt;x&lt;/script&gt;&lt;/sub&gt;"),
        ("<sub><br></sub>", "&lt;sub&gt;<br>&lt;/sub&gt;"),
        ("`<br>` and <b>b</b>", "<code>&lt;br&gt;</code> and &lt;b&gt;b&lt;/b&gt;"),
        (r"\<br>", "&lt;br&gt;"),
    ],
)
def test_bare_tags(text: str, html: str) -> None:
    """Without attributes and with their end they work; anything else is shown as typed."""
    assert render(text) == f"<p>{html}</p>\n"
    assert rendered(split(text)) == render(text)
    judge = Judge()
    judge.feed(render(text))
    assert judge.faults == []


def test_in_a_table() -> None:
    """Where Markdown has no other way to break a line."""
    table = "| a | b |\n| - | - |\n| x<br>y | CO<sub>2</sub> |\n"
    assert "<td>x<br>y</td><td>CO<sub>2</sub></td>" in render(table)
    shown = [line.split() for line in screen(show([(1, [TextDelta(table)])], quiet=True))]
    assert ["x", "CO<sub>2</sub>"] in shown
    assert ["y"] in shown


def test_task_lists() -> None:
    """A box for each task, nested ones too; brackets elsewhere stay."""
    text = "- [ ] a\n- [x] b\n  - [X] c\n- [y] d\n- x [ ] e\n- [x](https://e.com)\n- [ ]f\n\n1. [ ] g\n\n[x] h"
    assert render(text) == (
        "<ul><li>☐ a</li><li>☑ b<ul><li>☑ c</li></ul></li><li>[y] d</li><li>x [ ] e</li>"
        '<li><a href="https://e.com" target=_blank rel="noopener noreferrer nofollow">x</a></li><li>[ ]f</li></ul>\n'
        "<ol><li>☐ g</li></ol>\n<p>[x] h</p>\n"
    )
    assert rendered(split(text)) == render(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (r"设 \begin{bmatrix}1&2\\3&4\end{bmatrix} 为", r"\(\begin{bmatrix}1&amp;2\\3&amp;4\end{bmatrix}\)"),
        (r"设 \begin{cases}1\\2\end{cases} 为", r"\(\begin{cases}1\\2\end{cases}\)"),
        (r"so \begin{align}a\\b\end{align} is", r"\begin{align}a\\b\end{align}"),
    ],
)
def test_matrices_in_a_line_keep_their_backslashes(text: str, html: str) -> None:
    """An environment of amsmath in running text is a formula."""
    assert f'<span class="mathjax_process tex2jax_process">{html}</span>' in render(text)
    assert text in "".join(screen(show([(1, [TextDelta(text)])], quiet=True)))


def test_an_unclosed_matrix_is_text() -> None:
    r"""Without `\end` nothing is a formula."""
    assert render(r"a \begin{bmatrix}1") == "<p>a \\begin{bmatrix}1</p>\n"


def test_a_document_with_fences_of_its_own_is_one_block() -> None:
    """A fence with a language opens inside ```` ```markdown ````, a bare one closes the innermost."""
    text = "Here:\n\n```markdown\n# T\n\n```python\nx = 1\n```\n\nend\n```\n\nafter\n"
    html = render(text)
    assert html.count("<pre>") == 1
    assert "<p>after</p>" in html
    assert rendered(split(text)) == html
    # The inner fence was no opening one: CommonMark's reading.
    odd = "```markdown\n```python\n```\nafter\n"
    assert "<p>after</p>" in render(odd)
    assert rendered(split(odd)) == render(odd)
