"""The panel in Notebook 7 and in Chinese: it opens, runs and says so in the user's language."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fault_server import FaultServer, chat
from tests.lab import Lab, check_browser

from .page import PanelPage


@pytest.mark.browser
def test_panel_runs_in_notebook_7_in_chinese(tmp_path: Path, screenshots: Path) -> None:
    """One question from the panel, every label in Chinese."""
    check_browser()
    with (
        FaultServer(chat("你好。")) as server,
        Lab(
            tmp_path, application="notebook", env={"WCODE_LANG": "zh_CN"}, size=(1400, 1000), screenshots=screenshots
        ) as lab,
    ):
        panel = PanelPage(lab, server, "glm-5 --temperature 0.3")
        panel.page.tab.fill('.wcode-panel textarea[placeholder*="{{name}}"]', "你好")
        panel.press("运行")
        panel.wait_for("9→6")
        assert "你好。" in panel.page.tab.locator(".wcode-output").inner_text()
        panel.page.select(1)
        panel.page.screenshot("panel-chinese")
        buttons = panel.page.tab.locator(".wcode-panel button").all_inner_texts()
        assert not [words for words in buttons if words and words.isascii()]
        panel.page.tab.click(".wcode-copy")
        panel.page.tab.wait_for_selector(".wcode-copied")
