"""The package of a study: whole, described as an RO-Crate, checked in a clean kernel, and opened without trust."""

from __future__ import annotations

import io
import json
import random
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.fault_server import FaultServer, chat
from tests.kernels import Kernel
from wcode_jupyter.__main__ import main
from wcode_jupyter.catalogue import Catalogue
from wcode_jupyter.errors import InputError
from wcode_jupyter.study import archive
from wcode_jupyter.study.check import check
from wcode_jupyter.study.crate import METADATA, Maker
from wcode_jupyter.study.methods import study
from wcode_jupyter.study.package import MANIFEST, pack
from wcode_jupyter.testing import StandIn

NOTEBOOK = "02_reproducible"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WCODE_LANG", "en")


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a shipped notebook."""
    folder = tmp_path_factory.mktemp("packed")
    return packed_in(folder)


def packed_in(folder: Path, *, changed: bool = False) -> Path:
    """`changed`: another output was saved than the recorded answers give."""
    paths = [folder / f"{NOTEBOOK}.ipynb", folder / f"{NOTEBOOK}.replay.jsonl"]
    for path in paths:
        shutil.copy(ROOT / "notebooks" / path.name, path)
    if changed:
        notebook = json.loads(paths[0].read_text(encoding="utf-8"))
        shown = [
            output
            for cell in notebook["cells"]
            if cell["cell_type"] == "code" and not cell["metadata"].get("tags")
            for output in cell["outputs"]
            if "data" in output
        ]
        shown[0]["data"]["text/plain"] = ["another answer"]
        paths[0].write_text(json.dumps(notebook), encoding="utf-8")
    data = folder / "reviews.csv"
    data.write_text("text\nfine\n")
    target = folder / "study.zip"
    catalogue = Catalogue({})
    pack(
        target,
        paths[0],
        paths[1:],
        study(paths[1:], catalogue),
        catalogue,
        data=[data],
        maker=Maker(author="A. Author"),
    )
    return target


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive_:
        return {name: archive_.read(name) for name in archive_.namelist()}


def test_package_holds_all_that_a_reader_needs(packed: Path) -> None:
    """Notebook, answers, account, checklist, prices, exact versions, hashes of the data, manifest, metadata."""
    files = contents(packed)
    assert set(files) == {
        f"{NOTEBOOK}.ipynb", f"{NOTEBOOK}.replay.jsonl", "methods.md", "checklist.md", "models.json",
        "requirements.txt", "study.json", "README.md", MANIFEST, METADATA,
    }  # fmt: skip
    # sha256sum of "text\\nfine\\n"
    assert json.loads(files["study.json"])["data_sha256"] == {
        "reviews.csv": "94b877f25335fa0af4e4b26663c73b747b34a46c66e851b3439da517ff5df163"
    }
    assert b"msgspec==" in files["requirements.txt"]
    assert b"We asked local" in files["methods.md"]


def test_key_in_use_is_not_packaged(tmp_path: Path) -> None:
    """The error names the file; nothing is written."""
    notebook = tmp_path / "n.ipynb"
    notebook.write_text('{"secret": "sk-abc"}')
    with pytest.raises(InputError, match=r"n\.ipynb contains a key"):
        pack(
            tmp_path / "s.zip", notebook, [], study([], Catalogue({})), Catalogue({}), is_secret=lambda t: "sk-abc" in t
        )
    assert not (tmp_path / "s.zip").exists()


def test_link_is_not_packaged(tmp_path: Path) -> None:
    """A run or label file that a sender made a link to a secret would be published under its name."""
    (tmp_path / "id_ed25519").write_text("secret")
    (tmp_path / "n.labels.jsonl").symlink_to(tmp_path / "id_ed25519")
    with pytest.raises(InputError, match=r"n\.labels\.jsonl is a link and is not packaged"):
        pack(tmp_path / "s.zip", None, [tmp_path / "n.labels.jsonl"], study([], Catalogue({})), Catalogue({}))
    assert not (tmp_path / "s.zip").exists()


def test_archive_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """A link in its place is left alone."""
    (tmp_path / "s.zip").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"Cannot write s\.zip: it is a link"):
        pack(tmp_path / "s.zip", None, [], study([], Catalogue({})), Catalogue({}))
    assert not (tmp_path / "elsewhere").exists()


def test_metadata_is_an_ro_crate(packed: Path, tmp_path: Path) -> None:
    """roc-validator finds nothing REQUIRED or RECOMMENDED missing; its two checks of the network are left out."""
    pytest.importorskip("rocrate")
    pytest.importorskip("rocrate_validator")
    script = Path(__file__).with_name("validated_crate.py")
    archive.unpack(packed, tmp_path)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-2000:]


@pytest.mark.kernel
def test_check_says_yes_or_no(packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and an exit status: 0 for the saved outputs, 1 for another one, 2 without trust."""
    pytest.importorskip("nbclient")
    assert main(["check", str(packed), "--trust"]) == 0
    assert capsys.readouterr().out.startswith("yes: ")
    changed = packed_in(tmp_path, changed=True)
    assert main(["check", str(changed), "--trust"]) == 1
    line = capsys.readouterr().out
    assert line.startswith("no: the output of cell ")
    assert line.count("\n") == 1


