"""The labextension, as a person sees it: `%%wcode` cells as prose, the commands, and cells that the kernel inserts."""

from __future__ import annotations

import json
import re
import threading
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import pytest

import wcode_jupyter

from .axe import violations
from .environment import ROOT, installed, require
from .fault_server import DONE, FaultServer, chat, delta, finish, reasoning, stream, usage
from .lab import Lab, Page

SOURCE = ROOT / "wcode_jupyter" / "labextension"
PROMPT = "%%wcode glm-5 --top_p 0.9\n# Title\nIt isn't *plain* prose, for 1 `x` in 2."
PYTHON = "for x in range(3): print(x)  # isn't prose"
# Opens the comm as the panel does when its button is clicked, and prints what came back.
INSERT = """
from comm import create_comm
closed = []
comm = create_comm(target_name="wcode_jupyter:insert", data={"source": SOURCE})
comm.on_close(lambda message: closed.append(message["content"]["data"]))
"""


def language(page: Page, i: int) -> str:
    """`markdown` or `python`: what the editor of cell `i` colours."""
    return str(
        page.js(
            "i => window.jupyterapp.shell.currentWidget.content.widgets[i].editor.editor.contentDOM.dataset.language", i
        )
    )


def wait_for_language(page: Page, i: int, name: str) -> None:
    page.wait(
        """([i, name]) => {
            const cell = window.jupyterapp.shell.currentWidget.content.widgets[i];
            return cell.editor?.editor.contentDOM.dataset.language === name;
        }""",
        [i, name],
        10,
    )
    page.settle()
    assert language(page, i) == name


def test_prompt_is_markdown_from_the_start(lab: Lab) -> None:
    """A saved `%%wcode` cell opens as Markdown, the others as Python, and so they stay after a reload and a restart."""
    page = lab.notebook([PYTHON, PROMPT, "%%wcode_other\nx = 1", "%wcode models"])
    expected = ["python", "markdown", "python", "python"]
    for again in (lambda: None, page.reload, page.restart):
        again()
        for i, name in enumerate(expected):
            wait_for_language(page, i, name)
    assert page.errors() == []
    page.screenshot("labextension-prose", cell=1)


def test_language_follows_the_first_line(lab: Lab) -> None:
    """Typing `%%wcode` makes a cell prose, taking it away makes it Python again."""
    page = lab.notebook(["", PYTHON])
    wait_for_language(page, 0, "python")
    page.type(0, "%%wcode")
    wait_for_language(page, 0, "markdown")
    page.tab.keyboard.press("Backspace")
    wait_for_language(page, 0, "python")
    page.set_source(1, "\n" + PROMPT)
    wait_for_language(page, 1, "markdown")
    page.set_source(1, PYTHON)
    wait_for_language(page, 1, "python")


def test_options_and_references_of_a_prompt(lab: Lab) -> None:
    """The first line shows options, no Markdown; a reference is green once its variable is there, with its value on
    hover, and red while it is not; one that is sent as typed is none."""
    line = "%%wcode glm-5 --schema list[Animal] --stop *x* --temperature 3 # note"
    page = lab.notebook(
        ["%load_ext wcode_jupyter\nname = 'Ada'", f"{line}\n*Hello* {{{{name}}}} {{{{{{none}}}}}}", "del name"]
    )
    wait_for_language(page, 1, "markdown")
    words = page.js(
        """() => {
            const editor = window.jupyterapp.shell.currentWidget.content.widgets[1].editor.editor;
            const spans = editor.contentDOM.querySelector('.cm-line').querySelectorAll('span');
            return [...spans].map(node => [node.className.replace('wcode-cm-', ''), node.textContent, node.title]);
        }"""
    )
    assert words == [
        ["magic", "%%wcode", ""],
        ["model", "glm-5", ""],
        ["option", "--schema", ""],
        ["option", "--stop", ""],
        ["fault", "--temperature 3", "expected 0…2"],
        ["option", "--temperature", ""],
        ["comment", "# note", ""],
    ]
    page.tab.wait_for_selector(".wcode-cm-missing[title='name is not defined']")
    page.run(0)
    page.tab.wait_for_selector(".wcode-cm-known[title=\"name: str 'Ada'\"]")
    assert page.tab.locator(".wcode-cm-name").all_inner_texts() == ["{{name}}"]
    page.screenshot("labextension-references", cell=1)
    page.run(2)
    page.tab.wait_for_selector(".wcode-cm-missing")
    assert page.errors() == []


