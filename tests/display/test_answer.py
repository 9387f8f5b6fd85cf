"""The final output of an answer and the line below it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.display.safety import judge
from wcode_jupyter.display import FORMATS, bundle, status_line
from wcode_jupyter.display.answer import record
from wcode_jupyter.display.formats import RENDERERS
from wcode_jupyter.display.style import STYLE
from wcode_jupyter.reply import Choice, ErrorInfo, Reply, Timing
from wcode_jupyter.reply.events import Finish, ReasoningDelta, TextDelta, Usage
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message, Reasoning, Request, ToolCall

REQUEST = Request(model="z-ai/glm-5", messages=(Message("user", "Hi"),), parameters={"temperature": 0.2})


def reply(text: str = "", reasoning: str = "", **fields: Any) -> Reply:
    parts = (Reasoning(reasoning),) if reasoning else ()
    return Reply(request=REQUEST, model="z-ai/glm-5", choices=(Choice(text=text, reasoning=parts),), **fields)


FULL = reply(
    "Hello **world**\n",
    "Let me think.",
    usage=Usage(input_tokens=13, output_tokens=559, reasoning_tokens=245),
    cost=Decimal("0.00380575"),
    timing=Timing(first_token_s=0.4, first_text_s=3.6, total_s=13.4, tokens_per_s=43.0),
    fingerprint="abc123",
    id="chatcmpl-1",
    notices=("Retried once: 503",),
)


def body(data: dict[str, Any]) -> str:
    html: str = data["text/html"]
    assert html.startswith(STYLE)
    return html.removeprefix(STYLE)


def test_the_status_line_says_all_that_is_known():
    """Model, first token, tokens with reasoning, speed, RMB to three digits, how it ended."""
    assert status_line(FULL) == (
        "z-ai/glm-5 · first token 0.4 s · 13→559 tokens (245 reasoning) · 43 tokens/s · ¥0.00381 · complete"
    )


def test_the_status_line_leaves_out_what_is_unknown():
    """Without usage, price and timing only model and end remain."""
    assert status_line(reply("x")) == "z-ai/glm-5 · complete"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"usage": Usage(15, 210, 229)}, "15→210 tokens (229 reasoning claimed)"),
        ({"cost": Decimal("0.0000002")}, "¥0.000000200"),
        ({"cost": Decimal(0)}, "¥0 ·"),
        ({"cost": Decimal("12.3456")}, "¥12.35"),
        ({"ended": "interrupted"}, "· interrupted"),
        ({"ended": "length"}, "· stopped at the token limit"),
        ({"timing": Timing(first_token_s=0.02)}, "first token 0.02 s"),
    ],
)
def test_the_status_line_of_odd_answers(fields, words):
    """Claims that cannot be true are called claims, tiny amounts keep their digits, and the end is named."""
    assert words in status_line(reply("x", **fields))


def test_the_bundle_of_a_full_answer():
    """Closed reasoning with its time, the answer, status and notices as HTML; the source as plain text; the record."""
    data, metadata = bundle(FULL)
    assert data["text/plain"] == "Hello **world**\n"
    found = judge(body(data))
    assert found.faults == []
    assert '<details class="wcode-reasoning"><summary>Reasoning · 3.2 s</summary><p>Let me think.</p>' in body(data)
    assert "<p>Hello <strong>world</strong></p>" in body(data)
    assert status_line(FULL) in found.text
    assert "Retried once: 503" in found.text
    assert metadata["wcode"]["asked"] == "z-ai/glm-5"
    assert metadata["wcode"]["parameters"] == {"temperature": 0.2}
    assert metadata["wcode"]["cost_cny"] == "0.00380575"
    assert metadata["wcode"]["usage"]["output_tokens"] == 559
    assert metadata["wcode"]["client"].startswith("wcode_jupyter ")
    json.dumps(metadata)


@pytest.mark.parametrize("format", FORMATS)
def test_a_replayed_answer_gives_the_same_bytes(format):
    """Only the metadata tell a replay: a strict comparison of notebooks passes."""
    import msgspec

    replayed = msgspec.structs.replace(Reply.from_dict(json.loads(json.dumps(FULL.to_dict()))), replayed=True)
    live_data, live_metadata = bundle(FULL, format)
    data, metadata = bundle(replayed, format)
    assert json.dumps(data) == json.dumps(live_data)
    assert metadata["wcode"].pop("replayed") is True
    assert live_metadata["wcode"].pop("replayed") is False
    assert metadata == live_metadata


def test_quiet_shows_the_answer_alone():
    """`-q`: no status line, but what was cut off is still said."""
    assert "wcode-status" not in body(bundle(FULL, quiet=True)[0])
    assert "— interrupted —" in body(bundle(reply("half", ended="interrupted"), quiet=True)[0])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply("half", ended="interrupted"), "— interrupted —"),
        (reply("half", ended="length"), "— stopped at the token limit —"),
        (reply("half", ended="cut", fault=ErrorInfo("AnswerCut", "<closed> early.")), "— cut off: <closed> early —"),
        (reply("half", ended="failed", fault=ErrorInfo("ServerFault", "overloaded")), "— failed: overloaded —"),
        (reply("", "thinking only", ended="length"), "reasoning used the whole token limit"),
        (reply("", ended="complete"), "— the model sent an empty answer —"),
        (reply("", ended="length"), "— stopped at the token limit —"),
    ],
)  # fmt: skip
def test_what_is_not_whole_is_marked(answer, words):
    """What arrived is shown with a clear mark of how it ended."""
    found = judge(body(bundle(answer)[0]))
    assert words in found.text
    assert found.faults == []


@pytest.mark.parametrize("ended", ["failed", "cut", "interrupted"])
def test_nothing_is_shown_of_a_failure_without_an_answer(ended):
    """The error line says it; an empty box would not."""
    assert bundle(reply(ended=ended, fault=ErrorInfo("ConnectError", "refused"))) == ({}, {})


def test_tool_calls_refusals_and_several_answers_are_shown():
    """Nothing of a reply is dropped: calls as code, a refusal as text, each of several answers under its number."""
    call = Choice(tool_calls=(ToolCall("c1", "lookup", '{"q": "<b>"}'),), finish_reason="tool_calls")
    data, _metadata = bundle(Reply(model="m", choices=(call,)))
    assert 'lookup({"q": "<b>"})' in judge(body(data)).text
    assert data["text/plain"] == 'lookup({"q": "<b>"})'
    assert "calls a tool" in body(data)
    data, _metadata = bundle(Reply(model="m", choices=(Choice(text="one"), Choice(refusal="I <won't>"))))
    assert "Answer 1 of 2" in body(data)
    assert "I <won't>" in judge(body(data)).text
    assert data["text/plain"] == "one\n\nI <won't>"


def test_the_record_holds_no_empty_fields():
    """The record is short: what is unknown is not in it."""
    assert set(record(Reply(model="m"))) == {"client", "model", "timing", "ended", "replayed"}


def test_the_style_is_scoped_and_small():
    """Every rule is for our classes, nothing is imported, and it costs less than 3 KB."""
    rules = STYLE.removeprefix("<style>").removesuffix("</style>").split("}")
    assert all(rule.startswith(".wcode-") for rule in rules if rule)
    assert "url(" not in STYLE
    assert "@" not in STYLE
    assert len(STYLE) < 3_000


def test_formats_are_those_that_are_announced():
    """The public list and the renderers agree."""
    assert tuple(RENDERERS) == FORMATS


HTML_IN_ALL = "a <script>alert(1)</script> </pre></code> <img src=x onerror=alert(1)> $\\href{javascript:x}{y}$"


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "html"])
def test_no_format_lets_html_through(format):
    """Every format but the sandboxed one shows HTML as text."""
    for text in (
        HTML_IN_ALL,
        f"```html\n{HTML_IN_ALL}\n```",
        json.dumps({"<b>": HTML_IN_ALL, "l": [HTML_IN_ALL] * 20}),
    ):
        assert judge(RENDERERS[format](text)).faults == []


def test_text_keeps_every_character():
    """`text` is the answer as it is."""
    assert judge(RENDERERS["text"]("**a**\n  b <c>")).text == "**a**\n  b <c>\n"


def test_json_is_indented_and_folds():
    """Valid JSON is shown indented, large nested values can be folded, and it reads back to the same value."""
    value = {"名": [1, 2.5, None, True], "rows": [{"a": n} for n in range(30)], "empty": {}}
    html = RENDERERS["json"](json.dumps(value))
    assert html.count("<details") == 1
    assert json.loads(judge(html).text) == value
    assert json.loads(judge(RENDERERS["json"]('```json\n{"a": 1}\n```')).text) == {"a": 1}


def test_json_that_is_none_is_shown_as_text_and_said_to_be():
    """Broken JSON is not an empty box."""
    found = judge(RENDERERS["json"]('{"a": '))
    assert "This is not valid JSON" in found.text
    assert '{"a": ' in found.text
    assert judge(RENDERERS["json"]("[" * 100_000)).faults == []


def test_code_shows_only_the_fenced_code():
    """`code` leaves the prose out; without a fence all is code."""
    found = judge(RENDERERS["code"]("Here:\n```python\nx = 1\n```\nand\n```\ny\n```\n"))
    assert found.text == "x = 1\n\ny\n\n"
    assert judge(RENDERERS["code"]("x = <1>")).text == "x = <1>\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x^2", r"\[x^2\]"),
        ("$$x^2$$", r"\[x^2\]"),
        (r"\[x\]", r"\[x\]"),
        ("\\begin{align}x\\end{align}", "\\begin{align}x\\end{align}"),
    ],
)
def test_latex_is_display_mathematics(text, expected):
    """A bare formula gets delimiters, one that has them keeps them."""
    assert f">{expected}</div>" in RENDERERS["latex"](text)


def test_html_is_confined():
    """The page sits in one frame without any permission, its policy before the first character of the model's."""
    from html.parser import HTMLParser

    frames: list[dict[str, str | None]] = []

    class Frames(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag == "iframe"
            frames.append(dict(attrs))

    Frames().feed(RENDERERS["html"]('"></iframe><script>alert(1)</script>&quot;<b>x</b>'))
    (frame,) = frames
    assert frame["sandbox"] == ""
    assert set(frame) == {"sandbox", "referrerpolicy", "srcdoc"}
    assert (frame["srcdoc"] or "").startswith(
        '<!DOCTYPE html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:; font-src data:\">"
    )
    assert "<link" not in RENDERERS["html"]("<LiNk rel=preconnect href=//x>").lower().replace("&lt;", "<")
    assert (frame["srcdoc"] or "").endswith('"></iframe><script>alert(1)</script>&quot;<b>x</b>')


def test_a_replay_speaks_the_language_of_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook recorded in English gives the same bytes to a reader whose Jupyter speaks Chinese."""
    builder = ReplyBuilder(Request(model="m", messages=(Message("user", "hi"),)))
    for event in (ReasoningDelta("hm"), TextDelta("text"), Finish("stop")):
        builder.apply(event)
    monkeypatch.setenv("WCODE_LANG", "en")
    reply = builder.reply()
    english, _metadata = bundle(reply)
    monkeypatch.setenv("WCODE_LANG", "zh_CN")
    assert bundle(reply)[0] == english
    assert bundle(builder.reply())[0] != english
