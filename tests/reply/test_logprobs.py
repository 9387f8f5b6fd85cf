"""Promises of log probabilities: characters from bytes, colours that are safe and readable, nothing invented."""

from __future__ import annotations

import importlib.util
import math
import re

import pytest
from msgspec.structs import replace

from tests.fault_server import FaultServer, chat
from wcode_jupyter import Client, Reply
from wcode_jupyter.errors import InputError
from wcode_jupyter.reply import Choice
from wcode_jupyter.reply.events import TokenLogprob
from wcode_jupyter.reply.logprobs import LogprobText, characters, pieces, rows
from wcode_jupyter.request.messages import Message, Request

HALF, TENTH = math.log(0.5), math.log(0.1)

# 你 (e4 bd a0) in two tokens, as byte-level tokenizers cut it; a server shows each fragment as U+FFFD.
SPLIT = (
    TokenLogprob("a", 0.0, (0x61,)),
    TokenLogprob("\ufffd", HALF, (0xE4, 0xBD), (TokenLogprob("\ufffd", HALF, (0xE4, 0xBD)), TokenLogprob("b", TENTH))),
    TokenLogprob(
        "\ufffd",
        HALF,
        (0xA0, 0x62),
        (TokenLogprob("\ufffd", TENTH, (0xA2,)), TokenLogprob("\ufffd", HALF, (0xA0, 0x62))),
    ),
    TokenLogprob("c", TENTH),
)


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def test_characters_are_rebuilt_from_bytes() -> None:
    """A fragment completes nothing; the token that ends the character completes it."""
    assert list(characters(SPLIT)) == ["a", "", "你b", "c"]
    assert [(text, len(run)) for text, run in pieces(SPLIT)] == [("a", 1), ("你b", 2), ("c", 1)]
    assert list(pieces(SPLIT[:2]))[1] == ("\ufffd", SPLIT[1:2])
    assert list(pieces(())) == []


def test_fragments_among_the_alternatives_are_told_apart_by_their_bytes() -> None:
    """Under their text, U+FFFD, all but the last would be lost."""
    table = rows(SPLIT)
    assert table[2]["alternatives"] == pytest.approx({"\\xa2": 0.1, "\\xa0\\x62": 0.5})
    assert table[1]["alternatives"] == pytest.approx({"\\xe4\\xbd": 0.5, "b": 0.1})
    assert [row["text"] for row in table] == ["a", "", "你b", "c"]
    assert [row["rank"] for row in table] == [1, 1, 1, 1]


def test_a_completed_character_is_no_alternative_to_itself() -> None:
    """llama.cpp lists the chosen token as its last bytes, with the same figure."""
    last = TokenLogprob("\ufffd", HALF, (0x8C,))
    other = TokenLogprob("\ufffd", TENTH, (0x8D,))
    whole = TokenLogprob("👌", HALF, (0xF0, 0x9F, 0x91, 0x8C), (last, other))
    assert spans(LogprobText((whole,))._repr_html_())[0][1] == "&quot;👌&quot; 0.5 · &quot;\\\\x8d&quot; 0.1"


def spans(html: str) -> list[tuple[str, str, str]]:
    """(class, title, text) of each span of the text."""
    body = html.partition("</style>")[2].partition("<p>")[0]
    return re.findall(r'<span(?: class=(\w))? title="([^"]*)">([^<]*)</span>', body)


def test_pieces_are_coloured_by_their_probability() -> None:
    """A character of two tokens has the product of both; hover shows each token with its alternatives."""
    found = spans(LogprobText(SPLIT)._repr_html_())
    assert [(level, text) for level, _title, text in found] == [("", "a"), ("c", "你b"), ("d", "c")]
    assert found[0][1] == "&quot;a&quot; 1"
    assert "&quot;b&quot; 0.1" in found[1][1]
    second = TokenLogprob("x", TENTH, None, (TokenLogprob("y", HALF), TokenLogprob("x", TENTH)))
    assert spans(LogprobText((second,))._repr_html_())[0][1] == "&quot;x&quot; 0.1 (rank 2) · &quot;y&quot; 0.5"


