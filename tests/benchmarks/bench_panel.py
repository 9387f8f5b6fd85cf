"""What the panel costs: time to show it, bytes of a long answer, and what many panels leave behind.

    python -m tests.benchmarks.bench_panel

Messages are real: each comm message is built, signed and serialised as ipykernel does and then counted. The answer is
simulated at 100 tokens a second with a clock that is a number. CPU is this process's; times of the first panel are
those of a fresh process, ipywidgets' import included.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import comm
from comm.base_comm import BaseComm
from jupyter_client.session import Session

from tests.benchmarks.bench_display import ANSWERS, RATE, TOKEN
from wcode_jupyter.reply.events import TextDelta, Usage
from wcode_jupyter.reply.reply_builder import ReplyBuilder
from wcode_jupyter.request.messages import Message, Request


class Channel:
    """Counts what comms send."""

    def __init__(self) -> None:
        self.bytes = self.messages = 0
        self._session = Session(key=b"benchmark")

    def send(self, kind: str, content: dict[str, Any]) -> None:
        message = self._session.msg(kind, content)
        self.bytes += sum(map(len, self._session.serialize(message)))
        self.messages += 1


CHANNEL = Channel()


class CountedComm(BaseComm):
    """A comm to nobody."""

    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        CHANNEL.send(msg_type, {"data": data or {}, "comm_id": self.comm_id, **keys})


def first_panel() -> None:
    """In a fresh process: the panel shown, as the first thing after the magics were used."""
    bench, _folder = _bench()
    began = time.process_time()
    bench.panel("Hi", model="glm-5").show()
    print(f"{(time.process_time() - began) * 1000:.0f}")


def _bench() -> tuple[Any, Any]:
    # Imported here: a fresh process must not have imported ipywidgets before the clock starts.
    from wcode_jupyter.client import Client
    from wcode_jupyter.magics.commands.command import Context
    from wcode_jupyter.magics.commands.panel import cell_reader
    from wcode_jupyter.session.presets import Presets

    folder = TemporaryDirectory()
    client = Client(base_url="http://127.0.0.1:9/v1", api_key="sk-benchmark", log=False)
    client.prepare("warm", model="glm-5")

    class Bench:
        def __init__(self) -> None:
            from types import SimpleNamespace

            from IPython.core.events import EventManager, available_events

            self.shell: Any = SimpleNamespace(
                user_ns={}, kernel=None, display_pub=SimpleNamespace(publish=lambda *_a, **_k: None), push=dict.update
            )
            self.shell.events = EventManager(self.shell, available_events)

        def panel(self, prompt: str, **values: Any) -> Any:
            from wcode_jupyter.panel.panel import Panel
            from wcode_jupyter.panel.state import State

            presets = Presets(Path(folder.name) / "presets.toml")
            return Panel(
                self.shell,
                client,
                cell_reader(Context(self.shell, client)),
                presets,
                State(prompt=prompt, values=values),
            )

    return Bench(), folder


def answer(text: str) -> tuple[int, int, float]:
    """(bytes, messages, CPU seconds) of `text` in the panel's answer."""
    from wcode_jupyter.panel.answer import AnswerBox

    now = [0.0]
    box = AnswerBox(clock=lambda: now[0])
    builder = ReplyBuilder(Request(model="z-ai/glm-5", messages=(Message("user", "?"),)))
    builder.apply(TextDelta(text))
    builder.apply(Usage(input_tokens=10, output_tokens=len(text) // TOKEN))
    before, counted, began = CHANNEL.bytes, CHANNEL.messages, time.process_time()
    box.begin("z-ai/glm-5")
    for number, position in enumerate(range(0, len(text), TOKEN)):
        now[0] = number / RATE
        box.feed([TextDelta(text[position : position + TOKEN])])
        box.tick()
    box.finish(builder.reply(total_s=len(text) / TOKEN / RATE))
    return CHANNEL.bytes - before, CHANNEL.messages - counted, time.process_time() - began


MOVES = 50


def moved_ms() -> float:
    """CPU of one change of a control, until the cell that says it is sent."""
    bench, _folder = _bench()
    panel = bench.panel("Hi", model="glm-5", temperature=0.5)
    number = panel.parameters.fields["temperature"].control.fields[0]
    began = time.process_time()
    for step in range(MOVES):
        number.value = step / 100
    assert f"--temperature {(MOVES - 1) / 100}" in panel.code.text
    return (time.process_time() - began) / MOVES * 1000


def cycles(count: int) -> tuple[int, int, int]:
    """Growth in (widgets, threads, KB) over `count` panels, opened and closed, after ten."""
    from ipywidgets.widgets.widget import _instances

    bench, _folder = _bench()

    def once() -> None:
        panel = bench.panel("Hi", model="glm-5")
        panel.show()
        panel.close()

    tracemalloc.start()
    for _ in range(10):
        once()
    gc.collect()
    widgets, threads, memory = len(_instances), threading.active_count(), tracemalloc.get_traced_memory()[0]
    for _ in range(count):
        once()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    return len(_instances) - widgets, threading.active_count() - threads, grown // 1000


def main() -> None:
    """Prints the figures."""
    comm.create_comm = CountedComm
    command = [sys.executable, "-c", "from tests.benchmarks.bench_panel import first_panel; first_panel()"]
    times = sorted(int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(3))
    print(f"panel shown, first of a kernel: {times[1]} ms CPU (limit 300)")
    bench, _folder = _bench()
    before, began = CHANNEL.bytes, time.process_time()
    bench.panel("Hi", model="glm-5").show()
    spent = (time.process_time() - began) * 1000
    print(f"panel shown, again: {spent:.0f} ms CPU, {(CHANNEL.bytes - before) / 1000:.0f} KB of messages (limit 150)")
    print(f"a control moved, all that follows sent: {moved_ms():.1f} ms CPU, {MOVES} times")
    print(f"{'answer':<22}{'KB':>5}{'sent MB':>9}{'messages':>10}{'CPU s':>8}   (limit 8 MB for 160 KB)")
    for name, build in ANSWERS.items():
        for size in (16_000, 160_000):
            text = build(size)
            sent, messages, cpu_s = answer(text)
            print(f"{name:<22}{len(text.encode()) / 1000:>5.0f}{sent / 1e6:>9.2f}{messages:>10}{cpu_s:>8.2f}")
    widgets, threads, grown = cycles(50)
    print(f"50 panels opened and closed leave {widgets} widgets, {threads} threads, {grown} KB")


if __name__ == "__main__":
    main()
