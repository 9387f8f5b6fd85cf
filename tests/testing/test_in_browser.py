"""A page in a real browser, served from another origin of this machine, gets nothing out of the mock server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.environment import require
from wcode_jupyter.testing import StandIn

pytestmark = pytest.mark.browser

CHROMIUM = "/usr/bin/chromium"

# Every way in which a page can send a request: each tells what it got. The key is known to the page, at worst.
PAGE = """
<!doctype html><meta charset="utf-8"><title>evil</title><iframe name="sink"></iframe>
<script>
const [url, key] = [%r, %r];
const body = JSON.stringify({model: "m", messages: [{role: "user", content: "hi"}]});
const ask = options => fetch(url + "/chat/completions", {method: "POST", body, ...options})
    .then(async r => [r.type, r.status, await r.text()], e => ["error", 0, ""]);
const loaded = element => new Promise(done => {
    element.onload = () => done(["loaded", 0, ""]);
    element.onerror = () => done(["error", 0, ""]);
    document.body.append(element);
});
const made = (tag, fields) => loaded(Object.assign(document.createElement(tag), fields));
async function attack() {
    const form = Object.assign(document.createElement("form"),
        {method: "POST", action: url + "/chat/completions", target: "sink", enctype: "text/plain"});
    form.append(Object.assign(document.createElement("input"), {name: body, value: ""}));
    document.body.append(form);
    form.submit();
    navigator.sendBeacon(url + "/chat/completions", body);
    return [
        await ask({}), await ask({mode: "no-cors"}), await ask({headers: {Authorization: "Bearer " + key}}),
        await made("script", {src: url + "/models"}), await made("img", {src: url + "/models"}),
    ];
}
</script>
"""


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn("secret") as running:
        yield running


@pytest.fixture
def page(server: StandIn) -> Iterator[str]:
    """The address of the attacker's page."""
    content = (PAGE % (server.base_url, server.key)).encode()

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    evil = ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    thread = threading.Thread(target=evil.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{evil.server_address[1]}/"
    evil.shutdown()
    evil.server_close()
    thread.join()


def test_a_page_gets_nothing(server: StandIn, page: str) -> None:
    """Neither fetch in any mode, with the key even, nor form, beacon, script or image: no request is answered."""
    require(find_spec("playwright"), "Playwright is not installed: pip install 'wcode_jupyter[test]'")
    require(Path(CHROMIUM).exists(), "Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
        )
        tab = browser.new_page()
        tab.goto(page)
        got = tab.evaluate("attack()")
        browser.close()
    assert [kind for kind, _status, _text in got] == ["error", "opaque", "error", "error", "error"]
    assert not any(text for _kind, _status, text in got)
    assert server.requests == []