def test_check_asks_for_trust(
    packed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it runs the notebook's code; where nobody can answer, nothing runs."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["check", str(packed)]) == 2
    said = capsys.readouterr()
    assert "runs the code of its notebook" in said.out
    assert "--trust" in said.err


def hostile(path: Path, name: str, content: bytes = b"x", mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive_:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive_.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


@pytest.mark.parametrize("name", ["../a", "/a", "a/b", "..", "C:a", "a\\b", "a\nb", "\u202ea"])
def test_no_path_outside_the_folder(tmp_path: Path, name: str) -> None:
    """A package has plain names only; nothing is written."""
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(InputError, match=r"an unexpected name|is not a readable zip"):
        archive.unpack(hostile(tmp_path / "x.zip", name), folder)
    assert list(folder.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "x.zip"]


def test_no_links_no_bombs_no_doubles(tmp_path: Path) -> None:
    """A link, 1 GB of zeros, a name twice, and what is no archive are each one line."""
    folder = tmp_path / "in"
    folder.mkdir()
    for path, words in (
        (hostile(tmp_path / "link.zip", "a", b"/etc/passwd", stat.S_IFLNK | 0o777), "an unexpected name"),
        (hostile(tmp_path / "bomb.zip", "a", bytes(64 * 2**20)), "too large"),
    ):
        with pytest.raises(InputError, match=words):
            archive.unpack(path, folder)
    twice = hostile(tmp_path / "twice.zip", "a")
    with zipfile.ZipFile(twice, "a") as archive_:
        archive_.writestr("A", b"y")
    with pytest.raises(InputError, match="twice"):
        archive.unpack(twice, folder)
    (tmp_path / "no.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="not a readable zip"):
        archive.unpack(tmp_path / "no.zip", folder)


def test_same_bytes_claimed_many_times_are_a_bomb(tmp_path: Path) -> None:
    """Members that overlap: the directory claims a fair ratio for each, the archive itself is small."""
    path = hostile(tmp_path / "x.zip", "a0", random.Random(1).randbytes(10_000) * 105)
    whole = path.read_bytes()
    start, end = whole.index(b"PK\x01\x02"), whole.index(b"PK\x05\x06")
    row = whole[start:end]
    rows = b"".join(row.replace(b"a0", b"%02x" % number) for number in range(150))
    count = len(rows) // len(row)
    tail = bytearray(whole[end:])
    tail[8:12] = count.to_bytes(2, "little") * 2
    tail[12:16] = len(rows).to_bytes(4, "little")
    path.write_bytes(whole[:start] + rows + tail)
    with zipfile.ZipFile(path) as archive_:
        claimed = [(member.file_size, member.compress_size) for member in archive_.infolist()]
    assert sum(size for size, _part in claimed) > 100 * 2**20
    assert all(size < 500 * part for size, part in claimed)
    assert path.stat().st_size < 30_000
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(InputError, match="too large"):
        archive.unpack(path, folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("cut", [30, 40, 60, -30])
@pytest.mark.parametrize("flip", [False, True])
def test_damaged_archive_is_one_line(packed: Path, tmp_path: Path, cut: int, flip: bool) -> None:
    """Cut anywhere, or with bytes in the middle that are others."""
    whole = bytearray(packed.read_bytes())
    if flip:
        whole[cut : cut + 8 if cut > 0 else None] = bytes(8 if cut > 0 else -cut)
    else:
        whole = whole[:cut]
    (tmp_path / "x.zip").write_bytes(whole)
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(InputError) as caught:
        archive.unpack(tmp_path / "x.zip", folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "files",
    [
        {"study.json": b"[" * 10_000},
        {"study.json": b"\xff"},
        {"study.json": b'{"wcode_study": 1, "notebook": "../../etc/passwd"}'},
        {"study.json": b'{"wcode_study": 1, "notebook": "n.ipynb"}', "n.ipynb": b"no notebook"},
        {"study.json": b'{"wcode_study": 1, "notebook": "n.ipynb"}', "n.ipynb": b'{"cells": 1}'},
        {"study.json": b'{"wcode_study": 1, "notebook": "n.ipynb"}', "n.ipynb": b"[" * 100_000},
        {"study.json": b'{"wcode_study": 1, "answers": ["..", ""]}'},
        {},
    ],
    ids=str,
)
def test_package_of_nonsense_is_one_line(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Whatever is in its files: nothing runs."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive_:
        for name, content in files.items():
            archive_.writestr(name, content)
        archive_.writestr(MANIFEST, "")
    with pytest.raises(InputError) as caught:
        check(tmp_path / "x.zip")
    assert "\n" not in str(caught.value)


def test_changed_file_is_noticed(packed: Path, tmp_path: Path) -> None:
    """The manifest names the file that is another."""
    files = contents(packed) | {"methods.md": b"We asked nobody."}
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(changed, "w") as archive_:
        for name, content in files.items():
            archive_.writestr(name, content)
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(InputError, match=r"methods\.md is not what the manifest says"):
        archive.unpack(changed, folder)


@pytest.mark.kernel
def test_package_command(tmp_path: Path) -> None:
    """The replay file and run files of the notebook in force, and the notebook of that name; never over a file."""
    (tmp_path / "s.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    with FaultServer(chat("Hello"), chat("yes"), chat("no")) as server, Kernel(tmp_path) as kernel:
        kernel.run(f"%load_ext wcode_jupyter\n%wcode set model=m base_url={server.base_url}")
        kernel.run("%wcode replay auto s.replay.jsonl")
        kernel.run("%%wcode\nhi")
        kernel.run("%wcode replay off\nrows = ['a', 'b']")
        kernel.run("%%wcode --each rows --run-file s.r.run.jsonl --yes\n{{value}}")
        done = kernel.run("%wcode package s.zip --author Ada --license CC-BY-4.0")
        assert done.text == "11 files in s.zip.\n"
        assert kernel.run("%wcode package s.zip").error == "InputError"
        assert kernel.run("%wcode package s.tar").error == "OptionError"
    files = contents(tmp_path / "s.zip")
    assert {"s.ipynb", "s.replay.jsonl", "s.r.run.jsonl"} <= set(files)
    actions = [entity for entity in json.loads(files[METADATA])["@graph"] if entity["@type"] == "CreateAction"]
    assert [action["result"] for action in actions] == [{"@id": "s.replay.jsonl"}, {"@id": "s.r.run.jsonl"}]


def test_settings_from_outside_travel_with_the_study(tmp_path: Path) -> None:
    """A notebook that names no model has it from the author's environment; its package replays without that."""
    notebook = {
        "cells": [
            {"cell_type": "code", "execution_count": 1, "id": "a", "metadata": {}, "outputs": [],
             "source": "%load_ext wcode_jupyter"},
            {"cell_type": "code", "execution_count": 2, "id": "b", "metadata": {},
             "outputs": [{"output_type": "stream", "name": "stdout", "text": "echo Hi\n"}],
             "source": "import wcode_jupyter\nprint(wcode_jupyter.Client().ask('Hi').text)"},
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    (tmp_path / "own.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    with StandIn(lambda asked: f"echo {asked.prompt}") as server, Kernel(
        tmp_path,
        {**server.environment, "WCODE_LANG": "en", "WCODE_REPLAY": "auto",
         "WCODE_REPLAY_FILE": "own.replay.jsonl", "JPY_SESSION_NAME": str(tmp_path / "own.ipynb")},
    ) as kernel:  # fmt: skip
        kernel.run("%load_ext wcode_jupyter")
        assert kernel.run("import wcode_jupyter; print(wcode_jupyter.Client().ask('Hi').text)").text == "echo Hi\n"
        assert kernel.run("%wcode package own.zip").status == "ok"
    assert json.loads(contents(tmp_path / "own.zip")["study.json"])["settings"] == {"WCODE_MODEL": "stand-in"}
    verdict = check(tmp_path / "own.zip")
    assert verdict.good, verdict.line


def test_what_changed_is_said(tmp_path: Path) -> None:
    """A cell that fails in the check is named with its error."""
    packed = packed_in(tmp_path, changed=True)
    assert "the output of cell" in check(packed).line
