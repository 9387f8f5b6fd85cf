"""An answer owns its displays and nothing else of the cell."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.display.fakes import Clock, FakeStream, Publisher
from wcode_jupyter.display import pump
from wcode_jupyter.display.notebook import NotebookView
from wcode_jupyter.display.own_outputs import OwnOutputs
from wcode_jupyter.reply.events import TextDelta

SLOW = [(1.0, [TextDelta("one\n\n")]), (2.0, [TextDelta("two\n\n")]), (3.0, [TextDelta("three")])]


def ask(publisher: Publisher) -> None:
    """An answer that shows a waiting line and several blocks while it streams."""
    clock = Clock()
    pump(FakeStream(SLOW, clock), NotebookView(publisher, clock=clock))


def kinds(publisher: Publisher) -> set[str]:
    return {kind for kind, _data in publisher.sent}


def test_prints_and_earlier_answers_stay():
    """A print, two answers and a print end as these four outputs, in this order."""
    publisher = Publisher()
    publisher.print("step 1 done")
    ask(publisher)
    ask(publisher)
    publisher.print("end")
    texts = [data.get("text/plain", data["text/html"]) for data in publisher.outputs]
    assert texts == ["step 1 done", "one\n\ntwo\n\nthree", "one\n\ntwo\n\nthree", "end"]
    assert "clear" not in kinds(publisher)
    assert publisher.metadata[1]["wcode"]["ended"] == "complete"


def test_alone_in_its_cell():
    """A cell that holds nothing else is cleared: the blocks were outputs of their own, and one stays."""
    publisher = Publisher()
    ask(publisher)
    assert "clear" in kinds(publisher)
    assert [data["text/plain"] for data in publisher.outputs] == ["one\n\ntwo\n\nthree"]


def test_a_print_meanwhile_stays():
    """What another thread puts out while the answer streams is not cleared; the answer is in one of its own outputs."""
    publisher = Publisher()
    own = OwnOutputs(publisher)
    own.show("first")
    own.show("second")
    publisher.print("from a thread")
    own.end({"text/html": "whole"}, {})
    assert publisher.html == ["whole", "", "from a thread"]


def test_an_unknown_cell_is_not_cleared():
    """Where the cell's beginning was not seen, something may stand there: one output of its own, updated."""
    publisher = Publisher()
    publisher.parent_header = {"msg_id": "another cell"}
    ask(publisher)
    assert kinds(publisher) == {"display", "update"}
    assert len(publisher.outputs) == 1


def test_the_next_answer_takes_an_abandoned_place():
    """Retried in a shared cell, the new answer stands where the old one was."""
    publisher = Publisher()
    publisher.print("before")
    first = OwnOutputs(publisher)
    first.show("no JSON")
    first.abandon()
    second = OwnOutputs(publisher)
    second.show("{")
    second.end({"text/html": "{}"}, {})
    assert publisher.html == ["before", "{}"]


def test_an_output_widget_shows_the_end_only():
    """It takes no updates: nothing is shown before the end, and what stands in it stays."""
    publisher = Publisher()
    state = {"comm_id": "c", "data": {"method": "update", "state": {"msg_id": "the cell"}}}
    publisher.send("comm_msg", **state)
    ask(publisher)
    assert [kind for kind, _data in publisher.sent] == ["display"]


def test_adopted_outputs_go_too():
    """A line about the price and a bar belong to the run: its end takes their place."""
    publisher = Publisher()
    own = OwnOutputs(publisher)
    publisher.print("About to send 3 requests")
    own.adopt(1)
    own.show("table")
    own.end({"text/html": "answers"}, {})
    assert publisher.html == ["answers"]


@pytest.mark.parametrize("publisher", [SimpleNamespace(), SimpleNamespace(session=None)])
def test_without_a_kernel(publisher: SimpleNamespace):
    """Nothing is known of the cell: it is never cleared."""
    sent = []
    publisher.publish = lambda data, metadata, **how: sent.append((data["text/html"], how["update"]))
    own = OwnOutputs(publisher)
    own.show("a", "1")
    own.show("b", "1")
    own.end({"text/html": "c"}, {})
    assert sent == [("a", False), ("b", True), ("c", True)]
