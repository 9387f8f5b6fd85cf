"""Notebook 7, and JupyterLab without the labextension: one server and browser each, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from .lab import Lab, check_browser
from .test_labextension import INSERT, wait_for_language

pytestmark = pytest.mark.browser
COMMANDS = "() => window.jupyterapp.commands.listCommands().filter(name => name.startsWith('wcode:'))"


def test_notebook_7(tmp_path: Path, screenshots: Path) -> None:
    """In Notebook 7 prompts are prose, the commands are there, and the kernel may insert a cell."""
    check_browser()
    with Lab(tmp_path, application="notebook", screenshots=screenshots) as lab:
        page = lab.notebook(["%%wcode\n# It isn't Python", INSERT.replace("SOURCE", "'# new'")])
        wait_for_language(page, 0, "markdown")
        wait_for_language(page, 1, "python")
        page.run(1)
        assert page.sources()[2] == "# new"
        assert page.js(COMMANDS) == ["wcode:open-panel", "wcode:insert-cell", "wcode:open-side-bar"]
        page.screenshot("notebook-7")
        # Notebook 7.6 itself raises this one at its start, whichever notebook it opens.
        assert [error for error in page.errors() if "(reading 'schema')" not in error] == []


def test_jupyterlab_without_the_labextension(tmp_path: Path) -> None:
    """With the labextension disabled prompts are Python; kernel and panel learn that no cell was inserted."""
    check_browser()
    with Lab(tmp_path, extension=False) as lab:
        page = lab.notebook(["%%wcode\n# prose", INSERT.replace("SOURCE", "'# new'"), "print(closed)"])
        wait_for_language(page, 0, "python")
        page.run(1)
        page.run(2)
        assert page.text(2) == "[{}]"
        assert len(page.sources()) == 3
        assert page.js(COMMANDS) == []
        page = lab.notebook(["%load_ext wcode_jupyter\n%wcode panel glm-5"], "panel.ipynb")
        page.run(0)
        page.tab.click('.wcode-panel button:text-is("Insert cell below")')
        page.wait_for_text(0, lambda text: "copy the text above" in text)
        assert not page.tab.locator(".wcode-copy").is_visible()
