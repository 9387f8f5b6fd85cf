"""Working the label widget in a page as a person does."""

from __future__ import annotations

import json
from typing import Any

from tests.lab import Lab, Page

__all__ = ["SETUP", "LabelPage"]

SETUP = """
%load_ext wcode_jupyter
import json
from wcode_jupyter.batch import Job, Replies, RunLine
from wcode_jupyter.reply import Choice, Reply
from wcode_jupyter.request.messages import Message, Request

schema = {"json_schema": {"schema": {"properties": {"label": {"enum": ["negative", "neutral", "positive"]}}}}}
asked = Request(model="m", messages=(Message("user", "q"),), parameters={"response_format": schema})
replies = [Reply(choices=(Choice(text=json.dumps({"label": "neutral"})),), request=asked) for row in range(COUNT)]
results = Replies.of(
    [
        RunLine(Job(id=str(row), number=row, row=row, key=row, columns={"text": f"Review {row}"}, model="m"), reply)
        for row, reply in enumerate(replies)
    ],
    "f" * 64,
)
"""
_TURN = "() => Number(document.querySelector('.wcode-label .wcode-item')?.dataset.turn ?? 0)"
_ANSWERED = f"turn => ({_TURN})() > turn && !document.querySelector('.wcode-label[data-wcode-pending]')"
_PRESS = """keys => new Promise(resolve => {
    const root = document.querySelector('.wcode-label');
    const box = root.querySelector('.wcode-item-box');
    const began = performance.now();
    const waits = () => 'wcodePending' in root.dataset;
    const shown = () => waits() ? requestAnimationFrame(shown) : resolve(performance.now() - began);
    const changed = new MutationObserver(() => { changed.disconnect(); shown(); });
    changed.observe(box, {subtree: true, childList: true});
    for (const key of keys) {
        document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}));
    }
})"""


class LabelPage:
    """A notebook whose second cell shows the label widget."""

    def __init__(self, lab: Lab, count: int, *cells: str, options: str = "", name: str = "labels.ipynb") -> None:
        self.lab = lab
        self.file = lab.folder / name.replace(".ipynb", ".labels.jsonl")
        self.file.unlink(missing_ok=True)
        line = f"%wcode label results --field label -n {count} -o labels {options}"
        self.page: Page = lab.notebook([SETUP.replace("COUNT", str(count)), line, *cells], name)
        self.show()

    def show(self) -> None:
        """Runs both cells and puts the focus into the widget."""
        self.page.run(0)
        self.page.run(1)
        # The extension has seen root and item: only then keys are heard.
        self.page.tab.wait_for_selector(".wcode-label[tabindex] [aria-live] .wcode-item")
        self.page.settle()
        self.page.tab.focus(".wcode-label")

    def press(self, *keys: str) -> float:
        """Hits keys in one turn of the page; milliseconds until the widget has answered."""
        return float(self.page.js(_PRESS, list(keys)))

    def strike(self, key: str) -> None:
        """Hits a key of the keyboard and waits until the widget has answered."""
        turn = self.page.js(_TURN)
        self.page.tab.keyboard.press(key)
        self.page.wait(_ANSWERED, turn)

    def marks(self) -> list[dict[str, Any]]:
        """What is in the file."""
        if not self.file.exists():
            return []
        return [json.loads(line) for line in self.file.read_text(encoding="utf-8").splitlines()]

    def text(self) -> str:
        """What a person reads."""
        return str(self.page.tab.locator(".wcode-label").inner_text())
