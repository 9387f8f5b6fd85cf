"""How to compile and run the program of each target; what is not installed is said, not guessed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
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
_GUZZLE = Path("/usr/share/php/GuzzleHttp/autoload.php")


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
    # bash and PHP pass on what a server said in another encoding as it came.
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))


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
    if formatter := shutil.which("gofmt"):
        done = subprocess.run([formatter, "-l", str(source)], capture_output=True, timeout=60)
        assert done.stdout + done.stderr == b""
    _build("go", "vet", str(source))
    _build("go", "build", "-o", str(program), str(source))
    return [str(program)]


def _c(source: Path) -> Command:
    program = source.with_suffix("")
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wtrigraphs", "-Werror", "-O1"]
    _build("gcc", *flags, "-D_POSIX_C_SOURCE=200809L", str(source), "-o", str(program), "-lcurl", "-lcjson")
    return [str(program)]


def _c_missing() -> str:
    headers = [name for name in ("curl/curl.h", "cjson/cJSON.h") if not _has_header(name)]
    return ", ".join(filter(None, [_programs("gcc")(), *headers]))


def _has_header(name: str) -> bool:
    return any(
        (Path("/usr/include") / folder / name).exists() for folder in ("", "x86_64-linux-gnu", "aarch64-linux-gnu")
    )


_JARS = ("okhttp.jar", "okio.jar", "gson.jar")


def _java(source: Path) -> Command:
    path = ":".join(str(_JAVA_LIBRARIES / jar) for jar in _JARS)
    # Debian's OkHttp is version 3, where these two arguments stand the other way round.
    text = source.read_text(encoding="utf-8")
    new, old = 'create(BODY, MediaType.get("application/json"))', 'create(MediaType.get("application/json"), BODY)'
    assert new in text
    source.write_text(text.replace(new, old), encoding="utf-8")
    _build("javac", "-encoding", "UTF-8", "-Xlint:all", "-Werror", "-cp", path, "-d", str(source.parent), str(source))
    return ["java", "-cp", f"{path}:{source.parent}", "Ask"]


def _java_missing() -> str:
    jars = [jar for jar in _JARS if not (_JAVA_LIBRARIES / jar).exists()]
    return ", ".join(filter(None, [_programs("javac", "java")(), *jars]))


# PHP gives up after 60 s without a byte where a program sets no limit of its own; here that is 1 s.
_PHP = ("php", "-d", "display_errors=stderr", "-d", "error_reporting=-1", "-d", "default_socket_timeout=1")


def _php_guzzle(source: Path) -> Command:
    autoload = source.parent / "vendor" / "autoload.php"
    autoload.parent.mkdir(exist_ok=True)
    autoload.write_text(f"<?php require '{_GUZZLE}';")
    return [*_PHP, str(source)]


def _rust(source: Path) -> Command:
    """Built with Debian's crates in one folder for all programs, so that the crates are compiled once."""
    project = Path(tempfile.gettempdir()) / "wcode-exporters-rust"
    (project / ".cargo").mkdir(parents=True, exist_ok=True)
    (project / "src").mkdir(exist_ok=True)
    (project / "Cargo.toml").write_text(_CARGO)
    (project / ".cargo" / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "debian"\n[source.debian]\ndirectory = "{_CRATES}"\n'
    )
    shutil.copyfile(source, project / "src" / "main.rs")
    done = subprocess.run(["cargo", "build", "--offline", "--quiet"], cwd=project, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stderr.decode()
    assert b"warning" not in done.stderr, done.stderr.decode()
    program = source.parent / "ask"
    shutil.copy2(project / "target" / "debug" / "ask", program)
    return [str(program)]


_CARGO = """[package]
name = "ask"
version = "0.1.0"
edition = "2021"

[dependencies]
reqwest = "0.11"
serde_json = "1"
tokio = { version = "1", features = ["full"] }
"""


def _rust_missing() -> str:
    crates = "" if list(_CRATES.glob("reqwest-*")) else "Debian's librust-reqwest-dev"
    return ", ".join(filter(None, [_programs("cargo")(), crates]))


def _csharp(source: Path) -> Command:
    """Built with mono, which lacks System.Text.Json: a shim with the few members that the program uses."""
    program = source.with_suffix(".exe")
    libraries = ["-r:System.Net.Http", "-r:System.Web.Extensions"]
    _build("mcs", "-warnaserror", *libraries, f"-out:{program}", str(source), str(_SHIMS / "SystemTextJson.cs"))
    return ["mono", str(program)]


RUNNERS: dict[str, Runner] = {
    "curl": Runner(_programs("bash", "curl", "jq"), _interpreted("bash")),
    "python": Runner(_modules("requests"), _interpreted(sys.executable, "-W", "error")),
    "python-httpx": Runner(_modules("httpx"), _interpreted(sys.executable, "-W", "error")),
    "python-openai": Runner(_modules("openai"), _interpreted(sys.executable), heavy=True),
    "python-anthropic": Runner(_modules("anthropic"), _interpreted(sys.executable), heavy=True),
    "javascript": Runner(_node_package("axios"), _interpreted("node")),
    "typescript": Runner(_node_package("typescript"), _typescript, heavy=True),
    "go": Runner(_programs("go"), _go, heavy=True),
    "ruby": Runner(_programs("ruby"), _interpreted("ruby", "-w")),
    "php": Runner(lambda: _programs("php")() or ("" if _GUZZLE.exists() else "php-guzzlehttp-guzzle"), _php_guzzle),
    "php-curl": Runner(_programs("php"), _interpreted(*_PHP)),
    "c": Runner(_c_missing, _c, heavy=True),
    "java": Runner(_java_missing, _java, heavy=True),
    "rust": Runner(_rust_missing, _rust, heavy=True),
    "csharp": Runner(_programs("mcs", "mono"), _csharp, heavy=True),
}


def source_file(target: str, source: str, folder: Path) -> Path:
    path = folder / TARGETS[target].file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8", newline="\n")
    return path
