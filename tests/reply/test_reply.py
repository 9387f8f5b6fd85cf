"""Promises of a Reply: it says what it holds, and survives JSON unchanged."""

from __future__ import annotations

import inspect
import json
import math
import pickle
from decimal import Decimal

import msgspec
import pytest

from tests.folding import REQUEST, fold
from wcode_jupyter.errors import AnswerMalformed, RateLimited
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.reply.events import (
    Extra,
    Finish,
    LogprobDelta,
    Notice,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message


def answer(text: str, **fields) -> Reply:
    return Reply(choices=(Choice(text=text),), **fields)


# -- JSON round trip --------------------------------------------------------------------------------------------------

FULL = fold(
    Started("c1", "m", 17, "fp"),
    ReasoningDelta("hm", field="thinking", signature="s"),
    TextDelta("你好 😊\u2028\x00"),
    RefusalDelta("no"),
    ToolCallDelta(0, "call_1", "f", "{}"),
    LogprobDelta((TokenLogprob("你", -0.1, (228, 189, 160), (TokenLogprob("你", -0.1), TokenLogprob("我", -3.0))),)),
    Usage(9, 7, 4, details={"prompt_tokens": 9}),
    Finish("stop", "native"),
    Extra({"timings": {"n": [1, 2.5, None]}}),
    Notice("note"),
    builder=ReplyBuilder(REQUEST, fingerprint="ab" * 32, price=lambda model, usage: Decimal("0.0000125")),
    error=RateLimited("x", status=429),
    ended="failed",
    total_s=20.0,
)
FULL = msgspec.structs.replace(
    FULL, kept=True, language="zh_CN", transcript=(Message("user", "a"), Message("assistant", "b"))
)


@pytest.mark.parametrize("reply", [FULL, Reply(), answer("a")], ids=["full", "empty", "text"])
def test_a_reply_survives_json(reply: Reply) -> None:
    """Through text and back it is equal, the money exact, the time aware; unknown fields are ignored."""
    plain = json.loads(json.dumps(reply.to_dict(), allow_nan=False))
    twin = Reply.from_dict({**plain, "from_the_future": 1})
    assert twin == reply
    assert isinstance(twin.cost, Decimal | None)
    assert pickle.loads(pickle.dumps(reply)) == reply


def test_the_full_sample_is_full() -> None:
    """The round trip above covers every field except `replayed`."""
    equal = {name for name in Reply.__struct_fields__ if getattr(FULL, name) == getattr(Reply(), name)}
    assert equal == {"replayed"}


def test_a_dict_that_is_no_reply_is_refused() -> None:
    """A record that was edited badly is an error, not a strange Reply."""
    with pytest.raises(msgspec.ValidationError):
        Reply.from_dict({"ended": "sometime"})


# -- Views ------------------------------------------------------------------------------------------------------------


def test_a_markdown_document_is_one_code_block() -> None:
    """Its own fences do not end it; the block after it is found, and a document without inner ends ends as usual."""
    text = "```markdown\n# T\n```python\nx = 1\n```\nend\n```\nand\n```sh\nls\n```\n"
    blocks = [(block.language, block.source) for block in answer(text).code]
    assert blocks == [("markdown", "# T\n```python\nx = 1\n```\nend\n"), ("sh", "ls\n")]
    odd = answer("```md\n```python\n```\nafter").code
    assert [(block.language, block.source) for block in odd] == [("md", "```python\n")]


def test_code_blocks() -> None:
    """Fences of any length, with a language or none, inside lists, and an unclosed last one; inline code is none."""
    first = "Try `x`:\n```python title=a.py\nprint(1)\n```\n"
    second = "- item\n  ~~~~\n  a ``` b\n  ~~~~\n\n    indented\n\n"
    reply = answer(first + second + "```js\nlet x")
    assert [block.source for block in reply.code] == ["print(1)\n", "a ``` b\n", "let x"]
    assert [block.language for block in reply.code] == ["python", "", "js"]
    assert str(reply.code[0]) == "print(1)\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": [1, 2]}', {"a": [1, 2]}),
        ("  42 ", 42),
        ('{"a": "x\ny"}', {"a": "x\ny"}),
        ('Here:\n```json\n{"a": 1}\n```\nDone.', {"a": 1}),
        ("```\n[1]\n```", [1]),
        ('\ufeff{"a": 1}', {"a": 1}),
        ('\ufeff\n\u200b{"a": 1}\ufeff\n', {"a": 1}),
        ('\ufeff```json\n{"a": 1}\n```', {"a": 1}),
        ('```python\n42\n```\nso\n```json\n{"a": 1}\n```', {"a": 1}),
        ('```json\n{broken\n```\n```JSON\n{"a": 1}\n```', {"a": 1}),
        ('```sh\nls\n```\n```\n{"a": 1}\n```\n', {"a": 1}),
        ('~~~json\n{"a": "```"}\n~~~', {"a": "```"}),
        ('```json\nThe object: {"a": 1}\n```', {"a": 1}),
        ('```json\n{"a": 1}', {"a": 1}),
        ('Sure! {"a": {"b": [1]}} Anything else?', {"a": {"b": [1]}}),
        ('Here they are: [{"a": 1}]. Done.', [{"a": 1}]),
        ('Here they are: [{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}]),
        ('The tags are ["x", "y"].', ["x", "y"]),
        ('As [1] says: {"a": [2]}', {"a": [2]}),
        ('As [[1]](https://e.com) says: {"a": 1}', {"a": 1}),
        ('{"a": 1} and ["b"]', {"a": 1}),
        ("{'x'} is a set, [\"b\"] a list", ["b"]),
    ],
)
def test_json_of_an_answer(text: str, expected: object) -> None:
    """The whole text where it is JSON, else its first fenced block; raw line breaks inside strings are tolerated."""
    assert answer(text).json() == expected


