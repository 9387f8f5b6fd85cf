"""What a person waits for in the page, and what an idle page costs, in a real JupyterLab.

    python -m tests.benchmarks.bench_page

Times are from the browser's own clock: from the event of a control to the text that follows from it. The idle page has
an open panel and the side bar beside it, and nobody touches it for 20 seconds.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.fault_server import HOLD, FaultServer, delta, stream
from tests.lab import Lab, Page
from tests.panel.page import PanelPage

CHANGES = 40
IDLE_S = 20

# Sets the control to one value after the other and waits until `seen` reads it.
_LATENCY = """async ([control, seen, count]) => {
    const field = document.querySelector(control);
    const text = eval(seen);
    const times = [];
    for (let i = 1; i <= count; i++) {
        await new Promise(resolve => setTimeout(resolve, 100)); // a person's pace: the last change is over
        const value = (i / 100).toFixed(2).replace(/0$/, '');
        const began = performance.now();
        field.value = value;
        field.dispatchEvent(new Event('input', { bubbles: true }));
        field.dispatchEvent(new Event('change', { bubbles: true }));
        while (!text().includes(` ${value}\\n`)) {
            if (performance.now() - began > 5000) {
                throw new Error(`${value} is not in ${text()}`);
            }
            await new Promise(resolve => setTimeout(resolve, 1));
        }
        times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b);
}"""
_STOP = """async () => {
    const stop = document.querySelector('.wcode-stop');
    const began = performance.now();
    stop.click();
    while (!stop.disabled) {
        await new Promise(resolve => setTimeout(resolve, 1));
    }
    return performance.now() - began;
}"""
_PANEL = (
    ".wcode-field:has(input[type=checkbox][title]) input[type=number]",
    "() => document.querySelector('.wcode-code textarea').value",
)
_SIDE = (
    ".wcode-side-field[data-name=temperature] input[type=text]",
    "() => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource()",
)


def _told(what: str, times: list[float], limit: int) -> None:
    middle, late = times[len(times) // 2], times[int(len(times) * 0.95) - 1]
    print(f"{what:<38}{middle:>6.0f} ms, 95 % within {late:.0f} ms (limit {limit})")


def _busy_s(session: Any) -> dict[str, float]:
    """Seconds that the page has been at work, by kind."""
    found = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return {name: found[name] for name in ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")}


def main() -> None:
    """Prints the figures."""
    with (
        TemporaryDirectory() as folder,
        FaultServer(stream(delta("Once upon a time "), HOLD)) as server,
        Lab(Path(folder)) as lab,
    ):
        panel = PanelPage(lab, server, "glm-5 --temperature 0.5", "%%wcode glm-5\nHi {{name}}")
        page = panel.page
        page.command("wcode:open-side-bar")
        panel.ask("Hi")
        panel.wait_for_code("Hi")
        _told("panel: control to code", page.js(_LATENCY, [*_PANEL, CHANGES]), 50)
        page.select(2)
        page.settle()
        _told("side bar: control to cell", page.js(_LATENCY, [*_SIDE, CHANGES]), 50)
        page.select(1)
        stops = []
        for _ in range(5):
            panel.press("Run")
            page.tab.wait_for_selector(".wcode-stop:not([disabled])")
            panel.wait_for("Once upon")
            stops.append(page.js(_STOP))
            page.settle()
        _told("panel: Stop to ready", sorted(stops), 200)
        other = lab.notebook(["x = 1"], "other.ipynb")
        for what, shown in (("with panel and side bar", page), ("without", other)):
            print(f"idle page {what}, share of a core: {_idle(shown)}")


def _idle(page: Page) -> str:
    session = page.lab.context.new_cdp_session(page.tab)
    session.send("Performance.enable")
    page.tab.bring_to_front()
    page.settle(1000)
    before = _busy_s(session)
    time.sleep(IDLE_S)
    spent = {name: (value - before[name]) / IDLE_S * 100 for name, value in _busy_s(session).items()}
    return ", ".join(f"{name} {share:.2f} %" for name, share in spent.items())


if __name__ == "__main__":
    main()
