"""The side bar of JupyterLab: it reads a line as the magics do, follows the active cell and changes its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from wcode_jupyter.errors import WcodeError
from wcode_jupyter.magics.options import parse_cell_line

from .axe import violations
from .environment import ROOT
from .i18n import translations
from .lab import Lab, Page

STATIC = ROOT / "wcode_jupyter" / "labextension" / "static"
# Each kind of value, spelling and slip: both readers must agree on what can be sent.
LINES = r"""
glm-5
glm-5 qwen
-m glm-5
-m a -m b
glm-5 -m b
-m b glm-5
--model=-x
“glm-5”
—temperature 1
--temperature 0.5
--temperature .5
--temperature +1.
--temperature 2.01
--temperature -1
--temperature x
--temperature true
--temperature 1e0
--temperature 1e999
--temperature NaN
--temperature '"1"'
--temperature
--temperature=0.5
--temperature=
--temperature 1 --temperature 1
--top_p 0.9
--tempo 1
--top-k 0
--top-k 1.0
--top-k 1.5
--top-k 1e3
--top-k -1
--top-k null
--top-k 01
--max-tokens 0
--seed 9223372036854775807
--seed 9223372036854775808
--seed -9223372036854775808
--seed -9223372036854775809
--seed 1e30
--logprobs
--logprobs TRUE
--logprobs=no
--no-logprobs
--no-logprobs=1
--logprobs no
--logprobs 'false'
--logprobs --no-logprobs
--no-temperature
--no-such
--without temperature,top_p
--without nothing
--temperature 1 --no-temperature
--reasoning high
--reasoning huge
--reasoning '"low"'
--reasoning '{"effort": "low"}'
--reasoning '{"effort": "huge"}'
--reasoning '{"max_tokens": 9}'
--reasoning {"effort": "low"}
--response-format text
--response-format json_schema
--response-format '{"type": "json_schema"}'
--response-format '{"type": "json_object"}'
--response-format '{"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}'
--response-format '{"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}'
--logit-bias '{"5": 100}'
--logit-bias '{"5": 101}'
--logit-bias '{"x": 1}'
--logit-bias '{"5": true}'
--logit-bias []
--stop a
--stop a --stop b
--stop ''
--stop '["a"]'
--stop '[]'
--stop [a]
--stop '[1]'
--stop 5
--stop '\n\n'
--stop $'\n\u2028'
--tools f,g
--tools '[{"type": "function"}]'
--tools '[{"type": "function", "function": {"name": "f"}}]'
--tools '{}'
--tools [
--tool-choice auto
--tool-choice some
--tool-choice '{}'
--verbosity low
--verbosity LOW
-p temperature=0.5
-p temperature=9
-p temperature
-p nothing=1
-p top-p=1 --top-p 1
-p
--extra-body '{"a": 1}'
--extra-body 5
--extra-body {a}
-o answer
-o 名字
-o 9a
-o class
-o a -o b
-o
--quiet
-q -q
--quiet true
--quiet=1
--image a --image b
--chat a --chat b
--system 'two words' --system=x
--system "a \"b\" c"
--system it's
--system 'it'"'"'s'
--system a\ b
glm-5 # --temperature 9
glm-5 --temperature # 1
-x
-
-- x
--protocol openai
--protocol other
--idle-timeout 0
--idle-timeout 5
--format json
--stream false
--replay auto
--temperature '{{x}}'
--exact-model glm-5
  glm-5   --quiet	# last
""".splitlines()

READ = """async lines => {
    const { readLine } = await import('/lab/extensions/wcode_jupyter/static/line.js');
    return lines.map(line => {
        const { entries, faults } = readLine(`%%wcode ${line}`);
        return [faults.length === 0, [...new Set(entries.map(entry => entry.name))].sort()];
    });
}"""
SPELL = """async texts => {
    const { changeOf, readLine, quote } = await import('/lab/extensions/wcode_jupyter/static/line.js');
    return texts.map(text => {
        const line = '%%wcode # a comment';
        const { start, end, text: written } = changeOf(line, 'system', text);
        return line.slice(0, start) + written + line.slice(end);
    });
}"""
CELL = "%%wcode glm-5 --temperature 0.333 --schema 'name, age int' # calm\nHello"


@pytest.fixture(scope="module")
def page(lab: Lab) -> Iterator[Page]:
    """A notebook without a kernel's help: nothing is loaded in it."""
    page = lab.notebook([CELL, "x = 1", "%%wcode"], "side.ipynb")
    page.command("wcode:open-side-bar")
    page.settle()
    yield page
    page.close()


def read_by_magics(line: str) -> tuple[bool, list[str]] | None:
    """Whether the magics take `line`, and the options in it; None for the options of a line that they refuse."""
    try:
        found = parse_cell_line(line, namespace=None)
    except WcodeError:
        return None
    own = {"model" if name == "models" else name for name in found.own}
    extra = {name for name, value in (("output", found.output), ("extra_body", found.extra_body)) if value}
    return True, sorted({*found.values, *own, *extra})


def test_reads_a_line_as_the_magics_do(page: Page) -> None:
    """The same options and the same verdict for every kind of value, spelling and slip."""
    wrong = {}
    for line, (is_right, names) in zip(LINES, page.js(READ, LINES), strict=True):
        expected = read_by_magics(line) if "{{" not in line else (True, ["temperature"])
        if is_right != (expected is not None) or (expected and names != expected[1]):
            wrong[line] = (is_right, names, expected)
    assert wrong == {}


def test_writes_any_text_so_that_the_magics_read_it(page: Page) -> None:
    """Quotes, backslashes, line ends and unseen characters come back as they were; a comment stays behind them."""
    texts = [
        "plain",
        "two words",
        "it's",
        'a "b"',
        "a\\b",
        "a\nb\tc",
        "中文",
        "a\u2028b",
        "#x",
        "-x",
        "$'x'",
        "a\u00a0b",
        "😀 x",
    ]
    lines = page.js(SPELL, texts)
    assert [parse_cell_line(line.removeprefix("%%wcode")).values["system"] for line in lines] == texts
    assert all(line.endswith(" # a comment") for line in lines)


def field(page: Page, name: str, inner: str = "input[type=text]") -> Any:
    return page.tab.locator(f".wcode-side-field[data-name={name}] {inner}")


def test_every_text_of_the_labextension_is_translated() -> None:
    """What the modules say is in the package's catalogue, and its translation in the table."""
    known = translations()
    table = json.loads((STATIC / "table.json").read_text("utf-8"))
    sources = {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")}
    said = {text for source in sources.values() for text in re.findall(r"\bsay\('([^']+)'", source)}
    words = re.findall(r"^  \w+: '(.*)',?$", sources["words.js"], re.MULTILINE)
    assert len(said) > 20
    assert len(words) > 15
    assert [text for text in (*said, *words) if known.get(text) != table["zh_CN"].get(text, text)] == []


def test_follows_the_cell_both_ways(page: Page) -> None:
    """Controls show the line to any digit; a control changes only its option; what is wrong is said at the control;
    typing in the cell moves the controls; other cells have none."""
    page.select(0)
    assert field(page, "temperature").input_value() == "0.333"
    assert field(page, "schema").input_value() == "name, age int"
    field(page, "top_p").fill("0.95")
    field(page, "dry_run", "input").check()
    field(page, "model", "select").select_option("qwen3.6-plus")
    field(page, "temperature", ".wcode-side-clear").click()
    written = "%%wcode qwen3.6-plus --schema 'name, age int' --top-p 0.95 --dry-run # calm\nHello"
    assert page.sources()[0] == written
    field(page, "top_p").fill("7")
    assert field(page, "top_p", ".wcode-side-wrong").inner_text() == "expected 0…1"
    field(page, "top_p").fill("0.95")
    field(page, "top_p", "input[type=range]").focus()
    page.tab.keyboard.press("ArrowLeft")
    assert page.sources()[0] == written.replace("0.95", "0.94")
    page.set_source(0, "%%wcode glm-5 --min-p 0.005 --stop a --stop b --tempo 3\nHello")
    assert field(page, "min_p").input_value() == "0.005"
    assert field(page, "min_p", "input[type=range]").input_value() == "0.01"
    assert field(page, "top_p").input_value() == ""
    assert [node.input_value() for node in field(page, "stop").all()] == ["a", "b", ""]
    assert page.tab.locator(".wcode-side-faults").inner_text() == "Unknown option --tempo"
    page.select(1)
    assert page.tab.locator(".wcode-side fieldset").is_hidden()
    page.select(2)
    field(page, "output").fill("answer")
    assert page.sources()[2] == "%%wcode -o answer"
    assert page.errors() == []


def test_everyone(page: Page) -> None:
    """axe finds nothing serious, light or dark, with everything open and a fault; all is reached by keyboard."""
    page.set_source(0, "%%wcode glm-5 --temperature 7 --stop a\nHello")
    page.select(0)
    page.js("() => document.querySelectorAll('.wcode-side details').forEach(group => { group.open = true; })")
    page.tab.click(".wcode-side header button >> text=Explain")
    found = []
    for dark in (True, False):
        page.theme(dark=dark)
        found += violations(page, ".wcode-side")
    assert sorted(set(found)) == []
    unreachable = page.js(
        """() => [...document.querySelectorAll('.wcode-side :is(button, input, select, textarea, summary)')]
            .filter(node => node.tabIndex < 0 && node.checkVisibility()).map(node => node.outerHTML)"""
    )
    assert unreachable == []
    assert (
        page.js(
            "() => { const side = document.querySelector('.wcode-side'); return side.scrollWidth - side.clientWidth; }"
        )
        == 0
    )