@pytest.mark.parametrize(
    "text",
    ["", "\ufeff", "no json", "as [1] says", '{"a": 1} or {"b": 2}', '{"a": ', "```json\n{\n```\n", "[" * 100_000],
)
def test_an_answer_that_is_not_json(text: str) -> None:
    """AnswerMalformed, which keeps the reply."""
    reply = answer(text)
    with pytest.raises(AnswerMalformed) as caught:
        reply.json()
    assert caught.value.reply is reply
    assert reply.parsed is None


def test_a_reply_can_be_looked_over() -> None:
    """`inspect.getmembers`, as a debugger or a completer uses it, raises nothing, whatever the answer is."""
    for reply in (FULL, Reply(), answer("no json"), answer("{", ended="cut")):
        members = dict(inspect.getmembers(reply))
        assert members["text"] == reply.text
        assert getattr(reply, "parsed", "default") == members["parsed"]


def test_json_cut_by_max_tokens_says_so() -> None:
    """The hint names the cause."""
    with pytest.raises(AnswerMalformed, match=r"max_tokens"):
        answer('{"a": ', ended="length").json()


def test_logprobs_as_a_frame() -> None:
    """A row per token with bytes, probability, entropy in bits over the alternatives, and rank."""
    half = math.log(0.5)
    quarter = math.log(0.25)
    tokens = (
        TokenLogprob(
            "a", half, (97,), (TokenLogprob("a", half), TokenLogprob("b", quarter), TokenLogprob("c", quarter))
        ),
        TokenLogprob("c", quarter, None, (TokenLogprob("a", half), TokenLogprob("b", quarter))),
        TokenLogprob("z", 0.0),
    )
    frame = Reply(choices=(Choice(tokens=tokens),)).logprobs
    assert list(frame.columns) == [
        "token", "text", "bytes", "logprob", "probability", "entropy", "unlisted", "rank", "alternatives",
    ]  # fmt: skip
    assert list(frame["token"]) == ["a", "c", "z"]
    assert list(frame["bytes"]) == [b"a", None, None]
    assert list(frame["probability"]) == pytest.approx([0.5, 0.25, 1.0])
    # 0.5·1 + 0.25·2 + 0.25·2 bits; 0.5·1 + 0.25·2 bits; a certain token has none
    assert list(frame["entropy"]) == pytest.approx([1.5, 1.0, 0.0])
    assert list(frame["unlisted"]) == pytest.approx([0, 0.25, 0])
    assert list(frame["rank"]) == [1, 2, 1]
    assert frame["alternatives"][1] == pytest.approx({"a": 0.5, "b": 0.25})
    assert frame["alternatives"][2] == {}


def test_logprobs_that_were_not_sent() -> None:
    """An empty frame with the same columns."""
    frame = answer("a").logprobs
    assert len(frame) == 0
    assert "entropy" in frame.columns


def test_an_impossible_token_has_no_entropy_of_its_own() -> None:
    """Servers send -9999 or -inf for probability 0: no error, and nothing added."""
    token = TokenLogprob(
        "a", 0.0, None, (TokenLogprob("a", 0.0), TokenLogprob("b", -9999.0), TokenLogprob("c", -math.inf))
    )
    assert Reply(choices=(Choice(tokens=(token,)),)).logprobs["entropy"][0] == 0.0


def test_a_log_probability_above_zero_is_none() -> None:
    """+0.3 is not a probability of 1.35 with an entropy of −0.58 bits; what rounding left above 0 is 1."""
    frame = Reply(choices=(Choice(tokens=(TokenLogprob("a", 0.3), TokenLogprob("b", 1e-7))),)).logprobs
    assert frame["probability"].isna().tolist() == [True, False]
    assert frame["entropy"].isna().tolist() == [True, False]
    assert (frame["probability"][1], frame["entropy"][1]) == (1.0, 0.0)


def test_one_row_of_a_table() -> None:
    """`to_frame` is one row with the parameters that were set, the text, the ending, tokens and RMB."""
    frame = FULL.to_frame()
    row = frame.iloc[0]
    assert len(frame) == 1
    assert (row["model"], row["temperature"], row["ended"]) == ("m", 0.2, "failed")
    assert (row["input_tokens"], row["output_tokens"], row["reasoning_tokens"]) == (9, 7, 4)
    assert row["cost_cny"] == pytest.approx(0.0000125)
    assert answer("a").to_frame().iloc[0]["text"] == "a"


def test_the_repr_is_short_and_the_same_at_each_run() -> None:
    """No address, no time: a notebook that shows it gives the same output when it is replayed."""
    assert repr(answer("x" * 100, model="m")) == f"Reply('m', complete, '{'x' * 59}…')"
    assert repr(FULL) == repr(Reply.from_dict(FULL.to_dict()))


def test_a_reply_cannot_be_changed() -> None:
    """What arrived stays what arrived."""
    with pytest.raises(AttributeError):
        FULL.ended = "complete"  # type: ignore[misc]


def test_the_text_of_a_reply_can_always_be_written() -> None:
    """Emoji and control characters reach UTF-8 files and JSON; there are no lone surrogates in a valid stream."""
    assert FULL.text.encode("utf-8").decode("utf-8") == FULL.text
    assert msgspec.json.decode(msgspec.json.encode(FULL), type=Reply) == FULL
