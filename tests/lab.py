"""A real JupyterLab in a real Chromium, driven from Python.

    with Lab(folder) as lab:
        lab.write("x.ipynb", ["print('hello')"])
        page = lab.open("x.ipynb")
        page.run(0)
        assert page.outputs(0) == [...]     # nbformat, from the notebook's model
        assert page.text(0) == "hello"      # what a person reads, from the page
        page.screenshot("hello")

Read outputs from the model rather than from the page: what is scrolled away is not in the page.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from .environment import ROOT, isolated, require

if TYPE_CHECKING:
    from playwright.sync_api import Dialog, ElementHandle
    from playwright.sync_api import Page as Tab

__all__ = ["CHROMIUM_ARGUMENTS", "Lab", "Page", "check_browser", "chromium"]

Application = Literal["lab", "notebook"]

_MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",  # containers run as root
    "--disable-background-networking",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    # Loopback only: no other name resolves.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    # A headless page may count as hidden; its timers must keep their pace.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
]
# JupyterLab's settings that make runs quiet and repeatable.
_SETTINGS: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    # A busy machine takes longer than a second for its first completion; JupyterLab then shows nothing.
    "@jupyterlab/completer-extension:manager": {"providerTimeout": 20_000},
}
_DARK = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}
_MODULE = {"lab": "jupyterlab", "notebook": "notebook"}
_EXPOSE = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}


def chromium() -> str | None:
    """The browser to drive: `$CHROMIUM`, else the first that is found."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome", _MAC_CHROME)
    return next((path for name in names if name and (path := shutil.which(name))), None)


def check_browser() -> None:
    """Skips the test, or fails it in continuous integration, when JupyterLab or the browser is missing."""
    require(find_spec("jupyterlab"), "JupyterLab is not installed: pip install 'wcode_jupyter[test]'")
    require(find_spec("playwright"), "Playwright is not installed: pip install 'wcode_jupyter[test]'")
    require(chromium(), "no Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM to its path")


