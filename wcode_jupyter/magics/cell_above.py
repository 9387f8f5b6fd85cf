"""A cell with `--above`: the cells that were run before it go along, with `--outputs` their text output too.

"Above" means above in time: what the kernel has run, each source once, at its last run. Where the cells stand in the
document only a front end knows, and not every one says. Of an output the kernel keeps what was printed and the value of
the last line, not what was displayed. Never unasked, and never with what must stay here: see
`cell_text`. The words around the cells are English whatever the user's language: they are part of the request, which
must be the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from ..errors import OptionError
from ..language import _
from ..request.messages import Part, Text
from ..session import rough_tokens
from ..shell import Shell
from ..store import credentials
from .cell_text import fenced, withhold
from .options import CellLine

__all__ = ["with_cells_above"]

_LONGEST_OUTPUT = 4000
"""Characters of one cell's output that are sent."""


class _Output(Protocol):
    """What IPython keeps of an output since version 9."""

    output_type: str
    bundle: Mapping[str, str | list[str]]


class _Cell(Struct, frozen=True):
    source: str
    output: str


def with_cells_above(
    content: str | tuple[Part, ...],
    options: CellLine,
    shell: Shell,
    redact: Callable[[str], str],
    notes: list[str],
) -> str | tuple[Part, ...]:
    """`content` below the cells that `--above` asks for; what was sent along joins `notes`. Raises OptionError."""
    if (wish := options.own.get("above")) is None:
        if "outputs" in options.own:
            raise OptionError(_("{option} needs {other}").format(option="--outputs", other="--above"))
        return content
    cells = list(_cells(shell))[-_count(wish) :]
    if not cells:
        notes.append(_("No cell was run before this one"))
        return content
    text = "\n\n".join(["Cells of this notebook that were run before, oldest first:", *_blocks(cells, options)])
    kept = withhold(text, redact, shell.user_ns, only_secrets=True)
    text = credentials.redacted(kept.text)
    names = [*kept.names, *([_("credentials")] if text != kept.text else [])]
    notes.append(_note(len(cells), text, names))
    if isinstance(content, str):
        return f"{text}\n\n{content}"
    return (Text(text + "\n\n"), *content)


def _count(wish: str) -> int:
    """How many cells; 0 for all."""
    if wish == "all":
        return 0
    if not wish.isdecimal() or int(wish) < 1:
        raise OptionError(_("--above must be all or an integer of at least 1, got {text}").format(text=wish))
    return int(wish)


def _cells(shell: Shell) -> Iterator[_Cell]:
    """The cells that were run before this one, each source once, at its last run; this one's own runs left out."""
    typed: Sequence[str] = shell.history_manager.input_hist_raw
    # A cell that is run again must send what it sent the first time.
    last = {source.strip(): number for number, source in enumerate(typed)}
    own = typed[-1].strip() if typed else ""
    for number, source in enumerate(typed):
        if (text := source.strip()) and text != own and last[text] == number and not _is_setup(text):
            yield _Cell(text, _output(shell, number))


def _is_setup(source: str) -> bool:
    """Whether a cell holds nothing but commands to this extension, which say nothing of the notebook's subject."""
    lines = filter(None, map(str.strip, source.split("\n")))
    return all(line.startswith(("%wcode ", "%load_ext wcode_jupyter", "#")) for line in lines)


def _output(shell: Shell, number: int) -> str:
    """The text that cell `number` put out; without IPython 9 only its value."""
    kept: Mapping[int, Sequence[_Output]] | None = getattr(shell.history_manager, "outputs", None)
    if kept is None:
        values: Mapping[int, str] = getattr(shell.history_manager, "output_hist_reprs", {})
        return values.get(number, "")
    texts = [_text(output) for output in kept.get(number, ())]
    return "".join(text if text.endswith("\n") or not text else text + "\n" for text in texts).strip("\n")


def _text(output: _Output) -> str:
    if output.output_type == "err_stream":
        return ""
    found = output.bundle.get("stream" if output.output_type == "out_stream" else "text/plain", "")
    return found if isinstance(found, str) else "".join(found)


def _blocks(cells: Sequence[_Cell], options: CellLine) -> Iterator[str]:
    for cell in cells:
        yield fenced(cell.source, "" if cell.source.startswith("%%") else "python")
        if options.flag("outputs") and cell.output:
            left_out = len(cell.output) - _LONGEST_OUTPUT
            more = f"\n… {left_out:,} more characters" if left_out > 0 else ""
            yield "Its output:\n" + fenced(cell.output[:_LONGEST_OUTPUT] + more, "text")


def _note(count: int, text: str, names: Sequence[str]) -> str:
    note = _("Cells sent along: {count}, about {tokens} tokens").format(
        count=count, tokens=f"{rough_tokens(text):,.0f}"
    )
    return note + (_("; withheld: {names}").format(names=", ".join(names)) if names else "")
