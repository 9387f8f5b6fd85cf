"""The replay file on disk: bad input, torn ends, full disks, two kernels, kill -9."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wcode_jupyter.errors import ReplayError
from wcode_jupyter.store import Record, named_path
from wcode_jupyter.store.replay_file import ReplayFile

from .test_replay import answer, lookup, request, texts

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.replay.jsonl"


def one_line_error(path: Path, mode: str = "replay") -> str:
    with pytest.raises(ReplayError) as caught:
        Record(path, mode)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_line_is_sorted_json_with_version_and_without_the_word_replayed(path: Path) -> None:
    """One reply a line, our own keys sorted, Chinese readable, version 1."""
    Record(path, "auto").add(answer(request("你好"), "您好"))
    line = path.read_text(encoding="utf-8")
    value = json.loads(line)
    assert line == json.dumps(value, sort_keys=True, ensure_ascii=False) + "\n"
    assert "您好" in line
    assert value["v"] == 1
    assert "replayed" not in value


def test_file_that_is_a_folder_is_unreadable(path: Path) -> None:
    """An unreadable file is one line that names it."""
    path.mkdir()
    assert "Cannot read" in one_line_error(path)


def test_file_without_permission_is_unreadable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal of the system is one line that names the file and the reason."""
    path.touch()

    def refuse(self: Path, *_args: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "Permission denied" in one_line_error(path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{not json}\n", "line 2: This is not JSON"),
        (b"\xff\xfe\n", "line 2: This is not JSON"),
        (b"<<<<<<< HEAD\n", "merge conflict"),
        (b"\xef\xbb\xbf{}\n", "Save it as UTF-8 without a byte order mark"),
        (b"[1, 2]\n", "line 2: This is not a record"),
        (b'{"v": 1}\n', "line 2: This is not a record"),
        (b'{"v": 2, "fingerprint": "f", "new": {}}\n', "newer version of wcode_jupyter"),
        (b"[" * 100_000 + b"\n", "line 2"),
    ],
)
@pytest.mark.parametrize("mode", ["replay", "auto", "record"])
def test_bad_line_is_named(path: Path, mode: str, line: bytes, complaint: str) -> None:
    """A line that is no record of a version we know stops every mode, with its number."""
    Record(path, "auto").add(answer(request()))
    path.write_bytes(path.read_bytes() + line)
    assert complaint in one_line_error(path, mode)


def test_record_without_an_answer_is_named_when_it_is_asked(path: Path) -> None:
    """A line cut down by hand to what the index needs is reported, not replayed as an empty answer."""
    reply = answer(request())
    path.write_text(json.dumps({"v": 1, "fingerprint": reply.fingerprint}) + "\n")
    with pytest.raises(ReplayError, match="line 1: This record contains no request"):
        lookup(Record(path, "replay"), request())


def test_record_with_an_empty_answer_is_named_when_it_is_asked(path: Path) -> None:
    """An answer without a single choice, which only an edit can make, is no answer."""
    line = answer(request()).to_dict() | {"v": 1, "choices": []}
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(ReplayError, match="line 1: This record contains no answer"):
        lookup(Record(path, "replay"), request())


@pytest.mark.parametrize("mode", ["replay", "auto", "record"])
def test_name_that_the_system_refuses(path: Path, mode: str) -> None:
    """A name too long for the file system is one line in every mode."""
    assert "Cannot read" in one_line_error(path.with_name(300 * "x"), mode)


@pytest.mark.parametrize("name", ["", ".", "/", "a\0b", "~nobody-of-this-name/a.jsonl"])
def test_name_that_is_no_file(name: str) -> None:
    """What cannot be the name of a file is one line too, and says the name."""
    with pytest.raises(ReplayError) as caught:
        named_path(name)
    assert "replay file" in str(caught.value).lower()


def test_blank_lines_and_windows_line_ends_are_harmless(path: Path) -> None:
    """What editors and git do to text files does not break a record."""
    record = Record(path, "auto")
    record.add(answer(request(), "a"))
    record.add(answer(request(), "b"))
    path.write_bytes(b"\n" + path.read_bytes().replace(b"\n", b"\r\n\r\n"))
    assert texts(Record(path, "replay"), request(), 2) == ["a", "b"]


