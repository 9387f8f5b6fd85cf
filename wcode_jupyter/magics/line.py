"""The line of a `%wcode` command that has options: words and options, by the command's own table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from ..errors import OptionError
from ..language import _
from ..request.parameters import did_you_mean
from .options import CellOption, check_variable, split_words

__all__ = ["CommandLine", "check_no_more", "parse_command"]


class CommandLine(Struct, frozen=True):
    """What the line of a command says."""

    words: tuple[str, ...]
    options: dict[str, Any]
    """By name: True for flags, else the text."""

    def flag(self, name: str) -> bool:
        """Whether the flag `name` is given."""
        return name in self.options

    def text(self, name: str) -> str | None:
        """The text of the option `name`; None where it is not given."""
        return self.options.get(name)


def parse_command(line: str, options: Iterable[CellOption]) -> CommandLine:
    """Words and options of `line`; after `--` come words only. Raises OptionError."""
    known = {name: option for option in options for name in (option.option, option.short) if name}
    words, given = list[str](), dict[str, Any]()
    left = deque(split_words(line))
    while left:
        word = left.popleft()
        if word == "--":
            words += left
            left.clear()
        elif word.startswith("-") and len(word) > 1:
            head, equals, text = word.partition("=")
            option = known.get(head)
            if option is None:
                raise OptionError(_("Unknown option {word}").format(word=head), hint=did_you_mean(head, known))
            if option.name in given:
                raise OptionError(_("{option} is set twice").format(option=option.option))
            given[option.name] = _value(option, text if equals else None, left)
        else:
            words.append(word)
    if name := given.get("output"):
        check_variable(name)
    return CommandLine(tuple(words), given)


def check_no_more(words: Sequence[str]) -> None:
    """Raises OptionError where `words` are left that the command has no use for."""
    if words:
        raise OptionError(_("Unexpected word {word}").format(word=words[0]), hint=_("%wcode help shows the usage."))


def _value(option: CellOption, text: str | None, left: deque[str]) -> str | bool:
    if option.arity == "flag":
        if text is not None:
            raise OptionError(_("{option} takes no value").format(option=option.option))
        return True
    if text is None and option.arity == "optional":
        return "" if not left or left[0].startswith("-") else left.popleft()
    if text is None and (text := left.popleft() if left else None) is None:
        raise OptionError(_("{option} needs a value").format(option=option.option))
    return text
