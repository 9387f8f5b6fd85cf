"""What it costs to show an answer in a notebook: bytes on the output channel, CPU, size of the saved output.

    python -m tests.benchmarks.bench_display

The stream is simulated at 100 tokens a second: the clock is a number, so 400 s of answer take a few seconds here. The
messages are real: ipykernel's own publisher builds, signs and serialises them and hands the parts to a socket that
counts them. CPU is this process's, rendering and publishing together; the kernel's flush of stdout is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import nbformat
from nbformat import v4

from wcode_jupyter.display.answer import bundle, wrap
from wcode_jupyter.display.markdown import render
from wcode_jupyter.display.notebook import NotebookView
from wcode_jupyter.reply.events import TextDelta, Usage
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message, Request

TOKEN = 4
"""Characters of a token."""
RATE = 100
"""Tokens a second."""


class Socket:
    """Counts what is sent."""

    def __init__(self) -> None:
        self.bytes = self.messages = 0

    def send_multipart(self, parts: list[bytes], *_args: Any, **_more: Any) -> None:
        self.bytes += sum(len(part) for part in parts)
        self.messages += 1


def publisher(socket: Socket) -> Any:
    """ipykernel's publisher on a counting socket."""
    from ipykernel.zmqshell import ZMQDisplayPublisher
    from jupyter_client.session import Session

    return ZMQDisplayPublisher(session=Session(key=b"benchmark"), pub_socket=socket)


class FullUpdates:
    """For comparison: the whole growing text in one updated output, 15 times a second."""

    def __init__(self, channel: Any, clock: Callable[[], float]) -> None:
        self._channel, self._clock = channel, clock
        self._text, self._last_s, self._update = "", float("-inf"), False

    def feed(self, events: list[Any]) -> None:
        self._text += "".join(event.text for event in events)

    def tick(self) -> None:
        if self._clock() - self._last_s < 1 / 15:
            return
        self._last_s = self._clock()
        data = {"text/html": wrap(render(self._text)), "text/plain": self._text}
        self._channel.publish(data, {}, transient={"display_id": "one"}, update=self._update)
        self._update = True

    def finish(self, _reply: Any) -> None:
        self._last_s = float("-inf")
        self.tick()


def _notebook(data: dict[str, Any], metadata: dict[str, Any]) -> Any:
    output = v4.new_output("display_data", data, metadata=metadata)
    return v4.new_notebook(cells=[v4.new_code_cell(outputs=[output], id="cell")])


class Figures(NamedTuple):
    """One run."""

    source: int
    sent: int
    messages: int
    cpu_s: float
    saved: int
    longest_gap_s: float


