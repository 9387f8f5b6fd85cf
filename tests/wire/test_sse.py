"""Promises of the event stream decoder: the standard to the letter, any cut, bounded memory, linear cost."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcode_jupyter.errors import AnswerTooLarge
from wcode_jupyter.wire.sse import ServerSentEvent, SseDecoder

from .conformance import needs_data, read

CASES: list[dict[str, Any]] = json.loads(read("sse.json.gz") or b"[]")


def fed(pieces: Iterable[bytes], decoder: SseDecoder | None = None) -> list[ServerSentEvent]:
    decoder = decoder or SseDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def each_byte(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def ways(data: bytes) -> Iterable[list[bytes]]:
    """Whole, byte by byte, and cut at every byte (long data: at 500 of them)."""
    yield [data]
    yield each_byte(data)
    for cut in range(0, len(data) + 1, max(1, len(data) // 500)):
        yield [data[:cut], data[cut:]]


def values(data: bytes) -> list[bytes]:
    return [event.data for event in fed([data])]


@needs_data
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_the_standard_is_followed(case: dict[str, Any]) -> None:
    """Each case of the Web Platform Tests and of eventsource-parser gives its events, however the bytes are cut."""
    data = base64.b64decode(case["b64"])
    for pieces in ways(data):
        events = fed(pieces)
        assert [(e.event, e.data.decode("utf-8", "replace")) for e in events] == [
            (expected["event"], expected["data"]) for expected in case["expect"]
        ]
        # The data gives ids only where a case is about them.
        for event, expected in zip(events, case["expect"], strict=True):
            assert expected["id"] in (None, event.id)


@needs_data
def test_all_cases_are_there() -> None:
    """The conformance file holds its 62 cases."""
    assert len(CASES) == 62


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: 1\n\ndata: 2\n", [b"1", b"2"]),
        (b"data: 1\n\ndata: 2", [b"1", b"2"]),
        (b"data: 1\r\n\r\ndata: 2\r", [b"1", b"2"]),
        (b"data: a\ndata: b", [b"a\nb"]),
        (b"data", [b""]),
        (b"event: ping\n", []),
        (b": comment", []),
        (b"", []),
    ],
)
def test_the_end_of_input_dispatches_what_is_pending(data: bytes, expected: list[bytes]) -> None:
    """Beyond the standard, a last event without its blank line, or without its line end, is not lost."""
    for pieces in ways(data):
        decoder = SseDecoder()
        events = fed(pieces, decoder) + decoder.finish()
        assert [event.data for event in events] == expected


def test_unicode_line_separators_do_not_split() -> None:
    """U+2028, U+2029 and U+0085 are text: only LF, CR and CRLF end a line."""
    text = '{"content":"a\u2028b\u2029c\u0085d\u000be"}'
    assert values(f"data: {text}\n\n".encode()) == [text.encode()]


def test_a_comment_gives_no_event() -> None:
    """Keep-alive comments and blank lines give an empty list, so the caller can tell that nothing came."""
    decoder = SseDecoder()
    for data in (b": OPENROUTER PROCESSING\n\n", b":\n", b"\n\n", b": keep-alive\r\n\r\n", b"retry: 10\n\n"):
        assert decoder.feed(data) == []


@pytest.mark.parametrize("line", [b"data:x", b"data: x", b"data:  x"])
def test_one_space_after_the_colon_is_dropped(line: bytes) -> None:
    """`data:x` and `data: x` are the same; a second space is data."""
    assert values(line + b"\n\n") == [b" x" if line == b"data:  x" else b"x"]


def test_an_error_line_of_old_llama_cpp_is_an_error_event() -> None:
    """`error: {...}` is an event named error at once, without waiting for a blank line."""
    line = b'error: {"code":500,"message":"no slot"}\n'
    expected = [ServerSentEvent(b'{"code":500,"message":"no slot"}', "error")]
    for pieces in ways(line):
        assert fed(pieces) == expected
    decoder = SseDecoder()
    assert decoder.feed(line.rstrip()) + decoder.finish() == expected


def test_a_byte_order_mark_cut_in_two_is_dropped() -> None:
    """A BOM is dropped at the very start only, also when it arrives in pieces."""
    data = b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\ndata: 3\n\n"
    for pieces in ways(data):
        assert [event.data for event in fed(pieces)] == [b"1", b"3"]


def test_the_common_read_meets_pending_parts() -> None:
    """A read of exactly one event joins what came before: a data line, an event name, an id, half a line."""
    read_ = b"data: x\n\n"
    assert fed([b"data: a\n", read_]) == [ServerSentEvent(b"a\nx")]
    assert fed([b"event: e\n", read_, read_]) == [ServerSentEvent(b"x", "e"), ServerSentEvent(b"x")]
    assert fed([b"id: 7\n", read_, read_]) == [ServerSentEvent(b"x", "message", "7")] * 2
    assert fed([b"da", read_]) == []
    assert fed([b"data: a", read_]) == [ServerSentEvent(b"adata: x")]
    assert fed([b"data: a\r", read_]) == [ServerSentEvent(b"a\nx")]
    assert fed([b"\n", b"data: a\rdata: b\n\n"]) == [ServerSentEvent(b"a\nb")]
    assert fed([b"\n", b"data: \n\n"]) == [ServerSentEvent(b"")]


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: " + b"x" * 200 + b"\n\n"],
        [b"\n", b"data: " + b"x" * 200 + b"\n\n"],
        [b"x" * 60, b"x" * 60],
        [b":" + b"x" * 200 + b"\n"],
        [b"data: " + b"x" * 30 + b"\n"] * 4,
        [b"data\n"] * 101,
    ],
    ids=["line", "common read", "unfinished line", "comment", "event", "empty data lines"],
)
def test_a_piece_over_the_limit_is_refused(pieces: list[bytes]) -> None:
    """A line and an event have a cap; the error names it."""
    with pytest.raises(AnswerTooLarge, match=r"9\.54e-05 MiB"):
        fed(pieces, SseDecoder(limit=100))


def test_what_fits_the_limit_passes() -> None:
    """The cap is on one line and one event, not on the stream."""
    decoder = SseDecoder(limit=100)
    assert len(fed([b"data: " + b"x" * 90 + b"\n\n"] * 50, decoder)) == 50


def test_an_endless_line_is_refused_early_and_cheaply() -> None:
    """A 100 MB line in reads of 64 KB stops at 8 MiB; what is kept until then is not copied again and again."""
    decoder = SseDecoder()
    piece = b"x" * 65536
    reads = iter(range(0, 100_000_000, len(piece)))
    start = time.process_time()
    with pytest.raises(AnswerTooLarge, match="8 MiB"):
        fed((piece for _read in reads), decoder)
    assert 8_000_000 < next(reads) < 8_700_000
    assert time.process_time() - start < 1


def test_the_cost_is_linear_in_the_cuts() -> None:
    """One line of 300 KB fed byte by byte costs a few times its length, not its square."""
    decoder = SseDecoder()
    start = time.process_time()
    for byte in each_byte(b"data: " + b"x" * 300_000 + b"\n\n"):
        events = decoder.feed(byte)
    assert [len(event.data) for event in events] == [300_000]
    assert time.process_time() - start < 10


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_any_bytes_cut_anywhere_give_the_same_events(data: bytes, cuts: list[int]) -> None:
    """Arbitrary bytes never fail, and the cuts do not matter."""
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    whole, cut = SseDecoder(), SseDecoder()
    assert fed([data], whole) + whole.finish() == fed(pieces, cut) + cut.finish()


LINES = st.lists(
    st.sampled_from([b"data: x", b"data:", b"event: e", b":c", b"id: 1", b"error: y", b"", b"\xef\xbb\xbf"])
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(LINES, ENDS, st.integers(0, 100))
def test_line_ends_and_cuts_are_equivalent(lines: list[bytes], end: bytes, cut: int) -> None:
    """LF, CR and CRLF streams of the same lines give the same events, whole and cut."""
    reference, other = SseDecoder(), SseDecoder()
    expected = fed([b"".join(line + b"\n" for line in lines)], reference) + reference.finish()
    data = b"".join(line + end for line in lines)
    assert fed([data[:cut], data[cut:]], other) + other.finish() == expected
