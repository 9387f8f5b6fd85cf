"""A real IPython kernel, driven as a frontend does, with everything it publishes kept and measured.

with Kernel(tmp_path) as kernel:
    done = kernel.run("print('hello'); 1 + 1")
    assert done.text == "hello\\n2"

    cell = kernel.start("import time; print('on', flush=True); time.sleep(60)")
    cell.wait_for(lambda message: message.type == "stream")
    kernel.interrupt()
    assert cell.finish().error == "KeyboardInterrupt"
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import zmq
from jupyter_client.manager import KernelManager

from .environment import isolated

__all__ = ["Execution", "Kernel", "Message", "Outputs"]

Content = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One message on the kernel's output channel."""

    type: str
    content: Content
    metadata: Content
    parent: str
    """Id of the request it belongs to."""
    at_s: float
    """Arrival, in seconds after that request was sent; after the kernel's start when the request is not a cell."""
    size: int
    """Bytes on the wire, envelope included."""


class Outputs:
    """Outputs of one cell as JupyterLab would save them: updates applied, clears obeyed, streams joined.

    `\\r` and `\\b` in streams are kept as they came; JupyterLab applies them.
    """

    def __init__(self) -> None:
        self.items: list[Content] = []
        self._clear_next = False
        self._displays: dict[str, list[int]] = {}

    def feed(self, message: Message) -> None:
        if message.type == "clear_output":
            self._clear_next = True
            if not message.content.get("wait"):
                self._clear()
        elif message.type in ("stream", "display_data", "execute_result", "error"):
            self._add(message.type, dict(message.content))

    def update(self, display_id: str, content: Content) -> None:
        """Replaces whatever was shown under `display_id`."""
        for index in self._displays.get(display_id, ()):
            self.items[index] |= {"data": content["data"], "metadata": content["metadata"]}

    def _clear(self) -> None:
        self.items.clear()
        self._displays.clear()
        self._clear_next = False

    def _add(self, kind: str, content: Content) -> None:
        if self._clear_next:
            self._clear()
        display_id = content.pop("transient", {}).get("display_id")
        last = self.items[-1] if self.items else {}
        if kind == "stream" and last.get("name") == content["name"]:
            last["text"] += content["text"]
            return
        self.items.append({"output_type": kind, **content})
        if display_id and kind == "display_data":
            self._displays.setdefault(display_id, []).append(len(self.items) - 1)


@dataclass
class Execution:
    """One cell: while it runs, and what came of it."""

    kernel: Kernel = field(repr=False)
    code: str
    id: str
    sent_at: float
    messages: list[Message] = field(default_factory=list, repr=False)
    reply: Content | None = None
    seconds: float | None = None
    """From sending to the reply."""
    _outputs: Outputs = field(default_factory=Outputs, repr=False)
    _answers: list[str] = field(default_factory=list, repr=False)
    _idle: bool = False

    @property
    def done(self) -> bool:
        return self.reply is not None and self._idle

    @property
    def status(self) -> str:
        """`ok`, `error` or `aborted`; `running` before the end."""
        return "running" if self.reply is None else str(self.reply["status"])

    @property
    def outputs(self) -> list[Content]:
        """The cell's outputs as nbformat would hold them, at this moment."""
        return self._outputs.items

    @property
    def error(self) -> str | None:
        """Name of the exception that ended the cell."""
        return self.reply.get("ename") if self.reply else None

    @property
    def text(self) -> str:
        """What a reader of plain text sees: streams, `text/plain` and tracebacks, in order."""
        return "".join(_plain(output) for output in self.outputs)

    @property
    def size(self) -> int:
        """Bytes that the cell put on the output channel."""
        return sum(message.size for message in self.messages)

    def wait_for(self, wanted: Callable[[Message], bool], timeout_s: float = 30) -> Message:
        """The first message of this cell, past or to come, that is `wanted`."""
        seen = 0
        end = time.monotonic() + timeout_s
        while True:
            for message in self.messages[seen:]:
                if wanted(message):
                    return message
            seen = len(self.messages)
            self.kernel.receive(end - time.monotonic())

    def finish(self, timeout_s: float = 60) -> Self:
        """Waits until the cell has ended and all its outputs are in."""
        end = time.monotonic() + timeout_s
        while not self.done:
            self.kernel.receive(end - time.monotonic())
        return self


def _plain(output: Content) -> str:
    match output["output_type"]:
        case "stream":
            return str(output["text"])
        case "error":
            return "\n".join(output["traceback"])
        case _:
            return str(output["data"].get("text/plain", ""))


