"""The embedded model: a real server on loopback, speaking both protocols, so that a first cell needs no key.

Rules of this folder:
- It is a toy and says so ("demo model"); the user's own GGUF file works the same way.
- The model's file comes once, checked by hash, into the user's cache; nothing else of it is installed.
- The engine runs in a child process (`server`): an interrupt of the kernel does not reach it, and it ends with the
  kernel however the kernel ends.
- It answers only on 127.0.0.1 and only to whoever holds the key of this start.
"""

from __future__ import annotations

from .model import LocalModel
from .progress import FetchProgress, bar

__all__ = ["FetchProgress", "LocalModel", "bar"]
