"""A page that a model wrote (`--format html`), in a real browser: it is shown, it does nothing, it fetches nothing."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.lab import check_browser, chromium
from wcode_jupyter.display.formats import RENDERERS

pytestmark = pytest.mark.browser

LEAKS = """
<base href="{url}/leak/base/">
<meta http-equiv="refresh" content="0;url={url}/leak/refresh">
<meta http-equiv="Content-Security-Policy" content="default-src *; img-src *">
<link rel="stylesheet" href="{url}/leak/style.css"><link rel="icon" href="{url}/leak/icon">
<link rel="prefetch" href="{url}/leak/prefetch"><link rel="preload" as="image" href="{url}/leak/preload">
<link rel="modulepreload" href="{url}/leak/module.js"><link rel="prerender" href="{url}/leak/prerender">
<link rel="manifest" href="{url}/leak/manifest"><link rel="preconnect" href="{url}">
<style>@import url({url}/leak/import.css); @font-face {{font-family: f; src: url({url}/leak/font)}}
body {{background: url({url}/leak/background); font-family: f}} p::after {{content: url({url}/leak/after)}}</style>
<p id="shown">shown</p><img src="{url}/leak/img"><img srcset="{url}/leak/srcset 1x" loading="eager">
<picture><source srcset="{url}/leak/source"><img src="{url}/leak/img2"></picture><input type="image" src="{url}/leak/input">
<svg><image href="{url}/leak/svg"/><use href="{url}/leak/use#x"/></svg><video poster="{url}/leak/poster" src="{url}/leak/video" autoplay></video>
<audio src="{url}/leak/audio" autoplay></audio><object data="{url}/leak/object"></object><embed src="{url}/leak/embed">
<iframe src="{url}/leak/frame"></iframe><iframe srcdoc="<img src='{url}/leak/inner'>"></iframe>
<script src="{url}/leak/script.js"></script><script>new Image().src = "{url}/leak/inline"; fetch("{url}/leak/fetch")</script>
<form id="f" action="{url}/leak/form"><button autofocus>x</button></form><body background="{url}/leak/body" onload="f.submit()">
<table background="{url}/leak/table"><tr><td background="{url}/leak/td">x</td></tr></table>
"""  # noqa: E501


class Server(ThreadingHTTPServer):
    """Serves one page at `/` and notes every other path."""

    def __init__(self) -> None:
        self.page = ""
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        if self.path != "/":
            self.server.asked.append(self.path)
        body = self.server.page.encode() if self.path == "/" else b""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def tab() -> Iterator[Any]:
    check_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            chromium_sandbox=False,
            args=["--disable-background-networking", "--no-first-run", "--disable-component-update", "--disable-gpu"],
        )
        yield browser.new_page()
        browser.close()


def _leaks(server: Server, tab: Any, frame: str) -> list[str]:
    server.asked.clear()
    server.page = f"<!DOCTYPE html><title>t</title>{frame}"
    tab.goto(server.url)
    text = tab.frame_locator("iframe").first.locator("#shown")
    text.wait_for()
    assert text.inner_text() == "shown"
    # The last thing that the page could ask for is asked by then: a later, allowed request has come back.
    tab.evaluate("() => new Promise(resolve => setTimeout(resolve, 700)).then(() => fetch('/done'))")
    return [path for path in server.asked if path.startswith("/leak/")]


def test_a_page_of_a_model_fetches_nothing(server, tab):
    """Images, styles, fonts, frames, scripts, links, refreshes and forms of the page reach no server."""
    assert _leaks(server, tab, RENDERERS["html"](LEAKS.format(url=server.url))) == []
    assert "/done" in server.asked


def test_a_bare_sandbox_would_fetch(server, tab):
    """The same page in a sandbox without our policy does fetch: the test above can fail."""
    frame = f'<iframe sandbox="" srcdoc="{html.escape(LEAKS.format(url=server.url))}"></iframe>'
    assert "/leak/img" in _leaks(server, tab, frame)
