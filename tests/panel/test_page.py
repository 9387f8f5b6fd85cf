"""The panel in a real JupyterLab: choose, set, run, stop, copy, insert, keep, reopen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.axe import violations
from tests.fault_server import DONE, HOLD, FaultServer, delta, finish, reasoning, stream, usage
from tests.lab import Lab

from .conftest import KEY
from .page import PROMPT, PanelPage

ANSWER = "# Title\n\nIt costs $5 or $6, and $x^2$ is a formula.\n\n```python\nfor x in range(3):\n    print(x)\n```\n"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer(stream(reasoning("Let me *think*."), delta(ANSWER), finish(), usage(12, 345), DONE)) as server:
        yield server


def test_choose_set_run_insert(lab: Lab, server: FaultServer) -> None:
    """A model picked, a parameter moved, an answer that is rendered; its cell, run, sends the same body."""
    panel = PanelPage(lab, server, "-o answer", "print(answer.cost, answer.reasoning)")
    page = panel.page
    page.tab.select_option(".wcode-pick select", "GLM 5  —  z-ai/glm-5  ·  200k  ·  ¥0.011 → 0.035")
    panel.wait_for("200,000")
    row = page.tab.locator(".wcode-field", has_text="temperature").first
    row.locator("input[type=number]").fill("0.3")
    row.locator("input[type=number]").press("Enter")
    panel.ask("Hello, it's\n'me'")
    panel.wait_for_code("%%wcode z-ai/glm-5 --temperature 0.3 -o answer\nHello, it's\n'me'")
    panel.press("Run")
    panel.wait_for("345 tokens")
    page.settle()
    assert page.tab.locator(".wcode-output h1").inner_text() == "Title"
    assert "It costs $5 or $6" in page.tab.locator(".wcode-output").inner_text()
    assert page.tab.locator(".wcode-output mjx-container").count() == 1
    assert page.tab.locator(".wcode-output pre code").count() == 1
    page.run(2)
    assert page.text(2) == "0.012207 Let me *think*."
    panel.insert_below()
    panel.wait_for("Inserted below")
    assert page.sources()[2] == panel.code()
    page.run(2)
    sent = [request.json for request in server.requests]
    assert sent[0] == sent[1]
    assert page.errors() == []
    page.screenshot("panel-light")


def test_cell_goes_below_the_panel(lab: Lab, server: FaultServer) -> None:
    """Below the panel that was asked, wherever the cursor is by then, and into view."""
    panel = PanelPage(lab, server, "glm-5", "'next'", "'last'")
    panel.ask("Hi")
    panel.wait_for_code("Hi")
    page = panel.page
    # The click makes the panel's cell the active one; the cursor moves on before the kernel has answered.
    page.js(
        """() => {
            document.querySelectorAll('.wcode-section button').forEach(button => {
                if (button.innerText === 'Insert cell below') button.click();
            });
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = 3;
        }"""
    )
    panel.wait_for("Inserted below")
    assert page.sources()[1:] == ["%wcode panel glm-5", "%%wcode glm-5\nHi", "'next'", "'last'"]
    page.settle()
    box, height = page.node(2).bounding_box(), page.tab.viewport_size
    assert box is not None
    assert height is not None
    assert 0 < box["y"] < height["height"]


def test_copy(lab: Lab, server: FaultServer) -> None:
    """Copy puts what the code box shows on the clipboard, while the kernel is busy and after its end too."""
    panel = PanelPage(lab, server, "glm-5", "import time; time.sleep(60)")
    page = panel.page
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = "() => navigator.clipboard.readText()"
    panel.ask("它 isn't\n\n  `x`")
    panel.wait_for_code("它")
    page.start(2)
    panel.press("Copy")
    page.tab.wait_for_selector(".wcode-copied")
    assert page.js(copied) == panel.code() == "%%wcode glm-5\n它 isn't\n\n  `x`"
    page.interrupt()
    page.finish()
    page.restart()
    page.tab.wait_for_selector(".wcode-lost", state="visible")
    page.js("() => navigator.clipboard.writeText('')")
    page.tab.focus(".wcode-copy")
    page.tab.keyboard.press("Space")
    page.tab.wait_for_selector(".wcode-copied")
    assert page.js(copied) == panel.code()


def test_copy_over_plain_http(lab: Lab, server: FaultServer) -> None:
    """Where the browser gives the page no clipboard, the text is copied all the same."""
    panel = PanelPage(lab, server, "glm-5 --temperature 0.3")
    page = panel.page
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.js(
        """() => {
            window.kept = navigator.clipboard;
            Object.defineProperty(navigator, 'clipboard', {value: undefined});
        }"""
    )
    panel.press("Copy")
    page.tab.wait_for_selector(".wcode-copied")
    assert page.js("() => window.kept.readText()") == panel.code() == "%%wcode glm-5 --temperature 0.3\n"


def test_code_written_in_the_panel(lab: Lab, server: FaultServer) -> None:
    """A cell pasted into the code box moves the controls."""
    panel = PanelPage(lab, server, "glm-5")
    box = panel.page.tab.locator(".wcode-code textarea")
    box.fill("%%wcode qwen3.6-plus --temperature 0.7\nFrom a cell")
    box.press("Tab")
    panel.page.wait(
        "() => document.querySelector('textarea[placeholder*=\"{{name}}\"]').value === 'From a cell'", None, 10
    )
    panel.wait_for("0.0021")
    row = panel.page.tab.locator(".wcode-field", has_text="temperature").first
    assert row.locator("input[type=number]").input_value() == "0.7"
    assert row.locator("input[type=checkbox]").is_checked()


def test_stop_while_the_kernel_is_free(lab: Lab, server: FaultServer) -> None:
    """Another cell runs while the answer arrives; Stop ends it within 0.3 s and keeps what arrived."""
    server.script(stream(delta("Once upon a time "), HOLD))
    panel = PanelPage(lab, server, "glm-5 -o answer", "print('free')", "print(answer.ended, repr(answer.text))")
    panel.ask("A story")
    panel.press("Run")
    panel.wait_for("Once upon")
    panel.page.run(2)
    assert panel.page.text(2) == "free"
    # What the browser's driver takes is in it.
    assert panel.seconds_until_stopped() < 1.0
    panel.page.run(3)
    assert panel.page.text(3) == "interrupted 'Once upon a time '"


def test_faults_are_marked_where_they_are(lab: Lab, server: FaultServer) -> None:
    """A value out of range and a missing variable: said in red, and Run cannot be pressed until they are gone."""
    panel = PanelPage(lab, server, "glm-5 --temperature 0.5", "name = 'Ada'")
    panel.ask("Hi {{name}}")
    panel.wait_for("is missing")
    run = panel.page.tab.locator('.wcode-panel button:text-is("Run")')
    assert run.is_disabled()
    panel.page.run(2)
    panel.wait_for("str, 3 characters")
    assert run.is_enabled()
    number = panel.page.tab.locator(".wcode-field", has_text="temperature").first.locator("input[type=number]")
    number.fill("7")
    number.press("Enter")
    panel.wait_for("expected 0…2")
    assert run.is_disabled()
    panel.page.screenshot("panel-faults")


def test_typed_tags_and_json(lab: Lab, server: FaultServer) -> None:
    """Stop texts are tags, JSON has an editor, and what they say is in the cell."""
    panel = PanelPage(lab, server, "glm-5")
    tab = panel.page.tab
    tab.click('.wcode-panel .lm-TabBar-tab:has-text("Length")')
    row = tab.locator(".wcode-field", has_text="stop")
    row.locator("input[type=text]").fill("END")
    row.locator("input[type=text]").press("Enter")
    panel.wait_for_code("--stop END")
    row.locator("input[type=text]").fill(r"\n\n")
    row.locator("button", has_text="Add").click()
    panel.wait_for_code(r"""--stop '["END", "\n\n"]'""")
    row.locator("button", has_text="END").click()
    panel.wait_for_code(r"""--stop $'\n\n'""")
    tab.click('.wcode-panel .lm-TabBar-tab:has-text("Output")')
    row = tab.locator(".wcode-field", has_text="response_format").first
    row.locator("select").select_option("JSON…")
    row.locator("textarea").fill('{"type": "json_object"')
    panel.wait_for("not valid JSON")
    row.locator("textarea").fill('{"type": "json_object"}')
    panel.wait_for_code("--response-format json_object")
    panel.ask("Hi")
    panel.wait_for("without the word JSON")


def test_typed_while_the_kernel_is_busy(lab: Lab, server: FaultServer) -> None:
    """A stop text that is typed meanwhile is taken whole once the kernel has time."""
    panel = PanelPage(lab, server, "glm-5", "import time; time.sleep(2)")
    tab = panel.page.tab
    tab.click('.wcode-panel .lm-TabBar-tab:has-text("Length")')
    panel.page.start(2)
    tab.locator(".wcode-field", has_text="stop").locator("input[type=text]").press_sequentially("END")
    tab.keyboard.press("Enter")
    panel.page.finish()
    panel.wait_for_code("--stop END")


def test_presets(lab: Lab, server: FaultServer) -> None:
    """Kept under a name from the panel, used by a cell."""
    cells = ("%%wcode --preset calm --dry-run -o asked\nHi", "print(asked.model, asked.parameters)")
    panel = PanelPage(lab, server, "glm-5 --temperature 0.1", *cells)
    panel.page.tab.fill('.wcode-panel input[placeholder="name"]', "calm")
    panel.press("Save")
    panel.wait_for("Saved as calm.")
    panel.page.run(2)
    panel.page.run(3)
    assert panel.page.text(3) == "z-ai/glm-5 {'temperature': 0.1}"


def test_by_keyboard(lab: Lab, server: FaultServer) -> None:
    """From the prompt, Tab leads to Run and Space presses it; whatever can be clicked can be reached."""
    panel = PanelPage(lab, server, "glm-5")
    panel.ask("Hi")
    panel.wait_for("Before:")
    panel.page.tab.focus(PROMPT)
    panel.page.tab.keyboard.press("Tab")
    panel.page.tab.keyboard.press("Space")
    panel.wait_for("345 tokens")
    unreachable = panel.page.js(
        """() => [...document.querySelectorAll('.wcode-panel :is(button, input, select, textarea)')]
            .filter(node => node.tabIndex < 0 && node.checkVisibility()).map(node => node.outerHTML)"""
    )
    assert unreachable == []


def test_keys(lab: Lab, server: FaultServer) -> None:
    """Ctrl-Enter runs what was typed last, from the prompt and the code box; behind a busy kernel the panel says that
    it waits; Esc stops; a number goes as typed."""
    server.script(stream(delta("One"), finish(), DONE), stream(delta("Two"), finish(), DONE), stream(delta("On"), HOLD))
    panel = PanelPage(lab, server, "glm-5", "import time; time.sleep(2)")
    tab = panel.page.tab
    tab.focus(PROMPT)
    tab.keyboard.type("First")
    tab.keyboard.press("Control+Enter")
    panel.wait_for("One")
    tab.locator(".wcode-code textarea").fill("%%wcode glm-5 --min-p 0.005 --temperature 0.333\nSecond")
    tab.keyboard.press("Control+Enter")
    panel.wait_for("Two")
    panel.page.settle()
    panel.wait_for_code("--temperature 0.333 --min-p 0.005")
    panel.page.start(2)
    tab.focus(PROMPT)
    tab.keyboard.press("Control+Enter")
    tab.wait_for_selector(".wcode-waits", state="visible")
    panel.wait_for("On")
    tab.wait_for_selector(".wcode-waits", state="hidden")
    tab.focus(PROMPT)
    tab.keyboard.press("Escape")
    panel.wait_for("interrupted")
    panel.page.finish()
    bodies = [request.json for request in server.requests]
    assert [body["messages"][0]["content"] for body in bodies] == ["First", "Second", "Second"]
    assert [(body.get("min_p"), body.get("temperature")) for body in bodies] == [(None, None), *[(0.005, 0.333)] * 2]
    assert panel.page.sources()[1:] == ["%wcode panel glm-5", "import time; time.sleep(2)"]


def test_accessible(lab: Lab, server: FaultServer) -> None:
    """axe finds nothing serious in any tab, light or dark, with an answer, its reasoning and a fault."""
    panel = PanelPage(lab, server, "glm-5 --temperature 0.3")
    page = panel.page
    panel.ask("Hi")
    panel.press("Run")
    panel.wait_for("345 tokens")
    page.tab.focus(".wcode-output .jupyter-widget-Collapse-header")
    page.tab.keyboard.press("Enter")
    panel.wait_for("Let me think")
    number = page.tab.locator(".wcode-field", has_text="temperature").first.locator("input[type=number]")
    number.fill("7")
    number.press("Enter")
    panel.wait_for("expected 0…2")
    found = []
    for dark in (False, True):
        page.theme(dark=dark)
        for tab in page.tab.locator(".wcode-panel .lm-TabBar-tab").all():
            tab.click()
            page.settle()
            found += violations(page, ".wcode-panel")
    page.theme(dark=False)
    assert sorted(set(found)) == []


def test_no_key_in_page_or_file(lab: Lab, server: FaultServer) -> None:
    """Neither the page nor the saved notebook holds the key, and no widget state is saved."""
    panel = PanelPage(lab, server, "glm-5")
    panel.ask("Hi")
    panel.press("Run")
    panel.wait_for("345 tokens")
    assert server.requests[0].key == KEY
    saved = str(panel.page.save())
    for part in (KEY, KEY[:16], KEY[-16:]):
        assert part not in panel.page.js("() => document.documentElement.outerHTML")
        assert part not in saved
    assert "widgets" not in panel.page.save()["metadata"]


def test_reopened(lab: Lab, server: FaultServer) -> None:
    """A panel whose kernel has gone says so; reopened without one, the cell shows what the panel had said."""
    panel = PanelPage(lab, server, "glm-5 --temperature 0.3")
    page = panel.page
    assert "Run this cell again" not in page.text(1)
    panel.ask("Hi")
    panel.press("Run")
    panel.wait_for("345 tokens")
    page.settle(700)
    page.save()
    page.reload()
    page.tab.wait_for_selector(".wcode-panel")  # the kernel lives, and so does the panel
    page.restart()
    page.tab.wait_for_selector(".wcode-lost", state="visible")
    page.reload()
    text = page.wait_for_text(1, lambda text: "Run this cell again" in text)
    assert text.splitlines()[:2] == ["wcode panel · z-ai/glm-5", "temperature = 0.3"]
    assert text.endswith("%%wcode glm-5 --temperature 0.3\nHi")
    assert "not found" not in text
    panel.page.screenshot("panel-reopened", cell=1)


def test_closed(lab: Lab, server: FaultServer) -> None:
    """Close takes the panel away, in mid answer too, and leaves the summary."""
    server.script(stream(delta("Once upon"), HOLD))
    panel = PanelPage(lab, server, "glm-5")
    panel.ask("Hi")
    panel.press("Run")
    panel.wait_for("Once upon")
    panel.press("Close")
    text = panel.page.wait_for_text(1, lambda text: text.startswith("wcode panel · z-ai/glm-5"))
    assert "Run this cell again" in text
    assert server.requests[0].closed.wait(2)


def test_looks(lab: Lab, server: FaultServer) -> None:
    """Nothing is wider than its place, wide or narrow, light or dark; two columns where there is room, else one."""
    panel = PanelPage(lab, server, "glm-5 --temperature 0.3")
    panel.ask("Hi")
    panel.press("Run")
    panel.wait_for("345 tokens")
    page = panel.page
    page.command("application:toggle-left-area")
    try:
        for width, columns in ((1500, 2), (690, 1)):
            for dark in (False, True):
                page.tab.set_viewport_size({"width": width, "height": 1200})
                page.theme(dark=dark)
                page.select(1)
                page.settle()
                assert page.js(OVERFLOWING) == []
                tops = {round(node.bounding_box()["y"]) for node in page.tab.query_selector_all(".wcode-columns > *")}
                assert len(tops) == (1 if columns == 2 else 2)
                page.screenshot(f"panel-{width}-{'dark' if dark else 'light'}")
    finally:
        page.tab.set_viewport_size({"width": 1280, "height": 900})
        page.theme(dark=False)


OVERFLOWING = """() => {
    const panel = document.querySelector('.wcode-panel');
    const right = panel.getBoundingClientRect().right + 1;
    return [...panel.querySelectorAll(':is(button, input, select, textarea, td, h1, h4, label)')]
        .filter(node => node.checkVisibility() && node.getBoundingClientRect().right > right)
        .map(node => node.outerHTML.slice(0, 100));
}"""
