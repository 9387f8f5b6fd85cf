"""Named conversations as data: what is sent on, what is kept, and what each change leaves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wcode_jupyter.errors import InputError
from wcode_jupyter.reply import Choice, Ended, Reply
from wcode_jupyter.reply.events import Usage
from wcode_jupyter.request.messages import Message, Reasoning, ToolCall
from wcode_jupyter.session.chats import Chat, Chats, OpenTurn, Turn

QUESTION = Message("user", "why?")


def answered(text: str = "because", ended: Ended = "complete", calls: tuple[ToolCall, ...] = ()) -> Reply:
    """A reply with reasoning, tokens and a price."""
    choice = Choice(text=text, reasoning=(Reasoning("hm"),), tool_calls=calls)
    return Reply(choices=(choice,), usage=Usage(3, 2), cost=Decimal("0.01"), ended=ended, model="m")


@pytest.mark.parametrize(
    ("reply", "whole"),
    [
        (answered(), True),
        (answered(ended="length"), True),
        (answered(ended="interrupted"), False),
        (answered(ended="cut"), False),
        (answered("", ended="failed"), False),
        (answered(""), False),
        (answered(calls=(ToolCall("1", "f"),)), False),
    ],
)
def test_only_whole_turns_are_sent_on(reply: Reply, whole: bool) -> None:
    """A turn that was stopped, failed, came empty or left a call open stays in the chat and out of the next request."""
    chat = Chat("x", turns=(Turn(QUESTION, reply),))
    assert bool(chat.sent()) is whole
    assert chat.sent(keep_failed=True) == chat.turns


def test_reasoning_is_not_sent_back() -> None:
    """The turn goes on as question and text."""
    assert Turn(QUESTION, answered()).messages() == (QUESTION, Message("assistant", "because"))


def test_a_tool_loop_goes_along_only_where_tools_are_declared_and_without_its_reasoning() -> None:
    """Servers refuse calls in a request without tools."""
    called = Message("assistant", tool_calls=(ToolCall("1", "f", "{}"),), reasoning=(Reasoning("I need f"),))
    result = Message("tool", "42", tool_call_id="1")
    reply = Reply(choices=(Choice(text="42!"),), transcript=(called, result))
    turn = Turn(QUESTION, reply)
    assert turn.messages() == (QUESTION, Message("assistant", "42!"))
    assert turn.messages(with_tools=True) == (
        QUESTION,
        Message("assistant", tool_calls=(ToolCall("1", "f", "{}"),)),
        result,
        Message("assistant", "42!"),
    )


def test_tokens_and_cost_add_up() -> None:
    """Over all turns, those that are not sent on included; unknown prices are not guessed."""
    chat = Chat("x", turns=(Turn(QUESTION, answered()), Turn(QUESTION, answered(ended="interrupted"))))
    assert (chat.usage.input_tokens, chat.usage.output_tokens) == (6, 4)
    assert chat.cost == Decimal("0.02")
    assert Chat("x", turns=(Turn(QUESTION, Reply()),)).cost is None


def test_a_fork_goes_its_own_way() -> None:
    """What is said in one is not in the other; a name that is taken is refused."""
    chats = Chats()
    chats.add(OpenTurn("a", QUESTION, "be brief"), answered("one"))
    chats.fork("a", "b")
    chats.add(OpenTurn("b", QUESTION, "be brief"), answered("two"))
    assert [turn.reply.text for turn in chats.get("a").turns] == ["one"]
    assert [turn.reply.text for turn in chats.get("b").turns] == ["one", "two"]
    assert chats.get("b").system == "be brief"
    with pytest.raises(InputError, match="already"):
        chats.fork("a", "b")


def test_an_answer_to_the_same_turn_takes_its_place_until_it_is_undone() -> None:
    """A tool loop answers one turn several times; another question is another turn."""
    chats, turn = Chats(), OpenTurn("a", QUESTION)
    chats.add(turn, answered("step"))
    chats.add(turn, answered("end"))
    chats.add(OpenTurn("a", QUESTION), answered("next"))
    assert [turn.reply.text for turn in chats.get("a").turns] == ["end", "next"]
    assert chats.undo("a").reply.text == "next"
    chats.add(turn, answered("again"))
    assert [turn.reply.text for turn in chats.get("a").turns] == ["end", "again"]
    chats.undo("a")
    chats.add(turn, answered("once more"))
    assert [turn.reply.text for turn in chats.get("a").turns] == ["end", "once more"]


def test_undo_and_reset_end_at_nothing() -> None:
    """An empty chat has nothing to undo; a forgotten one is unknown, with a did-you-mean for the near one."""
    chats = Chats()
    chats.add(OpenTurn("plan", QUESTION), answered())
    assert chats.undo("plan").question == QUESTION
    with pytest.raises(InputError, match="has no turns"):
        chats.undo("plan")
    with pytest.raises(InputError, match="plan"):
        chats.get("plam")
    assert chats.reset("plan").name == "plan"
    assert chats.all() == []
    with pytest.raises(InputError, match="Chat not found: plan"):
        chats.reset("plan")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "--force"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """Empty, of several lines, or an option."""
    with pytest.raises(InputError, match="not a valid chat name"):
        Chats().find(name)