def test_new_and_changed_cells(lab: Lab) -> None:
    """A cell that is pasted, or changed from Markdown to code, is coloured as well; running one changes nothing."""
    page = lab.notebook([PROMPT])
    for command in ("notebook:copy-cell", "notebook:paste-cell-below", "notebook:change-cell-to-markdown"):
        page.command(command)
    assert page.js("() => window.jupyterapp.shell.currentWidget.content.activeCell.model.type") == "markdown"
    page.command("notebook:change-cell-to-code")
    for i in range(2):
        wait_for_language(page, i, "markdown")
    page.run_all()
    assert language(page, 0) == "markdown"


def test_tab_still_completes(lab: Lab) -> None:
    """Tab in a `%%wcode` cell asks the kernel, as in any code cell."""
    offer = "lambda text: ['--temperature', '--tempo'] if text == '--tem' else []"
    page = lab.notebook([f"get_ipython().Completer.custom_matchers.append({offer})", ""])
    page.run(0)
    page.type(1, "%%wcode --tem")
    wait_for_language(page, 1, "markdown")
    page.tab.keyboard.press("Tab")
    page.tab.wait_for_selector(".jp-Completer-item >> text=--temperature")
    page.tab.keyboard.press("Escape")


def test_commands_are_in_the_palette(lab: Lab) -> None:
    """All commands are found in the command palette by their words."""
    page = lab.notebook([PYTHON])
    page.tab.keyboard.press("Control+Shift+C")
    page.tab.keyboard.type("wcode: ")
    page.tab.wait_for_selector(".lm-CommandPalette-item[data-command='wcode:open-panel']")
    labels = page.tab.locator(".lm-CommandPalette-item[data-command^='wcode:'] .lm-CommandPalette-itemLabel")
    assert sorted(labels.all_inner_texts()) == [
        "wcode: Insert %%wcode cell",
        "wcode: Open panel",
        "wcode: Open side bar",
    ]
    page.tab.keyboard.press("Escape")


def test_open_panel(lab: Lab) -> None:
    """The command puts a panel cell below the active one and runs it; the extension is loaded in the notebook once."""
    page = lab.notebook(["# first", "# second"])
    page.select(0)
    page.command("wcode:open-panel")
    assert page.sources() == ["# first", "%load_ext wcode_jupyter\n%wcode panel", "# second"]
    assert page.outputs(1)  # it has run
    page.command("wcode:open-panel")
    assert page.sources()[2] == "%wcode panel"


def test_insert_prompt(lab: Lab) -> None:
    """The command puts a `%%wcode` cell below the active one and leaves the cursor where the prompt begins."""
    page = lab.notebook(["%load_ext wcode_jupyter", "# last"])
    page.select(0)
    page.command("wcode:insert-cell")
    page.tab.keyboard.type("Hello")
    assert page.sources() == ["%load_ext wcode_jupyter", "%%wcode\nHello", "# last"]
    wait_for_language(page, 1, "markdown")


def insert(page: Page, source: object) -> Any:
    """Runs a cell whose kernel side opens the comm; gives the data with which the page closed it."""
    page.set_source(0, INSERT.replace("SOURCE", repr(source)))
    page.run(0)
    page.select(len(page.sources()) - 1)
    page.run(len(page.sources()) - 1)
    return page.text(len(page.sources()) - 1).splitlines()[-1]


def test_kernel_inserts_a_cell(lab: Lab) -> None:
    """Code in the kernel puts a cell below the active one, which is not run, and learns that it was done."""
    page = lab.notebook(["", "print(closed)"])
    assert insert(page, "%%wcode\nHi") == "[{'inserted': True}]"
    assert page.sources()[1:] == ["%%wcode\nHi", "print(closed)"]
    assert page.outputs(1) == []
    assert insert(page, ["not", "text"]) == "[{'inserted': False}]"
    assert len(page.sources()) == 3


