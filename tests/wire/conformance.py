"""The conformance data of public projects that lies beside the project; tests skip where it is not there."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"

needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the conformance data is not beside the checkout")


def read(name: str) -> bytes:
    """The unpacked file, empty where the folder is not there."""
    path = FOLDER / name
    return gzip.decompress(path.read_bytes()) if path.is_file() else b""