class Lab:
    """A Jupyter server on `folder`, and a browser.

    `application` is `lab`, or `notebook` for Notebook 7. `extension=False` disables this project's own labextension,
    which otherwise is that of the clone. `settings` maps a JupyterLab plugin to its settings.
    """

    def __init__(
        self,
        folder: Path,
        *,
        application: Application = "lab",
        dark: bool = False,
        extension: bool = True,
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        size: tuple[int, int] = (1280, 900),
        screenshots: Path | None = None,
    ) -> None:
        self.folder = folder
        self.application = application
        self.extension = extension
        self.env = dict(env or {})
        self.settings = _SETTINGS | (_DARK if dark else {}) | dict(settings or {})
        self.size = size
        self.screenshots = screenshots
        self.token = secrets.token_hex(16)
        self.pages: list[Page] = []
        """The open pages, oldest first."""

    # -- life

    def __enter__(self) -> Self:
        self._private = Path(tempfile.mkdtemp(prefix="lab-"))
        self.screenshots = self.screenshots or self._private / "screenshots"
        self._configure()
        try:
            self._start_server()
            self._start_browser()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the browser and the server with its kernels."""
        if hasattr(self, "_playwright"):
            if hasattr(self, "context"):
                self.context.close()
            self._playwright.stop()
        if hasattr(self, "_server"):
            self._stop_server()
        shutil.rmtree(self._private, ignore_errors=True)

    def _configure(self) -> None:
        for plugin, values in self.settings.items():  # one file each: @scope/package/plugin.jupyterlab-settings
            package, _, name = plugin.partition(":")
            _write_json(self._private / "settings" / package / f"{name}.jupyterlab-settings", values)
        extensions = self._private / "path" / "labextensions"
        extensions.mkdir(parents=True)
        (extensions / "wcode_jupyter").symlink_to(ROOT / "wcode_jupyter" / "labextension")
        # The debugger asks each new kernel at some moment of its own, and reports an error when it is restarted then.
        disabled = {"@jupyterlab/debugger-extension": True}
        if not self.extension:
            disabled["wcode_jupyter"] = True
        _write_json(
            self._private / "jupyter-config" / "labconfig" / "page_config.json", {"disabledExtensions": disabled}
        )

    def _start_server(self) -> None:
        self._log = self._private / "server.log"
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": 0,
            "ServerApp.root_dir": self.folder,
            "ServerApp.allow_root": True,
            "ServerApp.open_browser": False,
            "IdentityProvider.token": self.token,
            f"{_EXPOSE[self.application]}.expose_app_in_browser": True,
            "LabApp.check_for_updates_class": "jupyterlab.handlers.announcements.NeverCheckForUpdate",
            "LabApp.news_url": "",
        }
        environment = {
            "JUPYTER_PATH": str(self._private / "path"),
            "JUPYTERLAB_SETTINGS_DIR": str(self._private / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._private / "workspaces"),
        }
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", _MODULE[self.application]]
                + [f"--{name}={value}" for name, value in options.items()],
                cwd=self.folder,
                env=isolated(self._private) | environment | self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.url = self._wait_for_server()

    def _wait_for_server(self, timeout_s: float = 60) -> str:
        """The server's address, once it answers: it listens on a free port and writes down which."""
        record = self._private / "jupyter-runtime" / f"jpserver-{self._server.pid}.json"
        end = time.monotonic() + timeout_s
        while time.monotonic() < end and self._server.poll() is None:
            with suppress(OSError, json.JSONDecodeError):
                self.url = f"http://127.0.0.1:{json.loads(record.read_text())['port']}"
                self.api("GET", "/api/status")
                return self.url
            time.sleep(0.05)
        raise RuntimeError(f"the Jupyter server did not start:\n{self.server_log()}")

    def _stop_server(self) -> None:
        with suppress(OSError):
            self.api("POST", "/api/shutdown")
        try:
            self._server.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._server.pid, signal.SIGKILL)  # a session of its own: nothing but what it started
            self._server.wait()

    def _start_browser(self) -> None:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        self.context = self._playwright.chromium.launch_persistent_context(
            self._private / "chromium",
            executable_path=chromium(),
            args=CHROMIUM_ARGUMENTS,
            viewport={"width": self.size[0], "height": self.size[1]},
            locale="en-US",
            chromium_sandbox=False,
        )
        self.context.set_default_timeout(30_000)

    # -- server

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Asks the Jupyter server."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=15) as response:
            answer = response.read()
        return json.loads(answer) if answer else None

    def server_log(self) -> str:
        return self._log.read_text(errors="replace")

    # -- notebooks

    def write(self, name: str, cells: Sequence[str | Mapping[str, Any]]) -> Path:
        """A notebook in the server's folder; a cell is the source of a code cell, or an nbformat cell."""
        import nbformat
        from nbformat import v4

        kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = v4.new_notebook(metadata={"kernelspec": kernelspec})  # type: ignore[no-untyped-call]
        notebook.cells = [
            v4.new_code_cell(cell) if isinstance(cell, str) else nbformat.from_dict(cell)  # type: ignore[no-untyped-call]
            for cell in cells
        ]
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
        return path

    def open(self, name: str, *, kernel: bool = True) -> Page:
        """The notebook in a new tab, ready for work; `kernel=False` does not wait for a kernel."""
        page = Page(self, self.context.new_page(), name)
        self.pages.append(page)
        page.load(kernel=kernel)
        return page

    def close_pages(self, *, but: Sequence[Page] = ()) -> None:
        """Closes every open page except `but`, and ends the kernels that no page is left for.

        An open page keeps a core busy whether or not a test looks at it (7 % of one each, measured with ten).
        """
        kept = {page.name for page in but}
        for page in [page for page in self.pages if page not in but]:
            page.close()
        for session in self.api("GET", "/api/sessions"):
            if session["path"] not in kept:
                self.api("DELETE", f"/api/sessions/{session['id']}")

    def notebook(self, cells: Sequence[str | Mapping[str, Any]], name: str = "test.ipynb") -> Page:
        """Writes and opens a notebook."""
        self.write(name, cells)
        return self.open(name)


def _write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


_PANEL = "window.jupyterapp.shell.currentWidget"
_CELL = f"{_PANEL}.content.widgets[i]"
_OUTPUT = f"{_CELL}.node.querySelector('.jp-OutputArea')"


