"""How to compile and run the program of each target; what is not installed is said, not guessed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from wcode_jupyter.export import TARGETS

from .server import KEY

Command = list[str]
_SHIMS = Path(__file__).with_name("shims")
_JAVA_LIBRARIES = Path("/usr/share/java")
_CRATES = Path("/usr/share/cargo/registry")


class Run(Struct, frozen=True):
    """What a program did."""

    code: int
    out: str
    err: str


class Runner(Struct, frozen=True):
    """`missing` names what is not installed, "" when all is there; `build` gives the command for a source file."""

    missing: Callable[[], str]
    build: Callable[[Path], Command]
    environment: Mapping[str, str] = {}
    heavy: bool = False
    """Compiling takes seconds: outside the default run."""


def run(command: Command, runner: Runner, *, key: str = KEY, timeout_s: float = 60) -> Run:
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "NODE_PATH") if name in os.environ}
    environment |= {"LANG": "C.UTF-8", "NO_PROXY": "127.0.0.1", **runner.environment}
    if key:
        environment["WCODE_API_KEY"] = key
    done = subprocess.run(command, env=environment, capture_output=True, timeout=timeout_s, stdin=subprocess.DEVNULL)
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def _build(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout.decode()}{done.stderr.decode()}"


def _programs(*names: str) -> Callable[[], str]:
    return lambda: ", ".join(name for name in names if shutil.which(name) is None)


def _modules(name: str) -> Callable[[], str]:
    return lambda: "" if find_spec(name) else f"the Python package {name}"


def _interpreted(*command: str) -> Callable[[Path], Command]:
    return lambda source: [*command, str(source)]


def _node_package(name: str) -> Callable[[], str]:
    def missing() -> str:
        if without := _programs("node")():
            return without
        found = subprocess.run(["node", "-e", f"require.resolve('{name}')"], capture_output=True).returncode == 0
        return "" if found else f"the npm package {name} (set NODE_PATH)"

    return missing


def _typescript(source: Path) -> Command:
    modules = Path(os.environ["NODE_PATH"])
    compiler = modules / ".bin" / "tsc"
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--typeRoots", str(modules / "@types")]
    _build(str(compiler), *options, "--types", "node", "--outDir", str(source.parent / "js"), str(source))
    return ["node", str(source.parent / "js" / "ask.js")]


def _go(source: Path) -> Command:
    program = source.with_suffix("")
    _build("go", "vet", str(source))
    _build("go", "build", "-o", str(program), str(source))
    return [str(program)]


RUNNERS: dict[str, Runner] = {
    "curl": Runner(_programs("bash", "curl", "jq"), _interpreted("bash")),
    "python": Runner(_modules("requests"), _interpreted(sys.executable, "-W", "error")),
    "python-httpx": Runner(_modules("httpx"), _interpreted(sys.executable, "-W", "error")),
    "python-openai": Runner(_modules("openai"), _interpreted(sys.executable)),
    "python-anthropic": Runner(_modules("anthropic"), _interpreted(sys.executable)),
    "javascript": Runner(_node_package("axios"), _interpreted("node")),
    "typescript": Runner(_node_package("typescript"), _typescript, heavy=True),
    "go": Runner(_programs("go"), _go, heavy=True),
}


def source_file(target: str, source: str, folder: Path) -> Path:
    path = folder / TARGETS[target].file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8", newline="\n")
    return path
