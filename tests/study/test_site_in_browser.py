"""The site of a study in a real Chromium: served on loopback, it gives the saved outputs and asks nothing elsewhere.

Needs the extra `site`, npm (once) and some minutes: `python -m pytest tests/study/test_site_in_browser.py`.
"""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.environment import ROOT
from tests.lab import CHROMIUM_ARGUMENTS, chromium
from wcode_jupyter.study.check import outputs_of
from wcode_jupyter.study.site import Contents, Parts, build

pytest.importorskip("jupyterlite_core", reason="needs the extra site")
pytest.importorskip("jupyterlite_pyodide_kernel", reason="needs the extra site")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

NOTEBOOKS = ("01_first_cell", "02_reproducible", "05_tools", "08_chats")
"""Those that need no package without a WebAssembly wheel on PyPI, and no child process."""
READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.sessionContext?.session?.kernel?.status === 'idle';
}"""
ENDED = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = panel.content.model.toJSON().cells.filter(cell => cell.cell_type === 'code');
    return panel.sessionContext.session.kernel.status === 'idle' && cells.every(cell => cell.execution_count);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Any static server."""

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pyodide and wheels, downloaded once for all."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(params=NOTEBOOKS)
def site(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[tuple[str, Path, str]]:
    """The site of a shipped notebook, its folder, and where it is served."""
    home = tmp_path / "home"
    shutil.copytree(ROOT / "notebooks", home)
    notebook = home / f"{request.param}.ipynb"
    images = tuple(path for path in (home / "images").rglob("*") if path.is_file())
    contents = Contents(notebook, (notebook.with_suffix(".replay.jsonl"),), images)
    folder = tmp_path / "site"
    build(folder, contents, Parts(optional=("pydantic",)), cache)
    config = folder / "jupyter-lite.json"
    value = json.loads(config.read_text(encoding="utf-8"))
    value["jupyter-config-data"]["exposeAppInBrowser"] = True
    config.write_text(json.dumps(value), encoding="utf-8")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield request.param, folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_run_all_gives_the_saved_outputs(site: tuple[str, Path, str]) -> None:
    """Every cell gives what was saved, from the first page on, and no request leaves the folder's server."""
    nbformat = pytest.importorskip("nbformat")
    from playwright.sync_api import sync_playwright

    name, folder, url = site
    elsewhere: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = browser.new_page()
        page.on("request", lambda request: elsewhere.append(request.url))
        page.goto(url)
        page.wait_for_function(READY, timeout=300_000)
        page.evaluate("() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        page.wait_for_function(ENDED, timeout=200_000)
        now = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.toJSON()")
        for cell in now["cells"]:
            cell.pop("attachments", None)  # null in the page where there are none
        browser.close()
    assert [one for one in elsewhere if not one.startswith((url, "data:", "blob:"))] == []
    saved = nbformat.read(folder / "files" / f"{name}.ipynb", as_version=4).cells
    cells = nbformat.reads(json.dumps(now), as_version=4).cells
    skipped = {"nbval-skip", "nbval-ignore-output"}
    for before, after in zip(saved, cells, strict=True):
        if before.cell_type == "code" and not skipped & set(before.metadata.get("tags", ())):
            assert outputs_of(after) == outputs_of(before), before.source