def test_kernel_names_the_cell(lab: Lab) -> None:
    """The new cell goes below the one that the kernel names, or below the active one where there is none of that id."""
    page = lab.notebook(["", "# second", "# last"])
    last = page.js("() => window.jupyterapp.shell.currentWidget.content.widgets[2].model.id")
    for below in (last, "gone"):
        page.set_source(0, INSERT.replace('"source": SOURCE', f'"source": "# {below}", "below": {below!r}'))
        page.run(0)
    assert page.sources()[1:] == ["# gone", "# second", "# last", f"# {last}"]


def test_only_the_asking_page_gets_the_cell(lab: Lab) -> None:
    """Of two pages on one kernel, the one whose action the kernel answers gets the cell."""
    first = lab.notebook([INSERT.replace("SOURCE", "'# new'")])
    second = lab.open(first.name)
    assert second.js("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id") == first.js(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"
    )
    second.run(0)
    assert len(second.sources()) == 2
    assert len(first.sources()) == 1


def test_answer_in_the_page(lab: Lab) -> None:
    """A selection survives the end of the answer; the bars copy, insert, ask again and compare by cells that one can
    read; begin and end are told to a screen reader; axe finds nothing serious."""
    answer = "Some *words* and `code`.\n\n- one\n- two\n\n```python\nx = 1\n```\n\n"
    steps = (reasoning("Hm. "), delta(answer), 3.0, delta("The end."), finish(), usage(9, 6), DONE)
    with FaultServer(stream(*steps)) as server:
        setup = f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url} log=false"
        page = lab.notebook([setup, "%%wcode glm-5 -o a\nHello"], "bars.ipynb")
        page.run(0)
        page.start(1)
        page.tab.wait_for_selector(".wcode-live", state="visible")
        page.js(
            """() => getSelection().setBaseAndExtent(
                document.querySelector('.wcode-answer em').firstChild, 1,
                document.querySelector('.wcode-answer li').firstChild, 2)"""
        )
        selected = page.js("() => getSelection().toString()")
        height = "() => document.querySelectorAll('.jp-OutputArea')[1].offsetHeight"
        before = page.js(height)
        page.finish()
        assert page.js("() => getSelection().toString()") == selected
        assert selected.startswith("ords and code.")
        # One paragraph more; the line that told the progress is now the status line.
        assert 0 <= page.js(height) - before < 60
        assert "complete" in page.js("() => document.querySelector('.wcode-heard').textContent")
        assert violations(page, ".wcode-answer") == []
        page.screenshot("answer-bars", cell=1)
        bars = page.js("() => [...document.querySelectorAll('.wcode-code-bar, .wcode-bar')].map(bar => bar.innerText)")
        assert bars == ["python\nCopy\nInsert cell below", "Copy\nAsk again\nCompare"]
        page.tab.click(".wcode-code-bar button >> text=Insert")
        page.tab.click(".wcode-bar button >> text=Compare")
        page.tab.click(".wcode-bar button >> text=Ask again")
        page.finish()
        assert page.sources()[2:] == ["%%wcode glm-5 -o a\nHello", "%%wcode glm-5 -m \nHello", "x = 1"]
        assert [request.json["messages"] for request in server.requests] == [[{"role": "user", "content": "Hello"}]] * 2
        assert page.errors() == []


def test_continue_and_fork_are_cells(lab: Lab) -> None:
    """An answer that was cut goes on by a cell that one can read, run as it stands; so does a copy of a chat, even if
    its name is part of the model's."""
    scripts = [chat("Cut {{here}}", reason="length"), chat("Ahoy"), chat("Second"), chat("Fourth")]
    with FaultServer(*scripts) as server:
        setup = f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url} log=false\nword = 'tides'"
        page = lab.notebook([setup, "%%wcode glm-5 -o a\nOn {{word}}", "%%wcode glm-5 --chat glm\nHi"], "goon.ipynb")
        for cell in range(3):
            page.run(cell)
        page.tab.click(".jp-Cell:nth-of-type(3) .wcode-bar button >> text=Fork")
        page.tab.click(".wcode-bar button >> text=Continue")
        goes_on = "%%wcode glm-5 -o a_2\nOn {{word}}\n\nContinue exactly where this answer stops:\n\n{{a}}"
        fork = ["%wcode chats fork glm glm-2", "%%wcode glm-5 --chat glm-2\n"]
        assert page.sources()[1:] == [
            "%%wcode glm-5 -o a\nOn {{word}}", goes_on, "%%wcode glm-5 --chat glm\nHi", *fork
        ]  # fmt: skip
        page.run(2)
        assert server.requests[2].json["messages"][0]["content"].startswith("On tides\n\nContinue exactly")
        assert server.requests[2].json["messages"][0]["content"].endswith("Cut {{here}}")
        page.run(4)
        page.set_source(5, fork[1] + "And now?")
        page.run(5)
        assert [message["content"] for message in server.requests[3].json["messages"]] == ["Hi", "Ahoy", "And now?"]
        assert page.errors() == []


