"""Checks what the distributions hold: what they should, and nothing else. Arguments: the wheel and the sdist."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

_NEEDED = {
    "whl": (
        "wcode_jupyter/__init__.py", "wcode_jupyter/py.typed", "wcode_jupyter/catalogue/catalogue.toml",
        "wcode_jupyter/guide/zh_CN/cell.md", "wcode_jupyter/locale/zh_CN/LC_MESSAGES/wcode_jupyter.mo",
        "wcode_jupyter/labextension/package.json", "wcode_jupyter/export/templates/",
    ),
    "gz": ("pyproject.toml", "README.md", "LICENSE", "SECURITY.md", "tests/conftest.py", ".ci/test", "notebooks/"),
}  # fmt: skip
_ROOMS = {
    "whl": ("wcode_jupyter",),
    "gz": ("wcode_jupyter", "notebooks", "tests", ".ci", "pyproject.toml", "PKG-INFO", ".gitignore", "README.md",
           "README.zh-CN.md", "LICENSE", "SECURITY.md", "CITATION.cff"),
}  # fmt: skip
_NEVER = ("__pycache__", ".pyc", ".ipynb_checkpoints", ".sqlite", ".env", ".lock", ".tmp", ".torn", ".pem", ".gguf")


def faults(path: Path) -> list[str]:
    """What is missing and what is too much; a line each."""
    kind = path.name.rpartition(".")[2]
    if kind == "whl":
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
        stem = "-".join(path.name.split("-")[:2])
        inside = [
            name for name in names if not name.startswith((f"{stem}.dist-info/", f"{stem}.data/data/share/jupyter/"))
        ]
    else:
        with tarfile.open(path) as archive:
            members = archive.getmembers()
        names = [member.name.partition("/")[2] for member in members if not member.isdir()]
        inside = names + [f"link {member.name}" for member in members if member.issym() or member.islnk()]
    missing = [f"missing: {name}" for name in _NEEDED[kind] if not any(found.startswith(name) for found in names)]
    foreign = [f"not expected: {name}" for name in inside if name.partition("/")[0] not in _ROOMS[kind]]
    return (
        missing
        + foreign
        + [f"not expected: {name}" for name in names if name.endswith(_NEVER) or "__pycache__" in name]
    )


if __name__ == "__main__":
    found = [f"{Path(name).name}: {fault}" for name in sys.argv[1:] for fault in faults(Path(name))]
    print("\n".join(found) or "the distributions hold what they should, and nothing else")
    sys.exit(bool(found))
