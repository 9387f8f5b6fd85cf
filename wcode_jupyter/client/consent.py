"""Consent: what a user sees before a function runs that a model calls, and which functions ask.

Nothing is folded or cut without being said: one parameter a line, every blank that could hide text drawn or counted,
controls and direction marks as signs. A call too long to read at once is not run unless it was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

from ..characters import blanks, visible
from ..errors import InputError, ParameterError, one_line
from ..language import _
from ..prompt.tools import Tool

__all__ = ["AskUser", "Confirm", "Consent", "Rule", "parse_policy", "written_call"]

Confirm = Callable[[Tool, Mapping[str, object]], bool]
"""Whether the user lets a tool run with these arguments, plain JSON values."""

Rule: TypeAlias = Literal["always", "ask", "never"]
_RULES: dict[str, Rule] = {"always": "always", "ask": "ask", "never": "never"}

_WIDTH = 96
"""Columns of a question: a notebook does not wrap it."""
_LONGEST = 4_000
"""Characters of arguments that are shown at once."""


class AskUser:
    """Asks at the keyboard before a tool runs: yes, no, or yes to all further calls of this function."""

    def __init__(self) -> None:
        self._all: set[str] = set()

    def __call__(self, tool: Tool, arguments: Mapping[str, object]) -> bool:
        """Whether it may run. Not where a question cannot be answered."""
        if tool.name in self._all:
            return True
        try:
            return self._ask(tool.name, written_call(tool.name, arguments))
        except (EOFError, RuntimeError):  # no keyboard after all; arguments too deep to be written
            return False

    def _ask(self, name: str, call: str) -> bool:
        if len(call) > _LONGEST:
            more = _("{count} more characters: [s]how all, [n]o: ").format(count=len(call) - _LONGEST)
            shown = f"{call[:_LONGEST]}…\n{more}"
            if input(_("Run {call}").format(call=shown)).strip().lower() not in ("s", "show"):
                return False
        question = _("Run {call}? [y]es, [n]o, [a]ll calls of {name}: ").format(call=call, name=name)
        answer = input(question).strip().lower()
        if answer in ("a", "all"):
            self._all.add(name)
        return name in self._all or answer in ("y", "yes")


def written_call(name: str, arguments: Mapping[str, object]) -> str:
    """The call in Python's words: on one line where that is short, else one parameter a line."""
    parts = [f"{key}={_value(value)}" for key, value in arguments.items()]
    line = f"{name}({', '.join(parts)})"
    if len(line) <= _WIDTH - 40 and "\n" not in line:
        return line
    lines = [piece for part in parts for piece in _wrapped(f"{part},")]
    return "\n".join([f"{name}(", *lines, ")"])


def _value(value: object) -> str:
    """`repr`, with a line end after each that a text holds."""
    text = blanks(visible(repr(value)))
    return text.replace("\\n", "\\n\n") if isinstance(value, str) else text


def _wrapped(text: str) -> list[str]:
    lines = [line[start : start + _WIDTH - 8] for line in text.split("\n") for start in range(0, len(line), _WIDTH - 8)]
    return [f"    {lines[0]}", *(f"        {line}" for line in lines[1:])]


def parse_policy(text: str) -> dict[str, Rule]:
    """`shell=never,weather=always` as rules by function name; may be empty. Raises ParameterError."""
    policy = {}
    for pair in filter(None, map(str.strip, text.split(","))):
        name, _equals, rule = map(str.strip, pair.partition("="))
        if not name or rule not in _RULES:
            raise ParameterError(
                _("tools_policy {pair}: expected NAME=RULE, where RULE is one of {choices}").format(
                    pair=one_line(repr(pair), 60), choices=", ".join(_RULES)
                ),
                name="tools_policy",
            )
        policy[name] = _RULES[rule]
    return policy


class Consent:
    """Which tools run unasked, which ask, and which never run.

    `policy` decides by name; else a tool marked with `@wcode_jupyter.tool` runs, and every other asks by `confirm`
    (None: runs too).
    """

    def __init__(self, confirm: Confirm | None, policy: Mapping[str, Rule]) -> None:
        self._confirm = confirm
        self._ask = confirm or AskUser()
        self._policy = policy

    def check_headless(self, tools: Iterable[Tool]) -> None:
        """Raises InputError: a tool would ask, where nobody can be asked."""
        if asking := [tool.name for tool in tools if self._rule(tool) == "ask"]:
            raise InputError(
                _("{names}: this tool needs confirmation, but the run is not interactive").format(
                    names=", ".join(asking)
                ),
                hint=_(
                    "Mark functions that need no confirmation with @wcode_jupyter.tool, or pass --no-tools-confirm."
                ),
            )

    def __call__(self, tool: Tool, arguments: Mapping[str, object]) -> bool:
        """Whether a call may run."""
        rule = self._rule(tool)
        return rule == "always" or (rule == "ask" and self._ask(tool, arguments))

    def _rule(self, tool: Tool) -> Rule:
        unasked = tool.trusted or self._confirm is None
        return self._policy.get(tool.name) or ("always" if unasked else "ask")