def test_lost_last_newline_is_no_torn_line(path: Path) -> None:
    """A whole record at the end of a file without a newline is a record, and the next one starts its own line."""
    Record(path, "auto").add(answer(request(), "a"))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    record = Record(path, "auto")
    assert texts(record, request(), 1) == ["a"]
    record.add(answer(request(), "b"))
    assert record.take_notices() == []
    assert texts(Record(path, "replay"), request(), 2) == ["a", "b"]


def torn(path: Path) -> bytes:
    record = Record(path, "auto")
    record.add(answer(request(), "whole"))
    record.add(answer(request("torn")))
    whole, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(whole + last[: len(last) // 2])
    return last[: len(last) // 2]


def test_torn_last_line_is_reported_in_replay_and_left_alone(path: Path) -> None:
    """Replay only reads: it says what is left out and gives the rest."""
    torn(path)
    before = path.read_bytes()
    record = Record(path, "replay")
    (notice,) = record.take_notices()
    assert "incomplete record" in notice
    assert record.take_notices() == []
    assert texts(record, request(), 1) == ["whole"]
    assert path.read_bytes() == before


def test_torn_last_line_is_moved_aside_before_writing(path: Path) -> None:
    """Opening writes nothing; the next answer keeps the torn bytes in a side file and says so."""
    rest = torn(path)
    before, names = path.read_bytes(), set(path.parent.iterdir())
    record = Record(path, "auto")
    assert record.take_notices() == []
    assert (path.read_bytes(), set(path.parent.iterdir())) == (before, names)
    record.add(answer(request("torn")))
    (notice,) = record.take_notices()
    assert f"({len(rest)} bytes), now in {path.name}.torn" in notice
    assert path.with_name(path.name + ".torn").read_bytes() == rest + b"\n"
    assert len(Record(path, "replay")) == 2


def test_unknown_fields_survive_a_rewrite(path: Path) -> None:
    """Fields of a later release stand unchanged, byte by byte, when another line is replaced."""
    Record(path, "auto").add(answer(request("first")))
    line = json.loads(path.read_text()) | {"zz_future": {"a": [1, 2]}}
    future = json.dumps(line, sort_keys=True) + "\n"
    path.write_text(future)
    Record(path, "auto").add(answer(request("second"), "old"))
    Record(path, "record").add(answer(request("second"), "new"))
    assert path.read_text().startswith(future)
    assert texts(Record(path, "replay"), request("second"), 1) == ["new"]
    assert texts(Record(path, "replay"), request("first"), 1) == ["4"]


def test_rewrite_keeps_permissions_and_links(path: Path, tmp_path: Path) -> None:
    """Replacing a line keeps the file's mode, and a symbolic link stays one."""
    target = tmp_path / "target.jsonl"
    Record(target, "auto").add(answer(request(), "old"))
    target.chmod(0o640)
    path.symlink_to(target)
    Record(path, "record").add(answer(request(), "new"))
    assert path.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert texts(Record(target, "replay"), request(), 1) == ["new"]


def test_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails half way is taken back, appended or rewritten, and is one clear error."""
    Record(path, "auto").add(answer(request(), "old"))
    before = path.read_bytes()
    real_write = os.write

    def half_then_full(descriptor: int, data: bytes) -> int:
        if len(data) < 50:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, bytes(data)[: len(data) // 2])

    for mode in ("auto", "record"):
        record = Record(path, mode)  # type: ignore[arg-type]
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half_then_full)
            with pytest.raises(ReplayError, match="No space left on device"):
                record.add(answer(request(), "new"))
        assert path.read_bytes() == before
        assert [found.name for found in path.parent.iterdir() if "lock" not in found.name] == [path.name]
    record.add(answer(request(), "new"))
    assert texts(Record(path, "replay"), request(), 1) == ["new"]


def test_read_only_folder(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be written, one line says so."""
    from filelock import FileLock

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with pytest.raises(ReplayError, match=r"Cannot write .*Permission denied"):
        Record(path, "auto").add(answer(request()))


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    """A replay file in a folder that is not there is one line as well."""
    with pytest.raises(ReplayError, match="Folder not found"):
        Record(tmp_path / "no" / "such" / "file.jsonl", "auto").add(answer(request()))


def test_lock_held_by_another_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the lock has an end."""
    from filelock import FileLock

    monkeypatch.setattr("wcode_jupyter.store.replay_file._LOCK_TIMEOUT_S", 0.01)
    with FileLock(path.with_name(f".{path.name}.lock")), pytest.raises(ReplayError, match="locked by another process"):
        Record(path, "auto").add(answer(request()))


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_folder_without_locks_holds_a_replay_file_too(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Some network folders lock nothing: an answer that was paid is recorded there all the same."""
    from filelock import FileLock

    def acquire(_lock: FileLock) -> None:
        raise OSError(number, "No locks available")

    monkeypatch.setattr(FileLock, "acquire", acquire)
    Record(path, "auto").add(answer(request()))
    assert len(path.read_bytes().splitlines()) >= 1


def test_file_edited_in_the_middle_of_a_session_is_read_anew(path: Path) -> None:
    """A checkout or an edit between two lookups neither breaks the index nor gives a wrong answer."""
    for name in ("a", "b, longer", "last"):
        Record(path, "auto").add(answer(request(name), name))
    record = Record(path, "replay")
    assert texts(record, request("a"), 1) == ["a"]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(lines[1] + lines[0] + lines[2])
    os.utime(path, ns=(1, 1))
    assert texts(record, request("b, longer"), 1) == ["b, longer"]


def test_another_file_of_the_same_size_and_time_is_read_anew(path: Path) -> None:
    """Version control may put a file in place that differs from the old one in nothing but its content."""
    for name, text in ((path, "old"), (path.with_name("other"), "new")):
        Record(name, "auto").add(answer(request(), text))
        os.utime(name, ns=(1, 1))
    record = Record(path, "replay")
    os.replace(path.with_name("other"), path)
    assert texts(record, request(), 1) == ["new"]


def test_line_that_changed_after_it_was_found_is_no_answer(path: Path) -> None:
    """Between the look at the file and the reading, other bytes of the same length took the line's place."""
    Record(path, "auto").add(answer(request(), "old"))
    file = ReplayFile(path)
    file.refresh()
    path.write_bytes(path.read_bytes().replace(b"old", b"new"))
    with pytest.raises(ReplayError, match="changed while it was being read"):
        file.read(file.all()[0])


@pytest.mark.parametrize("mode", ["auto", "record"])
def test_an_answer_is_on_the_disk_when_it_counts_as_recorded(
    path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added or put in place of another, the line is handed to the disk itself, whole."""
    Record(path, "auto").add(answer(request(), "old"))
    synced: list[int] = []
    real_sync = os.fsync

    def sync(descriptor: int) -> None:
        real_sync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", sync)
    Record(path, mode).add(answer(request(), "new"))  # type: ignore[arg-type]
    assert synced == [path.stat().st_size]


def test_index_after_a_replacement_is_that_of_a_fresh_look(path: Path) -> None:
    """Offsets moved in memory are the offsets in the file."""
    for name in "abc":
        Record(path, "auto").add(answer(request(name), name))
    moved = ReplayFile(path)
    with moved.writing():
        moved.replace(moved.all()[1], moved.read(moved.all()[2]))
    fresh = ReplayFile(path)
    fresh.refresh()
    assert sorted(moved.all()) == fresh.all()
    moved.refresh()
    assert moved.all() == fresh.all()


WRITER = """
    import sys
    from pathlib import Path
    from tests.store.test_replay import answer, request
    from wcode_jupyter.store import Record
    path, name, count, mode = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    record = Record(path, mode)
    for number in range(count):
        record.add(answer(request(f"{name} {number}"), mode + "x" * 5000))
"""


def start_writer(path: Path, name: str, count: int, mode: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count), mode]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_two_kernels_writing_lose_nothing(path: Path) -> None:
    """Two processes at once, first adding and then replacing lines of one file, leave every line of both."""
    for mode in ("auto", "record"):
        writers = [start_writer(path, name, 60, mode) for name in "ab"]
        for writer in writers:
            writer.communicate(timeout=60)
            assert writer.returncode == 0
        found = list(Record(path, "replay").replies())
        assert len({reply.fingerprint for reply in found}) == len(found) == 120
        assert {reply.text.rstrip("x") for reply in found} == {mode}


KILLER = """
    import os, signal, sys
    import filelock  # once, not in each kernel
    from pathlib import Path
    from tests.store.test_replay import answer, request
    from wcode_jupyter.store import Record
    path, seed = Path(sys.argv[1]), int(sys.argv[2])
    real_write, left = os.write, 0

    def write_in_pieces(descriptor, data):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real_write(descriptor, bytes(data[: 500 if len(data) < 10000 else None]))

    # 50 kernels, one after another; each is killed by SIGKILL in one of its writes, a line being 17 of them.
    for kernel in range(50):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            left = 20 + (seed * 50 + kernel) * 7 % 60
            os.write = write_in_pieces
            record = Record(path, "record" if kernel % 2 else "auto")
            number = 0
            while True:
                record.add(answer(request(f"{kernel % 2} {number % 7}"), f"{seed} {kernel} {number} " + "x" * 8000))
                real_write(write, b".")
                number += 1
        os.close(write)
        _pid, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        print(kernel, len(os.read(read, 4096)), flush=True)
        os.close(read)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_200_times_in_mid_write_nothing_is_lost(tmp_path: Path) -> None:
    """Every answer for which add() had returned is in the file, whatever moment the kernel was killed at."""
    killers = []
    for seed in range(4):
        command = [sys.executable, "-c", textwrap.dedent(KILLER), str(tmp_path / f"{seed}.jsonl"), str(seed)]
        killers.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    for seed, killer in enumerate(killers):
        output, _errors = killer.communicate(timeout=120)
        assert killer.returncode == 0
        Record(tmp_path / f"{seed}.jsonl", "auto")  # repairs what the last kill left
        found = {reply.text.rstrip("x").strip() for reply in Record(tmp_path / f"{seed}.jsonl", "replay").replies()}
        kernels = [tuple(map(int, line.split())) for line in output.splitlines()]
        assert len(kernels) == 50
        # A kernel of mode `record` takes the places of the earlier ones of its kind: the last of them is all there,
        # and so is every kernel of mode `auto`.
        kept = [(kernel, count) for kernel, count in kernels if kernel % 2 == 0 or kernel == 49]
        lost = [
            (kernel, number)
            for kernel, count in kept
            for number in range(count)
            if f"{seed} {kernel} {number}" not in found
        ]
        assert lost == []
    assert list(tmp_path.glob("*.torn")), "no kill fell into a line: this test would show nothing"


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        (b'"id": "a\xffb"', "line 2: This is not a complete answer: Byte 0xff at position"),
        (b'"raw": {"a": "\xc3"}', "line 2: This is not a complete answer: Byte 0xc3 at position"),
        (b'"language": "../../evil"', "line 2: This is not a complete answer: Invalid enum value '../../evil'"),
        (b'"language": "fr"', "line 2: This is not a complete answer: Invalid enum value 'fr'"),
    ],
)
def test_bad_field_is_one_clear_line(path: Path, field: bytes, complaint: str) -> None:
    """One bad byte, or a language that there is not, names file and line when the answer is asked for."""
    record = Record(path, "auto")
    record.add(answer(request("first"), "1"))
    record.add(answer(request("second"), "2"))
    first, second = path.read_bytes().splitlines()
    path.write_bytes(first + b"\n" + second[:-1] + b", " + field + b"}\n")
    strict = Record(path, "replay")
    assert texts(strict, request("first"), 1) == ["1"]
    with pytest.raises(ReplayError) as caught:
        lookup(strict, request("second"))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ReplayError, match="No recorded answer to this request"):
        lookup(strict, request("third"))