def run(text: str, make: Callable[[Any, Callable[[], float]], Any]) -> Figures:
    """Streams `text` through a view."""
    now = [0.0]
    socket = Socket()
    channel = publisher(socket)
    view = make(channel, lambda: now[0])
    builder = ReplyBuilder(Request(model="z-ai/glm-5", messages=(Message("user", "?"),)))
    builder.apply(TextDelta(text))
    builder.apply(Usage(input_tokens=10, output_tokens=len(text) // TOKEN))
    reply = builder.reply(total_s=len(text) / TOKEN / RATE)
    gap_s = last_s = 0.0
    began = time.process_time()
    for number, position in enumerate(range(0, len(text), TOKEN)):
        now[0] = number / RATE
        view.feed([TextDelta(text[position : position + TOKEN])])
        before = socket.messages
        view.tick()
        if socket.messages > before:
            gap_s, last_s = max(gap_s, now[0] - last_s), now[0]
    view.finish(reply)
    cpu_s = time.process_time() - began
    data, metadata = bundle(reply)
    saved = len(nbformat.writes(_notebook(data, metadata)).encode()) - len(nbformat.writes(_notebook({}, {})).encode())
    return Figures(len(text.encode()), socket.bytes, socket.messages, cpu_s, saved, gap_s)


_CHAPTER = r"""## Chapter {n}: how 模型 learn

A language model reads **tokens**, not words: `token_{n}` costs about $5 or ¥0.003806, and the loss is
$L_{{{n}}} = -\sum_i \log p_\theta(x_i \mid x_{{<i}})$. See [the notes](https://example.org/notes/{n}) for more.
这是一个关于语言模型的段落，说明了温度、采样与推理之间的关系，以及为什么价格是按词元计算的。

What matters here is not the size of the model but the care with which its data were chosen. Read a hundred rows by
hand before you train on a million: most of what goes wrong later can be seen there, in a quiet hour, for nothing. Then
write down what you expect, so that the result can surprise you.

1. Prepare the data, and look at it before anything else
2. Train for {n} epochs
   - with a small learning rate
   - and with *early stopping*
3. Evaluate

```python
def evaluate(model, rows, seed={n}):
    # one row at a time: the answers must not see each other
    scores = [model.score(row["question"], expected=row["answer"]) for row in rows]
    return {{"mean": sum(scores) / len(scores), "seed": seed, "note": "chapter {n}"}}
```

| model | price in | price out | context |
|:--|--:|--:|--:|
| GLM 5 | 0.011 | 0.035 | 200000 |
| Step 3.5 Flash | 0.0012 | 0.0035 | 256000 |

$$
\nabla_\theta J = \mathbb{{E}}_{{\tau}} \left[ \sum_{{t=0}}^{{{n}}} \nabla_\theta \log \pi_\theta(a_t \mid s_t) \right]
$$

> The longest part of an answer is often prose. Prose runs on for a few hundred characters without a line end, as models
> write it, and then a blank line follows.

"""


def mixed(size: int) -> str:
    """A Markdown answer of about `size` bytes: prose, lists, code, tables, formulas, Chinese."""
    chapters: list[str] = []
    total = 0
    while total < size:
        chapters.append(_CHAPTER.format(n=len(chapters) + 1))
        total += len(chapters[-1].encode())
    return "".join(chapters)


ANSWERS: dict[str, Callable[[int], str]] = {
    "mixed": mixed,
    "one fence": lambda size: "```python\n" + "total = sum(x * 2 for x in rows)  # ok\n" * (size // 40) + "```\n",
    "one paragraph": lambda size: "Prose that never ends, in one line. " * (size // 36),
    "one list": lambda size: "".join(f"{n}. item with `code` and some words\n" for n in range(1, size // 38)),
    "one table": lambda size: "| a | b |\n|---|---|\n" + "| some words | and more words |\n" * (size // 32),
    "a list item of code": lambda size: "- so:\n\n  ```python\n" + "  x = [1, 2, 3]  # code\n" * (size // 25),
    "tiny blocks": lambda size: "ab\n\n" * (size // 4),
}


def main() -> None:
    """Prints the figures."""
    print(f"{'answer':<22}{'KB':>5}{'sent MB':>9}{'messages':>10}{'CPU s':>8}{'saved/answer':>14}{'longest gap s':>15}")
    rows: dict[tuple[str, int], Figures] = {}
    for name, build in ANSWERS.items():
        for size in (16_000, 160_000):
            figures = rows[name, size] = run(build(size), lambda channel, clock: NotebookView(channel, clock=clock))
            print(_row(name, figures))
    for size in (16_000,):
        print(_row("mixed, full updates", run(mixed(size), FullUpdates)))
    small, large = rows["mixed", 16_000], rows["mixed", 160_000]
    for what in ("sent", "cpu_s"):
        ratio = (getattr(large, what) / large.source) / (getattr(small, what) / small.source)
        print(f"mixed, {what} per KB, 160 KB over 16 KB: {ratio:.2f}")


def _row(name: str, f: Figures) -> str:
    return (
        f"{name:<22}{f.source / 1000:>5.0f}{f.sent / 1e6:>9.2f}{f.messages:>10}{f.cpu_s:>8.2f}"
        f"{f.saved / f.source:>14.2f}{f.longest_gap_s:>15.2f}"
    )


if __name__ == "__main__":
    main()
