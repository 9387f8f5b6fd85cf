"""Writing and reading where others may have put links, pipes and devices: nothing is changed but the file itself."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import wcode_jupyter
from tests.store.test_replay_file import answer, request
from wcode_jupyter import files
from wcode_jupyter.batch.runfile import RunFile, header_of
from wcode_jupyter.errors import InputError, ReplayError, RunError, WcodeError
from wcode_jupyter.local.fetch import environment
from wcode_jupyter.session.presets import Presets
from wcode_jupyter.store import Log, Record
from wcode_jupyter.store.log import user_log

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs links and pipes as Unix has them")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that was sent."""
    made = tmp_path / "sent"
    made.mkdir()
    return made


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's elsewhere."""
    path = tmp_path / "authorized_keys"
    path.write_text("mine\n")
    return path


WRITERS: dict[str, Callable[[Path], object]] = {
    "write": lambda path: files.write(path, b"theirs"),
    "create": lambda path: files.create(path, b"theirs"),
    "append": lambda path: os.close(files.appending(path)),
    "replace": lambda path: files.replacing(path).__enter__(),
}


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_written_through_a_link(name: str, folder: Path, victim: Path) -> None:
    """Neither to a file that is there nor to one that is not, whatever the link's form."""
    missing = victim.with_name("missing")
    for number, target in enumerate((victim, missing, Path("..", victim.name), folder / "circle")):
        link = folder / f"link{number}"
        link.symlink_to(target)
        with pytest.raises(OSError, match=r"link|exists"):
            WRITERS[name](link)
        assert link.is_symlink()
    assert victim.read_text() == "mine\n"
    assert not missing.exists()


@pytest.mark.parametrize("name", WRITERS)
def test_pipes_devices_and_folders_are_refused_at_once(name: str, folder: Path) -> None:
    """No wait for the other end of a pipe."""
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    for path in (folder / "pipe", folder / "folder", Path("/dev/null")):
        with pytest.raises(OSError, match=r"not a regular file|directory|exists"):
            WRITERS[name](path)


def test_reading_takes_regular_files_only(folder: Path, victim: Path) -> None:
    """A link to one is fine; a pipe would wait, a device never end."""
    os.mkfifo(folder / "pipe")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "link").symlink_to(victim)
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="not a regular file"):
            files.reading(folder / name)
    with files.reading(folder / "link") as file:
        assert file.read() == b"mine\n"


def test_a_write_is_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves what was there, and nothing beside it; permissions stay."""
    path = folder / "file"
    files.write(path, b"old")
    path.chmod(0o640)

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        for writer in (WRITERS["write"], lambda path: files.create(path.with_name("new"), b"x")):
            with pytest.raises(OSError, match="No space left"):
                writer(path)
    assert [found.name for found in folder.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"
    files.write(path, b"new")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


def test_a_new_file_has_the_permissions_of_the_user(folder: Path) -> None:
    """The umask decides, unless the file is private."""
    before = os.umask(0o027)
    try:
        files.write(folder / "shared", b"x")
        files.write(folder / "private", b"x", mode=0o600)
    finally:
        os.umask(before)
    assert (folder / "shared").stat().st_mode & 0o777 == 0o640
    assert (folder / "private").stat().st_mode & 0o777 == 0o600


# -- what a sender may put beside a notebook --------------------------------------------------------------------------

KEY_LINE = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 attacker"


def whole(path: Path) -> None:
    """A replay file with one answer."""
    Record(path, "auto").add(answer(request()))


def test_opening_a_replay_file_writes_nothing(folder: Path, victim: Path) -> None:
    """In no mode, also where its last line is torn and the side file is a link to the user's keys."""
    path = folder / "nb.replay.jsonl"
    whole(path)
    path.write_bytes(path.read_bytes() + KEY_LINE)
    Path(f"{path}.torn").symlink_to(victim)
    before = {found.name: found.lstat().st_mtime_ns for found in folder.iterdir()}
    for mode in ("replay", "auto", "record", "off"):
        Record(path, mode)  # type: ignore[arg-type]
    assert {found.name: found.lstat().st_mtime_ns for found in folder.iterdir()} == before
    assert victim.read_text() == "mine\n"


@pytest.mark.parametrize("name", ["nb.replay.jsonl.torn", ".nb.replay.jsonl.tmp", ".nb.replay.jsonl.lock"])
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "device"])
@pytest.mark.parametrize("mode", ["auto", "record"])
def test_a_side_file_of_a_replay_file_harms_nothing(
    name: str, kind: str, mode: str, folder: Path, victim: Path
) -> None:
    """Whatever stands under its name, nothing outside the folder changes, and nothing waits."""
    path = folder / "nb.replay.jsonl"
    whole(path)
    if name.endswith(".torn"):
        path.write_bytes(path.read_bytes() + KEY_LINE)
    for found in folder.glob(".*.lock"):
        found.unlink()
    place(folder / name, kind, victim)
    record = Record(path, mode)  # type: ignore[arg-type]
    assert said(ReplayError, lambda: record.add(answer(request(), "new"))) in ("", "refused")
    assert not path.is_symlink()
    assert victim.read_text() == "mine\n"
    assert not victim.with_name("missing").exists()