def test_hostile_tokens_are_text() -> None:
    """Neither a token nor an alternative can leave its element or its attribute; formulas are not typeset."""
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    html = LogprobText((TokenLogprob(evil, HALF, None, (TokenLogprob("'" + evil, HALF),)),))._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert len(spans(html)) == 1
    assert "mathjax_ignore" in html


def contrast(foreground: tuple[int, ...], background: tuple[int, ...]) -> float:
    """The contrast ratio of two sRGB colours (WCAG 2, relative luminance)."""

    def luminance(colour: tuple[int, ...]) -> float:
        linear = [c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(foreground), luminance(background)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("text", "page"), [((0, 0, 0), (255, 255, 255)), ((224, 224, 224), (17, 17, 17))], ids=["light", "dark"]
)
def test_every_colour_is_readable_on_light_and_dark(text: tuple[int, ...], page: tuple[int, ...]) -> None:
    """At least 4.5 to 1 (WCAG 2 AA) with the theme's own text on the colour over the theme's own page."""
    html = LogprobText(SPLIT)._repr_html_()
    colours = re.findall(r"background:#(\w{6})(\w\w)", html)
    assert len(colours) == 4
    for colour, alpha in colours:
        share = int(alpha, 16) / 255
        tint = [int(colour[at : at + 2], 16) for at in (0, 2, 4)]
        assert contrast(text, tuple(round(c * share + p * (1 - share)) for c, p in zip(tint, page, strict=True))) >= 4.5
    assert "underline" in html


def test_without_log_probabilities_the_reason_is_said() -> None:
    """Not asked for, not sent, or not in this form: three different hints."""
    with pytest.raises(InputError, match="--logprobs"):
        Reply(choices=(Choice(text="a"),)).show_logprobs()
    request = Request(model="m", messages=(Message("user", "a"),), parameters={"logprobs": True})
    with pytest.raises(InputError, match="The server sent none"):
        Reply(choices=(Choice(text="a"),), request=request).show_logprobs()
    with pytest.raises(InputError, match="The Anthropic form has none"):
        Reply(choices=(Choice(text="a"),), request=replace(request, protocol="anthropic")).show_logprobs()


def test_a_server_that_ignores_logprobs_is_noticed_with_the_answer() -> None:
    """Live, the status says so; the Anthropic form says it before anything is sent."""
    with FaultServer(chat("hi")) as server, Client(server.base_url, log=False) as client:
        assert "The server sent no log probabilities." in client.ask("hi", model="m", logprobs=True).notices
        assert client.ask("hi", model="m").notices == ()
        call = client.prepare("hi", model="m", protocol="anthropic", logprobs=True)
    assert any("logprobs has no equivalent" in warning for warning in call.warnings)


def test_the_repr_is_the_same_each_time() -> None:
    """No address: a notebook that shows it replays."""
    assert repr(LogprobText(SPLIT)) == "<4 tokens, the least likely 'c' with 0.10>"


@pytest.mark.model
@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="the engine is not installed")
def test_llama_cpp_sends_them() -> None:
    """Real tokens: the rebuilt text is the answer, the likeliest alternative of a greedy answer is the token itself."""
    with Client(log=False) as client:
        reply = client.ask(
            "Repeat: 你好 😊", model="local", logprobs=True, top_logprobs=3, max_tokens=12, temperature=0, seed=1
        )
    table = rows(reply.choices[0].tokens)
    assert "".join(row["text"] for row in table).startswith(reply.text)
    assert table
    assert all(0 < row["probability"] <= 1 and len(row["alternatives"]) == 3 and row["rank"] == 1 for row in table)
    assert "".join(text for text, _run in pieces(reply.choices[0].tokens)).startswith(reply.text)
