"""Random answers in random dialects, mangled in random documented ways: nothing of them is lost in silence.

    python -m tests.wire.manglings                          # 100,000 runs; about five minutes on one core
    python -m tests.wire.manglings --runs 2000 --seed 7
    python -m tests.wire.manglings --show 7:1234            # the bytes and the outcome of one run

A run makes an answer (text, reasoning, tool calls, usage), spells it as one of many servers would, damages it in up to
three ways that public issues describe, cuts the bytes anywhere, and asks what the decoder made of it:

- manglings that lose nothing: the whole answer is there, with its end and its usage;
- manglings that lose something: either the whole answer is there, or it is not `complete` and says why, and every
  piece that can still be read is kept, in order.

Text and reasoning are of different alphabets, so that a mix-up of the two shows.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from wcode_jupyter.errors import WcodeError
from wcode_jupyter.reply import Reply
from wcode_jupyter.request.messages import Protocol

from .outcome import Outcome, decoded
from .stream_tools import request

__all__ = ["Case", "case", "violations"]

# What answers hold, the awkward included; of reasoning's characters (digits, Greek) none may come up in the text.
_TEXT = (
    "ha", "ha", " ha", "Hello", ", ", "world", ".\n", "\n\n", "你好", "，世界", "🌍", "a" * 60, '"', "\\", "\\n", "{",
    "}", "data: ", "data: {", "}\n\n", "[DONE]", "\u2028", "\u0085", "\t", "<b>", "`x`", "null",
    ": keep-alive", "é", " ",
)  # fmt: skip
_REASONING = ("12", "12", " 34", "αβγ", "。5\n", "6", "δ")
_FOREIGN = set("0123456789αβγδ")
_BLANKS = " \t\r\n"
_BOM = b"\xef\xbb\xbf"

Event = dict[str, Any]


@dataclass
class Frame:
    """One event of the stream: what stands before its JSON, the JSON, what stands behind it, and what it says."""

    payload: bytes
    head: bytes = b"data: "
    tail: bytes = b"\n\n"
    text: str = ""
    role: str = ""
    """usage, finish, done, noise, or what it carries: text, reasoning, call, tag."""
    lost: bool = False
    touched: bool = False
    """Whether a mangling has changed its frame already: no second one does."""

    @property
    def bytes(self) -> bytes:
        return self.head + self.payload + self.tail


@dataclass
class Answer:
    """What the model said."""

    pieces: list[tuple[str, str]] = field(default_factory=list)
    """("reasoning" or "text", piece), in order."""
    calls: list[tuple[str, Event]] = field(default_factory=list)
    usage: tuple[int, int] | None = None
    finish: str = "stop"

    def said(self, kind: str) -> str:
        """All pieces of a kind."""
        return "".join(piece for own, piece in self.pieces if own == kind)


@dataclass
class Case:
    """One run: the answer, the bytes that came of it in pieces, and what was done to them."""

    answer: Answer
    form: Protocol
    frames: list[Frame]
    pieces: list[bytes]
    manglings: list[str]
    undecidable: bool = False
    """Whether the bytes end between two events after a finish reason that came early: nothing tells of the rest."""

    @property
    def text(self) -> str:
        """The right text."""
        return self.shown(self.answer.said("text"))

    def shown(self, text: str) -> str:
        """`text` as it is compared: blanks between a closing tag and the answer belong to neither."""
        return text.lstrip(_BLANKS) if self.has_tags else text

    @property
    def has_tags(self) -> bool:
        """Whether the reasoning is in the text, between tags."""
        return any(frame.role == "tag" for frame in self.frames)

    @property
    def lost_a_tag(self) -> bool:
        """Whether one of the tags around inline reasoning cannot be read."""
        return any(frame.role == "tag" and frame.lost for frame in self.frames)

    def kept(self) -> list[str]:
        """The pieces of the text that can be read."""
        if self.lost_a_tag:
            return []
        pieces = [frame.text for frame in self.frames if frame.role == "text" and not frame.lost]
        while pieces and self.has_tags and pieces[0] != pieces[0].lstrip(_BLANKS):
            pieces[0] = pieces[0].lstrip(_BLANKS)
            pieces = pieces if pieces[0] else pieces[1:]
        return pieces


def case(seed: str) -> Case:
    """The run of a seed: always the same."""
    rng = random.Random(seed)
    answer = _answer(rng)
    form: Protocol = rng.choice(["openai", "openai", "anthropic"])
    frames = _openai(rng, answer) if form == "openai" else _anthropic(rng, answer)
    _dress(rng, frames)
    chosen = rng.sample(MANGLINGS, rng.choice([0, 1, 1, 2, 2, 3]))
    names = [mangle.__name__.strip("_") for mangle in chosen if mangle(rng, frames, answer, form)]
    made = Case(answer, form, frames, [], names)
    data = b"".join(frame.bytes for frame in frames)
    if rng.random() < 0.05:
        frames[0].head = _BOM + frames[0].head
        data = _BOM + data
    if rng.random() < 0.1:
        data = _truncated(rng, made)
    made.pieces = _in_pieces(rng, data)
    return made


def _answer(rng: random.Random) -> Answer:
    answer = Answer()
    thought = [rng.choice(_REASONING) for _ in range(rng.choice([0, 0, 1, 3, 8]))]
    answer.pieces += [("reasoning", piece) for piece in thought]
    answer.pieces += [("text", rng.choice(_TEXT)) for _ in range(rng.choice([1, 2, 4, 8, 20]))]
    # An answer of blanks alone is no answer: let one word be in it.
    answer.pieces.append(("text", "end"))
    if rng.random() < 0.25:
        answer.calls = [
            (rng.choice(["add", "look_up"]), {"a": rng.choice([1, "x", '"{', "你", [1, {"b": None}]]), "n": n})
            for n in range(rng.choice([1, 1, 2]))
        ]
    answer.usage = rng.choice([None, (9, 6), (100_000, 50_000)])
    answer.finish = "tool_calls" if answer.calls else rng.choice(["stop", "stop", "length"])
    return answer


# -- dialects ---------------------------------------------------------------------------------------------------------


def _openai(rng: random.Random, answer: Answer) -> list[Frame]:
    dumps = _spelling(rng)
    names = rng.choice([("reasoning_content",), ("reasoning",), ("reasoning", "reasoning_content")])
    tags = rng.random() < 0.2 and bool(answer.said("reasoning"))
    counts = _chat_counts(answer)
    where = rng.choice(["end", "finish", "every"]) if counts else ""
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    if rng.random() < 0.3:
        head = {"id": "c1"}

    def chunk(role: str, delta: Event, reason: str | None = None, **more: Any) -> Frame:
        usage = {"usage": counts} if where == "every" else {}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return Frame(dumps({**head, "choices": [choice], **usage, **more}), role=role)

    frames = [chunk("noise", {"role": "assistant", "content": rng.choice(["", None])})] if rng.random() < 0.8 else []
    before = ""
    for kind, piece in answer.pieces:
        if tags and kind != before:
            mark = "<think>" if kind == "reasoning" else "</think>"
            frames.append(chunk("tag", {"content": mark}))
        before = kind
        if kind == "text" or tags:
            frames.append(replace(chunk(kind, {"content": piece}), text=piece))
        else:
            frames.append(replace(chunk(kind, dict.fromkeys(names, piece)), text=piece))
    for index, (name, arguments) in enumerate(answer.calls):
        written = json.dumps(arguments, ensure_ascii=False)
        start = {"index": index, "id": f"call_{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        frames.append(chunk("call", {"tool_calls": [start]}))
        at = rng.randrange(len(written))
        frames += [
            chunk("call", {"tool_calls": [{"index": index, "function": {"arguments": half}}]})
            for half in (written[:at], written[at:])
        ]
    frames.append(chunk("finish", {}, answer.finish, **({"usage": counts} if where == "finish" else {})))
    if where == "end":
        frames.append(Frame(dumps({**head, "choices": [], "usage": counts}), role="usage"))
    if rng.random() < 0.8:
        frames.append(Frame(b"[DONE]", role="done"))
    return frames


def _chat_counts(answer: Answer) -> Event | None:
    if answer.usage is None:
        return None
    read, said = answer.usage
    return {"prompt_tokens": read, "completion_tokens": said, "total_tokens": read + said}


_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def _anthropic(rng: random.Random, answer: Answer) -> list[Frame]:
    dumps = _spelling(rng)
    named = rng.random() < 0.8

    def event(kind: str, role: str = "noise", **fields: Any) -> Frame:
        head = f"event: {kind}\ndata: " if named else "data: "
        return Frame(dumps({"type": kind, **fields}), head=head.encode(), role=role)

    read, said = answer.usage or (0, 0)
    counts = {"usage": {"input_tokens": read, "output_tokens": 0}} if answer.usage else {}
    frames = [event("message_start", "usage", message={"id": "m1", "model": "m", "content": [], **counts})]
    index = -1
    before = ""
    for kind, piece in answer.pieces:
        block, name = ("thinking", "thinking") if kind == "reasoning" else ("text", "text")
        if kind != before:
            frames += [event("content_block_stop", index=index)] if index >= 0 else []
            index += 1
            frames.append(event("content_block_start", index=index, content_block={"type": block, name: ""}))
        before = kind
        delta = {"type": f"{block}_delta", name: piece}
        frames.append(replace(event("content_block_delta", kind, index=index, delta=delta), text=piece))
    frames.append(event("content_block_stop", index=index))
    for number, (name, arguments) in enumerate(answer.calls):
        index += 1
        block_ = {"type": "tool_use", "id": f"call_{number}", "name": name, "input": {}}
        frames.append(event("content_block_start", "call", index=index, content_block=block_))
        written = json.dumps(arguments, ensure_ascii=False)
        at = rng.randrange(len(written))
        for half in (written[:at], written[at:]):
            delta = {"type": "input_json_delta", "partial_json": half}
            frames.append(event("content_block_delta", "call", index=index, delta=delta))
        frames.append(event("content_block_stop", index=index))
    ended = {"stop_reason": _STOP_REASONS[answer.finish], "stop_sequence": None}
    counts = {"usage": {"output_tokens": said}} if answer.usage else {}
    frames += [event("message_delta", "finish", delta=ended, **counts), event("message_stop", "done")]
    return frames


def _spelling(rng: random.Random) -> Callable[[Event], bytes]:
    ascii_, tight = rng.random() < 0.3, rng.random() < 0.5
    separators = (",", ":") if tight else (", ", ": ")
    return lambda value: json.dumps(value, ensure_ascii=ascii_, separators=separators).encode()


def _dress(rng: random.Random, frames: list[Frame]) -> None:
    """Line ends, the space after the colon, event ids."""
    end = rng.choice([b"\n", b"\n", b"\n", b"\r\n", b"\r"])
    tight = rng.random() < 0.2
    ids = rng.random() < 0.1
    for number, frame in enumerate(frames):
        frame.head = frame.head.replace(b"\n", end)
        frame.head = frame.head.replace(b": ", b":") if tight else frame.head
        frame.head = b"id: %d" % number + end + frame.head if ids else frame.head
        frame.tail = end * 2


# -- manglings that lose nothing --------------------------------------------------------------------------------------

Mangling = Callable[[random.Random, list[Frame], Answer, Protocol], bool]
"""Changes the frames; False where there was nothing to change."""


def _no_blank_lines(_rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """rexxars/eventsource-parser#31."""
    for frame in frames:
        _drop_blank_line(frame)
    return True


