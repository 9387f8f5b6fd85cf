"""README and guide tell the truth: their tables come from the code's tables, their Python runs.

`python -m tests.test_docs` writes the tables.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.environment import ROOT
from wcode_jupyter.guide import page, topics
from wcode_jupyter.language import _, language, languages
from wcode_jupyter.magics.commands import COMMANDS
from wcode_jupyter.magics.options import CELL_OPTIONS
from wcode_jupyter.magics.page_table import page_table
from wcode_jupyter.request.parameters import GROUPS, PARAMETERS
from wcode_jupyter.request.settings import SETTINGS

READMES = {"README.md": "en", "README.zh-CN.md": "zh_CN"}
GUIDE = ROOT / "wcode_jupyter" / "guide"
PAGE_TABLE = ROOT / "wcode_jupyter" / "labextension" / "static" / "table.json"
PAGES = {str(path.relative_to(ROOT)): path.parent.name for path in sorted(GUIDE.glob("*/*.md"))}
TEXTS = READMES | PAGES


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _blocks() -> dict[str, str]:
    folder = f"wcode_jupyter/guide/{language()}"
    return {
        "topics": "\n".join(f"- [`{topic}`]({folder}/{topic}.md): {title(topic)}" for topic in topics()),
        "commands": _table(
            (_("command"), _("meaning")), ((f"`%wcode {command.usage}`", _(command.help)) for command in COMMANDS)
        ),
        "options": _table(
            (_("option"), _("meaning")),
            (
                (
                    f"`{', '.join(filter(None, (option.short, option.option)))} {option.metavar}".rstrip() + "`",
                    _(option.help),
                )
                for option in CELL_OPTIONS
            ),
        ),
        "parameters": _table(
            (_("parameter"), _("group"), _("range"), _("page default"), _("meaning")),
            (
                (f"`{row.name}`", _(GROUPS[row.group]), row.range, row.page_default or "–", _(row.help))
                for row in PARAMETERS
            ),
        ),
        "settings": _table(
            (_("setting"), _("range"), _("default"), _("meaning")),
            (
                (f"`{row.name}`", row.range, "–" if row.default is None else str(row.default), _(row.help))
                for row in SETTINGS
            ),
        ),
    }


def title(topic: str) -> str:
    """The heading of a page."""
    return page(topic).partition("\n")[0].removeprefix("# ")


def with_tables(readme: str) -> str:
    """`readme` with its generated blocks filled in, in the language in force."""
    for name, table in _blocks().items():
        block = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        readme = re.sub(
            rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _match, block=block: block, readme, flags=re.DOTALL
        )
    return readme


def code_blocks(name: str) -> list[str]:
    """The code blocks of a text, without their language."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("name", TEXTS)
def test_generated_tables_are_those_of_the_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every generated block is up to date: `python -m tests.test_docs` writes them."""
    monkeypatch.setenv("WCODE_LANG", TEXTS[name])
    text = (ROOT / name).read_text(encoding="utf-8")
    assert with_tables(text) == text


def written_page_table() -> str:
    """The labextension's file, with each entry on a line of its own."""
    return "{\n" + ",\n".join(f"{_json(name)}: {_lines(value)}" for name, value in page_table().items()) + "\n}\n"


def _lines(value: object) -> str:
    assert isinstance(value, (dict, list))
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(_json, value)) + "\n]"
    return "{\n" + ",\n".join(f"{_json(name)}: {_json(entry)}" for name, entry in value.items()) + "\n}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_the_table_of_the_side_bar_is_that_of_the_code() -> None:
    """The labextension knows every parameter, option, model and text, as the package does: there is no second list."""
    assert PAGE_TABLE.read_text(encoding="utf-8") == written_page_table()


def test_every_table_stands_in_the_guide() -> None:
    """Parameters, settings, options and commands each have their place in each language."""
    for tongue in set(PAGES.values()):
        pages = "".join((ROOT / name).read_text(encoding="utf-8") for name, spoken in PAGES.items() if spoken == tongue)
        for table in ("commands", "options", "parameters", "settings"):
            assert pages.count(f"<!-- {table} -->") == 1, (tongue, table)


@pytest.mark.parametrize("name", READMES)
def test_a_readme_is_short(name: str) -> None:
    """At most 160 lines: the rest is in the guide."""
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= 160


@pytest.mark.parametrize("name", [*TEXTS, "wcode_jupyter/README.md", "tests/README.md"])
def test_pictures_and_files_that_a_text_names_exist(name: str) -> None:
    """No dead link into the repository."""
    text = (ROOT / name).read_text(encoding="utf-8")
    links = [(ROOT / name).parent / target for target in re.findall(r"\]\((?!https?://|#)([^)#]+)\)", text)]
    files = [ROOT / target for target in re.findall(r"`((?:notebooks|tests|wcode_jupyter)/[\w./-]+\.\w+)`", text)]
    assert [path for path in links + files if not path.exists()] == []


def test_the_recipes_of_the_map_name_files_that_exist() -> None:
    """Every path of "Ten recipes" is there."""
    recipes = (ROOT / "wcode_jupyter" / "README.md").read_text(encoding="utf-8").partition("## Ten recipes")[2]
    paths = re.findall(r"`([a-z_]+(?:/[\w./]*|\.py))`", recipes)
    assert len(paths) > 15
    assert [path for path in paths if not (ROOT / "wcode_jupyter" / path).exists()] == []


def test_both_readmes_show_the_same_commands() -> None:
    """The code blocks are the same in English and Chinese."""
    assert code_blocks("README.md") == code_blocks("README.zh-CN.md")


@pytest.mark.parametrize("topic", topics())
def test_a_page_shows_the_same_commands_in_each_language(topic: str) -> None:
    """Every language has every page, with the same code blocks."""
    english = code_blocks(f"wcode_jupyter/guide/en/{topic}.md")
    for tongue in languages():
        assert code_blocks(f"wcode_jupyter/guide/{tongue}/{topic}.md") == english


@pytest.mark.model
@pytest.mark.parametrize("name", ["README.md", *(name for name, tongue in PAGES.items() if tongue == "en")])
def test_the_python_of_a_text_runs(name: str) -> None:
    """Its Python blocks run as they stand, one after another, against the embedded model."""
    text = (ROOT / name).read_text(encoding="utf-8")
    sources = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    if not sources:
        pytest.skip("no Python in it")
    pytest.importorskip("xllamacpp", reason="the embedded model's engine is not installed")
    for source in sources:
        exec(compile(source, name, "exec"), {})


if __name__ == "__main__":
    for file, wish in TEXTS.items():
        os.environ["WCODE_LANG"] = wish
        path = Path(ROOT / file)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
    PAGE_TABLE.write_text(written_page_table(), encoding="utf-8")