def said(error: type[WcodeError], act: Callable[[], object]) -> str:
    """How `act` ended: the empty text, or `refused` in one line that says why."""
    try:
        act()
    except error as refused:
        text = str(refused)
        words = ("link", "not a regular file", "Replay file not found", "not a record", "not JSON")
        return "refused" if "\n" not in text and any(word in text for word in words) else text
    return ""


def place(path: Path, kind: str, victim: Path) -> None:
    """Puts a thing of this kind at `path`."""
    if kind == "pipe":
        os.mkfifo(path)
    else:
        target = {"link": victim, "dangling": victim.with_name("missing"), "device": Path("/dev/full")}[kind]
        path.symlink_to(target)


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "device"])
@pytest.mark.parametrize("mode", ["replay", "auto", "record"])
def test_a_replay_file_that_is_none_is_one_line(kind: str, mode: str, folder: Path, victim: Path) -> None:
    """A link to another file, to nothing, a pipe, a device: refused, and nothing is created or changed."""
    path = folder / "nb.replay.jsonl"
    place(path, kind, victim)
    assert said(ReplayError, lambda: Record(path, mode).add(answer(request()))) == "refused"  # type: ignore[arg-type]
    assert victim.read_text() == "mine\n"
    assert not victim.with_name("missing").exists()


def test_a_link_to_an_empty_file_is_not_written(folder: Path, victim: Path) -> None:
    """Only a file that has records already is taken for the user's own choice."""
    victim.write_bytes(b"")
    path = folder / "nb.replay.jsonl"
    path.symlink_to(victim)
    with pytest.raises(ReplayError, match="link"):
        Record(path, "auto").add(answer(request()))
    assert victim.read_bytes() == b""


@pytest.mark.parametrize("name", ["r.run.jsonl", ".r.run.jsonl.lock", ".r.run.jsonl.tmp"])
@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "device"])
def test_a_run_file_harms_nothing(name: str, kind: str, folder: Path, victim: Path) -> None:
    """Its own name and those beside it."""
    place(folder / name, kind, victim)
    file = RunFile(folder / "r.run.jsonl")
    assert said(RunError, lambda: file.open(header_of("f"))) in ("", "refused")
    file.close()
    assert victim.read_text() == "mine\n"
    assert not victim.with_name("missing").exists()


def test_presets_are_private_and_whole(folder: Path) -> None:
    """A file of the user's own, and a pipe in its place is one line."""
    path = folder / "presets.toml"
    Presets(path).save("careful", {"temperature": 0.2})
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(WcodeError, match="not a regular file"):
        Presets(path).names()


def test_the_log_is_for_its_user_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """New or found open to others: the folder 0700, the files 0600."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    path = user_log()
    path.parent.mkdir(parents=True, mode=0o755)
    path.touch(0o644)
    log = Log()
    log.add(answer(request()))
    modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}
    log.close()
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert set(modes.values()) == {0o600}
    assert path.name in modes


def test_names_that_are_none_are_one_line() -> None:
    """A home that nobody has, a character that no name has, no name at all."""
    for word in ("~nobody-of-that-name/x", "a\0b", "", "/", "~\0"):
        with pytest.raises(InputError, match="is not the name of a file"):
            files.named(word)
    assert files.named("~/x") == Path.home() / "x"


def test_programs_are_started_without_keys_and_without_the_folder() -> None:
    """Each gets an environment of its own, and Python no module of the notebook's folder (`-P`)."""
    package = Path(wcode_jupyter.__file__).parent
    calls = [
        (path.name, node, path.read_text("utf-8"))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("subprocess.run", "subprocess.Popen")
    ]
    assert len(calls) >= 5
    for name, call, source in calls:
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert given.get("env", "").startswith("environment("), name
        assert source.count("sys.executable") == len(re.findall(r'sys\.executable, "-P"', source)), name
    keys = {"WCODE_API_KEY": "a", "OPENAI_API_KEY": "b", "ANTHROPIC_AUTH_TOKEN": "c", "aws_secret_access_key": "d"}
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in (keys | {"PATH_X": "e"}).items():
            patch.setenv(variable, value)
        assert environment().keys() & (keys.keys() | {"PATH_X"}) == {"PATH_X"}


def test_every_write_goes_through_one_module() -> None:
    """No other module opens a file for writing; the exceptions are in caches, temporary folders and new ones."""
    package = Path(wcode_jupyter.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _writes(node):
                found.add(path.relative_to(package).as_posix())
    assert found == {
        "files.py",
        "local/fetch.py",
        "local/server.py",
        "batch/runfile.py",
        "store/log.py",
        "study/archive.py",
        "study/site.py",
    }


def _writes(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    modes = [arg.value for arg in call.args[:2] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    if last in ("open", "fdopen"):
        if call.args and ast.unparse(call.args[0]).startswith("files."):
            return False
        return name == "os.open" or any(set(mode) & set("wax+") and len(mode) < 4 for mode in modes)
    return last in ("write_text", "write_bytes", "mkstemp", "touch", "NamedTemporaryFile", "copyfile", "copy2")
