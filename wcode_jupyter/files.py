"""Files in folders that others may have filled: the one way to write beside a notebook, and to read what is there.

A folder from the network, or one that other users can write, may hold links, pipes and devices under any name. So:

- nothing is written through a link, and nothing but regular files is read or written;
- a file is replaced by a new one under a random name, created exclusively, and a rename;
- an append opens the file itself (`O_NOFOLLOW`) and looks at what was opened, not at what was there before.

Every function but `named` raises OSError, with a translated reason where the file is not what it should be.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from .errors import InputError
from .language import _

__all__ = ["appending", "can_lock", "check", "create", "named", "reading", "replacing", "write", "write_all"]

# Windows has neither: there `check` looks before each opening, and links need a privilege.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe without a reader or writer would wait for one
_BINARY = getattr(os, "O_BINARY", 0)
_NO_INHERIT = getattr(os, "O_CLOEXEC", 0)


def named(word: str | os.PathLike[str]) -> Path:
    """The file that a user names; `~` is a home folder. Raises InputError: that is not the name of a file."""
    with contextlib.suppress(RuntimeError, ValueError):  # ~somebody of whom nobody knows the home; a NUL in a name
        path = Path(word).expanduser()
        if path.name and "\0" not in str(path):
            return path
    raise InputError(_("{name} is not the name of a file").format(name=repr(str(word))))


def check(path: Path) -> None:
    """Raises OSError: something stands at `path` that is not a regular file, a link included."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise _linked(path)
    _check_regular(mode, path)


def _linked(path: Path) -> OSError:
    return OSError(errno.EINVAL, _("it is a link; nothing is written through links"), str(path))


def _check_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _("it is not a regular file"), str(path))


def _open(path: Path, flags: int, mode: int = 0o666) -> int:
    descriptor = os.open(path, flags | _NO_WAIT | _BINARY | _NO_INHERIT, mode)
    try:
        _check_regular(os.fstat(descriptor).st_mode, path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def reading(path: Path) -> BinaryIO:
    """The regular file at `path`, or where a link there leads, open for reading."""
    _check_regular(path.stat().st_mode, path)  # opening a pipe would wait for its other end
    file = path.open("rb")
    try:
        _check_regular(os.fstat(file.fileno()).st_mode, path)
    except BaseException:
        file.close()
        raise
    return file


def appending(path: Path, *, create: bool = True, mode: int = 0o666) -> int:
    """A descriptor that appends to the file itself, which is created where there is none and `create` says so."""
    check(path)
    return _open(path, os.O_RDWR | os.O_APPEND | _NO_FOLLOW | (os.O_CREAT if create else 0), mode)


_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS)
"""What file systems without locks say."""


def can_lock(acquire: Callable[[], object]) -> bool:
    """Calls `acquire`, which takes a lock; False where the file system has none: a second writer is not kept out.

    Raises what `acquire` raises, as where another process holds the lock.
    """
    try:
        acquire()
    except NotImplementedError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all of `data`: the system may take it in parts."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def create(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Writes a new file, whole or not at all. Raises FileExistsError, also for a link that leads nowhere."""
    descriptor = _new(path, mode)
    try:
        write_all(descriptor, data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def write(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Puts `data` in the place of what was there, whole or not at all."""
    with replacing(path, mode=mode) as descriptor:
        write_all(descriptor, data)


@contextlib.contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[int]:
    """The descriptor of a new file, which takes the place of `path` when the block ends without an exception.

    Its permissions are `mode`, else those of the file it replaces, else the user's default.
    """
    check(path)
    temporary = path.with_name(f".wcode-{secrets.token_hex(8)}.tmp")
    descriptor = _new(temporary, 0o666 if mode is None else mode)
    try:
        try:
            yield descriptor
            _give_mode(temporary, path, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _new(path: Path, mode: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY | _NO_INHERIT, mode)


def _give_mode(temporary: Path, path: Path, mode: int | None) -> None:
    if mode is None:
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(path.stat().st_mode)
    if mode is not None:
        temporary.chmod(mode)
