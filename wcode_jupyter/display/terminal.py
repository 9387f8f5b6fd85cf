"""An answer in a terminal: formatted by rich while somebody watches, plain text at the end elsewhere.

The text is untrusted: control characters would move the cursor, rename the window or hide text, so they are made
visible; links are printed with their address and never made clickable with a hidden target.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from ..characters import visible
from ..language import _
from ..reply import Choice, Reply
from ..reply.events import Event, Notice, ReasoningDelta, TextDelta
from ..request.messages import Message
from .blocks import Lines, Piece, Splitter
from .markdown import parser
from .silent import SilentView
from .status import mark, says_nothing, status_line, waiting_line
from .tool_steps import step_lines

if TYPE_CHECKING:
    from markdown_it.token import Token
    from rich.console import RenderableType
    from rich.live import Live

__all__ = ["PlainView", "TerminalView"]


class PlainView(SilentView):
    """Where nobody watches: the text once it is there."""

    def __init__(self, out: TextIO, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet

    def finish(self, reply: Reply) -> None:
        """Text, what is to be said of its end, and the status line."""
        texts = [_whole(choice) for choice in reply.choices]
        self._out.write("".join(f"{visible(line)}\n" for line in [*texts, *_ending(reply, self._quiet)] if line))
        self._out.flush()

    def abandon(self) -> None:
        """Nothing was shown."""

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """A line for each call and result."""
        self._out.write("".join(f"{visible(line)}\n" for line in step_lines(transcript, since)))


class TerminalView:
    """Where somebody watches: finished blocks are printed once, the tail is redrawn below them."""

    INTERVAL_S = 1 / 15

    def __init__(
        self,
        out: TextIO,
        format: str = "markdown",
        *,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
        width: int | None = None,
    ) -> None:
        from rich.console import Console

        self._console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
        self._markdown = format == "markdown"
        self._quiet = quiet
        self._clock = clock
        self._live: Live | None = None
        self._model = ""
        self._began_s = self._last_s = clock()
        self._waiting = True
        self._hurried = False
        self._notices: list[str] = []
        self._incoming: list[tuple[str, str]] = []
        self._kind = ""
        self._splitter: Splitter | Lines = Lines()

    def hurry(self) -> None:
        """The user has interrupted: what is shown from now on is shown at once."""
        self._hurried = True

    def begin(self, model: str) -> None:
        """The question is on its way to `model`."""
        self._model = model
        self._began_s = self._clock()

    def feed(self, events: list[Event]) -> None:
        """Takes what arrived; shows nothing yet."""
        for event in events:
            if isinstance(event, (TextDelta, ReasoningDelta)) and not event.choice and event.text:
                kind = "text" if isinstance(event, TextDelta) else "reasoning"
                self._incoming.append((kind, event.text))
            elif isinstance(event, Notice):
                self._notices.append(event.text)

    def due_s(self) -> float:
        """Seconds until `tick` has something to do."""
        if self._incoming:
            wait = 0.0 if self._waiting else self._last_s + self.INTERVAL_S - self._clock()
        else:
            wait = self._last_s + 1.0 - self._clock()
        return max(0.001, wait) if wait > 0 else 0.0

    def tick(self) -> None:
        """Shows what is due."""
        if self.due_s() > 0:
            return
        self._last_s = self._clock()
        if self._incoming:
            self._take()
            self._show(self._render(self._splitter.preview))
        elif self._waiting and not self._quiet:
            self._show(self._waiting_line())

    def _waiting_line(self) -> RenderableType:
        from rich.text import Text

        line = waiting_line(self._model, self._clock() - self._began_s)
        return Text("\n".join(visible(text) for text in [*self._notices, line]), style="dim")

    def _take(self) -> None:
        """Prints the blocks that what arrived has finished."""
        for kind, text in self._incoming:
            if kind != self._kind:
                self._end_part()
                self._begin_part(kind)
            for piece in self._splitter.feed(text):
                self._console.print(self._render(piece))
        self._incoming = []

    def _begin_part(self, kind: str) -> None:
        self._kind, self._waiting = kind, False
        self._splitter = Splitter() if self._markdown or kind == "reasoning" else Lines()
        if kind == "reasoning":
            self._console.print(_("Reasoning"), style="dim italic")

    def _end_part(self) -> None:
        """The tail of the text so far is final."""
        self._show("")
        if tail := self._splitter.tail:
            self._console.print(self._render(tail))
        self._splitter = Lines()

    def _show(self, renderable: RenderableType) -> None:
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(renderable, refresh=True)

    def _render(self, piece: Piece) -> RenderableType:
        from rich.padding import Padding
        from rich.text import Text

        style = "dim" if self._kind == "reasoning" else "none"
        if not piece:
            return ""
        # Of a whole block: an emoji may arrive in pieces.
        piece = replace(piece, source=visible(piece.source))
        if piece.plain or self._hurried or isinstance(self._splitter, Lines):
            return Text(piece.source.removesuffix("\n"), style=style)
        return Padding(_markdown(piece, style), (0, 0, 1, 0))

    def abandon(self) -> None:
        """What was printed stays; the rest of it is printed too."""
        self._take()
        self._end_part()
        if self._live is not None:
            self._live.stop()

    def put_above(self, transcript: tuple[Message, ...], since: int = 0) -> None:
        """A line for each call and result."""
        from rich.text import Text

        for line in step_lines(transcript, since):
            self._console.print(Text(visible(line), style="dim"))

    def finish(self, reply: Reply) -> None:
        """The rest of the text, what is to be said of its end, and the status line."""
        from rich.text import Text

        if self._waiting and not self._incoming:
            # A recorded answer was never fed.
            self.feed([ReasoningDelta(reply.reasoning), TextDelta(reply.text)])
        self._take()
        self._end_part()
        if self._live is not None:
            self._live.stop()
        head, *others = reply.choices
        rest = [head.refusal, *_calls(head), *(_whole(choice) for choice in others)]
        for line in rest:
            if line:
                self._console.print(Text(visible(line)))
        for line in _ending(reply, self._quiet):
            if line:
                self._console.print(Text(visible(line), style="dim"))


def _ending(reply: Reply, quiet: bool) -> list[str]:
    """The lines below an answer, some empty; none where the error that follows says it all."""
    if says_nothing(reply):
        return []
    return [mark(reply), *([] if quiet else [*reply.notices, status_line(reply)])]


def _whole(choice: Choice) -> str:
    return "\n".join(line for line in [choice.text, choice.refusal, *_calls(choice)] if line)


def _calls(choice: Choice) -> list[str]:
    return [f"{call.name}({call.arguments})" for call in choice.tool_calls]


def _markdown(piece: Piece, style: str) -> RenderableType:
    from rich.markdown import Markdown

    tokens = parser().parse(piece.source)
    if piece.start is not None and tokens and tokens[0].type == "ordered_list_open":
        tokens[0].attrs["start"] = piece.start
    # rich's own parser would read formulas as Markdown and drop their backslashes.
    markdown = Markdown("", hyperlinks=False, style=style)
    markdown.parsed = list(_for_rich(tokens))
    return markdown


_DELIMITERS = {
    "display": ("$$", "$$"),
    "dollar": ("$", "$"),
    "paren": (r"\(", r"\)"),
    "bracket": (r"\[", r"\]"),
    "matrix": ("", ""),
    "environment": ("", ""),
}


def _for_rich(tokens: Iterable[Token]) -> Iterator[Token]:
    """Tokens that rich knows: formulas and raised text as their source, images with their address."""
    for token in tokens:
        if token.type == "formula":
            before, after = _DELIMITERS[token.markup]
            yield token.copy(type="text", content=f"{before}{token.content}{after}")
        elif token.type == "formula_block":
            yield token.copy(type="fence", tag="code", info="latex", content=token.content + "\n")
        elif token.type == "image":
            yield token.copy(type="text", content=f"🖼 {token.content} ({token.attrGet('src')})", children=None)
        elif token.tag in ("sub", "sup"):
            yield token.copy(type="text", tag="", nesting=0, content=token.markup)
        elif token.children:
            yield token.copy(children=list(_for_rich(token.children)))
        else:
            yield token
