"""The site of a study: a folder that names nothing outside itself, made from wheels that fit the browser."""

from __future__ import annotations

import json
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.environment import ROOT
from wcode_jupyter.errors import InputError
from wcode_jupyter.magics.commands.site import _make_room
from wcode_jupyter.study import wheels
from wcode_jupyter.study.site import Contents, Parts, build
from wcode_jupyter.study.wheels import (
    NEEDS,
    STARTUP,
    PyodidePython,
    contents_wheel,
    gather,
    imported,
    own_wheel,
    wheel_of,
)

TARGET = PyodidePython("3.14", "pyemscripten_2026_0_wasm32")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


def wheel(folder: Path, name: str, version: str = "1.0", *, needs: tuple[str, ...] = (), tag: str = "any") -> Path:
    """A wheel with one module and these requirements."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-{tag}.whl"
    lines = "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}.py", "")
        archive.writestr(f"{name}-{version}.dist-info/METADATA", f"Name: {name}\nVersion: {version}\n{lines}")
    return path


def test_needs_are_those_of_the_package() -> None:
    """The list that travels in the wheel is the one of pyproject.toml."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = [line.partition(">")[0] for line in declared]
    assert list(NEEDS) == names


def test_own_wheel_holds_the_package(tmp_path: Path) -> None:
    """Code, texts, guide and catalogue; no compiled files of this Python."""
    found = own_wheel(tmp_path)
    assert (found.name, found.imports) == ("wcode-jupyter", ("wcode_jupyter",))
    names = set(zipfile.ZipFile(found.path).namelist())
    assert {"wcode_jupyter/__init__.py", "wcode_jupyter/catalogue/catalogue.toml"} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_contents_travel_as_a_wheel(tmp_path: Path) -> None:
    """Notebook, answers and data at their places, and a start that goes into their folder."""
    for name in ("a.ipynb", "a.replay.jsonl"):
        (tmp_path / name).write_text(name)
    found = contents_wheel(tmp_path, {"a.ipynb": tmp_path / "a.ipynb", "data/a.jsonl": tmp_path / "a.replay.jsonl"})
    archive = zipfile.ZipFile(found.path)
    assert archive.read("wcode_study/files/data/a.jsonl") == b"a.replay.jsonl"
    assert b"os.chdir" in archive.read(STARTUP)
    compile(archive.read(STARTUP), STARTUP, "exec")


def test_imports_of_a_notebook_are_found() -> None:
    """Installed packages only, also beside magics and in cells that are not Python."""
    sources = [
        "%load_ext wcode_jupyter\nimport msgspec, json",
        "%%wcode\nimport nothing of the kind",
        "!ls\nimport IPython",
    ]
    assert imported(sources) >= {"msgspec", "ipython"}
    assert not {"json", "nothing"} & imported(sources)


def test_what_a_package_needs_comes_along(tmp_path: Path) -> None:
    """Requirements are read for the browser: its platform, its Python and the extras that were asked for."""
    given = [
        wheel(tmp_path / "w", "study", needs=(
            "first[more]>=1", 'linux-only; sys_platform == "linux"', 'old-python; python_version < "3.14"',
            'unasked; extra == "plot"', 'page; sys_platform == "emscripten"',
        )),
        wheel(tmp_path / "w", "first", needs=('second; extra == "more"',)),
        wheel(tmp_path / "w", "second", tag=TARGET.platform),
        wheel(tmp_path / "w", "page"),
    ]  # fmt: skip
    found = gather(["study"], TARGET, tmp_path / "store", given)
    assert [each.name for each in found] == ["first", "page", "second", "study"]


def test_a_package_without_a_wheel_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What must be there is an error with the way out; what is optional is left out."""

    def no_index(self: object, wanted: dict[str, object]) -> dict[str, object]:
        if wanted:
            raise wheels._Missing(next(iter(wanted)))
        return {}

    monkeypatch.setattr(wheels._Search, "_pip", no_index)
    given = [wheel(tmp_path / "w", "study", needs=("absent>=2",)), wheel(tmp_path / "w", "other")]
    with pytest.raises(InputError, match="No wheel of absent for the browser") as caught:
        gather(["study"], TARGET, tmp_path / "store", given)
    assert "--wheels FOLDER" in str(caught.value)
    found = gather(["other"], TARGET, tmp_path / "store", given, ["study"])
    assert [each.name for each in found] == ["other"]


def test_another_version_is_taken_where_the_installed_one_has_no_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pydantic` pins its compiled core: where that core has no wheel, a newer pair is taken."""
    index = {"parent==1.0": ("1.0", ("core==1.0",)), "parent": ("2.0", ("core==2.0",)), "core==2.0": ("2.0", ())}
    asked: list[str] = []

    def pip(self: object, wanted: dict[str, wheels._Need]) -> dict[str, wheels.Wheel]:
        found = {}
        for name, need in wanted.items():
            asked.append(need.line)
            if need.line not in index:
                raise wheels._Missing(name)
            version, needs = index[need.line]
            found[name] = wheel_of(wheel(tmp_path / "index", name, version, needs=needs))
        return found

    monkeypatch.setattr(wheels._Search, "_pip", pip)
    monkeypatch.setattr(wheels.installed, "version", lambda name: "1.0")
    found = gather(["parent"], TARGET, tmp_path / "store")
    assert [(each.name, each.version) for each in found] == [("core", "2.0"), ("parent", "2.0")]
    assert asked[:2] == ["parent==1.0", "core==1.0"]


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    """One clear line."""
    (tmp_path / "x.whl").write_bytes(json.dumps({}).encode())
    with pytest.raises(InputError, match=r"x\.whl is not a wheel"):
        wheel_of(tmp_path / "x.whl")


def test_links_are_not_published(tmp_path: Path) -> None:
    """What a sender's link leads to, as an answer; a folder that is a link is not filled."""
    (tmp_path / "id_ed25519").write_text("secret")
    (tmp_path / "n.ipynb").write_text('{"cells": []}')
    (tmp_path / "n.labels.jsonl").symlink_to(tmp_path / "id_ed25519")
    contents = Contents(tmp_path / "n.ipynb", (tmp_path / "n.labels.jsonl",))
    with pytest.raises(InputError, match=r"n\.labels\.jsonl is a link and is not packaged"):
        build(tmp_path / "site", contents, Parts(), tmp_path / "cache")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "elsewhere")
    for force in (False, True):
        with pytest.raises(InputError, match="site is a link"):
            _make_room(tmp_path / "site", force=force)
    assert (tmp_path / "elsewhere").is_dir()
