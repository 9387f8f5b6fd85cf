"""Working a panel in a page as a person does."""

from __future__ import annotations

import json
import time

from tests.fault_server import FaultServer
from tests.lab import Lab, Page

from .conftest import KEY

PROMPT = '.wcode-panel textarea[placeholder*="{{name}}"]'


class PanelPage:
    """A notebook whose second cell shows a panel; `cells` follow it."""

    def __init__(self, lab: Lab, server: FaultServer, options: str = "", *cells: str, name: str = "test.ipynb") -> None:
        # The key comes from a file, so that the notebook itself does not hold it.
        (lab.folder / "environment.json").write_text(
            json.dumps({"WCODE_API_KEY": KEY, "WCODE_BASE_URL": server.base_url})
        )
        settings = "import json, os; os.environ.update(json.load(open('environment.json')))"
        self.page: Page = lab.notebook(
            [f"{settings}\n%load_ext wcode_jupyter", f"%wcode panel {options}", *cells], name
        )
        self.page.run(0)
        self.show()

    def show(self) -> None:
        """Runs the panel's cell."""
        self.page.run(1)
        self.page.tab.wait_for_selector(".wcode-panel")
        self.page.settle()

    def press(self, words: str) -> None:
        """Clicks the button that says `words`, once it can be clicked."""
        self.page.tab.click(f'.wcode-panel button:text-is("{words}"):not([disabled])')

    def insert_below(self) -> None:
        """Clicks the code box's button: a block of code in the answer has one with the same words."""
        self.page.tab.click('.wcode-section button:text-is("Insert cell below"):not([disabled])')

    def ask(self, prompt: str) -> None:
        """Types the prompt."""
        self.page.tab.fill(PROMPT, prompt)

    def wait_for(self, words: str, timeout_s: float = 15) -> None:
        """Until the panel says `words`."""
        self.page.wait("words => document.querySelector('.wcode-panel')?.innerText.includes(words)", words, timeout_s)

    def code(self) -> str:
        """The text of the code box."""
        return str(self.page.js("() => document.querySelector('.wcode-code textarea').value"))

    def wait_for_code(self, line: str) -> None:
        """Until the code box holds `line`."""
        self.page.wait("line => document.querySelector('.wcode-code textarea').value.includes(line)", line, 10)

    def seconds_until_stopped(self) -> float:
        """Presses Stop and measures until the panel can run again."""
        began = time.monotonic()
        self.press("Stop")
        self.page.wait("() => document.querySelector('.wcode-panel .mod-danger').disabled", None, 10)
        return time.monotonic() - began

    def model_panes(self) -> list[str]:
        """Ids in the list of models."""
        return list(
            self.page.js("() => [...document.querySelectorAll('.wcode-pick select option')].map(o => o.innerText)")
        )
