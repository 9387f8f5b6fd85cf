"""A panel on a client and a scripted server, without a notebook: the widgets are real, their page is not there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fault_server import FaultServer, chat
from wcode_jupyter.client import Client
from wcode_jupyter.magics.commands.command import Context
from wcode_jupyter.magics.commands.panel import cell_reader
from wcode_jupyter.panel.panel import Panel
from wcode_jupyter.panel.state import State
from wcode_jupyter.session.presets import Presets

KEY = "sk-panel-0123456789abcdef0123456789"


class Publisher:
    """Keeps what is displayed."""

    def __init__(self) -> None:
        self.published: list[tuple[dict[str, Any], bool]] = []
        self.metadata: list[dict[str, Any]] = []

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        self.published.append((data, update))
        self.metadata.append(metadata or {})


class Shell:
    """What a panel uses of IPython's shell."""

    def __init__(self) -> None:
        from IPython.core.events import EventManager, available_events

        self.user_ns: dict[str, Any] = {}
        self.events = EventManager(self, available_events)
        self.display_pub = Publisher()
        self.kernel = SimpleNamespace(get_parent=lambda channel: {"metadata": {"cellId": "c1"}})

    def push(self, values: dict[str, Any]) -> None:
        self.user_ns.update(values)

    def ran_a_cell(self) -> None:
        """As IPython says after each cell."""
        self.events.trigger("post_run_cell", None)


class Bench:
    """Makes panels and knows what they share."""

    def __init__(self, server: FaultServer, folder: Path) -> None:
        self.server = server
        self.shell = Shell()
        self.client = Client(base_url=server.base_url, api_key=KEY, log=False)
        self.presets = Presets(folder / "presets.toml")
        self.panels: list[Panel] = []

    def panel(self, prompt: str = "", output: str = "", **values: Any) -> Panel:
        state = State(prompt=prompt, output=output, values=values)
        panel = Panel(self.shell, self.client, cell_reader(Context(self.shell, self.client)), self.presets, state)
        self.panels.append(panel)
        return panel

    def close(self) -> None:
        for panel in self.panels:
            panel.close()
        self.client.close()


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(chat("Hello", " *world*")) as server:
        yield server


@pytest.fixture
def bench(server: FaultServer, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(server, tmp_path)
    yield bench
    bench.close()


def run(panel: Panel, timeout_s: float = 10) -> None:
    """Presses Run and waits for the end."""
    panel.run()
    wait(panel, timeout_s)


def wait(panel: Panel, timeout_s: float = 10) -> None:
    """Until nothing runs."""
    if asked := panel.asked:
        asked.thread.join(timeout_s)
        assert not asked.thread.is_alive()


def shown(widget: Any) -> str:
    """The text values of a widget and all that are in it, without those that are hidden."""
    if widget.layout.display == "none":
        return ""
    value = getattr(widget, "value", "")
    inner = "\n".join(shown(child) for child in getattr(widget, "children", ()))
    return "\n".join(text for text in (value if isinstance(value, str) else "", inner) if text)


def everything(panel: Panel) -> str:
    """The state of every widget of the panel as JSON."""
    found: list[Any] = []

    def walk(widget: Any) -> None:
        found.append(widget.get_state())
        for child in getattr(widget, "children", ()):
            walk(child)

    walk(panel.widget)
    return json.dumps(found, default=str)
