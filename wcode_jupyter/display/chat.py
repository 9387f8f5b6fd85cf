"""A chat as one output: each question, the tools that were called, and the answer formatted and safe."""

from __future__ import annotations

from ..characters import escape, visible
from ..language import _
from ..session.chats import Chat, Turn
from .answer import wrap
from .formats import plain
from .markdown import render
from .status import mark
from .tool_steps import step_lines, steps_html

__all__ = ["ChatOutput"]


class ChatOutput:
    """Shows `chat` in a notebook or a terminal."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat

    def _repr_html_(self) -> str:
        system = _labelled(_("System"), plain(self.chat.system)) if self.chat.system else ""
        return wrap(system + "".join(_turn(turn, number) for number, turn in enumerate(self.chat.turns, 1)))

    def __repr__(self) -> str:
        lines = [f"[{_('System')}] {self.chat.system}"] if self.chat.system else []
        for number, turn in enumerate(self.chat.turns, 1):
            lines += [f"[{number}] {turn.question.text}", *step_lines(turn.reply.transcript)]
            lines += [turn.reply.text, _note(turn)]
        return visible("\n".join(line for line in lines if line))


def _turn(turn: Turn, number: int) -> str:
    answer = steps_html(turn.reply.transcript) + (render(turn.reply.text) if turn.reply.text else "")
    note = _note(turn)
    ending = f'<div class="wcode-mark">{escape(note)}</div>\n' if note else ""
    return _labelled(str(number), plain(turn.question.text)) + answer + ending


def _labelled(label: str, inner: str) -> str:
    return f'<div class="wcode-reasoning"><b>{escape(label)}</b>{inner}</div>\n'


def _note(turn: Turn) -> str:
    """How the turn ended, where that is not well, and that it is not sent on."""
    if turn.is_whole:
        return mark(turn.reply)
    return " ".join(filter(None, [mark(turn.reply), _("(not sent in later turns)")]))
