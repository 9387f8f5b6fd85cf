"""The cells of a session with the requests they became."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from wcode_jupyter.catalogue import Catalogue
from wcode_jupyter.export import RanCell
from wcode_jupyter.magics.script import cells_of
from wcode_jupyter.reply import Reply
from wcode_jupyter.request.messages import LOCAL, Image, Message, Request, Text


def request(text: str, model: str = "z-ai/glm-5", **parameters: Any) -> Request:
    return Request(model=model, messages=(Message("user", text),), parameters=parameters)


def cells(sources: list[str], requests: list[Request], failed: tuple[int, ...] = ()) -> list[RanCell]:
    """What `cells_of` gives for cells that were run and the replies of the session; the export itself runs last."""
    history = SimpleNamespace(input_hist_raw=["", *sources, "%wcode export notebook"], exceptions=dict.fromkeys(failed))
    session: Any = SimpleNamespace(
        replies=[Reply(request=one) for one in requests], catalogue=Catalogue.load(), local_model=LOCAL
    )
    return cells_of(SimpleNamespace(history_manager=history), session)[1:]


def test_a_question_is_the_request_it_became() -> None:
    """In a cell or in one line, with the name it was bound to; Python stays as typed, what failed is marked."""
    one, two = request("Hello World!", temperature=0.2), request("what is it?", "stepfun/step-3.5-flash")
    assert cells(
        [
            "x = 1",
            "%%wcode glm-5 --temperature 0.2 -o answer\nHello {{who}}!\n",
            "1 / 0",
            "%wcode ask -m step what is it?",
        ],
        [one, two],
        failed=(3,),
    ) == [
        RanCell(source="x = 1"),
        RanCell(request=one, name="answer"),
        RanCell(source="1 / 0", failed=True),
        RanCell(request=two),
    ]


def test_the_same_words_twice_are_two_requests() -> None:
    """A cell that was run again takes the next reply; other options are another question."""
    cold, warm = request("Hi", temperature=0), request("Hi", temperature=1)
    again = "%%wcode glm-5 --temperature 1\nHi"
    made = cells(["%%wcode glm-5 --temperature 0\nHi", again, again], [cold, warm, warm])
    assert [cell.request for cell in made] == [cold, warm, warm]


def test_replies_are_taken_in_order() -> None:
    """The same words with a variable that changed: each run has the request of its own time."""
    cell = "%%wcode\nHi {{who}}"
    made = cells([cell, "who = 'B'", cell], [request("Hi A"), request("Hi B")])
    assert [one.request and one.request.messages[0].text for one in made] == ["Hi A", None, "Hi B"]


def test_replies_of_the_panel_are_passed_over() -> None:
    """A reply that no cell can have asked for is nobody's."""
    assert cells(["%%wcode\nB"], [request("A"), request("B", "m")]) == [RanCell(request=request("B", "m"))]


@pytest.mark.parametrize(
    "source",
    [
        "%%wcode --temperature 0.2\nHi",
        "%%wcode step\nHi",
        "%%wcode\nHi there",
        "%%wcode\nH",
        "%%wcode\nHi{{x}}!",
        "%%wcode\n{{x}}Hi{{y}}Hi",
    ],
)
def test_a_question_without_a_reply_stays_as_typed(source: str) -> None:
    """Neither other options nor other words take a reply."""
    assert cells([source], [request("Hi")]) == [RanCell(source=source, failed=True)]


@pytest.mark.parametrize(
    "line", ["--no-such-option", "--temperature 9", "'", "--dry-run", "--each rows", "-m glm-5 -m step", "--repeat 3"]
)
def test_a_cell_that_asked_nothing_or_many_times_is_no_question(line: str) -> None:
    """It is kept as typed, as is one that could not be read, and the next cell still finds its reply."""
    bad = f"%%wcode {line}\nHi"
    assert cells([bad, "%%wcode\nHi"], [request("Hi")]) == [RanCell(source=bad), RanCell(request=request("Hi"))]


def test_references_stand_for_anything() -> None:
    """Texts of several lines, nothing at all, an image; the words between them keep their order."""
    picture = Request(
        model="m", messages=(Message("user", (Text("See "), Image("https://x.invalid/a.png"), Text(" there"))),)
    )
    asked = [request("a\n|b|\nc, , d"), picture]
    made = cells(["%%wcode\na\n{{ table }}\nc, {{nothing}}, d\n", "%%wcode\nSee {{fig}} there"], asked)
    assert [cell.request for cell in made] == asked


def test_the_last_words_of_a_chat_are_the_question() -> None:
    """In a conversation the cell is its last user message."""
    chat = Request(model="m", messages=(Message("user", "A"), Message("assistant", "B"), Message("user", "C")))
    assert cells(["%%wcode --chat c\nC"], [chat])[0].request == chat
    assert cells(["%%wcode --chat c\nA"], [chat])[0].request is None
