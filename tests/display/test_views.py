"""The pump and the views: what a person sees while an answer arrives, and what stays."""

from __future__ import annotations

import itertools
import subprocess
import sys
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.display.fakes import Clock, FakeStream, Publisher
from tests.display.safety import judge
from wcode_jupyter.display import TokenPrice, pump, view
from wcode_jupyter.display.notebook import NotebookView
from wcode_jupyter.display.style import LIVE_STYLE, STYLE
from wcode_jupyter.display.terminal import PlainView
from wcode_jupyter.display.views import HeadlessView
from wcode_jupyter.errors import AnswerCut
from wcode_jupyter.reply.events import Event, Finish, Notice, ReasoningDelta, Started, TextDelta, Usage


def bare(html: str) -> str:
    return html.replace(STYLE, "").replace(LIVE_STYLE, "")


Batches = list[tuple[float, list[Event]]]

ANSWER: Batches = [
    (0.4, [Started(model="z-ai/glm-5")]),
    (0.5, [ReasoningDelta("Let me think.")]),
    (1.5, [TextDelta("Hello **wor")]),
    (1.6, [TextDelta("ld**\n\nbye\n"), Finish("stop")]),
    (1.7, [Usage(input_tokens=13, output_tokens=559, reasoning_tokens=245)]),
]


