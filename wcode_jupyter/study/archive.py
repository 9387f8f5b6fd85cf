"""Archive of a study from somewhere else, opened without trust: no path outside, no links, no bombs."""

from __future__ import annotations

import hashlib
import lzma
import stat
import zipfile
import zlib
from pathlib import Path

from ..errors import InputError
from ..language import _
from .package import MANIFEST

__all__ = ["unpack"]

_LARGEST = 2 * 2**30
_MOST_FILES = 10_000
_RATIO = 500
"""Text of answers packs well, but not this well."""
_SMALL = 10 * 2**20
_LARGEST_MANIFEST = 4 * 2**20
_BROKEN = (OSError, EOFError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)
"""What zipfile raises for an archive that is none, cut, encrypted, or packed in a way that it does not know."""


def unpack(path: Path, folder: Path) -> None:
    """Unpacks the archive into an empty folder and checks its manifest. Raises InputError: it is not to be trusted."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check(path, members)
            for member in members:
                _write(path, archive, member, folder)
    except _BROKEN as error:
        raise InputError(
            _("{path} is not a readable zip archive: {error}").format(path=path.name, error=error)
        ) from None
    _verify(path, folder)


def _check(path: Path, members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    faults = [name for name in names if not _is_plain(name)]
    faults += [member.filename for member in members if stat.S_ISLNK(member.external_attr >> 16)]
    if faults:
        raise InputError(_("{path} contains an unexpected name: {name}").format(path=path.name, name=repr(faults[0])))
    size = sum(member.file_size for member in members)
    # Of the archive itself: what its directory claims for each member may be the same bytes again and again.
    packed = path.stat().st_size
    if len(members) > _MOST_FILES or size > _LARGEST or (size > _SMALL and size > _RATIO * packed):
        raise InputError(_("{path} is too large when unpacked").format(path=path.name))
    if len({name.casefold() for name in names}) < len(names):
        raise InputError(_("{path} contains a duplicate file").format(path=path.name))


def _is_plain(name: str) -> bool:
    """Whether it is the name of a file in the package's one folder."""
    return bool(name) and name not in (".", "..") and not set(name) & set("/\\:\0") and name.isprintable()


def _write(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    left = member.file_size
    with archive.open(member) as source, (folder / member.filename).open("xb") as target:
        while data := source.read(1 << 20):
            # The size in the archive's directory is only a claim.
            if (left := left - len(data)) < 0:
                raise InputError(_("{path} is too large when unpacked").format(path=path.name))
            target.write(data)


def _verify(path: Path, folder: Path) -> None:
    try:
        with (folder / MANIFEST).open("rb") as manifest:
            lines = manifest.read(_LARGEST_MANIFEST).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(_("{path} is not the package of a study: it has no manifest").format(path=path.name)) from None
    for line in lines:
        digest, _space, name = line.partition("  ")
        file = folder / name
        if not _is_plain(name) or not file.is_file() or _sha256(file) != digest:
            raise InputError(
                _("{path} was changed: {name} is not what the manifest says").format(path=path.name, name=name)
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