class Kernel:
    """An IPython kernel of this Python in its own process, with an environment of its own.

    It speaks over sockets in the file system: no port to be lost in a race.
    """

    def __init__(self, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.cwd = cwd
        self.env = dict(env or {})
        self.messages: list[Message] = []
        """All that arrived on the output channel, messages of no cell included."""
        self._executions: dict[str, Execution] = {}

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="k-")  # short: a socket's path has at most 107 bytes
        folder = Path(self._folder.name)
        self.started_at = time.monotonic()
        self.manager = KernelManager(
            kernel_name="python3", transport="ipc", ip=str(folder / "s"), connection_file=str(folder / "kernel.json")
        )
        self.manager.start_kernel(cwd=str(self.cwd), env=isolated(folder) | self.env)
        self.client = self.manager.client()
        self.client.start_channels(hb=False)
        self.client.wait_for_ready(timeout=60)
        self._channels = {
            self.client.iopub_channel.socket: self._take_output,
            self.client.shell_channel.socket: self._take_reply,
            self.client.stdin_channel.socket: self._take_question,
        }
        self._poller = zmq.Poller()
        for socket in self._channels:
            self._poller.register(socket, zmq.POLLIN)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=False)
        self.client.context.destroy(linger=0)
        self.manager.context.destroy(linger=0)
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """Of the kernel's process."""
        return int(getattr(self.manager.provisioner, "pid"))  # noqa: B009 - only local provisioners have it

    def start(self, code: str, *, answers: Iterable[str] | None = None) -> Execution:
        """Sends a cell and returns at once. `answers` are typed in turn where it asks; without them it cannot ask."""
        sent_at = time.monotonic()
        id = self.client.execute(code, allow_stdin=answers is not None)
        self._executions[id] = Execution(self, code, id, sent_at, _answers=list(answers or ()))
        return self._executions[id]

    def run(self, code: str, *, answers: Iterable[str] | None = None, timeout_s: float = 60) -> Execution:
        """Runs a cell to its end, whichever it is."""
        return self.start(code, answers=answers).finish(timeout_s)

    def interrupt(self) -> None:
        """What the stop button does."""
        self.manager.interrupt_kernel()

    def complete(self, code: str) -> list[str]:
        """What Tab offers at the end of `code`."""
        id = self.client.complete(code, len(code))
        while (reply := self.client.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != id:
            pass
        return list(reply["content"]["matches"])

    def inspect(self, code: str, cursor: int) -> str:
        """What Shift+Tab shows at `cursor`, without colours; empty for nothing."""
        reply = self.client.inspect(code, cursor, reply=True, timeout=30)["content"]
        return re.sub(r"\x1b\[[0-9;]*m", "", reply["data"].get("text/plain", ""))

    def send_comm(self, comm_id: str, data: Content) -> str:
        """Sends a message to an open comm, as a click in a widget does; returns the id of the request."""
        message = self.client.session.msg("comm_msg", {"comm_id": comm_id, "data": data})
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def receive(self, timeout_s: float) -> None:
        """Takes what has arrived, waiting for it.

        Raises: TimeoutError.
        """
        ready = self._poller.poll(max(0, round(timeout_s * 1000)))
        if not ready:
            raise TimeoutError("the kernel sent nothing more")
        for socket, _ in ready:
            frames = socket.recv_multipart()
            _, parts = self.client.session.feed_identities(frames)
            self._channels[socket](self.client.session.deserialize(parts), sum(map(len, frames)))

    def _take_output(self, raw: Content, size: int) -> None:
        parent = raw["parent_header"].get("msg_id", "")
        execution = self._executions.get(parent)
        since = execution.sent_at if execution else self.started_at
        at_s = time.monotonic() - since
        message = Message(raw["msg_type"], raw["content"], raw["metadata"], parent, at_s, size)
        self.messages.append(message)
        display_id = message.content.get("transient", {}).get("display_id")
        if display_id and message.type in ("display_data", "update_display_data"):
            for other in self._executions.values():  # an output may be updated from any cell
                other._outputs.update(display_id, message.content)
        if execution:
            execution.messages.append(message)
            execution._outputs.feed(message)
            execution._idle |= message.type == "status" and message.content["execution_state"] == "idle"

    def _take_reply(self, raw: Content, size: int) -> None:
        execution = self._executions.get(raw["parent_header"].get("msg_id", ""))
        if execution and raw["msg_type"] == "execute_reply":
            execution.reply = raw["content"]
            execution.seconds = time.monotonic() - execution.sent_at

    def _take_question(self, raw: Content, size: int) -> None:
        execution = self._executions[raw["parent_header"]["msg_id"]]
        self.client.input(execution._answers.pop(0))