class Seen(Publisher):
    """Also keeps what stood on the page after each message."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.pages: list[tuple[float, list[str]]] = []
        self._clock = clock

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        super().publish(data, metadata, transient=transient, update=update)
        self.pages.append((round(self._clock.now - 100.0, 3), [judge(bare(html)).text for html in self.html]))


def show(batches: Batches, *, format: str = "markdown", quiet: bool = False, **how: Any) -> tuple[Seen, FakeStream]:
    clock = Clock()
    publisher = Seen(clock)
    stream = FakeStream(batches, clock, **how)
    pump(stream, NotebookView(publisher, format, quiet=quiet, clock=clock))
    return publisher, stream


def test_a_notebook_ends_with_one_output():
    """Whatever was shown on the way, one output stays, with the answer, its reasoning and its status line."""
    publisher, stream = show(ANSWER)
    assert stream.reply is not None
    assert stream.reply.text == "Hello **world**\n\nbye\n"
    (data,) = publisher.outputs
    assert data["text/plain"] == "Hello **world**\n\nbye\n"
    assert "<p>Hello <strong>world</strong></p>" in data["text/html"]
    assert "13→559 tokens (245 reasoning)" in data["text/html"]
    assert publisher.metadata[0]["wcode"]["ended"] == "complete"


def test_the_first_text_is_shown_at_once():
    """The first piece of the answer is on the page at the moment it arrives."""
    publisher, _stream = show(ANSWER)
    first = next(at for at, page in publisher.pages if any("Hello" in text for text in page))
    assert first == 1.5


def test_the_waiting_line_counts_seconds_and_goes():
    """It says whom is asked and how long, once a second, says thinking when there is reasoning, and leaves no trace."""
    publisher, _stream = show([(3.5, [ReasoningDelta("hm")]), (5.2, [TextDelta("x")])])
    lines = [page[0] for _at, page in publisher.pages]
    assert lines[:4] == [
        "waiting for glm-5 … 0 s",
        "waiting for glm-5 … 1 s",
        "waiting for glm-5 … 2 s",
        "waiting for glm-5 … 3 s",
    ]
    assert "glm-5 is reasoning … 5 s" in lines
    after = [page for at, page in publisher.pages if at >= 5.2]
    assert not any("…" in text for page in after for text in page)


def test_notices_are_shown_while_waiting():
    """A retry is visible when it happens, not only at the end."""
    publisher, _stream = show([(1.5, [Notice("Retrying: 503")]), (3.0, [TextDelta("x")])])
    assert any("Retrying: 503" in text for at, page in publisher.pages if at < 3.0 for text in page)
    assert "Retrying: 503" in publisher.html[0]


def test_reasoning_is_open_while_it_streams_then_sent_once_closed():
    """After the answer has begun the reasoning is published closed, once, and not again until the final output."""
    publisher, _stream = show(
        [(0.1, [ReasoningDelta("step one\n\n")]), (0.5, [ReasoningDelta("step two")]), *ANSWER[2:]]
    )
    sent = [data.get("text/html", "") for _kind, data in publisher.sent]
    opened = [html for html in sent if "<details open" in html]
    closed = [html for html in sent if '<details class="wcode-reasoning">' in html]
    assert opened
    assert len(closed) == 2
    assert sent.index(closed[0]) > sent.index(opened[-1])
    assert closed[1] == sent[-1]


def test_reasoning_is_a_box_of_bounded_size():
    """One line above and one output that holds the end of the reasoning, the line outside; a long one costs no more."""
    thoughts = [f"thought number {n} " * 20 + "\n\n" for n in range(60)]
    batches = [(0.5 + n / 5, [ReasoningDelta(text)]) for n, text in enumerate(thoughts)]
    publisher, _stream = show([*batches, (20, [TextDelta("x")])])
    pages = [page for at, page in publisher.pages if 0.6 < at < 19]
    assert all(len(page) == 3 for page in pages)  # the line that says what the model does, the head, the box
    assert pages[-1][2].rstrip().endswith("thought number 59")
    assert "is thinking" not in pages[-1][1] + pages[-1][2]
    boxes = [data["text/html"] for _kind, data in publisher.sent if "wcode-thoughts" in bare(data.get("text/html", ""))]
    assert max(map(len, boxes)) < 10_000
    closed = next(html for html in publisher.sent if "wcode-folding" in bare(html[1].get("text/html", "")))
    assert "--wcode-lines:8" in closed[1]["text/html"]
    assert "thought number 0 " in closed[1]["text/html"]


def test_how_far_the_answer_is():
    """After two seconds of writing one line below all says tokens, speed, RMB and how to stop, once a second."""
    clock = Clock()
    publisher = Seen(clock)
    batches: Batches = [(1 + n / 10, [TextDelta("four " * 8)]) for n in range(51)]
    price = TokenPrice(Decimal("0.01"), Decimal("0.0001"))
    pump(FakeStream(batches, clock), NotebookView(publisher, price=price, clock=clock))
    lines = [(at, text) for at, page in publisher.pages for text in page if "is writing" in text]
    assert lines[0] == (3.0, "glm-5 is writing · about 210 tokens · 105 tokens/s · ≈ ¥0.0310 · stop: ■ or I, I")
    assert len(dict.fromkeys(text for _at, text in lines)) == 4
    assert "is writing" not in publisher.html[0]


def test_quiet_shows_no_waiting_line_and_no_status():
    """`-q`: the answer alone."""
    publisher, _stream = show([(4.0, [TextDelta("x")]), (4.1, [Usage(1, 1)])], quiet=True)
    assert publisher.pages[0] == (4.0, ["x\n"])
    assert "wcode-status" not in publisher.html[0].replace(STYLE, "")


def test_finished_blocks_are_not_sent_again():
    """A finished paragraph is in its own output; later messages hold only what is new."""
    paragraphs = [f"paragraph number {n}\n\n" for n in range(20)]
    publisher, _stream = show([(1 + n / 2, [TextDelta(text)]) for n, text in enumerate(paragraphs)])
    live = [data["text/html"] for kind, data in publisher.sent if kind != "clear" and "text/plain" not in data]
    assert sum("paragraph number 3<" in html for html in live) <= 3
    assert max(html.count("<p>") for html in live) <= 2
    page = [text.strip() for text in publisher.pages[-2][1]]
    progress = [text for text in page if "is writing" in text]
    assert len(progress) == 1
    assert [text for text in page if text not in progress] == [text.strip() for text in paragraphs]


def test_updates_are_at_most_fifteen_a_second():
    """A fast stream does not flood the page."""
    publisher, _stream = show([(1 + n / 1000, [TextDelta("word ")]) for n in range(3000)])
    assert 20 <= len(publisher.sent) <= 15 * 3 + 5


@pytest.mark.parametrize(
    "unit",
    [
        "a line without end ",
        "字",
        "- an item of a list\n",
        "| a | b |\n|---|---|\n",
        "x\n\n",
        "- a\n\n  ```\n  code\n",
        "$x$ ",
    ],
)
def test_the_channel_grows_with_the_answer_and_never_stalls(unit):
    """Bytes sent are bounded by what was received, and no two updates are more than about 2 s apart."""
    text = unit * (24_000 // len(unit))
    chunks = [text[start : start + 4] for start in range(0, len(text), 4)]
    clock = Clock()
    publisher = Publisher()
    live = NotebookView(publisher, clock=clock)
    live.begin("m")
    sent = 0
    times = [0.0]
    for number, chunk in enumerate(chunks):
        clock.now = 100.0 + number / 100
        live.feed([TextDelta(chunk)])
        before = len(publisher.sent)
        live.tick()
        sent += sum(len(data.get("text/html", "").encode()) + 500 for _kind, data in publisher.sent[before:])
        if len(publisher.sent) > before:
            times.append(clock.now - 100.0)
    received = len(text.encode())
    # What patience sends beyond the ration is at most one tail every 2 s.
    patience = (clock.now - 100) / 2 * 12_000
    assert sent <= 70_000 + 22 * received + patience
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 2.3


def test_an_interrupted_answer_is_kept_and_marked():
    """The stop button cancels the stream; what had arrived stands with its mark."""
    publisher, stream = show(ANSWER, interrupt_after=3)
    assert stream.cancelled
    assert stream.reply is not None
    assert stream.reply.ended == "interrupted"
    assert "Hello **wor" in publisher.outputs[0]["text/plain"]
    assert "— interrupted —" in publisher.html[0]


def test_a_cut_answer_is_kept_and_marked():
    """An error after text leaves the text, its mark, and the error for the caller."""
    publisher, stream = show(ANSWER[:3], error=AnswerCut("The connection ended"))
    assert isinstance(stream.error, AnswerCut)
    assert "— cut off: The connection ended —" in publisher.html[0]


def test_a_failure_before_any_text_leaves_an_empty_cell():
    """The waiting line goes at once: only the error will stand there."""
    publisher, _stream = show([(2.0, [Started()])], error=AnswerCut("refused"))
    assert publisher.outputs == []
    assert publisher.sent[-1] == ("clear", {})


def test_a_recorded_answer_is_one_display():
    """An answer that has already ended is published once: nbval compares the first display with the saved one."""
    live, stream = show(ANSWER)
    clock, publisher = Clock(), Publisher()
    # As `Stream.of` makes it: ended, its events still to be read.
    recorded = FakeStream(ANSWER, clock)
    recorded.reply = stream.reply
    pump(recorded, NotebookView(publisher, clock=clock))
    assert [kind for kind, _data in publisher.sent] == ["display"]
    assert publisher.outputs == live.outputs


def test_a_headless_run_publishes_once():
    """Without a reader there is exactly one display message and no update."""
    clock, publisher = Clock(), Publisher()
    pump(FakeStream(ANSWER, clock), HeadlessView(publisher))
    assert [kind for kind, _data in publisher.sent] == ["display"]


def test_an_error_in_the_view_stops_the_stream():
    """A fault of ours does not leave an answer running that nobody reads."""
    clock = Clock()
    stream = FakeStream(ANSWER, clock)

    class Broken(HeadlessView):
        def tick(self) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pump(stream, Broken(Publisher()))
    assert stream.cancelled


@pytest.mark.parametrize("format", ["text", "code", "html", "latex"])
def test_other_formats_stream_as_text(format):
    """While it arrives the source is shown, escaped; at the end the format."""
    publisher, _stream = show([(1, [TextDelta('{"a": "<b>"')]), (2, [TextDelta("}")])], format=format)
    assert publisher.pages[-2][1] == ['{"a": "<b>"}\n']
    assert len(publisher.outputs) == 1


def test_everything_live_is_safe():
    """Pieces and tails of a hostile answer are as inert as the final output."""
    hostile = "a <img src=x onerror=x>\n\n- [x](javascript:x)\n\n```\n</code><script>\n```\n\n$\\href{x}{y}$\n\nend\n"
    publisher, _stream = show([(1 + n / 10, [TextDelta(c), ReasoningDelta(c)]) for n, c in enumerate(hostile)])
    for _kind, data in publisher.sent:
        assert [fault for fault in judge(bare(data.get("text/html", ""))).faults if "div style" not in fault] == []


def _shell(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(**parts) if parts else None)
    assert "IPython" in sys.modules


def test_the_view_fits_the_place(monkeypatch):
    """A watched notebook streams; a captured, headless or piped run gets one output."""
    from IPython.core.displaypub import CapturingDisplayPublisher

    watched = SimpleNamespace(_allow_stdin=True)
    _shell(monkeypatch, kernel=watched, display_pub=Publisher())
    assert isinstance(view(), NotebookView)
    _shell(monkeypatch, kernel=SimpleNamespace(_allow_stdin=False), display_pub=Publisher())
    assert isinstance(view(), HeadlessView)
    _shell(monkeypatch, kernel=watched, display_pub=CapturingDisplayPublisher())
    assert isinstance(view(), HeadlessView)
    _shell(monkeypatch, display_pub=CapturingDisplayPublisher())
    assert isinstance(view(), HeadlessView)
    _shell(monkeypatch)
    assert isinstance(view(), PlainView)


def test_showing_is_imported_only_when_used():
    """Importing the package costs no Markdown, Pygments, rich or IPython."""
    code = "import sys, wcode_jupyter.display; print({'markdown_it', 'pygments', 'rich', 'IPython'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
