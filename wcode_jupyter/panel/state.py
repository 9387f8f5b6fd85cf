"""What does the panel say: values that are set, the prompt, and the cell that says the same. No widgets here.

The cell is not written beside the request, it is where the request comes from: a run prepares the very line that the
panel shows. So copying the cell gives the same request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from msgspec import Struct, field

from ..errors import ParameterError, WcodeError, one_line
from ..language import _
from ..prompt.tools import Tool
from ..request.cell_syntax import cell_line
from ..request.parameters import PARAMETERS, Option, check_row, parse
from ..request.settings import ROWS
from ..session import Call
from ..session.attempts import Judged

__all__ = ["CellQuestion", "CellReader", "Check", "Prepare", "State", "check"]


class CellQuestion(Judged, Protocol):
    """What a cell asks."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Functions of the notebook that the model may call; may be empty."""

    @property
    def format(self) -> str:
        """How the answer is shown."""

    @property
    def hide_reasoning(self) -> bool:
        """Whether the answer alone is shown."""


Prepare: TypeAlias = Callable[[str, str], CellQuestion]
"""What a `%%wcode` line (without the magic's name) and a cell's text ask; raises WcodeError."""

_PREFIX = "%%wcode"


class State(Struct, frozen=True, kw_only=True):
    """What is switched on. `values` are checked or raw values of settings and parameters by name."""

    prompt: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    output: str = ""
    """The variable that receives the Reply; empty: none."""
    extra_body: dict[str, Any] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    """Other options of a cell's line, kept as they came."""

    @property
    def line(self) -> str:
        """The `%%wcode` line."""
        return cell_line(self.values, output=self.output, extra_body=self.extra_body, own=self.own)

    @property
    def cell(self) -> str:
        """The whole cell: run, it sends what the panel sends."""
        # IPython gives a cell one line end, and the magic takes one away.
        end = "\n" if self.prompt.endswith("\n") else ""
        return f"{self.line}\n{self.prompt}{end}"

    @property
    def parameters(self) -> dict[str, Any]:
        """Of `values`, those that are request parameters."""
        return {row.name: self.values[row.name] for row in PARAMETERS if row.name in self.values}


class CellReader(Struct, frozen=True):
    """How the magics read what stands in a cell: the panel has no reading of its own."""

    prepare: Prepare
    read: Callable[[str], State]
    """The state that a whole `%%wcode` cell says; raises WcodeError."""
    own: tuple[Option, ...] = ()
    """Options of the cell alone that have a control in the panel."""


class Check(Struct, frozen=True):
    """What is to be said about a state before it is run."""

    question: CellQuestion | None = None
    """None when it cannot be run."""
    errors: Mapping[str, str] = {}
    """Name of a setting or parameter -> why its value cannot be sent."""
    reason: str = ""
    """Why it cannot be run, in one line; empty when it can."""
    warnings: tuple[str, ...] = ()

    @property
    def call(self) -> Call | None:
        """What is sent first; None when it cannot be run."""
        return None if self.question is None else self.question.call

    def warnings_of(self, name: str) -> list[str]:
        """Warnings that name the parameter `name`."""
        return [text for text in self.warnings if re.search(rf"(?<!\w){name}(?!\w)", text)]


def check(state: State, prepare: Prepare) -> Check:
    """Prepares `state` as its own cell would be; nothing is sent."""
    errors: dict[str, str] = {}
    for name, value in state.values.items():
        try:
            parse(ROWS[name], value) if isinstance(value, str) else check_row(ROWS[name], value)
        except ParameterError as error:
            errors[name] = error.what
    if errors:
        return Check(None, errors, next(iter(errors.values())))
    if not state.prompt.strip():
        return Check(reason=_("Write a prompt to run it."))
    try:
        question = prepare(state.line.removeprefix(_PREFIX), state.prompt + "\n")
    except ParameterError as error:
        return Check(None, {error.name: str(error)} if error.name else {}, str(error))
    except WcodeError as error:
        return Check(reason=str(error))
    except Exception as error:
        # Whatever a variable of the notebook raises when it is made text: no cell is there to show it.
        return Check(reason=one_line(f"{type(error).__name__}: {error}"))
    return Check(question, warnings=question.call.warnings)
