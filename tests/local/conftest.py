"""A model file and an engine small enough for unit tests; the child process itself is the real one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wcode_jupyter.local import LocalModel

ENGINE = """
import json, os, pathlib, socket, sys, types

{at_import}

class CommonParams:
    def __init__(self):
        self.model, self.cpuparams = types.SimpleNamespace(), types.SimpleNamespace()

class Server:
    def __init__(self, params):
        {at_start}
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.listening_address = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        said = {{name: list(v) if isinstance(v, set) else v for name, v in vars(params).items()
                if not isinstance(v, types.SimpleNamespace)}}
        said |= {{"path": params.model.path, "n_threads": params.cpuparams.n_threads}}
        seen = {{"params": said, "argv": sys.orig_argv, "environment": dict(os.environ)}}
        pathlib.Path(__file__).with_name("seen.json").write_text(json.dumps(seen))
        print("words on standard output")
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts a stand-in for xllamacpp on the path of this process and of its children; gives its folder."""

    def install(at_start: str = "pass", at_import: str = "pass") -> Path:
        folder = tmp_path / "engine"
        folder.mkdir()
        (folder / "xllamacpp.py").write_text(ENGINE.format(at_start=at_start, at_import=at_import))
        monkeypatch.setenv("PYTHONPATH", str(folder))
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
        return folder

    return install


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    """A file that looks like a model."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF....")
    return path


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalModel]:
    """An embedded model with a cache of its own, stopped at the end."""
    monkeypatch.delenv("WCODE_LOCAL_MODEL", raising=False)
    model = LocalModel(cache_dir=tmp_path / "cache", progress=Stages)
    yield model
    model.stop()


class Stages:
    """A progress that shows nothing."""

    def __init__(self, label: str) -> None:
        self.label = label

    def update(self, share: float) -> None:
        pass

    def close(self) -> None:
        pass