def test_the_page_follows_until_the_reader_scrolls_away(lab: Lab) -> None:
    """The button in the progress line scrolls along with what arrives; the wheel upwards ends that."""
    more, rest = threading.Event(), threading.Event()
    text = "".join(f"Paragraph {n} of many.\n\n" for n in range(40))
    with FaultServer(
        stream(delta(text), 2.5, delta(text), more, delta(text), rest, delta(text), finish(), DONE)
    ) as server:
        setup = f"%load_ext wcode_jupyter\n%wcode set base_url={server.base_url} log=false"
        page = lab.notebook([setup, "%%wcode glm-5\nHello"], "follow.ipynb")
        page.run(0)
        page.start(1)
        page.tab.click(".wcode-follow")
        more.set()
        bottom = """wanted => {
            const area = document.querySelectorAll('.jp-OutputArea')[1];
            const scroller = document.querySelector('.jp-WindowedPanel-outer');
            const below = area.getBoundingClientRect().bottom - scroller.getBoundingClientRect().bottom;
            return area.querySelectorAll('.wcode-answer p').length >= wanted && below <= 1;
        }"""
        page.wait(bottom, 120, 20)
        page.tab.mouse.move(600, 400)
        page.tab.mouse.wheel(0, -400)
        page.wait("() => !document.querySelector('.wcode-follow[aria-pressed=true]')")
        rest.set()
        page.finish()
        assert not page.js(bottom, 0)
        assert page.errors() == []


def test_version_is_that_of_the_package() -> None:
    """The labextension's version is the package's, and its files are where JupyterLab looks for them."""
    package = json.loads((SOURCE / "package.json").read_text("utf-8"))
    assert package["version"] == wcode_jupyter.__version__
    assert (SOURCE / package["jupyterlab"]["_build"]["load"]).is_file()


def test_modules_need_no_build() -> None:
    """Plain ES modules of at most 300 lines each, which import only each other."""
    modules = sorted((SOURCE / "static").glob("*.js"))
    assert len(modules) > 10
    for path in modules:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 300, path.name
        for name in re.findall(r"^import .*? from '(.*)';$", text, re.MULTILINE):
            assert (path.parent / name).is_file(), (path.name, name)


def test_installed_with_the_package() -> None:
    """Installing the package puts the labextension where JupyterLab finds it."""
    require(installed(), "not in the environment that the test command makes")
    try:
        paths = {Path(str(file.locate())).resolve() for file in files("wcode_jupyter") or ()}
    except PackageNotFoundError:
        pytest.fail("the package is not installed")
    names = {path.name for path in paths if path.parts[-5:-2] == ("share", "jupyter", "labextensions")}
    assert {"package.json", "install.json"} <= {path.name for path in paths}, names


TABLES = """
import os
from IPython.display import display
for os.environ["WCODE_LANG"] in ("en", "zh_CN"):
    for command in ("models", "models glm-5", "params", "settings", "chats", "help"):
        display(get_ipython().run_line_magic("wcode", command))
"""


def test_tables_are_accessible(lab: Lab) -> None:
    """axe finds nothing serious in the tables of the commands, light and dark, English and Chinese."""
    page = lab.notebook([f"%load_ext wcode_jupyter{TABLES}"], "tables.ipynb")  # what is out of sight is not in the page
    page.run(0)
    assert "参数" in page.text(0)
    found = []
    for dark in (True, False):
        page.theme(dark=dark)
        found += violations(page, ".jp-OutputArea-output")
    assert sorted(set(found)) == []
