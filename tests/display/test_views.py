"""The pump and the views: what a person sees while an answer arrives, and what stays."""

from __future__ import annotations

from tests.display.fakes import Clock, FakeStream, Publisher
from wcode_jupyter.display import pump
from wcode_jupyter.display.notebook import NotebookView
from wcode_jupyter.display.views import HeadlessView
from wcode_jupyter.events import Finish, ReasoningDelta, Started, TextDelta, Usage

ANSWER = [
    (0.4, [Started(model="z-ai/glm-5")]),
    (0.5, [ReasoningDelta("Let me think.")]),
    (1.5, [TextDelta("Hello **wor")]),
    (1.6, [TextDelta("ld**\n\nbye\n"), Finish("stop")]),
    (1.7, [Usage(input_tokens=13, output_tokens=559, reasoning_tokens=245)]),
]


def test_a_notebook_ends_with_one_output():
    """Whatever was shown on the way, one output stays, with the answer, its reasoning and its status line."""
    clock, publisher = Clock(), Publisher()
    reply = pump(FakeStream(ANSWER, clock), NotebookView(publisher, clock=clock))
    assert reply.text == "Hello **world**\n\nbye\n"
    (data,) = publisher.outputs
    assert data["text/plain"] == "Hello **world**\n\nbye\n"
    assert "<p>Hello <strong>world</strong></p>" in data["text/html"]
    assert "13→559 tokens (245 reasoning)" in data["text/html"]


def test_a_headless_run_publishes_once():
    """Without a reader there is exactly one display message and no update."""
    clock, publisher = Clock(), Publisher()
    pump(FakeStream(ANSWER, clock), HeadlessView(publisher))
    assert [kind for kind, _data in publisher.sent] == ["display"]
