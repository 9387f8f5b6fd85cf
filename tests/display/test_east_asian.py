"""Chinese Markdown as Chinese readers expect it, in the notebook and in the terminal, whole and in pieces."""

from __future__ import annotations

import re

import pytest

from tests.display.test_blocks import rendered, split
from tests.display.test_terminal import screen, show
from wcode_jupyter.display.markdown import render
from wcode_jupyter.reply.events import TextDelta

EMPHASIS = [
    ("**注意：**请", "<strong>注意：</strong>请"),
    ("* **具体：**与其说", "<ul><li><strong>具体：</strong>与其说</li></ul>"),
    ("**“重点”**内容", "<strong>“重点”</strong>内容"),
    ("请看**“重点”**内容", "请看<strong>“重点”</strong>内容"),
    ("**中文（English）**后", "<strong>中文（English）</strong>后"),
    ("前**（English）中文**后", "前<strong>（English）中文</strong>后"),
    ("***全部。***再说", "<em><strong>全部。</strong></em>再说"),
    ("*注意：*请", "<em>注意：</em>请"),
    ("__注意：__请", "<strong>注意：</strong>请"),
    ("请_（注意）_看", "请<em>（注意）</em>看"),
    ("~~旧（已删）~~新", "<s>旧（已删）</s>新"),
    ("**`code`**之后", "<strong><code>code</code></strong>之后"),
    ("参见**[链接](https://e.com)**。", None),
    ("**日本語（にほんご）**です", "<strong>日本語（にほんご）</strong>です"),
    ("**“한국”**어", "<strong>“한국”</strong>어"),
    ("**价格：**$5", "<strong>价格：</strong>$5"),
    ("𠮟\U000e0100**“x”**𠮟", "𠮟\U000e0100<strong>“x”</strong>𠮟"),
    # As CommonMark says: no letter that knows no spaces is beside the delimiter.
    ("文件_2024_终稿", "文件_2024_终稿"),
    ("**a.**b", "**a.**b"),
    ("a**“x”**b", "a**“x”**b"),
    ("** 注意**请", "** 注意**请"),
    ("5**3和2**3", "5<strong>3和2</strong>3"),
]


@pytest.mark.parametrize(("text", "html"), EMPHASIS, ids=[text for text, _html in EMPHASIS])
def test_emphasis_beside_full_width_punctuation(text: str, html: str | None) -> None:
    """The rule of markdown-cjk-friendly, for every delimiter; between Latin letters CommonMark's own."""
    found = render(text)
    if html is None:
        assert re.search(r"参见<strong><a [^>]*>链接</a></strong>。", found)
    else:
        assert found == (html if html.startswith("<ul>") else f"<p>{html}</p>") + "\n"
    assert rendered(split(text)) == found


@pytest.mark.parametrize(
    ("text", "address", "after"),
    [
        ("https://example.com/docs。谢谢", "https://example.com/docs", "。谢谢"),
        ("见https://example.com/docs（说明）", "https://example.com/docs", "（说明）"),
        ("https://example.com/?a=1&b=1，谢谢", "https://example.com/?a=1&amp;b=1", "，谢谢"),
        ("“https://example.com/x”的", "https://example.com/x", "”的"),
        ("《https://example.com/x》", "https://example.com/x", "》"),
        ("https://example.com/x——好", "https://example.com/x", "——好"),
        ("https://example.com/x…", "https://example.com/x", "…"),
        ("https://example.com/x；另见", "https://example.com/x", "；另见"),
        ("https://zh.wikipedia.org/wiki/维基 等", None, " 等"),
    ],
)
def test_an_address_ends_at_full_width_punctuation(text: str, address: str | None, after: str) -> None:
    """The link leads where the author meant; Chinese letters belong to it."""
    href, rest = re.search(r'<a href="([^"]*)"[^>]*>[^<]*</a>([^<]*)', render(text)).groups()  # type: ignore[union-attr]
    assert href == (address or "https://zh.wikipedia.org/wiki/%E7%BB%B4%E5%9F%BA")
    assert rest == after


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("第一行\n第二行", "第一行第二行"),
        ("第一行，\n**第二**行", "第一行，<strong>第二</strong>行"),
        ("他说：“好。”\n然后", "他说：“好。”然后"),
        ("如下……\n然后", "如下……然后"),
        ("カタカナ\nひらがな", "カタカナひらがな"),
        ("使用 Python\n和 R", "使用 Python 和 R"),
        ("中文\nEnglish", "中文 English"),
        ("English\n中文", "English 中文"),
        ("one\ntwo", "one two"),
        ("한국\n어", "한국 어"),
        ("代码 `x`\n之后", "代码 <code>x</code> 之后"),
        ("第一行  \n第二行", "第一行<br>第二行"),
        ("“quoted”\nnext", "“quoted” next"),
    ],
)
def test_line_ends_between_chinese_lines(text: str, shown: str) -> None:
    """They are no space where both sides write none."""
    assert render(text) == f"<p>{shown}</p>\n"
    assert rendered(split(text)) == f"<p>{shown}</p>\n"


def test_the_terminal_shows_the_same() -> None:
    """Bold is an escape sequence, lines are joined, addresses and their punctuation stay; no asterisk is left."""
    raw = show([(1, [TextDelta("**注意：**请\n看\n\n- [x] 已做\n- [ ] 未做\n")])], quiet=True)
    lines = [line.strip() for line in screen(raw) if line.strip()]
    assert lines == ["注意：请看", "• ☑ 已做", "• ☐ 未做"]
    assert "\x1b[1m注意：" in raw