def _some_blank_lines_dropped(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """rexxars/eventsource-parser#31."""
    for frame in rng.sample(frames, min(3, len(frames))):
        _drop_blank_line(frame)
    return True


def _drop_blank_line(frame: Frame) -> None:
    if not frame.touched and frame.tail in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        frame.tail = frame.tail[: len(frame.tail) // 2]


def _two_events_on_a_line(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """supabase/supabase#20706, zai-org/GLM-5#66."""
    return _glued(rng, frames, b"data: ")


def _two_objects_on_a_line(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """danny-avila/LibreChat#4820."""
    return _glued(rng, frames, b"")


def _glued(rng: random.Random, frames: list[Frame], head: bytes) -> bool:
    at = _untouched_pair(rng, frames)
    if at is None or frames[at].role == "done" or (not head and frames[at + 1].role == "done"):
        return False
    first, second = frames[at : at + 2]
    first.tail, second.head = b"", head
    first.touched = second.touched = True
    return True


def _stray_prefix(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """mnfst/llm-gateway#2053."""
    frame = rng.choice(frames)
    if frame.touched or frame.role == "done":
        return False
    frame.payload, frame.touched = b"data: " + frame.payload, True
    return True


_KEEP_ALIVES = (
    b": keep-alive\n\n", b": OPENROUTER PROCESSING\n\n", b":\n\n", b": ping - 2\n", b"data: : keepalive\n\n",
    b"data: null\n\n", b"data: ping\n\n", b"data:\n\n", b"data: {}\n\n", b"event: keepalive\n\n",
    b'data: {"type": "ping"}\n\n', b'event: ping\ndata: {"type": "ping"}\n\n', b'data: {"msg": "keep-alive"}\n\n',
)  # fmt: skip


def _keep_alives(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """Portkey-AI/gateway#1035, anomalyco/opencode#50871, Kilo-Org/kilocode#3083, netease-lcap/wave-agent#1326."""
    for _ in range(rng.choice([1, 2, 5])):
        at = rng.randrange(len(frames))
        if _is_free(frames, at):
            frames.insert(at, Frame(b"", b"", rng.choice(_KEEP_ALIVES), role="noise", touched=True))
    return True


def _empty_chunks(rng: random.Random, frames: list[Frame], _answer: Answer, form: Protocol) -> bool:
    """diegosouzapw/OmniRoute#7136."""
    at = rng.randrange(len(frames))
    if form != "openai" or not _is_free(frames, at):
        return False
    empty = rng.choice([b'{"id":"c1","choices":[]}', b'{"choices":[{"index":0,"delta":{},"finish_reason":null}]}'])
    frames.insert(at, Frame(empty, role="noise", touched=True))
    return True


def _early_finish(rng: random.Random, frames: list[Frame], answer: Answer, form: Protocol) -> bool:
    """lhenault/simpleAI#39, suhaibbinyounis/github-copilot-api-vscode#100."""
    if form != "openai" or answer.calls:
        return False
    told = [
        frame for frame in frames if frame.role in ("text", "noise", "reasoning") and b"finish_reason" in frame.payload
    ]
    for frame in told if rng.random() < 0.5 else told[:1]:
        value = json.loads(frame.payload) if not frame.touched else {}
        if value.get("choices"):
            value["choices"][0]["finish_reason"] = "stop"
            frame.payload = json.dumps(value, ensure_ascii=False).encode()
    return bool(told)


def _usage_elsewhere(rng: random.Random, frames: list[Frame], _answer: Answer, form: Protocol) -> bool:
    """openai/openai-agents-python#2126."""
    found = [frame for frame in frames if frame.role == "usage" and not frame.touched]
    if form != "openai" or not found:
        return False
    frames.remove(found[0])
    at = rng.randrange(1 + min(at for at, frame in enumerate(frames) if frame.role in ("finish", "done")))
    frames.insert(at if _is_free(frames, at) else 0, found[0])
    return True


def _zeros_last(_rng: random.Random, frames: list[Frame], answer: Answer, form: Protocol) -> bool:
    """topcheer/ggcode#1286."""
    if form != "openai" or answer.usage is None:
        return False
    zeros = b'{"id":"c1","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}'
    frames.insert(-1 if frames[-1].role == "done" else len(frames), Frame(zeros, role="noise", touched=True))
    return _is_whole(frames)


def _end_twice(_rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """decolua/9router#3492."""
    if frames[-1].touched:
        return False
    frames.append(replace(frames[-1]))
    return True


def _text_again(_rng: random.Random, frames: list[Frame], answer: Answer, form: Protocol) -> bool:
    """0xPlaygrounds/rig#2191: the last chunk holds the whole message."""
    found = [frame for frame in frames if frame.role == "finish" and not frame.touched]
    if form != "openai" or answer.calls or not found or any(b"<think>" in frame.payload for frame in frames):
        return False
    message = {"role": "assistant", "content": answer.said("text")}
    choice = {"index": 0, "message": message, "finish_reason": answer.finish}
    found[0].payload = json.dumps({**json.loads(found[0].payload), "choices": [choice]}, ensure_ascii=False).encode()
    return True


# -- manglings that lose something ------------------------------------------------------------------------------------


def _torn_and_glued(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """zai-org/GLM-5#66, Kilo-Org/kilocode#9432: half an event, then a whole one on the same line."""
    at = _untouched_pair(rng, frames)
    if at is None or frames[at].role == "done":
        return False
    torn, following = frames[at : at + 2]
    torn.payload, torn.tail = _half(rng, torn), b""
    following.head = b"data: "
    torn.lost = torn.touched = following.touched = True
    return True


def _torn(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """Kilo-Org/kilocode#9432: half an event, with its end."""
    frame = rng.choice(frames)
    if frame.touched or frame.role == "done":
        return False
    frame.payload = _half(rng, frame)
    frame.lost = frame.touched = True
    return True


def _hole(rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """james-6-23/codex2api#696: a keep-alive inside of an event."""
    frame = rng.choice(frames)
    if frame.touched or frame.role == "done":
        return False
    at = rng.randrange(1, len(frame.payload))
    frame.payload = frame.payload[:at] + b": keepalive\n\n" + frame.payload[at:]
    frame.lost = frame.touched = True
    return True


def _half(rng: random.Random, frame: Frame) -> bytes:
    return frame.payload[: rng.randrange(1, len(frame.payload))]


def _no_end(_rng: random.Random, frames: list[Frame], _answer: Answer, _form: Protocol) -> bool:
    """anomalyco/opencode#44385: neither reason nor end."""
    if not _is_whole(frames):
        return False
    for frame in [frame for frame in frames if frame.role in ("finish", "done", "usage") and not frame.touched]:
        frame.head = frame.payload = frame.tail = b""
        frame.lost = frame.touched = True
    return True


def _truncated(rng: random.Random, made: Case) -> bytes:
    """BerriAI/litellm#32159: the bytes end anywhere."""
    data = b"".join(frame.bytes for frame in made.frames)
    at = rng.randrange(1, len(data))
    inside = False
    end = 0
    for frame in made.frames:
        begin, end = end + len(frame.head), end + len(frame.head + frame.payload)
        inside = inside or begin < at < end
        frame.lost = frame.lost or end > at
        end += len(frame.tail)
    made.undecidable = not inside and "early_finish" in made.manglings
    made.manglings.append("truncated")
    return data[:at]


MANGLINGS: list[Mangling] = [
    _no_blank_lines, _some_blank_lines_dropped, _two_events_on_a_line, _two_objects_on_a_line, _stray_prefix,
    _keep_alives, _empty_chunks, _early_finish, _usage_elsewhere, _zeros_last, _end_twice, _text_again,
    _torn_and_glued, _torn, _hole, _no_end,
]  # fmt: skip


def _untouched_pair(rng: random.Random, frames: list[Frame]) -> int | None:
    found = [
        at for at, (first, second) in enumerate(itertools.pairwise(frames)) if not (first.touched or second.touched)
    ]
    return rng.choice(found) if found else None


def _is_free(frames: list[Frame], at: int) -> bool:
    """Whether an event may come in at `at`: a whole line ends before it, and an event."""
    return at == 0 or (not frames[at - 1].touched and len(frames[at - 1].tail.replace(b"\r\n", b"\n")) == 2)


def _is_whole(frames: list[Frame]) -> bool:
    return not any(frame.lost or (frame.touched and frame.role == "finish") for frame in frames)


def _in_pieces(rng: random.Random, data: bytes) -> list[bytes]:
    size = rng.choice([1, 7, 50, 400, len(data) + 1])
    pieces = []
    while data:
        cut = rng.randrange(1, size + 1)
        pieces.append(data[:cut])
        data = data[cut:]
    return pieces


# -- what must hold ---------------------------------------------------------------------------------------------------


def violations(made: Case, outcome: Outcome) -> list[str]:
    """What is wrong with an outcome; empty when nothing is."""
    reply, error = outcome
    if made.undecidable:
        return []
    # Without a tag nobody can tell where the reasoning ends, but only that something is missing.
    wrong = [] if made.lost_a_tag and (error or reply.notices) else list(_mixed(made, reply))
    text, right = made.shown(reply.text), made.text
    complete = reply.ended in ("complete", "length")
    if text != right:
        if complete:
            wrong.append(f"lost in silence: {text!r} of {right!r} is {reply.ended}")
        elif not (error or reply.notices):
            wrong.append(f"{reply.ended} without a word")
        if not _in_order(made.kept(), text):
            wrong.append(f"readable pieces lost: {text!r} of {made.kept()!r}")
    if complete and _calls(reply) != [list(call) for call in made.answer.calls]:
        wrong.append(f"calls: {_calls(reply)} instead of {made.answer.calls}")
    if not any(frame.lost for frame in made.frames):
        wrong += _unharmed(made, reply, error)
    return wrong


def _mixed(made: Case, reply: Reply) -> Iterator[str]:
    if _FOREIGN & set(reply.text):
        yield f"reasoning in the text: {reply.text!r}"
    right = made.answer.said("reasoning")
    if set(reply.reasoning) - set(right):
        yield f"text in the reasoning: {reply.reasoning!r}"
    silent = reply.ended in ("complete", "length") and not reply.notices
    if silent and reply.reasoning != right.strip():
        yield f"reasoning {reply.reasoning!r} instead of {right!r}"


def _unharmed(made: Case, reply: Reply, error: WcodeError | None) -> Iterator[str]:
    """An answer of which nothing was lost: its end and its usage, too."""
    if made.shown(reply.text) != made.text:
        yield f"text {reply.text!r}, though nothing was lost"
    ended = "length" if made.answer.finish == "length" else "complete"
    if reply.ended != ended:
        yield f"{reply.ended} instead of {ended}: {error}"
    usage = None if reply.usage is None else (reply.usage.input_tokens, reply.usage.output_tokens)
    if usage != made.answer.usage:
        yield f"usage {usage} instead of {made.answer.usage}"
    if set(made.manglings) <= {"keep_alives", "empty_chunks"} and reply.notices:
        yield f"notices without a reason: {reply.notices}"


def _calls(reply: Reply) -> list[list[Any]]:
    found: list[list[Any]] = []
    for call in reply.tool_calls:
        try:
            found.append([call.name, json.loads(call.arguments)])
        except ValueError:
            found.append([call.name, call.arguments])
    return found


def _in_order(kept: list[str], text: str) -> bool:
    """Whether every kept piece is in `text`, one after the other."""
    at = 0
    for piece in kept:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def check(seed: str) -> tuple[Case, Outcome | None, list[str]]:
    """One run: the case, what came of it, and what is wrong with that."""
    made = case(seed)
    try:
        outcome = decoded(request(made.form), made.pieces)
    except Exception as error:
        return made, None, [f"raised {type(error).__name__}: {error}"]
    return made, outcome, violations(made, outcome)


def main(arguments: list[str]) -> int:
    """Runs and reports; 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.wire.manglings")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--show", help="seed:number of one run")
    asked = parser.parse_args(arguments)
    if asked.show:
        made, outcome, wrong = check(asked.show)
        print(made.form, made.manglings, made.answer, sep="\n")
        print(b"".join(made.pieces).decode(errors="replace"))
        if outcome:
            print(outcome[0].ended, repr(outcome[0].text), repr(outcome[0].reasoning), outcome[0].notices, outcome[1])
        print(*wrong, sep="\n")
        return bool(wrong)
    kinds: Counter[tuple[str, ...]] = Counter()
    for number in range(asked.runs):
        made, _outcome, wrong = check(f"{asked.seed}:{number}")
        if wrong:
            kind = (made.form, *sorted(made.manglings))
            kinds[kind] += 1
            if kinds[kind] <= 2:
                print(f"{asked.seed}:{number} {' '.join(kind)}: {wrong[0]}", flush=True)
    print(f"{asked.runs} runs, {sum(kinds.values())} violations")
    for kind, count in kinds.most_common(40):
        print(f"{count:7} {' '.join(kind)}")
    return bool(kinds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
