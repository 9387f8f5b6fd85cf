"""The table of gateway dialects: what servers really send, and what is right to make of it.

The rows are in `dialects/*.toml`. Each has a `name`, its public `source` (`owner/repo#number`), the bytes in the little
language below, and the right result, written by hand from the rules and never from the code:

    text, reasoning     "" unless given; outer white space of the reasoning does not matter
    calls               [[name, arguments], …] of the tool calls
    usage               [input tokens, output tokens]; nothing: unknown
    ended               "complete" unless given; "any": not told
    finish              the reply's finish reason, where it matters
    error               words of the server that the error must hold
    notices             "none" (the default), "some" or "any"
    requests            how often the server is asked (over HTTP)
    or                  another result that is as good

    form, type          "openai" and "text/event-stream" unless given
    stream              false: a whole answer was asked for
    separator, prefix   "\\n\\n" and "data: " unless given
    slow                true: its pauses are the point; they are kept over HTTP

A line of `sent` is one event or some bytes:

    role, text "…", think "…", delta {…}        chunks of the OpenAI form; choice {…} and chunk {…} with further fields
    end REASON, usage IN OUT, done              their end
    start, open N text|thinking|{…}, say N "…", close N, stop REASON OUT, bye, event NAME {…}      the Anthropic form
    data …                                      an event of these very words
    raw "…", hex …                              bytes
    pause SECONDS
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from wcode_jupyter.request.messages import Protocol

__all__ = ["FOLDER", "Result", "Row", "cuts", "rows"]

FOLDER = Path(__file__).with_suffix("")


@dataclass(frozen=True)
class Result:
    """What is right."""

    text: str = ""
    reasoning: str = ""
    calls: list[list[Any]] = field(default_factory=list)
    usage: list[int] | None = None
    ended: str = "complete"
    finish: str | None = None
    error: str = ""
    notices: str = "none"


@dataclass(frozen=True)
class Row:
    """One dialect."""

    name: str
    source: str
    theme: str
    """The file it stands in."""
    form: Protocol
    type: str
    stream: bool
    slow: bool
    sent: tuple[bytes | float, ...]
    """Pieces, and pauses in seconds between them."""
    results: tuple[Result, ...]
    """The right result, and others that are as good."""
    requests: int | None

    def __str__(self) -> str:
        return f"{self.theme}: {self.name}"

    @property
    def bytes(self) -> bytes:
        """All of it, without the pauses."""
        return b"".join(piece for piece in self.sent if isinstance(piece, bytes))


def rows() -> list[Row]:
    """All rows, in the order of the files' names."""
    found = []
    for path in sorted(FOLDER.glob("*.toml")):
        found += [_row(path.stem, dict(sent)) for sent in tomllib.loads(path.read_text("utf-8"))["row"]]
    return found


def _row(theme: str, sent: dict[str, Any]) -> Row:
    spoken = _Spoken(sent.pop("prefix", "data: "), sent.pop("separator", "\n\n"))
    pieces = tuple(spoken.line(line) for line in sent.pop("sent").splitlines() if line)
    others = [Result(**{"usage": sent.get("usage"), **sent.pop("or")})] if "or" in sent else []
    own = {
        "name": sent.pop("name"),
        "source": sent.pop("source"),
        "form": sent.pop("form", "openai"),
        "type": sent.pop("type", "text/event-stream"),
        "stream": sent.pop("stream", True),
        "slow": sent.pop("slow", False),
        "requests": sent.pop("requests", None),
    }
    return Row(theme=theme, sent=pieces, results=(Result(**sent), *others), **own)


class _Spoken:
    """The little language."""

    def __init__(self, prefix: str, separator: str) -> None:
        self.prefix = prefix
        self.separator = separator

    def line(self, line: str) -> bytes | float:
        word, _, rest = line.partition(" ")
        return self.WORDS[word](self, rest)

    def event(self, text: str, name: str = "") -> bytes:
        end = self.separator[: len(self.separator) // 2] or "\n"
        head = f"event:{self.prefix[5:]}{name}{end}" if name else ""
        return f"{head}{self.prefix}{text}{self.separator}".encode()

    def chunk(self, rest: str) -> bytes:
        return self._chunk(json.loads(rest))

    def choice(self, rest: str) -> bytes:
        return self._choice(json.loads(rest))

    def delta(self, rest: str) -> bytes:
        return self._choice({"delta": json.loads(rest)})

    def role(self, _rest: str) -> bytes:
        return self._choice({"delta": {"role": "assistant", "content": ""}})

    def text(self, rest: str) -> bytes:
        return self._choice({"delta": {"content": json.loads(rest)}})

    def think(self, rest: str) -> bytes:
        return self._choice({"delta": {"reasoning_content": json.loads(rest)}})

    def end(self, rest: str) -> bytes:
        return self._choice({"finish_reason": rest})

    def usage(self, rest: str) -> bytes:
        read, said = map(int, rest.split())
        counts = {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}
        return self._chunk({"choices": [], "usage": counts})

    def done(self, _rest: str) -> bytes:
        return self.event("[DONE]")

    def raw(self, rest: str) -> bytes:
        return str(json.loads(rest)).encode()

    def named(self, rest: str) -> bytes:
        name, _, fields = rest.partition(" ")
        return self._event(name, **json.loads(fields))

    def start(self, _rest: str) -> bytes:
        message = {"id": "m1", "model": "m", "content": [], "usage": {"input_tokens": 9, "output_tokens": 0}}
        return self._event("message_start", message=message)

    def open(self, rest: str) -> bytes:
        number, _, block = rest.partition(" ")
        value = json.loads(block) if block.startswith("{") else {"type": block, block: ""}
        return self._event("content_block_start", index=int(number), content_block=value)

    def say(self, rest: str) -> bytes:
        number, _, text = rest.partition(" ")
        delta = {"type": "text_delta", "text": json.loads(text)}
        return self._event("content_block_delta", index=int(number), delta=delta)

    def close(self, rest: str) -> bytes:
        return self._event("content_block_stop", index=int(rest))

    def stop(self, rest: str) -> bytes:
        reason, said = rest.split()
        return self._event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": int(said)})

    def bye(self, _rest: str) -> bytes:
        return self._event("message_stop")

    def _chunk(self, fields: dict[str, Any]) -> bytes:
        head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        return self.event(json.dumps(head | fields, ensure_ascii=False))

    def _choice(self, fields: dict[str, Any]) -> bytes:
        return self._chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": None} | fields]})

    def _event(self, name: str, **fields: Any) -> bytes:
        return self.event(json.dumps({"type": name, **fields}, ensure_ascii=False), name)

    WORDS: ClassVar[dict[str, Callable[[_Spoken, str], bytes | float]]] = {
        **{word.__name__: word for word in (chunk, choice, delta, role, text, think, end, usage, done, raw)},
        **{word.__name__: word for word in (start, open, say, close, stop, bye)},
        "event": named,
        "data": event,
        "hex": lambda _self, rest: bytes.fromhex(rest),
        "pause": lambda _self, rest: float(rest),
    }


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Every way to cut `data` in two."""
    return ([data[:at], data[at:]] for at in range(1, len(data)))