class Page:
    """One notebook in one tab. `tab` is Playwright's page, for anything that is not wrapped here."""

    def __init__(self, lab: Lab, tab: Tab, name: str) -> None:
        self.lab = lab
        self.tab = tab
        self.name = name
        self.console: list[tuple[str, str]] = []
        """(kind, text) of each console line."""
        self.requests: list[str] = []
        """Address of each request the page made."""
        self.dialogs: list[str] = []
        """Text of each `alert`, `confirm` and the like; none is ever expected."""
        tab.on("console", lambda line: self.console.append((line.type, line.text)))
        tab.on("pageerror", lambda error: self.console.append(("error", str(error))))
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.accept()

    # -- the page

    def load(self, *, kernel: bool = True) -> None:
        # A workspace of its own: a reload would else bring back what other pages had open, and may show that first.
        workspace = f"lab/workspaces/{secrets.token_hex(4)}/tree"
        place = workspace if self.lab.application == "lab" else "notebooks"
        address = f"{self.lab.url}/{place}/{self.name}?token={self.lab.token}&reset"
        self.tab.goto(address, wait_until="domcontentloaded")
        self._wait_until_ready(kernel)

    def reload(self, *, kernel: bool = True) -> None:
        self.tab.reload(wait_until="domcontentloaded")
        self._wait_until_ready(kernel)

    def close(self) -> None:
        self.lab.pages.remove(self)
        self.tab.close(run_before_unload=False)

    def js(self, expression: str, argument: object = None) -> Any:
        """The value of a JavaScript function applied to `argument`, awaited."""
        return self.tab.evaluate(expression, argument)

    def wait(self, expression: str, argument: object = None, timeout_s: float = 30) -> None:
        """Until the JavaScript function gives something true.

        Raises: playwright's TimeoutError.
        """
        self.tab.wait_for_function(expression, arg=argument, timeout=timeout_s * 1000, polling=50)

    def command(self, name: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Runs a command of JupyterLab to its end."""
        self.js("([n, a]) => window.jupyterapp.commands.execute(n, a).then(() => null)", [name, dict(arguments or {})])

    def screenshot(self, name: str, cell: int | None = None) -> Path:
        """A picture of the page, or of one cell, as `NAME.png` in the pictures' folder."""
        assert self.lab.screenshots is not None
        path = self.lab.screenshots / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if cell is None:
            self.tab.screenshot(path=path)
        else:
            node = self.node(cell)
            node.scroll_into_view_if_needed()
            node.screenshot(path=path)
        return path

    def theme(self, *, dark: bool) -> None:
        """Switches between the light and the dark theme."""
        name = "JupyterLab Dark" if dark else "JupyterLab Light"
        self.command("apputils:change-theme", {"theme": name})
        self.wait("dark => (document.body.dataset.jpThemeLight === 'false') === dark", dark)
        self.settle()

    def errors(self) -> list[str]:
        """Console errors and uncaught exceptions of the page."""
        return [text for kind, text in self.console if kind == "error"]

    def settle(self, quiet_ms: int = 150, timeout_s: float = 10) -> None:
        """Until nothing in the page has changed for `quiet_ms`: Markdown and widgets render after the cell's reply."""
        self.js(
            """([quiet, limit]) => new Promise(resolve => {
                let timer;
                const end = () => { observer.disconnect(); clearTimeout(timer); clearTimeout(last); resolve(); };
                const again = () => { clearTimeout(timer); timer = setTimeout(end, quiet); };
                const observer = new MutationObserver(again);
                const last = setTimeout(end, limit);
                observer.observe(document.body, {subtree: true, childList: true, characterData: true});
                again();
            })""",
            [quiet_ms, timeout_s * 1000],
        )

    def _wait_until_ready(self, kernel: bool) -> None:
        self.wait("() => window.jupyterapp && window.jupyterapp.restored.then(() => true)", timeout_s=60)
        self.wait(
            f"""name => {{
                const panel = {_PANEL};
                return panel?.context?.path === name && panel.context.isReady && panel.content.widgets.length > 0;
            }}""",
            self.name,
            timeout_s=60,
        )
        if kernel:
            self.wait_until_idle()

    # -- the kernel

    def wait_until_idle(self, timeout_s: float = 60) -> None:
        self.wait(
            f"""() => {{
                const kernel = {_PANEL}.sessionContext.session?.kernel;
                return kernel?.status === 'idle' && kernel.connectionStatus === 'connected';
            }}""",
            timeout_s=timeout_s,
        )

    def interrupt(self) -> None:
        """Presses the stop button."""
        self._start("notebook:interrupt-kernel")

    def restart(self) -> None:
        self.js(f"() => {_PANEL}.sessionContext.restartKernel().then(() => null)")
        self.wait_until_idle()

    # -- cells, by their number from 0

    def start(self, i: int) -> None:
        """Runs cell `i` without waiting for it."""
        self.select(i)
        self._start("notebook:run-cell")

    def finish(self, timeout_s: float = 120) -> None:
        """Until what was started has ended, and the page shows it."""
        self.wait("() => window.pending === 0", timeout_s=timeout_s)
        self.wait_until_idle(timeout_s)
        self.settle()

    def run(self, i: int, timeout_s: float = 120) -> list[dict[str, Any]]:
        """Runs cell `i` to its end and gives its outputs."""
        self.start(i)
        self.finish(timeout_s)
        return self.outputs(i)

    def run_all(self, timeout_s: float = 300) -> None:
        self._start("notebook:run-all-cells")
        self.finish(timeout_s)

    def select(self, i: int) -> None:
        """Makes cell `i` the active one and brings it into view."""
        self.js(
            f"""async i => {{
                const notebook = {_PANEL}.content;
                notebook.activeCellIndex = i;
                notebook.deselectAll();
                await notebook.scrollToItem(i).catch(() => null);
            }}""",
            i,
        )

    def type(self, i: int, text: str) -> None:
        """Types into cell `i` with the keyboard, at the end of what is there."""
        self.select(i)
        self.command("notebook:enter-edit-mode")
        self.tab.keyboard.press("Control+End")
        self.tab.keyboard.type(text)

    def sources(self) -> list[str]:
        return list(self.js(f"() => {_PANEL}.content.widgets.map(cell => cell.model.sharedModel.getSource())"))

    def set_source(self, i: int, source: str) -> None:
        self.js(f"([i, source]) => {_CELL}.model.sharedModel.setSource(source)", [i, source])

    def outputs(self, i: int) -> list[dict[str, Any]]:
        """Outputs of cell `i` as they would be saved."""
        return list(self.js(f"i => {_CELL}.model.outputs.toJSON()", i))

    def text(self, i: int) -> str:
        """What a person reads in the output of cell `i`."""
        return str(self.js(f"i => {_OUTPUT}?.innerText ?? ''", i)).strip()

    def html(self, i: int) -> str:
        """The output of cell `i` as the page holds it."""
        return str(self.js(f"i => {_OUTPUT}?.innerHTML ?? ''", i))

    def node(self, i: int) -> ElementHandle:
        """Cell `i` in the page."""
        return self._element(f"i => {_CELL}.node", i)

    def find(self, i: int, selector: str, timeout_s: float = 15) -> ElementHandle:
        """The first element in the output of cell `i` that the CSS selector matches, once there is one."""
        self.wait(f"([i, s]) => {_OUTPUT}?.querySelector(s)", [i, selector], timeout_s)
        return self._element(f"([i, s]) => {_OUTPUT}.querySelector(s)", [i, selector])

    def wait_for_text(self, i: int, wanted: Callable[[str], object], timeout_s: float = 30) -> str:
        """The text of cell `i` as soon as it is `wanted`."""
        end = time.monotonic() + timeout_s
        while not wanted(text := self.text(i)):
            if time.monotonic() > end:
                raise TimeoutError(f"cell {i} reads {text!r}")
            self.tab.wait_for_timeout(50)
        return text

    def save(self) -> dict[str, Any]:
        """Saves the notebook and reads the file."""
        self.command("docmanager:save")
        content: dict[str, Any] = json.loads((self.lab.folder / self.name).read_text("utf-8"))
        return content

    def _element(self, expression: str, argument: object) -> ElementHandle:
        element = self.tab.evaluate_handle(expression, argument).as_element()
        assert element is not None
        return element

    def _start(self, command: str) -> None:
        self.js(
            """name => {
                window.pending = (window.pending ?? 0) + 1;
                window.jupyterapp.commands.execute(name).catch(() => null).finally(() => { window.pending -= 1; });
            }""",
            command,
        )
