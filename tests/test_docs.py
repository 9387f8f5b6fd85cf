"""The README tells the truth: its tables come from the code's tables, its Python runs.

`python -m tests.test_docs` writes the tables into the READMEs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.environment import ROOT
from wcode_jupyter.language import _
from wcode_jupyter.magics.commands import COMMANDS
from wcode_jupyter.magics.options import CELL_OPTIONS
from wcode_jupyter.request.parameters import GROUPS, PARAMETERS
from wcode_jupyter.request.settings import SETTINGS

READMES = {"README.md": "en", "README.zh-CN.md": "zh_CN"}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _blocks() -> dict[str, str]:
    return {
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


def with_tables(readme: str) -> str:
    """`readme` with its generated blocks filled in, in the language in force."""
    for name, table in _blocks().items():
        block = f"<!-- {name} -->\n{table}\n<!-- /{name} -->"
        readme = re.sub(
            rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _match, block=block: block, readme, flags=re.DOTALL
        )
    return readme


@pytest.mark.parametrize("name", READMES)
def test_the_tables_of_the_readme_are_those_of_the_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every generated block is up to date: `python -m tests.test_docs` writes them."""
    monkeypatch.setenv("WCODE_LANG", READMES[name])
    readme = (ROOT / name).read_text(encoding="utf-8")
    assert "<!-- parameters -->" in readme
    assert with_tables(readme) == readme


@pytest.mark.parametrize("name", READMES)
def test_pictures_and_files_that_the_readme_names_exist(name: str) -> None:
    """No dead link into the repository."""
    readme = (ROOT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", readme) + re.findall(r"`(notebooks/[\w.]+\.ipynb)`", readme)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_both_readmes_show_the_same_commands() -> None:
    """The code blocks are the same in English and Chinese."""
    blocks = [
        re.findall(r"^```\w*\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        for name in READMES
    ]
    assert blocks[0] == blocks[1]


@pytest.mark.model
def test_the_python_of_the_readme_runs() -> None:
    """Its Python blocks run as they stand, against the embedded model."""
    pytest.importorskip("xllamacpp", reason="the embedded model's engine is not installed")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for source in re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE):
        exec(compile(source, "README.md", "exec"), {})


if __name__ == "__main__":
    for file, wish in READMES.items():
        os.environ["WCODE_LANG"] = wish
        path = Path(ROOT / file)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
