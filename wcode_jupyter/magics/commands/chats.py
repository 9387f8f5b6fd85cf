"""`%wcode chats`: the named conversations of this session."""

from __future__ import annotations

from collections.abc import Callable

from ... import files
from ...display import bundle
from ...display.chat import ChatOutput
from ...errors import InputError, OptionError, one_line
from ...export.chats import CHAT_FORMATS
from ...language import N_, _
from ...request.parameters import did_you_mean
from ...session.chats import Chat
from ...table import Table
from ..line import CommandLine, parse_command
from ..options import CellOption
from .command import Context

__all__ = ["CHATS_OPTIONS", "CHATS_WORDS", "chats"]

CHATS_OPTIONS = (CellOption(name="force", arity="flag", help=N_("Overwrite an existing file.")),)


def chats(context: Context, rest: str) -> object:
    """The list, or what the first word says of one chat."""
    line = parse_command(rest, CHATS_OPTIONS)
    word, *names = line.words or ("list",)
    if word not in _WORDS:
        hint = did_you_mean(word, _WORDS)
        raise OptionError(
            _("%wcode chats {word}: expected {choices}").format(word=word, choices=", ".join(_WORDS)), hint=hint
        )
    usage, run = _WORDS[word]
    if len(names) != len(usage.split()):
        raise OptionError(_("Usage: %wcode chats {word} {usage}").format(word=word, usage=usage).rstrip())
    return run(context, line, *names)


def _list(context: Context, line: CommandLine) -> Table:
    found = context.client.session.chats.all()
    return Table(
        columns=(_("chat"), _("turns"), _("not sent"), _("tokens"), "¥", _("last question")),
        rows=tuple(_cells(chat) for chat in found),
        note="" if found else _("No chats yet. Start one with %%wcode --chat NAME."),
    )


def _cells(chat: Chat) -> tuple[object, ...]:
    failed = len(chat.turns) - len(chat.sent())
    last = chat.turns[-1].question.text if chat.turns else ""
    return (
        chat.name,
        len(chat.turns),
        failed or "",
        f"{chat.usage.input_tokens}→{chat.usage.output_tokens}",
        "" if chat.cost is None else f"{chat.cost:f}",
        one_line(last, 60),
    )


def _show(context: Context, line: CommandLine, name: str) -> object:
    return ChatOutput(context.client.session.chats.get(name))


def _fork(context: Context, line: CommandLine, name: str, new: str) -> None:
    chat = context.client.session.chats.fork(name, new)
    print(_("Created {new} as a copy of {name}; turns: {count}.").format(new=new, count=len(chat.turns), name=name))


def _undo(context: Context, line: CommandLine, name: str) -> None:
    turn = context.client.session.chats.undo(name)
    left = len(context.client.session.chats.get(name).turns)
    question = one_line(turn.question.text, 60)
    print(_("Removed from {name}: “{question}”. Turns left: {count}.").format(name=name, question=question, count=left))


def _export(context: Context, line: CommandLine, name: str, file: str) -> None:
    chat, path = context.client.session.chats.get(name), files.named(file)
    write = CHAT_FORMATS.get(path.suffix.lower())
    if write is None:
        raise OptionError(
            _("Unsupported extension: {file}. Use one of {choices}").format(file=file, choices=", ".join(CHAT_FORMATS))
        )
    text = context.client.session.keys.redact(write(chat, bundle))
    try:
        (files.write if line.flag("force") else files.create)(path, text.encode())
    except FileExistsError:
        raise InputError(_("{file} already exists").format(file=file), hint=_("Use --force to overwrite it.")) from None
    except OSError as error:
        raise InputError(_("Cannot write {file}: {error}").format(file=file, error=error.strerror)) from None
    print(_("Saved {name} to {file}.").format(name=name, file=file))


def _reset(context: Context, line: CommandLine, name: str) -> None:
    chat = context.client.session.chats.reset(name)
    print(_("Deleted {name}; turns: {count}.").format(name=name, count=len(chat.turns)))


_WORDS: dict[str, tuple[str, Callable[..., object]]] = {
    "list": ("", _list),
    "show": ("NAME", _show),
    "fork": ("NAME NEW", _fork),
    "undo": ("NAME", _undo),
    "export": ("NAME FILE", _export),
    "reset": ("NAME", _reset),
}
CHATS_WORDS = tuple(_WORDS)
